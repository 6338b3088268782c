"""Concurrent programs on the simulated loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import NotEmpty, Settings
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.findings import Exploration
from async_contract.experiments.interleavings import LoopStage, stuck_at, untimed
from async_contract.experiments.limits import Limits
from async_contract.experiments.openings import openings
from async_contract.experiments.pauses import Following, Pause
from async_contract.experiments.programs import Kind, Program, Step
from async_contract.experiments.scheduled import Effort, Scheduler, _Found
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import Explorations
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import CANCELLED, STUCK, UNKNOWN, Operation
from async_contract.judge.judge import judge
from async_contract.judge.verdict import Verdict
from async_contract.mutants.zoo import MUTANTS
from async_contract.reference.memory import MemoryStore
from async_contract.store import Job

EFFORT = Effort(programs=25, schedules=20, seconds=60.0)


class Queue:
    """A correct store in memory; its subclasses are not."""

    def __init__(self) -> None:
        self.ready: list[Job] = []
        self.leased: dict[str, Job] = {}

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.ready.append(job)

    async def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        await asyncio.sleep(0)
        jobs = self.ready[: max(limit, 0)]
        del self.ready[: len(jobs)]
        self.leased |= {job.id: job for job in jobs}
        return jobs

    async def complete(self, id: str) -> None:
        """End a lease."""
        del self.leased[id]

    async def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        self.ready.append(self.leased.pop(id))


class ChecksThenActs(Queue):
    """Two workers see the same job, but never in asyncio's own order: the calls start staggered."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    async def lease(self, limit: int) -> list[Job]:
        """Look, wait, take."""
        self.calls += 1
        for _ in range(3 * self.calls):
            await asyncio.sleep(0)
        jobs = self.ready[: max(limit, 0)]
        await asyncio.sleep(0)
        self.ready = [job for job in self.ready if job not in jobs]
        self.leased |= {job.id: job for job in jobs}
        return jobs


class FailsTwice(Queue):
    """A fail checks before it waits, and so does the next one."""

    async def fail(self, id: str, message: str) -> None:
        """Look, wait, put back."""
        job = self.leased[id]
        await asyncio.sleep(0)
        self.leased.pop(id, None)
        self.ready.append(job)


class Leaves(Queue):
    """A store that opens a database when it is first asked for jobs."""

    async def lease(self, limit: int) -> list[Job]:
        """Open it."""
        sqlite3.connect(":memory:").close()
        return await super().lease(limit)


class OnlyOnce(Queue):
    """A store that gives a job to two workers once in the life of the program."""

    times: ClassVar[int] = 1

    async def lease(self, limit: int) -> list[Job]:
        """Give again what another holds, once."""
        if self.leased and type(self).times and limit > 0:
            type(self).times -= 1
            return list(self.leased.values())[:limit]
        return await super().lease(limit)


class Full(Queue):
    """A store that somebody else works with, or is not what it was when it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.ready.append(Job("somebody's", "kind"))


def interleaved(
    store: Callable[[], object], seed: int = 0, effort: Effort = EFFORT, **options: object
) -> Exploration:
    """What comes of it."""
    with Sandboxes() as sandboxes:
        harness = StoreHarness(store, **options)  # type: ignore[arg-type]
        return Scheduler(LoopStage(harness, sandboxes, Settings()), seed).explore(effort)


@pytest.mark.parametrize("seed", range(3))
def test_a_staggered_double_lease_is_found_and_made_least(seed: int) -> None:
    """Two workers, one job, a lease each, and one pause."""
    found = interleaved(ChecksThenActs, seed, replace(EFFORT, until="lease/exclusive"))
    assert set(found.findings) == {"lease/exclusive"}
    raced = found.findings["lease/exclusive"]
    assert sorted(step.kind for step in raced.program) == [Kind.ENQUEUE, Kind.LEASE, Kind.LEASE]
    assert len(raced.schedule) == 1
    assert raced.violation.schedule == (str(raced.schedule[0]),)
    assert raced.violation.happened.endswith("which was on lease to worker 1") or "worker 2" in str(raced)


def test_what_a_simpler_schedule_showed_only_once_stands_by_its_history(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It can't be repeated by that schedule, and is not said to be."""
    monkeypatch.setattr(Scheduler, "_shows", lambda *_, **__: True)
    found = interleaved(ChecksThenActs, 0, replace(EFFORT, until="lease/exclusive"))
    raced = found.findings["lease/exclusive"]
    assert (raced.again, raced.schedule) == (False, ())


