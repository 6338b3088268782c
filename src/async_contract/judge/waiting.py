"""Leases that wait for ever for jobs, in a store that is well otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from async_contract.history.operation import BLOCKED, OK, TIMED_OUT, Operation
from async_contract.judge.sweep import MOST
from async_contract.judge.verdict import Violation

LONG = 22_000_000_000
"""Nanoseconds for which no store waits that means to come back with nothing: the longest wait of the queues
that are known to have one, SQS, ends after 20 seconds."""

_TWICE = 2


def waits_in_vain(history: Sequence[Operation]) -> Iterator[Violation]:
    """Leases with nothing ready that were given up, one of them after long, while all else comes at once.

    A slow machine, or a server that stands still for a while, is slow with other calls too: so each of these
    leases is followed by a job that is enqueued, delivered and completed, all of it at once; and nothing else
    happens. That the store has ever answered a lease with nothing shows that it waits for an end of its own.
    """
    waits: list[Operation] = []
    unfinished: set[str | None] = set()
    served = 0
    for each in history:
        if each.error == TIMED_OUT and _is_owed_an_answer(each) and not unfinished and served == len(waits):
            waits.append(each)
        elif not _is_at_once(each):
            return
        elif each.method == "enqueue":
            unfinished.add(each.job_id)
        elif each.method == "complete":
            unfinished.discard(each.job_id)
            served += 1
        elif not each.jobs:
            return
    if len(waits) < _TWICE or served != len(waits) or max(map(_took, waits)) < LONG:
        return
    took = " and ".join(f"{_took(each) / 1e9:.0f} s" for each in waits)
    happened = (
        f"lease({waits[0].value}) of worker {waits[0].worker} did not return within {took}, with nothing "
        "ready, though each job that was enqueued afterwards came at once; return an empty batch when there "
        "is nothing, or let the wait end by itself after a few seconds"
    )
    yield Violation("lease/empty", happened, None, tuple(history))


def may_wait_in_vain(history: Sequence[Operation]) -> bool:
    """Whether it is worth finding out: a lease did not return, and none has ever come back with nothing."""
    if not history or history[-1].method != "lease" or history[-1].outcome == OK:
        return False
    return _is_owed_an_answer(history[-1]) and all(each.jobs for each in history if _is_lease(each))


def _is_lease(call: Operation) -> bool:
    return call.method == "lease" and call.outcome == OK and _is_owed_an_answer(call)


def _is_owed_an_answer(call: Operation) -> bool:
    return call.method == "lease" and isinstance(call.value, int) and 1 <= call.value <= MOST


def _is_at_once(call: Operation) -> bool:
    return call.outcome == OK and call.method in _WELL and _took(call) < BLOCKED


_WELL = ("enqueue", "lease", "complete")


def _took(call: Operation) -> int:
    return (call.returned or call.invoked) - call.invoked
