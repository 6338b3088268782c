"""Calls that had to be accepted and were not, however often they were made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import takewhile
from operator import is_not

from async_contract.contract.life import NEVER, Life
from async_contract.history.operation import (
    CANCELLED,
    KILLED,
    OK,
    REJECTED,
    STUCK,
    TIMED_OUT,
    UNKNOWN,
    Operation,
    is_blocked,
)
from async_contract.judge.naming import killed
from async_contract.judge.sweep import MOST, REFUSALS, is_plain
from async_contract.judge.verdict import Violation
from async_contract.store import JobRecord

ERRORS = 5
"""Of errors that say nothing about the effect it takes more, all the same: a lost reply followed by
refusals of a class that nobody declared must not look like this."""

SHUT_OUT = 20_000_000_000
"""Nanoseconds after which a store that answers nobody, and has nothing to do, is not busy."""

AT_ONCE = 100_000_000
"""Nanoseconds within which a lease returns for which no store has waited for jobs."""

_TWICE = 2

_CALLS = ("lease", "complete", "fail")

_UNENDED = (CANCELLED, TIMED_OUT, STUCK)


def refused_leases(history: Sequence[Operation]) -> Iterator[Violation]:
    """Leases with an allowed limit that failed again and again."""
    rows: dict[int, list[Operation]] = {}
    accepted = {each.value for each in history if each.method == "lease" and each.outcome == OK}
    ready = 0
    blamed: set[str] = set()
    for each in history:
        ready += _adds(each)
        if each.outcome == OK or (each.outcome == REJECTED and each.method != "lease"):
            rows.clear()  # a store that answers other calls in between is busy, and does not refuse this one
        if not _must_be_served(each):
            continue
        row = rows.setdefault(each.worker, [])
        if row and (row[0].value, row[0].outcome) != (each.value, each.outcome):
            row.clear()
        if each.outcome == OK or each.error in _UNENDED:
            continue
        row.append(each)
        clause = "lease/accepted" if ready > 0 else "lease/empty"
        if clause in blamed:
            continue
        answered = _before_shut_out(row, history)
        if answered is not None:
            blamed.add(clause)
            happened = (
                f"since worker {answered.worker}'s {answered.method}, lease({each.value}) of worker "
                f"{each.worker} failed {len(row)} times in a row, each after a long wait and with nobody "
                f"else at work: {each.error}"
            )
            yield Violation(clause, happened, None, (answered, *row))
        elif _is_enough(row, never_accepted=each.value not in accepted):
            blamed.add(clause)
            happened = f"lease({each.value}) failed {len(row)} times in a row: {each.error}"
            yield Violation(clause, happened, None, tuple(row))


def _adds(operation: Operation) -> int:
    """By how much an operation changes the number of ready jobs, roughly."""
    if operation.outcome != OK:
        return 0
    if operation.method == "lease":
        return -len(operation.jobs)
    return 1 if operation.method in ("enqueue", "fail") else 0


def _is_enough(row: Sequence[Operation], *, never_accepted: bool) -> bool:
    if row[0].outcome == REJECTED:
        return len(row) == REFUSALS
    return len(row) == ERRORS and never_accepted and len({each.error for each in row}) == 1


def _before_shut_out(row: Sequence[Operation], history: Sequence[Operation]) -> Operation | None:
    """The latest call that was answered before somebody was shut out; `None` if he is not.

    He waits again and again for what another holds who has nothing left to do: a transaction that was never
    committed, say. No store is busy for so long with nothing. But a call whose end nobody knows may be what
    it is busy with.
    """
    began, over = row[0].invoked, row[-1].returned or 0
    if len(row) < ERRORS or over - began < SHUT_OUT or not all(map(is_blocked, row)):
        return None
    before = [each for each in history if each.invoked <= over and each not in row]
    if any(each.outcome == UNKNOWN or (each.returned or NEVER) >= began for each in before):
        return None
    return next((each for each in reversed(before) if each.outcome == OK), None)


def in_a_row(calls: Sequence[Operation], history: Sequence[Operation]) -> bool:
    """Whether nothing was answered between these calls: a store that is busy fails now and then."""
    first, last = calls[0], calls[-1]
    between = (each for each in history if first.invoked < each.invoked < last.invoked)
    return not any(
        each.outcome == OK
        or (each.outcome == REJECTED and (each.method, each.job_id) != (first.method, first.job_id))
        for each in between
    )


def failing_ends(
    operations: Sequence[Operation],
    life: Life,
    endings: Sequence[Operation],
    history: Sequence[Operation],
) -> Iterator[Violation]:
    """Completes and fails of one job by its holder that raised the same error again and again.

    Args:
        operations: The operations on the job.
        life: What can become of a job.
        endings: What may have ended leases besides their holders and the clock.
        history: What happened around them.
    """
    row: list[Operation] = []
    lease: Operation | None = None
    unknown = 0
    for place, each in enumerate(operations):
        unknown += each.outcome == UNKNOWN
        if each.method == "lease":
            lease, row = each, []
        elif each.method in ("complete", "fail") and lease is not None:
            if row and (
                (row[0].method, row[0].error) != (each.method, each.error)
                or (each.outcome == UNKNOWN and not in_a_row([row[-1], each], history))
            ):
                row = []
            row.append(each)
            # Whatever else is unknown may have ended the lease. (Where much is, there is no time for more.)
            if len(row) == ERRORS == unknown and _is_surely_held(
                lease, row, operations[:place], life, endings
            ):
                yield _fails_again_and_again(lease, row, history)


def _fails_again_and_again(
    lease: Operation, row: Sequence[Operation], history: Sequence[Operation]
) -> Violation:
    """What the holder's calls break that all failed, and if it is only since a call of his was cancelled."""
    last = row[-1]
    what = f"{last.method} of {last.job_id}"
    cancelled = _cancelled_before(row[0], history)
    if cancelled is None:
        happened = (
            f"worker {last.worker} held {last.job_id}, and its {last.method} failed {len(row)} times in a "
            f"row: {last.error}"
        )
        return Violation(f"{last.method}/accepted", happened, last.job_id, (lease, *row))
    happened = (
        f"since worker {last.worker}'s {_call(cancelled)} was cancelled, its {what}, which it held, failed "
        f"{len(row)} times in a row: {last.error}"
    )
    return Violation(f"{cancelled.method}/cancelled", happened, last.job_id, (lease, cancelled, *row))


