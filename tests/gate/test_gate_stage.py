"""Concurrent programs of stores on a driver."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import aiosqlite
import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments import gate_stage
from async_contract.experiments.bench import Settings
from async_contract.experiments.cases import case_of
from async_contract.experiments.choosers import OwnOrder
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.gate import Gate
from async_contract.experiments.gate_stage import Controlled, GateStage, explore
from async_contract.experiments.limits import STATEMENTS, Limits
from async_contract.experiments.openings import openings
from async_contract.experiments.programs import Kind, Program, Step
from async_contract.experiments.schedules import Diverged
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import Explorations
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.reference.memory import MemoryStore
from async_contract.store import Job

EFFORT = replace(STATEMENTS["normal"], programs=3, seconds=300.0, patience=300.0)
TWO_LEASES: Program = (Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE), Step(2, Kind.LEASE))


class Server:
    """What a driver talks to: jobs, by the state they are in."""

    def __init__(self) -> None:
        self.ready: list[Job] = []
        self.leased: list[Job] = []


class Connection:
    """A connection of a driver."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def look(self) -> list[Job]:
        """The jobs that are ready."""
        await asyncio.sleep(0)
        return list(self.server.ready)

    async def move(self, job: Job, *, leased: bool) -> None:
        """Put a job where it belongs."""
        await asyncio.sleep(0)
        source, target = self.server.ready, self.server.leased
        if not leased:
            source, target = target, source
        source[:] = [each for each in source if each.id != job.id]
        target.append(job)

    async def end(self, id: str) -> Job:
        """Take a job off lease."""
        await asyncio.sleep(0)
        for job in self.server.leased:
            if job.id == id:
                self.server.leased.remove(job)
                return job
        raise KeyError(id)


class LooksThenMoves:
    """A lease looks for jobs, and then moves them, whatever has become of them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        await self.connection.move(job, leased=False)

    async def lease(self, limit: int) -> Sequence[Job]:
        """Deliver some jobs."""
        jobs = (await self.connection.look())[: max(limit, 0)]
        for job in jobs:
            await self.connection.move(job, leased=True)
        return jobs

    async def complete(self, id: str) -> None:
        """End a lease."""
        await self.connection.end(id)

    async def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        job = await self.connection.end(id)
        await self.connection.move(job, leased=False)


CALLS = ("look", "move", "end")


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver, where it can be imported."""
    module: Any = ModuleType("mydriver")
    module.Connection = Connection
    monkeypatch.setitem(sys.modules, "mydriver", module)


def reached(store: type[LooksThenMoves] = LooksThenMoves, calls: Sequence[str] = CALLS) -> StoreHarness:
    """The harness of a store whose workers have a connection each."""
    servers: dict[str, Server] = {}

    def connect(sandbox: Sandbox) -> LooksThenMoves:
        return store(Connection(servers.setdefault(sandbox.name, Server())))

    return StoreHarness(
        connect, capabilities=Capabilities(sharing="connection"),
        driver_calls=[f"mydriver.Connection.{each}" for each in calls],
    )  # fmt: skip


def explored(harness: StoreHarness, until: str = "", **settings: Any) -> Exploration:
    """What is found at the gate; with a clause only until that is broken."""
    with Sandboxes() as sandboxes:
        stage = GateStage(harness, sandboxes, Settings(**settings))
        return explore(stage, replace(EFFORT, until=until), 0, frozenset())


def double_lease(harness: StoreHarness) -> Finding:
    """The one defect of these stores: that two workers are given a job at once."""
    return explored(harness, "lease/exclusive").findings["lease/exclusive"]


def test_what_comes_between_two_calls_of_a_driver_is_found() -> None:
    """Two workers, one job, a lease each; it is made small, and shows each time."""
    done = explored(reached())
    finding = done.findings["lease/exclusive"]
    assert (finding.program, finding.schedule, finding.way, finding.again) == (TWO_LEASES, (), "gate", True)
    order = "worker 1: look, worker 2: look, worker 1: move, worker 2: move"
    assert finding.violation.schedule == (f"so they come in this order: {order}",)
    assert (done.left, done.programs) == ("", 3)


