"""A gate before the calls of a driver."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from async_contract.experiments.choosers import TIME, Chooser, OwnOrder, Trace
from async_contract.experiments.gate import (
    AT,
    EXTENDED,
    LEAST,
    DriverCall,
    Gate,
    GateLoop,
    Grace,
    call_of_thread,
    described,
)
from async_contract.experiments.gate_drivers import gated
from async_contract.experiments.ready import VirtualClock

SECOND = 1_000_000_000


class Picks:
    """A chooser that has its picks from a list, and then picks the first."""

    def __init__(self, *picks: int) -> None:
        self.left = list(picks)

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """The next one of the list."""
        return self.left.pop(0) if self.left else 0


class Scene:
    """Workers at a gate, and what they did in which order."""

    def __init__(self, chooser: Chooser | None = None, grace: Grace | None = None) -> None:
        self.clock = VirtualClock()
        self.gate = Gate(chooser or OwnOrder(), self.clock, grace or Grace(least=60.0, most=60.0), 3)
        self.log: list[str] = []

    async def call(self, what: str, during: Callable[[], Awaitable[object]] | None = None) -> str:
        """A call of a driver, in which something is awaited."""

        async def make(call: DriverCall) -> str:
            self.log.append(what)
            if during is not None:
                await during()
            return f"reply to {what}"

        at = AT.get()
        assert at is not None
        return str(await self.gate.through(at.worker, what, make))

    def play(self, *workers: Callable[[], Coroutine[Any, Any, object]]) -> Gate:
        """Have every worker do its work, all of them at the same time."""

        async def work(number: int) -> None:
            with self.gate.worker(number):
                await workers[number - 1]()

        async def main() -> None:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, GateLoop)
            with self.gate.open(loop):
                await asyncio.gather(*(work(number) for number in range(1, len(workers) + 1)))
                await self.gate.quiet()

        with asyncio.Runner(loop_factory=GateLoop) as runner:
            runner.run(main())
        return self.gate


def calls(scene: Scene, *names: str) -> Callable[[], Coroutine[Any, Any, None]]:
    """A worker that makes calls, one after another."""

    async def work() -> None:
        for name in names:
            assert await scene.call(name) == f"reply to {name}"

    return work


def test_first_come_first_served() -> None:
    """Where the chooser picks the first, workers take turns, as each comes back to the end of the queue."""
    scene = Scene()
    gate = scene.play(calls(scene, "a", "b"), calls(scene, "A", "B"))
    assert scene.log == ["a", "A", "b", "B"]
    assert gate.trace == Trace((1, 2, 1, 2), (0, 0, 0), (2, 2, 2))
    assert (gate.steps, gate.passed, gate.loose) == ([0, 2, 2, 0], 4, "")
    assert gate.places == {(1, 1): "a", (2, 1): "A", (1, 2): "b", (2, 2): "B"}


def test_the_chooser_says_who_goes_next() -> None:
    """Whoever is picked goes, once everybody stands still."""
    scene = Scene(Picks(1, 1))
    gate = scene.play(calls(scene, "a", "b"), calls(scene, "A", "B"))
    assert scene.log == ["A", "B", "a", "b"]
    assert gate.trace == Trace((2, 2, 1, 1), (1, 1), (2, 2))


def test_a_worker_stops_before_its_first_call() -> None:
    """That is a step too, but no call of a driver."""
    scene = Scene(Picks(1))

    async def work() -> None:
        at = AT.get()
        assert at is not None
        await scene.gate.begin(at.worker)
        scene.log.append(str(at.worker))

    gate = scene.play(work, work)
    assert (scene.log, gate.passed, gate.trace.turns) == (["2", "1"], 0, (2, 1))
    assert gate.places[1, 1] == "its first call"


def test_time_passes_when_nobody_else_can_go() -> None:
    """Up to the instant at which the first one wakes up; whoever sleeps until then wakes too."""
    scene = Scene()

    def sleeps(name: str, seconds: float) -> Callable[[], Coroutine[Any, Any, None]]:
        async def work() -> None:
            at = AT.get()
            assert at is not None
            await scene.gate.sleep(at.worker, seconds)
            scene.log.append(f"{name} at {scene.clock.now_ns() / SECOND:g}")

        return work

    gate = scene.play(sleeps("a", 2), sleeps("b", 1), sleeps("c", 2))
    assert scene.log == ["b at 1", "a at 2", "c at 2"]
    assert gate.trace == Trace((TIME, TIME), (), ())


def test_time_passes_when_the_chooser_wants_it() -> None:
    """Before somebody who could go."""
    scene = Scene(Picks(1))

    async def sleeps() -> None:
        await scene.gate.sleep(1, 5)
        scene.log.append("awake")

    gate = scene.play(sleeps, calls(scene, "A"))
    assert (scene.log, gate.trace.turns) == (["awake", "A"], (TIME, 2))
    assert gate.order == ["time passes", "worker 2: A"]


def test_a_sleep_can_be_cancelled() -> None:
    """Then nobody waits for it."""
    scene = Scene()

    async def work() -> None:
        task = asyncio.create_task(scene.gate.sleep(1, 5))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    assert scene.play(work).trace == Trace((), (), ())


def test_what_waits_for_a_lock_is_not_waited_for() -> None:
    """It comes when the holder, at the gate until then, has released the lock; the order is controlled."""
    scene = Scene(Picks(1))
    lock = asyncio.Lock()

    def locked(*names: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def work() -> None:
            async with lock:
                await asyncio.create_task(calls(scene, *names)())

        return work

    gate = scene.play(locked("a", "b"), locked("A"))
    assert (scene.log, gate.loose) == (["a", "b", "A"], "")
    assert gate.trace == Trace((1, 1, 2), (), ())


def test_a_call_that_waits_for_another_worker_is_waited_for_a_moment() -> None:
    """Then the others go on, and the order is not what the chooser said any more."""
    scene = Scene(grace=Grace(least=0.001))
    released = asyncio.Event()

    async def holds() -> None:
        await scene.call("a")
        await scene.call("b")
        released.set()

    async def waits() -> None:
        await scene.call("A", released.wait)

    gate = scene.play(holds, waits)
    assert scene.log == ["a", "A", "b"]
    assert gate.loose == "A of worker 2 did not return while all others stood still"


def test_whoever_waits_for_something_else_is_waited_for_a_moment() -> None:
    """What it is, nobody knows; nor does anybody wait for it a second time."""
    scene = Scene(grace=Grace(least=0.001))

    async def work() -> None:
        reply: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        replies.append(reply)
        await reply
        await scene.call("a")

    async def other() -> None:
        await scene.call("A")
        await scene.call("B")
        replies.pop().set_result(None)

    replies: list[asyncio.Future[None]] = []
    gate = scene.play(work, other)
    assert scene.log == ["A", "B", "a"]
    assert gate.loose == "worker 1 waited for something that is no call of a driver"


def test_nobody_is_late_on_a_machine_that_has_no_time() -> None:
    """Where even the gate comes late to look, whoever is waited for gets some more moments; not for ever."""
    scene = Scene()
    gate, looks = scene.gate, 0

    async def main() -> None:
        nonlocal looks
        with gate.worker(1):
            while not gate.loose:
                looks += 1
                gate._until = asyncio.get_running_loop().time() - 60.0
                gate._overdue()
            gate._moved()

    asyncio.run(main())
    assert (looks, gate.loose) == (21, "worker 1 waited for something that is no call of a driver")


def test_what_comes_in_time_leaves_the_order_controlled() -> None:
    """A wait that ends by itself keeps the others at the gate; who came at last then goes by his number."""
    scene = Scene()

    async def work() -> None:
        await asyncio.sleep(0.001)
        await scene.call("a")

    gate = scene.play(work, calls(scene, "A"))
    assert (scene.log, gate.loose) == (["a", "A"], "")


@pytest.mark.parametrize("told", [False, True])
def test_a_call_that_is_cancelled_at_the_gate_is_never_made(
    monkeypatch: pytest.MonkeyPatch,
    told: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Also if it had been told to go on at that very instant; the others go on."""
    scene = Scene()
    let_go = scene.gate._let_go

    async def work() -> None:
        task = asyncio.create_task(scene.call("a"))

        def let_go_and_cancel(call: DriverCall) -> None:
            let_go(call)
            task.cancel()

        if told:
            monkeypatch.setattr(scene.gate, "_let_go", let_go_and_cancel)
        else:
            asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.wait([task])
        monkeypatch.undo()
        assert task.cancelled()

    gate = scene.play(work, calls(scene, "A"))
    assert (scene.log, gate.loose, gate.passed) == (["A"], "", 1)


