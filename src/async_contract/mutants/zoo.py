"""The zoo: every mutant, in the contract's order of what it breaks."""

from __future__ import annotations

from async_contract.contract.clauses import CLAUSE
from async_contract.mutants import (
    attempts,
    batches,
    cancelling,
    completing,
    crashing,
    deep,
    exclusion,
    expiring,
    failing,
    forms,
    ids,
    messages,
    queues,
    racing,
    reopening,
    shelves,
    stray_completes,
    stray_fails,
    tables,
    values,
)
from async_contract.mutants.mutant import Mutant, mutant

_MODULES = (
    attempts, batches, cancelling, completing, crashing, deep, exclusion, expiring, failing, forms, ids,
    messages, queues, racing, reopening, stray_completes, stray_fails, values,
)  # fmt: skip
_ORDER = list(CLAUSE)

MUTANTS: tuple[Mutant, ...] = tuple(
    sorted(
        (mutant(store) for module in _MODULES for store in module.STORES),
        key=lambda each: _ORDER.index(each.clause),
    )
)
"""Every store that is broken on purpose."""

CONTENDED: tuple[Mutant, ...] = tuple(
    mutant(store) for module in (shelves, tables) for store in module.STORES
)
"""Those that are right unless several threads or processes use them, or one is killed."""
