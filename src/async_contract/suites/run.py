"""Exercising one clause in one item."""

from __future__ import annotations

import pytest

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.cases import case_of
from async_contract.experiments.verify import Verification, since_broken, verify
from async_contract.harness.harness import StoreHarness
from async_contract.judge.verdict import ClauseVerdict, Verdict
from async_contract.suites.binding import BINDING
from async_contract.suites.outcome import ContractError
from async_contract.suites.patience import Patience
from async_contract.suites.settle import settle
from async_contract.suites.state import State, state_of


def run(item: pytest.Item, contract: str = "StoreContract") -> None:
    """Exercise the item's clause, and pass, warn, skip or fail as the verdict says.

    Args:
        item: The item.
        contract: The name of the class whose method it runs.

    Raises:
        ContractViolation: The subject breaks the clause, or was seen to break another one.
        ContractError: There is no verdict.
    """
    binding = item.stash.get(BINDING, None)
    if binding is None:
        raise ContractError(
            f"A {contract} needs the pytest plugin that comes with it, which is not loaded; "
            "leave out -p no:async_contract, or write -p async_contract.plugin"
        )
    state = state_of(item.config)
    found = binding.verifier.verify(binding.subject, binding.target, binding.clause.id, state)
    settle(item, binding, state, found)


def verify_store(harness: StoreHarness, target: str, clause: str, state: State) -> Verification:
    """Put a store to the test on one clause, and remember what breaks it for the next run."""
    memory = state.memory(target, clause)
    patience = state.patience(harness)
    if patience.is_over and CLAUSE[clause].binds(harness.capabilities):
        return _untried(patience, clause, harness)
    found = verify(
        harness,
        clause,
        sandboxes=state.sandboxes,
        limits=patience.limits(state.limits),
        explorations=state.explorations if state.only is None else None,
        first=memory.cases() if state.only is None else (),
        only=state.only,
    )
    patience.note(clause, found)
    memory.forget(found.faded)
    if found.finding is not None:
        memory.keep(case_of(clause, found.finding))
    return found


def _untried(patience: Patience, clause: str, harness: StoreHarness) -> Verification:
    """What is known of a clause of a store that is not tried any more."""
    broken = patience.hopeless
    if broken is None:
        return Verification(ClauseVerdict(clause, Verdict.ERROR, reason=patience.excuse))
    if broken.clause == clause:
        return Verification(broken, history=patience.history)
    return Verification(since_broken(broken, clause, harness))
