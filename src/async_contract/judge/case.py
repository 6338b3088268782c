"""A job of which something was seen that has no explanation, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from async_contract.contract.life import Phase, State
from async_contract.history.operation import OK, Operation


@dataclass(frozen=True, slots=True)
class Named:
    """A broken clause: its id, what happened, and the call that is to blame, if there is one.

    `instead` is what it is if that call is not to blame.
    """

    clause: str
    happened: str
    suspect: Operation | None = None
    instead: Named | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A job of which something was seen that has no explanation.

    Attributes:
        job_id: The job.
        before: Its operations up to the one that has no explanation.
        seen: The operation that has none; `None` where the job should have come and did not. A
            complete or fail is one that its holder made and that was refused.
        states: The states it may have been in before that.
        history: The operations of all jobs that were called before.
        until: The instant before which a suspect must have returned.
        enqueued: The ids of all jobs.
    """

    job_id: str
    before: Sequence[Operation]
    seen: Operation | None
    states: frozenset[State]
    history: Sequence[Operation]
    until: int
    enqueued: Sequence[str]

    @property
    def phases(self) -> frozenset[Phase]:
        """Where in its life the job may have been."""
        return frozenset(state.phase for state in self.states)

    @property
    def anchor(self) -> Operation | None:
        """The last operation by which the job surely was where it should be."""
        done = False
        found = None
        for each in self.before:
            if each.outcome == OK and each.method in ("enqueue", "lease") and not done:
                found = each
            elif each.outcome == OK and each.method in ("complete", "fail") and self._is_by_holder(each):
                if not done:
                    found = each
                done = done or each.method == "complete"
        return found

    def _is_by_holder(self, end: Operation) -> bool:
        leases = [
            each
            for each in self.before
            if each.method == "lease" and each.outcome == OK and (each.returned or 0) <= end.invoked
        ]
        return bool(leases) and leases[-1].worker == end.worker
