"""What must have come by the end: nothing is lost, nothing is stuck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.life import NEVER, Life, Phase, State, nanoseconds
from async_contract.history.operation import CANCELLED, OK, REJECTED, UNKNOWN, Operation
from async_contract.judge.sweep import REFUSALS
from async_contract.store import JobRecord

_RETURNED = itemgetter(3)  # of every operation: by its name it would take several times as long

IN_A_ROW = 3
"""So many leases in a row must have come back empty."""


@dataclass(frozen=True, slots=True)
class Drained:
    """The end of a history, at which one worker asked until nothing came.

    Attributes:
        since: The instant at which the first of the last three empty leases was invoked.
        leases: Those three.
    """

    since: int
    leases: tuple[Operation, ...]


def drained(history: Sequence[Operation]) -> Drained | None:
    """The end of the history, if it ends with a worker that asks, alone, until nothing comes."""
    empty: list[Operation] = []
    rest = len(history)
    while rest and len(empty) < IN_A_ROW:
        operation = history[rest - 1]
        if operation.method != "inspect":
            if not _is_empty_lease(operation) or (empty and operation.worker != empty[0].worker):
                return None
            empty.append(operation)
        rest -= 1
    if len(empty) < IN_A_ROW:
        return None
    since = empty[-1].invoked
    for returned in map(_RETURNED, islice(history, rest)):
        if returned is not None and returned >= since:
            return None
    return Drained(since, tuple(reversed(empty)))


def _is_empty_lease(operation: Operation) -> bool:
    return (
        operation.method == "lease"
        and operation.outcome == OK
        and isinstance(operation.value, int)
        and operation.value >= 1
        and not operation.jobs
        and not operation.error
    )


def let_go(operations: Sequence[Operation]) -> tuple[Operation, Sequence[Operation]] | None:
    """The call of unknown outcome by which the holder lost the job, and the refusals that say so.

    It ended the lease if every later call of his on the job was refused, again and again: had it not, he
    would hold the job, and a store must hear its holder.
    """
    holder = next((each.worker for each in reversed(operations) if each.method == "lease"), None)
    refusals: list[Operation] = []
    for each in reversed(operations):
        if each.method == "lease":
            break  # what came before was about another lease
        if each.worker != holder or each.method not in ("complete", "fail"):
            continue
        if each.outcome == REJECTED:
            refusals.append(each)
        else:
            return (each, refusals) if each.outcome == UNKNOWN and len(refusals) >= REFUSALS else None
    return None


def with_effect(operations: Sequence[Operation], life: Life) -> Sequence[Operation]:
    """The same, where a call by which the holder lost the job had its effect by the time he was refused.

    Only if nothing else can have ended the lease by then: not its time, nor what another worker called.
    """
    found = let_go(operations)
    leases = [each for each in operations if each.method == "lease"]
    if found is None or leases[-1].outcome != OK:
        return operations
    end, refusals = found
    over = refusals[0].returned or NEVER
    expiry = NEVER if life.earliest_expiry is None else leases[-1].invoked + life.earliest_expiry
    others = [
        each
        for each in operations
        if each.method in ("complete", "fail") and each.outcome != REJECTED and each is not end
    ]
    if over >= expiry or any((each.returned or NEVER) >= leases[-1].invoked for each in others):
        return operations
    done = end._replace(outcome=OK, returned=over, error="")
    return [done if each is end else each for each in operations]


def still_leased(operations: Sequence[Operation], end: Drained) -> bool:
    """Whether the job was shown on lease after the end: then no call of unknown outcome had finished it."""
    last = operations[-1]
    record = last.value
    return last.invoked >= end.since and isinstance(record, JobRecord) and record.state == "leased"


def killed_holders(capabilities: Capabilities, endings: Sequence[Operation]) -> dict[int, int]:
    """The workers whose leases have ended since they were killed, each with the instant of that.

    Of a call that failed, or a connection that was closed, nobody knows when the store hears of it; the
    death of a process closes its connections at once.
    """
    if not capabilities.ends_with_connection:
        return {}
    return {each.worker: each.returned or each.invoked for each in endings if each.method == "kill"}


class Owed:
    """Which jobs had to come before the end.

    A job is owed if, however its history is explained, it is ready or will be once its lease has
    ended by itself, and all the delays that the capabilities name have passed.

    Args:
        capabilities: What the store promises. If leases end with their connection, those of a worker
            that was killed have ended.
        lost_leases: The leases of unknown outcome.
        endings: What may have ended leases: reopenings, closed connections, killed workers.
        until: The instant at which the store was asked for the first of the last times.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        lost_leases: Sequence[Operation],
        endings: Sequence[Operation],
        until: int,
    ) -> None:
        self._until = until
        self._killed = killed_holders(capabilities, endings)
        self._poll = nanoseconds(capabilities.poll_delay)
        self._retry = nanoseconds(capabilities.retry_delay)
        self._expiry: int | None = None
        if capabilities.lease_timeout is not None:
            self._expiry = nanoseconds(capabilities.lease_timeout + capabilities.expiry_delay)
        self._lost_leases = [each for each in lost_leases if isinstance(each.value, int) and each.value > 0]
        self._most = capabilities.max_attempts if capabilities.expiry_counts else None
        self._strandable = sum(
            each.value for each in self._lost_leases if isinstance(each.value, int) and self._strands(each)
        )

    def owes(self, operations: Sequence[Operation], states: frozenset[State]) -> bool:
        """Whether a job with these operations, in one of these states, had to come."""
        phases = {state.phase for state in states}
        if not phases <= {Phase.READY, Phase.LEASED}:
            return False
        holders = {state.holder for state in states if state.phase is Phase.LEASED}
        may_be_leased = not holders <= self._killed.keys() and let_go(operations) is None
        if may_be_leased and self._expiry is None:
            return False
        if self._may_be_used_up(operations):
            return False
        ended = max((self._killed[each] for each in holders & self._killed.keys()), default=0)
        due = max(ended + self._poll, self._due(operations, may_be_leased=may_be_leased))
        if due >= self._until:
            return False
        if self._strandable:
            self._strandable -= 1
            return False
        return True

    def _may_be_used_up(self, operations: Sequence[Operation]) -> bool:
        """Whether deliveries that nobody received may have been the last ones that the job had left."""
        deliveries = sum(each.method == "lease" for each in operations)
        return self._most is not None and deliveries + len(self._lost_leases) >= self._most

    def _strands(self, lease: Operation) -> bool:
        """Whether a lost reply may have taken as many jobs as its limit, and they are still gone.

        For ever, if leases never end by themselves. And if the call was never over: it may wait for jobs, and
        take those that are ready now. A lease that its caller cancelled is no excuse: the store knew of it.
        Nor is one of a killed worker, if his leases end with him.
        """
        let_go = lease.error == CANCELLED or lease.worker in self._killed
        return lease.returned is None or (self._expiry is None and not let_go)

    def _due(self, operations: Sequence[Operation], *, may_be_leased: bool) -> int:
        """The latest instant at which the job becomes ready, by the last calls that concern it."""
        due = settled(operations, self._retry)
        if self._expiry is not None:
            if may_be_leased or any(each.outcome != OK for each in _seen(operations)):
                due += self._expiry
            for each in self._lost_leases:
                due = max(due, (each.returned or each.invoked) + self._expiry)
        return due + self._poll


def settled(operations: Sequence[Operation], retry: int) -> int:
    """The latest instant at which what was called on a job had its effect, and a retry began."""
    seen = _seen(operations)
    instant = max(each.invoked if each.returned is None else each.returned for each in seen)
    return instant + (retry if any(each.method == "fail" for each in seen) else 0)


def _seen(operations: Sequence[Operation]) -> list[Operation]:
    """The calls on a job that may have had an effect."""
    return [each for each in operations if each.outcome != REJECTED and each.method != "inspect"]
