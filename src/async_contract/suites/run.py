"""Exercising one clause in one item."""

from __future__ import annotations

import pytest

from async_contract.experiments.cases import case_of
from async_contract.experiments.verify import verify
from async_contract.suites.binding import BINDING
from async_contract.suites.outcome import ContractError
from async_contract.suites.settle import settle
from async_contract.suites.state import state_of


def run(item: pytest.Item) -> None:
    """Exercise the item's clause, and pass, warn, skip or fail as the verdict says.

    Raises:
        ContractViolation: The store breaks the clause, or was seen to break another one.
        ContractError: There is no verdict, or a known failure was seen to hold.
    """
    binding = item.stash.get(BINDING, None)
    if binding is None:
        raise ContractError(
            "A StoreContract needs the pytest plugin that comes with it, which is not loaded; "
            "leave out -p no:async_contract, or write -p async_contract.plugin"
        )
    state = state_of(item.config)
    clause = binding.clause.id
    memory = state.memory(binding.target, clause)
    found = verify(
        binding.harness,
        clause,
        sandboxes=state.sandboxes,
        limits=state.limits,
        explorations=state.explorations if state.only is None else None,
        first=memory.cases() if state.only is None else (),
        only=state.only,
    )
    memory.forget(found.faded)
    if found.finding is not None:
        memory.keep(case_of(clause, found.finding))
    settle(item, binding, state, found)
