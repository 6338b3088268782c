r"""The life of one job, as an automaton.

    absent --enqueue--> ready --lease--> leased --complete--> completed
                          ^                |  \
                          +--fail, expiry--+   fail --> dead

Each function answers one question: in this state, at this instant, what may the effect of that
call have been? It answers with every state that some correct store could be in afterwards, and
with none where no correct store could have answered as this one did. Instants are nanoseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from async_contract.contract.capabilities import Capabilities
from async_contract.store import JobState

NEVER = 1 << 62
"""An instant later than every other."""

TOLERANCE = 1_000
"""Nanoseconds by which a lease may end early, whatever is declared: clocks in floating point
seconds round, and a verdict must not hang on that."""

MILLISECOND = 1_000_000
"""So much more, but no more than a hundredth of the lease: most clocks of databases show whole
milliseconds, and a wall clock that is being set runs a little faster or slower than ours."""


class Phase(IntEnum):
    """Where a job is in its life."""

    ABSENT = 0
    READY = 1
    LEASED = 2
    COMPLETED = 3
    DEAD = 4
    ANYTHING = 5
    """A store that promises no durability was reopened: nothing it shows is impossible."""


class State(NamedTuple):
    """A job between two effects.

    Attributes:
        phase: Where it is.
        holder: The worker that holds it, if it is leased.
        since: The instant at which the holder's lease call had returned: what the holder calls
            from then on, it calls as the holder.
        ends: The earliest instant at which this lease may end without a call of its holder.
        deliveries: How often it was delivered (kept at 0 where nothing depends on it).
        expired: Whether one of its leases ended by itself.
    """

    phase: Phase
    holder: int = 0
    since: int = 0
    ends: int = NEVER
    deliveries: int = 0
    expired: bool = False


ABSENT = State(Phase.ABSENT)
READY = State(Phase.READY)
COMPLETED = State(Phase.COMPLETED)
ANYTHING = State(Phase.ANYTHING)

_SHOWN: dict[JobState, Phase] = {
    "ready": Phase.READY,
    "leased": Phase.LEASED,
    "completed": Phase.COMPLETED,
    "dead": Phase.DEAD,
}


def nanoseconds(seconds: float) -> int:
    """Seconds, as the capabilities give them, in the unit of a history's instants."""
    return round(seconds * 1_000_000_000)


