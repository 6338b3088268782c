"""Stores of plain functions, explored in threads."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Settings
from async_contract.experiments.cases import case_of
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.limits import Limits
from async_contract.experiments.scheduled import Effort, Scheduler
from async_contract.experiments.threads import ThreadStage
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import WAY, Explorations
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.store import Job

EFFORT = Effort(programs=12, schedules=12, seconds=60.0, tries=60, patience=60.0)


class Queue:
    """A correct store in memory; its subclasses are not."""

    def __init__(self) -> None:
        self.ready: list[Job] = []
        self.leased: dict[str, Job] = {}
        self.lock: Any = threading.Lock()

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        with self.lock:
            self.ready.append(job)

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        with self.lock:
            jobs = self.ready[: max(limit, 0)]
            self.leased |= {job.id: job for job in jobs}
            del self.ready[: len(jobs)]
            return jobs

    def complete(self, id: str) -> None:
        """End a lease."""
        with self.lock:
            del self.leased[id]

    def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        with self.lock:
            self.ready.append(self.leased.pop(id))


class Reentrant(Queue):
    """A lock that its owner can take twice."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        with self.lock:
            return super().lease(limit)


class Unlocked(Queue):
    """Two workers see the same jobs."""

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        jobs = self.ready[: max(limit, 0)]
        self.leased |= {job.id: job for job in jobs}
        self.ready = self.ready[len(jobs) :]
        return jobs


class TwoOrders(Queue):
    """Two locks, taken in two orders."""

    def __init__(self) -> None:
        super().__init__()
        self.other = threading.Lock()

    def complete(self, id: str) -> None:
        """End a lease."""
        with self.lock, self.other:
            del self.leased[id]

    def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        with self.other, self.lock:
            self.ready.append(self.leased.pop(id))


