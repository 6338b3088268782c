"""Correct stores on a driver are blamed for nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from async_contract.experiments.bench import Settings
from async_contract.experiments.gate_stage import GateStage, explore
from async_contract.experiments.limits import STATEMENTS
from async_contract.harness.sandbox import Sandboxes
from tests.gate.legal_stores import HARNESSES

EFFORT = replace(STATEMENTS["quick"], programs=26, schedules=4, seconds=600.0)


@pytest.mark.parametrize("name", HARNESSES)
def test_a_correct_store_is_blamed_for_nothing(name: str) -> None:
    """Under any schedule, also where its calls are cancelled and its leases expire."""
    with Sandboxes() as sandboxes:
        done = explore(
            GateStage(HARNESSES[name], sandboxes, Settings(call_limit=None)), EFFORT, 0, frozenset()
        )
    assert (done.findings, done.left, done.stopped, done.programs) == ({}, "", "", 26)
