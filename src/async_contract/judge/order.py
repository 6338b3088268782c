"""Whether a single consumer received the jobs in the order in which they were enqueued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from async_contract.contract.life import nanoseconds
from async_contract.history.operation import OK, Operation
from async_contract.judge.verdict import Violation
from async_contract.judge.witness import distinct


def first_deliveries(history: Sequence[Operation]) -> list[tuple[Operation, str]]:
    """The first delivery of every job, in order.

    It is an order that anybody saw only if one worker made all leases, and none is of unknown outcome: such
    a lease may have taken jobs out of it.
    """
    leases = [each for each in history if each.method == "lease"]
    found: dict[str, Operation] = {}
    for lease in leases:
        for delivery in lease.jobs:
            if isinstance(delivery.id, str):
                found.setdefault(delivery.id, lease)
    return [(lease, id) for id, lease in found.items()]


def out_of_order(
    history: Sequence[Operation], deliveries: Sequence[tuple[Operation, str]], poll_delay: float
) -> Iterator[Violation]:
    """The first job that was delivered after one that was enqueued later, if there is one."""
    enqueued = {each.job_id: each for each in history if each.method == "enqueue" and each.outcome == OK}
    # Where a fail puts a job that was never leased, if it does anything, is the store's affair.
    failed = {each.job_id: each for each in reversed(history) if each.method == "fail"}
    delay = nanoseconds(poll_delay)
    ahead: tuple[Operation, Operation] | None = None  # the delivered job that was enqueued last, its lease
    for lease, id in deliveries:
        given = enqueued.get(id)
        if (
            given is None
            or given.returned is None
            or (id in failed and failed[id].invoked <= (lease.returned or 0))
        ):
            continue
        if (
            ahead is not None
            and given.returned < ahead[0].invoked
            and given.returned + delay < ahead[1].invoked
        ):
            happened = f"{id} was enqueued before {ahead[0].job_id} and delivered after it"
            witness = distinct((given, ahead[0], ahead[1], lease))
            yield Violation("lease/order", happened, id, witness)
            return
        if ahead is None or given.invoked > ahead[0].invoked:
            ahead = (given, lease)
