"""What a store does where the contract leaves it free."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.limits import Limits
from async_contract.experiments.observing import UNDECLARED, observe
from async_contract.experiments.policies import Notes
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import Operation
from async_contract.reference.memory import MemoryStore
from async_contract.store import Job
from contract_suites import sqlite

QUICK = Limits(item=100.0, effort="quick")  # on a busy machine too


def observed(store: object, **capabilities: Any) -> Mapping[str, str]:
    """What was observed of a store."""
    harness = store if isinstance(store, StoreHarness) else None
    with Sandboxes() as sandboxes:
        made = harness or StoreHarness(store, capabilities=Capabilities(**capabilities))  # type: ignore[arg-type]
        return observe(made, sandboxes, QUICK)


UNHELD = {
    "complete of a job that was never leased": "rejected",
    "fail of a job that was never leased": "rejected",
    "complete of a completed job": "rejected",
    "fail of a completed job": "rejected",
    "complete of an unknown id": "rejected",
    "fail of an unknown id": "rejected",
}
QUEUE = {
    "attempts of a first delivery": "1",
    "a failed job is put": "at the back",
    "a fail adds to attempts": "1",
    "order of first deliveries": "as enqueued",
}


def test_a_store_that_promises_nothing_is_told_what_it_seems_to_keep() -> None:
    """It may declare it, and is held to it from then on."""
    assert observed(MemoryStore) == {
        **UNHELD,
        **QUEUE,
        "a job is dead after": "more than 12 fails, or never",
        UNDECLARED: "fifo=True, counts_attempts=True, redelivers=True",
    }


def test_a_store_that_fences() -> None:
    """It refuses whatever a stale worker ends, and its leases last over a reopening."""
    assert observed(sqlite.harness) == {
        **UNHELD,
        **QUEUE,
        "late complete, the job is ready again": "rejected",
        "late fail, the job is ready again": "rejected",
        "late complete, another holds the job": "rejected",
        "late fail, another holds the job": "rejected",
        "late complete, another has completed the job": "rejected",
        "late fail, another has completed the job": "rejected",
        "a job whose lease has expired is put": "at the back",
        "a lease that expired adds to attempts": "1",
        "a lease, when the store is reopened,": "lasts",
    }


def test_a_store_that_seems_to_fence() -> None:
    """It is told so: it refuses both ends, while another holds the job and after another completed it."""
    promises = replace(sqlite.harness.capabilities, fences=False)
    harness = StoreHarness(sqlite.harness.connect, capabilities=promises, virtual_time=True)
    assert observed(harness)[UNDECLARED] == "fences=True"


def _memory(sandbox: Sandbox, **options: Any) -> MemoryStore:
    return MemoryStore(lease_timeout=1.0, clock=sandbox.clock, **options)


LEASES: Mapping[str, Any] = {"lease_timeout": 1.0, "fifo": True, "counts_attempts": True, "redelivers": True}


def test_a_store_that_does_not_know_who_calls() -> None:
    """What a stale worker ends while another holds the job takes effect."""
    harness = StoreHarness(_memory, capabilities=Capabilities(**LEASES), virtual_time=True)
    assert {name: seen for name, seen in observed(harness).items() if name not in {**UNHELD, **QUEUE}} == {
        "late complete, the job is ready again": "rejected",
        "late fail, the job is ready again": "rejected",
        "late complete, another holds the job": "takes effect",
        "late fail, another holds the job": "takes effect",
        "late complete, another has completed the job": "rejected",
        "late fail, another has completed the job": "rejected",
        "a job whose lease has expired is put": "at the back",
        "a lease that expired adds to attempts": "1",
        "a job is dead after": "more than 12 fails, or never",
    }


def test_a_job_that_dies_of_its_third_fail() -> None:
    """That is what max_attempts=3 says, where it is declared."""

    def made() -> MemoryStore:
        return MemoryStore(max_attempts=3)

    found = observed(made, counts_attempts=True, fifo=True, redelivers=True)
    assert (found["a job is dead after"], found[UNDECLARED]) == ("3 fails", "max_attempts=3")


class Careless:
    """Plain functions on a stack, which take whatever they are told for granted."""

    def __init__(self) -> None:
        self.ready: list[Job] = []
        self.held: dict[str, Job] = {}

    def enqueue(self, job: Job) -> None:
        """Put it on top."""
        self.ready.append(job)

    def lease(self, limit: int) -> list[Job]:
        """Take from the top."""
        taken = [self.ready.pop() for _ in range(min(limit, len(self.ready)))]
        self.held |= {each.id: each for each in taken}
        return taken

    def complete(self, job_id: str) -> None:
        """Drop it, wherever it is."""
        self.held.pop(job_id, None)
        self.ready = [each for each in self.ready if each.id != job_id]

    def fail(self, job_id: str, message: str) -> None:
        """Put it on top again."""
        if job_id in self.held:
            self.ready.append(self.held.pop(job_id))


def test_a_store_that_takes_everything_for_granted() -> None:
    """It refuses nothing, and whether a fail without effect was one can't be seen."""
    assert observed(Careless) == {
        "complete of a job that was never leased": "takes effect",
        "fail of a job that was never leased": "accepted",
        "complete of a completed job": "accepted",
        "fail of a completed job": "ignored",
        "complete of an unknown id": "accepted",
        "fail of an unknown id": "accepted",
        "attempts of a first delivery": "0",
        "a failed job is put": "at the front",
        "a fail adds to attempts": "0",
        "order of first deliveries": "another one",
        "a job is dead after": "more than 12 fails, or never",
        UNDECLARED: "redelivers=True",
    }


