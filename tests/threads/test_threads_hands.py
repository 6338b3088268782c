"""Threads that go line by line, and what they wait for."""

from __future__ import annotations

import _thread
import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from async_contract.experiments import hands
from async_contract.experiments.choosers import OwnOrder
from async_contract.experiments.hands import CantBeStepped, Crew, Hand, is_stores, present
from async_contract.experiments.loop import Run, simulate
from async_contract.experiments.parts import Place
from async_contract.experiments.stuck import Deadlock
from async_contract.reference.memory import MemoryStore

Main = Callable[[], Coroutine[Any, Any, Any]]


@pytest.fixture
def crew() -> Iterator[Crew]:
    """Two threads, ended after the test."""
    crew = Crew(2)
    yield crew
    crew.end()


def run(main: Main) -> Run:
    """A run in asyncio's own order."""
    return simulate(main, OwnOrder())


def test_a_call_is_made_in_the_thread_of_its_hand(crew: Crew) -> None:
    """Each time in the same one, and the result comes back."""

    async def main() -> list[object]:
        here = threading.get_ident()
        first, again, other = [await crew.hands[number].call(threading.get_ident) for number in (1, 1, 2)]
        held = await crew.hands[2].call(present)
        return [first == again, first != other, first != here, held is crew.hands[2]]

    assert run(main).result == [True, True, True, True]
    assert present() is None


def test_an_error_is_raised_where_the_call_was_made(crew: Crew) -> None:
    """Whatever its class; and the thread can be called again."""

    class Stop(BaseException):
        """No Exception."""

    def stop() -> None:
        raise Stop

    async def main() -> str:
        with pytest.raises(Stop):
            await crew.hands[1].call(stop)
        return str(await crew.hands[1].call("again".upper))

    assert run(main).result == "AGAIN"


def test_a_coroutine_that_never_waits_is_awaited_in_the_thread(crew: Crew) -> None:
    """So the connection of an asynchronous harness for a plain store is used where it was made."""

    async def ident() -> int:
        return threading.get_ident()

    async def main() -> bool:
        here: int = await crew.hands[1].call(ident)
        return here == await crew.hands[1].call(threading.get_ident)  # type: ignore[no-any-return]  # a bool

    assert run(main).result is True


def test_a_coroutine_that_waits_cannot_be_stepped(crew: Crew) -> None:
    """There is no loop in the thread."""

    async def main() -> None:
        await crew.hands[1].call(asyncio.sleep, 0)

    assert str(run(main).error) == ("it is asynchronous in part, and can't be stepped through line by line")


def _two_lines(log: list[str], name: str) -> None:
    log.append(f"{name} 1")
    log.append(f"{name} 2")


def test_threads_take_turns_line_by_line(crew: Crew) -> None:
    """In the order in which their tasks are ready; each line is a step of its task, and known."""
    log: list[str] = []

    async def main() -> None:
        crew.stepping = True
        await asyncio.gather(
            crew.hands[1].call(_two_lines, log, "one"), crew.hands[2].call(_two_lines, log, "two")
        )

    ended = run(main)
    assert log == ["one 1", "two 1", "one 2", "two 2"]
    assert ended.steps == (2, 3, 3)
    first = _two_lines.__code__.co_firstlineno
    assert crew.places == {
        (task, step): Place(__file__, first + step - 1, "_two_lines") for task in (1, 2) for step in (2, 3)
    }


def test_only_the_lines_of_the_store_are_steps(crew: Crew) -> None:
    """While workers work: not those of Python's own library, nor of the toolkit but for its stores."""
    hand, frame = crew.hands[1], sys._getframe()
    assert hand.trace(frame, "call", None) is None
    crew.stepping = True
    assert hand.trace(frame, "call", None) == hand.trace_line
    assert hand.trace_line(frame, "return", None) == hand.trace_line
    assert not is_stores(threading.Thread.run.__code__)
    assert not is_stores(Hand.stand.__code__)
    # Under a name of its own: the answer is kept, and may have been given where no coverage is measured.
    assert not is_stores(compile("1", "<only here>", "eval"))
    assert is_stores(pytest.raises.__code__)
    assert is_stores(MemoryStore.__init__.__code__)
    own = run.__code__.replace(co_filename=Hand.stand.__code__.co_filename)

    trace: Any = hand.trace
    assert trace(_Frame(own), "call", None) is None


class _Frame:
    """As much of a frame as a tracer asks for."""

    def __init__(self, code: object) -> None:
        self.f_code = code


def test_a_line_is_stood_before_until_the_loop_goes_on(crew: Crew) -> None:
    """What a tracer does, seen without one."""
    hand, frame = crew.hands[1], sys._getframe()

    async def main() -> object:
        return await hand.call(hand.trace_line, frame, "line", None)

    ended = run(main)
    assert ended.result == hand.trace_line
    assert list(crew.places) == [(0, 2)]


def test_a_thread_waits_for_what_it_says(crew: Crew) -> None:
    """And is told what came of it."""

    async def wait() -> str:
        await asyncio.sleep(30)
        return "slept"

    async def main() -> object:
        return await crew.hands[1].call(crew.hands[1].stand, wait)

    assert run(main).result == "slept"


def test_a_cancelled_call_is_ended_in_its_thread(crew: Crew) -> None:
    """Also if it stands still again as it ends; then the thread can be called again."""
    hand = crew.hands[1]
    log: list[str] = []

    def call() -> None:
        try:
            hand.stand(asyncio.Event().wait)
        finally:
            log.append("ending")
            hand.stand()

    async def main() -> str:
        task = asyncio.create_task(hand.call(call))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return str(await hand.call("again".upper))

    assert run(main).result == "AGAIN"
    assert log == ["ending"]


