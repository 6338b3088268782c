"""Stores that deliver a job which is on lease."""

from __future__ import annotations

from collections.abc import Sequence

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing, Row


class ChecksThenActs(BrokenStore):
    """Between looking for ready jobs and putting them on lease, others are let through."""

    breaks = "lease/exclusive"

    async def lease(self, limit: int) -> Sequence[object] | None:
        self.return_expired()
        rows = self.chosen(limit)
        await self.turn()
        return self.take(rows)


class ChecksAgainTooSoon(BrokenStore):
    """The jobs are looked at a second time before they are put on lease, and others still let through."""

    breaks = "lease/exclusive"

    async def lease(self, limit: int) -> Sequence[object] | None:
        self.return_expired()
        rows = self.chosen(limit)
        await self.turn()
        rows = [row for row in rows if row.state == "ready"]
        await self.turn()
        return self.take(rows)


class MarksFirstOfBatch(BrokenStore):
    """Of a batch only the first job is put on lease."""

    breaks = "lease/exclusive"

    def take(self, rows: Sequence[Row]) -> list[object]:
        jobs = super().take(rows)
        for row in rows[1:]:
            row.state = "ready"
            row.due = self.now
        return jobs


class MarksFiveOfBatch(BrokenStore):
    """Of a batch only the first five jobs are put on lease."""

    breaks = "lease/exclusive"

    def take(self, rows: Sequence[Row]) -> list[object]:
        jobs = super().take(rows)
        for row in rows[5:]:
            row.state, row.due = "ready", self.now
        return jobs


class RecoversAtConnect(BrokenStore):
    """A new connection makes every job ready that is on lease, taking it for left over from a crash."""

    breaks = "lease/exclusive"

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        for row in self.leased():
            self.make_ready(row)


class LeasesPerConnection(BrokenStore):
    """A connection knows only its own leases, and delivers what another one holds."""

    breaks = "lease/exclusive"

    def ready(self) -> list[Row]:
        others = [row for row in self.leased() if row.owner != self.owner]
        return sorted([*super().ready(), *others], key=self.rank)


class RedeliversToHolder(BrokenStore):
    """A worker that asks gets what it holds once more."""

    breaks = "lease/exclusive"

    def ready(self) -> list[Row]:
        return [*self.mine(), *super().ready()]


class AbandonsEarlierBatch(BrokenStore):
    """A worker that asks again gives up what it had before."""

    breaks = "lease/exclusive"

    async def lease(self, limit: int) -> Sequence[object] | None:
        before = self.mine()
        jobs = await super().lease(limit)
        for row in before:
            self.make_ready(row)
        return jobs


class ForgetsLeaseOfFailedJob(BrokenStore):
    """A job that has been failed is never marked as on lease again."""

    breaks = "lease/exclusive"

    def ready(self) -> list[Row]:
        return [*super().ready(), *(row for row in self.leased() if row.message is not None)]


STORES = (
    ChecksThenActs,
    ChecksAgainTooSoon,
    MarksFirstOfBatch,
    MarksFiveOfBatch,
    RecoversAtConnect,
    LeasesPerConnection,
    RedeliversToHolder,
    AbandonsEarlierBatch,
    ForgetsLeaseOfFailedJob,
)
