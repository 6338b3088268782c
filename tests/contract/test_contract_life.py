"""The life of one job, step by step: what a state may become, and what may be shown of it.

Whether the rules together say the right thing of whole histories is for the oracle to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.life import (
    ABSENT,
    COMPLETED,
    MILLISECOND,
    NEVER,
    TOLERANCE,
    Life,
    Phase,
    State,
    nanoseconds,
)
from async_contract.store import JobState

READY, DEAD = State(Phase.READY), State(Phase.DEAD)
HELD = State(Phase.LEASED, 1, 50, 900)
SHOWN: tuple[JobState | None, ...] = ("ready", "leased", "completed", "dead", None)

PLAIN = Life(Capabilities())


def phases(states: Sequence[State]) -> set[Phase]:
    """Where a job may be."""
    return {state.phase for state in states}


def test_seconds_are_nanoseconds() -> None:
    """Rounded, not cut."""
    assert [nanoseconds(seconds) for seconds in (0, 1.5, 0.1 + 0.2)] == [0, 1_500_000_000, 300_000_000]


def test_a_lease_may_end_after_its_timeout_less_what_clocks_are_off() -> None:
    """The declared resolution, and a millisecond or a hundredth; without a timeout it never does."""
    assert PLAIN.earliest_expiry is None
    assert Life(Capabilities(lease_timeout=2)).earliest_expiry == 2_000_000_000 - MILLISECOND
    coarse = Life(Capabilities(lease_timeout=2, clock_resolution=0.5))
    assert coarse.earliest_expiry == 1_500_000_000 - MILLISECOND
    assert Life(Capabilities(lease_timeout=0.01)).earliest_expiry == 10_000_000 - MILLISECOND // 10
    assert Life(Capabilities(lease_timeout=1e-5)).earliest_expiry == 10_000 - TOLERANCE


def test_a_job_that_was_enqueued_is_ready() -> None:
    """Until then it is absent."""
    assert PLAIN.enqueued(ABSENT) == READY


@pytest.mark.parametrize("state", [ABSENT, HELD, COMPLETED, DEAD])
def test_only_a_ready_job_goes_on_lease(state: State) -> None:
    """To a worker, or to nobody where the reply was lost."""
    assert PLAIN.delivered(READY, 1, 50, 900) == (HELD,)
    assert PLAIN.taken(READY, 60) == (State(Phase.LEASED, 0, NEVER, 60),)
    assert PLAIN.delivered(state, 1, 50, 900) == PLAIN.taken(state, 60) == ()


def test_deliveries_are_counted_where_something_depends_on_them() -> None:
    """Where expired ones count, there are no more than so many; a lost one is seen by nobody."""
    twice = Life(Capabilities(max_attempts=2))
    once = READY._replace(deliveries=1, expired=True)
    assert twice.delivered(once, 1, 50, 900) == (HELD._replace(deliveries=2, expired=True),)
    assert twice.taken(once, 60) == (State(Phase.LEASED, 0, NEVER, 60, 1, expired=True),)
    counted = Life(Capabilities(max_attempts=2, lease_timeout=1, expiry_counts=True))
    used_up = READY._replace(deliveries=2)
    assert counted.delivered(once, 1, 50, 900) == twice.delivered(once, 1, 50, 900)
    assert (len(twice.delivered(used_up, 1, 50, 900)), len(counted.delivered(used_up, 1, 50, 900))) == (1, 0)


def test_a_lease_that_ended_by_itself_leaves_the_job_ready() -> None:
    """Or dead, if it was the last delivery that is allowed; where expired ones count, as seen or not."""
    held = HELD._replace(deliveries=2)
    expired = READY._replace(deliveries=2, expired=True)
    assert PLAIN.ended(HELD, unseen=True) == (READY,)
    assert Life(Capabilities(max_attempts=2)).ended(held, unseen=True) == (expired,)
    three = Life(Capabilities(max_attempts=3, lease_timeout=1, expiry_counts=True))
    two = Life(Capabilities(max_attempts=2, lease_timeout=1, expiry_counts=True))
    assert three.ended(held, unseen=False) == (expired,)
    both = (expired, expired._replace(phase=Phase.DEAD))
    assert two.ended(held, unseen=False) == three.ended(held, unseen=True) == both
    # A store that has not said that it counts expired deliveries has not said that it doesn't.
    silent = [Life(Capabilities(max_attempts=most, lease_timeout=1)) for most in (2, 3)]
    assert [each.ended(held, unseen=True) for each in silent] == [both, (expired,)]
    assert two.ended(held._replace(since=NEVER, deliveries=1), unseen=False) == (
        READY._replace(deliveries=1),
    )


def test_the_holder_completes_the_job() -> None:
    """Another worker may, or nothing happens; what is absent or completed stays so."""
    assert PLAIN.completed(HELD, 1, 51) == (COMPLETED,)
    assert PLAIN.completed(HELD, 1, 50) == PLAIN.completed(HELD, 2, 51) == (HELD, COMPLETED)
    assert PLAIN.completed(READY, 1, 50) == (READY, COMPLETED)
    assert PLAIN.completed(DEAD, 1, 50) == (DEAD, COMPLETED)
    for state in (ABSENT, COMPLETED):
        assert PLAIN.completed(state, 1, 50) == PLAIN.failed(state, 1, 50, unseen=False) == (state,)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (Capabilities(), {Phase.READY, Phase.DEAD}),
        (Capabilities(redelivers=True), {Phase.READY}),
        (Capabilities(redelivers=False), {Phase.DEAD}),
        (Capabilities(redelivers=True, max_attempts=2), {Phase.READY}),
        (Capabilities(redelivers=True, max_attempts=1), {Phase.DEAD}),
    ],
)
def test_a_job_that_its_holder_failed_is_what_was_promised(
    capabilities: Capabilities, expected: set[Phase]
) -> None:
    """Ready, dead, or either; a stale fail does either of them, or nothing."""
    life = Life(capabilities)
    held = HELD._replace(deliveries=1)
    assert phases(life.failed(held, 1, 51, unseen=False)) == expected
    assert phases(life.failed(held, 2, 50, unseen=False)) == {Phase.LEASED, Phase.READY, Phase.DEAD}
    assert phases(life.failed(READY, 1, 50, unseen=False)) == {Phase.READY, Phase.DEAD}
    says = capabilities.redelivers is not None or capabilities.max_attempts is not None
    assert phases(life.failed(DEAD, 1, 50, unseen=False)) == (
        {Phase.DEAD} if says else {Phase.DEAD, Phase.READY}
    )


@pytest.mark.parametrize(
    ("counts", "expired", "unseen", "sooner", "last"),
    [
        (False, False, False, {Phase.READY}, {Phase.DEAD}),
        (False, False, True, {Phase.READY, Phase.DEAD}, {Phase.DEAD}),
        (False, True, False, {Phase.READY, Phase.DEAD}, {Phase.READY, Phase.DEAD}),
        (True, True, False, {Phase.READY}, {Phase.DEAD}),
        (True, True, True, {Phase.READY, Phase.DEAD}, {Phase.DEAD}),
    ],
)
def test_the_store_s_count_of_deliveries_may_not_be_what_was_seen(
    *, counts: bool, expired: bool, unseen: bool, sooner: set[Phase], last: set[Phase]
) -> None:
    """It need not count a delivery that expired, unless it says so; and it may count one that was lost."""
    life = Life(Capabilities(redelivers=True, max_attempts=2, lease_timeout=1, expiry_counts=counts))
    for deliveries, expected in ((1, sooner), (2, last)):
        held = HELD._replace(deliveries=deliveries, expired=expired)
        assert phases(life.failed(held, 1, 51, unseen=unseen)) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (ABSENT, [None]),
        (READY, ["ready"]),
        (HELD, ["leased"]),
        (HELD._replace(ends=800), ["ready", "leased"]),
        (COMPLETED, ["completed", None]),
        (DEAD, ["dead", None]),
    ],
)
def test_a_store_shows_where_the_job_is(state: State, expected: list[JobState | None]) -> None:
    """What is finished may be forgotten, and a lease that has run out may show as ready."""
    assert [shown for shown in SHOWN if PLAIN.shown(state, shown, 800)] == expected
