"""Stores that deliver in the wrong order, never all there is, or not nothing when there is nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Row
from async_contract.store import Job

_ROOM = 50


class RaisesWhenEmpty(BrokenStore):
    """A lease with nothing ready raises a LookupError."""

    breaks = "lease/empty"

    def chosen(self, limit: int) -> list[Row]:
        rows = super().chosen(limit)
        if limit > 0 and not rows:
            raise LookupError("no job is ready")
        return rows


class RaisesQueueEmpty(BrokenStore):
    """A lease with nothing ready raises the error of the queue that it is built on."""

    breaks = "lease/empty"

    def chosen(self, limit: int) -> list[Row]:
        rows = super().chosen(limit)
        if limit > 0 and not rows:
            raise asyncio.QueueEmpty
        return rows


class DeliversNoneWhenEmpty(BrokenStore):
    """A lease with nothing ready returns None instead of an empty batch."""

    breaks = "lease/empty"

    async def lease(self, limit: int) -> Sequence[object] | None:
        return await super().lease(limit) or None


class WaitsForFullBatch(BrokenStore):
    """Nothing is delivered until there are as many ready jobs as the limit asks for."""

    breaks = "lease/progress"

    def chosen(self, limit: int) -> list[Row]:
        rows = super().chosen(limit)
        return rows if len(rows) == limit else []


class HalvesLimit(BrokenStore):
    """The limit is shared by two shards, half of it each: whoever asks for one job gets none."""

    breaks = "lease/progress"

    def chosen(self, limit: int) -> list[Row]:
        return super().chosen(limit // 2)


class KeepsNewestBack(BrokenStore):
    """The newest ready job is never delivered."""

    breaks = "lease/progress"

    def ready(self) -> list[Row]:
        return super().ready()[:-1]


class ForgetsEveryFifth(BrokenStore):
    """Every fifth job is acknowledged and not stored."""

    breaks = "lease/progress"

    def insert(self, job: Job) -> None:
        super().insert(job)
        if self.backing.number() % 5 == 0:
            del self.rows[self.key(job.id)]


class SkipsEmptyPayload(BrokenStore):
    """A job without a payload is taken for a row without a job."""

    breaks = "lease/progress"

    def ready(self) -> list[Row]:
        return [row for row in super().ready() if row.job.payload]


class DropsOldestWhenFull(BrokenStore):
    """The queue has room for fifty ready jobs, and one more pushes the one out that has waited longest."""

    breaks = "lease/progress"

    def insert(self, job: Job) -> None:
        super().insert(job)
        waiting = self.ready()
        if len(waiting) > _ROOM:
            waiting[0].state = "dead"


class TakesOneMore(BrokenStore):
    """One job more than is delivered is put on lease."""

    breaks = "lease/progress"

    def chosen(self, limit: int) -> list[Row]:
        rows = super().chosen(limit)
        if rows:
            self.take(self.ready()[limit : limit + 1])
        return rows


class StopsAtUnreadableJob(BrokenStore):
    """A job that can't be decoded ends the batch, and so hides all that are behind it."""

    breaks = "lease/progress"

    def ready(self) -> list[Row]:
        rows = super().ready()
        bad = [number for number, row in enumerate(rows) if b"\xff" in row.job.payload]
        return rows[: bad[0]] if bad else rows


class LastInFirstOut(BrokenStore):
    """The newest job is delivered first."""

    breaks = "lease/order"

    def rank(self, row: Row) -> tuple[str | int, ...]:
        return (-row.place,)


class SortsByKind(BrokenStore):
    """Jobs are sorted by their kind."""

    breaks = "lease/order"

    def rank(self, row: Row) -> tuple[str | int, ...]:
        return (row.job.kind, row.place)


class SortsById(BrokenStore):
    """Jobs are sorted by their id."""

    breaks = "lease/order"

    def rank(self, row: Row) -> tuple[str | int, ...]:
        return (row.job.id,)


class SortsBySecond(BrokenStore):
    """Jobs are sorted by the second in which they came, and within it by their id."""

    breaks = "lease/order"

    def insert(self, job: Job) -> None:
        super().insert(job)
        row = self.known(job.id)
        row.due = int(self.now)

    def rank(self, row: Row) -> tuple[str | int, ...]:
        return (int(row.due), row.job.id)


class ReversesBatches(BrokenStore):
    """The oldest jobs are taken, and delivered newest first."""

    breaks = "lease/order"

    def take(self, rows: Sequence[Row]) -> list[object]:
        return super().take(rows[::-1])


STORES = (
    RaisesWhenEmpty,
    RaisesQueueEmpty,
    DeliversNoneWhenEmpty,
    WaitsForFullBatch,
    HalvesLimit,
    KeepsNewestBack,
    ForgetsEveryFifth,
    SkipsEmptyPayload,
    DropsOldestWhenFull,
    TakesOneMore,
    StopsAtUnreadableJob,
    LastInFirstOut,
    SortsByKind,
    SortsById,
    SortsBySecond,
    ReversesBatches,
)
