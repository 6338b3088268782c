"""A small runner that keeps the whole contract, and what a runner is that is broken on purpose.

Every broken runner is this one with one thing changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from asyncio import Task
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from async_contract.harness.runner import RunnerHarness
from async_contract.reference.events import Event, EventOutcome, MetricsRecorder
from async_contract.reference.sanitize import safe_failure_message, safe_label
from async_contract.store import Job

Handler = Callable[[Job], Awaitable[object]]


class AsyncStore(Protocol):
    """A store whose methods are coroutine functions."""

    async def lease(self, limit: int) -> Sequence[Job]: ...

    async def complete(self, id: str) -> None: ...

    async def fail(self, id: str, message: str) -> None: ...


class PlainRunner:
    """Leases, handles each job in a task of its own, and records the outcome in another.

    One task leases and is never cancelled, only told to stop; `run` waits for it. Every step is a
    method, so that overriding one makes one defect.
    """

    def __init__(
        self,
        store: AsyncStore,
        handler: Handler,
        *,
        concurrency: int,
        batch_size: int,
        poll_interval: float,
        metrics: MetricsRecorder,
        logger: logging.Logger,
    ) -> None:
        self.store, self.handler = store, handler
        self.concurrency, self.batch_size, self.poll_interval = concurrency, batch_size, poll_interval
        self.metrics, self.logger = metrics, logger
        self.told, self.freed = asyncio.Event(), asyncio.Event()
        self.cancelled = False
        self.in_hand = 0  # slots taken
        self.waiting: deque[Job] = deque()  # leased, without a slot: only where a defect leases too many
        self.jobs: set[Task[None]] = set()
        self.handling: set[Task[BaseException | None]] = set()

    # -- the end ------------------------------------------------------------------------------

    def stop(self) -> None:
        """Begin no more leases, and end when all outcomes are recorded."""
        self.told.set()
        self.freed.set()

    async def run(self) -> None:
        """Work until stopped; cancelled, give up the handlers and record that."""
        working = asyncio.create_task(self.work())
        while not working.done():
            try:
                await asyncio.wait({working})
            except asyncio.CancelledError:
                self.cancelled = True
                self.stop()
                self.give_up()
        working.result()
        if self.cancelled:
            raise asyncio.CancelledError

    def give_up(self) -> None:
        for task in self.handling:
            task.cancel()

    async def work(self) -> None:
        while self.goes_on():
            limit = self.limit()
            if limit < 1:
                await self.slot()
                continue
            jobs = await self.lease(limit)
            self.admit(jobs)
            await self.pause(jobs)
        await self.drain()

    def goes_on(self) -> bool:
        return not self.told.is_set()

    async def drain(self) -> None:
        while self.jobs:
            await asyncio.wait(self.jobs)

    # -- leasing ------------------------------------------------------------------------------

    def limit(self) -> int:
        return min(self.batch_size, self.concurrency - self.in_hand)

    async def lease(self, limit: int) -> Sequence[Job]:
        try:
            return await self.store.lease(limit)
        except Exception as error:  # noqa: BLE001 - whatever the store raises
            self.tell(Event("unknown", "lease_error"), error)
            return ()

    async def pause(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            await self.sleep(self.poll_interval)

    async def sleep(self, seconds: float) -> None:
        """Wait, or until told to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.told.wait(), seconds)

    async def slot(self) -> None:
        """Wait until a slot is free."""
        self.freed.clear()
        await self.freed.wait()

    # -- from a job to its outcome ------------------------------------------------------------

    def admit(self, jobs: Sequence[Job]) -> None:
        self.waiting.extend(jobs)
        while self.waiting and self.has_slot():
            self.in_hand += 1
            task = asyncio.create_task(self.do(self.waiting.popleft()))
            self.jobs.add(task)
            task.add_done_callback(self.done)

    def has_slot(self) -> bool:
        return self.in_hand < self.concurrency

    def done(self, task: Task[None]) -> None:
        self.jobs.discard(task)
        self.free()

    def free(self) -> None:
        self.in_hand -= 1
        self.freed.set()
        self.admit(())

    async def do(self, job: Job) -> None:
        await self.record(job, await self.handled(job))

    async def handled(self, job: Job) -> BaseException | None:
        """What the handler raised. It has a task of its own, which it may cancel."""
        if self.cancelled:
            return asyncio.CancelledError()
        task = asyncio.create_task(self.attempt(job))
        self.handling.add(task)
        await asyncio.wait({task})
        self.handling.discard(task)
        return asyncio.CancelledError() if task.cancelled() else task.result()

    async def attempt(self, job: Job) -> BaseException | None:
        try:
            await self.handler(job)
        except BaseException as error:  # noqa: BLE001 - whatever the handler raises is what came of it
            return error
        return None

    async def record(self, job: Job, error: BaseException | None) -> None:
        if error is None:
            await self.complete(job)
        else:
            await self.fail(job, error)

    async def complete(self, job: Job) -> None:
        try:
            await self.store.complete(job.id)
        except Exception as trouble:  # noqa: BLE001 - whatever the store raises
            self.observe(job, "complete_error", trouble)
        else:
            self.observe(job, "succeeded", None)

    async def fail(self, job: Job, error: BaseException) -> None:
        canceled = isinstance(error, asyncio.CancelledError)
        try:
            await self.store.fail(job.id, self.message(error))
        except Exception as trouble:  # noqa: BLE001 - whatever the store raises
            self.observe(job, "fail_record_error", trouble)
        else:
            self.observe(job, "canceled" if canceled else "failed", error)

    def message(self, error: BaseException) -> str:
        return safe_failure_message(error)

    # -- telling ------------------------------------------------------------------------------

    def observe(self, job: Job, outcome: EventOutcome, error: BaseException | None) -> None:
        self.tell(Event(self.label(job), outcome), error)

    def label(self, job: Job) -> str:
        return safe_label(job.kind)

    def tell(self, event: Event, error: BaseException | None) -> None:
        try:
            self.metrics.record(event)
        except Exception:  # noqa: BLE001 - whatever the recorder raises
            self.logger.warning("no metrics")
        self.log(event, error)

    def log(self, event: Event, error: BaseException | None) -> None:
        self.logger.info("%s: %s", event.kind, event.outcome)


class BrokenRunner(PlainRunner):
    """A runner with one defect, which its docstring says in one sentence.

    Attributes:
        breaks: The id of the clause that must catch it.
    """

    breaks: ClassVar[str]


@dataclass(frozen=True, slots=True)
class RunnerMutant:
    """A runner that is broken on purpose.

    Attributes:
        name: Its name in tables and reports, such as `forgets-cancelled-handlers`.
        clause: The id of the clause that must catch it.
        defect: What is wrong with it, in one sentence.
        harness: How it is reached.
    """

    name: str
    clause: str
    defect: str
    harness: RunnerHarness


def runner_mutant(runner: type[BrokenRunner]) -> RunnerMutant:
    """The mutant of which this is the runner."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", runner.__name__).lower()
    defect = (runner.__doc__ or name).partition("\n")[0]
    return RunnerMutant(name, runner.breaks, defect, RunnerHarness(runner))
