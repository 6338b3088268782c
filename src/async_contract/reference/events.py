"""What a runner tells of its work: events for a metrics recorder, and lines for a log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Literal, Protocol

from async_contract.reference.attempt import captured

EventOutcome = Literal[
    "succeeded", "failed", "canceled", "lease_error", "complete_error", "fail_record_error"
]  # fmt: skip
ErrorKind = Literal["none", "canceled", "deadline_exceeded", "error"]

_LEVELS: dict[EventOutcome, int] = {
    "succeeded": logging.DEBUG,
    "failed": logging.WARNING,
    "canceled": logging.WARNING,
    "lease_error": logging.ERROR,
    "complete_error": logging.ERROR,
    "fail_record_error": logging.ERROR,
}


@dataclass(frozen=True, slots=True)
class Event:
    """What came of one job, or of a lease that failed.

    Attributes:
        kind: The job's kind as a safe label; `unknown` for a lease.
        outcome: `succeeded`: the handler returned and that was recorded. `failed`, `canceled`: it
            raised (`canceled`: a `CancelledError`) and that was recorded. `complete_error`,
            `fail_record_error`: the store raised when it should record it. `lease_error`: the
            lease raised, or delivered something that is no job.
    """

    kind: str
    outcome: EventOutcome


class MetricsRecorder(Protocol):
    """Counts outcomes."""

    def record(self, event: Event) -> None:
        """Count one outcome; called once for every delivered job and every lease that failed."""


class Observer:
    """Tells a metrics recorder and a logger what came of every job, and survives their errors."""

    def __init__(self, metrics: MetricsRecorder | None, logger: logging.Logger) -> None:
        self._metrics = metrics
        self._logger = logger

    def observe(self, event: Event, error: BaseException | None, job_id: str | None = None) -> None:
        """Tell of one outcome, and of the kind of error behind it; never of the error's text."""
        if self._metrics is not None:
            _, trouble = captured(self._metrics.record, event)
            if trouble is not None:
                self._log(logging.ERROR, "metrics recorder failed (%s)", error_kind(trouble))
        kind = error_kind(error)
        if job_id is None:
            self._log(_LEVELS[event.outcome], "%s (%s)", event.outcome, kind)
        else:
            # %r: an id with a line break in it would forge a second line.
            line = "job %r of kind %s: %s (%s)"
            self._log(_LEVELS[event.outcome], line, job_id, event.kind, event.outcome, kind)

    def _log(self, level: int, line: str, *arguments: object) -> None:
        with contextlib.suppress(Exception):  # from a filter, say: outcomes matter more than log lines
            self._logger.log(level, line, *arguments)


def error_kind(error: BaseException | None) -> ErrorKind:
    """Return what may be told of an error: neither its text nor its type."""
    if error is None:
        return "none"
    if isinstance(error, asyncio.CancelledError):
        return "canceled"
    return "deadline_exceeded" if isinstance(error, TimeoutError) else "error"
