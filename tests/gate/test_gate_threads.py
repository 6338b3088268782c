"""Stores of plain functions on a driver, explored in threads, statement by statement."""

from __future__ import annotations

import fcntl
import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments import hands
from async_contract.experiments.bench import Settings
from async_contract.experiments.blocking import ONLY_PROCESSES
from async_contract.experiments.cases import case_of, read
from async_contract.experiments.choosers import Alternating
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.gate_drivers import find
from async_contract.experiments.limits import Limits
from async_contract.experiments.programs import Kind, Program, Step
from async_contract.experiments.scheduled import Effort
from async_contract.experiments.thread_gate import DRIVERS, StatementStage, gated
from async_contract.experiments.threads import ThreadStage
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import Explorations
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.verdict import Label, Verdict
from async_contract.mutants.connections import ConnectedStore, LeasesInOneLine
from async_contract.mutants.shelves import NoLock, ShelfStore
from async_contract.store import Job

EFFORT = Effort(programs=6, schedules=8, seconds=300.0, tries=60, patience=300.0)
TWO: Program = (Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE), Step(2, Kind.LEASE))


def explored(
    harness: StoreHarness, effort: Effort = EFFORT, stage: type[ThreadStage] = StatementStage
) -> Exploration:
    """What programs in threads show of a store."""
    with Sandboxes() as sandboxes:
        return stage(harness, sandboxes, Settings()).explore(effort, 0)


def test_a_store_whose_calls_are_transactions_keeps_the_contract() -> None:
    """Under every order of its statements, and each of them is replayed to the statement."""
    found = explored(ConnectedStore.reached())
    assert (found.findings, found.left, found.stopped, found.loose) == ({}, "", "", 0)
    assert found.programs == 6


@pytest.fixture(scope="module")
def in_one_line() -> Finding:
    """What is found of a store with two statements in a line."""
    effort = replace(EFFORT, until="lease/exclusive")
    return explored(LeasesInOneLine.reached(), effort).findings["lease/exclusive"]


def test_two_statements_in_one_line_are_found_apart(in_one_line: Finding) -> None:
    """It takes one pause, before the second of them; and the order that comes of it is told."""
    late, order = in_one_line.violation.schedule
    assert late == (
        "pause worker 1 at its 3rd step for 1 turn, before UPDATE jobs SET state = 'leased', due = ? WHERE "
        "place IN ( SELECT pla…"
    )
    assert order.removeprefix("so they come in this order: ").split(", worker ") == [
        "worker 1: SELECT id, kind, tenant, payload FROM…", "2: SELECT id, kind, tenant, payload FROM…",
        "2: UPDATE jobs SET state = 'leased', due…", "1: UPDATE jobs SET state = 'leased', due…",
    ]  # fmt: skip
    assert [step.kind.name for step in in_one_line.program] == ["ENQUEUE", "LEASE", "LEASE"]


def test_what_was_not_seen_again_is_not_replayed_once_more(
    monkeypatch: pytest.MonkeyPatch, in_one_line: Finding
) -> None:
    """It has no schedule."""
    seen = Exploration({"lease/exclusive": replace(in_one_line, again=False)})
    monkeypatch.setattr(ThreadStage, "_explored", lambda *_: seen)
    assert explored(LeasesInOneLine.reached()) is seen


def test_line_by_line_they_are_not() -> None:
    """A line is one step there."""
    found = explored(LeasesInOneLine.reached(), replace(EFFORT, programs=2), ThreadStage)
    assert found.findings == {}


def test_what_was_found_is_replayed_to_the_statement(in_one_line: Finding) -> None:
    """By its token, in the same words each time."""
    case, told = read(case_of("lease/exclusive", in_one_line).token), []
    with Sandboxes() as sandboxes:
        for _ in range(5):
            found = verify(LeasesInOneLine.reached(), case.clause, sandboxes=sandboxes, only=case)
            told.append((found.verdict.violations[0].schedule, found.verdict.label))
    assert told == [(in_one_line.violation.schedule, Label.STATEMENT_EXACT)] * 5


def test_a_store_without_a_driver_has_no_gate() -> None:
    """It goes line by line, and nobody is told of a gate."""
    harness, explorations = NoLock.reached(), Explorations()
    with Sandboxes() as sandboxes:
        verify(
            harness, "lease/exclusive", sandboxes=sandboxes, limits=Limits(effort="quick"),
            explorations=explorations,
        )  # fmt: skip
    done = explorations.done(harness)
    assert done is not None
    assert done.ways["statements"] == replace(Exploration(), began=done.ways["statements"].began)
    assert [each.way for each in done.spent] == ["in order", "in threads, line by line"]


