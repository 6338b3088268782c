"""Whether a store shows the message with which a job was failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from async_contract.history.operation import OK, REJECTED, Operation
from async_contract.judge.verdict import Violation
from async_contract.judge.witness import distinct, only
from async_contract.store import JobRecord


def false_messages(
    misquoted: Sequence[tuple[Operation, Operation]], operations: Mapping[str, Sequence[Operation]]
) -> Iterator[Violation]:
    """The inspections whose message nothing else explains.

    Args:
        misquoted: Fails by the holder, each with an inspection that showed another message.
        operations: The operations on each of these jobs.
    """
    for fail, seen in misquoted:
        assert fail.job_id is not None
        own = operations[fail.job_id]
        if any(_may_explain(each, fail, seen) for each in own):
            continue
        assert isinstance(seen.value, JobRecord)
        message = seen.value.message
        happened = f"{fail.job_id} was failed with the message {fail.value!a:.80} and shows {message!a:.80}"
        begun = [each for each in own if each.method == "enqueue"]
        leases = [each for each in own if each.method == "lease" and (each.returned or 0) <= fail.invoked]
        clause, refused = (
            "fail/message",
            [each for each in own if _is_refused(each, message, fail, seen)][-1:],
        )
        for each in refused:
            clause = "fail/rejected-means-not-done"
            happened += f", after worker {each.worker}'s fail of {fail.job_id}, which was refused"
        witness = [*begun, *(only(each, fail.job_id) for each in leases[-1:]), fail, *refused, seen]
        yield Violation(clause, happened, fail.job_id, distinct(witness))


def _is_refused(call: Operation, message: str | None, fail: Operation, seen: Operation) -> bool:
    """Whether this is a fail with that message which was refused in between."""
    if call.method != "fail" or call.outcome != REJECTED or call.value != message:
        return False
    return fail.invoked <= call.invoked <= seen.invoked


def _may_explain(call: Operation, fail: Operation, seen: Operation) -> bool:
    """Whether the message may be another's, because the call came after the fail, for all one knows.

    Of two fails that overlap either may have been the last; a stale one may have been recorded. And a fail
    may still be under way when the store is asked.
    """
    if call is fail:
        return (fail.returned or 0) >= seen.invoked
    if (
        call.method not in ("fail", "lease")
        or call.outcome == REJECTED
        or call.invoked > (seen.returned or 0)
    ):
        return False
    return call.outcome != OK or (call.returned or 0) >= fail.invoked
