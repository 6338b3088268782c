"""Runners that an error ends, or leaves without a slot."""

from __future__ import annotations

import asyncio
from asyncio import Task
from collections.abc import Sequence

from async_contract.mutants.runner import BrokenRunner
from async_contract.reference.events import Event
from async_contract.store import Job, StoreError


class DiesOfErrors(BrokenRunner):
    """What a task raises ends the runner."""

    def done(self, task: Task[None]) -> None:
        super().done(task)
        if not task.cancelled() and task.exception() is not None:
            self.died = task.exception()
            self.stop()

    died: BaseException | None = None

    async def drain(self) -> None:
        await super().drain()
        if self.died is not None:
            raise self.died


class DiesOfLeaseError(BrokenRunner):
    """An error from lease ends the runner."""

    breaks = "runner/survives"

    async def lease(self, limit: int) -> Sequence[Job]:
        return await self.store.lease(limit)


class DiesOfCompleteError(DiesOfErrors):
    """An error from complete ends the runner."""

    breaks = "runner/survives"

    async def complete(self, job: Job) -> None:
        await self.store.complete(job.id)
        self.observe(job, "succeeded", None)


class DiesOfFailError(DiesOfErrors):
    """An error from fail ends the runner."""

    breaks = "runner/survives"

    async def fail(self, job: Job, error: BaseException) -> None:
        await self.store.fail(job.id, self.message(error))
        self.observe(job, "failed", error)


class DiesOfMetrics(DiesOfErrors):
    """An error from the metrics recorder ends the runner."""

    breaks = "runner/survives"

    def tell(self, event: Event, error: BaseException | None) -> None:
        self.metrics.record(event)
        self.log(event, error)


class DiesOfSystemExit(BrokenRunner):
    """A handler that calls sys.exit() ends the whole process."""

    breaks = "runner/survives"

    async def attempt(self, job: Job) -> BaseException | None:
        try:
            await self.handler(job)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the defect is what is missing
            return error
        return None


class DiesOfOtherErrors(DiesOfErrors):
    """A handler that raises what is no Exception ends the runner."""

    breaks = "runner/survives"

    async def record(self, job: Job, error: BaseException | None) -> None:
        await super().record(job, error)
        known = isinstance(error, (Exception, asyncio.CancelledError, type(None)))
        if not known:
            raise RuntimeError(type(error).__name__)


class DiesOfCancelledHandler(BrokenRunner):
    """A handler that cancels itself is taken for a cancellation of the runner."""

    breaks = "runner/survives"

    async def fail(self, job: Job, error: BaseException) -> None:
        await super().fail(job, error)
        if isinstance(error, asyncio.CancelledError):
            self.cancelled = True
            self.stop()


class EndsQuietlyAfterError(BrokenRunner):
    """After an error from lease it stops, without a word."""

    breaks = "runner/survives"

    async def lease(self, limit: int) -> Sequence[Job]:
        try:
            return await self.store.lease(limit)
        except StoreError:
            self.stop()
            return ()


class LeaksSlotOfFailedJob(BrokenRunner):
    """The slot of a job whose handler raised is never free again."""

    breaks = "runner/survives"

    async def fail(self, job: Job, error: BaseException) -> None:
        await super().fail(job, error)
        self.in_hand += 1


class LeaksSlotAtCompleteError(BrokenRunner):
    """The slot of a job whose complete raised is never free again."""

    breaks = "runner/survives"

    async def complete(self, job: Job) -> None:
        try:
            await self.store.complete(job.id)
        except StoreError as error:
            self.in_hand += 1
            self.observe(job, "complete_error", error)
        else:
            self.observe(job, "succeeded", None)


class RetriesCompleteForEver(BrokenRunner):
    """A complete that raised is tried again until it succeeds, which it never does after a lost reply."""

    breaks = "runner/survives"

    async def complete(self, job: Job) -> None:
        while True:
            try:
                await self.store.complete(job.id)
            except StoreError:
                await asyncio.sleep(1)
            else:
                return self.observe(job, "succeeded", None)


class GivesUpAfterTwoErrors(BrokenRunner):
    """After two errors from lease it waits for somebody to look after the store."""

    breaks = "runner/survives"
    errors = 0

    async def lease(self, limit: int) -> Sequence[Job]:
        jobs = await super().lease(limit)
        if self.errors > 1:
            await self.told.wait()
        return jobs

    def tell(self, event: Event, error: BaseException | None) -> None:
        self.errors += event.outcome == "lease_error"
        super().tell(event, error)


RUNNERS: tuple[type[BrokenRunner], ...] = (
    DiesOfLeaseError, DiesOfCompleteError, DiesOfFailError, DiesOfMetrics, DiesOfSystemExit,
    DiesOfOtherErrors, DiesOfCancelledHandler, EndsQuietlyAfterError, LeaksSlotOfFailedJob,
    LeaksSlotAtCompleteError, RetriesCompleteForEver, GivesUpAfterTwoErrors,
)  # fmt: skip
"""All of them."""
