"""The calls that may be to blame for what has no explanation, the most particular first.

A call is a suspect if it was made between the last sign that the job was as it should be and the
first that it was not. Calls of an unusual sort come first: those on the job itself that had to
change nothing, reopenings, limits below one, ids that are like another or that nobody enqueued.
The plain complete or fail of another job is suspected last.

Before all of them comes a connection that was opened or closed while the job was on lease: a store that takes
up again what a dead worker has left, or gives back what its own worker holds, may do so with the jobs of all,
and no call has to do with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.life import NEVER, nanoseconds
from async_contract.history.operation import CANCELLED, OK, REJECTED, UNKNOWN, Operation, instant
from async_contract.judge.case import Case
from async_contract.judge.drained import killed_holders
from async_contract.judge.lookalike import alike
from async_contract.judge.search import superseded
from async_contract.judge.sweep import is_plain
from async_contract.store import JobRecord

MOST_SUSPECTS = 200
"""So many of the calls on other jobs before a violation are looked at for the one that is to blame."""

_PLAIN = ("complete/only-that-job", "fail/only-that-job")


def suspects(case: Case, capabilities: Capabilities) -> Iterator[tuple[Operation, str]]:
    """The calls that may be to blame, each with the clause that it would break."""
    anchor = case.anchor
    if anchor is not None:
        yield from _Suspects(case, capabilities, anchor).found()


def is_untouched(case: Case, capabilities: Capabilities) -> bool:
    """Whether no call at all can be to blame, not even one of many: it came to this by itself."""
    anchor = case.anchor
    if anchor is None or _works_no_more(case.history, anchor):
        return False
    return not any(_Suspects(case, capabilities, anchor, weighs=False).found())


def _works_no_more(history: Sequence[Operation], anchor: Operation) -> bool:
    """Whether a call may have left something locked or taken, so that all that came later suffers from it.

    It has not if its worker was given jobs afterwards. But whoever loses a ready job and had a lease
    cancelled may have had more of them cancelled than showed.
    """
    served: set[int] = set()
    for each in reversed(history):
        if anchor.method == "enqueue" and each.method == "lease" and each.error == CANCELLED:
            return True
        if each.jobs and each.method == "lease":
            served.add(each.worker)
        elif _lingers(each) and each.worker not in served:
            return True
    return False


def _lingers(call: Operation) -> bool:
    limit = call.value if call.method == "lease" else None
    return call.error == CANCELLED or (isinstance(limit, int) and (limit < 1 or call.outcome == REJECTED))


class _Suspects:
    def __init__(
        self, case: Case, capabilities: Capabilities, anchor: Operation, *, weighs: bool = True
    ) -> None:
        self._case = case
        self._capabilities = capabilities
        self._anchor = anchor
        self._weighs = weighs  # whether those are left out that are too many to tell which it was
        self._losing = case.seen is None or case.seen.method != "lease"

    def found(self) -> Iterator[tuple[Operation, str]]:
        settled = self._anchor.returned or self._anchor.invoked
        until = self._case.until if self._case.seen is not None else self._first_miss()
        between = [
            each
            for each in self._case.history
            if (each.invoked >= settled or _reaches(each, settled))
            and (each.returned or each.invoked) <= until
        ]
        if not self._losing and self._anchor.method == "lease":
            sound = self._last_sound(between, settled) or settled
            changed = [each for each in between if _connects(each) and each.invoked >= sound]
            yield from ((each, "lease/exclusive") for each in changed)
        events = [(each, clause) for each in reversed(between) if (clause := self._event(each))]
        if self._anchor.method == "enqueue":
            # Who had not the job can have done it little harm; a lease that was cancelled may have taken it.
            yield from (each for each in events if each[1] == "lease/cancelled")
        yield from self._own()
        yield from events
        if self._case.seen is None and self._anchor.method == "lease":
            return  # its lease did not end when its time was over, whatever became of other jobs meanwhile
        yield from self._others(between, settled)
        if self._losing or self._anchor.method == "enqueue":
            yield from self._alike()

    def _first_miss(self) -> int:
        """The instant from which a job that never came was missing: that of a lease with room for it.

        A correct store may leave room in a batch. But what is called after a lease that came back without
        the job is less likely to have lost it than what was called before.
        """
        capabilities = self._capabilities
        delay = capabilities.poll_delay
        if self._anchor.method == "fail":
            delay += capabilities.retry_delay
        elif self._anchor.method == "lease":
            delay += (capabilities.lease_timeout or 0.0) + capabilities.expiry_delay
        settled = self._anchor.returned or self._anchor.invoked
        if self._anchor.method == "lease":
            settled = killed_holders(capabilities, self._case.history).get(self._anchor.worker, settled)
        due = settled + nanoseconds(delay)
        looks = (each.invoked for each in self._case.history if each.invoked >= due and self._has_room(each))
        return next(looks, self._case.until)

    def _has_room(self, lease: Operation) -> bool:
        """Whether this is a lease that came back with fewer jobs than it might have."""
        if lease.method != "lease" or lease.outcome != OK or not isinstance(lease.value, int):
            return False
        return len(lease.jobs) < min(lease.value, self._capabilities.max_batch or NEVER)

    # -- calls on the job itself, and what concerns every job -----------------------------------

    def _own(self) -> Iterator[tuple[Operation, str]]:
        ends = [each for each in self._case.before if each.method in ("complete", "fail")]
        if self._capabilities.fences:
            yield from ((each, "expiry/fenced") for each in ends if self._is_overtaken(each))
        changes = [each for each in self._case.history if each.method == "mutate"]
        own = [each for each in changes if each.job_id == self._case.job_id]
        # The first to do harm does it; that the next ones are refused follows from it. But what brings a
        # completed job back is more likely to be a fail, which is there to do so, than another complete.
        calls = sorted([*ends, *own], key=instant)
        if self._anchor.method == "complete":
            calls.sort(key=lambda each: (each.outcome == REJECTED, each.method != "fail"))
        for each in calls:
            since = each.invoked >= self._anchor.invoked and each is not self._anchor
            clause = self._own_clause(each) if since else ""
            if clause:
                yield each, clause

    def _is_overtaken(self, end: Operation) -> bool:
        """Whether the lease expired while this call was under way, and another worker was given the job.

        Then it had no effect before that delivery, and where the store fences it must not have had one after.
        """
        leases = [each for each in self._case.before if each.method == "lease" and each.outcome == OK]
        own = [each for each in leases if each.worker == end.worker and each.invoked <= end.invoked]
        if end.outcome != OK or not own:
            return False
        expiry = own[-1].invoked + nanoseconds(self._capabilities.lease_timeout or 0.0)
        return any(
            each.worker != end.worker
            and end.invoked <= each.invoked <= (end.returned or 0)
            and (each.returned or 0) >= expiry
            for each in leases
        )

    def _own_clause(self, call: Operation) -> str:
        if call.method == "mutate":
            return "lease/snapshot"
        if self._anchor.method == "complete":
            return "complete/repeat-harmless" if call.method == "complete" else "fail/after-complete"
        if call.outcome == REJECTED:
            return "fail/hostile-message" if _is_hostile(call) else f"{call.method}/rejected-means-not-done"
        if call.error == CANCELLED:
            return f"{call.method}/cancelled"
        fenced_off = self._capabilities.fences and call in superseded(self._case.before)
        return "expiry/fenced" if fenced_off and call.outcome == OK else ""

    def _event(self, event: Operation) -> str:
        if event.method == "mutate":
            return "lease/snapshot"
        if event.method in ("reopen", "kill"):
            return f"durable/{event.method}"
        if event.method != "lease" or not self._losing:
            return ""
        if event.outcome == REJECTED:
            return "lease/rejected-means-not-done"
        if event.error == CANCELLED:
            return "lease/cancelled"
        return "lease/within-limit" if isinstance(event.value, int) and event.value < 1 else ""

    # -- calls on other jobs --------------------------------------------------------------------

    def _others(self, between: Sequence[Operation], settled: int) -> Iterator[tuple[Operation, str]]:
        """The calls on other jobs that may have done it, the likeliest first.

        Those come first that were not refused, and of them those on a job with a like id; then the latest.
        Where nothing shows that the job's own last call went well, it is more likely to have done it than
        one of several plain calls on other jobs: then none of these is suspected, and nothing refused.
        """
        sound = self._last_sound(between, settled)
        late = nanoseconds(self._capabilities.poll_delay + self._capabilities.retry_delay)
        calls = [
            each
            for each in reversed(between[-MOST_SUSPECTS:])
            if (each.returned or each.invoked) + (late if each.method == "fail" else 0) >= (sound or settled)
        ]
        named = self._other_clauses(calls)
        doer = self._doer()
        if doer:
            named = [each for each in named if each[0].method == doer]
        plain = {(call.method, call.job_id) for call, clause in named if clause in _PLAIN}
        vague = self._weighs and sound is None and len(plain) > 1 and not doer
        for call, clause in sorted(named, key=lambda each: self._unlikely(each[0])):
            if not (vague and (clause in _PLAIN or call.outcome == REJECTED)):
                yield call, clause

    def _doer(self) -> str:
        """The method that alone can have put a job on lease into the state in which it was shown."""
        record = self._case.seen.value if self._case.seen is not None else None
        if self._anchor.method != "lease" or not isinstance(record, JobRecord):
            return ""
        return {"completed": "complete", "dead": "fail"}.get(record.state, "")

    def _last_sound(self, between: Sequence[Operation], settled: int) -> int | None:
        """The last instant at which the job was seen to be as it should.

        Seen by an inspection that showed it so, or by a lease that would have delivered it if it had
        been let go.
        """
        looks = [each for each in self._case.before if each.method == "inspect" and each.invoked >= settled]
        if not self._losing:
            looks += [each for each in between if self._has_room(each)]
        return max((each.invoked for each in looks), default=None)

    def _unlikely(self, call: Operation) -> tuple[bool, bool]:
        refused = call.outcome == REJECTED
        return refused or not alike(str(call.job_id or ""), self._case.job_id), refused

    def _other_clauses(self, calls: Sequence[Operation]) -> list[tuple[Operation, str]]:
        """Those of these calls that may be to blame, each with the clause that it would break."""
        ids = {each.job_id for each in calls}
        known = ids & set(self._case.enqueued)
        done: dict[str | None, int] = {}
        for each in self._case.history if ids else ():
            if each.method == "complete" and each.outcome == OK and each.job_id in ids:
                done.setdefault(each.job_id, each.invoked)
            # An id that the store has delivered is none that it can't know, whoever made it up.
            if each.method == "lease":
                known.update(job.id for job in each.jobs if isinstance(job.id, str))
        named = [
            (call, self._other_clause(call, known=call.job_id in known, done=done.get(call.job_id, NEVER)))
            for call in calls
        ]
        return [(call, clause) for call, clause in named if clause]

    def _other_clause(self, call: Operation, *, known: bool, done: int) -> str:
        if not isinstance(call.job_id, str) or call.job_id == self._case.job_id:
            return ""
        ends = call.method in ("complete", "fail")
        if call.outcome == UNKNOWN:
            return f"{call.method}/cancelled" if ends and call.error == CANCELLED else ""
        if alike(call.job_id, self._case.job_id):
            return "lease/identity"
        if ends and not known:
            return f"{call.method}/unknown-harmless"
        if call.method == "complete":
            return "complete/repeat-harmless" if done < call.invoked else "complete/only-that-job"
        plain = "fail/hostile-message" if _is_hostile(call) else "fail/only-that-job"
        return plain if call.method == "fail" else ""

    def _alike(self) -> Iterator[tuple[Operation, str]]:
        """The jobs with a like id, in whose place the store may have put this one."""
        for each in self._case.history:
            taken_in = each.method == "enqueue" and each.outcome != REJECTED
            if taken_in and alike(each.job_id or "", self._case.job_id):
                yield each, "lease/identity"


def _connects(operation: Operation) -> bool:
    return operation.method in ("connect", "disconnect") and operation.outcome == OK


def _reaches(call: Operation, settled: int) -> bool:
    """Whether a call that was cancelled was under way when all was well: a lease may wait for its jobs."""
    return call.error == CANCELLED and call.returned is not None and call.returned >= settled


def _is_hostile(call: Operation) -> bool:
    return call.method == "fail" and not is_plain(str(call.value))