class OfItsOwn(TwoOrders):
    """It has a thread of its own, for which the others may wait."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = threading.Event()
        threading.Thread(target=self.stopped.wait, daemon=True).start()

    def close(self) -> None:
        """End the thread."""
        self.stopped.set()


class WaitsToBeOpen(TwoOrders):
    """Whoever opens it waits, as if for its thread, and then ends that."""

    def __init__(self) -> None:
        super().__init__()
        stopped = threading.Event()
        thread = threading.Thread(target=stopped.wait, daemon=True)
        thread.start()
        try:
            threading.Event().wait()
        finally:
            stopped.set()


class PartlyAsynchronous(Queue):
    """One of its functions gives what has to be awaited."""

    def complete(self, id: str) -> Any:
        """End a lease."""
        super().complete(id)
        return asyncio.sleep(0)


class OnProcessLocks(Queue):
    """It locks a file as only another process heeds it."""

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        with Path(__file__).open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH)
            return super().lease(limit)


DOUBLE_LEASE = replace(EFFORT, until="lease/exclusive")
"""Enough for those who ask about one finding."""


def explored(harness: StoreHarness, effort: Effort = EFFORT) -> Exploration:
    """What programs in threads show of a store."""
    with Sandboxes() as sandboxes:
        stage = ThreadStage(harness, sandboxes, Settings())
        with stage.open():
            return Scheduler(stage, 0).explore(effort)


@pytest.mark.parametrize("store", [Queue, Reentrant])
def test_a_store_with_a_lock_keeps_the_contract(store: Callable[[], Queue]) -> None:
    """Under every schedule."""
    found = explored(StoreHarness(store))
    assert (found.findings, found.left, found.programs) == ({}, "", 12)


@pytest.fixture(scope="module")
def unlocked() -> Finding:
    """What is found of a store without a lock."""
    return explored(StoreHarness(Unlocked), DOUBLE_LEASE).findings["lease/exclusive"]


def test_a_missing_lock_is_found_and_the_line_is_named(unlocked: Finding) -> None:
    """One worker is interrupted, once, between the look and the effect."""
    line = Unlocked.lease.__code__.co_firstlineno + 3
    assert unlocked.violation.happened == "worker 1 was given job-01, which was on lease to worker 2"
    assert unlocked.violation.schedule == (
        (
            f"pause worker 1 at its 3rd step for 1 turn, before test_threads_stage.py:{line} in lease: "
            "self.leased |= {job.id: job for job in jobs}"
        ),
    )
    assert [step.kind.name for step in unlocked.program] == ["ENQUEUE", "LEASE", "LEASE"]


def test_what_was_found_can_be_repeated_exactly(unlocked: Finding) -> None:
    """Ten times of ten, with the same words."""
    harness, case, told = StoreHarness(Unlocked), case_of("lease/exclusive", unlocked), []
    with Sandboxes() as sandboxes:
        for _ in range(10):
            found = verify(harness, "lease/exclusive", sandboxes=sandboxes, only=case)
            told.append(found.verdict.violations[0].schedule)
    assert told == [unlocked.violation.schedule] * 10


def test_threads_that_wait_for_one_another_are_found() -> None:
    """Neither of the calls ever returns."""
    [found] = explored(StoreHarness(TwoOrders)).findings.values()
    assert found.violation.happened == (
        "worker 1's complete of job-01, which it held, never returned: everybody waited for somebody else"
    )


@pytest.mark.parametrize(
    ("store", "left"),
    [
        (OfItsOwn, "it has threads of its own, for which the others may wait"),
        (WaitsToBeOpen, "it has threads of its own, for which the others may wait"),
        (PartlyAsynchronous, "it is asynchronous in part, and can't be stepped through line by line"),
        (
            OnProcessLocks,
            "it locks files with fcntl.lockf, which keeps processes apart, but not the threads of one",
        ),
    ],
)
def test_a_store_that_cannot_be_stepped_is_left_with_the_reason(
    store: Callable[[], Queue], left: str
) -> None:
    """Nothing is said against it."""
    found = explored(StoreHarness(store))
    assert (found.findings, found.left) == ({}, left)


class Table:
    """A correct store in SQLite; its subclass is not."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute(
            "CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY, id, kind, tenant, payload, state)"
        )

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        row = (job.id, job.kind, job.tenant_id, job.payload)
        self.database.execute(
            "INSERT INTO jobs (id, kind, tenant, payload, state) VALUES (?, ?, ?, ?, 'ready')", row
        )

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones, within one transaction."""
        self.database.execute("BEGIN IMMEDIATE")
        jobs = self.take(limit)
        self.database.execute("COMMIT")
        return jobs

    def take(self, limit: int) -> list[Job]:
        """Look, then act."""
        rows = self.database.execute(
            "SELECT id, kind, tenant, payload FROM jobs WHERE state = 'ready' ORDER BY number LIMIT ?",
            (max(limit, 0),),
        ).fetchall()
        for row in rows:
            self.database.execute("UPDATE jobs SET state = 'leased' WHERE id = ?", (row[0],))
        return [Job(*row) for row in rows]

    def complete(self, id: str) -> None:
        """End a lease."""
        self.end(id, "done")

    def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        self.end(id, "ready")

    def end(self, id: str, state: str) -> None:
        """Change the state of a job on lease."""
        done = self.database.execute(
            "UPDATE jobs SET state = ? WHERE id = ? AND state = 'leased'", (state, id)
        )
        if not done.rowcount:
            raise KeyError(id)

    def close(self) -> None:
        """Close the connection."""
        self.database.close()


class WithoutTransaction(Table):
    """Two connections see the same jobs."""

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        return self.take(limit)


def _table(store: Callable[[Path], Table]) -> StoreHarness:
    def connect(sandbox: Sandbox) -> Table:
        return store(sandbox.path / "jobs.sqlite")

    return StoreHarness(connect, capabilities=Capabilities(sharing="connection"))


def test_a_table_whose_workers_have_a_connection_each_keeps_the_contract() -> None:
    """Each connection is opened, used and closed in a thread of its own; waiting costs no time."""
    found = explored(_table(Table), Effort(programs=10, schedules=10, seconds=60.0))
    assert (found.findings, found.left) == ({}, "")


def test_a_missing_transaction_is_found() -> None:
    """The second connection looks before the first one acts."""
    found = explored(_table(WithoutTransaction), DOUBLE_LEASE).findings["lease/exclusive"]
    assert [step.kind.name for step in found.program] == ["ENQUEUE", "LEASE", "LEASE"]
    assert len(found.violation.schedule) == 1


def test_a_schedule_without_a_known_line_is_told_without_it() -> None:
    """As that of a step which the run under it did not come to."""
    with Sandboxes() as sandboxes:
        stage = ThreadStage(StoreHarness(Queue), sandboxes, Settings())
        assert stage.tell(WAY["threads"].read("s1_1-3-1")) == ("pause worker 1 at its 3rd step for 1 turn",)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors can't be chosen here")
def test_one_processor_does_while_only_one_thread_runs() -> None:
    """Those that were allowed before are allowed again."""
    before = os.sched_getaffinity(0)
    with Sandboxes() as sandboxes, ThreadStage(StoreHarness(Queue), sandboxes, Settings()).open():
        during = os.sched_getaffinity(0)
    assert (len(during), os.sched_getaffinity(0)) == (1, before)


def test_where_processors_cannot_be_chosen_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS and Windows."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert explored(StoreHarness(Queue), Effort(programs=1, schedules=1)).programs == 1


def test_threads_are_a_way_for_stores_of_plain_functions_that_are_shared() -> None:
    """They take part in what is found of a clause."""
    harness = StoreHarness(Unlocked)
    limits, explorations = Limits(effort="quick"), Explorations()
    with Sandboxes() as sandboxes:
        found = verify(
            harness, "lease/exclusive", sandboxes=sandboxes, limits=limits, explorations=explorations
        )
    assert found.verdict.verdict is Verdict.BROKEN
    spent = explorations.done(harness)
    assert spent is not None
    assert [each.way for each in spent.spent] == ["in order", "in threads, line by line"]


def test_threads_are_no_way_for_a_store_that_is_not_shared() -> None:
    """Its only worker never meets another one."""
    harness = StoreHarness(Queue, capabilities=Capabilities(sharing="none"))
    assert not WAY["threads"].applies(harness)


@pytest.mark.parametrize("stalls", [False, True])
def test_a_thread_that_was_blocked_elsewhere_is_told(
    monkeypatch: pytest.MonkeyPatch,
    stalls: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Only among workers does it matter: then the order is not what the chooser said."""
    with Sandboxes() as sandboxes:
        stage = ThreadStage(StoreHarness(Unlocked), sandboxes, Settings())
        worked = stage._work

        async def work(*arguments: Any) -> None:
            await worked(*arguments)
            stage._crew.stalls += stalls

        monkeypatch.setattr(stage, "_work", work)
        with stage.open():
            done = Scheduler(stage, 0).explore(Effort(programs=1, seconds=300.0, patience=300.0))
    label = "best effort" if stalls else ""
    assert stage.controlled is not stalls
    assert (done.findings["lease/exclusive"].violation.label, bool(done.loose)) == (label, stalls)
