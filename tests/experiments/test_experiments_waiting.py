"""Stores that wait for ever for jobs, and others that hang."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from async_contract.experiments.limits import Limits
from async_contract.experiments.verify import Verification, verify
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge import waiting
from async_contract.judge.verdict import Verdict
from async_contract.store import Job


class Waits:
    """A lease waits for a job, in a plain function."""

    def __init__(self) -> None:
        self.jobs: queue.Queue[Job] = queue.Queue()

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.jobs.put(job)

    def lease(self, limit: int) -> list[Job]:
        """Wait for a job."""
        return [self.jobs.get()] if limit > 0 else []

    def complete(self, id: str) -> None:
        """Do nothing."""

    def fail(self, id: str, message: str) -> None:
        """Do nothing."""


class AwaitsJobs(Waits):
    """A lease waits for a job, in a coroutine."""

    def __init__(self) -> None:
        self.ready: asyncio.Queue[Job] = asyncio.Queue()

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.ready.put_nowait(job)

    async def lease(self, limit: int) -> list[Job]:  # type: ignore[override]  # either is allowed
        """Wait for a job."""
        return [await self.ready.get()]


class Deaf(AwaitsJobs):
    """A lease never returns, whatever there is."""

    async def lease(self, limit: int) -> list[Job]:  # type: ignore[override]  # as above
        """Wait for a job."""
        await asyncio.Event().wait()
        return []


class Late(AwaitsJobs):
    """The first lease of all never returns; later ones come back with nothing."""

    asked = 0

    async def lease(self, limit: int) -> list[Job]:  # type: ignore[override]  # as above
        """Wait for a job."""
        Late.asked += 1
        if Late.asked == 1:
            await asyncio.Event().wait()
        return []


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Half a second is long."""
    monkeypatch.setattr(waiting, "LONG", 400_000_000)
    yield
    Late.asked = 0


def verified(store: Callable[[], Any], clause: str = "lease/empty", **options: Any) -> Verification:
    """What is known of a clause, of which the item has a second."""
    with Sandboxes() as sandboxes:
        return verify(StoreHarness(store, **options), clause, sandboxes=sandboxes, limits=Limits(item=1.0))


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("store", [Waits, AwaitsJobs])
@pytest.mark.parametrize("virtual", [False, True])
def test_a_store_that_waits_for_ever_for_jobs_breaks_what_is_said_of_empty_ones(
    store: type[Waits],
    virtual: bool,  # noqa: FBT001
) -> None:
    """Whether its lease can be cancelled or not, and whatever clock it has."""
    found = verified(store, virtual_time=virtual)
    told = [(each.clause, each.happened.partition(",")[2]) for each in found.verdict.violations]
    expected = (
        " with nothing ready, though each job that was enqueued afterwards came at once; return an empty "
        "batch when there is nothing, or let the wait end by itself after a few seconds"
    )
    assert (found.verdict.verdict, told) == (Verdict.BROKEN, [("lease/empty", expected)])
    assert (found.hung, found.hopeless) == (True, found.verdict)
    assert [each.method for each in found.history] == ["lease", "enqueue", "lease", "complete"] * 2


@pytest.mark.usefixtures("soon")
def test_another_clause_is_not_tried_in_such_a_store() -> None:
    """It says why, and the breach is told with it; where that is excused, there is an error left."""
    found = verified(AwaitsJobs, "complete/final")
    (other,) = found.others
    reason = f"not tried, since lease/empty is broken: {other.happened}"
    assert (other.clause, found.verdict.verdict, found.verdict.reason) == (
        "lease/empty", Verdict.UNEXERCISED, reason,
    )  # fmt: skip
    excused = verified(AwaitsJobs, "complete/final", known_failures={"lease/empty": "it waits"})
    assert excused.verdict.verdict is Verdict.ERROR


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("store", [Deaf, Late])
def test_a_store_that_hangs_otherwise_is_not_said_to_wait_for_jobs(store: type[Waits]) -> None:
    """Nor is one that comes back with nothing in the end."""
    found = verified(store)
    assert (found.verdict.verdict, found.hopeless, found.hung) == (Verdict.ERROR, None, True)


def test_an_item_without_the_time_does_not_find_out() -> None:
    """A wait of less than a second is nothing that a store may not do."""
    found = verified(AwaitsJobs)
    assert (found.verdict.verdict, found.hopeless) == (Verdict.ERROR, None)
