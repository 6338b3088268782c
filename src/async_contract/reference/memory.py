"""A job store in memory that keeps the contract."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Literal

from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord, JobState, StoreError


class MemoryStore:
    """Keeps jobs in memory, for the tasks of one event loop.

    No method awaits anything, so every call is atomic: it cannot be cancelled half-way, and no
    other task runs between its check and its effect.

    Jobs are delivered for the first time in the order they were enqueued; a job that failed,
    whose lease expired or that was requeued goes to the back. Every operation takes constant
    time on average, whatever the store holds.

    Finished jobs are remembered, so that their ids are refused a second time: the latest
    `finished_limit` completed jobs and as many dead ones. Beyond that the oldest are forgotten,
    which makes their ids unknown (and a dead job lost).
    """

    def __init__(
        self,
        *,
        lease_timeout: float | None = None,
        redelivers: bool = True,
        max_attempts: int | None = None,
        retry_delay: float = 0.0,
        finished_limit: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an empty store.

        Args:
            lease_timeout: Seconds after which a lease ends and the job is ready again; `None`:
                leases last until `complete` or `fail`.
            redelivers: Whether a failed job is ready again (`True`) or dead (`False`).
            max_attempts: How often a job is delivered before it is dead; deliveries whose lease
                expired count too. `None`: as often as it takes.
            retry_delay: Seconds until a failed job is ready again.
            finished_limit: How many completed, and how many dead, jobs are remembered.
            clock: Tells the time in seconds, and never goes back.

        Raises:
            TypeError: `redelivers` is no bool, or `clock` cannot be called.
            ValueError: A number is out of range, or two arguments contradict one another.
        """
        _check_durations(lease_timeout, retry_delay, redelivers=redelivers)
        _check_counts(max_attempts, finished_limit)
        if not callable(clock):
            raise TypeError(f"clock={clock!r} cannot be called; write clock=time.monotonic")
        self._lease_timeout = math.inf if lease_timeout is None else lease_timeout
        self._redelivers = redelivers
        self._max_attempts = math.inf if max_attempts is None else max_attempts
        self._retry_delay = retry_delay
        self._finished_limit = finished_limit
        self._clock = clock
        # Every entry is in exactly one of these five. All leases last equally long, and so do all
        # delays: each order of arrival is an order of due times, and no heap is needed.
        self._ready: deque[_Entry] = deque()
        self._delayed: deque[_Entry] = deque()
        self._leased: OrderedDict[str, _Entry] = OrderedDict()
        self._completed: OrderedDict[str, _Entry] = OrderedDict()
        self._dead: OrderedDict[str, _Entry] = OrderedDict()
        self._entries: dict[str, _Entry] = {}

    async def enqueue(self, job: Job) -> None:
        """Take a job in; the store counts its attempts from 0, whatever the job says.

        Raises:
            JobExists: A job with this id is here already, or is remembered as finished.
            TypeError: A field has the wrong type.
            ValueError: The id or the kind is empty.
        """
        taken_in = _checked(job)
        if taken_in.id in self._entries:
            raise JobExists(f"job {taken_in.id!r} was enqueued before; every job needs an id of its own")
        entry = _Entry(taken_in)
        self._entries[taken_in.id] = entry
        self._ready.append(entry)

    async def lease(self, limit: int) -> list[Job]:
        """Deliver at most `limit` ready jobs, none if it is zero or less.

        `attempts` of a delivered job is the number of its deliveries, this one included.
        """
        now = self._pass_time()
        batch = []
        for _ in range(min(limit, len(self._ready))):
            entry = self._ready.popleft()
            entry.state = "leased"
            entry.attempts += 1
            entry.due = now + self._lease_timeout
            self._leased[entry.job.id] = entry
            batch.append(entry.delivered())
        return batch

    async def complete(self, id: str) -> None:
        """Record that the job is done: it is never delivered again.

        Raises:
            JobNotFound: The store knows no job with this id.
            JobNotLeased: The job is not on lease, or its lease has expired.
        """
        self._pass_time()
        entry = self._off_lease(id)
        entry.job = Job(id, entry.job.kind)  # what is only remembered needs no payload
        self._finish(entry, "completed")

    async def fail(self, id: str, message: str) -> None:
        """Record that the attempt failed: the job is ready again after the retry delay, or dead.

        Raises:
            JobNotFound: The store knows no job with this id.
            JobNotLeased: The job is not on lease, or its lease has expired.
            TypeError: The message is no str.
        """
        if not isinstance(message, str):
            raise TypeError(
                f"a failure message is a str, not {type(message).__name__}; write safe_failure_message(error)"
            )
        now = self._pass_time()
        entry = self._off_lease(id)
        entry.message = message
        if not self._redelivers or self._spent(entry):
            self._finish(entry, "dead")
        elif self._retry_delay:
            entry.state = "ready"
            entry.due = now + self._retry_delay
            self._delayed.append(entry)
        else:
            self._make_ready(entry)

    async def inspect(self, id: str) -> JobRecord | None:
        """Return what is remembered of the job, or `None` if the store does not know the id.

        The message is that of the latest `fail`: an expired lease leaves it as it was.
        """
        self._pass_time()
        entry = self._entries.get(id)
        return None if entry is None else JobRecord(entry.state, entry.message, entry.attempts)

    async def requeue(self, id: str) -> None:
        """Make a dead job ready again, for another `max_attempts` deliveries; its attempts count on.

        Raises:
            JobNotFound: The store knows no job with this id.
            StoreError: The job is not dead.
        """
        self._pass_time()
        entry = self._known(id)
        if entry.state != "dead":
            raise StoreError(f"job {id!r} is {entry.state}; only a dead job can be requeued")
        del self._dead[id]
        entry.forgiven = entry.attempts
        self._make_ready(entry)

    def _pass_time(self) -> float:
        """End the leases and the delays that are due, and return the time."""
        now = self._clock()
        while self._leased and (entry := next(iter(self._leased.values()))).due <= now:
            del self._leased[entry.job.id]
            if self._spent(entry):
                self._finish(entry, "dead")
            else:
                self._make_ready(entry)
        while self._delayed and self._delayed[0].due <= now:
            self._make_ready(self._delayed.popleft())
        return now

    def _known(self, id: str) -> _Entry:
        entry = self._entries.get(id)
        if entry is None:
            raise JobNotFound(f"no job {id!r} is known here")
        return entry

    def _off_lease(self, id: str) -> _Entry:
        entry = self._known(id)
        if entry.state != "leased":
            raise JobNotLeased(f"job {id!r} is {entry.state}, not on lease")
        return self._leased.pop(id)

    def _spent(self, entry: _Entry) -> bool:
        return entry.attempts - entry.forgiven >= self._max_attempts

    def _make_ready(self, entry: _Entry) -> None:
        entry.state = "ready"
        self._ready.append(entry)

    def _finish(self, entry: _Entry, state: Literal["completed", "dead"]) -> None:
        entry.state = state
        finished = self._completed if state == "completed" else self._dead
        finished[entry.job.id] = entry
        if len(finished) > self._finished_limit:
            forgotten, _ = finished.popitem(last=False)
            del self._entries[forgotten]