def test_a_call_that_is_cancelled_under_way_may_go_on() -> None:
    """Nobody knows for how long, so the order is not controlled any more."""
    scene = Scene()

    async def work() -> None:
        begun = asyncio.Event()

        async def hangs() -> None:
            begun.set()
            await asyncio.get_running_loop().create_future()

        task = asyncio.create_task(scene.call("a", hangs))
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])

    assert scene.play(work).loose == "a of worker 1 was cancelled while it was under way"


def test_an_error_of_a_call_is_its_own() -> None:
    """It goes to whoever made the call, and the next one has its turn."""
    scene = Scene()

    async def fails() -> None:
        raise KeyError("a")

    async def work() -> None:
        with pytest.raises(KeyError):
            await scene.call("a", fails)

    assert scene.play(work, calls(scene, "A")).passed == 2


def test_an_error_of_the_chooser_is_kept() -> None:
    """And whoever plays is let through, in the order in which they come."""

    class Raises:
        def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
            raise ValueError("no choice")

    scene = Scene(Raises())
    gate = scene.play(calls(scene, "a", "b"), calls(scene, "A", "B"))
    assert (repr(gate.failure), scene.log) == ("ValueError('no choice')", ["a", "A", "b", "B"])


def test_a_worker_has_one_call_after_another_at_the_gate() -> None:
    """Though it makes them at the same time."""
    scene = Scene()

    async def work() -> None:
        await asyncio.gather(scene.call("a"), scene.call("b"))

    gate = scene.play(work, calls(scene, "A"))
    assert (scene.log, gate.trace.turns) == (["a", "b", "A"], (1, 1, 2))


