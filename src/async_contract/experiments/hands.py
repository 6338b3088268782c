"""Threads that go line by line: each stands still before a line of the store until it is told to go on.

A task of a simulated loop makes its calls in such a thread. Each line of the store is then a step of
the task, so that whoever says which task goes next also says which thread does, and everything that is
known of tasks (their schedules, how to repeat them, that nobody can go on) is known of threads too.

At each instant one thread runs: either the loop's, or the one that the loop waits for.
"""

from __future__ import annotations

import _thread
import asyncio
import linecache
import sys
import sysconfig
import threading
import time
from asyncio import Future
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NoReturn, Protocol, TypeVar

from async_contract.experiments.fence import LeftTheLoop
from async_contract.experiments.gate import Grace
from async_contract.experiments.parts import MONITORING, Place, parts
from async_contract.history.awaiting import begin

_LOOK = 0.002  # seconds, between two looks at a thread that does not come to its next step
PATIENCE = 5.0
"""Seconds after which it is not waited for any longer."""

HELP = 1.0
"""Seconds of real time for a thread of the store's own to do what everybody waits for."""

AGAIN = 0.01
"""Seconds until a thread asks once more for what another one holds, where nobody tells when it is free."""

FOR_EVER = 3_600.0
"""Seconds from which on a thread waits for another one without an end, for all that its caller knows."""

OFTEN, TIMES = 1_000, 10
"""Going round for ever is to go on so often in one call, and so many times as in any that came back."""

_AFTERWARDS = 1_000
"""So many lines a call has to end by itself."""

LINE, PART, CALL = "line", "part", "call"
"""Steps of threads: each line of the store, each part of a line, or each call of its driver."""

_MOMENT = 1e-6  # of virtual time, between two looks at a thread that waits for another
_T = TypeVar("_T")
_new_lock = _thread.allocate_lock  # whatever becomes of it later

Wait = Callable[[], Awaitable[Any]]
"""What a thread waits for, as the loop sees it."""


class CantBeStepped(LeftTheLoop):
    """The store does what nobody can step through."""

    def __init__(self, reason: str) -> None:
        BaseException.__init__(self, reason)


class Hung(CantBeStepped):
    """Workers wait for one another, and none of their calls returns in time."""

    @classmethod
    def of(cls, time: str, standing: Sequence[str]) -> Hung:
        """The error that says what each worker does."""
        return cls(f"calls did not return {time}, since workers wait for one another: {'; '.join(standing)}")


class _Killed(BaseException):
    """Ends a call that nobody waits for any more."""