class LeavesLate(LooksThenMoves):
    """A lease tidies up first, so that two seldom meet in the order in which they come."""

    leases = 0

    async def lease(self, limit: int) -> Sequence[Job]:
        """Deliver some jobs."""
        self.connection.server.__dict__["leases"] = number = (
            self.connection.server.__dict__.get("leases", 0) + 1
        )
        for _ in range(3 * number):
            await self.connection.look()
        return await super().lease(limit)


def test_the_schedule_names_the_calls_that_are_late() -> None:
    """By what they do."""
    pause, order = double_lease(reached(LeavesLate)).violation.schedule
    assert pause.startswith("pause worker ")
    assert pause.endswith(", before look")
    assert order.startswith("so they come in this order: worker ")
    assert order.endswith(" more")


def test_a_pause_where_nobody_was_is_told_without_a_call() -> None:
    """It has none."""
    with Sandboxes() as sandboxes:
        stage = GateStage(reached(), sandboxes, Settings())
        finding = double_lease(reached(LeavesLate))
        assert stage.tell(finding.schedule) == tuple(map(str, finding.schedule))


def test_a_store_without_a_known_driver_is_left() -> None:
    """With what to write."""
    done = explored(reached(calls=()))
    assert (done.findings, done.programs) == ({}, 0)
    assert done.left == (
        "no call of a driver was seen that could be ordered; name the coroutine functions in which the "
        "driver awaits its server: StoreHarness(..., driver_calls=['mydriver.Connection.execute'])"
    )


def test_a_name_that_leads_nowhere_is_an_error() -> None:
    """Of the harness, and the clause could not be judged."""
    with pytest.raises(HarnessError, match=r"driver_calls names 'mydriver\.Connection\.nothing'"):
        explored(reached(calls=["nothing"]))


class Hangs(LooksThenMoves):
    """The first lease by another worker never comes back."""

    async def lease(self, limit: int) -> Sequence[Job]:
        """Deliver some jobs."""
        jobs = await super().lease(limit)
        if jobs:
            await asyncio.Event().wait()
        return jobs


def test_a_store_that_hangs_is_left() -> None:
    """That proves nothing."""
    done = explored(reached(Hangs), call_limit=0.05)
    assert done.findings == {}
    assert done.left.startswith("lease did not return within 0.05 s: it hung at ")


def test_an_order_that_is_not_controlled_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how often the schedule shows the same, and why."""
    monkeypatch.setattr(gate_stage, "Controlled", lambda _="", passed=0: Controlled("so", passed))
    *_, told = double_lease(reached()).violation.schedule
    assert told == "5 of 5 tries of this schedule showed it again; so"


class Now(LooksThenMoves):
    """Breaks while somebody says so."""

    broken = True

    async def lease(self, limit: int) -> Sequence[Job]:
        """Deliver some jobs."""
        jobs = await super().lease(limit)
        return [*jobs, *jobs] if jobs and Now.broken else jobs


def test_what_does_not_show_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how often it did."""
    replayed = gate_stage.replayed
    monkeypatch.setattr(Now, "broken", True)

    def mended(*arguments: Any) -> Any:
        Now.broken = False
        return replayed(*arguments)

    monkeypatch.setattr(gate_stage, "replayed", mended)
    (finding,) = explored(reached(Now)).findings.values()
    assert finding.violation.schedule[-1] == "0 of 5 tries of this schedule showed it again"


class OnceOnly(LooksThenMoves):
    """One job in its life is delivered twice."""

    broken = False

    async def lease(self, limit: int) -> Sequence[Job]:
        """Deliver some jobs."""
        jobs = await super().lease(limit)
        if jobs and not OnceOnly.broken:
            OnceOnly.broken = True
            return [*jobs, *jobs]
        return jobs


