"""No false alarm: the ways of exploring choose the one that suits a store, however it is called."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.limits import Limits
from async_contract.experiments.ways import Explorations
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.store import Job

from . import stores_prefetch
from .stores import Odd, stores_in
from .stores_calls import DoneAlready, MakesItsMethods, ReturnsCommands, ReturnsFutures, ReturnsTasks

ON_THE_LOOP = {"order", "loop"}
IN_THREADS = {"order", "statements", "threads", "thread-races"}


class Simple:
    """Atomic as long as one event loop has it to itself: it looks at the queue, and then takes from it."""

    def __init__(self) -> None:
        self.ready: deque[Job] = deque()
        self.held: dict[str, Job] = {}

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.ready.append(job)

    async def lease(self, limit: int) -> list[Job]:
        """Deliver ready jobs."""
        jobs = [self.ready.popleft() for _ in range(min(max(limit, 0), len(self.ready)))]
        self.held.update((job.id, job) for job in jobs)
        return jobs

    async def complete(self, id: str) -> None:
        """Record that a job is done."""
        del self.held[id]

    async def fail(self, id: str, message: str) -> None:
        """Record that an attempt failed."""
        self.ready.append(self.held.pop(id))


def namespace() -> Any:
    """The methods of a store, and nothing else of it."""
    store = Simple()
    return SimpleNamespace(enqueue=store.enqueue, lease=store.lease, complete=store.complete, fail=store.fail)


def traced(method: Callable[..., Any]) -> Callable[..., Any]:
    """What every call passes: a plain function, which returns the coroutine that it is given."""

    @functools.wraps(method)
    def call(*args: Any) -> Any:
        return method(*args)

    return call


class Traced(Simple):
    """Coroutine functions in plain ones."""

    lease, complete, fail = traced(Simple.lease), traced(Simple.complete), traced(Simple.fail)


class Plain:
    """Plain functions, but for an enqueue that the harness makes one to be awaited."""

    def __init__(self) -> None:
        self.store = Simple()

    def _run(self, call: Any) -> Any:
        try:
            call.send(None)
        except StopIteration as done:
            return done.value

    def lease(self, limit: int) -> list[Job]:
        """Deliver ready jobs, one at most."""
        try:
            job = self.store.ready.popleft() if limit > 0 else None
        except IndexError:
            job = None
        if job is None:
            return []
        self.store.held[job.id] = job
        return [job]

    def complete(self, id: str) -> None:
        """Record that a job is done."""
        self._run(self.store.complete(id))

    def fail(self, id: str, message: str) -> None:
        """Record that an attempt failed."""
        self._run(self.store.fail(id, message))


async def enqueue(store: Plain, job: Job) -> None:
    """Take a job in."""
    await asyncio.sleep(0)
    await store.store.enqueue(job)


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[Sandboxes]:
    """Where the stores' private places are made."""
    with Sandboxes() as made:
        yield made


@pytest.mark.parametrize(
    ("harness", "ways"),
    [
        pytest.param(StoreHarness(namespace), ON_THE_LOOP, id="namespace"),
        pytest.param(StoreHarness(Traced), ON_THE_LOOP, id="traced"),
        pytest.param(ReturnsFutures.harness(), ON_THE_LOOP, id="futures"),
        pytest.param(ReturnsTasks.harness(), ON_THE_LOOP, id="tasks"),
        pytest.param(ReturnsCommands.harness(), ON_THE_LOOP, id="commands"),
        pytest.param(DoneAlready.harness(), ON_THE_LOOP, id="some"),
        pytest.param(MakesItsMethods.harness(), ON_THE_LOOP, id="partial"),
        pytest.param(
            StoreHarness(Plain, enqueue=enqueue, capabilities=Capabilities(max_batch=1)),
            IN_THREADS, id="plain",
        ),
    ],
)  # fmt: skip
def test_a_store_that_has_to_be_awaited_is_not_called_in_threads(
    harness: StoreHarness, ways: set[str], sandboxes: Sandboxes
) -> None:
    """What its methods look like does not tell; what they return does. Nobody is blamed either way."""
    explored = Explorations().of(harness, sandboxes, Limits(effort="quick", item=2.0))
    assert set(explored.ways) == ways
    assert explored.broken == frozenset()


class KeepsInVirtualTime(stores_prefetch.KeepsForLong):
    """Five jobs are kept for half a minute, which nobody has to wait for: all leases expire at the end."""

    @classmethod
    def harness(cls) -> StoreHarness:
        """A truthful harness, in virtual time."""
        return StoreHarness(cls, capabilities=cls.capabilities, virtual_time=True)

    def clock(self) -> float:
        """The sandbox's."""
        return self.sandbox.clock()


@pytest.mark.parametrize("store", [*stores_in(stores_prefetch), KeepsInVirtualTime])
def test_a_store_whose_client_keeps_jobs_is_not_blamed(store: type[Odd], sandboxes: Sandboxes) -> None:
    """What nobody was given comes when its lease has expired, whether that can be waited for or not."""
    explored = Explorations().of(store.harness(), sandboxes, Limits(effort="quick", item=4.0))
    assert explored.broken == frozenset()
    assert [finding for way in explored.ways.values() for finding in way.findings] == []