class _Entry:
    """A job and what has become of it."""

    __slots__ = ("attempts", "due", "forgiven", "job", "message", "state")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.state: JobState = "ready"
        self.attempts = 0
        self.forgiven = 0  # the attempts before the latest requeue, which max_attempts leaves out
        self.message: str | None = None
        self.due = 0.0  # when the lease or the delay ends

    def delivered(self) -> Job:
        job = self.job
        return Job(job.id, job.kind, job.tenant_id, job.payload, self.attempts)


def _checked(job: Job) -> Job:
    """Return a copy that nobody outside the store can change."""
    for name, value, wanted in (
        ("id", job.id, str),
        ("kind", job.kind, str),
        ("tenant_id", job.tenant_id, str),
        ("payload", job.payload, bytes),
    ):
        if not isinstance(value, wanted):
            raise TypeError(f"a job's {name} is {wanted.__name__}, not {type(value).__name__}")
    if not job.id or not job.kind:
        raise ValueError(f"job {job.id!r} of kind {job.kind!r}: neither the id nor the kind may be empty")
    return Job(job.id, job.kind, job.tenant_id, job.payload)


def _check_durations(lease_timeout: float | None, retry_delay: float, *, redelivers: object) -> None:
    if lease_timeout is not None and not (_is_seconds(lease_timeout) and lease_timeout > 0):
        raise ValueError(
            f"lease_timeout={lease_timeout!r} is no positive number of seconds; "
            "write lease_timeout=30.0, or None if leases never end by themselves"
        )
    if not isinstance(redelivers, bool):
        raise TypeError(f"redelivers={redelivers!r} is neither True nor False")
    if not _is_seconds(retry_delay):
        raise ValueError(f"retry_delay={retry_delay!r} is no number of seconds from 0; write retry_delay=5.0")
    if retry_delay and not redelivers:
        raise ValueError(
            f"retry_delay={retry_delay!r} contradicts redelivers=False: nothing is retried; leave one out"
        )


def _check_counts(max_attempts: int | None, finished_limit: int) -> None:
    if max_attempts is not None and not (_is_whole(max_attempts) and max_attempts >= 1):
        raise ValueError(
            f"max_attempts={max_attempts!r} is no whole number from 1; write max_attempts=3, or None"
        )
    if not (_is_whole(finished_limit) and finished_limit >= 0):
        raise ValueError(
            f"finished_limit={finished_limit!r} is no whole number from 0; write finished_limit=10_000"
        )


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
