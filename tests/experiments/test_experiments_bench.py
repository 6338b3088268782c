"""What an experiment can and can't have of a store: the ways in which it gives up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Bench, NotExercised, Settings, open_bench
from async_contract.experiments.examples import expiry
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.experiments.limits import Limits
from async_contract.experiments.machine import StoreMachine
from async_contract.experiments.scheduled import Effort, Scheduler
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import Explorations
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.judge import judge
from async_contract.judge.verdict import Verdict
from async_contract.reference.memory import MemoryStore
from async_contract.store import Job, JobRecord


def on_a_bench(harness: StoreHarness, play: Callable[[Bench], Awaitable[None]]) -> Bench:
    """A bench on which something was played."""

    async def main() -> Bench:
        with Sandboxes() as sandboxes:
            async with open_bench(harness, sandboxes, Settings()) as bench:
                await play(bench)
        return bench

    return asyncio.run(main())


class OfOnePool(MemoryStore):
    """A client of a pool that its harness makes for all, and which is closed with any of them."""

    open = True

    async def lease(self, limit: int) -> list[Job]:
        """Lease while the pool is open."""
        if not self.open:
            raise ConnectionError("the pool is closed")
        return await super().lease(limit)

    async def aclose(self) -> None:
        """Close the pool."""
        self.open = False


def test_a_pool_that_is_closed_for_all_is_not_laid_to_the_store() -> None:
    """It shows nothing of stores that have a pool each; what was seen before stands."""
    pool = OfOnePool()
    shared = StoreHarness(lambda: pool, capabilities=Capabilities(sharing="connection", redelivers=True))
    with Sandboxes() as sandboxes:
        found = verify(shared, "lease/exclusive", sandboxes=sandboxes)
    assert (found.verdict.verdict, found.others) == (Verdict.HELD, ())
    assert {each.method for each in found.history} == {"enqueue", "lease", "connect", "fail", "complete"}


class Unreachable(MemoryStore):
    """A store whose replies are all lost once there is a job."""

    full = False

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.full = True
        await super().enqueue(job)

    async def lease(self, limit: int) -> list[Job]:
        """Lose the reply."""
        if self.full:
            raise ConnectionError("gone")
        return await super().lease(limit)

    async def inspect(self, id: str) -> JobRecord | None:
        """Lose the reply."""
        raise ConnectionError("gone")


def test_a_store_that_is_never_heard_of_is_given_up() -> None:
    """New jobs stand in for what lost replies may have taken, but not for ever; nor is it asked for ever."""

    async def play(bench: Bench) -> None:
        await bench.enqueue(1)
        with pytest.raises(NotExercised, match="delivered 0 of 1 ready jobs"):
            await bench.obtain(await bench.first_worker(), 1)
        inspected = await bench.inspect("job-01")
        assert inspected is not None
        assert inspected.outcome == "unknown"

    on_a_bench(StoreHarness(Unreachable), play)


def test_what_never_expires_is_not_waited_for() -> None:
    """Neither the whole time of a lease nor a part of it."""

    async def play(bench: Bench) -> None:
        with pytest.raises(NotExercised, match="declares no lease_timeout"):
            await bench.expire()
        with pytest.raises(NotExercised, match="declares no lease_timeout"):
            await expiry.not_early(bench)

    on_a_bench(StoreHarness(MemoryStore), play)


class Shielded(MemoryStore):
    """A lease takes effect some turns later, whatever becomes of its caller; one task never ends."""

    async def lease(self, limit: int) -> list[Job]:
        """Lease jobs in a task of its own."""

        async def later() -> list[Job]:
            for _ in range(20):
                await asyncio.sleep(0)
            return await super(Shielded, self).lease(limit)

        self.forever = asyncio.create_task(asyncio.Event().wait())
        return await asyncio.shield(asyncio.create_task(later()))


def test_what_a_cancelled_lease_left_running_begins_before_leases_expire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So in virtual time too its jobs come back by then; what never ends is not waited for without end."""
    monkeypatch.setattr("async_contract.experiments.bench.AFTERMATH", 0.01)

    def connect(sandbox: Sandbox) -> Shielded:
        return Shielded(lease_timeout=30.0, clock=sandbox.clock)

    async def play(bench: Bench) -> None:
        await bench.enqueue(1)
        worker = await bench.first_worker()
        assert await bench.cancelled(partial(worker.lease, 1), 1)
        await bench.expire()
        assert [each.id for each in await worker.lease(1)] == ["job-01"]

    promised = Capabilities(lease_timeout=30.0, redelivers=True)
    on_a_bench(StoreHarness(connect, capabilities=promised, virtual_time=True), play)


