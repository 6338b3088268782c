"""Threads that go line by line: each stands still before a line of the store until it is told to go on.

A task of a simulated loop makes its calls in such a thread. Each line of the store is then a step of
the task, so that whoever says which task goes next also says which thread does, and everything that is
known of tasks (their schedules, how to repeat them, that nobody can go on) is known of threads too.

At each instant one thread runs: either the loop's, or the one that the loop waits for.
"""

from __future__ import annotations

import _thread
import asyncio
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeVar

from async_contract.experiments.fence import LeftTheLoop
from async_contract.history.awaiting import begin

STALLED = 0.02
"""Seconds after which a thread that does not come to its next line counts as one that waits for another."""

PATIENCE = 5.0
"""Seconds after which it is not waited for any longer."""

_MOMENT = 1e-6  # of virtual time, between two looks at a thread that waits for another
_T = TypeVar("_T")
_new_lock = _thread.allocate_lock  # whatever becomes of it later

Wait = Callable[[], Awaitable[Any]]
"""What a thread waits for, as the loop sees it."""


class CantBeStepped(LeftTheLoop):
    """The store does what nobody can step through."""

    def __init__(self, reason: str) -> None:
        BaseException.__init__(self, reason)


class _Killed(BaseException):
    """Ends a call that nobody waits for any more."""


class Hand:
    """A thread that makes the calls of one worker.

    Attributes:
        crew: Which it belongs to.
    """

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self._go = _taken()
        self._back = _taken()
        self._function: Callable[[], Any] | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._wait: Wait | None = None
        self._answer: Any = None
        self._standing = self._stalled = self._killed = self._ended = False
        self._line: FrameType | None = None
        self._traced = False
        self._thread = threading.Thread(target=self._live, name="async-contract-hand", daemon=True)
        self._thread.start()

    # -- in the loop's thread -----------------------------------------------------------------------

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in this thread; coroutines that never really wait are awaited there too.

        Raises:
            CantBeStepped: It stands still for another reason than that it waits for another thread.
        """
        if self._function is not None:
            raise CantBeStepped(f"a call has not come back after {PATIENCE:g} s")
        self._function = partial(_settled, function, arguments)
        try:
            await self._turn()
            while self._standing:
                await self._until_it_can_go()
                await self._turn()
        except BaseException:
            self._kill()
            raise
        error, result = self._error, self._result
        self._function = self._error = self._result = None
        if error is not None:
            try:
                raise error
            finally:
                del error  # which has this frame in its traceback
        return result

    async def _until_it_can_go(self) -> None:
        wait, self._wait = self._wait, None
        if wait is None:
            self.crew.note_place(self._line)
            await asyncio.sleep(0)
        else:
            self._answer = await wait()

    async def _turn(self) -> None:
        """Let the thread go on until it stands still again, or has come to the end of its call."""
        self._standing = False
        self._go.release()
        if not self._back.acquire(timeout=STALLED):
            self._stalled = True
            await self._come_back()
            self._stalled = False
        self.crew.wake_up()

    async def _come_back(self) -> None:
        """Let others go on meanwhile; whatever this one waits for outside of Python is theirs to end."""
        self.crew.stalls += 1
        end = time.monotonic() + PATIENCE
        while not self._back.acquire(timeout=STALLED / 10):
            if time.monotonic() > end:
                raise CantBeStepped(
                    f"a call has not come back after {PATIENCE:g} s, though every other worker went on "
                    "as far as it could"
                )
            await asyncio.sleep(_MOMENT)
            self.crew.wake_up()

    def _kill(self) -> None:
        """End the call that is under way, unless it is where nobody can reach it."""
        self._killed = reached = True
        while self._standing:
            self._standing = False
            self._go.release()
            reached = self._back.acquire(timeout=PATIENCE)
        if reached and not self._stalled:
            self._killed = False
            self._function = self._error = None

    def end(self) -> None:
        """Let the thread end."""
        self._ended = True
        if self._function is None:
            self._go.release()
            self._thread.join(PATIENCE)

    # -- in the thread itself -----------------------------------------------------------------------

    def _live(self) -> None:
        _HERE.hand = self
        self._go.acquire()
        while not self._ended and self._function is not None:
            self._carry_out(self._function)
            self._back.release()
            if not self._ended:
                self._go.acquire()

    def _carry_out(self, function: Callable[[], Any]) -> None:
        if self.crew.stepping and not self._traced:
            # For good: each change makes Python prepare all of its code anew.
            self._traced = True
            sys.settrace(self.trace)
        try:
            self._result = function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
            self._error = error

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        """Follow a function line by line if it is the store's."""
        return self.trace_line if self.crew.stepping and is_stores(frame.f_code) else None

    def trace_line(self, frame: FrameType, event: str, argument: object) -> Any:
        """Stand still before a line."""
        if event == "line":
            self._line = frame
            self.stand()
        return self.trace_line

    def stand(self, wait: Wait | None = None) -> Any:
        """Stand still until it is this thread's turn again.

        Args:
            wait: What has to be waited for before; none: the next line can be carried out at once.

        Returns:
            What came of the wait.
        """
        if self._killed:
            raise _Killed
        self._wait = wait
        self._standing = True
        self._back.release()
        self._go.acquire()
        if self._killed:
            raise _Killed
        return self._answer