@pytest.mark.parametrize(
    ("patience", "others"),
    [(60.0, set()), (0.0, {"complete/rejected-means-not-done", "fail/rejected-means-not-done"})],
)
def test_whom_slow_runs_blame_is_not_looked_into_for_ever(patience: float, others: set[str]) -> None:
    """In time, only what is to blame is; without time, what was seen is reported as it was seen."""
    mutant = next(each for each in MUTANTS if each.name == "checks-then-acts")
    with Sandboxes() as sandboxes:
        scheduler = Scheduler(LoopStage(mutant.harness, sandboxes, Settings()), 0)
        found = scheduler.explore(replace(EFFORT, programs=3, patience=patience))
    assert set(found.findings) == {"lease/exclusive", *others}


def test_two_fails_between_check_and_effect_put_a_job_back_twice() -> None:
    """The job is then in two hands, or twice in one batch."""
    assert set(interleaved(FailsTwice).findings) & {"lease/exclusive", "lease/distinct"}


@pytest.mark.parametrize("store", [Queue, MemoryStore])
def test_a_correct_store_is_not_blamed_under_any_schedule(store: Callable[[], object]) -> None:
    """Many schedules are tried, and most of them differ."""
    found = interleaved(store)
    assert (found.findings, found.left, found.programs) == ({}, "", 25)
    assert 25 * 15 < found.schedules < 25 * 60
    assert found.distinct > 100
    assert found.counts["lease/exclusive"] > 25


def test_a_correct_store_with_times_is_not_blamed() -> None:
    """In virtual time its leases expire while it is simulated; in real time nothing of it is judged."""
    capabilities = Capabilities(lease_timeout=1.0, redelivers=True)
    virtual = StoreHarness(
        lambda sandbox: MemoryStore(lease_timeout=1.0, clock=sandbox.clock),
        capabilities=capabilities,
        virtual_time=True,
    )
    real = StoreHarness(lambda: MemoryStore(lease_timeout=1.0), capabilities=capabilities)
    for harness in (virtual, real):
        with Sandboxes() as sandboxes:
            found = Scheduler(LoopStage(harness, sandboxes, Settings()), 0).explore(EFFORT)
        assert found.findings == {}


def rounds(
    monkeypatch: pytest.MonkeyPatch, effort: Effort, tried: int | None = None
) -> list[tuple[int, int, int]]:
    """Which programs to begin with are tried, under how many schedules, and how many they were before."""
    seen = []

    def search(self: Scheduler, program: Program, *options: Any, before: int) -> _Found:
        schedules = options[1].schedules
        seen.append((openings(self._stage.menu).index(program), schedules, before))
        return _Found(tried=schedules - before if tried is None else tried)

    monkeypatch.setattr(Scheduler, "_search", search)
    interleaved(Queue, effort=effort)
    return seen


TWO = Effort(programs=2, schedules=6, seconds=300.0, of_openings=2)


def test_each_program_to_begin_with_is_tried_before_any_of_them_is_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under a part of the schedules, then under as many as any other, then under more."""
    assert rounds(monkeypatch, TWO) == [
        (0, 2, 0), (1, 2, 0), (0, 6, 2), (1, 6, 2), (0, 12, 6), (1, 12, 6),
    ]  # fmt: skip


def test_a_program_that_has_no_further_schedule_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is more time for the others."""
    assert rounds(monkeypatch, TWO, tried=1) == [(0, 2, 0), (1, 2, 0)]


