"""A runner that is stopped or cancelled, at whatever instant, leaves no job without a recorded outcome."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

import pytest

from async_contract.reference.runner import CANCEL_GRACE, Event, Handler, Runner
from async_contract.store import Job

Simulate = Callable[[Coroutine[Any, Any, Any]], Any]

_SHUTDOWN = "canceled: the worker is shutting down"


class _Store:
    """Delivers its jobs once, `surplus` more than asked for, and writes down when it is called.

    Every call takes a step of the loop before its effect and one after it, and then its `seconds`.
    """

    def __init__(self, jobs: int = 2, surplus: int = 0) -> None:
        self.jobs = [Job(f"j{number}", "mail") for number in range(jobs)]
        self.surplus = surplus
        self.seconds = {"lease": 0.0, "complete": 0.0, "fail": 0.0}
        self.delivered: list[str] = []
        self.leases: list[float] = []
        self.recorded: list[tuple[object, ...]] = []

    async def lease(self, limit: int) -> list[Job]:
        self.leases.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
        count = limit + self.surplus
        batch, self.jobs = self.jobs[:count], self.jobs[count:]
        await asyncio.sleep(self.seconds["lease"])
        self.delivered += [job.id for job in batch]
        return batch

    async def complete(self, id: str) -> None:
        await self._record("complete", id)

    async def fail(self, id: str, message: str) -> None:
        await self._record("fail", id, message)

    async def _record(self, method: str, *arguments: str) -> None:
        self.recorded.append((asyncio.get_running_loop().time(), method, *arguments))
        await asyncio.sleep(0)
        await asyncio.sleep(self.seconds[method])


class _Metrics:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.events]


class _Run:
    """A runner in a task of its own, and what came of it."""

    def __init__(self, store: _Store, handler: Handler, **options: float | None) -> None:
        self.store = store
        self.metrics = _Metrics()
        self.runner = Runner(store, handler, metrics=self.metrics, **cast("Any", options))
        self.task: asyncio.Task[None] | None = None

    async def until(self, instant: float, act: Callable[[_Run], object]) -> float:
        """Start it, do something at an instant, wait for its end, and return when that was."""
        loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(self.runner.run())
        loop.call_at(instant, act, self)
        await asyncio.wait([self.task])
        return loop.time()


def _stop(run: _Run) -> None:
    run.runner.stop()


def _cancel(run: _Run) -> None:
    cast("asyncio.Task[None]", run.task).cancel()


def _stop_and_cancel(run: _Run) -> None:
    _stop(run)
    _cancel(run)
    asyncio.get_running_loop().call_later(0.5, _cancel, run)


def _sleeps(seconds: float) -> Handler:
    async def handler(job: Job) -> None:
        await asyncio.sleep(seconds)

    return handler


ways_to_end = pytest.mark.parametrize("end", [_stop, _cancel, _stop_and_cancel])


# Without a time limit


def test_stopped_before_it_runs_it_leases_nothing(simulate: Simulate) -> None:
    """run() returns at once."""

    async def main() -> list[float]:
        store = _Store()
        runner = Runner(store, _sleeps(0))
        runner.stop()
        await runner.run()
        return store.leases

    assert simulate(main()) == []


@ways_to_end
def test_it_leases_no_more_and_waits_for_the_jobs_in_flight(
    simulate: Simulate, end: Callable[[_Run], object]
) -> None:
    """Their outcomes are recorded as if nothing had happened, however long they take."""
    run = _Run(_Store(3), _sleeps(100), concurrency=2, shutdown_timeout=None)
    assert simulate(run.until(1.0, end)) == 100.0
    assert run.store.leases == [0.0]
    assert sorted(run.store.recorded) == [(100.0, "complete", "j0"), (100.0, "complete", "j1")]
    assert run.metrics.outcomes() == ["succeeded", "succeeded"]


@pytest.mark.parametrize(("end", "cancelled"), [(_stop, False), (_cancel, True), (_stop_and_cancel, True)])
def test_only_a_cancelled_run_ends_cancelled(
    simulate: Simulate, end: Callable[[_Run], object], *, cancelled: bool
) -> None:
    """A cancellation is not lost, only late."""
    run = _Run(_Store(), _sleeps(5))
    simulate(run.until(1.0, end))
    assert run.task is not None
    assert run.task.cancelled() is cancelled
    assert cancelled or run.task.result() is None


@ways_to_end
def test_while_it_waits_for_the_next_poll_it_ends_at_once(
    simulate: Simulate, end: Callable[[_Run], object]
) -> None:
    """Nothing is in flight, so there is nothing to wait for."""
    run = _Run(_Store(0), _sleeps(0), poll_interval=60)
    assert simulate(run.until(1.0, end)) == 1.0


@ways_to_end
def test_a_lease_in_flight_is_waited_for_and_its_jobs_are_done(
    simulate: Simulate, end: Callable[[_Run], object]
) -> None:
    """What the store has given away would otherwise stay on lease."""
    run = _Run(_Store(2), _sleeps(1), concurrency=2)
    run.store.seconds["lease"] = 10.0
    assert simulate(run.until(1.0, end)) == 11.0
    assert sorted(run.store.recorded) == [(11.0, "complete", "j0"), (11.0, "complete", "j1")]


@ways_to_end
def test_jobs_beyond_the_slots_are_done_too(simulate: Simulate, end: Callable[[_Run], object]) -> None:
    """A store that delivers more than it was asked for has put them all on lease."""
    run = _Run(_Store(3, surplus=2), _sleeps(10))
    assert simulate(run.until(1.0, end)) == 30.0
    assert run.store.recorded == [
        (10.0, "complete", "j0"),
        (20.0, "complete", "j1"),
        (30.0, "complete", "j2"),
    ]


def test_a_job_beyond_the_slots_begins_when_an_outcome_is_recorded(simulate: Simulate) -> None:
    """A slot is taken until then, so a slow store never has more outcomes to record than there are slots."""
    begun: list[float] = []

    async def handler(job: Job) -> None:
        begun.append(asyncio.get_running_loop().time())
        await asyncio.sleep(1 if job.id == "j0" else 2)

    run = _Run(_Store(4, surplus=2), handler, concurrency=2)
    run.store.seconds["complete"] = 5.0
    simulate(run.until(1.0, _stop))
    assert begun == [0.0, 0.0, 6.0, 7.0]


# With a time limit


@ways_to_end
def test_after_the_timeout_handlers_are_cancelled_and_recorded(
    simulate: Simulate, end: Callable[[_Run], object]
) -> None:
    """One fail each, with a message that says why; what ended in time is completed."""

    async def handler(job: Job) -> None:
        await asyncio.sleep(2 if job.id == "j0" else 1000)

    run = _Run(_Store(2), handler, concurrency=2, shutdown_timeout=5)
    assert simulate(run.until(1.0, end)) == 6.0
    assert run.store.recorded == [(2.0, "complete", "j0"), (6.0, "fail", "j1", _SHUTDOWN)]
    assert run.metrics.outcomes() == ["succeeded", "canceled"]


def test_with_a_timeout_of_zero_handlers_are_cancelled_at_once(simulate: Simulate) -> None:
    """They are recorded as soon as the runner is stopped."""
    run = _Run(_Store(1), _sleeps(1000), shutdown_timeout=0)
    assert simulate(run.until(1.0, _stop)) == 1.0
    assert run.store.recorded == [(1.0, "fail", "j0", _SHUTDOWN)]


def test_jobs_beyond_the_slots_are_recorded_at_the_timeout(simulate: Simulate) -> None:
    """Their handler is never called."""
    called: list[str] = []

    async def handler(job: Job) -> None:
        called.append(job.id)
        await asyncio.sleep(1000)

    run = _Run(_Store(3, surplus=2), handler, shutdown_timeout=5)
    assert simulate(run.until(1.0, _stop)) == 6.0
    assert called == ["j0"]
    assert sorted(run.store.recorded) == [(6.0, "fail", f"j{number}", _SHUTDOWN) for number in range(3)]


async def _returns_after_all(job: Job) -> None:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        await asyncio.sleep(CANCEL_GRACE / 2)


async def _raises_instead(job: Job) -> None:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        raise ValueError("cleanup failed") from None


async def _goes_on(job: Job) -> None:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        await asyncio.sleep(100)


@pytest.mark.parametrize(
    ("handler", "recorded", "outcome"),
    [
        (_returns_after_all, (6.0 + CANCEL_GRACE / 2, "complete", "j0"), "succeeded"),
        (_raises_instead, (6.0, "fail", "j0", "cleanup failed"), "failed"),
        (_goes_on, (6.0 + CANCEL_GRACE, "fail", "j0", _SHUTDOWN), "canceled"),
    ],
)
def test_what_a_handler_makes_of_its_cancellation_is_its_outcome(
    simulate: Simulate, handler: Handler, recorded: tuple[object, ...], outcome: str
) -> None:
    """It has a moment to end; if it goes on, it is given up, and what it does later is not recorded."""
    run = _Run(_Store(1), handler, shutdown_timeout=5)

    async def main() -> float:
        end = await run.until(1.0, _stop)
        await asyncio.sleep(1000)
        return end

    assert simulate(main()) == recorded[0]
    assert run.store.recorded == [recorded]
    assert run.metrics.outcomes() == [outcome]


@ways_to_end
def test_recording_is_never_cut_short(simulate: Simulate, end: Callable[[_Run], object]) -> None:
    """The time limit is for the handlers: an outcome that a slow store takes long to record is waited for."""
    run = _Run(_Store(1), _sleeps(0), shutdown_timeout=0)
    run.store.seconds["complete"] = 50.0
    assert simulate(run.until(1.0, end)) == 50.0
    assert run.metrics.outcomes() == ["succeeded"]


def test_a_lease_that_lasts_longer_than_the_timeout_is_cancelled(simulate: Simulate) -> None:
    """A store that waits for jobs does not keep the runner from ending."""
    run = _Run(_Store(0), _sleeps(0), shutdown_timeout=5)
    run.store.seconds["lease"] = 1000.0
    assert simulate(run.until(1.0, _stop)) == 6.0
    assert run.metrics.events == [Event("unknown", "lease_error")]


def test_jobs_that_a_cancelled_lease_delivers_all_the_same_are_recorded(simulate: Simulate) -> None:
    """There is no time left for them, but somebody may do them elsewhere."""

    class Stubborn(_Store):
        async def lease(self, limit: int) -> list[Job]:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                return await super().lease(limit)
            raise AssertionError("it was not cancelled")

    run = _Run(Stubborn(1), _sleeps(0), shutdown_timeout=5)
    assert simulate(run.until(1.0, _stop)) == 6.0
    assert run.store.recorded == [(6.0, "fail", "j0", _SHUTDOWN)]


def test_a_lease_that_ignores_its_cancellation_is_given_up(simulate: Simulate) -> None:
    """The runner ends; should the lease deliver after all, the jobs are recorded even then."""

    class Deaf(_Store):
        async def lease(self, limit: int) -> list[Job]:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                await asyncio.sleep(100)
            return await super().lease(limit)

    run = _Run(Deaf(1), _sleeps(0), shutdown_timeout=5)

    async def main() -> float:
        end = await run.until(1.0, _stop)
        await asyncio.sleep(1000)
        return end

    assert simulate(main()) == 6.0 + CANCEL_GRACE
    assert run.store.recorded == [(106.0, "fail", "j0", _SHUTDOWN)]


# Threads


def test_a_thread_that_goes_on_is_recorded_as_canceled(simulate: Simulate) -> None:
    """It cannot be stopped, and what comes of it later is not recorded."""
    goes_on = threading.Event()
    run = _Run(_Store(1), lambda _: goes_on.wait(10), shutdown_timeout=5)

    async def main() -> float:
        end = await run.until(1.0, _stop)
        goes_on.set()
        await asyncio.sleep(1)
        return end

    assert simulate(main()) == 6.0
    assert run.store.recorded == [(6.0, "fail", "j0", _SHUTDOWN)]


class _AtOnce(ThreadPoolExecutor):
    """Runs what it is given before submit() returns, as if the thread had been that quick."""

    def submit(self, fn: Callable[..., Any], /, *args: object, **kwargs: object) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_a_thread_that_ended_in_time_is_recorded_as_it_ended(simulate: Simulate) -> None:
    """The cancellation strikes when the handler has returned and the loop has not heard of it yet."""
    run = _Run(_Store(1), lambda _: run.runner.stop(), shutdown_timeout=0)

    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(_AtOnce())
        await run.until(1.0, _stop)

    simulate(main())
    assert run.metrics.outcomes() == ["succeeded"]
    assert run.store.recorded == [(0.0, "complete", "j0")]


def test_a_handler_that_finds_no_thread_is_recorded_as_failed(simulate: Simulate) -> None:
    """When the loop's executor has been shut down, jobs fail and the runner goes on."""
    run = _Run(_Store(2), lambda _: None)

    async def main() -> None:
        await asyncio.get_running_loop().shutdown_default_executor()
        await run.until(1.0, _stop)

    simulate(main())
    assert run.metrics.outcomes() == ["failed", "failed"]
