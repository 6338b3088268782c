"""The toolkit put to the test: every mutant must be caught by its clause, and no correct store be blamed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import CLAUSE, STORE_CLAUSES
from async_contract.experiments.kills import obstacle
from async_contract.experiments.limits import Limits
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import Explorations
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.mutants.death import EXAMPLE, Death
from async_contract.mutants.mutant import BackingHarness, Mutant
from async_contract.mutants.plain import PlainStore
from async_contract.mutants.shelves import ShelfStore
from async_contract.mutants.statements import StatementStore
from async_contract.mutants.tables import TableStore
from async_contract.reference.memory import MemoryStore

PATIENCE = 1.5
"""Seconds that a clause of a mutant may take which leaves calls that never return."""


def death(mutant: Mutant, sandboxes: Sandboxes, limits: Limits) -> Death:
    """Have a mutant caught: by the example of its clause, or else by random programs.

    Args:
        mutant: The mutant.
        sandboxes: Where its private places are made.
        limits: How much is tried.
    """
    limits = replace(limits, item=min(limits.item, PATIENCE)) if mutant.hangs else limits
    began = time.monotonic()
    found = verify(mutant.harness, mutant.clause, sandboxes=sandboxes, limits=limits)
    died = Death(mutant.name, mutant.clause)
    if found.verdict.verdict is Verdict.BROKEN:
        died = replace(died, by=EXAMPLE, programs=1)
    else:
        until = replace(limits, until=mutant.clause)
        explored = Explorations().of(mutant.harness, sandboxes, until, mutant.clause)
        for name, each in explored.ways.items():
            if mutant.clause in each.findings:
                steps = len(each.findings[mutant.clause].program)
                died = replace(died, by=name, programs=each.programs, schedules=each.schedules, steps=steps)
        if not died.by and mutant.thorough and limits.effort != "thorough":
            died = replace(died, untried="it takes --async-contract-effort=thorough")
        elif not died.by and mutant.harness.capabilities.sharing == "process":
            died = replace(died, untried=obstacle(mutant.harness, limits.exploring))
    return replace(died, seconds=time.monotonic() - began)


def _reference(sandbox: Sandbox) -> MemoryStore:
    return MemoryStore(lease_timeout=30.0, max_attempts=3, retry_delay=5.0, clock=sandbox.clock)


CORRECT = {
    "MemoryStore": StoreHarness(
        _reference,
        capabilities=Capabilities(
            lease_timeout=30.0, redelivers=True, max_attempts=3, expiry_counts=True, retry_delay=5.0,
            counts_attempts=True, fifo=True,
        ),
        virtual_time=True,
    ),
    "PlainStore": BackingHarness(PlainStore),
}  # fmt: skip
"""Stores that keep the contract: the reference, and the one of which every mutant is a changed copy."""

CORRECT_SHARED = {each.__name__: each.reached() for each in (ShelfStore, TableStore, StatementStore)}
"""The same for the mutants that are right as long as nobody shares them."""


def blamed(harness: StoreHarness, sandboxes: Sandboxes, limits: Limits) -> Iterator[str]:
    """What is held against a store, clause by clause: broken, or in error."""
    explorations = Explorations()
    for clause in STORE_CLAUSES:
        found = verify(harness, clause.id, sandboxes=sandboxes, limits=limits, explorations=explorations)
        verdict = found.verdict
        yield from (f"{each.clause} is broken: {each.happened}" for each in verdict.violations)
        yield from (
            f"{each.clause} is broken: {each.happened}"
            for each in found.others
            if CLAUSE[each.clause].level != "SHOULD"
        )
        if verdict.verdict is Verdict.ERROR:
            yield f"{clause.id} is in error: {verdict.reason}"
