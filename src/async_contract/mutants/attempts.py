"""Stores that miscount the attempts of a job."""

from __future__ import annotations

from async_contract.mutants.loose import loose
from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Row


class CountsDown(BrokenStore):
    """A job is delivered with the number of attempts that are left."""

    breaks = "lease/attempts-steady"

    def delivered(self, row: Row) -> object:
        return loose(row, attempts=self.max_attempts - row.attempts)


class StartsAnewAtExpiry(BrokenStore):
    """When a lease expires, the attempts are counted anew."""

    breaks = "lease/attempts-steady"

    def lapse(self, row: Row) -> None:
        row.attempts = 0
        super().lapse(row)


class NeverCounts(BrokenStore):
    """A job is delivered with no attempts, each time."""

    breaks = "lease/attempts"

    def delivered(self, row: Row) -> object:
        return loose(row, attempts=0)


class CountsFailsOnly(BrokenStore):
    """Attempts are counted when a job is failed, and so not when a lease expires."""

    breaks = "lease/attempts"

    def mark(self, row: Row) -> None:
        super().mark(row)
        row.attempts -= 1

    def end_badly(self, row: Row, message: str) -> None:
        row.attempts += 1
        super().end_badly(row, message)

    def lapse(self, row: Row) -> None:
        self.make_ready(row)


class StartsAnewAtFail(BrokenStore):
    """When a job is failed, its attempts are counted anew."""

    breaks = "lease/attempts"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        row.attempts = 0


class CountsToTwo(BrokenStore):
    """A redelivered job has the attempts 2, however often it was delivered."""

    breaks = "lease/attempts"

    def delivered(self, row: Row) -> object:
        return loose(row, attempts=min(row.attempts, 2))


class OneAttemptMore(BrokenStore):
    """A job is dead one delivery too late."""

    breaks = "fail/max-attempts"

    def is_spent(self, row: Row) -> bool:
        return row.attempts > self.max_attempts


class OneAttemptLess(BrokenStore):
    """A job is dead one delivery too early."""

    breaks = "fail/max-attempts"

    def is_spent(self, row: Row) -> bool:
        return row.attempts >= self.max_attempts - 1


class NeverDead(BrokenStore):
    """A job that always fails is delivered without end."""

    breaks = "fail/max-attempts"

    def is_spent(self, row: Row) -> bool:
        return False


class AttemptsSharedByKind(BrokenStore):
    """The fails of all jobs of a kind are counted together."""

    breaks = "fail/max-attempts"

    def is_spent(self, row: Row) -> bool:
        kin = [each for each in self.rows.values() if each.job.kind == row.job.kind]
        return sum(each.attempts for each in kin) >= self.max_attempts


class ExpiryDoesNotCount(BrokenStore):
    """A delivery whose lease expired uses up no attempt."""

    breaks = "expiry/max-attempts"

    def lapse(self, row: Row) -> None:
        self.make_ready(row)


class ExpiryAllowsOneMore(BrokenStore):
    """A job whose lease expired on its last attempt gets one attempt more."""

    breaks = "expiry/max-attempts"

    def lapse(self, row: Row) -> None:
        if row.attempts > self.max_attempts:
            row.state = "dead"
        else:
            self.make_ready(row)


STORES = (
    CountsDown,
    StartsAnewAtExpiry,
    NeverCounts,
    CountsFailsOnly,
    StartsAnewAtFail,
    CountsToTwo,
    OneAttemptMore,
    OneAttemptLess,
    NeverDead,
    AttemptsSharedByKind,
    ExpiryDoesNotCount,
    ExpiryAllowsOneMore,
)
