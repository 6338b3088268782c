"""The vocabulary: a job, a store, what a store remembers of a job, and how it refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

JobState = Literal["ready", "leased", "completed", "dead"]


@dataclass(frozen=True, slots=True)
class Job:
    """A unit of work, as a store takes it in and delivers it.

    A store may deliver any object with these five attributes; this class is what the
    toolkit enqueues and what the reference store delivers.
    """

    id: str
    kind: str
    tenant_id: str = ""
    payload: bytes = b""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What a store remembers of one job, as `inspect` shows it.

    Attributes:
        state: Where the job is in its life.
        message: The message of the latest `fail`, or `None` if there was none.
        attempts: The number of deliveries, as the store counts them.
    """

    state: JobState
    message: str | None = None
    attempts: int = 0


class Store(Protocol):
    """What a worker asks of a job store. Every method may be plain or a coroutine function."""

    def lease(self, limit: int) -> Sequence[Job] | Awaitable[Sequence[Job]]:
        """Put at most `limit` ready jobs on lease and deliver them."""

    def complete(self, id: str) -> object | Awaitable[object]:
        """Record that the job is done: it is never delivered again."""

    def fail(self, id: str, message: str) -> object | Awaitable[object]:
        """Record that the attempt failed: the job is delivered again, or dead."""


class StoreError(Exception):
    """A store refuses an operation, which therefore has no effect."""


class JobExists(StoreError, ValueError):
    """A job with this id was enqueued before."""


class JobNotFound(StoreError, LookupError):
    """The store knows no job with this id."""


class JobNotLeased(StoreError, ValueError):
    """The job is not on lease (to this worker), so there is nothing to complete or fail."""
