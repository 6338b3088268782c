"""Locks and sleeps that a thread which is stepped through can wait for while others go on.

A real lock would have the thread stand still within it, where nobody knows of it. So `threading.Lock`
and what is built upon it are replaced while threads are stepped through, in every module that has a name
for them; what was made before (a lock of a module or a class) is replaced too. In any other thread
they are what they were.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import sys
import threading
import time
from asyncio import Future
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any

from async_contract.experiments.blocking import replacements
from async_contract.experiments.hands import Crew, Hand, present, settle, wait_for

_new_lock = _thread.allocate_lock
_LOCK, _RLOCK = type(_thread.allocate_lock()), type(threading.RLock())
_sleep = time.sleep


class Lock:
    """A lock for which a thread waits while others are stepped through."""

    def __init__(self) -> None:
        self._lock = _new_lock()
        self._foreign = False  # whether somebody holds it who is not stepped through
        self._crew: Crew | None = None  # of those who have waited for it
        self._waiting: list[Future[bool]] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as Python's
        """Acquire the lock, as a `threading.Lock` is."""
        hand = present()
        if hand is None or not blocking or self._foreign:
            acquired = self._lock.acquire(blocking, timeout)
            self._foreign = acquired and hand is None
            return acquired
        hand.before_lock()
        while not self._lock.acquire(blocking=False):
            if hand.is_among_strangers:
                return self._lock.acquire(timeout=timeout)
            self._crew = hand.crew
            if not hand.stand(partial(self._freed, hand.crew, timeout)):
                return False
        return True

    def release(self) -> None:
        """Release the lock, as a `threading.Lock` is."""
        self._foreign = False
        self._lock.release()
        hand = present()
        if hand is not None:
            hand.crew.freed.append(self.wake_up)
        elif self._crew is not None and self in self._crew.locked_out:
            self._crew.help(self.wake_up)

    def locked(self) -> bool:
        """Whether somebody holds it."""
        return self._lock.locked()

    def _at_fork_reinit(self) -> None:
        self._lock = _new_lock()
        self._waiting.clear()

    async def _freed(self, crew: Crew, seconds: float) -> bool:
        """Wait until it was released; gives whether it was within so many seconds."""
        crew.locked_out.append(self)
        try:
            return await wait_for(self._waiting, seconds)
        finally:
            crew.locked_out.remove(self)

    def wake_up(self) -> None:
        """Tell those who wait for it that it was released."""
        for each in self._waiting:
            settle(each, result=True)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def reentrant() -> Any:
    """An `RLock`: Python's own, as it is written in Python, upon a `Lock` as above."""
    return threading._PyRLock()  # type: ignore[attr-defined]  # noqa: SLF001 - CPython's, for just this


def sleep(seconds: float) -> None:
    """Sleep; the clock of the simulation goes on where a thread is stepped through."""
    hand = present()
    if hand is None:
        _sleep(seconds)
    else:
        hand.stand(partial(asyncio.sleep, seconds))


class _Swaps:
    """What was replaced, and what has to be put back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def put(self, owner: Any, name: str, value: Any) -> None:
        original = getattr(owner, name)
        if isinstance(owner, type):
            original = vars(owner)[name]
        setattr(owner, name, value)
        self._undo.append(partial(setattr, owner, name, original))

    def undo(self) -> None:
        while self._undo:
            self._undo.pop()()


@contextlib.contextmanager
def swapped(classes: Iterable[type] = ()) -> Iterator[None]:
    """Replace Python's locks and `time.sleep` for threads that are stepped through.

    Args:
        classes: The classes of stores: locks that they, and their modules, already have are replaced too.
    """
    swaps = _Swaps()
    try:
        _swap_names(swaps)
        _swap_locks(swaps, classes)
        yield
    finally:
        swaps.undo()


def _swap_names(swaps: _Swaps) -> None:
    by_id = {
        id(_thread.allocate_lock): Lock, id(threading.Lock): Lock, id(threading.RLock): reentrant,
        id(_RLOCK): reentrant, id(time.sleep): sleep,
    } | replacements()  # fmt: skip
    mine = {_thread.__name__, __name__, Hand.__module__, replacements.__module__}
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", None) in mine:
            continue
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if id(value) in by_id:
                swaps.put(module, name, by_id[id(value)])


def _swap_locks(swaps: _Swaps, classes: Iterable[type]) -> None:
    """Replace the locks that modules and classes of the store have by now."""
    ancestors = dict.fromkeys(each for cls in classes for each in cls.__mro__ if each is not object)
    modules = dict.fromkeys(sys.modules.get(each.__module__) for each in ancestors)
    for owner in (*ancestors, *modules):
        for name, value in list(getattr(owner, "__dict__", {}).items()):
            if isinstance(value, (_LOCK, _RLOCK)):
                swaps.put(owner, name, Lock() if isinstance(value, _LOCK) else reentrant())