def test_what_the_gate_has_found_is_not_looked_for_line_by_line() -> None:
    """It goes first, since it takes a tenth of the steps."""
    harness, explorations = LeasesInOneLine.reached(), Explorations()
    limits = Limits(effort="quick", until="lease/exclusive")
    with Sandboxes() as sandboxes:
        found = verify(
            harness, "lease/exclusive", sandboxes=sandboxes, limits=limits, explorations=explorations
        )
    assert (found.verdict.verdict, found.verdict.label) == (Verdict.BROKEN, Label.STATEMENT_EXACT)
    done = explorations.done(harness)
    assert done is not None
    assert list(done.ways) == ["order", "statements"]


def order_of(harness: StoreHarness) -> list[str]:
    """The calls of drivers of two workers that take turns."""
    with Sandboxes() as sandboxes:
        stage = StatementStage(harness, sandboxes, Settings())
        with stage.open():
            stage.run(TWO, Alternating())
            return stage._order()


# -- drivers ------------------------------------------------------------------------------------------


class Driver:
    """A driver's connection."""

    def __init__(self) -> None:
        self.serve: Callable[[str], object] = str

    def execute(self, statement: str) -> None:
        """Talk to the server, by another function."""
        self.send(statement)

    def send(self, statement: str) -> None:
        """Talk to the server."""
        self.serve(statement)

    async def fetch(self, statement: str) -> None:
        """Talk to the server, for another kind of store."""


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> type[Driver]:
    """A driver that can be imported, and a known one of another version."""
    module: Any = ModuleType("mydriver")
    module.Connection = Driver
    monkeypatch.setitem(sys.modules, "mydriver", module)
    monkeypatch.setitem(sys.modules, "valkey", ModuleType("valkey"))
    return Driver


class Shelf(ShelfStore):
    """A store that asks a server for everything, without a lock."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        self.driver.execute("look")
        jobs = self.chosen(limit)
        self.driver.execute("take")
        self.take(jobs)
        return jobs


def named(store: Any = Shelf) -> StoreHarness:
    """A harness that names the calls of the driver."""
    calls = ["mydriver.Connection.execute", "mydriver.Connection.send"]
    return StoreHarness(store, driver_calls=calls, capabilities=Capabilities(redelivers=True))


def test_a_driver_is_named_in_a_line_of_the_harness() -> None:
    """A call that one of its functions makes by another is no step of its own."""
    assert order_of(named()) == [
        "worker 2: look", "worker 1: look", "worker 2: take", "worker 1: take",
    ]  # fmt: skip


def test_a_call_waits_for_its_turn_before_a_lock_too() -> None:
    """So stores that lock and ask are found apart."""
    late = explored(named(), replace(EFFORT, until="lease/exclusive")).findings["lease/exclusive"]
    assert late.violation.schedule[0] == "pause worker 1 at its 3rd step for 1 turn, before take"


def test_a_named_call_is_replaced_for_a_while(driver: type[Driver]) -> None:
    """In other threads than the workers' it is what it was."""
    before = driver.execute
    with gated(["mydriver.Connection.execute"]):
        during = driver.execute
        during(Driver(), "look")
    assert (during is before, driver.execute is before) == (False, True)


NOTHING = "and there is no such thing to import; write the path of a function, with its module and its class"
COROUTINE = (
    "which is no plain function (def), as those of a store with plain functions are; write the path of the "
    "method in which the driver talks to its server"
)


@pytest.mark.parametrize(("name", "says"), [("exceute", NOTHING), ("fetch", COROUTINE)])
def test_what_is_no_plain_function_cannot_be_named(name: str, says: str) -> None:
    """What was seen, what is allowed, what to write."""
    path = f"mydriver.Connection.{name}"
    with pytest.raises(HarnessError) as raised, gated([path]):
        pass
    assert str(raised.value) == f"driver_calls names {path!r}, {says}, such as 'mydriver.Connection.execute'"


@pytest.mark.parametrize("module", sorted({*DRIVERS} - {"valkey"}))
def test_the_known_drivers_have_these_functions(module: str) -> None:
    """In the versions that are installed here."""
    pytest.importorskip(module)
    assert [path for path in DRIVERS[module] if find(path) is None] == []


