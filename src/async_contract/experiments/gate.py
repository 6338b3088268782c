"""A gate before the calls of a driver: one is under way at a time, and a chooser says whose comes next.

A store on a database waits for threads and sockets, which no loop of ours can order. But its workers meet in
the database, statement by statement, and there they can be ordered: each stops before every call of its
driver until all others stand still, too.

What is under way may have to wait for a worker that stands at the gate, for a lock of a row, say. Where that
is seen (a lock of asyncio's, SQLite's wait for another connection) the others go on, and the order stays what
the schedule says. Elsewhere they go on after a moment, and the run is not controlled any more.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from asyncio import Future, Task
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from types import GeneratorType
from typing import Any, NamedTuple, TypeVarTuple

from async_contract.experiments.choosers import TIME, Chooser, OwnOrder, Trace
from async_contract.experiments.ready import Clock

LEAST, MOST = 0.02, 0.5
"""The least and the most seconds that a call may take before the others go on without it."""

EXTENDED = 2.0
"""Seconds that it may take in a repetition: a slow machine must not make another order of it."""

FIRST = "its first call"
"""What a worker does at its first step: nothing yet."""

_TIMES = 10  # as long as the calls before it took
_MOST_LATE = 20  # so often in a row all get a moment more
_TEXT = 70  # characters of a statement that are told
_Ts = TypeVarTuple("_Ts")


class Grace:
    """How long a call may take before it counts as one that waits for another worker: measured, not guessed.

    Args:
        least: Seconds that it has in any case.
        most: Seconds that it has at the most.
    """

    def __init__(self, least: float = LEAST, most: float = MOST) -> None:
        self._least = least
        self._most = most
        self._typical = 0.0

    def took(self, seconds: float) -> None:
        """Take note of how long a call took that had to wait for nobody."""
        self._typical = max(seconds, 0.9 * self._typical)

    @contextmanager
    def extended(self) -> Iterator[None]:
        """Give calls far more time, where few are made and it matters who had to wait for whom."""
        before = self._least, self._most
        self._least = self._most = EXTENDED
        try:
            yield
        finally:
            self._least, self._most = before

    @property
    def seconds(self) -> float:
        """Ten times what calls took, of late."""
        return min(max(self._least, _TIMES * self._typical), self._most)


class At(NamedTuple):
    """Who is at work: a worker that has to stop at a gate."""

    gate: Gate
    worker: int


AT: ContextVar[At | None] = ContextVar("AT", default=None)
"""The worker that the present task works for; none inside of a call that has passed the gate."""

_thread = threading.local()


class DriverCall:
    """One call of a driver: at the gate, under way, or waiting for another worker.

    Attributes:
        worker: Whose call it is.
        what: What it does, in a few words.
        turn: Done when it may go on.
        came: After how many turns it came to the gate.
        began: When it went on.
        seen: How many calls had ended when it was found to wait for another one; -1 if it was not.
        in_a_thread: Whether a thread works for it, so that it is known when it is over.
        line: Of the calls with the same one, such as a connection with a thread of its own, each is begun
            when those before it have ended; none if it is begun at once.
    """

    def __init__(
        self, gate: Gate, worker: int, what: str, loop: asyncio.AbstractEventLoop, line: object = None
    ) -> None:
        self.worker = worker
        self.what = what
        self.line = line
        self.turn: Future[None] = loop.create_future()
        self.came = 0
        self.began = 0.0
        self.seen = -1
        self.in_a_thread = False
        self._gate = gate
        self._loop = loop
        self._parts = 1  # the coroutine, and the function that a thread calls for it
        self._patient = True
        self._again = threading.Semaphore(0)

    def in_thread(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that a thread will call, as a part of this call: it lasts as long as that does."""
        self._parts += 1
        self.in_a_thread = True

        def called(*arguments: Any, **options: Any) -> Any:
            _thread.call = self
            try:
                return function(*arguments, **options)
            finally:
                _thread.call = None
                with suppress(RuntimeError):  # nobody waits for it any more, not even the loop
                    self._loop.call_soon_threadsafe(self.end_part)

        return called

    def end_part(self) -> None:
        """Let a part of the call be over; with the last one it all is."""
        self._parts -= 1
        if not self._parts:
            self._gate.over(self)

    def __str__(self) -> str:
        return f"{self.what} of worker {self.worker}"

    def stand(self) -> bool:
        """In its thread: wait until another call has ended; false if there is nothing to wait for."""
        self._loop.call_soon_threadsafe(self._gate.stands, self)
        self._again.acquire()
        return self._patient

    def retry(self, *, patient: bool) -> None:
        """Have its thread go on."""
        self._patient = patient
        self._again.release()