def test_when_the_time_is_up_no_program_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one to begin with."""
    assert rounds(monkeypatch, replace(TWO, seconds=0.0)) == []


@pytest.mark.parametrize(("breaks", "schedules"), [(0, 6), (2, 6), (6, 12)])
def test_what_breaks_in_a_short_round_is_pursued_under_no_fewer_schedules_than_usual(
    breaks: int, schedules: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among few, none may show it without somebody who waits where nobody sees it."""
    pursued = []

    def search(_: Scheduler, program: Program, *options: Any, before: int) -> _Found:
        return _Found(["lease/exclusive"] if before == breaks else [], tried=options[1].schedules - before)

    def pursue(
        _: Scheduler, clause: str, program: Program, seen: _Found, effort: Effort, done: object
    ) -> None:
        pursued.append((clause, effort.schedules))

    monkeypatch.setattr(Scheduler, "_search", search)
    monkeypatch.setattr(Scheduler, "_is_proved", lambda *_: True)
    monkeypatch.setattr(Scheduler, "_pursue", pursue)
    interleaved(Queue, effort=replace(TWO, programs=1))
    assert pursued == [("lease/exclusive", schedules)]


def test_a_store_that_leaves_the_loop_is_told_apart() -> None:
    """It is not simulated any further, and what it did is named."""
    found = interleaved(Leaves)
    assert (found.findings, found.programs) == ({}, 1)
    assert found.left.startswith("sqlite3.connect was called by ")


def test_what_does_not_show_again_was_seen_all_the_same() -> None:
    """Something that is not in the program decides; the history is the proof."""
    OnlyOnce.times = 1
    (raced,) = interleaved(OnlyOnce).findings.values()
    assert raced.schedule == ()
    assert raced.violation.witness[0] in raced.history
    OnlyOnce.times = 1
    with Sandboxes() as sandboxes:
        explorer = Explorer(StoreHarness(OnlyOnce), sandboxes, Settings(), 0)
        explored = asyncio.run(explorer.explore(Budget(programs=50, seconds=60)))
    assert len(explored.findings) == 1


def test_a_fault_that_is_not_the_loops_passes_through() -> None:
    """It is for the caller to say what it means."""
    with pytest.raises(NotEmpty):
        interleaved(Full)


def test_promises_without_their_times_keep_the_rest() -> None:
    """Only what a clock would decide is put off for ever."""
    assert untimed(Capabilities(redelivers=False)) == Capabilities(redelivers=False)
    timed = Capabilities(lease_timeout=1.0, poll_delay=0.1, retry_delay=0.2, fifo=True)
    assert untimed(timed) == Capabilities(
        lease_timeout=1.0, fifo=True, poll_delay=1e6, retry_delay=1e6, expiry_delay=1e6
    )


def test_a_race_is_a_verdict_with_its_schedule() -> None:
    """The item of the clause has the schedule that it takes."""
    with Sandboxes() as sandboxes:
        found = verify(
            StoreHarness(ChecksThenActs), "lease/exclusive", sandboxes=sandboxes,
            limits=Limits(effort="quick"), explorations=Explorations(),
        ).verdict  # fmt: skip
    assert found.verdict is Verdict.BROKEN
    assert len(found.violations[0].schedule) == 1


class TwoLocks(Queue):
    """A lease takes two locks in one order, and a complete in the other."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = asyncio.Lock(), asyncio.Lock()

    async def lease(self, limit: int) -> list[Job]:
        """Take one lock, then the other."""
        async with self.one:
            await asyncio.sleep(0)
            async with self.other:
                return await super().lease(limit)

    async def complete(self, id: str) -> None:
        """Take the other lock, then the one."""
        async with self.other:
            await asyncio.sleep(0)
            async with self.one:
                await super().complete(id)


class KeepsTheLock(Queue):
    """A lease that is cancelled never lets go of its lock."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = asyncio.Lock()

    async def lease(self, limit: int) -> list[Job]:
        """Let go only at the end."""
        await self.lock.acquire()
        jobs = await super().lease(limit)
        self.lock.release()
        return jobs


