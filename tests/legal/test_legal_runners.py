"""No false alarm: no correct runner is blamed, however odd, and it is known what is left open."""

from __future__ import annotations

import pytest

from async_contract.contract.kinds import RUNNER
from async_contract.experiments.limits import Limits
from async_contract.experiments.runners.verify import explore
from async_contract.judge.verdict import Verdict

from .runners import RUNNERS

UNEXERCISED = {
    "Unmeasured": {
        "runner/observes": "the runner takes no metrics",
        "runner/discreet": "the runner logs nothing",
    },
    "Awaitable": {"runner/observes": "the runner takes no metrics"},
}
"""By runner: the clauses that can't be put to the test, and why."""

SLOW = ("Ticking",)
"""Those that make thousands of steps while they wait."""


@pytest.mark.parametrize("name", [each for each in RUNNERS if each not in SLOW])
def test_nothing_is_held_against_a_correct_runner(name: str) -> None:
    """Every clause holds, but for what the runner gives no way to see."""
    explored = explore(RUNNERS[name], Limits(effort="quick", item=600.0))
    found = {each.id: explored.verification(each.id).verdict for each in RUNNER.clauses}
    open_ = UNEXERCISED.get(name, {})
    assert {
        clause: each.reason for clause, each in found.items() if each.verdict is not Verdict.HELD
    } == open_
    assert {found[clause].verdict for clause in open_} <= {Verdict.UNEXERCISED}
