"""How much may be spent on a store."""

from __future__ import annotations

import pytest

from async_contract.experiments.limits import Limits


@pytest.mark.parametrize("item", [10.0, 60.0, 600.0])
def test_all_ways_together_leave_time_for_the_clause_itself(item: float) -> None:
    """Also at thorough effort, where each of them uses up its time: a slow store must not seem to hang."""
    limits = Limits(item=item, effort="thorough")
    ways = (limits.budget, limits.statements, limits.heats, limits.heats, limits.casualties)
    assert sum(each.seconds for each in ways) + limits.casualties.sweeping <= 0.91 * item


def test_a_time_limit_that_is_long_enough_takes_nothing_away() -> None:
    """Each way has the time that its effort says."""
    normal = Limits()
    thorough = Limits(item=600.0, effort="thorough")
    for limits, seconds in ((normal, [4.0] * 4), (thorough, [40.0] * 4)):
        ways = (limits.budget, limits.concurrent, limits.threads, limits.heats)
        assert [each.seconds for each in ways] == seconds
    normal_kills, thorough_kills = normal.casualties, thorough.casualties
    assert (normal_kills.seconds, normal_kills.sweeping) == (4.0, 7.5)
    assert (thorough_kills.seconds, thorough_kills.sweeping) == (45.0, 45.0)
