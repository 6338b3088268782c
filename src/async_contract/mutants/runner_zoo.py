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
from async_contract.mutants.runner import BrokenRunner, RunnerMutant, runner_mutant

_MODULES = (runners_outcomes, runners_errors, runners_ends, runners_pace, runners_telling)
_ORDER = list(CLAUSE)

BROKEN: tuple[type[BrokenRunner], ...] = tuple(
    sorted(
        (runner for module in _MODULES for runner in module.RUNNERS),
        key=lambda each: _ORDER.index(each.breaks),
    )
)
"""The classes of all of them."""

RUNNERS: tuple[RunnerMutant, ...] = tuple(map(runner_mutant, BROKEN))
"""Every runner that is broken on purpose."""
