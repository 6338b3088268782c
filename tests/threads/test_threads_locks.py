"""Locks and sleeps of threads that are stepped through."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, ClassVar, cast

import pytest

from async_contract.experiments import hands, locks
from async_contract.experiments.choosers import OwnOrder
from async_contract.experiments.hands import CALL, Crew
from async_contract.experiments.locks import Lock, swapped
from async_contract.experiments.loop import simulate
from async_contract.experiments.stuck import Deadlock


@pytest.fixture
def crew() -> Iterator[Crew]:
    """Two threads, while locks are replaced."""
    with swapped():
        crew = Crew(2)
        yield crew
        crew.end()


def together(crew: Crew, *functions: Any) -> Any:
    """What comes of functions that are called in a thread each."""

    async def main() -> object:
        return await asyncio.gather(*(crew.hands[n].call(each) for n, each in enumerate(functions, 1)))

    ended = simulate(main, OwnOrder())
    return ended.error or ended.result


def test_who_finds_a_lock_taken_waits_while_others_go_on(crew: Crew) -> None:
    """Until it is released."""
    lock, log = threading.Lock(), list[str]()

    def first() -> None:
        with lock:
            log.append("first has it")
            time.sleep(3600)
            log.append("first gives it")

    def second() -> None:
        with lock:
            log.append("second has it")

    together(crew, first, second)
    assert log == ["first has it", "first gives it", "second has it"]


def test_a_thread_stands_still_before_a_lock_while_it_is_stepped_through(crew: Crew) -> None:
    """Also before the first line of the store: a line may take two locks."""
    crew.hands[1]._traced = True  # so that it is not stepped through, and seen to stand still

    async def main() -> tuple[int, int]:
        crew.stepping = True
        loop: Any = asyncio.get_running_loop()
        before = loop.next_step()[1]
        await crew.hands[1].call(threading.Lock().acquire)
        return before, loop.next_step()[1]

    assert simulate(main, OwnOrder()).result == (2, 3)
    assert crew.places == {}


def test_a_lock_can_be_asked_for_without_waiting_or_for_some_time(crew: Crew) -> None:
    """Of virtual time, in a thread that is stepped through."""
    lock = threading.Lock()

    def first() -> None:
        with lock:
            time.sleep(10)

    def second() -> list[bool]:
        return [lock.locked(), lock.acquire(blocking=False), lock.acquire(timeout=5), lock.acquire(timeout=6)]

    assert together(crew, first, second) == [None, [True, False, False, True]]


def test_two_locks_in_two_orders_are_a_deadlock(crew: Crew) -> None:
    """Which is proof, since nobody else can release them."""
    one, other = threading.Lock(), threading.Lock()

    def nested(outer: Any, inner: Any) -> None:
        with outer:
            time.sleep(1)
            with inner:
                pass

    found = together(crew, lambda: nested(one, other), lambda: nested(other, one))
    assert isinstance(found, Deadlock)


def test_what_is_built_upon_a_lock_waits_as_it_does(crew: Crew) -> None:
    """Reentrant locks, conditions, events, semaphores and queues."""
    lock, condition, event = threading.RLock(), threading.Condition(), threading.Event()
    semaphore, jobs = threading.Semaphore(0), queue.Queue[str]()

    def first() -> list[object]:
        with lock, lock:
            time.sleep(1)
        with condition:
            notified = condition.wait(timeout=60)
        return [notified, event.wait(timeout=60), semaphore.acquire(timeout=60), jobs.get(timeout=60)]

    def second() -> None:
        time.sleep(0.5)
        with lock:
            time.sleep(10)
        with condition:
            condition.notify()
        for each in (event.set, semaphore.release, lambda: jobs.put("job")):
            time.sleep(10)
            each()

    assert together(crew, first, second) == [[True, True, True, "job"], None]


def test_elsewhere_locks_are_what_they_were(crew: Crew) -> None:
    """Whoever waits there really waits; a thread that is stepped through then does too."""
    lock = threading.Lock()
    lock.acquire()
    releasing = threading.Timer(0.001, lock.release)
    releasing.start()
    assert together(crew, lock.acquire) == [True]
    releasing.join()
    lock.release()
    time.sleep(0)
    assert lock.acquire(timeout=0.01)
    assert not lock.acquire(timeout=0.001)


def test_a_lock_is_free_after_a_fork() -> None:
    """Python's own library asks for that of locks."""
    lock = Lock()
    lock.acquire()
    lock._at_fork_reinit()
    assert not lock.locked()