class Hand:
    """A thread that makes the calls of one worker.

    Attributes:
        crew: Which it belongs to.
        doing: The call that it makes, in a few words.
        turns: How often it went on, in its present call.
        sleeps: Whether it goes on by itself, later.
        is_stalled: Whether it is waited for, since it has not come to its next line in time.
    """

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.doing = ""
        self.turns = 0
        self._go = _taken()
        self._back = _taken()
        self._function: Callable[[], Any] | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._wait: Wait | None = None
        self._answer: Any = None
        self._standing = self._killed = self._ended = self._asks = False
        self._under_way = self._out_of_reach = False
        self._afterwards = 0  # how many lines it has passed since its call was to end
        self.sleeps = self.is_stalled = False
        self._seen = 0
        self._place: FrameType | Place | str | None = None
        self._is_in_call = False  # of a driver
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
            raise CantBeStepped(f"a call has not come back after {self.crew.patience:g} s")
        mine = self._function = partial(_settled, function, arguments)
        self.turns = 0
        try:
            await self._turn()
            while self._standing:
                await self._until_it_can_go()
                self._check(mine)
                await self._turn()
        except BaseException:
            if self._function is mine:
                self.kill()
            raise
        self.crew.longest = max(self.crew.longest, self.turns)
        error, result = self._error, self._result
        self._function = self._error = self._result = None
        if error is not None:
            try:
                raise error
            finally:
                del error  # which has this frame in its traceback
        return result

    def _check(self, call: Callable[[], Any]) -> None:
        if self._function is not call:
            raise CantBeStepped("its call was ended with those of all others")

    async def _until_it_can_go(self) -> None:
        wait, self._wait = self._wait, None
        self.sleeps = isinstance(wait, partial) and wait.func is asyncio.sleep
        if wait is None:
            self.crew.note_place(self._place)
            await asyncio.sleep(0)
        else:
            self._answer = await wait()

    async def _turn(self) -> None:
        """Let the thread go on until it stands still again, or has come to the end of its call."""
        asked, self._asks = self._asks, False
        self.turns += 1
        self._standing = False
        began = time.monotonic()
        self._under_way = True  # whatever is raised here meanwhile, such as that time is up
        self._go.release()
        if not self.crew.stepping:
            # Nobody else could go on meanwhile; and how long it takes to connect says nothing of a step.
            back = self._back.acquire(timeout=self.crew.patience)
        elif back := self._back.acquire(timeout=self.crew.grace.seconds):
            self.crew.grace.took(time.monotonic() - began)
        if not back:
            self.is_stalled = True
            await self._come_back(began + self.crew.patience)
            self.is_stalled = False
        self._under_way = False
        self.crew.wake_up()
        if not (asked and self._asks):
            self.crew.move()

    async def _come_back(self, end: float) -> None:
        """Let others go on meanwhile; whatever this one waits for outside of Python is theirs to end."""
        self.crew.stalls += 1
        loop: Any = asyncio.get_running_loop()
        while not self._back.acquire(timeout=_LOOK):
            if time.monotonic() > end and loop.is_idle():
                self.crew.give_up(
                    f"a call has not come back after {self.crew.patience:g} s, though every other worker "
                    "went on as far as it could"
                )
            await asyncio.sleep(_MOMENT)
            self.crew.wake_up()

    async def _until_worth_asking(self, seconds: float) -> float:
        """Wait until something may have changed, but not longer than this; gives how long it took.

        As long as others can go on, that is a moment. When nobody can, and nobody has since this one asked,
        it is of no use to ask again before somebody has, or until the wait is over.
        """
        crew = self.crew
        loop: Any = asyncio.get_running_loop()
        began = loop.time()
        if self._seen != crew.moves or not loop.is_idle() or crew.is_stalled:
            self._seen = crew.moves
            await asyncio.sleep(min(AGAIN, seconds))
        elif seconds >= FOR_EVER:
            await crew.moved(-1)
        elif not await crew.moved(min(seconds, crew.patience)) and seconds > crew.patience:
            crew.expect_somebody()
        return float(loop.time() - began)

    @property
    def is_among_strangers(self) -> bool:
        """Whether nobody is there to go on but threads that nobody here has a say in, and may help."""
        return not self.crew.stepping and self.crew.takes_help

    @property
    def is_calling(self) -> bool:
        """Whether it makes a call that has not come back."""
        return self._function is not None

    def place(self) -> str:
        """The line of the store at which its thread is; empty if it is at none."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - Python's own way
        while frame is not None and not is_stores(frame.f_code):
            frame = frame.f_back
        if frame is None:
            return ""
        file, line = frame.f_code.co_filename, frame.f_lineno
        return f"at {file}:{line} in {frame.f_code.co_name}: {linecache.getline(file, line).strip()}"

    def kill(self) -> None:
        """End the call that is under way, unless it is where nobody can reach it.

        A thread that was out of reach once is left behind for good: to be told so again, as the others are
        ended and then the task that waits for it, does not bring it back.
        """
        self._killed = True
        self._afterwards = 0
        while self._standing:
            self._standing = False
            self._go.release()
            self._out_of_reach = not self._back.acquire(timeout=PATIENCE)
        if not (self._out_of_reach or self._under_way):
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
        if self.crew.stepping and self.crew.is_traced and not self._traced:
            # For good: each change makes Python prepare all of its code anew.
            self._traced = True
            sys.settrace(self.trace)
        try:
            self._result = function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
            self._error = error

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        """Follow a function step by step if it is the store's."""
        if not self.crew.stepping or not is_stores(frame.f_code):
            return None
        if self.crew.step == PART:
            frame.f_trace_opcodes = True
            return self.trace_part
        return self.trace_line

    def trace_line(self, frame: FrameType, event: str, argument: object) -> Any:
        """Stand still before a line."""
        if event == "line":
            self._place = frame
            self.stand()
        return self.trace_line

    def trace_part(self, frame: FrameType, event: str, argument: object) -> Any:
        """Stand still before a part of a line."""
        place = parts(frame.f_code).get(frame.f_lasti) if event == "opcode" else None
        if place is not None:
            self.before_part(place)
        return self.trace_part

    def before_part(self, place: Place) -> None:
        """Stand still before a part of a line, if that is what one stops before."""
        if self.crew.stepping and self.crew.step == PART:
            self._place = place
            self.stand()

    def stand(self, wait: Wait | None = None) -> Any:
        """Stand still until it is this thread's turn again.

        Args:
            wait: What has to be waited for before; none: the next line can be carried out at once.

        Returns:
            What came of the wait.
        """
        if not self._killed:
            self._wait = wait
            self._standing = True
            self._back.release()
            self._go.acquire()
        if self._killed:
            self._be_killed(at_once=wait is not None)
        return self._answer

    def _be_killed(self, *, at_once: bool) -> None:
        """Raise what ends the call, but between two lines only if it does not end by itself.

        An error that comes up between the last line of a `with` and its end passes that by: a transaction so
        stays open, with all its locks, until its generator is collected, and that in another thread.
        """
        self._afterwards += 1
        if at_once or self._afterwards > _AFTERWARDS:
            raise _Killed

    @contextmanager
    def call_of_driver(self, what: str) -> Iterator[None]:
        """Stand still before a call of a driver, if that is what one stops before; not within such a call.

        Args:
            what: What it does, in a few words.
        """
        if self._is_in_call or self.crew.step != CALL or not self.crew.stepping:
            yield
            return
        self.crew.passed += 1
        self._place = what
        self.stand()
        if self._killed:
            self._be_killed(at_once=True)
        self._is_in_call = True
        try:
            yield
        finally:
            self._is_in_call = False

    def before_lock(self) -> None:
        """Stand still before a lock of the store's: a line may take two of them."""
        if self.crew.stepping and not self._is_in_call:
            self._place = "a lock" if self.crew.step == CALL else self._place
            self.stand()

    def ask_again(self, seconds: float) -> float:
        """Stand still until it may be worth to ask again for what another thread holds.

        Args:
            seconds: How long it would wait for that at the most.

        Returns:
            How many seconds of that have passed.
        """
        self._asks = True
        passed: float = self.stand(partial(self._until_worth_asking, seconds))
        return passed


