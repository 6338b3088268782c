"""A store that keeps others waiting, in real time, for what nobody will give back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import ClassVar
from weakref import WeakKeyDictionary

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Blocked, Settings, open_bench
from async_contract.experiments.in_order import open_prompt_bench, play_in_order
from async_contract.experiments.programs import Kind, Program, Step
from async_contract.experiments.verify import verify
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history import operation
from async_contract.judge import refusals
from async_contract.judge.verdict import Verdict
from async_contract.store import Job


class Locked:
    """Who has enqueued first keeps a lock, and whoever else leases waits for it, and fails."""

    owners: ClassVar[WeakKeyDictionary[Sandbox, Locked]] = WeakKeyDictionary()

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.jobs: list[Job] = []

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.owners.setdefault(self.sandbox, self).jobs.append(job)

    def lease(self, limit: int) -> Sequence[Job]:
        """Deliver jobs, unless another keeps the lock."""
        owner = self.owners.get(self.sandbox, self)
        if owner is not self:
            raise RuntimeError("database is locked")
        batch, self.jobs = self.jobs[: max(limit, 0)], self.jobs[max(limit, 0) :]
        return batch

    def complete(self, id: str) -> None:
        """End a lease."""

    def fail(self, id: str, message: str) -> None:
        """End a lease."""


class AlwaysLocked(Locked):
    """Only its first lease, before any job, is served."""

    def lease(self, limit: int) -> Sequence[Job]:
        """Deliver nothing, once."""
        if self.sandbox in self.owners:
            raise RuntimeError("database is locked")
        self.owners[self.sandbox] = self
        return []


def harness(store: type[Locked] = Locked) -> StoreHarness:
    """A harness in real time, with a client for each worker."""
    return StoreHarness(store, capabilities=Capabilities(redelivers=True, sharing="connection"))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails has waited for long, and so it has been for long."""
    monkeypatch.setattr(operation, "BLOCKED", 0)
    monkeypatch.setattr(refusals, "SHUT_OUT", 0)


@pytest.fixture
def sandboxes() -> Iterator[Sandboxes]:
    """Where the stores' private places are made."""
    with Sandboxes() as made:
        yield made


def test_a_worker_that_is_blocked_each_time_gives_up(sandboxes: Sandboxes) -> None:
    """To ask again would take as long, and show no more."""

    async def asked() -> None:
        async with open_bench(harness(), sandboxes, Settings()) as bench:
            _, second = await bench.workers(2)
            await bench.enqueue(1)
            await second.ask(1)

    told = "every lease of worker 2 fails after a long wait: RuntimeError: database is locked"
    with pytest.raises(Blocked, match=told):
        asyncio.run(asked())


def test_an_example_ends_where_it_is_blocked_and_shows_why(sandboxes: Sandboxes) -> None:
    """Its own clause was not exercised, and the lock is a breach; further items have less time."""
    found = verify(harness(), "lease/exclusive", sandboxes=sandboxes)
    assert (found.verdict.verdict, found.hung) == (Verdict.UNEXERCISED, True)
    assert found.verdict.reason == (
        "every lease of worker 2 fails after a long wait: RuntimeError: database is locked"
    )
    assert {each.clause for each in found.others} == {"lease/accepted"}


def played(store: type[Locked], program: Program, sandboxes: Sandboxes, *, drains: bool = True) -> list[str]:
    """What a program made, in order."""

    async def play() -> list[str]:
        async with open_prompt_bench(harness(store), sandboxes, Settings()) as bench:
            await play_in_order(bench, program, drains=drains)
            return [f"{each.worker} {each.method} {each.outcome}" for each in bench.history]

    return asyncio.run(play())


def test_a_program_ends_where_it_is_blocked(sandboxes: Sandboxes) -> None:
    """The store is not drained, which would take as long again and again."""
    program = (Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE), Step(2, Kind.LEASE), Step(1, Kind.LEASE))
    assert played(Locked, program, sandboxes) == [
        "1 lease ok", "2 connect ok", "0 enqueue ok", "1 lease ok", "2 lease unknown",
    ]  # fmt: skip


@pytest.mark.parametrize("drains", [True, False])
def test_a_store_that_is_blocked_at_the_end_is_not_drained(sandboxes: Sandboxes, *, drains: bool) -> None:
    """Five times it is tried."""
    assert played(AlwaysLocked, (), sandboxes, drains=drains) == ["1 lease ok", *["1 lease unknown"] * 5]
