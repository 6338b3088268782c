"""Ending in good order when somebody asks this process to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

_USUAL = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}


@contextmanager
def in_good_order() -> Iterator[None]:
    """Have SIGTERM and Ctrl-C end the run at once, and leave nothing behind; unless they mean something else.

    Left to itself, an `asyncio.Runner` makes of the first Ctrl-C a cancellation of its task. That would look
    like one of the store's calls being cancelled, and the run would go on.
    """
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number, usual in _USUAL.items():
                if signal.getsignal(number) is usual:
                    stack.callback(signal.signal, number, usual)
                    signal.signal(number, _interrupt)
        yield


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(signum).name)
