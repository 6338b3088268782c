"""The zoo: every mutant, in the contract's order of what it breaks."""

from __future__ import annotations

from async_contract.contract.clauses import CLAUSE
from async_contract.mutants import (
    attempts,
    batches,
    cancelling,
    completing,
    connections,
    crashing,
    deep,
    desks,
    everyday,
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
    statements,
    stray_completes,
    stray_fails,
    tables,
    values,
)
from async_contract.mutants.mutant import BrokenStore, Mutant, mutant

_MODULES = (
    attempts, batches, cancelling, completing, crashing, deep, everyday, exclusion, expiring, failing, forms,
    ids, messages, queues, racing, reopening, stray_completes, stray_fails, values,
)  # fmt: skip
_ORDER = list(CLAUSE)

STORES: tuple[type[BrokenStore], ...] = tuple(
    sorted(
        (store for module in _MODULES for store in module.STORES),
        key=lambda each: _ORDER.index(each.breaks),
    )
)
"""Every store that is broken on purpose, as a class."""

MUTANTS: tuple[Mutant, ...] = tuple(map(mutant, STORES))
"""Every store that is broken on purpose."""

CONTENDED: tuple[Mutant, ...] = tuple(
    mutant(store)
    for stores in (
        shelves.STORES, desks.STORES, connections.STORES, tables.STORES, crashing.SWEPT, statements.STORES,
    )
    for store in stores
)  # fmt: skip
"""Those that are right unless several threads or processes use them, or one is killed."""
