"""A time limit for code that may hang anywhere: in an await, in a lock, in a loop."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import traceback
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from weakref import WeakSet

from async_contract.history.places import called_by_us, users_place

_SOON = 1e-4

_DEAF = frozenset({weakref.__file__, WeakSet.add.__code__.co_filename})
"""Where an error would get lost: Python only warns of what the callback of a weak reference raises."""


class TimeLimitExceeded(BaseException):
    """The time is up. Says where the code was; no `Exception`, so that a store can't swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitExceeded` in the body when the time is up.

    It works in the main thread of a system that has interval timers. Elsewhere only what can be
    cancelled is limited, by the time limit of a single call. Of one limit within another the outer one
    goes on, and strikes at the end of the inner one if its time is up by then.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(signum: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename in _DEAF:
            signal.setitimer(signal.ITIMER_REAL, _SOON)
            return
        # Again and again, should the body survive the first one (a store that swallows everything).
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        raise TimeLimitExceeded(_where(frame))

    before, began = signal.signal(signal.SIGALRM, stop), time.monotonic()
    remaining, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if remaining:
            signal.setitimer(signal.ITIMER_REAL, max(remaining - (time.monotonic() - began), _SOON))


def _where(frame: FrameType | None) -> str:
    """The lines in which the code stood: that of the running call, and of the tasks that wait."""
    stacks = [called_by_us(traceback.extract_stack(frame))]
    try:
        tasks = asyncio.all_tasks(asyncio.get_running_loop()) - {asyncio.current_task()}
    except RuntimeError:
        tasks = set()
    for task in tasks:
        stack = task.get_stack()
        stacks.append(traceback.StackSummary.extract((each, each.f_lineno) for each in stack))
    return "; ".join(dict.fromkeys(filter(None, map(users_place, stacks))))