def _within(log: list[str]) -> None:
    with ExitStack() as stack:
        stack.callback(log.append, "closed")
        log.append("within")


def _for_ever(log: list[str]) -> None:
    while True:
        log[:] = ["within"]


@pytest.mark.parametrize(("call", "left"), [(_within, ["within", "closed"]), (_for_ever, ["within"])])
def test_a_call_that_is_ended_between_two_lines_closes_what_it_has_open(
    crew: Crew, call: Callable[[list[str]], None], left: list[str]
) -> None:
    """It goes on to its end, if that is near: before the end of a `with` an error would pass that by."""
    hand = crew.hands[1]
    log: list[str] = []

    async def main() -> None:
        crew.stepping = True
        task = asyncio.create_task(hand.call(call, log))
        while not log:  # noqa: ASYNC110 - each turn is a line of the call
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        crew.stepping = False
        log.append(str(await hand.call("again".upper)))

    run(main)
    assert log == [*left, "AGAIN"]


def test_a_thread_that_ends_its_call_slowly_is_told_again_to(crew: Crew) -> None:
    """A store may catch what ends it, and go on to its next line."""
    hand = crew.hands[1]
    log: list[str] = []

    def call() -> None:
        for _ in range(2):
            try:
                hand.stand(asyncio.Event().wait)
            except BaseException as error:  # noqa: BLE001 - as careless code does
                log.append(type(error).__name__)

    async def main() -> None:
        task = asyncio.create_task(hand.call(call))
        await asyncio.sleep(1)
        task.cancel()

    run(main)
    assert log == ["_Killed", "_Killed"]


def test_what_blocks_outside_of_python_is_waited_for_while_others_go_on(crew: Crew) -> None:
    """A real lock that another thread of the crew releases."""
    lock = _thread.allocate_lock()
    lock.acquire()

    async def main() -> object:
        return await asyncio.gather(crew.hands[1].call(lock.acquire), crew.hands[2].call(lock.release))

    assert run(main).result == [True, None]
    assert crew.stalls == 1


def test_a_thread_that_never_comes_back_is_given_up(crew: Crew) -> None:
    """It is not called again, and ends when it can."""
    crew.patience = 0.05
    lock = _thread.allocate_lock()
    lock.acquire()
    errors: list[str] = []

    async def main() -> None:
        for _ in range(2):
            try:
                await crew.hands[1].call(lock.acquire)
            except CantBeStepped as error:
                errors.append(str(error))

    run(main)
    crew.end()
    lock.release()
    assert errors == [
        "a call has not come back after 0.05 s, though every other worker went on as far as it could",
        "a call has not come back after 0.05 s",
    ]


def test_a_thread_that_makes_no_call_of_a_store_is_nowhere(crew: Crew) -> None:
    """Neither between two calls nor in one of Python's own functions."""
    assert (crew.hands[1].place(), crew.standing()) == ("", [])


def _blocks_as_it_ends(hand: Hand, lock: _thread.LockType) -> None:
    try:
        hand.stand(asyncio.Event().wait)
    finally:
        lock.acquire()


def test_a_thread_that_blocks_as_it_is_ended_is_left_behind(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it any longer than for any other."""
    lock = _thread.allocate_lock()
    lock.acquire()
    hand = crew.hands[1]

    async def main() -> None:
        await hand.call(_blocks_as_it_ends, hand, lock)

    monkeypatch.setattr(hands, "PATIENCE", 0.05)
    assert isinstance(run(main).error, Deadlock)
    lock.release()


def test_a_thread_that_was_left_behind_stays_so_when_it_is_ended_again(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As who gives up ends every call, and each call then ends itself: it makes no other one meanwhile."""
    lock = _thread.allocate_lock()
    lock.acquire()
    hand = crew.hands[1]
    errors: list[str] = []

    async def main() -> None:
        task = asyncio.create_task(hand.call(_blocks_as_it_ends, hand, lock))
        await asyncio.sleep(1)
        hand.kill()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(2):
            try:
                await hand.call(lock.locked)
            except CantBeStepped as error:
                errors.append(str(error))

    monkeypatch.setattr(hands, "PATIENCE", 0.05)
    run(main)
    lock.release()
    assert errors == ["a call has not come back after 5 s"] * 2


def test_a_thread_whose_turn_is_interrupted_is_left_behind(crew: Crew) -> None:
    """By a signal, say, that time is up: where it is by then nobody knows, so it makes no other call."""

    class TimeIsUp(BaseException):
        """No Exception."""

    class Interrupted:
        """A lock, until it is waited for."""

        release = crew.hands[1]._back.release

        def acquire(self, timeout: float) -> bool:
            raise TimeIsUp

    hand = crew.hands[1]
    hand._back = Interrupted()  # type: ignore[assignment]

    async def main() -> None:
        with pytest.raises(TimeIsUp):
            await hand.call("once".upper)
        await hand.call("again".upper)

    assert str(run(main).error) == "a call has not come back after 5 s"


def test_threads_that_nobody_knows_are_noticed(crew: Crew) -> None:
    """Whoever seems to wait for ever may wait for them."""
    before = crew.has_company()
    lock = _thread.allocate_lock()
    lock.acquire()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    during = crew.has_company()
    lock.release()
    thread.join()
    assert [before, during, crew.has_company()] == [False, True, False]
