"""Can one job's history be explained at all? A plain search, slow and meant to be obviously right.

Wing and Gong's way of checking: put the effects of the calls one after another in every order that their
intervals allow, follow the life of the job along the way, and remember what has been tried in vain. It says
nothing about progress (what must happen in the end), payloads or attempts.

Why it is enough to try the earliest instant for every effect: once the order of the effects and what each of
them does are chosen, every condition on an instant but one says "not before" (not before the invocation, not
before the effect in front of it, not before the lease may end, not before a lease of unknown outcome was
invoked). The one that says "not after", the return, is met by the earliest instant if it is met by any.

It imports nothing of the judge, and the judge nothing of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import OK, REJECTED, UNKNOWN, Operation
from async_contract.store import JobRecord

TOLERANCE = 1_000
"""Nanoseconds by which any lease may end early: a clock is read a little before or after the effect."""

FOREVER = sys.maxsize

Phase: TypeAlias = Literal["absent", "ready", "leased", "completed", "dead"]


class Lease(NamedTuple):
    """A lease on the job.

    Attributes:
        worker: Who called `lease`; `None` if the call did not return: then it is nobody's.
        received: The instant at which that call returned with the job; `None` if it never did.
        ends: The earliest instant at which it may end by itself; `None` if it never does.
    """

    worker: int | None
    received: int | None
    ends: int | None


class State(NamedTuple):
    """Where the job is in its life.

    Attributes:
        phase: The state proper.
        lease: The lease, while it is leased.
        deliveries: How often it was delivered so far, as the workers saw it.
        expired: Whether a lease that its worker had received ended by itself, for whatever reason.
    """

    phase: Phase
    lease: Lease | None = None
    deliveries: int = 0
    expired: bool = False


Step: TypeAlias = tuple[State, int]
"""What the job becomes, and the instant at which it does."""


def explainable(operations: Sequence[Operation], capabilities: Capabilities, job_id: str) -> bool:
    """Whether some placing of the effects explains what the workers saw of one job.

    Args:
        operations: A whole history; what does not touch the job is left out.
        capabilities: What the store promises.
        job_id: The job.
    """
    if capabilities.ends_with_connection:
        # A call that failed may have failed because its connection did, and then its worker's leases end.
        # Over whose connection jobs are enqueued and inspected nobody knows.
        everybody = {call.worker for call in operations}
        failed = [
            call._replace(method="disconnect", worker=worker, outcome=OK, job_id=None)
            for call in operations
            if call.outcome == UNKNOWN
            and call.method not in ("reopen", "connect", "disconnect", "kill", "mutate")
            for worker in (everybody if call.method in ("enqueue", "inspect") else {call.worker})
        ]
        operations = [*operations, *failed]
    calls = [call for call in operations if _matters(call, job_id)]
    # Whatever a store forgets, it makes up no jobs.
    if not any(call.method == "enqueue" for call in calls) and any(
        call.method == "lease" and call.outcome == OK for call in calls
    ):
        return False
    search = _Search(calls, _Life(calls, capabilities), _horizon(operations, capabilities))
    return search.explains((1 << len(calls)) - 1, State("absent"), -FOREVER)


def _matters(call: Operation, job_id: str) -> bool:
    """Whether a call can have changed the job, or shown something of it."""
    if call.outcome == REJECTED:
        return False
    match call.method:
        case "lease":
            # A lease that was lost may have taken any job; one that returned took what it delivered.
            return call.outcome == UNKNOWN or any(job.id == job_id for job in call.jobs)
        case "enqueue" | "complete" | "fail" | "inspect":
            return call.job_id == job_id
        case method:
            return method in ("reopen", "disconnect", "kill")


def _horizon(operations: Sequence[Operation], capabilities: Capabilities) -> int:
    """The instant from which on nothing that returns is judged.

    A store that is not durable may remember anything, or nothing, once it was reopened or a worker killed.
    A reopening that was refused is no exception: the store had been closed before.
    """
    if capabilities.durable:
        return FOREVER
    return min((call.invoked for call in operations if call.method in ("reopen", "kill")), default=FOREVER)


def _is_owed(call: Operation, horizon: int) -> bool:
    """Whether an explanation must give the call an effect: it returned, so something happened.

    An unknown outcome may be no effect at all, and what happens around the calls only permits. What returned
    from the horizon on may still have had its effect before it.
    """
    returned = call.outcome == OK and call.returned is not None and call.returned < horizon
    return returned and call.method in ("enqueue", "lease", "complete", "fail", "inspect")


def _latest(call: Operation) -> int:
    """The last instant at which the effect may happen."""
    return call.returned if call.outcome == OK and call.returned is not None else FOREVER


class _Search:
    """The search through the orders of effects; a set of calls is an int with one bit for each."""

    def __init__(self, calls: Sequence[Operation], life: _Life, horizon: int) -> None:
        self._calls = calls
        self._life = life
        self._owed = sum(1 << number for number, call in enumerate(calls) if _is_owed(call, horizon))
        self._in_vain: set[tuple[int, State, int]] = set()

    def explains(self, left: int, state: State, now: int) -> bool:
        """Whether the calls that are left can be explained by a job that is in `state` at `now`."""
        if not left & self._owed:
            return True
        if (left, state, now) in self._in_vain:
            return False
        if any(self.explains(*step) for step in self._steps(left, state, now)):
            return True
        self._in_vain.add((left, state, now))
        return False

    def _steps(self, left: int, state: State, now: int) -> Iterator[tuple[int, State, int]]:
        """What can happen next: the lease ends by itself, or one of the calls has its effect."""
        waiting = [(number, call) for number, call in enumerate(self._calls) if left >> number & 1]
        # Nothing may happen later than a return that is still owed its effect.
        deadline = min(_latest(call) for number, call in waiting if self._owed >> number & 1)
        for then, at in self._life.endings(state, now):
            if at <= deadline:
                yield left, then, at
        for number, call in waiting:
            for then, at in self._life.effects(call, state, max(now, call.invoked)):
                if at <= min(deadline, _latest(call)):
                    yield left & ~(1 << number), then, at


class _Life:
    """What can become of the job: the rules of the contract, each of them once."""

    def __init__(self, calls: Sequence[Operation], capabilities: Capabilities) -> None:
        self._may = capabilities
        # The earliest instant by which somebody may have been given the job without receiving it.
        self._unseen = min(
            (call.invoked for call in calls if call.method == "lease" and call.outcome == UNKNOWN),
            default=None,
        )
        deliveries = [call for call in calls if call.method == "lease" and call.outcome == OK]
        ends = [call for call in calls if call.method in ("complete", "fail")]
        self._deliveries = deliveries
        # What may end a lease, of any worker, before its time is over. (A complete does, too, but then
        # the job is given to nobody any more.)
        self._enders = [
            call
            for call in calls
            if call.method in ("fail", "reopen", "disconnect")
            or (call.method == "kill" and capabilities.ends_with_connection)
        ]
        self._superseded = {call for call in ends if self._is_superseded(call)}

    def endings(self, state: State, now: int) -> Iterator[Step]:
        """The ways in which a lease can end by itself, each at its earliest instant from `now`."""
        lease = state.lease
        if lease is None or lease.ends is None:
            return
        # A delivery whose reply was lost can only raise the store's count above what the workers saw.
        expired = state.expired or lease.received is not None
        ended, at = state._replace(phase="ready", lease=None, expired=expired), max(now, lease.ends)
        yield ended, at
        if self._may.max_attempts is None or self._may.lease_timeout is None:
            return
        # It may have been the last delivery that is allowed, whether or not the store says that it counts
        # those that expired; where it does, one that nobody saw counts too.
        if state.deliveries >= self._may.max_attempts:
            yield ended._replace(phase="dead"), at
        elif self._unseen is not None and self._may.expiry_counts:
            yield ended._replace(phase="dead"), max(at, self._unseen)

    def effects(self, call: Operation, state: State, at: int) -> Iterator[Step]:
        """What a call can do to the job, or see of it, at the instant `at` or as soon after as it can."""
        match call.method:
            case "enqueue":
                # No id is enqueued twice; if one were, it would still be the one job.
                yield (state._replace(phase="ready") if state.phase == "absent" else state), at
            case "lease":
                yield from self._leased(call, state, at)
            case "inspect":
                yield from self._seen(call.value, state, at)
            case "reopen" | "disconnect" | "kill":
                yield from self._loosened(call, state, at)
            case _:
                yield from self._ended(call, state, at)

    def _leased(self, call: Operation, state: State, at: int) -> Iterator[Step]:
        """A ready job goes on lease; nothing else can be delivered.

        enqueue, lease by 1, lease by 2 is impossible unless the first lease ended in between, and the
        store was given no reason to end it.
        """
        if state.phase != "ready":
            return
        if call.outcome == UNKNOWN:
            # On lease to nobody. A lease that is cancelled may give its jobs back at once, and may do so
            # late: it comes back whenever it likes.
            yield state._replace(phase="leased", lease=Lease(None, None, at)), at
            return
        deliveries = state.deliveries + 1
        if self._may.expiry_counts and deliveries > (self._may.max_attempts or 0):
            return
        lease = Lease(call.worker, call.returned, self._expires(at))
        yield state._replace(phase="leased", lease=lease, deliveries=deliveries), at

    def _expires(self, at: int) -> int | None:
        """The earliest instant at which a lease that began at `at` may expire."""
        if self._may.lease_timeout is None:
            return None
        lasts = _nanoseconds(self._may.lease_timeout)
        # A clock of whole milliseconds is no breach, where that is a small part of the lease.
        tolerance = max(TOLERANCE, min(1_000_000, lasts // 100))
        return at + lasts - _nanoseconds(self._may.clock_resolution) - tolerance

    def _ended(self, call: Operation, state: State, at: int) -> Iterator[Step]:
        """A complete or a fail: by the holder it takes effect, by anyone else it may."""
        lease = state.lease
        if self._may.fences and call in self._superseded:
            # Lease by 1, expired, lease by 2, fail by 2, complete by 1: the job is ready, and stays so.
            yield state, at
            return
        if lease is not None and _holds(call, lease):
            # Here an ok complete can't be taken for nothing: lease by 1, complete by 1, lease by 2 is
            # a job that came back although its holder completed it.
            if call.method == "complete":
                yield state._replace(phase="completed", lease=None), at
            else:
                yield from self._failed(state, at)
            return
        # Stale, never leased, finished or not there: stores differ, and doing nothing is always right.
        yield state, at
        if state.phase in ("absent", "completed"):
            return
        if self._may.fences and lease is not None and lease.worker not in (None, call.worker):
            # Lease by 1, expired, lease by 2, fail by 1, lease by 3: a fail of 1 that takes its time has had
            # its effect before the lease of 2, or has none. Lease by 2, fail by 3, lease by 3: the fail of 3,
            # who never had the job, may have ended the lease of 2.
            own = self._own_before(call)
            if own is not None and self._ran_out(own, lease.received or 0, call):
                return
        if call.method == "complete":
            yield state._replace(phase="completed", lease=None), at
        elif state.phase == "dead":
            # Only a store that says when a failed job is dead has said that it stays so.
            if self._may.redelivers is None and self._may.max_attempts is None:
                yield state._replace(phase="ready"), at
        else:
            yield state._replace(phase="ready", lease=None), at
            yield state._replace(phase="dead", lease=None), at
            # It may have counted as one more failed attempt, too.
            more = state._replace(deliveries=state.deliveries + 1)
            yield more, at
            yield more._replace(phase="ready", lease=None), at

    def _is_superseded(self, call: Operation) -> bool:
        """Whether another worker was surely given the job between the caller's lost lease and the call.

        Lease by 1, lease by 2, complete by 1, none of which overlap. A lease by 2 that overlaps either of the
        others may have been the first of the two, or may have come after the complete.
        """
        own = self._own_before(call)
        return own is not None and any(
            lease.worker != call.worker
            and lease.invoked > _latest(own)
            and _latest(lease) < call.invoked
            and self._ran_out(own, _latest(lease), call)
            for lease in self._deliveries
        )

    def _own_before(self, call: Operation) -> Operation | None:
        """The caller's latest delivery before the call."""
        latest = None
        for lease in self._deliveries:
            if lease.worker == call.worker and _latest(lease) <= call.invoked:
                latest = lease if latest is None or _latest(lease) > _latest(latest) else latest
        return latest

    def _ran_out(self, own: Operation, until: int, call: Operation) -> bool:
        """Whether a lease that had ended by `until` can only have expired.

        Lease by 1, fail by 1, lease by 2: the lease of 1 has not expired, and what 1 calls now is no
        business of the fence. Lease by 1, fail by 3, lease by 2: perhaps neither.
        """
        for ender in self._enders:
            if ender is call or ender.invoked > until:
                continue
            if _latest(ender) >= own.invoked:
                return False
        return True

    def _failed(self, state: State, at: int) -> Iterator[Step]:
        """A fail by the holder: whether the job is delivered again is what the store promised."""
        may, most = self._may, self._may.max_attempts
        ready = state._replace(phase="ready", lease=None)
        dead = state._replace(phase="dead", lease=None)
        if may.redelivers is False:
            yield dead, at
        elif most is None:
            yield ready, at
            if may.redelivers is None:
                yield dead, at
        else:
            used_up = state.deliveries >= most
            yield (dead if used_up else ready), at
            if state.expired and not may.expiry_counts:
                # Whether the store counts a delivery that nobody ended is its own affair.
                yield (ready if used_up else dead), at
            elif self._unseen is not None and not used_up:
                # A delivery that nobody saw may have been counted. It excuses in this direction only:
                # the store's count can be higher by it than the workers', never lower.
                yield dead, max(at, self._unseen)

    def _seen(self, record: object, state: State, at: int) -> Iterator[Step]:
        """An inspection changes nothing, but its record must fit."""
        if record is None:
            # What is finished may have been deleted.
            if state.phase in ("absent", "completed", "dead"):
                yield state, at
        elif isinstance(record, JobRecord) and record.state == state.phase:
            yield state, at
        elif isinstance(record, JobRecord) and record.state == "ready":
            # A store that compares clocks when it is asked shows a lease that has run out as ready,
            # and the job is still its holder's.
            for _, ended in self.endings(state, at):
                yield state, ended

    def _loosened(self, call: Operation, state: State, at: int) -> Iterator[Step]:
        """The store was reopened, or a connection closed: leases that hang on it may end, now or later."""
        lease = state.lease
        if lease is None:
            return
        gives_back = call.method == "disconnect" or self._may.ends_with_connection
        if call.method == "reopen" or (lease.worker == call.worker and gives_back):
            ends = at if lease.ends is None else min(at, lease.ends)
            yield state._replace(lease=lease._replace(ends=ends)), at


def _holds(call: Operation, lease: Lease) -> bool:
    """Whether the caller had received the lease when it called.

    A cancelled complete can arrive when its worker holds the job again: lease by 1, complete by 1
    (cancelled), expired, lease by 1. It answers the first lease, so to the second it is a stale one.
    """
    if lease.worker != call.worker or lease.received is None:
        return False
    # At one and the same instant it may have called before: what was called then need not answer this lease.
    return lease.received < call.invoked


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