class GivesBack(MemoryStore):
    """What a cancelled lease has taken is given back by a task that begins when its own has ended; or not."""

    def __init__(self, *, gives: bool) -> None:
        super().__init__()
        self._gives = gives
        self._later: list[asyncio.Task[None]] = []

    async def lease(self, limit: int) -> list[Job]:
        """Lease jobs in a task of its own."""

        async def taken() -> list[Job]:
            jobs = await super(GivesBack, self).lease(limit)
            for _ in range(20):
                await asyncio.sleep(0)
            return jobs

        async def give_back(jobs: list[Job]) -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            for each in jobs:
                await self.fail(each.id, "nobody took it")
            if not self._gives:
                await asyncio.Event().wait()

        task = asyncio.create_task(taken())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(
                lambda done: self._later.append(
                    asyncio.create_task(give_back(done.result() if self._gives else []))
                )
            )
            raise


@pytest.mark.parametrize(
    ("jobs", "gives", "broken"), [(1, True, []), (1, False, ["lease/cancelled"]), (0, False, [])]
)
def test_a_job_that_a_cancelled_lease_gives_back_later_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, *, jobs: int, gives: bool, broken: list[str]
) -> None:
    """The store is not drained before; what is never given back is lost all the same."""
    monkeypatch.setattr("async_contract.experiments.bench.AFTERMATH", 0.05)

    async def play(bench: Bench) -> None:
        await bench.enqueue(jobs)
        worker = await bench.first_worker()
        assert await bench.cancelled(partial(worker.lease, 1), 1)
        await bench.drain()
        assert [each.clause for each in judge(bench.history, bench.capabilities).violations] == broken

    on_a_bench(StoreHarness(lambda: GivesBack(gives=gives)), play)


def test_programs_of_a_store_with_long_delays_are_judged_undrained() -> None:
    """They are carried out all the same."""
    harness = StoreHarness(MemoryStore, capabilities=Capabilities(retry_delay=3600))
    with Sandboxes() as sandboxes:
        explorer = Explorer(harness, sandboxes, Settings(), 0)
        found = asyncio.run(explorer.explore(Budget(programs=5, seconds=60)))
    assert (found.programs, found.findings) == (5, {})


class Drifts(MemoryStore):
    """A store that gives a job to two workers, and waits otherwise in each run of a program."""

    runs: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.given: list[Job] = []

    async def lease(self, limit: int) -> list[Job]:
        """Wait, and give what was given before."""
        for _ in range(self.runs):
            await asyncio.sleep(0)
        jobs = await super().lease(limit)
        self.given += jobs
        return self.given[: max(limit, 0)]


def test_a_run_that_can_not_be_replayed_is_a_proof_all_the_same() -> None:
    """The schedule is not known, but what happened is."""
    with Sandboxes() as sandboxes:
        stage = LoopStage(StoreHarness(Drifts), sandboxes, Settings())
        found = Scheduler(stage, 0).explore(Effort(programs=1, schedules=3, seconds=60))
    assert found.findings
    assert {raced.schedule for raced in found.findings.values()} == {()}


def test_a_time_limit_needs_no_event_loop() -> None:
    """It says where the code stood."""
    with pytest.raises(TimeLimitExceeded, match="in test_a_time_limit_needs_no_event_loop"), time_limit(0.02):
        threading.Event().wait()


class Particular(MemoryStore):
    """A store that takes in ordinary kinds only."""

    async def enqueue(self, job: Job) -> None:
        """Refuse the others."""
        if job.kind != "plain":
            raise ValueError(job.kind)
        await super().enqueue(job)


def test_a_machine_goes_on_where_a_job_is_refused() -> None:
    """That value is left out, and counts for nothing."""
    run_state_machine_as_test(
        StoreMachine.for_harness(Particular),
        settings=settings(
            max_examples=20, stateful_step_count=20, derandomize=True, database=None, deadline=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


async def nothing(bench: Bench) -> None:
    """Do nothing."""


def test_random_programs_alone_may_exercise_a_clause(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its example did not do, they did."""
    module = import_module("async_contract.experiments.verify")
    monkeypatch.setattr(module, "EXAMPLES", {"lease/exclusive": nothing})
    with Sandboxes() as sandboxes:
        found = verify(
            StoreHarness(MemoryStore), "lease/exclusive", sandboxes=sandboxes,
            limits=Limits(effort="quick"), explorations=Explorations(),
        ).verdict  # fmt: skip
    assert found.verdict is Verdict.HELD
    assert found.count > 1
