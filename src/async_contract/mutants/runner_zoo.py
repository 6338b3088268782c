"""The zoo of runners: every one that is broken on purpose, in the contract's order of what it breaks."""

from __future__ import annotations

from async_contract.contract.clauses import CLAUSE
from async_contract.mutants import (
    runners_ends,
    runners_errors,
    runners_outcomes,
    runners_pace,
    runners_telling,
)
from async_contract.mutants.runner import RunnerMutant, runner_mutant

_MODULES = (runners_outcomes, runners_errors, runners_ends, runners_pace, runners_telling)
_ORDER = list(CLAUSE)

RUNNERS: tuple[RunnerMutant, ...] = tuple(
    runner_mutant(runner)
    for runner in sorted(
        (runner for module in _MODULES for runner in module.RUNNERS),
        key=lambda each: _ORDER.index(each.breaks),
    )
)
"""Every runner that is broken on purpose."""
