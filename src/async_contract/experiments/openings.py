"""The concurrent programs that are tried first: what two workers most often get wrong, and nothing else.

Random programs come to these too, but with so much around it that a schedule seldom hits the instant.
"""

from __future__ import annotations

from async_contract.experiments.programs import LIMITS, PARTS, Kind, Menu, Program, Step

_JOB = Step(0, Kind.ENQUEUE)
_ALL = LIMITS.index(10)
_OTHERS = 6  # the rule for a job that another worker holds
_EXPIRED = PARTS.index(1.05)


def _does(worker: int, *kinds: Kind) -> Program:
    return tuple(Step(worker, kind) for kind in kinds)


_LEASE, _COMPLETE, _FAIL, _ENQUEUE = Kind.LEASE, Kind.COMPLETE, Kind.FAIL, Kind.ENQUEUE
_RETURNS = ((Kind.SLEEP, 2), (Kind.LEASE, 0))  # once what was on lease has expired

_ALWAYS: tuple[Program, ...] = (
    (_JOB, *_does(1, _LEASE), *_does(2, _LEASE)),
    (_JOB, _JOB, *_does(1, _LEASE, _COMPLETE), *_does(2, _LEASE, _FAIL)),
    (_JOB, _JOB, *_does(1, _LEASE, _FAIL), *_does(2, _LEASE, _FAIL)),
    (_JOB, _JOB, *_does(1, _LEASE, _COMPLETE), *_does(2, _LEASE, _COMPLETE)),
    (_JOB, *_does(1, _LEASE, _FAIL, _LEASE), *_does(2, _LEASE, _LEASE)),
    (_JOB, *_does(1, _LEASE, _FAIL), Step(2, _FAIL, _OTHERS)),
    (_JOB, *_does(1, _LEASE, _COMPLETE), Step(2, _FAIL, _OTHERS)),
    (*_does(1, _ENQUEUE, _LEASE), *_does(2, _ENQUEUE, _LEASE)),
    (_JOB, *_does(1, _ENQUEUE, _ENQUEUE), *_does(2, _LEASE, _COMPLETE, _LEASE)),
    (_JOB, _JOB, _JOB, *(Step(worker, _LEASE, _ALL) for worker in (1, 2)), *_does(1, _FAIL)),
)

_WITH_CANCELS: tuple[Program, ...] = tuple(
    (_JOB, _JOB, *_does(1, *before), Step(1, kind, cancel=at), *_does(2, _LEASE, _COMPLETE))
    for before, kind in (((), _LEASE), ((_LEASE,), _COMPLETE), ((_LEASE,), _FAIL))
    for at in (1, 2)
)

# Who is cancelled while he waits may leave behind what the others rely on.
_WITH_WAITERS: tuple[Program, ...] = (
    (_JOB, *_does(1, _LEASE), Step(2, _LEASE, cancel=1), *_does(2, _LEASE)),
    (_JOB, *_does(1, _LEASE), Step(2, _LEASE, cancel=2), *_does(3, _LEASE)),
    *(
        (_JOB, _JOB, *_does(1, _LEASE, end), *_does(2, _LEASE), Step(2, end, cancel=1), *_does(2, end))
        for end in (_COMPLETE, _FAIL)
    ),
)

_WITH_SLEEPS: tuple[Program, ...] = tuple(
    (
        _JOB,
        *_does(1, _LEASE),
        Step(1, Kind.SLEEP, _EXPIRED),
        *_does(1, end),
        Step(2, Kind.SLEEP, _EXPIRED),
        *_does(2, _LEASE, other),
    )
    for end, other in ((_COMPLETE, _COMPLETE), (_FAIL, _COMPLETE), (_COMPLETE, _FAIL))
)

# A call is late, and meanwhile the lease expires and the job is on lease to another.
_WITH_EXPIRY: tuple[Program, ...] = (
    *(
        (_JOB, *_does(1, _LEASE, end), Step(2, Kind.SLEEP, _EXPIRED), *_does(2, _LEASE, _LEASE))
        for end in (_COMPLETE, _FAIL)
    ),
    (_JOB, *_does(1, _LEASE), *(Step(each, kind, which) for each in (2, 3) for kind, which in _RETURNS)),
)


def openings(menu: Menu) -> tuple[Program, ...]:
    """The programs to begin with, for what can be said to a store."""
    return (
        *_ALWAYS,
        *((*_WITH_SLEEPS, *_WITH_EXPIRY) if menu.sleeps else ()),
        *((*_WITH_CANCELS, *_WITH_WAITERS) if menu.cancels else ()),
    )