class _Store:
    lock: ClassVar[Any] = threading.Lock()
    reentrant: ClassVar[Any] = threading.RLock()


_LOCK = threading.Lock()


def test_locks_that_were_made_before_are_replaced_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a store's classes and of their modules, by whatever name; and the names of the functions."""
    module = ModuleType("named")
    module.__dict__.update(make=threading.Lock, remake=threading.RLock, doze=time.sleep)
    monkeypatch.setitem(sys.modules, "named", module)
    monkeypatch.setitem(sys.modules, "nameless", None)
    before = (_LOCK, _Store.lock, _Store.reentrant, *vars(module).values())
    with swapped([_Store]):
        during = (_LOCK, _Store.lock, _Store.reentrant)
        assert [type(each) for each in during] == [Lock, Lock, type(threading.RLock())]
        assert (module.make, module.remake, module.doze) == (Lock, locks.reentrant, locks.sleep)
    assert (_LOCK, _Store.lock, _Store.reentrant, *vars(module).values()) == before


# -- threads of the store's own -----------------------------------------------------------------------


@pytest.fixture
def calling() -> Iterator[Crew]:
    """Two threads that stand still before calls of a driver, while locks are replaced."""
    with swapped():
        crew = Crew(2, step=CALL)
        yield crew
        crew.end()


class Asked:
    """A real lock that is held, and says when it was asked for in vain."""

    def __init__(self) -> None:
        self.real, self.unasked = locks._new_lock(), locks._new_lock()
        self.real.acquire()
        self.unasked.acquire()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as Python's
        """Acquire it."""
        if not blocking and self.unasked.locked():
            self.unasked.release()
        return self.real.acquire(blocking, timeout)

    def release(self) -> None:
        """Release it."""
        self.real.release()

    def locked(self) -> bool:
        """Whether it is held."""
        return self.real.locked()


@contextlib.contextmanager
def stranger(function: Callable[[], object]) -> Iterator[None]:
    """A thread that nobody has a say in: it does something, and is there until the end."""
    end = locks._new_lock()
    end.acquire()

    def live() -> None:
        function()
        end.acquire()

    thread = threading.Thread(target=live)
    thread.start()
    yield
    end.release()
    thread.join()


def held() -> tuple[Lock, Asked]:
    """A lock that is held, and what is in it."""
    lock, asked = Lock(), Asked()
    lock._lock = cast("Any", asked)
    return lock, asked


def test_while_nobody_is_stepped_a_thread_of_the_stores_own_is_waited_for(calling: Crew) -> None:
    """In real time: who opens a pool waits for the thread that connects."""
    lock, asked = held()

    def release() -> None:
        asked.unasked.acquire()
        lock.release()

    with stranger(release):
        assert together(calling, lock.acquire) == [True]
    assert (calling.stalls, calling.locked_out) == (0, [])


def helped(crew: Crew, release: Callable[[Lock, Asked], object]) -> Any:
    """What comes of a call that waits for a lock which a thread of the store's own releases."""
    lock, asked = held()

    async def main() -> Any:
        crew.stepping = True
        loop: Any = asyncio.get_running_loop()
        loop.outside = crew.look_outside
        return await crew.hands[1].call(lock.acquire)

    with stranger(lambda: release(lock, asked)):
        ended = simulate(main, OwnOrder())
    return ended.error or ended.result


def test_while_they_are_stepped_it_is_waited_for_when_nobody_can_go_on(calling: Crew) -> None:
    """But not in an order that somebody chose."""

    def release(lock: Lock, asked: Asked) -> None:
        while not calling.locked_out:
            pass
        lock.release()

    assert (helped(calling, release), calling.stalls > 0) == (True, True)


def test_what_is_released_before_it_is_waited_for_is_noticed(calling: Crew) -> None:
    """Nobody tells of it any more."""

    def release(lock: Lock, asked: Asked) -> None:
        while not calling.locked_out:
            pass
        asked.release()

    assert (helped(calling, release), calling.stalls > 0) == (True, True)


def test_it_is_not_waited_for_without_an_end(calling: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody can go on."""
    monkeypatch.setattr(hands, "HELP", 0.01)
    assert isinstance(helped(calling, lambda *_: None), Deadlock)


def test_line_by_line_nobody_helps(crew: Crew) -> None:
    """It would be at work between two steps; such a store is left."""
    with stranger(int):
        crew.help(crew.wake_up)
        assert isinstance(helped(crew, lambda *_: None), Deadlock)
    assert (crew.stalls, [*crew.freed]) == (0, [])
