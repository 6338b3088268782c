"""Stores whose leases end too early, too late or never, or whose stale workers do harm."""

from __future__ import annotations

import math
from collections.abc import Sequence

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing, Row
from async_contract.store import Job

TIMEOUT = 30.0


class NeverExpires(BrokenStore):
    """A lease never ends by itself."""

    breaks = "expiry/returns"

    def is_over(self, row: Row) -> bool:
        return False


class ExpiresOnce(BrokenStore):
    """The second lease of a job never ends by itself."""

    breaks = "expiry/returns"

    def is_over(self, row: Row) -> bool:
        return super().is_over(row) and row.attempts == 1


class WatchesFirstOfBatch(BrokenStore):
    """Of a batch only the first lease ends by itself."""

    breaks = "expiry/returns"

    def take(self, rows: Sequence[Row]) -> list[object]:
        jobs = super().take(rows)
        for row in rows[1:]:
            row.due = math.inf
        return jobs


class ExpiresTooLate(BrokenStore):
    """A lease lasts twice as long as is promised."""

    breaks = "expiry/returns"

    def deadline(self) -> float:
        return super().deadline() + TIMEOUT


class FailRenewsOthers(BrokenStore):
    """Whoever fails a job renews every lease that there is."""

    breaks = "expiry/returns"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        for each in self.leased():
            each.due = self.deadline()


class OneDeadline(BrokenStore):
    """All jobs on lease have one deadline, that of the latest lease."""

    breaks = "expiry/returns"

    def mark(self, row: Row) -> None:
        super().mark(row)
        for each in self.leased():
            each.due = row.due


class ExpiryBuries(BrokenStore):
    """A job whose lease expires is dead."""

    breaks = "expiry/returns"

    def lapse(self, row: Row) -> None:
        row.state = "dead"


class ExpiryLoses(BrokenStore):
    """A job whose lease expires is deleted."""

    breaks = "expiry/returns"

    def lapse(self, row: Row) -> None:
        del self.rows[self.key(row.job.id)]


class ReturnsOnePerCall(BrokenStore):
    """An expired job is returned only by a worker that leases something else."""

    breaks = "expiry/returns"

    async def lease(self, limit: int) -> Sequence[object] | None:
        await self.turn()
        jobs = self.take(self.chosen(limit))
        if jobs:
            self.return_expired()
        return jobs


class ExpiresAtHalf(BrokenStore):
    """A lease ends when half its time is over."""

    breaks = "expiry/not-early"

    def deadline(self) -> float:
        return self.now + TIMEOUT / 2


class ExpiresAlmostInTime(BrokenStore):
    """A lease ends one second early."""

    breaks = "expiry/not-early"

    def deadline(self) -> float:
        return super().deadline() - 1


class ExpiresAtOnce(BrokenStore):
    """The time of a lease is taken for milliseconds."""

    breaks = "lease/exclusive"

    def deadline(self) -> float:
        return self.now


class DeadlineFromEnqueue(BrokenStore):
    """The time of a lease counts from the job's enqueue."""

    breaks = "expiry/not-early"

    def insert(self, job: Job) -> None:
        super().insert(job)
        self.backing.notes[job.id] = super().deadline()

    def mark(self, row: Row) -> None:
        super().mark(row)
        row.due = max(self.backing.notes[row.job.id], self.now + TIMEOUT / 10)


class DeadlineOfFirstLease(BrokenStore):
    """A second lease ends when the first one of that job would have."""

    breaks = "expiry/not-early"

    def mark(self, row: Row) -> None:
        super().mark(row)
        first = self.backing.notes.setdefault(row.job.id, row.due)
        if first > self.now:
            row.due = first


class TimerOutlivesFail(BrokenStore):
    """A fail does not stop the timer of its lease, which then ends the next lease of that job."""

    breaks = "expiry/not-early"

    def mark(self, row: Row) -> None:
        super().mark(row)
        self.backing.notes.setdefault(row.job.id, []).append(row.due)

    def is_over(self, row: Row) -> bool:
        timers = self.backing.notes[row.job.id]
        over = [timer for timer in timers if timer <= self.now]
        for timer in over:
            timers.remove(timer)
        return bool(over)


class DeadlineOfWorker(BrokenStore):
    """A worker has one deadline for all that it holds: that of its first lease."""

    breaks = "expiry/not-early"

    def mark(self, row: Row) -> None:
        due = min((each.due for each in self.mine()), default=math.inf)
        super().mark(row)
        row.due = min(due, row.due)


class SharedOwner(BrokenStore):
    """All workers of a machine go by the same name, so that a stale one passes for the holder."""

    breaks = "expiry/fenced"

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self.owner = 1


class RemembersHolders(BrokenStore):
    """Whoever has held a job passes for its holder, in some calls."""

    def mark(self, row: Row) -> None:
        super().mark(row)
        self.backing.notes.setdefault(row.job.id, []).append(self.owner)

    def passing(self, id: str) -> Row | None:
        """The row of a job that is on lease, if this connection has ever held it."""
        row = self.found(id)
        holders = self.backing.notes.get(id, ())
        return row if row is not None and row.state == "leased" and self.owner in holders else None


class StaleCompleteWorks(RemembersHolders):
    """A worker whose lease has expired can complete the job while another holds it."""

    breaks = "expiry/fenced"

    async def complete(self, id: str) -> None:
        row = self.passing(id)
        if row is None:
            return await super().complete(id)
        return self.end_well(row)


class StaleFailWorks(RemembersHolders):
    """A worker whose lease has expired can fail the job while another holds it."""

    breaks = "expiry/fenced"

    async def fail(self, id: str, message: str) -> None:
        row = self.passing(id)
        if row is None:
            return await super().fail(id, message)
        return self.end_badly(row, message)


class ReceiptsBeginAnew(BrokenStore):
    """A job's leases are numbered, to tell a stale worker from the holder; a fail sets the number back."""

    breaks = "expiry/fenced"

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._receipts: dict[str, int] = {}

    def mark(self, row: Row) -> None:
        super().mark(row)
        notes = self.backing.notes
        self._receipts[row.job.id] = notes[row.job.id] = notes.get(row.job.id, 0) + 1

    def held(self, id: str) -> Row:
        row = self.known(id)
        if row.state == "leased" and self._receipts.get(id) == self.backing.notes[id]:
            row.owner = self.owner
        return super().held(id)

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        self.backing.notes[row.job.id] = 0


class StaleCompleteAfterFail(BrokenStore):
    """A worker whose lease has expired can complete the job when another has failed it."""

    breaks = "expiry/fenced"

    async def complete(self, id: str) -> None:
        row = self.found(id)
        if row is None or row.state != "ready" or row.message is None:
            return await super().complete(id)
        return self.end_well(row)


STORES = (
    NeverExpires,
    ExpiresOnce,
    WatchesFirstOfBatch,
    ExpiresTooLate,
    FailRenewsOthers,
    OneDeadline,
    ExpiryBuries,
    ExpiryLoses,
    ReturnsOnePerCall,
    ExpiresAtHalf,
    ExpiresAlmostInTime,
    ExpiresAtOnce,
    DeadlineFromEnqueue,
    DeadlineOfFirstLease,
    TimerOutlivesFail,
    DeadlineOfWorker,
    SharedOwner,
    StaleCompleteWorks,
    StaleFailWorks,
    ReceiptsBeginAnew,
    StaleCompleteAfterFail,
)
