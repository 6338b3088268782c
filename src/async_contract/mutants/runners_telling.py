"""Runners that tell the metrics recorder or the log what is wrong, too much, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from async_contract.mutants.runner import BrokenRunner
from async_contract.reference.events import Event, EventOutcome
from async_contract.store import Job, StoreError


class TellsRawKind(BrokenRunner):
    """The label is the kind of the job as it stands: there is no bound to how many there are."""

    breaks = "runner/observes"

    def label(self, job: Job) -> str:
        return job.kind


class OnlyCutsLabels(BrokenRunner):
    """The label is the kind of the job, cut to 64 characters."""

    breaks = "runner/observes"

    def label(self, job: Job) -> str:
        return job.kind[:64].lower()


class TellsNothingOfFailures(BrokenRunner):
    """The metrics recorder is told of successes only."""

    breaks = "runner/observes"

    def tell(self, event: Event, error: BaseException | None) -> None:
        if error is None:
            super().tell(event, error)


class TellsNothingOfRecordingErrors(BrokenRunner):
    """An outcome that could not be recorded is no outcome to it."""

    breaks = "runner/observes"

    def observe(self, job: Job, outcome: EventOutcome, error: BaseException | None) -> None:
        if outcome not in ("complete_error", "fail_record_error"):
            super().observe(job, outcome, error)


class TellsTwice(BrokenRunner):
    """Every outcome is told twice."""

    breaks = "runner/observes"

    def observe(self, job: Job, outcome: EventOutcome, error: BaseException | None) -> None:
        super().observe(job, outcome, error)
        super().observe(job, outcome, error)


class TellsOfSuccessOnly(BrokenRunner):
    """Whatever came of a job, the metrics recorder is told that it succeeded."""

    breaks = "runner/observes"

    def observe(self, job: Job, outcome: EventOutcome, error: BaseException | None) -> None:
        super().observe(job, "succeeded", error)


class LogsJobs(BrokenRunner):
    """It logs every job that it leased, its payload too."""

    breaks = "runner/discreet"

    def admit(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self.logger.debug("leased %s", job)
        super().admit(jobs)


class LogsTracebacks(BrokenRunner):
    """It logs the traceback of a handler's error."""

    breaks = "runner/discreet"

    def log(self, event: Event, error: BaseException | None) -> None:
        self.logger.info("%s: %s", event.kind, event.outcome, exc_info=error)


class LogsErrorsOfStore(BrokenRunner):
    """It logs the text of what the store raised."""

    breaks = "runner/discreet"

    def log(self, event: Event, error: BaseException | None) -> None:
        self.logger.info("%s: %s", event.outcome, error if isinstance(error, StoreError) else event.kind)


class LogsErrorBesides(BrokenRunner):
    """The error is no part of the message, but an attribute of the record, which structured logs print."""

    breaks = "runner/discreet"

    def log(self, event: Event, error: BaseException | None) -> None:
        self.logger.info("%s: %s", event.kind, event.outcome, extra={"error": error})


class LeavesErrorsToAsyncio(BrokenRunner):
    """A handler's error stays in a task that nobody asks for it, so that asyncio logs it."""

    breaks = "runner/discreet"

    async def record(self, job: Job, error: BaseException | None) -> None:
        await super().record(job, error)
        if isinstance(error, ValueError):
            self.left = asyncio.create_task(self._raise(error))

    async def _raise(self, error: Exception) -> None:
        raise error


RUNNERS: tuple[type[BrokenRunner], ...] = (
    TellsRawKind, OnlyCutsLabels, TellsNothingOfFailures, TellsNothingOfRecordingErrors, TellsTwice,
    TellsOfSuccessOnly, LogsJobs, LogsTracebacks, LogsErrorsOfStore, LogsErrorBesides, LeavesErrorsToAsyncio,
)  # fmt: skip
"""All of them."""
