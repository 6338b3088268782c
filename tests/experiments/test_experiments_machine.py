"""StoreMachine: as it is, and with a rule more."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import NotEmpty
from async_contract.experiments.machine import BrokenClause, StoreMachine
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.reference.memory import MemoryStore
from async_contract.store import Job

SETTINGS = settings(
    max_examples=20, stateful_step_count=25, derandomize=True, database=None, deadline=None,
    phases=[Phase.generate], suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
)  # fmt: skip

STORES: dict[str, MemoryStore] = {}


def durable(sandbox: Sandbox) -> MemoryStore:
    """The store of a sandbox, which outlives its connections."""
    return STORES.setdefault(sandbox.name, MemoryStore(lease_timeout=1.0, clock=sandbox.clock))


DURABLE = StoreHarness(
    durable,
    capabilities=Capabilities(lease_timeout=1.0, redelivers=True, durable=True, counts_attempts=True),
    virtual_time=True,
)


class GivesTwice:
    """A store that delivers its jobs to everybody, and is silent about ids that it does not know."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.jobs[job.id] = job

    async def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones, and forget that."""
        return list(self.jobs.values())[: max(limit, 0)]

    async def complete(self, id: str) -> None:
        """Forget a job."""
        self.jobs.pop(id, None)

    async def fail(self, id: str, message: str) -> None:
        """Keep the job."""


class OnlySilent(GivesTwice):
    """A store that is only silent: a SHOULD."""

    def __init__(self) -> None:
        super().__init__()
        self.leased: dict[str, Job] = {}

    async def lease(self, limit: int) -> list[Job]:
        """Deliver the first ones."""
        jobs = await super().lease(limit)
        for job in jobs:
            self.leased[job.id] = self.jobs.pop(job.id)
        return jobs

    async def complete(self, id: str) -> None:
        """Forget a job."""
        self.leased.pop(id, None)

    async def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        if id in self.leased:
            self.jobs[id] = self.leased.pop(id)


def run(machine: type[RuleBasedStateMachine], settings: settings = SETTINGS) -> None:
    """Run a machine for a while."""
    run_state_machine_as_test(machine, settings=settings)


@pytest.mark.parametrize("harness", [DURABLE, MemoryStore, OnlySilent])
def test_a_correct_store_passes(harness: object) -> None:
    """A SHOULD that is broken is no failure."""
    run(StoreMachine.for_harness(harness))


def test_a_store_whose_delays_are_too_long_is_not_drained() -> None:
    """Everything else is judged all the same."""
    slow = Capabilities(retry_delay=3600)
    run(StoreMachine.for_harness(StoreHarness(MemoryStore, capabilities=slow)))


def test_a_broken_store_fails_with_its_clause_and_its_history() -> None:
    """The message says which clause, and what happened."""
    with pytest.raises(BrokenClause, match=r"^lease/exclusive is broken: worker \d was given") as told:
        run(
            StoreMachine.for_harness(GivesTwice),
            settings(SETTINGS, max_examples=100, phases=[Phase.generate, Phase.shrink]),
        )
    assert told.value.violation.clause == "lease/exclusive"
    assert any(each.method == "lease" for each in told.value.history)


class WithBulk(StoreMachine):
    """One more rule, as the documentation has it."""

    harness = StoreHarness(MemoryStore)
    bulks = 0

    @rule()
    def complete_everything(self) -> None:
        """Complete all jobs that the first worker holds."""
        type(self).bulks += 1
        for job_id in self.held.pop(1, []):
            self.run(self.worker(1).complete(job_id))
        self.check()


def test_a_subclass_may_have_more_rules() -> None:
    """They are carried out with the others."""
    run(WithBulk)
    assert WithBulk.bulks > 0


def test_a_machine_is_a_test_case() -> None:
    """It has the name of the class, for a test file of one's own."""
    machine = StoreMachine.for_harness(MemoryStore)
    assert (machine.__name__, machine.harness.capabilities) == ("StoreMachine", Capabilities())


class Forgets(MemoryStore):
    """A store that loses the replies of its enqueues."""

    async def enqueue(self, job: Job) -> None:
        """Take a job in, and say nothing of it."""
        await super().enqueue(job)
        raise ConnectionError("the reply was lost")


def test_an_id_is_never_enqueued_twice() -> None:
    """Also not one of which nobody knows whether it was enqueued."""
    run(StoreMachine.for_harness(Forgets))


def test_a_look_alike_is_no_job() -> None:
    """Also where a job has just the id that would be like another one's."""
    machine = StoreMachine.for_harness(MemoryStore)()
    assert machine.look_alike(0) == "no-such-job "
    for job_id in ("job", "JOB"):
        machine.enqueue(Job(job_id, "kind"))
    assert [machine.anyone(which) for which in range(5)] == ["JOB", "job", "JOB", "job-0", "JOB"]
    assert [machine.look_alike(which) for which in range(1, 5)] == [" job", "JOB%", "JOB-0", "JO"]
    machine.ids = ["job"]
    assert machine.look_alike(9) == "no-such-job"
    machine.teardown()


class Unkempt(MemoryStore):
    """A store with a job in it."""

    async def lease(self, limit: int) -> list[Job]:
        """A job of somebody else."""
        return [Job("mine", "kind")]


def test_a_store_that_is_not_empty_is_refused_at_once() -> None:
    """And its loop is closed."""
    with pytest.raises(NotEmpty, match="'mine'"):
        StoreMachine.for_harness(Unkempt)()


class HandsOutItsOwn(OnlySilent):
    """A store whose deliveries are the jobs that it keeps."""

    async def enqueue(self, job: Job) -> None:
        """Take in a copy that can be changed."""
        self.jobs[job.id] = SimpleNamespace(**asdict(job))  # type: ignore[assignment]

    async def lease(self, limit: int) -> list[Job]:
        """Deliver all there is."""
        self.leased |= self.jobs if limit > 0 else {}
        jobs = list(self.jobs.values()) if limit > 0 else []
        self.jobs = {} if limit > 0 else self.jobs
        return jobs


def test_what_was_delivered_is_changed() -> None:
    """A store that keeps the same objects is caught."""
    machine = StoreMachine.for_harness(StoreHarness(HandsOutItsOwn))()
    machine.enqueue(Job("job", "kind"))
    machine.lease_and_change(1, 1)
    machine.fail(1, 0, "boom")
    machine.lease(1, 1)
    with pytest.raises(BrokenClause) as told:
        machine.teardown()
    assert told.value.violation.clause == "lease/snapshot"


def test_a_job_that_a_worker_holds_is_completed_and_not_his_any_more() -> None:
    """A worker without one completes none."""
    machine = StoreMachine.for_harness(DURABLE)()
    machine.enqueue(Job("job", "kind"))
    machine.lease(1, 1)
    machine.complete(2, 0)
    machine.complete(1, 0)
    assert (machine.held, [each.method for each in machine.bench.history][-1]) == ({1: []}, "complete")
    machine.teardown()


def test_what_was_found_is_not_judged_again_at_the_end() -> None:
    """A step that broke a clause is told by itself, and not by a second exception."""
    machine = StoreMachine.for_harness(GivesTwice)()
    machine.enqueue(Job("job", "kind"))
    machine.lease(1, 1)
    with pytest.raises(BrokenClause):
        machine.lease(1, 1)
    machine.teardown()