def test_what_another_run_does_not_show_stands_by_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not replayed."""
    with Sandboxes() as sandboxes:
        stage = GateStage(reached(OnceOnly), sandboxes, Settings())
        run = stage.run

        def marked(program: Program, chooser: Any) -> Any:
            if program == openings(stage.menu)[0] and not stage.__dict__.get("warm"):
                stage.__dict__["warm"] = True
                OnceOnly.broken = True
                ended = run(program, chooser)
                OnceOnly.broken = False
                return ended
            return run(program, chooser)

        monkeypatch.setattr(stage, "run", marked)
        done = explore(stage, EFFORT, 0, frozenset({"lease/exclusive"}))
    assert {clause: each.again for clause, each in done.findings.items()}.get("lease/within-limit") is False


def test_a_chooser_that_fails_ends_the_run() -> None:
    """Such as one that repeats what is not there to be repeated."""

    class Fails:
        def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
            raise Diverged("nothing is as it was")

    with Sandboxes() as sandboxes:
        stage = GateStage(reached(), sandboxes, Settings())
        with stage.open(), pytest.raises(Diverged):
            stage.run(TWO_LEASES, Fails())


@pytest.mark.parametrize("label", ["statement-exact", "best effort"])
def test_what_is_found_can_be_tried_again(monkeypatch: pytest.MonkeyPatch, label: str) -> None:
    """By its token; a run whose order is not controlled to its end is only a best effort."""
    harness = reached()
    if label == "best effort":
        monkeypatch.setattr(Gate, "begin", _loosened(Gate.begin))
    finding = double_lease(harness)
    with Sandboxes() as sandboxes:
        case = case_of("lease/exclusive", finding)
        again = verify(harness, "lease/exclusive", sandboxes=sandboxes, only=case, tries=1)
    assert (case.way, again.verdict.verdict, again.verdict.label) == ("gate", Verdict.BROKEN, label)
    assert {each.label for each in again.verdict.violations} == {label}


def _loosened(begin: Callable[[Gate, int], Awaitable[None]]) -> Callable[[Gate, int], Awaitable[None]]:
    async def begin_and_loosen(gate: Gate, number: int) -> None:
        await begin(gate, number)
        gate.loose = "somebody was late"

    return begin_and_loosen


def test_the_gate_is_for_stores_that_leave_the_simulated_loop() -> None:
    """It comes before the races; a store that stays on the loop needs neither."""

    async def connect(sandbox: Sandbox) -> AsyncIterator[aiosqlite.Connection]:
        async with aiosqlite.connect(sandbox.path / "jobs.sqlite") as database:
            yield database

    class Driven(LooksThenMoves):
        """Stays in the loop, but for its connection."""

    async def driven(sandbox: Sandbox) -> AsyncIterator[LooksThenMoves]:
        async for _ in connect(sandbox):
            yield Driven(Connection(Server()))

    limits = Limits(effort="quick", until="lease/exclusive")
    with Sandboxes() as sandboxes:
        left = Explorations().of(StoreHarness(driven), sandboxes, replace(limits, until=""))
        stayed = Explorations().of(StoreHarness(MemoryStore), sandboxes, limits)
    assert list(left.ways) == ["order", "loop", "gate", "races"]
    assert "gate" not in stayed.ways


@pytest.mark.parametrize("virtual", [True, False])
def test_time_passes_at_the_gate_where_it_is_virtual(virtual: bool) -> None:  # noqa: FBT001 - a parameter
    """A worker that sleeps is woken by the chooser; in real time it just sleeps."""
    harness = StoreHarness(
        lambda: LooksThenMoves(Connection(Server())), virtual_time=virtual,
        capabilities=Capabilities(lease_timeout=0.001), driver_calls=["mydriver.Connection.look"],
    )  # fmt: skip
    with Sandboxes() as sandboxes:
        stage = GateStage(harness, sandboxes, Settings())
        with stage.open():
            run, _ = stage.run((Step(1, Kind.SLEEP),), OwnOrder())
    assert (run.trace.turns, stage.menu.sleeps) == ((1, -1) if virtual else (1,), virtual)


def test_a_run_waits_until_every_lease_has_expired_if_it_is_to() -> None:
    """In real time, since another worker's client may keep a job until then."""
    harness = StoreHarness(
        lambda: LooksThenMoves(Connection(Server())), driver_calls=["mydriver.Connection.look"],
        capabilities=Capabilities(lease_timeout=0.1),
    )  # fmt: skip
    with Sandboxes() as sandboxes:
        stage = GateStage(harness, sandboxes, Settings(waits=True))
        with stage.open():
            _, history = stage.run(TWO_LEASES, OwnOrder())
    assert history[-1].invoked - history[0].invoked > 100_000_000