def call_of_thread() -> DriverCall | None:
    """The call that the present thread works for; none if nobody orders it."""
    found: DriverCall | None = getattr(_thread, "call", None)
    return found


class Gate:
    """Keeps workers before the calls of their drivers, and lets one at a time go on.

    Attributes:
        steps: How often each worker passed, by number.
        places: What each worker did at each of its steps.
        passed: How many calls of drivers there were.
        loose: Why the order is not controlled (any more); empty if it is.
        failure: What the chooser raised.
    """

    def __init__(self, chooser: Chooser, clock: Clock, grace: Grace, workers: int) -> None:
        self._chooser = chooser
        self._clock = clock
        self._grace = grace
        self.steps = [0] * (workers + 1)
        self.places: dict[tuple[int, int], str] = {}
        self.passed = 0
        self.loose = ""
        self.failure: Exception | None = None
        self._turns: list[int] = []
        self._picks: list[int] = []
        self._alternatives: list[int] = []
        self._tasks: dict[int, Task[Any]] = {}
        self._excused: set[int] = set()  # who is not waited for: they wait for what nobody knows
        self._waiting: list[DriverCall] = []
        self._sleeping: list[tuple[int, int, int, Future[None]]] = []  # until when, place, who
        self._under_way: DriverCall | None = None
        self._standing: list[DriverCall] = []  # in their threads, until another call has changed something
        self._slow: list[DriverCall] = []  # of which nobody knows what they wait for
        self._in_line: list[DriverCall] = []  # behind one of these, which stands
        self._changes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._starved = 0
        self._is_open = True
        self._quiet: Future[None] | None = None

    @property
    def trace(self) -> Trace:
        """What was chosen."""
        return Trace(tuple(self._turns), tuple(self._picks), tuple(self._alternatives))

    @property
    def order(self) -> list[str]:
        """What was done in which order, in words."""
        made = [0] * len(self.steps)
        told = []
        for number in self._turns:
            if number == TIME:
                told.append("time passes")
                continue
            made[number] += 1
            what = self.places[number, made[number]]
            if what != FIRST:
                told.append(f"worker {number}: {what}")
        return told

    # -- for the workers --------------------------------------------------------------------------

    @contextmanager
    def open(self, loop: GateLoop) -> Iterator[None]:
        """Let workers go on as soon as nothing is left to do on the loop."""
        loop.when_idle = self._idle
        try:
            yield
        finally:
            loop.when_idle = None
            self._is_open = False
            self._moved()
            for call in self._waiting:
                call.turn.set_result(None)
            self._waiting.clear()
            while self._sleeping:
                self._sleeping.pop()[3].set_result(None)
            while self._standing:
                self._standing.pop().retry(patient=False)

    @contextmanager
    def worker(self, number: int) -> Iterator[None]:
        """Have the present task do the work of a worker."""
        task = asyncio.current_task()
        assert task is not None, "a worker is a task"
        self._tasks[number] = task
        AT.set(At(self, number))
        try:
            yield
        finally:
            del self._tasks[number]
            self._moved(number)

    async def quiet(self) -> None:
        """Wait until what workers have left behind has ended too: a call that goes on without its caller."""
        self._quiet = asyncio.get_running_loop().create_future()
        await self._quiet

    async def begin(self, number: int) -> None:
        """Stop a worker before its first call."""
        call = DriverCall(self, number, FIRST, asyncio.get_running_loop())
        await self._turn(call)
        call.end_part()

    async def through(
        self,
        worker: int,
        what: str,
        make: Callable[[DriverCall], Awaitable[Any]],
        line: object = None,
    ) -> Any:
        """Make a call of a driver when it is the worker's turn.

        Args:
            worker: Whose call it is.
            what: What it does, in a few words.
            make: Makes it.
            line: See `DriverCall`.
        """
        call = DriverCall(self, worker, what, asyncio.get_running_loop(), line)
        await self._turn(call)
        self.passed += 1
        token = AT.set(None)
        try:
            return await make(call)
        except asyncio.CancelledError:
            if not call.in_a_thread:
                self._loosen(f"{call} was cancelled while it was under way")
            raise
        finally:
            AT.reset(token)
            call.end_part()

    async def sleep(self, worker: int, seconds: float) -> None:
        """Have a worker sleep until the chooser has let so much time pass."""
        if not self._is_open:
            return
        until = self._clock.now_ns() + round(seconds * 1_000_000_000)
        future: Future[None] = asyncio.get_running_loop().create_future()
        entry = (until, len(self._turns), worker, future)
        self._moved(worker)
        self._sleeping.append(entry)
        try:
            await future
        finally:
            if entry in self._sleeping:
                self._sleeping.remove(entry)

    # -- for their calls --------------------------------------------------------------------------

    async def _turn(self, call: DriverCall) -> None:
        if not self._is_open:
            return  # what goes on without its worker
        self._moved(call.worker)
        call.came = len(self._turns)
        self._waiting.append(call)
        try:
            await call.turn
        except asyncio.CancelledError:
            if call in self._waiting:
                self._waiting.remove(call)
            else:
                call.end_part()  # it was told to go on at the same instant
            raise

    def over(self, call: DriverCall) -> None:
        """A call has ended: something may have changed for those that wait for others."""
        self._changes += 1
        self._moved()
        if call is self._under_way:
            self._under_way = None
            if call.seen < 0:
                self._grace.took(time.monotonic() - call.began)
        for calls in (self._standing, self._slow, self._in_line):
            if call in calls:
                calls.remove(call)
        if call.line is not None and self._under_way is None:
            following = [each for each in self._in_line if each.line is call.line]
            self._in_line = [each for each in self._in_line if each not in following[:1]]
            self._under_way = following[0] if following else None

    def stands(self, call: DriverCall) -> None:
        """A call waits for another one: the others go on until something has changed."""
        self._moved()
        call.seen = self._changes
        if not self._is_open:
            call.retry(patient=False)
            return
        if call is self._under_way:
            self._under_way = None
        else:
            self._slow.remove(call)
        self._standing.append(call)

    def _moved(self, worker: int | None = None) -> None:
        """Somebody has moved: whoever is waited for has all the time again."""
        self._starved = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if worker is not None:
            self._excused.discard(worker)

    def _loosen(self, reason: str) -> None:
        self.loose = self.loose or reason

    # -- whose turn it is -------------------------------------------------------------------------

    def _idle(self) -> None:
        """Nothing is left to do on the loop: wait for whoever is on the way, or let one go on."""
        if self._timer is not None:
            return
        if self._under_way is not None or self._astray():
            self._wait_a_moment()
        else:
            self._go_on()

    def _wait_a_moment(self) -> None:
        loop = asyncio.get_running_loop()
        self._until = loop.time() + self._grace.seconds
        self._timer = loop.call_at(self._until, self._overdue)

    def _astray(self) -> list[int]:
        """Who is neither at the gate nor known to wait for another worker, and not excused."""
        known = {each.worker for each in (*self._waiting, *self._standing, *self._in_line, *self._slow)}
        known |= {number for _, _, number, _ in self._sleeping} | self._excused
        return [
            number
            for number, task in self._tasks.items()
            if number not in known and not _waits_for_another(task)
        ]

    def _overdue(self) -> None:
        """Go on without those who don't come; if even this comes late, the machine has no time for them."""
        self._timer = None
        late = asyncio.get_running_loop().time() - self._until
        if late > self._grace.seconds / 4 and self._starved < _MOST_LATE:
            self._starved += 1
            self._wait_a_moment()
            return
        call = self._under_way
        if call is not None:
            self._loosen(f"{call} did not return while all others stood still")
            call.seen = self._changes
            self._slow.append(call)
            self._under_way = None
        else:
            astray = self._astray()
            self._loosen(f"worker {astray[0]} waited for something that is no call of a driver")
            self._excused.update(astray)
        self._go_on()

    def _go_on(self) -> None:
        waits = next((each for each in self._standing if each.seen < self._changes), None)
        if waits is not None:
            self._retry(waits, patient=True)
            return
        first: dict[int, DriverCall] = {}
        # Who came since the latest turn came by ways of their own: nobody ordered those, so their numbers do.
        for each in sorted(self._waiting, key=lambda call: (call.came, call.worker)):
            first.setdefault(each.worker, each)
        ready = [*first, TIME] if self._sleeping else [*first]
        if ready:
            chosen = self._chosen(ready)
            self._turns.append(chosen)
            if chosen == TIME:
                self._let_time_pass()
            else:
                self._let_go(first[chosen])
        elif self._standing and not (self._slow or self._excused):
            self._retry(self._standing[0], patient=False)
        elif not self._tasks and self._quiet is not None and not self._quiet.done():
            self._quiet.set_result(None)

    def _chosen(self, ready: list[int]) -> int:
        if len(ready) == 1:
            return ready[0]
        try:
            pick = self._chooser.choose(ready, self.steps, len(self._turns))
        except Exception as error:  # noqa: BLE001 - not here, where only the loop would hear of it
            self.failure = self.failure or error
            self._chooser = OwnOrder()
            pick = 0
        self._picks.append(pick)
        self._alternatives.append(len(ready))
        return ready[pick]

    def _let_go(self, call: DriverCall) -> None:
        self._waiting.remove(call)
        self.steps[call.worker] += 1
        self.places[call.worker, self.steps[call.worker]] = call.what
        call.began = time.monotonic()
        call.turn.set_result(None)
        if call.line is not None and any(
            each.line is call.line for each in (*self._standing, *self._in_line)
        ):
            call.seen = self._changes
            self._in_line.append(call)
        else:
            self._under_way = call

    def _retry(self, call: DriverCall, *, patient: bool) -> None:
        self._standing.remove(call)
        self._under_way = call
        call.retry(patient=patient)

    def _let_time_pass(self) -> None:
        until = max(min(self._sleeping)[0], self._clock.now_ns())
        self._clock.advance_to(until)
        for each in sorted(self._sleeping):
            if each[0] <= until:
                self._sleeping.remove(each)
                each[3].set_result(None)


