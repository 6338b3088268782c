"""StoreMachine: as it is, and with a rule more."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from async_contract.contract.capabilities import Capabilities
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


def run(machine: type[RuleBasedStateMachine]) -> None:
    """Run a machine for a while."""
    run_state_machine_as_test(machine, settings=SETTINGS)


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
        run(StoreMachine.for_harness(GivesTwice))
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