class Waited(Protocol):
    """A lock that is waited for."""

    def locked(self) -> bool:
        """Whether somebody holds it."""

    def wake_up(self) -> None:
        """Tell those who wait for it that it was released."""


class Crew:
    """The threads of all workers of one run.

    Args:
        workers: How many.
        patience: Seconds that a call may take for which nobody can do anything.
        step: Before what they stand still: `LINE`, `PART` or `CALL`.
        grace: How long a step may take before the others go on without it.

    Attributes:
        step: As above.
        grace: As above.
        passed: How many calls of drivers there were, where they stand still before these.
        stepping: Whether they stand still before each step now.
        stalls: How often one had to be waited for that did not come to its next line.
        patience: As above.
        longest: How often the thread of the longest call went on that came back.
        moves: How often one went on, but for those that asked once more in vain.
        locked_out: The locks that are waited for.
        places: By task and step: the line that the step is, or the call of a driver.
        stores: The classes of the stores that they call.
        hung: What each did when nobody could go on any more; what is raised later only follows from it.
        hands: The threads, by the number of their worker.
    """

    def __init__(
        self, workers: int, patience: float = PATIENCE, *, step: str = LINE, grace: Grace | None = None
    ) -> None:
        self.step = step
        self.grace = grace or Grace()
        self.passed = 0
        self.stepping = False
        self.stalls = 0
        self.patience = patience
        self.moves = 0
        self.locked_out: list[Waited] = []
        self.longest = 0
        self.stores: set[type] = set()
        self.hung: Hung | None = None
        self._idle: list[Future[bool]] = []  # of those that wait until another one has gone on
        self.places: dict[tuple[int, int], Place | str] = {}
        self.freed: deque[Callable[[], None]] = deque()
        self._others = set(threading.enumerate())
        self.hands = {number: Hand(self) for number in range(1, max(workers, 1) + 1)}
        self._others.update(threading.enumerate())

    def wake_up(self) -> None:
        """Tell those who wait for a lock that was released."""
        while self.freed:
            self.freed.popleft()()

    @property
    def is_stalled(self) -> bool:
        """Whether one of them is waited for that has not come to its next line in time."""
        return any(each.is_stalled for each in self.hands.values())

    @property
    def calling(self) -> list[Hand]:
        """Those that make a call which has not come back."""
        return [each for each in self.hands.values() if each.is_calling]

    def move(self) -> None:
        """Note that one went on, and tell those who wait for that."""
        self.moves += 1
        for each in self._idle:
            settle(each, result=True)

    async def moved(self, seconds: float) -> bool:
        """Wait until one of them has gone on, for so many seconds if there are any; gives whether one has."""
        return await wait_for(self._idle, seconds)

    def expect_somebody(self) -> None:
        """See to it that somebody goes on by himself, when nobody has for a long time.

        Raises:
            Hung: Nobody will: each of several workers waits for what another one holds.
        """
        if len(self.calling) > 1 and not any(each.sleeps for each in self.calling):
            raise self._hung()

    def give_up(self, reason: str) -> NoReturn:
        """End a run that does not come to an end by itself.

        Args:
            reason: Why, if one worker is alone to blame for that.

        Raises:
            Hung: Several workers are in a call.
            CantBeStepped: Only one is.
        """
        raise self._hung() if len(self.calling) > 1 else CantBeStepped(reason)

    def _hung(self) -> Hung:
        hung = Hung.of(f"within {self.patience:g} s", self.standing())
        for each in self.calling:
            each.kill()  # while nobody waits for them, so that what they have open can be closed
        self.hung = hung
        return hung

    def goes_round(self, longest: int) -> bool:
        """Whether several go on and on, far longer than a call takes.

        A lease may wait for jobs, so there must be another call among them.

        Args:
            longest: How often the thread of a call went on that came back.
        """
        waits = [each for each in self.calling if each.doing != "lease"]
        most = max(OFTEN, TIMES * longest)
        return len(self.calling) > 1 and bool(waits) and all(each.turns >= most for each in self.calling)

    def standing(self) -> list[str]:
        """What each worker does that is in a call, and at which line of the store."""
        return [
            f"worker {number} is in its {each.doing or 'call'} {each.place()}".rstrip()
            for number, each in self.hands.items()
            if each.is_calling
        ]

    def note_place(self, place: FrameType | Place | str | None) -> None:
        """Note before what the present task stands still."""
        if place is None:
            return  # a lock that is asked for before the first line of the store
        loop: Any = asyncio.get_running_loop()
        if isinstance(place, FrameType):
            place = Place(place.f_code.co_filename, place.f_lineno, place.f_code.co_name)
        self.places[loop.next_step()] = place

    @property
    def is_traced(self) -> bool:
        """Whether a trace function tells of each step."""
        return self.step == LINE or (self.step == PART and MONITORING is None)

    @property
    def takes_help(self) -> bool:
        """Whether threads that nobody here has a say in may release what is waited for.

        Line by line they would be at work between two steps; what they say to a driver is another matter.
        """
        return self.step == CALL and self.has_company()

    def look_outside(self) -> None:
        """When nobody can go on, give threads that nobody here has a say in some time to release a lock."""
        if self.locked_out and self.takes_help:
            end = time.monotonic() + HELP
            nobodys = _taken()
            while not self.freed and time.monotonic() < end:
                nobodys.acquire(timeout=_LOOK)
                for each in self.locked_out:
                    if not each.locked():  # it was released before it was waited for
                        self.help(each.wake_up)
            self.wake_up()

    def help(self, wake_up: Callable[[], None]) -> None:
        """Take note that a thread that nobody here has a say in has released what is waited for."""
        if self.takes_help:
            self.stalls += 1  # it came when it could
            self.freed.append(wake_up)

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


async def wait_for(waiting: list[Future[bool]], seconds: float) -> bool:
    """Wait until all in this list are told, for so many seconds if there are any; gives whether they were."""
    loop = asyncio.get_running_loop()
    future: Future[bool] = loop.create_future()
    waiting.append(future)
    timer = loop.call_later(seconds, settle, future, False) if seconds >= 0 else None  # noqa: FBT003
    try:
        return await future
    finally:
        waiting.remove(future)
        if timer is not None:
            timer.cancel()


def settle(future: Future[bool], result: bool) -> None:  # noqa: FBT001 - of a wait, not an option
    """Tell one who waits."""
    if not future.done():
        future.set_result(result)


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
# Hundreds of lines a call, in which workers do not meet: they do in the server.
_DRIVERS = tuple(str(Path(path) / name) for path in _PACKAGES for name in ("psycopg", "redis", "valkey"))


def is_stores(code: CodeType) -> bool:
    """Whether a function is the store's: neither Python's own nor the toolkit's, nor a driver's."""
    return _is_stores(code.co_filename)


@cache
def _is_stores(file: str) -> bool:
    if file.startswith(("<", *_OURS, *_DRIVERS)):
        return False
    return file.startswith(_PACKAGES) or not file.startswith(_LIBRARY)