def test_what_goes_on_without_its_worker_is_waited_for() -> None:
    """A call that the worker has left behind ends before anything else happens."""
    scene = Scene()
    tasks: list[asyncio.Task[str]] = []

    async def work() -> None:
        tasks.append(asyncio.create_task(scene.call("a")))
        await asyncio.sleep(0)

    gate = scene.play(work)
    assert (scene.log, gate.passed, tasks[0].result()) == (["a"], 1, "reply to a")


def test_nobody_is_kept_at_a_gate_that_is_not_open_any_more() -> None:
    """Neither who stands at it when another worker fails, nor who comes then, nor who sleeps."""
    scene = Scene()
    left: list[asyncio.Task[Any]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, GateLoop)

        async def works() -> None:
            with scene.gate.worker(1):
                left.append(asyncio.create_task(scene.gate.sleep(1, 5)))
                await scene.call("a")
                await scene.gate.sleep(1, 5)
                await scene.call("b")

        with scene.gate.open(loop):
            left.append(asyncio.create_task(works()))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.wait(left)

    with asyncio.Runner(loop_factory=GateLoop) as runner:
        runner.run(main())
    assert (scene.log, scene.gate.trace, [each.result() for each in left]) == (
        ["a", "b"], Trace((), (), ()), [None, None],
    )  # fmt: skip


# -- threads ----------------------------------------------------------------------------------------