class Life:
    """What can become of a job in a store with these capabilities."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._redelivers = capabilities.redelivers
        self._max_attempts = capabilities.max_attempts
        self._expiry_counts = capabilities.expiry_counts
        self.fences = capabilities.fences
        """Whether the calls of a worker whose lease has expired are kept out once another holds the job."""
        self.anybodys_fail = (
            not capabilities.fences
            and capabilities.max_attempts is None
            and capabilities.redelivers is not False
        )
        """Whether a fail can make a job ready whoever called it, its holder or another."""
        self.earliest_expiry: int | None = None
        """Nanoseconds from the effect of a lease to the earliest end of it by itself."""
        if capabilities.lease_timeout is not None:
            lasts = nanoseconds(capabilities.lease_timeout)
            early = max(TOLERANCE, min(MILLISECOND, lasts // 100))
            self.earliest_expiry = lasts - nanoseconds(capabilities.clock_resolution) - early

    def enqueued(self, state: State) -> State:
        """The state after an enqueue; the toolkit never enqueues an id twice."""
        return READY if state is ABSENT else state._replace(phase=Phase.READY)

    def delivered(self, state: State, worker: int, since: int, ends: int) -> Sequence[State]:
        """The states after a delivery to `worker`, whose lease may end by itself from `ends` on."""
        if state.phase is not Phase.READY:
            return ()
        if self._max_attempts is None:
            return (State(Phase.LEASED, worker, since, ends),)
        deliveries = state.deliveries + 1
        if self._expiry_counts and deliveries > self._max_attempts:
            return ()
        return (State(Phase.LEASED, worker, since, ends, deliveries, state.expired),)

    def taken(self, state: State, at: int) -> Sequence[State]:
        """The states after a lease of unknown outcome: on lease, to nobody.

        A store that notices may take the job back at once, so this lease may end at any instant.
        """
        if state.phase is not Phase.READY:
            return ()
        return (State(Phase.LEASED, 0, NEVER, at, state.deliveries, state.expired),)

    def ended(self, state: State, *, unseen: bool) -> Sequence[State]:
        """The states after a lease has ended by itself.

        Args:
            state: The state before.
            unseen: Whether there may have been deliveries that nobody saw.
        """
        if self._max_attempts is None:
            return (READY,)
        # A lease that nobody received can only raise the store's count of deliveries above what was seen.
        expired = state.expired or state.since != NEVER
        ready = _off_lease(Phase.READY, state.deliveries, expired)
        # A store that counts expired deliveries may bury the job at once, or when it is next asked for; one
        # that has not said that it counts them has not said that it doesn't.
        spent = state.deliveries >= self._max_attempts and self.earliest_expiry is not None
        used_up = spent or (self._expiry_counts and unseen)
        return (ready, _off_lease(Phase.DEAD, state.deliveries, expired)) if used_up else (ready,)

    def completed(self, state: State, worker: int, invoked: int) -> Sequence[State]:
        """The states after a complete that `worker` called at `invoked` and that had its say."""
        if self._holds(state, worker, invoked):
            return (COMPLETED,)
        # Without a lease token a store can't always tell a stale worker from the holder: whether such
        # a call takes effect is observed, not judged. But it can't bring a completed job back.
        if state.phase in (Phase.ABSENT, Phase.COMPLETED):
            return (state,)
        return (state, COMPLETED)

    def failed(self, state: State, worker: int, invoked: int, *, unseen: bool) -> Sequence[State]:
        """The states after a fail that `worker` called at `invoked` and that had its say.

        Args:
            state: The state before.
            worker: Who called.
            invoked: When.
            unseen: Whether there may have been deliveries that nobody saw.
        """
        ready = _off_lease(Phase.READY, state.deliveries, state.expired)
        dead = _off_lease(Phase.DEAD, state.deliveries, state.expired)
        if self._holds(state, worker, invoked):
            return self._after_fail(state, ready, dead, unseen=unseen)
        if state.phase in (Phase.ABSENT, Phase.COMPLETED):
            return (state,)
        if state.phase is Phase.DEAD:
            # Only a store that says when a failed job is dead has said that it stays so.
            says = self._redelivers is not None or self._max_attempts is not None
            return (state,) if says else (state, ready)
        if self._max_attempts is None:
            return (state, ready, dead)
        # It may have counted as one more failed attempt, too.
        more = min(state.deliveries + 1, self._max_attempts)
        return (state, ready, dead, state._replace(deliveries=more), ready._replace(deliveries=more))

    def shown(self, state: State, shown: JobState | None, at: int) -> bool:
        """Whether a store may show the job as `shown` at the instant `at`; `None`: it knows no such job."""
        if shown is None:  # finished jobs may be forgotten
            return state.phase in (Phase.ABSENT, Phase.COMPLETED, Phase.DEAD)
        # A store that compares clocks when it is asked shows a lease that has run out as ready.
        if shown == "ready" and state.phase is Phase.LEASED:
            return state.ends <= at
        return state.phase is _SHOWN[shown]

    def _holds(self, state: State, worker: int, invoked: int) -> bool:
        # A worker that calls before its lease has returned can't know that it holds the job. At the very
        # instant it may have been before: equal instants are overlap.
        return state.phase is Phase.LEASED and state.holder == worker and state.since < invoked

    def _after_fail(self, state: State, ready: State, dead: State, *, unseen: bool) -> Sequence[State]:
        if self._redelivers is False:
            return (dead,)
        if self._max_attempts is None:
            return (ready, dead) if self._redelivers is None else (ready,)
        # A store need not count a delivery whose lease ended by itself, unless it says so.
        uncounted = state.expired and not self._expiry_counts
        if state.deliveries >= self._max_attempts:
            return (ready, dead) if uncounted else (dead,)
        return (ready, dead) if uncounted or unseen else (ready,)


def _off_lease(phase: Phase, deliveries: int, expired: bool) -> State:  # noqa: FBT001
    """A state on lease to nobody, in a third of the time that the class's own constructor takes."""
    return tuple.__new__(State, (phase, 0, 0, NEVER, deliveries, expired))
