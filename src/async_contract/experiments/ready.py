"""What is ready on an event loop in virtual time: the steps of tasks, apart from callbacks, and timers."""

from __future__ import annotations

import asyncio
import heapq
import threading
from asyncio import Handle, Task, TimerHandle, _set_running_loop
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol, TypeVarTuple
from weakref import WeakSet

from async_contract.experiments.fence import Fence, fenced

NEVER = 1e9
"""Seconds (thirty years) from which on a timer stands for "never", and does not fire."""

_SECOND = 1_000_000_000
_METHODS_OF_TASKS = frozenset(name for name in dir(Task) if not name.startswith("_"))

_Step = tuple[int, Callable[..., object], tuple[Any, ...], Context]
_Ts = TypeVarTuple("_Ts")


class Clock(Protocol):
    """A clock that a loop puts forward. A virtual sandbox is one."""

    def now_ns(self) -> int:
        """The instant, in nanoseconds."""

    def advance_to(self, instant: int) -> None:
        """Put the clock forward to an instant, in nanoseconds."""


class VirtualClock:
    """A clock that starts at 0."""

    def __init__(self) -> None:
        self._now = 0

    def now_ns(self) -> int:
        """The instant, in nanoseconds."""
        return self._now

    def advance_to(self, instant: int) -> None:
        """Put the clock forward."""
        self._now = instant


@fenced
class ReadyLoop(asyncio.BaseEventLoop):
    """The part of a simulated loop that takes in what is to be done.

    What can't be simulated raises `LeftTheLoop` at the call. `run_in_executor` makes one more task,
    which calls the function in one step, whatever the executor.

    Attributes:
        clock: Whose time the loop keeps.
        fence: Knows whether something left the loop.
    """

    # What the base class has, and its type stubs leave out.
    _closed: bool
    _check_closed: Callable[[], None]
    _asyncgens: WeakSet[Any]
    _asyncgen_firstiter_hook: Callable[[Any], None]
    _asyncgen_finalizer_hook: Callable[[Any], None]
    _thread_id: int | None
    # What it has as well, with another content: everything has its place in the order of what came.
    _ready: deque[tuple[int, Handle]]  # callbacks
    _scheduled: list[tuple[int, int, TimerHandle]]  # timers, the next one first: instant, place

    def __init__(self, clock: Clock | None) -> None:
        super().__init__()
        # What the debug mode looks for, slow callbacks and other threads, is not to be found here.
        self.set_debug(False)
        self.clock = VirtualClock() if clock is None else clock
        self.fence = Fence()
        self._places = 0
        self._numbers: dict[Task[Any], int] = {}
        self._runnable: list[int] = []  # the numbers of the tasks that are ready, and ...
        self._next: list[_Step] = []  # ... what each of them does next
        self._steps: list[int] = []  # how many steps each task has made, by number

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> Any:
        """Run a callback after everything that is ready; the step of a task may come later."""
        if self._closed:
            self._check_closed()
        self._places = place = self._places + 1
        owner = getattr(callback, "__self__", None)
        if (
            isinstance(owner, Task)
            and context is not None
            # `task.cancel` is bound to a task as well, but is no step of it.
            and getattr(callback, "__name__", None) not in _METHODS_OF_TASKS
        ):
            number = self._numbers.get(owner)
            self._runnable.append(self._number(owner) if number is None else number)
            self._next.append((place, callback, args, context))
            return None  # tasks keep no handle
        handle = Handle(callback, args, self, context)
        self._ready.append((place, handle))
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> Any:
        """The same as `call_soon`; another thread may not call it."""
        if self._thread_id not in (None, threading.get_ident()):
            self.fence.leave("loop.call_soon_threadsafe")
        return self.call_soon(callback, *args, context=context)

    def create_task(self, coro: Any, **options: Any) -> Any:
        """Make a task, with the next number."""
        task = super().create_task(coro, **options)
        self._number(task)  # one that was begun eagerly may wait by now without having been ready
        return task

    def _number(self, task: Task[Any]) -> int:
        number = self._numbers.get(task)
        if number is None:
            number = self._numbers[task] = len(self._steps)
            self._steps.append(0)
        return number

    def next_step(self) -> tuple[int, int]:
        """The number of the present task, and that of the step which it makes next, from 1."""
        task = asyncio.current_task(self)
        assert task is not None, "only a task makes steps"
        number = self._numbers[task]
        return number, self._steps[number] + 1

    def is_idle(self) -> bool:
        """Whether nothing is ready but the present step."""
        return not (self._next or self._ready)

    def run_in_executor(self, executor: object, func: Callable[[*_Ts], Any], *args: *_Ts) -> Any:
        """Make one more task, which calls the function."""
        self._check_closed()
        return Task(self._called(func, args), loop=self)  # never begun eagerly: a thread takes its time

    async def _called(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        _set_running_loop(None)  # no loop is running in the thread that this stands for
        try:
            return function(*arguments)
        finally:
            _set_running_loop(self)

    # -- time -------------------------------------------------------------------------------------

    def time(self) -> float:
        """The virtual time, in seconds."""
        return self.clock.now_ns() / _SECOND

    def call_later(
        self, delay: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> TimerHandle:
        """Run a callback when so many seconds have passed."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> TimerHandle:
        """Run a callback at an instant, after those of the same instant that were asked for before."""
        self._check_closed()
        timer = TimerHandle(when, callback, args, self, context)
        if when - self.time() < NEVER:
            self._places += 1
            heapq.heappush(self._scheduled, (_instant(when), self._places, timer))
        return timer

    def _timer_waits(self) -> bool:
        timers = self._scheduled
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        return bool(timers)

    def _pass_time(self) -> None:
        """Put the clock forward to the next timer."""
        instant = self._scheduled[0][0]
        if instant > self.clock.now_ns():
            self.clock.advance_to(instant)
        self._fire()

    def _fire(self) -> None:
        """Make ready what is due."""
        now, timers = self.clock.now_ns(), self._scheduled
        while timers and timers[0][0] <= now:
            self._places += 1
            self._ready.append((self._places, heapq.heappop(timers)[2]))


def _instant(seconds: float) -> int:
    """In nanoseconds, and never too early, or somebody who sleeps until then would never arrive."""
    instant = round(seconds * _SECOND)
    return instant if instant / _SECOND >= seconds else instant + 1
