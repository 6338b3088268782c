"""A store that was closed and can't be opened any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from async_contract.history.operation import KILLED, OK, STUCK, TIMED_OUT, UNKNOWN, Operation
from async_contract.judge.refusals import ERRORS
from async_contract.judge.verdict import Violation
from async_contract.judge.witness import only

_NO_ANSWER = (TIMED_OUT, STUCK, KILLED)


def shut_by_a_reopening(history: Sequence[Operation]) -> Iterator[Violation]:
    """A store that worked until it was closed, and then fails to open, with the same error each time."""
    closed: int | None = None
    row: list[Operation] = []
    for place, each in enumerate(history):
        if each.method == "reopen":
            closed, row = place, []
        elif each.method == "connect" and each.outcome == UNKNOWN and each.error not in _NO_ANSWER:
            row.append(each)
            if len(row) == ERRORS and closed is not None and len(set(map(_kind, row))) == 1:
                yield _shut(history[:closed], history[closed], row)
                return
        else:
            closed = None  # it was opened after all, or it is not the closing that did it


def _kind(failed: Operation) -> str:
    """The error's type: its text may have a time in it, or a number."""
    return failed.error.partition(":")[0]


def _shut(before: Sequence[Operation], reopening: Operation, row: Sequence[Operation]) -> Violation:
    last = next((each for each in reversed(before) if _may_change(each)), None)
    since = "" if last is None else f" after {_call(last)}"
    happened = f"the store was closed{since}, and can't be opened any more: {row[-1].error}"
    id = None if last is None else last.job_id
    own = [each for each in before if id is not None and _concerns(each, id)]
    calls = [only(each, id) for each in own] if id is not None else [last] if last is not None else []
    return Violation("durable/reopen", happened, id, (*calls, reopening, *row))


def _may_change(call: Operation) -> bool:
    """Whether a call may have written something, if it was refused too."""
    if call.method == "lease":
        return bool(call.jobs) or call.outcome != OK
    return call.method in ("enqueue", "complete", "fail")


def _concerns(call: Operation, id: str) -> bool:
    if call.method == "lease":
        return any(each.id == id for each in call.jobs)
    return call.job_id == id and call.method in ("enqueue", "complete", "fail")


def _call(call: Operation) -> str:
    if call.method == "lease":
        return f"worker {call.worker}'s lease({call.value})"
    refused = "" if call.outcome == OK else f", which was {call.outcome}"
    if call.method == "enqueue":
        return f"the enqueue of {call.job_id}{refused}"
    return f"worker {call.worker}'s {call.method} of {call.job_id}{refused}"
