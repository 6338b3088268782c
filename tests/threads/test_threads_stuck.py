"""Workers in threads that wait for one another, which is told of; who only waits is not blamed."""

from __future__ import annotations

import asyncio
import fcntl
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments import hands
from async_contract.experiments.bench import Settings
from async_contract.experiments.cases import Case
from async_contract.experiments.choosers import OwnOrder
from async_contract.experiments.findings import Exploration
from async_contract.experiments.hands import CantBeStepped, Crew, Hung
from async_contract.experiments.locks import swapped
from async_contract.experiments.loop import Run, simulate
from async_contract.experiments.pauses import Following, Pause, encode
from async_contract.experiments.programs import Kind, Program, Step
from async_contract.experiments.scheduled import Effort
from async_contract.experiments.stuck import Deadlock
from async_contract.experiments.threads import ThreadStage
from async_contract.experiments.verify import verify
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.mutants.connections import LocksInTheOtherOrder, WaitsForTheOtherFile
from async_contract.store import Job
from tests.conftest import Example
from tests.threads import crossing as crossing_store

DAY = 86_400.0
MEET: Program = (
    Step(0, Kind.ENQUEUE),
    Step(0, Kind.ENQUEUE),
    *(Step(1, each) for each in (Kind.LEASE, Kind.COMPLETE)),
    *(Step(2, each) for each in (Kind.LEASE, Kind.FAIL)),
)
EFFORT = Effort(programs=12, schedules=12, seconds=300.0, tries=20, patience=60.0)


@pytest.fixture
def crew() -> Iterator[Crew]:
    """Two threads that do not wait for long, while what blocks is replaced."""
    with swapped():
        crew = Crew(2, patience=2.0)
        yield crew
        crew.end()


def together(crew: Crew, *functions: Callable[[], object]) -> Run:
    """What comes of functions that are called in a thread each, and where the workers stood at the end."""

    async def main() -> object:
        return await asyncio.gather(*(crew.hands[n].call(each) for n, each in enumerate(functions, 1)))

    return simulate(main, OwnOrder())


def crossing(path: Path, timeout: float, hold: Callable[[], object] = lambda: None) -> Any:
    """Two functions that lock two files, each another one first."""

    def locked(*names: str) -> Callable[[], str]:
        def lock() -> str:
            made = [sqlite3.connect(path / name, timeout=timeout, isolation_level=None) for name in names]
            try:
                made[0].execute("BEGIN IMMEDIATE")
                time.sleep(0.1)
                hold()
                made[1].execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return str(error)
            finally:
                for each in made:
                    each.close()
            return "done"

        return lock

    return locked("a", "b"), locked("b", "a")


def test_whom_sqlite_turns_away_in_time_is_not_blamed(crew: Crew, tmp_path: Path) -> None:
    """One gets its error when its wait is over, and so the other one goes on, after few steps."""
    run = together(crew, *crossing(tmp_path, 1.5))
    assert run.result == ["done", "database is locked"]
    assert sum(run.steps) < 50


def test_a_wait_that_ends_later_than_a_call_may_take_is_told_of(crew: Crew, tmp_path: Path) -> None:
    """What each does, and at which line."""
    crew.hands[1].doing = "lease"
    run = together(crew, *crossing(tmp_path, 60.0))
    assert isinstance(run.error, Hung)
    line = rf"{re.escape(__file__)}:\d+ in lock: " + re.escape('made[1].execute("BEGIN IMMEDIATE")')
    assert re.fullmatch(
        r"calls did not return within 2 s, since workers wait for one another: "
        rf"worker 1 is in its lease at {line}; worker 2 is in its call at {line}",
        str(run.error),
    )


def test_a_wait_without_an_end_is_a_proof(crew: Crew, tmp_path: Path) -> None:
    """A day is one: nobody can go on, and no timer waits."""
    assert isinstance(together(crew, *crossing(tmp_path, DAY)).error, Deadlock)


