"""Stores whose batches are larger than the limit, hold a job twice, or are refused too late."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Row

LARGEST = 1000


class RefusesLargeLimit(BrokenStore):
    """A limit above 1000 is refused."""

    breaks = "lease/accepted"

    def chosen(self, limit: int) -> list[Row]:
        if limit > LARGEST:
            raise ValueError(f"limit={limit}: at most {LARGEST}")
        return super().chosen(limit)


class LimitInTwoBytes(BrokenStore):
    """The limit goes over the wire in two bytes, and a larger one raises the packing's own error."""

    breaks = "lease/accepted"

    def chosen(self, limit: int) -> list[Row]:
        return super().chosen(*struct.unpack(">H", struct.pack(">H", max(limit, 0))))


class IgnoresLimit(BrokenStore):
    """Everything that is ready is delivered, whatever the limit."""

    breaks = "lease/within-limit"

    def chosen(self, limit: int) -> list[Row]:
        return self.ready() if limit > 0 else []


class DeliversOneMore(BrokenStore):
    """A batch holds one job more than its limit."""

    breaks = "lease/within-limit"

    def chosen(self, limit: int) -> list[Row]:
        return super().chosen(limit + 1) if limit > 1 else super().chosen(limit)


class ZeroMeansOne(BrokenStore):
    """A limit below one is taken for one."""

    breaks = "lease/within-limit"

    def chosen(self, limit: int) -> list[Row]:
        return super().chosen(max(limit, 1))


class ZeroMeansAll(BrokenStore):
    """A limit of zero is taken for none at all."""

    breaks = "lease/within-limit"

    def chosen(self, limit: int) -> list[Row]:
        return self.ready() if limit == 0 else super().chosen(limit)


class NegativeLimitSlices(BrokenStore):
    """A negative limit slices the ready jobs from their end."""

    breaks = "lease/within-limit"

    def chosen(self, limit: int) -> list[Row]:
        return self.ready()[:limit]


class NegativeLimitMeansAll(BrokenStore):
    """A negative limit is no limit, as in SQL."""

    breaks = "lease/within-limit"

    def chosen(self, limit: int) -> list[Row]:
        return self.ready() if limit < 0 else super().chosen(limit)


class ZeroTakesOneUnseen(BrokenStore):
    """A limit of zero delivers nothing, but puts the next job on lease."""

    breaks = "lease/within-limit"

    def chosen(self, limit: int) -> list[Row]:
        if limit == 0:
            self.take(super().chosen(1))
        return super().chosen(limit)


class RepeatsFailedJobs(BrokenStore):
    """A join with the attempts lets a job stand in a batch once for each of its deliveries."""

    breaks = "lease/distinct"

    def take(self, rows: Sequence[Row]) -> list[object]:
        super().take(rows)
        return [self.delivered(row) for row in rows for _ in range(row.attempts)]


class FailQueuesTwice(BrokenStore):
    """A failed job is put in the queue twice: at its front and at its back."""

    breaks = "lease/distinct"

    def chosen(self, limit: int) -> list[Row]:
        rows = self.ready()
        return ([row for row in rows if row.message is not None] + rows)[: max(limit, 0)]


class TakesThenRefusesZero(BrokenStore):
    """A limit of zero or less is refused after a job was put on lease."""

    breaks = "lease/rejected-means-not-done"

    def chosen(self, limit: int) -> list[Row]:
        if limit < 1:
            self.take(super().chosen(1))
            raise ValueError(f"limit={limit}: at least 1")
        return super().chosen(limit)


class TakesThenRefusesHuge(BrokenStore):
    """A limit that does not fit in four bytes is refused after the jobs were put on lease."""

    breaks = "lease/rejected-means-not-done"

    def chosen(self, limit: int) -> list[Row]:
        rows = super().chosen(limit)
        if limit >= 2**31:
            self.take(rows)
            raise ValueError(f"limit={limit}: at most 2^31-1")
        return rows


STORES = (
    RefusesLargeLimit,
    LimitInTwoBytes,
    IgnoresLimit,
    DeliversOneMore,
    ZeroMeansOne,
    ZeroMeansAll,
    NegativeLimitSlices,
    NegativeLimitMeansAll,
    ZeroTakesOneUnseen,
    RepeatsFailedJobs,
    FailQueuesTwice,
    TakesThenRefusesZero,
    TakesThenRefusesHuge,
)
