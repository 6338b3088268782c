"""The end strikes at every step of the event loop in turn, and no outcome is lost or recorded twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from async_contract.reference.runner import Event, Runner
from async_contract.store import Job

Simulate = Callable[[Coroutine[Any, Any, Any]], Any]
_STEPS = 40  # more than it takes until all jobs are done and the runner waits for the next poll


class _Store:
    """Delivers six jobs, `surplus` more than asked for; calls can be struck before and after their effect."""

    def __init__(self, surplus: int) -> None:
        self.surplus = surplus
        self.jobs = [Job(f"j{number}", "mail") for number in range(6)]
        self.leases = 0
        self.delivered: list[str] = []
        self.recorded: list[str] = []

    async def lease(self, limit: int) -> list[Job]:
        self.leases += 1
        await asyncio.sleep(0)
        count = limit + self.surplus
        batch, self.jobs = self.jobs[:count], self.jobs[count:]
        await asyncio.sleep(0)
        self.delivered += [job.id for job in batch]
        return batch

    async def complete(self, id: str) -> None:
        await asyncio.sleep(0)
        self.recorded.append(id)
        await asyncio.sleep(0)

    async def fail(self, id: str, message: str) -> None:
        await self.complete(id)


class _Scene:
    """A runner, its store and what it tells, with handlers that return, raise and cancel themselves."""

    def __init__(self, surplus: int = 0, shutdown_timeout: float | None = None) -> None:
        self.store = _Store(surplus)
        self.events: list[Event] = []
        self.running = self.most = 0
        self.runner = Runner(
            self.store, self._handle, concurrency=2, metrics=self, shutdown_timeout=shutdown_timeout
        )
        self.main: asyncio.Task[None] | None = None

    def record(self, event: Event) -> None:
        self.events.append(event)

    async def _handle(self, job: Job) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0)
            if job.id in {"j1", "j4"}:
                raise ValueError
            if job.id == "j2":
                cast("asyncio.Task[None]", asyncio.current_task()).cancel()
        finally:
            self.running -= 1

    async def play(self, step: int, strike: Callable[[_Scene], object]) -> int:
        """Strike after so many steps of the loop, and return how often it leased after that."""
        self.main = asyncio.create_task(self.runner.run())
        for _ in range(step):
            await asyncio.sleep(0)
        before = self.store.leases
        strike(self)
        await asyncio.sleep(0)
        strike(self)
        await asyncio.wait([self.main])
        return self.store.leases - before


def _stop(scene: _Scene) -> None:
    scene.runner.stop()


def _cancel(scene: _Scene) -> None:
    cast("asyncio.Task[None]", scene.main).cancel()


@pytest.mark.parametrize("strike", [_stop, _cancel])
@pytest.mark.parametrize("surplus", [0, 3])
@pytest.mark.parametrize("shutdown_timeout", [None, 0])
def test_no_outcome_is_lost_at_any_step(
    simulate: Simulate, strike: Callable[[_Scene], object], surplus: int, shutdown_timeout: float | None
) -> None:
    """Every job that was leased is recorded once and told once, and no lease begins after the strike."""
    for step in range(_STEPS):
        scene = _Scene(surplus, shutdown_timeout)
        assert simulate(scene.play(step, strike)) == 0
        _holds(scene)


def _holds(scene: _Scene) -> None:
    assert Counter(scene.store.recorded) == Counter(scene.store.delivered)
    told = Counter(event.outcome for event in scene.events)
    assert told.total() - told["lease_error"] == len(scene.store.delivered)
    assert scene.most <= 2


def test_without_a_strike_all_jobs_are_done_within_the_steps(simulate: Simulate) -> None:
    """Otherwise the last steps of a scene would never be struck."""
    scene = _Scene()
    simulate(scene.play(_STEPS, _stop))
    assert Counter(event.outcome for event in scene.events) == Counter(succeeded=4, failed=2)
    assert scene.store.jobs == []


def test_no_outcome_is_lost_when_the_loop_ends(simulate: Simulate) -> None:
    """At its end asyncio.run() cancels every task at once, those of the runner included.

    A lease may then lose its jobs, and a complete may not know whether it happened; but every job
    that was delivered has one outcome, and none has two.
    """
    for step in range(_STEPS):
        scene = _Scene()
        simulate(_leave(scene, step))
        told = Counter(event.outcome for event in scene.events)
        assert told.total() - told["lease_error"] == len(scene.store.delivered)
        assert Counter(scene.store.recorded) <= Counter(scene.store.delivered)
        unknown = told["complete_error"] + told["fail_record_error"]
        assert len(scene.store.delivered) - len(scene.store.recorded) <= unknown


async def _leave(scene: _Scene, step: int) -> None:
    scene.main = asyncio.create_task(scene.runner.run())
    for _ in range(step):
        await asyncio.sleep(0)