class WaitsForJobs(Queue):
    """A correct store whose lease waits until there are jobs."""

    async def lease(self, limit: int) -> list[Job]:
        """Wait in turns that take no time."""
        while not self.ready and limit > 0:  # noqa: ASYNC110 - such stores are common
            await asyncio.sleep(0)
        return await super().lease(limit)


class WaitsAside(Queue):
    """Another one, which is woken."""

    def __init__(self) -> None:
        super().__init__()
        self.more = asyncio.Event()

    async def enqueue(self, job: Job) -> None:
        """Wake who waits."""
        await super().enqueue(job)
        self.more.set()

    async def fail(self, id: str, message: str) -> None:
        """Wake who waits."""
        await super().fail(id, message)
        self.more.set()

    async def lease(self, limit: int) -> list[Job]:
        """Wait to be woken."""
        while not self.ready and limit > 0:
            self.more.clear()
            await self.more.wait()
        return await super().lease(limit)


def insisting(store: Callable[[], object], effort: Effort) -> Exploration:
    """What comes of a store that blocks where it is empty, and is not asked before there are jobs."""
    with Sandboxes() as sandboxes:
        stage = LoopStage(StoreHarness(store), sandboxes, Settings(allow_nonempty=True))
        return Scheduler(stage, 0).explore(effort)


def test_a_deadlock_is_a_call_that_is_not_accepted() -> None:
    """The cancellations that stand in the same programs are not to blame."""
    assert set(interleaved(TwoLocks).findings) == {"complete/accepted"}


def test_what_is_called_once_nobody_can_go_on_is_left_out() -> None:
    """A call that was running then never returned; what ended it was the end of the program."""
    before = Operation("enqueue", 0, 1, 2, job_id="a")
    stuck = Operation("lease", 1, 3, 9, UNKNOWN, value=1, error=CANCELLED)
    after = Operation("lease", 2, 7, 8, value=1)
    assert list(stuck_at([before, stuck, after], 5)) == [before, stuck._replace(error=STUCK)]


def test_a_lock_that_a_cancelled_call_keeps_is_found() -> None:
    """Every call after it waits for ever, and nothing of that takes any time."""
    (found,) = interleaved(KeepsTheLock).findings.values()
    assert found.violation.clause == "lease/cancelled"
    assert [step.kind for step in found.program if step.cancel] == [Kind.LEASE]


@pytest.mark.parametrize(("store", "programs", "schedules"), [(WaitsForJobs, 1, 2), (WaitsAside, 10, 10)])
def test_a_store_that_waits_for_jobs_is_not_blamed(
    store: Callable[[], object], programs: int, schedules: int
) -> None:
    """Its programs end in a livelock, after many steps, or in a deadlock, and that is how they should."""
    effort = Effort(programs=programs, schedules=schedules, seconds=60.0)
    assert insisting(store, effort).findings == {}


class GivesBackLater(Queue):
    """What a cancelled lease took is given back by a task of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[asyncio.Task[None]] = []

    async def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones, and wait."""
        jobs = self.ready[: max(limit, 0)]
        del self.ready[: len(jobs)]
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.tasks.append(asyncio.create_task(self.give_back(jobs)))
            raise
        self.leased |= {job.id: job for job in jobs}
        return jobs

    async def give_back(self, jobs: list[Job]) -> None:
        """Make the jobs ready again."""
        self.ready.extend(jobs)


@pytest.mark.parametrize("task", range(5))
def test_a_task_of_the_store_is_not_held_up_until_the_store_was_drained(task: int) -> None:
    """Whatever the schedule: when the workers are done, it goes on before the store is asked to the last."""
    program = (Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE, cancel=1))
    with Sandboxes() as sandboxes:
        stage = LoopStage(StoreHarness(GivesBackLater), sandboxes, Settings())
        run, history = stage.run(program, Following((Pause(task, 1, 40),)))
    assert run.error is None
    assert [each.outcome for each in history if each.method == "lease"][1] == UNKNOWN
    assert judge(history, Capabilities()).violations == ()
