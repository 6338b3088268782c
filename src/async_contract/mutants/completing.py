"""Stores whose holders can't complete a job, or not for good, or not it alone."""

from __future__ import annotations

from collections.abc import Sequence

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing, Row
from async_contract.store import JobNotLeased


class CompletesLatestBatchOnly(BrokenStore):
    """A worker can complete only what its latest lease has given it."""

    breaks = "complete/accepted"

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._batch: Sequence[Row] = ()

    def take(self, rows: Sequence[Row]) -> list[object]:
        self._batch = rows
        return super().take(rows)

    def end_well(self, row: Row) -> None:
        if row not in self._batch:
            raise JobNotLeased(f"job {row.job.id!r} is not in the current batch")
        super().end_well(row)


class CompletesInOrderOnly(BrokenStore):
    """A worker can complete a job only when it has finished what was delivered before."""

    breaks = "complete/accepted"

    def end_well(self, row: Row) -> None:
        if row is not self.mine()[0]:
            raise JobNotLeased(f"job {row.job.id!r} is not the next one")
        super().end_well(row)


class CompletesFirstDeliveryOnly(BrokenStore):
    """The token of the first delivery stays, so that a job which was delivered again can't be completed."""

    breaks = "complete/accepted"

    def end_well(self, row: Row) -> None:
        if row.attempts > 1:
            raise JobNotLeased(f"job {row.job.id!r} is on lease under another token")
        super().end_well(row)


class CompleteBreaksOnMessage(BrokenStore):
    """Completing a job that has been failed before raises a TypeError."""

    breaks = "complete/accepted"

    def end_well(self, row: Row) -> None:
        if row.message is not None:
            raise TypeError("the message must be None")
        super().end_well(row)


class CompleteOnlyHides(BrokenStore):
    """A completed job is only kept from others until the time of its lease is over."""

    breaks = "complete/final"

    def end_well(self, row: Row) -> None:
        row.owner = 0


class LeaseOutlivesComplete(BrokenStore):
    """The timer of a lease is not stopped by a complete, and makes the job ready again."""

    breaks = "complete/final"

    def leased(self) -> list[Row]:
        ended = [row for row in self.rows.values() if row.state == "completed" and self.is_over(row)]
        return [*super().leased(), *ended]


class CompleteForgetsRetried(BrokenStore):
    """A job that was failed once stands in a list of retries that a complete does not clear."""

    breaks = "complete/final"

    def end_well(self, row: Row) -> None:
        super().end_well(row)
        if row.message is not None and not self.is_spent(row):
            self.make_ready(row)


class CompletesUpTo(BrokenStore):
    """A complete also completes what the worker leased before that job, like a multiple acknowledgement."""

    breaks = "complete/only-that-job"

    def end_well(self, row: Row) -> None:
        for each in self.mine():
            if each.place <= row.place:
                super().end_well(each)


class CompletesOldest(BrokenStore):
    """A complete takes effect on the oldest job that the worker holds, whichever it names."""

    breaks = "complete/only-that-job"

    def end_well(self, row: Row) -> None:
        super().end_well(self.mine()[0])


class CompletesWholeKind(BrokenStore):
    """A complete also completes the other jobs of that kind that are on lease."""

    breaks = "complete/only-that-job"

    def end_well(self, row: Row) -> None:
        for each in self.leased():
            if each.job.kind == row.job.kind:
                super().end_well(each)


class CompleteReleasesOthers(BrokenStore):
    """A complete gives back everything else that the worker holds."""

    breaks = "complete/only-that-job"

    def end_well(self, row: Row) -> None:
        super().end_well(row)
        for each in self.mine():
            self.make_ready(each)


class CompleteDropsNextReady(BrokenStore):
    """A complete removes the next ready job too: it deletes by a position that has moved."""

    breaks = "complete/only-that-job"

    def end_well(self, row: Row) -> None:
        super().end_well(row)
        for each in self.ready()[:1]:
            super().end_well(each)


STORES = (
    CompletesLatestBatchOnly,
    CompletesInOrderOnly,
    CompletesFirstDeliveryOnly,
    CompleteBreaksOnMessage,
    CompleteOnlyHides,
    LeaseOutlivesComplete,
    CompleteForgetsRetried,
    CompletesUpTo,
    CompletesOldest,
    CompletesWholeKind,
    CompleteReleasesOthers,
    CompleteDropsNextReady,
)