def test_a_function_for_a_thread_is_a_call() -> None:
    """It is made when it is the worker's turn, and bears the function's name."""
    scene = Scene(Picks(1))

    def work(name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        return lambda: asyncio.to_thread(scene.log.append, name)

    gate = scene.play(work("a"), work("A"))
    assert (scene.log, gate.places) == (["A", "a"], {(2, 1): "A", (1, 1): "a"})


def test_a_function_is_called_as_ever_for_whoever_is_no_worker() -> None:
    """The gate is for workers."""

    async def main() -> int:
        return await asyncio.to_thread(len, "abc")

    with asyncio.Runner(loop_factory=GateLoop) as runner:
        assert runner.run(main()) == 3


def test_a_cancelled_call_is_under_way_as_long_as_its_thread() -> None:
    """So that the others find what it has done; the order stays controlled."""
    scene = Scene()
    goes_on = threading.Event()

    async def work() -> None:
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def lasts() -> None:
            loop.call_soon_threadsafe(begun.set)
            goes_on.wait()
            scene.log.append("done")

        task = asyncio.create_task(asyncio.to_thread(lasts))
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
        loop.call_later(0, goes_on.set)

    gate = scene.play(work, calls(scene, "A"))
    assert (scene.log, gate.loose) == (["done", "A"], "")


def test_a_thread_that_outlives_the_loop_is_left_alone() -> None:
    """Nobody hears of its end."""
    loop = GateLoop()
    call = DriverCall(Scene().gate, 1, "a", loop)
    function = call.in_thread(call_of_thread)
    loop.close()
    assert (function(), call_of_thread()) == (call, None)


class Table:
    """A worker's connection to a file."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)

    async def run(self, *statements: str) -> None:
        """Execute statements, one after another, each in a thread."""
        for each in statements:
            await asyncio.to_thread(self.database.execute, each)


@pytest.fixture
def tables(tmp_path: Path) -> Any:
    """Two connections whose waiting is seen."""
    with gated([]):
        first, second = Table(tmp_path / "a.db"), Table(tmp_path / "a.db")
        with closing(first.database), closing(second.database):
            first.database.execute("CREATE TABLE jobs (id)")
            yield first, second


WRITES = "BEGIN IMMEDIATE", "INSERT INTO jobs VALUES (1)", "COMMIT"


def test_sqlite_waits_for_a_worker_that_stands_at_the_gate(tables: tuple[Table, Table]) -> None:
    """The others go on until its transaction has ended, without a wait, and the order is controlled."""
    scene = Scene()
    gate = scene.play(*(partial(each.run, *WRITES) for each in tables))
    assert (gate.loose, gate.failure) == ("", None)
    assert gate.trace.turns == (1, 2, 1, 1, 2, 2)
    assert tables[0].database.execute("SELECT count(*) FROM jobs").fetchone() == (2,)


def test_sqlite_is_busy_if_nobody_can_end_the_other_transaction(tables: tuple[Table, Table]) -> None:
    """As it would be after its time limit, but at once."""
    scene = Scene()

    async def late() -> None:
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            await tables[1].run(*WRITES)
        scene.log.append("busy")

    tables[0].database.execute("BEGIN IMMEDIATE")
    assert (scene.play(late).loose, scene.log) == ("", ["busy"])


def test_sqlite_is_busy_when_the_gate_is_not_open_any_more(
    tables: tuple[Table, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited for another worker then, or comes to wait later, waits for nobody."""
    scene = Scene()
    tables[0].database.execute("BEGIN IMMEDIATE")
    errors: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, GateLoop)

        async def works(number: int) -> None:
            with scene.gate.worker(number):
                for _ in range(2):
                    try:
                        await tables[1].run("BEGIN IMMEDIATE")
                    except sqlite3.OperationalError as error:
                        errors.append(str(error))

        stands, waits = scene.gate.stands, asyncio.Event()

        def stands_and_tells(call: DriverCall) -> None:
            stands(call)
            waits.set()

        monkeypatch.setattr(scene.gate, "stands", stands_and_tells)
        with scene.gate.open(loop):
            task = asyncio.create_task(works(1))
            await waits.wait()
        await task

    with asyncio.Runner(loop_factory=GateLoop) as runner:
        runner.run(main())
    assert errors == ["database is locked"] * 2


