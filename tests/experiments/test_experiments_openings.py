"""The concurrent programs that are tried first."""

from __future__ import annotations

from async_contract.experiments.openings import openings
from async_contract.experiments.programs import Kind, Menu


def test_only_what_can_be_said_to_a_store_stands_in_them() -> None:
    """Nobody sleeps where no lease expires, and nothing is cancelled that can't be."""
    plain, full = openings(Menu(cancels=False)), openings(Menu(sleeps=True))
    assert not any(step.kind is Kind.SLEEP or step.cancel for program in plain for step in program)
    assert len(full) > len(plain)
    assert full[: len(plain)] == plain


def test_each_is_for_two_or_three_workers() -> None:
    """Jobs are there before, or are enqueued by the workers themselves."""
    for program in openings(Menu(sleeps=True)):
        assert {step.worker for step in program} - {0} in ({1, 2}, {1, 2, 3})
