"""Stores that lose a failed job, keep it on lease, or fail others with it."""

from __future__ import annotations

import math

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Row


class FailKeepsLease(BrokenStore):
    """A fail records the message and leaves the job on lease."""

    breaks = "fail/releases"

    def end_badly(self, row: Row, message: str) -> None:
        row.message = message


class FailCompletes(BrokenStore):
    """A failed job is completed."""

    breaks = "fail/releases"

    def end_badly(self, row: Row, message: str) -> None:
        row.message = message
        self.end_well(row)


class FailDeletes(BrokenStore):
    """A failed job is deleted."""

    breaks = "fail/releases"

    def end_badly(self, row: Row, message: str) -> None:
        del self.rows[self.key(row.job.id)]


class FailBuries(BrokenStore):
    """A job is dead when it has failed once."""

    breaks = "fail/redelivers"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        row.state = "dead"


class FailHidesForever(BrokenStore):
    """A failed job is ready, and no lease ever looks at it."""

    breaks = "fail/redelivers"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        row.due = math.inf


class RetriesTooLate(BrokenStore):
    """The retry delay is doubled with every attempt, beyond what is promised."""

    breaks = "fail/redelivers"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        row.due += self.retry_delay * 2**row.attempts


class RedeliversAnyway(BrokenStore):
    """A failed job is delivered again, in a store whose fails are final."""

    breaks = "fail/ends"
    redelivers = False

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        self.make_ready(row)


class LeaseOutlivesFail(BrokenStore):
    """The timer of a lease is not stopped by a final fail, and makes the job ready again."""

    breaks = "fail/ends"
    redelivers = False

    def leased(self) -> list[Row]:
        ended = [
            row for row in self.rows.values() if row.state == "dead" and row.message and self.is_over(row)
        ]
        return [*super().leased(), *ended]


class FailReleasesOthers(BrokenStore):
    """A fail gives back everything else that the worker holds."""

    breaks = "fail/only-that-job"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        for each in self.mine():
            self.make_ready(each)


class FailsWholeKind(BrokenStore):
    """A fail buries the other jobs of that kind that are ready."""

    breaks = "fail/only-that-job"

    def end_badly(self, row: Row, message: str) -> None:
        for each in self.ready():
            if each.job.kind == row.job.kind:
                each.state = "dead"
        super().end_badly(row, message)


class FailsOldest(BrokenStore):
    """A fail takes effect on the oldest job that the worker holds, whichever it names."""

    breaks = "fail/only-that-job"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(self.mine()[0], message)


STORES = (
    FailKeepsLease,
    FailCompletes,
    FailDeletes,
    FailBuries,
    FailHidesForever,
    RetriesTooLate,
    RedeliversAnyway,
    LeaseOutlivesFail,
    FailReleasesOthers,
    FailsWholeKind,
    FailsOldest,
)
