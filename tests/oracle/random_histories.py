"""Small random histories that a correct store could have produced, and ways to break them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from random import Random
from typing import NamedTuple, TypeAlias

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import OK, REJECTED, UNKNOWN, Delivered, Operation, instant
from async_contract.store import JobRecord, JobState

from .simulation import IDS, Habits, Simulation

# (lease_timeout, clock_resolution) in seconds. Of the last two the tick is a microsecond, which is the fixed
# tolerance too: their leases may expire to the nanosecond on the second and on the first tick.
_TIMEOUTS = ((None, 0.0), (0.3, 0.0), (0.3, 0.1), (3e-6, 0.0), (3e-6, 1e-6))
_NO_TIMEOUT_TICK = 100_000_000


def _mixes() -> Iterable[Capabilities]:
    """Every mix of promises that bears on whether a history can be explained."""
    flags = (False, True)
    for (timeout, resolution), redelivers, most, counts, fences, durable, ends in product(
        _TIMEOUTS, (True, True, True, False, None), (None, 1, 2, 2, 3), flags, flags, flags, flags
    ):
        if (timeout is None and (counts or fences)) or (most is None and counts):
            continue  # a contradiction
        yield Capabilities(
            lease_timeout=timeout, clock_resolution=resolution, redelivers=redelivers, max_attempts=most,
            expiry_counts=counts, fences=fences, durable=durable, ends_with_connection=ends,
            sharing="connection",
        )  # fmt: skip


CAPABILITIES = tuple(_mixes())


class Focus(NamedTuple):
    """What some random histories are about.

    Attributes:
        capabilities: The promises to choose from.
        habits: What the workers are apt to do.
    """

    capabilities: tuple[Capabilities, ...]
    habits: Habits


_BY_COUNT = tuple(may for may in CAPABILITIES if may.max_attempts is not None and may.redelivers is not False)
_EXPIRING = tuple(may for may in _BY_COUNT if may.lease_timeout is not None)
_UNCOUNTED = tuple(
    may for may in CAPABILITIES
    if may.lease_timeout is not None and may.max_attempts is None and may.redelivers is not False
)  # fmt: skip
# Most calls come one after another, and many leases have run out before their worker is done.
_BRISK = Habits(
    jobs=1,
    size=(7, 12),
    waits=(0, 1, 2, 3, 3, 4),
    overlap=0.2,
    enqueue=0.9,
    stale=1,
    look=4,
    trouble=1,
    lost=0.02,
)

FOCUSES = {
    "everything": Focus(CAPABILITIES, Habits()),
    "attempts": Focus(_EXPIRING, _BRISK._replace(end=0.8, fails=0.95)),
    "lost attempts": Focus(_BY_COUNT, _BRISK._replace(end=0.8, fails=0.9, lost=0.35)),
    "lost leases": Focus(CAPABILITIES, _BRISK._replace(look=20, lost=0.45)),
    "fences": Focus(_UNCOUNTED, _BRISK._replace(stale=4, fails=0.3)),
    "reopenings": Focus(CAPABILITIES, _BRISK._replace(look=15, trouble=15)),
}
"""What random histories can be about, by name: rules that chance alone would seldom put to the test."""


def random_history(
    random: Random, capabilities: Capabilities | None = None, *, focus: str = "everything"
) -> tuple[list[Operation], Capabilities]:
    """A history of one or two jobs, two or three workers and 3 to 12 operations, of a correct store.

    Args:
        random: Where chance comes from; in the same state it gives the same history.
        capabilities: What the store promises; by default what fits the focus.
        focus: One of `FOCUSES`.

    Returns:
        The operations in the order of `instant`, and the capabilities.
    """
    choices, habits = FOCUSES[focus]
    capabilities = capabilities or random.choice(choices)
    return Simulation(random, capabilities, tick(capabilities), habits).run(), capabilities


def other_promises(random: Random, capabilities: Capabilities, *, focus: str) -> Capabilities:
    """What another store of the same focus promises, one whose leases last as long.

    Few histories of a store are what another one could have produced, and where they are not it is one
    rule that forbids it.
    """
    timing = (capabilities.lease_timeout, capabilities.clock_resolution)
    return random.choice([
        may for may in FOCUSES[focus].capabilities if (may.lease_timeout, may.clock_resolution) == timing
    ])  # fmt: skip


def tick(capabilities: Capabilities) -> int:
    """The nanoseconds between two instants of a random history: a third of the lease timeout."""
    timeout = capabilities.lease_timeout
    return _NO_TIMEOUT_TICK if timeout is None else round(timeout * 1e9) // 3


def job_ids(operations: Sequence[Operation]) -> list[str]:
    """The ids of the jobs in a random history, broken or not."""
    return [
        job_id for job_id in IDS
        if any(call.job_id == job_id or any(job.id == job_id for job in call.jobs) for call in operations)
    ]  # fmt: skip


def mutate(random: Random, operations: Sequence[Operation]) -> list[Operation]:
    """The history with one to three lies in it; about half of such histories can't be explained.

    The result is well formed: in the order of `instant`, and each worker makes one call at a time. It
    is the history itself where no lie was found that leaves it so.
    """
    broken = list(operations)
    for _ in range(random.choice((1, 2, 2, 3))):
        broken = _with_a_lie(random, broken)
    return broken


def _with_a_lie(random: Random, operations: list[Operation]) -> list[Operation]:
    for _ in range(12):
        lie = random.choice(_LIES)(random, list(operations))
        lie.sort(key=lambda call: (instant(call), call.invoked))
        if lie != operations and _well_formed(lie):
            return lie
    return operations


def _well_formed(operations: Iterable[Operation]) -> bool:
    """Whether each worker makes one call at a time, and time runs forward."""
    free: dict[int, int | None] = {}
    for call in operations:
        before = free.get(call.worker, call.invoked)
        if before is None or before > call.invoked:
            return False
        if call.returned is not None and call.returned < call.invoked:
            return False
        free[call.worker] = call.returned
    return True


Lie: TypeAlias = Callable[[Random, list[Operation]], list[Operation]]
"""Changes a copy of a history; where there is nothing to change it comes back as it is."""


def _any_of(random: Random, operations: list[Operation], *methods: str) -> int | None:
    """The place of some call of one of these methods."""
    places = [place for place, call in enumerate(operations) if call.method in methods]
    return random.choice(places) if places else None


def _swap_worker(random: Random, operations: list[Operation]) -> list[Operation]:
    place = _any_of(random, operations, "enqueue", "lease", "complete", "fail", "disconnect", "kill")
    if place is not None:
        operations[place] = operations[place]._replace(worker=random.randint(1, 3))
    return operations


def _deliver_again(random: Random, operations: list[Operation]) -> list[Operation]:
    """A job that is delivered once more, at some instant at which something else happens."""
    batch = (Delivered(random.choice(IDS), "k"),)
    at = random.choice(operations).invoked + random.choice((0, 0, 1))
    last = max(call.returned or call.invoked for call in operations)
    start = random.choice((at, last))
    return [*operations, Operation("lease", random.randint(1, 3), start, start, OK, value=1, jobs=batch)]


def _drop(random: Random, operations: list[Operation]) -> list[Operation]:
    place = _any_of(random, operations, "enqueue", "complete", "fail", "reopen", "disconnect", "lease")
    if place is not None:
        del operations[place]
    return operations


def _move(random: Random, operations: list[Operation]) -> list[Operation]:
    """An invocation or a return that is moved to where something else happens, or the whole call."""
    place = random.randrange(len(operations))
    call, at = operations[place], random.choice(operations).invoked
    length = 0 if call.returned is None else call.returned - call.invoked
    operations[place] = random.choice((
        call._replace(invoked=at),
        call._replace(returned=at),
        call._replace(invoked=at, returned=at + length),
    ))  # fmt: skip
    return operations


def _change_outcome(random: Random, operations: list[Operation]) -> list[Operation]:
    place = _any_of(random, operations, "enqueue", "complete", "fail", "lease")
    if place is not None and operations[place].returned is not None:
        call, outcome = operations[place], random.choice((OK, REJECTED, UNKNOWN))
        jobs = call.jobs if call.method == "enqueue" or outcome == OK else ()
        operations[place] = call._replace(
            outcome=outcome, jobs=jobs, error="" if outcome == OK else "changed"
        )
    return operations


def _change_end(random: Random, operations: list[Operation]) -> list[Operation]:
    """A complete that becomes a fail, or the reverse."""
    place = _any_of(random, operations, "complete", "fail")
    if place is not None:
        call = operations[place]
        operations[place] = (
            call._replace(method="fail", value="m")
            if call.method == "complete"
            else call._replace(method="complete", value=None)
        )
    return operations


def _change_state(random: Random, operations: list[Operation]) -> list[Operation]:
    """Another state in the record of an inspection, or no record."""
    place = _any_of(random, operations, "inspect")
    if place is not None and operations[place].outcome == OK:
        states: tuple[JobState | None, ...] = ("ready", "leased", "completed", "dead", None)
        state = random.choice(states)
        record = None if state is None else JobRecord(state)
        operations[place] = operations[place]._replace(value=record)
    return operations


def _swap_job(random: Random, operations: list[Operation]) -> list[Operation]:
    """A call, or a delivery, of the other job."""
    place = _any_of(random, operations, "lease", "complete", "fail")
    if place is not None:
        call, other = operations[place], {"a": "b", "b": "a"}
        jobs = tuple(job._replace(id=other[job.id]) for job in call.jobs)
        operations[place] = call._replace(job_id=other.get(call.job_id or ""), jobs=jobs)
    return operations


_LIES: tuple[Lie, ...] = (
    _swap_worker, _deliver_again, _deliver_again, _deliver_again, _drop, _move, _change_outcome,
    _change_end, _change_state, _change_state, _swap_job,
)  # fmt: skip