def _cancelled_before(call: Operation, history: Sequence[Operation]) -> Operation | None:
    """The call that was cancelled before the first of those that fail, if the same call worked before it.

    Nothing that the worker called was answered since: else that one has done no harm.
    """
    cancelled: Operation | None = None
    worked = False
    for each in takewhile(partial(is_not, call), history):
        if each.outcome == OK:
            worked |= each.method == call.method
            cancelled = None if each.worker == call.worker else cancelled
        elif each.error == CANCELLED and each.worker == call.worker and worked and each.method in _CALLS:
            cancelled = each
    return cancelled


def _call(call: Operation) -> str:
    return call.method + (f" of {call.job_id}" if call.job_id else "")


def _is_surely_held(
    lease: Operation,
    row: Sequence[Operation],
    before: Sequence[Operation],
    life: Life,
    endings: Sequence[Operation],
) -> bool:
    """Whether all these calls are of the holder, who had to be heard.

    After a complete that was cancelled, or after another worker's, the job may be completed; a store that
    then says so five times, with an error that nobody declared, is right.
    """
    last = row[-1]
    if last.returned is None or not all(_is_owed_an_answer(each, lease) for each in row):
        return False
    if life.earliest_expiry is not None and last.returned >= lease.invoked + life.earliest_expiry:
        return False
    if any(each.invoked <= last.returned and (each.returned or NEVER) >= lease.invoked for each in endings):
        return False
    rest = [each for each in before if each is not lease and not any(each is one for one in row)]
    return all(_is_over(each, lease.invoked) for each in rest if each.method in ("lease", "complete", "fail"))


def _is_owed_an_answer(call: Operation, lease: Operation) -> bool:
    if call.worker != lease.worker or call.outcome != UNKNOWN or call.error in _UNENDED:
        return False
    return call.method == "complete" or is_plain(str(call.value))


def _is_over(call: Operation, at: int) -> bool:
    """Whether a call surely has no effect from the instant `at` on."""
    return call.outcome == REJECTED or (
        call.outcome == OK and call.returned is not None and call.returned < at
    )