class Rows(Shelf):
    """A correct store whose server makes whoever comes wait until nobody else has a transaction open."""

    def __init__(self) -> None:
        super().__init__()
        self.row = hands._new_lock()
        self.driver.serve = self.serve

    def serve(self, statement: str) -> None:
        """What the server does."""
        if statement == "begin":
            self.row.acquire()
        else:
            self.row.release()

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        self.driver.execute("begin")
        jobs = self.chosen(limit)
        self.take(jobs)
        self.driver.execute("commit")
        return jobs


def test_who_waits_in_a_server_is_not_waited_for() -> None:
    """The others go on after a moment, and nobody is blamed."""
    found = explored(named(Rows), replace(EFFORT, programs=2))
    assert (found.findings, found.left, found.stopped, found.loose > 0) == ({}, "", "", True)


def test_an_order_that_was_not_controlled_is_a_best_effort(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure says how often its schedule showed it again, and why not exactly."""
    worked = StatementStage._work

    async def work(stage: StatementStage, *arguments: Any) -> None:
        await worked(stage, *arguments)
        stage._crew.stalls += 1

    monkeypatch.setattr(StatementStage, "_work", work)
    found = explored(named(), replace(EFFORT, programs=1, until="lease/exclusive"))
    violation = found.findings["lease/exclusive"].violation
    assert (violation.label, found.loose > 0) == (Label.BEST_EFFORT, True)
    assert violation.schedule[-1] == (
        "5 of 5 tries of this schedule showed it again; a call of a driver did not return while all others "
        "stood still"
    )


class Opened(Shelf):
    """The same store with a thread of its own, which opens it and is there until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.opened, self.closed = threading.Event(), threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()
        self.opened.wait()

    def serve(self) -> None:
        """What the thread does."""
        self.opened.set()
        self.closed.wait()

    def close(self) -> None:
        """End the thread."""
        self.closed.set()


def test_a_store_may_wait_for_a_thread_of_its_own_to_open_it() -> None:
    """As for that of a pool, in real time; then its calls are ordered as any other's."""
    late = explored(named(Opened), replace(EFFORT, until="lease/exclusive")).findings["lease/exclusive"]
    assert (late.violation.label, late.again) == ("", True)
    assert late.violation.schedule[0] == "pause worker 1 at its 3rd step for 1 turn, before take"


class OnProcessLocks(ShelfStore):
    """It locks a file as only another process heeds it."""

    def lease(self, limit: int) -> Sequence[Job]:
        """Deliver the first ones."""
        with Path(__file__).open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH)
        return super().lease(limit)


def test_a_store_that_threads_cannot_use_is_left_with_the_reason() -> None:
    """And not passed over as one without a driver."""
    found = explored(StoreHarness(OnProcessLocks, capabilities=Capabilities(redelivers=True)))
    assert (found.programs, found.left) == (0, ONLY_PROCESSES)


# -- SQLite -------------------------------------------------------------------------------------------


class Everything(ShelfStore):
    """It uses its connection in every way there is."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.database = sqlite3.connect(sandbox.path / "q", check_same_thread=False)
        self.database.execute("CREATE TABLE IF NOT EXISTS notes (text)")

    def lease(self, limit: int) -> list[Job]:
        """Deliver nothing."""
        self.database.rollback()
        self.database.commit()
        self.database.executescript("SELECT 1; SELECT 2")
        self.database.cursor().executemany("INSERT INTO notes VALUES (?)", [("a",), ("b",)])
        self.database.rollback()
        with self.database:
            self.database.execute("INSERT INTO notes VALUES ('c')")
        return []

    def close(self) -> None:
        """Close the connection."""
        self.database.close()


def test_each_statement_of_a_connection_is_a_step(tmp_path: Path) -> None:
    """And where no transaction is open, none is ended."""
    with Sandboxes() as sandboxes:
        stage = StatementStage(StoreHarness(Everything), sandboxes, Settings())
        with stage.open():
            stage.run((Step(1, Kind.LEASE),), Alternating())
            order = stage._order()
    assert order == [
        f"worker 1: {each}"
        for each in (
            "SELECT 1; SELECT 2", "INSERT INTO notes VALUES (?)", "ROLLBACK",
            "INSERT INTO notes VALUES ('c')", "COMMIT",
        )
    ]  # fmt: skip
