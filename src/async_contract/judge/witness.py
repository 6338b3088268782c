"""The smallest part of a job's history that no correct store can produce."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from async_contract.history.operation import Operation, instant
from async_contract.judge.case import Named


def only(operation: Operation, job_id: str) -> Operation:
    """The operation as far as it concerns one job: a batch with nothing else in it."""
    if operation.method != "lease" or len(operation.jobs) < 2:
        return operation
    return operation._replace(jobs=tuple(each for each in operation.jobs if each.id == job_id))


def is_of(witness: Sequence[Operation], history: Sequence[Operation]) -> bool:
    """Whether this is the history of which these operations were taken.

    What came of a call may stand otherwise in a witness, and a batch be cut down.
    """
    known = {(each.method, each.worker, each.invoked, each.job_id) for each in history}
    return all((each.method, each.worker, each.invoked, each.job_id) in known for each in witness)


def distinct(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """The operations in the order of a history, each once; what a store delivered need not be hashable."""
    kept: list[Operation] = []
    for each in operations:
        if each not in kept:
            kept.append(each)
    return tuple(sorted(kept, key=instant))


def least(
    operations: Sequence[Operation],
    job_id: str,
    named: Named,
    shows: Callable[[Sequence[Operation]], bool],
) -> tuple[Operation, ...]:
    """As few of the operations as still break the same clause, and the call that is to blame.

    Sessions go first, a lease with the call that ends it: without its lease an end means something
    else, and without its end a session forbids the next.
    """
    kept = list(operations)
    for part in [*_sessions(operations), *([each] for each in operations)]:
        if operations[-1] in part or operations[0] in part or not all(each in kept for each in part):
            continue
        fewer = [each for each in kept if each not in part]
        if shows(fewer):
            kept = fewer
    if named.suspect is not None and named.suspect not in kept:
        kept.append(named.suspect)
    return tuple(only(each, job_id) for each in sorted(kept, key=instant))


def _sessions(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Each lease with the calls of its worker that follow, up to the next lease."""
    found: list[list[Operation]] = []
    for each in operations:
        if each.method == "lease":
            found.append([each])
        elif found and each.method in ("complete", "fail") and each.worker == found[-1][0].worker:
            found[-1].append(each)
    return found