class Crew:
    """The threads of all workers of one run.

    Attributes:
        stepping: Whether they stand still before each line now.
        stalls: How often one had to be waited for that did not come to its next line.
        places: By task and step: the line that the step is.
        hands: The threads, by the number of their worker.
    """

    def __init__(self, workers: int) -> None:
        self.stepping = False
        self.stalls = 0
        self.places: dict[tuple[int, int], tuple[str, int, str]] = {}
        self.freed: deque[Callable[[], None]] = deque()
        self._others = set(threading.enumerate())
        self.hands = {number: Hand(self) for number in range(1, max(workers, 1) + 1)}
        self._others.update(threading.enumerate())

    def wake_up(self) -> None:
        """Tell those who wait for a lock that was released."""
        while self.freed:
            self.freed.popleft()()

    def note_place(self, frame: FrameType | None) -> None:
        """Note before which line the present task stands still."""
        if frame is None:
            return  # a lock that is asked for before the first line of the store
        loop: Any = asyncio.get_running_loop()
        code = frame.f_code
        self.places[loop.next_step()] = (code.co_filename, frame.f_lineno, code.co_name)

    def has_company(self) -> bool:
        """Whether threads have come up that nobody here has a say in."""
        return not self._others.issuperset(threading.enumerate())

    def end(self) -> None:
        """End every thread that can be ended."""
        for hand in self.hands.values():
            hand.end()


class _Here(threading.local):
    hand: Hand | None = None


_HERE = _Here()

HAND: ContextVar[Hand] = ContextVar("HAND")
"""The thread that makes the calls of the present task."""


def present() -> Hand | None:
    """The hand whose thread this is, if it is one's."""
    return _HERE.hand


def _taken() -> _thread.LockType:
    lock = _new_lock()
    lock.acquire()
    return lock


def _settled(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a function; if what it returns is awaitable, await that without a loop.

    Raises:
        CantBeStepped: It waits.
    """
    result = function(*arguments)
    return without_loop(result) if hasattr(result, "__await__") else result


def without_loop(awaitable: Awaitable[_T] | Coroutine[Any, Any, _T]) -> _T:
    """The result of what never waits.

    Raises:
        CantBeStepped: It waits.
    """
    steps = begin(awaitable)
    try:
        next(steps)
    except StopIteration as done:
        result: _T = done.value
        return result
    steps.close()
    raise CantBeStepped("it is asynchronous in part, and can't be stepped through line by line")


_TOOLKIT = Path(__file__).parent.parent
_OURS = tuple(f"{_TOOLKIT / name}" for name in ("experiments", "harness", "history", "judge"))
_LIBRARY = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_PACKAGES = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})


def is_stores(code: CodeType) -> bool:
    """Whether a function is the store's: neither Python's own nor the toolkit's."""
    return _is_stores(code.co_filename)


@cache
def _is_stores(file: str) -> bool:
    if file.startswith(("<", *_OURS)):
        return False
    return file.startswith(_PACKAGES) or not file.startswith(_LIBRARY)
