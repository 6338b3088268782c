"""Histories as stories: one call after another, unless the story says otherwise."""

from __future__ import annotations

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import (
    CANCELLED,
    OK,
    REJECTED,
    UNKNOWN,
    Delivered,
    Method,
    Operation,
    Outcome,
    instant,
)
from async_contract.judge.judge import judge
from async_contract.judge.verdict import Violation
from async_contract.store import JobRecord, JobState

SECOND = 1_000_000_000

REFUSED = (REJECTED, "ValueError: no")
LOST = (UNKNOWN, "ConnectionError: lost")
STOPPED = (UNKNOWN, CANCELLED)
NOT_LEASED = (UNKNOWN, "RuntimeError: not on lease")
"""Outcomes with their errors, to be given as `how`; the last is of a class that nobody declared."""


class Story:
    """A history that is told call by call, each a nanosecond long and a nanosecond after the one before.

    Every method returns the operation that it adds. `at` places a call elsewhere: its two instants.
    """

    def __init__(self) -> None:
        self.now = 0
        self.told: list[Operation] = []

    @property
    def history(self) -> list[Operation]:
        """The operations in the order in which a recorder has them."""
        return sorted(self.told, key=instant)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)

    def call(  # noqa: PLR0917 - as many as an operation has
        self,
        method: Method,
        worker: int,
        job_id: str | None = None,
        value: int | str | JobRecord | None = None,
        jobs: tuple[Delivered, ...] = (),
        how: tuple[Outcome, str] = (OK, ""),
        at: tuple[int, int | None] | None = None,
    ) -> Operation:
        """Any call."""
        if at is None:
            at = (self.now + 1, self.now + 2)
        self.now = max(self.now, at[0], at[1] or 0)
        operation = Operation(method, worker, *at, how[0], job_id, value, jobs, how[1])
        self.told.append(operation)
        return operation

    def enqueue(
        self, *ids: str, how: tuple[Outcome, str] = (OK, ""), at: tuple[int, int | None] | None = None
    ) -> Operation:
        """Enqueue ordinary jobs; the last one's operation is returned."""
        for id in ids:
            operation = self.call("enqueue", 0, id, None, (Delivered(id, "mail"),), how, at)
        return operation

    def lease(
        self,
        worker: int,
        *ids: str,
        limit: int = 1,
        attempts: int = 1,
        how: tuple[Outcome, str] = (OK, ""),
        at: tuple[int, int | None] | None = None,
    ) -> Operation:
        """Lease ordinary jobs."""
        jobs = tuple(Delivered(id, "mail", attempts=attempts) for id in ids)
        return self.call("lease", worker, None, limit, jobs, how, at)

    def complete(
        self,
        worker: int,
        id: str,
        how: tuple[Outcome, str] = (OK, ""),
        at: tuple[int, int | None] | None = None,
    ) -> Operation:
        """Complete a job."""
        return self.call("complete", worker, id, None, (), how, at)

    def fail(
        self,
        worker: int,
        id: str,
        message: str = "boom",
        how: tuple[Outcome, str] = (OK, ""),
        at: tuple[int, int | None] | None = None,
    ) -> Operation:
        """Fail a job."""
        return self.call("fail", worker, id, message, (), how, at)

    def inspect(
        self,
        id: str,
        state: JobState | None,
        message: str | None = None,
        at: tuple[int, int | None] | None = None,
    ) -> Operation:
        """Look up a job."""
        record = None if state is None else JobRecord(state, message)
        return self.call("inspect", 0, id, record, (), (OK, ""), at)

    def event(
        self, method: Method, worker: int = 0, id: str | None = None, at: tuple[int, int | None] | None = None
    ) -> Operation:
        """Something around the calls."""
        return self.call(method, worker, id, at=at)

    def drain(self, worker: int = 9) -> tuple[Operation, Operation, Operation]:
        """Ask three times in vain."""
        return tuple(self.lease(worker, limit=10) for _ in range(3))  # type: ignore[return-value]  # three

    def violations(self, **capabilities: object) -> list[Violation]:
        """What the judge finds."""
        return list(judge(self.history, Capabilities(**capabilities)).violations)  # type: ignore[arg-type]  # as there

    def blamed(self, **capabilities: object) -> list[str]:
        """The ids of the clauses that the judge finds broken."""
        return [each.clause for each in self.violations(**capabilities)]
