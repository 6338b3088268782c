"""Stores whose defect shows only after many steps: no example goes so far."""

from __future__ import annotations

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Row

_THIRD = 3
_REMEMBERED = 2


class ForgetsOldCompletions(BrokenStore):
    """Only the latest two completed jobs are remembered, and an older one that is failed is ready again."""

    breaks = "fail/after-complete"
    deep = True

    def end_well(self, row: Row) -> None:
        super().end_well(row)
        self.backing.notes.setdefault("completed", []).append(row)

    def held(self, id: str) -> Row:
        row = self.known(id)
        if row in self.backing.notes.get("completed", [])[:-_REMEMBERED]:
            return row
        return super().held(id)


class LosesAnotherAtThirdFail(BrokenStore):
    """The third fail of a job takes the next ready job along."""

    breaks = "fail/only-that-job"
    deep = True
    max_attempts = 10

    def end_badly(self, row: Row, message: str) -> None:
        if row.attempts == _THIRD:
            for other in self.ready()[:1]:
                other.state = "dead"
        super().end_badly(row, message)


class CompletesIntoTheQueue(BrokenStore):
    """A job that was failed twice and is completed while nothing else waits is ready once more."""

    breaks = "complete/final"
    deep = True
    max_attempts = 10

    def end_well(self, row: Row) -> None:
        if row.attempts == _THIRD and not self.ready():
            self.make_ready(row)
        else:
            super().end_well(row)


class LosesAtThirdExpiry(BrokenStore):
    """A job whose lease expires for the third time is on lease for ever."""

    breaks = "expiry/returns"
    deep = True
    max_attempts = 10

    def is_over(self, row: Row) -> bool:
        return super().is_over(row) and row.attempts < _THIRD


class ReopenForgetsNinth(BrokenStore):
    """When a connection is closed, every ninth job that is ready is gone."""

    breaks = "durable/reopen"
    deep = True

    async def close(self) -> None:
        for row in self.ready()[8::9]:
            row.state = "dead"


STORES = (
    ForgetsOldCompletions,
    LosesAnotherAtThirdFail,
    CompletesIntoTheQueue,
    LosesAtThirdExpiry,
    ReopenForgetsNinth,
)