def test_who_only_sleeps_will_go_on(crew: Crew, tmp_path: Path) -> None:
    """However long another one waits for it."""

    def sleeps() -> None:
        with closing(sqlite3.connect(tmp_path / "a", isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            time.sleep(30)

    def waits() -> str:
        with closing(sqlite3.connect(tmp_path / "a", timeout=60.0, isolation_level=None)) as database:
            time.sleep(0.1)
            database.execute("BEGIN IMMEDIATE")
            return "done"

    assert together(crew, sleeps, waits).result == [None, "done"]


def test_one_that_waits_alone_is_not_blamed_for_others(crew: Crew, tmp_path: Path) -> None:
    """It gets its error after its whole wait, in a few steps."""
    with closing(sqlite3.connect(tmp_path / "a", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        run = together(crew, crossing(tmp_path, 60.0)[0])
    assert (run.result, sum(run.steps) < 100) == (["database is locked"], True)


def test_locks_of_files_in_two_orders_are_a_proof(crew: Crew, tmp_path: Path) -> None:
    """Nobody turns away who waits for such a lock."""

    def locked(*names: str) -> Callable[[], None]:
        def lock() -> None:
            with (tmp_path / names[0]).open("w") as first, (tmp_path / names[1]).open("w") as second:
                fcntl.flock(first, fcntl.LOCK_EX)
                time.sleep(0.1)
                fcntl.flock(second, fcntl.LOCK_EX)

        return lock

    assert isinstance(together(crew, locked("a", "b"), locked("b", "a")).error, Deadlock)


def test_one_that_waits_outside_of_python_while_nobody_else_calls_is_no_company(crew: Crew) -> None:
    """Whatever it waits for, it is no other worker."""
    lock = hands._new_lock()
    lock.acquire()
    crew.patience = 0.05
    run = together(crew, lock.acquire)
    assert (type(run.error), "as far as it could" in str(run.error)) == (CantBeStepped, True)
    lock.release()


class Table:
    """A store in two files of SQLite, both locked by who changes a job, in the same order by all."""

    timeout = 10.0
    factory: Any = None

    def __init__(self, sandbox: Sandbox) -> None:
        options = {} if self.factory is None else {"factory": self.factory}
        self.jobs, self.notes = (
            sqlite3.connect(sandbox.path / name, timeout=self.timeout, isolation_level=None, **options)
            for name in ("jobs", "notes")
        )
        self.jobs.execute(
            "CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY, id, kind, tenant, payload, state)"
        )
        self.notes.execute("CREATE TABLE IF NOT EXISTS notes (text)")

    def change(self, sql: str, *values: object, first: str = "jobs") -> list[Any]:
        """Change jobs, with both files locked."""
        files = [self.jobs, self.notes] if first == "jobs" else [self.notes, self.jobs]
        begun = []
        try:
            for each in files:
                each.execute("BEGIN IMMEDIATE")
                begun.append(each)
            rows: list[Any] = self.jobs.execute(sql, values).fetchall()
            return rows
        finally:
            for each in begun:
                each.execute("COMMIT")

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        values = (job.id, job.kind, job.tenant_id, job.payload)
        self.change(
            "INSERT INTO jobs (id, kind, tenant, payload, state) VALUES (?, ?, ?, ?, 'ready')", *values
        )

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones, in one statement."""
        rows = self.change(
            "UPDATE jobs SET state = 'leased' WHERE number IN (SELECT number FROM jobs WHERE state = 'ready' "
            "ORDER BY number LIMIT ?) RETURNING id, kind, tenant, payload",
            max(limit, 0),
        )
        return [Job(*row) for row in rows]

    def complete(self, id: str) -> None:
        """End a lease."""
        self.end(id, "done")

    def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        self.end(id, "ready")

    def end(self, id: str, state: str, **options: str) -> None:
        """Change the state of a job on lease."""
        sql = "UPDATE jobs SET state = ? WHERE id = ? AND state = 'leased' RETURNING id"
        if not self.change(sql, state, id, **options):
            raise KeyError(id)

    def close(self) -> None:
        """Close the connections."""
        self.jobs.close()
        self.notes.close()


class Crossing(Table):
    """Who ends a lease locks the other file first."""

    def end(self, id: str, state: str, **options: str) -> None:
        """Change the state of a job on lease."""
        super().end(id, state, first="notes")


class Own(sqlite3.Connection):
    """A connection of the store's own, which really waits."""


class Blocking(Table):
    """It waits where nobody sees it."""

    factory = Own
    timeout = 60.0


class Hidden:
    """Two locks where nobody looks for them, taken in two orders: it waits where nobody sees it."""

    def __init__(self) -> None:
        self.ready: list[Job] = []
        self.leased: dict[str, Job] = {}
        self.locks = [hands._new_lock(), hands._new_lock()]

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.ready.append(job)

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        with self.locks[0]:
            jobs = self.ready[: max(limit, 0)]
            with self.locks[1]:
                self.leased |= {job.id: job for job in jobs}
                del self.ready[: len(jobs)]
                return jobs

    def complete(self, id: str) -> None:
        """End a lease."""
        with self.locks[1]:
            job = self.leased[id]
            with self.locks[0]:
                del self.leased[job.id]

    def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        with self.locks[0], self.locks[1]:
            self.ready.append(self.leased.pop(id))


class WithCompany(Hidden):
    """It has a thread of its own, which may end the wait."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = threading.Event()
        threading.Thread(target=self.stopped.wait, daemon=True).start()

    def close(self) -> None:
        """End the thread."""
        self.stopped.set()


class GoesRound(Hidden):
    """It tries again and again, without an end."""

    def __init__(self) -> None:
        super().__init__()
        self.locks = [Patient(), Patient()]  # type: ignore[list-item]


class Patient:
    """A lock for which one asks until one has it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        while not self.lock.acquire(blocking=False):
            time.sleep(0.01)

    def __exit__(self, *error: object) -> None:
        self.lock.release()


def stage(store: Any, sandboxes: Sandboxes, limit: float | None = 5.0) -> ThreadStage:
    """A stage for a store, whose calls may take so long."""
    own = "sandbox" in store.__init__.__annotations__
    promised = Capabilities(sharing="connection" if own else "instance", redelivers=True)
    return ThreadStage(StoreHarness(store, capabilities=promised), sandboxes, Settings(call_limit=limit))


def explored(store: Any, effort: Effort = EFFORT, limit: float | None = 5.0) -> Exploration:
    """What programs in threads show of a store."""
    with Sandboxes() as sandboxes:
        return stage(store, sandboxes, limit).explore(effort, 0)


@pytest.mark.parametrize("store", [LocksInTheOtherOrder, WaitsForTheOtherFile])
def test_connections_that_wait_for_one_another_for_ever_break_a_clause(store: Any) -> None:
    """The failure says what each worker does, and at which line it stands."""
    with Sandboxes() as sandboxes:
        found = ThreadStage(store.reached(), sandboxes, Settings()).explore(EFFORT, 0).findings
    assert list(found) == ["complete/accepted"]
    *pauses, first, second = found["complete/accepted"].violation.schedule
    assert all(each.startswith("pause worker ") for each in pauses)
    assert re.fullmatch(r"then worker 1 is in its complete of job-0\d at .*\.py:\d+ in .*, for ever", first)
    assert re.fullmatch(r"then worker 2 is in its lease at .*\.py:\d+ in .*, for ever", second)


def test_connections_that_wait_for_one_another_longer_than_a_call_may_end_the_exploring() -> None:
    """That is no proof, but nothing is held either: what each worker does is told."""
    found = explored(Crossing)
    assert (found.findings, found.left) == ({}, "")
    assert found.stopped.startswith("calls did not return within 5 s, since workers wait for one another: ")
    assert found.stopped.count('each.execute("BEGIN IMMEDIATE")') == 2


def test_who_is_turned_away_within_the_time_of_a_call_is_not_blamed() -> None:
    """The same store, with more time for a call."""
    found = explored(Crossing, Effort(programs=6, schedules=12, seconds=300.0), limit=30.0)
    assert (found.findings, found.left, found.stopped, found.programs) == ({}, "", "", 6)


def test_what_was_found_before_is_not_taken_back() -> None:
    """A breach is a proof, whatever hangs later."""
    with Sandboxes() as sandboxes:
        place = stage(Crossing, sandboxes)
        place.run(MEET, OwnOrder())
        found = explored(LostAndCrossing)
    assert (list(found.findings), found.stopped) == (["lease/exclusive"], "")
    assert found.left.startswith("calls did not return within 5 s")


class LostAndCrossing(Crossing):
    """Leases don't keep jobs from others, until both files are locked."""

    def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        rows = self.jobs.execute(
            "SELECT id, kind, tenant, payload FROM jobs WHERE state = 'ready' ORDER BY number LIMIT ?",
            (max(limit, 0),),
        ).fetchall()
        for row in rows:
            self.change("UPDATE jobs SET state = 'leased' WHERE id = ?", row[0])
        return [Job(*row) for row in rows]


def test_a_store_that_waits_where_nobody_sees_it_is_not_blamed() -> None:
    """The lock is held by a worker who was told to wait, and who goes on while the other one blocks."""
    found = explored(Blocking, Effort(programs=3, schedules=6, seconds=300.0))
    assert (found.findings, found.left, found.stopped, found.programs) == ({}, "", "", 3)
    assert found.loose > 0


def test_workers_that_wait_for_one_another_where_nobody_sees_it_are_told_of() -> None:
    """After as long as a call may take."""
    found = explored(Hidden, limit=0.2)
    assert (found.findings, found.left) == ({}, "")
    assert re.search(r"worker \d is in its complete of job-0\d at .*: with self.locks\[0\]:", found.stopped)
    assert re.search(r"worker \d is in its (lease|fail) .*: with self.locks\[[01]\]", found.stopped)


def test_a_store_with_threads_of_its_own_is_left_instead() -> None:
    """They may be what everybody waits for."""
    found = explored(WithCompany, limit=0.2)
    assert (found.findings, found.stopped) == ({}, "")
    assert found.left == "it has threads of its own, for which the others may wait"


def test_workers_that_go_round_for_ever_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each goes on often enough, and far longer than any call that came back."""
    monkeypatch.setattr(ThreadStage, "max_steps", 4_000)
    monkeypatch.setattr(hands, "OFTEN", 400)
    found = explored(GoesRound)
    assert found.stopped.startswith(
        "calls did not return within 4000 steps, since workers wait for one another"
    )


def test_a_lease_that_goes_round_may_wait_for_jobs(crew: Crew) -> None:
    """As long as nobody does anything else, nobody is told of."""
    for each in crew.hands.values():
        each.doing, each.turns, each._function = "lease", hands.OFTEN, int
    assert not crew.goes_round(0)
    crew.hands[2].doing = "complete of job-01"
    assert crew.goes_round(hands.OFTEN // hands.TIMES)
    assert not crew.goes_round(hands.OFTEN)
    for each in crew.hands.values():
        each._function = None


def test_a_case_that_hangs_is_an_error() -> None:
    """What each worker does is told, as when it was found."""
    promised = Capabilities(sharing="connection", redelivers=True)
    harness = StoreHarness(Crossing, capabilities=promised)
    with Sandboxes() as sandboxes:
        place = stage(Crossing, sandboxes)
        with place.open():
            places = ((step, turns) for step in range(3, 60) for turns in (20, 60))
            late = next(each for each in places if _hangs(place, Pause(1, *each)))
        case = Case("complete/accepted", "threads", MEET, encode((Pause(1, *late),)))
        found = verify(harness, "complete/accepted", sandboxes=sandboxes, only=case, tries=1)
    assert (found.verdict.verdict, found.verdict.reason) == (Verdict.ERROR, place.hung)


def _hangs(place: ThreadStage, pause: Pause) -> bool:
    place.hung = ""
    place.run(MEET, Following((pause,)))
    return bool(place.hung)


@pytest.mark.parametrize(("timeout", "says"), [(60, "could not be judged"), (86_400, "is broken")])
def test_a_user_reads_what_each_worker_does(example: Example, timeout: int, says: str) -> None:
    """Whether the wait is proved to have no end or only takes too long."""
    with Sandboxes() as sandboxes:
        place = ThreadStage(crossing_store.harness, sandboxes, Settings())
        with place.open():
            late = next(each for each in range(3, 60) if _hangs(place, Pause(1, each, 60)))
    token = Case("complete/accepted", "threads", MEET, encode((Pause(1, late, 60),))).token
    text = Path(crossing_store.__file__).read_text().replace("60.0", f"{timeout}.0")
    run = example.having({"crossing.py": text}).run_pytest(
        "--async-contract=crossing:harness", f"--async-contract-reproduce={token}"
    )
    assert (run.status, run.counts["failed"]) == (1, 1)
    told = run.section("FAILURES")
    assert f"complete/accepted {says}" in told
    assert re.search(r"worker 1 is in its complete of job-0\d at", told)
    assert "worker 2 is in its lease at" in told
    assert told.count('self.files[second].execute("BEGIN IMMEDIATE")') == 2
