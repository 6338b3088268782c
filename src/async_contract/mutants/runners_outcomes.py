"""Runners that record the wrong outcome, none, or two."""

from __future__ import annotations

import asyncio

from async_contract.mutants.runner import BrokenRunner
from async_contract.store import Job


class CompletesTwice(BrokenRunner):
    """It completes a job once more, to be sure."""

    breaks = "runner/completes"

    async def complete(self, job: Job) -> None:
        await self.store.complete(job.id)
        await super().complete(job)


class FailsAfterCompleting(BrokenRunner):
    """It fails every job at the end, the completed ones too."""

    breaks = "runner/completes"

    async def complete(self, job: Job) -> None:
        await super().complete(job)
        await self.fail(job, RuntimeError("done"))


class FailsWhatItCannotComplete(BrokenRunner):
    """A job whose complete raised is failed, though the complete may have taken effect."""

    breaks = "runner/completes"

    async def complete(self, job: Job) -> None:
        try:
            await self.store.complete(job.id)
        except Exception as error:  # noqa: BLE001 - the defect is what follows
            await self.fail(job, error)
        else:
            self.observe(job, "succeeded", None)


class CompletesBeforeHandling(BrokenRunner):
    """It completes a job as soon as it has it, so that none is done twice."""

    breaks = "runner/completes"

    async def do(self, job: Job) -> None:
        await self.complete(job)
        await self.handled(job)


class ForgetsJobsWithResult(BrokenRunner):
    """A job whose handler returned something is left to whoever wants the result."""

    breaks = "runner/completes"

    async def attempt(self, job: Job) -> BaseException | None:
        try:
            result = await self.handler(job)
        except BaseException as error:  # noqa: BLE001 - as in PlainRunner
            return error
        return None if result is None else NotImplementedError()

    async def record(self, job: Job, error: BaseException | None) -> None:
        if not isinstance(error, NotImplementedError):
            await super().record(job, error)


class CompletesByKind(BrokenRunner):
    """It completes the kind of a job instead of its id."""

    breaks = "runner/completes"

    async def complete(self, job: Job) -> None:
        await super().complete(Job(job.kind, job.kind, job.tenant_id, job.payload))


class FailsSwallowedCancellations(BrokenRunner):
    """A handler that was cancelled counts as failed, also where it returned."""

    breaks = "runner/completes"

    async def handled(self, job: Job) -> BaseException | None:
        error = await super().handled(job)
        return asyncio.CancelledError() if self.cancelled else error


class CompletesWhatItGaveUp(BrokenRunner):
    """A slow job is failed, and completed when its handler returns in the end."""

    breaks = "runner/completes"

    async def handled(self, job: Job) -> BaseException | None:
        handling = asyncio.ensure_future(super().handled(job))
        if not (await asyncio.wait({handling}, timeout=0.5))[0]:
            await self.fail(job, TimeoutError())
        return await handling


class DropsWhatHasNoSlot(BrokenRunner):
    """It leases a whole batch, and what has no slot is forgotten."""

    breaks = "runner/completes"

    def limit(self) -> int:
        return self.batch_size if self.has_slot() else 0

    async def slot(self) -> None:
        self.waiting.clear()
        await super().slot()


class FailsTwice(BrokenRunner):
    """It fails a job where the handler raised, and again where the job ends."""

    breaks = "runner/fails"

    async def fail(self, job: Job, error: BaseException) -> None:
        await self.store.fail(job.id, self.message(error))
        await super().fail(job, error)


class CompletesAfterFailing(BrokenRunner):
    """It completes every job at the end, the failed ones too."""

    breaks = "runner/fails"

    async def record(self, job: Job, error: BaseException | None) -> None:
        if error is not None:
            await self.fail(job, error)
        await self.complete(job)


class CompletesWhatRaised(BrokenRunner):
    """An error of a handler is logged, and the job completed."""

    breaks = "runner/fails"

    async def fail(self, job: Job, error: BaseException) -> None:
        await self.complete(job)


class FailsWithWholeError(BrokenRunner):
    """The message is the error's text as it stands."""

    breaks = "runner/fails"

    def message(self, error: BaseException) -> str:
        return str(error) or type(error).__name__


class OnlyCutsMessages(BrokenRunner):
    """The message is cut, and its line breaks and control characters are kept."""

    breaks = "runner/fails"

    def message(self, error: BaseException) -> str:
        return str(error)[:256] or type(error).__name__


class FailsWithEmptyMessage(BrokenRunner):
    """An error without a text fails its job with an empty message."""

    breaks = "runner/fails"

    def message(self, error: BaseException) -> str:
        return "" if isinstance(error, KeyError) else super().message(error)


class ForgetsWhatCannotBePrinted(BrokenRunner):
    """A job whose error raises when it is printed is not failed."""

    breaks = "runner/fails"

    async def fail(self, job: Job, error: BaseException) -> None:
        try:
            str(error)
        except ValueError:
            return
        await super().fail(job, error)


class ForgetsCancelledHandlers(BrokenRunner):
    """A handler that cancels itself counts as one that was cancelled by the runner, and is not recorded."""

    breaks = "runner/fails"

    async def fail(self, job: Job, error: BaseException) -> None:
        if self.cancelled or not isinstance(error, asyncio.CancelledError):
            await super().fail(job, error)


class ForgetsTimeouts(BrokenRunner):
    """A handler that raises TimeoutError is taken for one that is still at work."""

    breaks = "runner/fails"

    async def fail(self, job: Job, error: BaseException) -> None:
        if not isinstance(error, TimeoutError):
            await super().fail(job, error)


RUNNERS: tuple[type[BrokenRunner], ...] = (
    CompletesTwice, FailsAfterCompleting, FailsWhatItCannotComplete, CompletesBeforeHandling,
    ForgetsJobsWithResult, CompletesByKind, FailsSwallowedCancellations, CompletesWhatItGaveUp,
    DropsWhatHasNoSlot, FailsTwice, CompletesAfterFailing, CompletesWhatRaised, FailsWithWholeError,
    OnlyCutsMessages, FailsWithEmptyMessage, ForgetsWhatCannotBePrinted, ForgetsCancelledHandlers,
    ForgetsTimeouts,
)  # fmt: skip
"""All of them."""