def test_sqlite_may_come_to_wait_late(tables: tuple[Table, Table], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a call of which nobody knew what it waited for until then."""
    scene, goes_on = Scene(grace=Grace(least=0.001)), threading.Event()
    stands, waits = scene.gate.stands, asyncio.Event()

    def stands_and_tells(call: DriverCall) -> None:
        stands(call)
        waits.set()

    monkeypatch.setattr(scene.gate, "stands", stands_and_tells)

    def late() -> None:
        goes_on.wait()
        tables[0].database.execute("BEGIN IMMEDIATE")
        scene.log.append("begun")

    async def holds() -> None:
        await tables[1].run("BEGIN IMMEDIATE")
        goes_on.set()
        await waits.wait()
        scene.log.append("waits")
        await tables[1].run("COMMIT")

    gate = scene.play(lambda: asyncio.to_thread(late), holds)
    assert scene.log == ["waits", "begun"]
    assert gate.loose == "late of worker 1 did not return while all others stood still"


def test_the_calls_of_aiosqlite_are_statements(tmp_path: Path) -> None:
    """Each is a step, bears its statement, and lasts as long as the driver's thread is at work on it."""
    scene = Scene()

    async def work() -> None:
        async with aiosqlite.connect(tmp_path / "a.db") as database:
            await database.execute("CREATE TABLE jobs (id)")
            await database.commit()

    with gated([]):
        gate = scene.play(work)
    assert gate.places == {(1, 1): "CREATE TABLE jobs (id)", (1, 2): "commit", (1, 3): "close"}
    assert (gate.loose, gate.passed) == ("", 3)


async def _awaited(call: Awaitable[Any]) -> Any:
    return await call


def test_a_call_may_be_in_line_behind_one_that_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the rollback after a statement that was cancelled while SQLite waited; that loosens nothing."""
    scene, path = Scene(), tmp_path / "a.db"
    stands, waits, ended = scene.gate.stands, asyncio.Event(), asyncio.Event()

    def stands_and_tells(call: DriverCall) -> None:
        stands(call)
        waits.set()

    monkeypatch.setattr(scene.gate, "stands", stands_and_tells)

    async def holds() -> None:
        async with aiosqlite.connect(path, isolation_level=None) as database:
            await database.execute("BEGIN IMMEDIATE")
            await ended.wait()
            await database.execute("SELECT 1")
            await database.commit()

    async def late() -> None:
        async with aiosqlite.connect(path, isolation_level=None) as database:
            task = asyncio.ensure_future(_awaited(database.execute("BEGIN IMMEDIATE")))
            await waits.wait()
            task.cancel()
            ended.set()
            await asyncio.gather(database.rollback(), _awaited(database.execute("SELECT 1")))
            scene.log.append(f"in a transaction: {database.in_transaction}")

    with gated([]):
        gate = scene.play(holds, late)
    assert (scene.log, gate.loose) == (["in a transaction: False"], "")
    assert gate.trace.turns[:4] == (1, 2, 1, 2)


def test_whoever_is_no_worker_waits_as_ever(tables: tuple[Table, Table]) -> None:
    """For as long as SQLite would have."""
    tables[0].database.execute("BEGIN IMMEDIATE")
    tables[1].database.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        tables[1].database.execute("BEGIN IMMEDIATE")


# -- small things -----------------------------------------------------------------------------------


def test_how_long_a_call_may_take_is_measured() -> None:
    """Ten times as long as calls took, which is forgotten bit by bit; within bounds."""
    grace = Grace(least=1.0, most=100.0)
    seen = [grace.seconds]
    for seconds in (5.0, 1.0, 50.0):
        grace.took(seconds)
        seen.append(round(grace.seconds, 6))
    assert seen == [1.0, 50.0, 45.0, 100.0]


def test_a_call_may_take_longer_for_a_while() -> None:
    """However long others took; afterwards it is as before."""
    grace = Grace()
    seen = [grace.seconds]
    with grace.extended():
        seen.append(grace.seconds)
    assert [*seen, grace.seconds] == [LEAST, EXTENDED, LEAST]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((), "fetch"),
        (("SELECT  1\n FROM jobs", ("a",)), "SELECT 1 FROM jobs"),
        ((sqlite3.connect,), "connect"),
        ((partial(print, len, 1),), "len"),
        ((partial(print, "GET"), "more"), "GET"),
        ((object(), b"x"), "fetch"),
        (((each for each in "x"),), "<genexpr>"),
        (("x" * 100,), "x" * 69 + "…"),
    ],
)
def test_a_call_is_told_by_its_statement(arguments: tuple[Any, ...], what: str) -> None:
    """Or by the name of what it calls; on one line, and not too long."""
    assert described("fetch", arguments) == what