class _Inner(Future[Any]):
    """What a lock or a queue of asyncio's waits for: another task."""


def _waits_for_another(task: Task[Any]) -> bool:
    """Whether a task waits for a lock, an event or a queue of asyncio's: nothing comes from outside."""
    waits_for: Any = task
    while isinstance(waits_for, Task):
        waits_for = waits_for._fut_waiter  # type: ignore[attr-defined]  # noqa: SLF001 - nobody else tells
    return isinstance(waits_for, _Inner)


_PRIMITIVES = ("asyncio.locks", "asyncio.queues")


class GateLoop(asyncio.SelectorEventLoop):
    """A real event loop that says when nothing is left to do on it but to wait.

    Attributes:
        when_idle: Is called then, each time.
    """

    _ready: deque[Any]  # the type stubs leave it out

    def __init__(self) -> None:
        super().__init__()
        self.when_idle: Callable[[], None] | None = None

    def _run_once(self) -> None:
        if not self._ready and self.when_idle is not None:
            self.when_idle()
        super()._run_once()  # type: ignore[misc]

    def create_future(self) -> Future[Any]:
        """Make a future; one of asyncio's own locks and queues is told apart."""
        caller = sys._getframe(1).f_globals["__name__"]  # noqa: SLF001 - a traceback would take too long
        return _Inner(loop=self) if caller in _PRIMITIVES else super().create_future()

    def run_in_executor(self, executor: Any, func: Callable[[*_Ts], Any], *args: *_Ts) -> Any:
        """Call a function in a thread; for a worker, that is a call of a driver."""
        at = AT.get()
        if at is None:
            return super().run_in_executor(executor, func, *args)

        def make(call: DriverCall) -> Awaitable[Any]:
            return super(GateLoop, self).run_in_executor(executor, partial(call.in_thread(func), *args))

        return self.create_task(at.gate.through(at.worker, described("a thread", (func, *args)), make))


def described(name: str, arguments: tuple[Any, ...]) -> str:
    """What a call does: its statement, if it has one, or the name of what it calls."""
    flat = [part for each in arguments for part in _parts(each)]
    texts = [each for each in flat if isinstance(each, str)]
    names = [each.__name__ for each in flat if callable(each) and hasattr(each, "__name__")]
    names += [each.__qualname__ for each in flat if isinstance(each, GeneratorType)]  # of a driver's steps
    text = " ".join((texts or names[-1:] or [name])[0].split())
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"


def _parts(argument: Any) -> tuple[Any, ...]:
    return (argument.func, *argument.args) if isinstance(argument, partial) else (argument,)