class Falling(MemoryStore):
    """Attempts fall from one delivery to the next."""

    async def lease(self, limit: int) -> list[Job]:
        """Lease jobs."""
        return [replace(each, attempts=9 - each.attempts) for each in await super().lease(limit)]


def test_attempts_that_fall_are_no_promise_that_could_be_made() -> None:
    """Of attempts only what grows counts deliveries."""
    found = observed(Falling)
    assert (found["a fail adds to attempts"], found[UNDECLARED]) == ("-1", "fifo=True, redelivers=True")


class Middling(Careless):
    """A failed job comes second, and a completed one again when it is failed."""

    def __init__(self) -> None:
        super().__init__()
        self.done: dict[str, Job] = {}

    def complete(self, job_id: str) -> None:
        """Remember what it was."""
        if job_id in self.held:
            self.done[job_id] = self.held[job_id]
        super().complete(job_id)

    def fail(self, job_id: str, message: str) -> None:
        """Put it below the top one."""
        job = self.held.pop(job_id, None) or self.done.pop(job_id, None)
        if job is not None:
            self.ready.insert(max(len(self.ready) - 1, 0), job)


def test_a_fail_that_brings_back_what_was_completed() -> None:
    """It takes effect; and where a failed job is put has no name."""
    found = observed(Middling)
    assert (found["fail of a completed job"], found["a failed job is put"]) == (
        "takes effect",
        "neither at the front nor at the back",
    )


def test_a_fail_that_is_final() -> None:
    """The job is put nowhere, and of max_attempts there is nothing to say."""

    def made() -> MemoryStore:
        return MemoryStore(redelivers=False)

    found = observed(made, counts_attempts=True, fifo=True)
    assert found["a failed job is put"] == "nowhere: it is not delivered again"
    assert (found["a job is dead after"], found[UNDECLARED]) == ("its fail", "redelivers=False")
    assert "a job is dead after" not in observed(made, redelivers=False)


class Lazy(MemoryStore):
    """Marks the jobs as on lease, and only then waits for whoever asked."""

    async def lease(self, limit: int) -> list[Job]:
        """Lease jobs."""
        jobs = await super().lease(limit)
        await asyncio.sleep(0)
        return jobs


def _lazy(sandbox: Sandbox) -> Lazy:
    return Lazy(lease_timeout=1.0, clock=sandbox.clock)


EXPIRING = StoreHarness(_lazy, capabilities=Capabilities(**LEASES), virtual_time=True)


@pytest.mark.parametrize(
    ("harness", "seen"),
    [
        (
            StoreHarness(_lazy, capabilities=Capabilities(**LEASES), virtual_time=True),
            "when the lease expires",
        ),
        (StoreHarness(Lazy), "not at once"),
    ],
    ids=["expires", "lasts"],
)
def test_a_cancelled_lease_that_keeps_what_it_took(harness: StoreHarness, seen: str) -> None:
    """Its jobs come when it expires, if it does."""
    assert observed(harness)["a cancelled lease gives its jobs back"] == seen


class Careful(MemoryStore):
    """Waits before anything is on lease."""

    async def lease(self, limit: int) -> list[Job]:
        """Lease jobs."""
        await asyncio.sleep(0)
        return await super().lease(limit)


def test_a_cancelled_lease_that_has_taken_nothing() -> None:
    """Whatever there is comes at once."""
    assert observed(Careful)["a cancelled lease gives its jobs back"] == "at once"


class Endless(MemoryStore):
    """Leases that never come to an end of their awaits."""

    async def lease(self, limit: int) -> list[Job]:
        """Lease jobs."""
        for _ in range(100):
            await asyncio.sleep(0)
        return await super().lease(limit)


def test_a_lease_of_many_awaits_is_cancelled_at_the_first_ones() -> None:
    """The rest is left out."""
    assert observed(Endless)["a cancelled lease gives its jobs back"] == "at once"


class Mute(MemoryStore):
    """Delivers nothing."""

    async def lease(self, limit: int) -> list[Job]:
        """Nothing."""
        return []


def test_a_store_that_delivers_nothing() -> None:
    """Nothing is observed but what takes no delivery."""
    found = observed(Mute)
    assert set(found) <= {*UNHELD, "a job is dead after", UNDECLARED}


class Hanging(MemoryStore):
    """Never comes back from a fail."""

    async def fail(self, job_id: str, message: str) -> None:
        """Hang."""
        await asyncio.Event().wait()


def test_a_store_that_hangs_is_observed_no_further() -> None:
    """What was seen until then stays."""
    harness = StoreHarness(Hanging)
    with Sandboxes() as sandboxes:
        assert observe(harness, sandboxes, Limits(item=0.05, effort="quick")) == {}


def test_a_delay_that_takes_too_long() -> None:
    """Failing a job a dozen times would take a dozen times as long."""

    def made() -> MemoryStore:
        return MemoryStore(retry_delay=0.001)

    assert "a job is dead after" not in observed(made, retry_delay=0.001)


def test_what_is_seen_in_two_ways_is_mixed() -> None:
    """And of a call that failed by itself nothing is known."""
    notes = Notes()
    call = Operation("complete", 1, 0, 1, job_id="a")
    notes.end("x", call, effect=True)
    notes.end("x", call._replace(outcome="rejected"))
    notes.end("y", call._replace(outcome="unknown"))
    notes.end("z", call, effect=False)
    assert notes == {"x": "mixed", "z": "ignored"}
