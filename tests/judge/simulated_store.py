"""A store that is correct and otherwise unpredictable.

Wherever the contract leaves open what a store does, chance decides.

Time is given with every call, in nanoseconds, and never runs back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Literal

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import OK, REJECTED, Delivered, Outcome
from async_contract.judge.sweep import is_plain
from async_contract.store import JobRecord, JobState

SECOND = 1_000_000_000

End = Literal["complete", "fail"]
Habit = Literal["reject", "ignore", "obey", "any"]
"""What a store does with a complete or fail by a worker that does not hold the job."""


def random_capabilities(random: Random) -> Capabilities:
    """Promises of all sorts, without a contradiction."""
    pick, chance = random.choice, random.random
    timeout = pick((None, 0.3, 0.3, 1.0))
    redelivers = pick((True, True, False, None))
    most = pick((None, None, 1, 2, 3))
    return Capabilities(
        lease_timeout=timeout,
        clock_resolution=pick((0, 0, 0.1)) if timeout else 0,
        expiry_delay=pick((0, 0, 0.4)) if timeout else 0,
        ends_with_connection=chance() < 0.3,
        redelivers=redelivers,
        max_attempts=most,
        expiry_counts=bool(timeout and most and chance() < 0.5),
        retry_delay=0 if redelivers is False else pick((0, 0, 0.5)),
        counts_attempts=chance() < 0.5,
        fifo=chance() < 0.3,
        fences=bool(timeout and chance() < 0.4),
        durable=chance() < 0.5,
        sharing=pick(("connection", "process")),
        max_batch=pick((None, None, 1, 2)),
        poll_delay=pick((0, 0, 0.3)),
    )


@dataclass
class Row:
    """A job in the store.

    Attributes:
        job: As it was enqueued.
        enqueued: When.
        visible: From when on a lease can see it.
        holder: The worker that has it on lease.
        lease: The number of its latest lease.
        received: Whether anybody received that.
        expires: When that lease may end by itself.
        freed: When it does.
        deliveries: Those that count towards `max_attempts`.
        attempts: All of them.
        workers: Those that were ever given it.
        superseded: Those of them whose lease was followed by another's.
    """

    job: Delivered
    enqueued: int
    visible: int
    state: JobState = "ready"
    holder: int = 0
    lease: int = 0
    received: bool = False
    expires: int | None = None
    freed: int | None = None
    deliveries: int = 0
    attempts: int = 0
    message: str | None = None
    workers: set[int] = field(default_factory=set)
    superseded: set[int] = field(default_factory=set)


class SimulatedStore:
    """The store.

    Args:
        random: Where chance comes from.
        may: What it promises.
    """

    def __init__(self, random: Random, may: Capabilities) -> None:
        self.may = may
        self.rows: dict[str, Row] = {}
        self._random = random
        self._held: Habit = random.choice(("reject", "ignore", "obey", "any"))
        self._loose: Habit = random.choice(("reject", "obey", "any"))
        self._numbered = may.counts_attempts or random.random() < 0.5
        self._counts_expired = may.expiry_counts or random.random() < 0.5
        self._forgets_finished = random.random() < 0.3
        self._refuses_hostile = random.random() < 0.5

    def put(self, job: Delivered, now: int) -> None:
        """Take a job in."""
        self.rows[job.id] = Row(job, now, now + self._part(self.may.poll_delay))

    def take(self, worker: int, limit: int, now: int, *, received: bool = True) -> list[Delivered]:
        """Put jobs on lease and deliver them, with a number that the workers don't see."""
        self._pass(now)
        ready = [row for row in self.rows.values() if row.state == "ready" and row.visible <= now]
        new = sorted((row for row in ready if not row.lease), key=lambda row: row.enqueued)
        old = [row for row in ready if row.lease]
        self._random.shuffle(old)
        if not self.may.fifo:
            self._random.shuffle(new)
        batch = (new + old if self._random.random() < 0.5 else old + new)[: max(limit, 0)][
            : self.may.max_batch
        ]
        return [self._deliver(row, worker, now, received=received) for row in batch]

    def _deliver(self, row: Row, worker: int, now: int, *, received: bool) -> Delivered:
        if received:
            row.workers.add(worker)
        row.superseded = row.workers - {worker}
        row.state, row.holder, row.received = "leased", worker, received
        row.lease, row.deliveries, row.attempts = row.lease + 1, row.deliveries + 1, row.attempts + 1
        row.expires = row.freed = None
        if self.may.lease_timeout is not None:
            early = self._part(self.may.clock_resolution)
            row.expires = now + round(self.may.lease_timeout * SECOND) - early
            row.freed = row.expires + self._part(self.may.expiry_delay)
        return row.job._replace(attempts=row.attempts if self._numbered else 0)

    def end(  # noqa: PLR0917 - as many as there are
        self, method: End, worker: int, id: str, message: str, lease: int | None, now: int
    ) -> Outcome:
        """Complete or fail a job, for a worker whose latest lease of it had this number, or none."""
        self._pass(now)
        row = self.rows.get(id)
        if row is None or (method == "fail" and self._refuses_hostile and not is_plain(message)):
            return REJECTED
        if row.state == "leased" and (row.holder, row.received, row.lease) == (worker, True, lease):
            self._finish(row, method, message, now)
            return OK
        return self._strange(row, method, worker, message, now)

    def _strange(self, row: Row, method: End, worker: int, message: str, now: int) -> Outcome:
        leased = row.state == "leased"
        habit = self._held if leased else self._loose
        if habit == "any":
            habit = self._random.choice(("reject", "ignore", "obey") if leased else ("reject", "obey"))
        # Of a worker that never had the job, a store that fences has promised nothing.
        fenced = self.may.fences and ((leased and worker in row.workers) or worker in row.superseded)
        if (
            habit == "reject"
            or (fenced and habit == "obey")
            or (row.state == "completed" and method == "fail")
        ):
            return REJECTED
        if habit == "obey" and row.state == "dead" and method == "fail":
            row.message = message
        elif habit == "obey" and row.state != "completed":
            self._finish(row, method, message, now)
        return OK

    def _finish(self, row: Row, method: End, message: str, now: int) -> None:
        if method == "complete":
            row.state = "completed"
            return
        most, redelivers = self.may.max_attempts, self.may.redelivers
        if redelivers is None and most is None:
            redelivers = self._random.random() < 0.5
        used_up = most is not None and row.deliveries >= most
        row.state = "dead" if redelivers is False or used_up else "ready"
        row.message = message if is_plain(message) else message[:3]
        row.visible = now + self._part(self.may.retry_delay) + self._part(self.may.poll_delay)

    def look(self, id: str, now: int) -> JobRecord | None:
        """What is remembered of a job."""
        row = self.rows.get(id)
        if row is None:
            return None
        if self._random.random() < 0.5:
            self._pass(now)
        if row.state in ("completed", "dead") and self._forgets_finished:
            return None
        over = row.state == "leased" and row.expires is not None and row.expires <= now
        state = "ready" if over and self._random.random() < 0.5 else row.state
        return JobRecord(state, row.message, row.attempts)

    def close(self, worker: int | None, now: int) -> None:
        """Close the connection of a worker, or all of them."""
        for row in self.rows.values():
            ends = self._random.random() < 0.5 if worker is None else row.holder == worker
            if row.state == "leased" and ends:
                row.freed = now

    def forget(self) -> None:
        """Come back as a store that promised nothing about it."""
        for id, row in list(self.rows.items()):
            if self._random.random() < 0.3:
                del self.rows[id]
            elif self._random.random() < 0.5:
                self.rows[id] = Row(
                    row.job, row.enqueued, 0, self._random.choice(("ready", "completed", "dead"))
                )

    def _pass(self, now: int) -> None:
        """End the leases whose time is over."""
        for row in self.rows.values():
            if row.state != "leased" or row.freed is None or row.freed > now:
                continue
            row.state, row.visible = "ready", row.freed + self._part(self.may.poll_delay)
            most = self.may.max_attempts
            if self.may.expiry_counts and most is not None and row.deliveries >= most:
                row.state = "dead"
            elif not self._counts_expired:
                row.deliveries -= 1

    def _part(self, seconds: float) -> int:
        return int(self._random.random() * seconds * SECOND)