def refused_after_cancellation(operations: Sequence[Operation], life: Life) -> Iterator[Violation]:
    """A holder who is refused again and again after a call that he cancelled, and still holds the job.

    That he does is shown by an inspection, or by the job's coming back: a complete that had its effect
    lets go of it for good.

    Args:
        operations: The operations on the job, in whose history nothing else may have ended or taken leases.
        life: What can become of a job.
    """
    lease: Operation | None = None
    held: tuple[Operation, Operation] | None = None  # the lease, and its holder's call that was cancelled
    row: list[Operation] = []
    for each in operations:
        ends = each.method in ("complete", "fail")
        if held and len(row) >= REFUSALS and _shows_held(each, held[1]):
            if not _may_have_expired(held[0], row[-1], life):
                yield _refused_later(*held, row, each)
            return
        if each.method == "lease":
            lease, held, row = each, None, []
        elif ends and lease is not None and each.worker == lease.worker:
            if each.outcome == REJECTED:
                row.append(each)
            elif each.error == CANCELLED and held is None:
                held, row = (lease, each), []
            else:
                lease, held = None, None  # it let go of the job, or nobody knows
        elif ends:
            lease, held = None, None  # another worker may have ended it


def _refused_later(
    lease: Operation, cancelled: Operation, row: Sequence[Operation], seen: Operation
) -> Violation:
    what = cancelled.method
    happened = (
        f"worker {lease.worker}'s {what} of {cancelled.job_id} was cancelled; then it was refused again and "
        f"again, though he held the job: {row[-1].error}"
    )
    return Violation(f"{what}/cancelled", happened, cancelled.job_id, (lease, cancelled, *row, seen))


def _shows_held(seen: Operation, cancelled: Operation) -> bool:
    """Whether this shows that the job was on lease all the time."""
    if seen.method == "lease":
        return seen.outcome == OK and cancelled.method == "complete"
    return isinstance(seen.value, JobRecord) and seen.value.state == "leased"


def stuck_after_cancellation(history: Sequence[Operation]) -> Iterator[Violation]:
    """A call that never returned, after one that was cancelled: the store does not work on.

    What was served in between shows that it does, unless it was another method, which may need another lock
    than the one that the cancelled call left behind; and a lease of nothing may need no lock at all.
    A lease may wait for jobs, so it counts only while some must be ready, or in a store that is known not to
    wait: it has answered at once before, time and again, when there was nothing.
    """
    cancelled: Operation | None = None
    by_method: dict[str, Operation] = {}
    ready = 0
    empty: list[Operation] = []
    # Of several that are stuck one may wait for the other: two locks in two orders need no cancellation.
    several = sum(each.error == STUCK for each in history) > 1
    for each in history:
        if each.error == CANCELLED and each.returned is not None and each.method in _CALLS:
            cancelled = by_method[each.method] = each
        elif each.outcome == OK and (each.method != "lease" or _must_be_served(each)):
            cancelled = None
            by_method.pop(each.method, None)
            empty += [each] * (each.method == "lease" and not each.jobs)
        blamed = by_method.get(each.method, cancelled)
        if (
            each.error in (TIMED_OUT, STUCK)
            and blamed is not None
            and each.invoked >= (blamed.returned or 0)
            and not several
            and (each.method != "lease" or ready > 0 or _never_waits(empty))
        ):
            happened = (
                f"worker {each.worker}'s {each.method} did not return, after worker {blamed.worker}'s "
                f"{blamed.method} was cancelled"
            )
            yield Violation(f"{blamed.method}/cancelled", happened, each.job_id, (blamed, each))
            return
        ready += _adds(each)


def _never_waits(empty: Sequence[Operation]) -> bool:
    """Whether a store that answered these leases, which got nothing, does not wait for jobs."""
    return len(empty) >= _TWICE and all((each.returned or NEVER) - each.invoked < AT_ONCE for each in empty)


