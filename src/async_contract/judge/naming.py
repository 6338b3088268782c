"""Which clause is broken, when what was seen of a job has no explanation.

The life of a job says only that no correct store can have behaved so. Which sentence of the
contract the store broke depends on what happened in between: a job that is delivered twice breaks
`lease/exclusive`, unless it was a refused `complete` that let it go. So the calls since the job was
last where it should be are the *suspects*, and the most particular one names the clause.
"""

from __future__ import annotations

from collections.abc import Sequence

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import CLAUSE
from async_contract.contract.life import Phase, nanoseconds
from async_contract.history.operation import KILLED, OK, REJECTED, UNKNOWN, Operation
from async_contract.judge.case import Case, Named
from async_contract.judge.suspects import is_untouched, suspects
from async_contract.store import JobRecord

__all__ = ["Case", "Named", "name", "name_alike"]

EARLY = 0.1
"""A job that comes back after this part of its `lease_timeout` came early; before, it was not held at all."""

_INSTEAD = {
    "expiry/returns": "lease/progress",
    "expiry/max-attempts": "fail/releases",
    "fail/redelivers": "fail/releases",
    "fail/ends": "fail/releases",
    "fail/max-attempts": "fail/releases",
}
"""What every store owes, for where the clause that says more was not promised."""


def name(case: Case, capabilities: Capabilities) -> Named:
    """The clause that is broken."""
    by_itself = name_without_suspect(case, capabilities)
    happened = by_itself.happened
    for suspect, blamed in suspects(case, capabilities):
        if suspect.method in ("connect", "disconnect") and blamed != by_itself.clause:
            continue  # the lease had lasted for long, and may have ended by its time
        if CLAUSE[blamed].binds(capabilities):
            return Named(blamed, f"{happened}, after {_call(suspect, case)}", suspect, by_itself)
    return by_itself


def name_alike(lost: Sequence[Case], capabilities: Capabilities) -> list[Named]:
    """The clauses that are broken by jobs that never came, all of one history.

    Where one of them was lost with no call that can be to blame for it, nothing is to blame for another
    that was lost in the same place: a store in which no lease ever expires has not lost a job because a
    complete of it was refused.
    """
    found = [(case, name(case, capabilities), name_without_suspect(case, capabilities)) for case in lost]
    by_themselves = {
        alone.clause
        for case, named, alone in found
        if named.suspect is None and is_untouched(case, capabilities)
    }
    return [alone if alone.clause in by_themselves else named for _, named, alone in found]


def name_without_suspect(case: Case, capabilities: Capabilities) -> Named:
    """The clause that is broken if no call in between is to blame."""
    default = _Default(case, capabilities)
    clause = default.clause()
    return Named(clause if CLAUSE[clause].binds(capabilities) else _INSTEAD[clause], default.happened())