def dead_after_cancellation(history: Sequence[Operation]) -> list[Violation]:
    """Leases that fail for ever, all with the same error, since a call was cancelled: the store is dead.

    A transaction that is still open, a connection that is not given back: whoever comes next gets an error
    that says nothing of what was cancelled. Something must have been answered before, and nothing since; to
    the same worker at least, whose connection then works no more. (Who cancels a lease and has lost nothing
    but a connection has lost no job.)
    """
    found = _dead(history)
    if found is not None:
        return [found]
    workers = dict.fromkeys(each.worker for each in history if each.error == CANCELLED)
    own = (_dead([each for each in history if each.worker == worker]) for worker in workers)
    return [each for each in own if each is not None and each.clause != "lease/cancelled"]


def _dead(calls: Sequence[Operation]) -> Violation | None:
    worked = False
    cancelled: Operation | None = None
    row: list[Operation] = []
    for each in calls:
        if each.method not in ("lease", "complete", "fail"):
            continue
        if each.outcome == OK or (each.outcome == REJECTED and not _must_be_served(each)):
            worked = True
            cancelled, row = None, []
        elif each.error == CANCELLED:
            cancelled = each if worked and not row else cancelled
        elif cancelled and _must_be_served(each) and each.invoked >= (cancelled.returned or NEVER):
            row.append(each)
    if cancelled is None or len(row) < ERRORS or len({each.error for each in row}) > 1:
        return None
    if row[0].error in (*_UNENDED, KILLED):
        return None
    happened = (
        f"since worker {cancelled.worker}'s {_call(cancelled)} was cancelled, every lease fails: "
        f"{row[0].error}"
    )
    witness = (cancelled, *row[:ERRORS])
    return Violation(f"{cancelled.method}/cancelled", happened, cancelled.job_id, witness)


def _must_be_served(call: Operation) -> bool:
    return call.method == "lease" and isinstance(call.value, int) and 1 <= call.value <= MOST


def stuck_for_ever(history: Sequence[Operation], life: Life) -> Iterator[Violation]:
    """A complete or fail of a job that its worker holds, and which can't return.

    A lease may wait for jobs, and for as long as nobody enqueues any; but who ends a lease waits for nobody.
    """
    held: dict[str, Operation] = {}
    for each in history:
        if each.method == "lease":
            held.update((job.id, each) for job in each.jobs if isinstance(job.id, str))
        lease = held.get(each.job_id or "")
        if lease is None or each.method not in ("complete", "fail"):
            continue
        if each.outcome == OK:
            del held[each.job_id or ""]
        elif each.error == STUCK and lease.worker == each.worker and not _may_have_expired(lease, each, life):
            happened = (
                f"worker {each.worker}'s {each.method} of {each.job_id}, which it held, never returned: "
                "everybody waited for somebody else"
            )
            yield Violation(f"{each.method}/accepted", happened, each.job_id, (lease, each))
            return


def _may_have_expired(lease: Operation, call: Operation, life: Life) -> bool:
    return life.earliest_expiry is not None and call.invoked >= lease.invoked + life.earliest_expiry


def shut_by_a_kill(history: Sequence[Operation], expiry: int | None) -> Iterator[Violation]:
    """A store that worked until a worker was killed, and then can't be opened or leased from any more.

    What a dead worker has locked may be locked for as long as a lease lasts: before, nothing is blamed.

    Args:
        history: What happened.
        expiry: Nanoseconds after which a lease has surely expired, if leases do.
    """
    kill: Operation | None = None
    worked = False
    rows: dict[str, list[Operation]] = {}
    for each in history:
        worked |= each.outcome == OK and each.method in ("enqueue", "lease")
        if each.method == "kill" and worked:
            kill, rows = each, {}
        if kill is None or each.method not in ("connect", "lease"):
            continue
        if each.outcome == OK:
            rows.pop(each.method, None)
            if each.method == "lease":
                kill = None
        elif each.error not in (*_UNENDED, KILLED) and each.invoked >= (kill.returned or 0) + (expiry or 0):
            row = rows.setdefault(each.method, [])
            row.append(each)
            if len(row) == ERRORS:
                yield _shut(kill, row, history)
                return


def _shut(kill: Operation, row: Sequence[Operation], history: Sequence[Operation]) -> Violation:
    inside = [each for each in history if each.worker == kill.worker and each.error == KILLED]
    says = "the store can't be opened" if row[0].method == "connect" else "every lease fails"
    happened = f"since {killed(kill, history)}, {says}: {row[-1].error}"
    return Violation("durable/kill", happened, None, (*inside, kill, *row))