class _Default:
    """The clause to name, and what to say, if nothing in between is to blame."""

    def __init__(self, case: Case, capabilities: Capabilities) -> None:
        self.case = case
        self.capabilities = capabilities
        self.last = case.anchor

    def clause(self) -> str:
        if self.case.seen is None:
            return self._lost()
        if self.case.seen.method == "inspect":
            return self._shown()
        if self.case.seen.method != "lease":
            return f"{self.case.seen.method}/accepted"
        return self._delivered()

    def happened(self) -> str:
        case = self.case
        seen = case.seen
        if seen is None:
            asked = "though the store was asked until it was empty"
            return f"{case.job_id} was {self._where()} and never came, {asked}"
        if seen.method == "inspect":
            record = seen.value
            shown = f"shown as {record.state}" if isinstance(record, JobRecord) else "not known to the store"
            return f"{case.job_id} was {self._where()} and is {shown}"
        if seen.method != "lease":
            refused = f"its {seen.method} was refused again and again: {seen.error}"
            return f"{case.job_id} was {self._where()}, and {refused}"
        return f"worker {seen.worker} was given {case.job_id}, which was {self._where()}"

    def _where(self) -> str:
        last = self.last
        if last is None:
            return "perhaps enqueued" if self.case.before else "never enqueued"
        if last.method == "lease":
            return f"on lease to worker {last.worker}"
        return {
            "enqueue": "enqueued",
            "complete": f"completed by worker {last.worker}",
            "fail": f"failed by worker {last.worker}",
        }[last.method]

    def _delivered(self) -> str:
        phases = self.case.phases
        if Phase.READY in phases:
            return "expiry/max-attempts"  # nothing else keeps a ready job from being delivered
        if Phase.LEASED in phases:
            return self._too_soon()
        if Phase.COMPLETED in phases:
            return "complete/final"
        if Phase.ABSENT in phases:
            return "lease/known"
        if self.last is not None and self.last.method == "fail":
            return "fail/ends" if self.capabilities.redelivers is False else "fail/max-attempts"
        return "expiry/max-attempts"

    def _too_soon(self) -> str:
        seen, last = self.case.seen, self.last
        timeout = self.capabilities.lease_timeout
        if timeout is None or seen is None or last is None or last.returned is None:
            return "lease/exclusive"
        elapsed = seen.invoked - last.returned
        return "expiry/not-early" if elapsed >= nanoseconds(timeout * EARLY) else "lease/exclusive"

    def _shown(self) -> str:
        assert self.case.seen is not None
        record = self.case.seen.value
        shown = record.state if isinstance(record, JobRecord) else None
        last = self.last.method if self.last is not None else ""
        if last == "fail":
            if shown in ("leased", "completed", None):
                return "fail/releases"
            return self._after_fail(dead=shown == "dead")
        if last == "complete":
            return "complete/final"
        if last == "lease" and shown == "ready":
            return self._too_soon()
        return "lease/progress"

    def _lost(self) -> str:
        if self.last is None or self.last.method == "enqueue":
            return "lease/progress"
        return self._after_fail(dead=True) if self.last.method == "fail" else "expiry/returns"

    def _after_fail(self, *, dead: bool) -> str:
        """The clause that says what becomes of a failed job, which became the opposite."""
        capabilities = self.capabilities
        if not dead:
            return "fail/ends" if capabilities.redelivers is False else "fail/max-attempts"
        deliveries = sum(each.method == "lease" for each in self.case.before)
        if capabilities.redelivers is True and (deliveries == 1 or self._was_shown_ready()):
            return "fail/redelivers"
        return "fail/redelivers" if capabilities.max_attempts is None else "fail/max-attempts"

    def _was_shown_ready(self) -> bool:
        """Whether an inspection showed, after the last call, that the job was to be delivered again."""
        last = self.case.before[-1].value
        return isinstance(last, JobRecord) and last.state == "ready"


def killed(kill: Operation, history: Sequence[Operation]) -> str:
    """That a worker was killed, and inside which call, if it was in one."""
    calls = (each for each in history if each.worker == kill.worker and each.error == KILLED)
    inside = "".join(
        f" inside its {each.method}" + (f" of {each.job_id}" if each.job_id else "") for each in calls
    )
    return f"worker {kill.worker} was killed{inside}"


def _call(operation: Operation, case: Case) -> str:
    """A call as a clause of a sentence."""
    if operation.method == "kill":
        return killed(operation, case.history)
    who = f"worker {operation.worker}'s"
    what = {
        "complete": f"complete of {operation.job_id}",
        "fail": f"fail of {operation.job_id}",
        "lease": f"lease({operation.value})",
        "enqueue": f"enqueue of {operation.job_id}",
        "mutate": f"change to its copy of {operation.job_id}",
        "connect": "opening of a connection",
        "disconnect": "closing of its connection",
    }.get(operation.method, f"{operation.method} of the store")
    how = {OK: "", REJECTED: ", which was refused", UNKNOWN: f", which was {operation.error or 'lost'}"}
    if (
        operation.outcome == OK
        and operation.job_id == case.job_id
        and operation.method in ("complete", "fail")
    ):
        given = any(each.method == "lease" and each.worker == operation.worker for each in case.before)
        return f"{who} {what}" if given else f"{who} {what}, which it was never given"
    return f"{who} {what}{how[operation.outcome]}"
