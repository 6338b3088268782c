"""The toolkit put to the test with the user's settings."""

from __future__ import annotations

import re

import pytest

from async_contract.experiments.verify import verify
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.suites.selftest import CORRECT as CORRECT_STORES
from tests.conftest import Example, Run

PATCH = """
import asyncio

from async_contract.mutants import zoo
from async_contract.mutants.exclusion import MarksFirstOfBatch
from async_contract.mutants.mutant import BrokenStore, mutant
from async_contract.mutants.racing import StaggeredDoubleLease
from async_contract.suites import selftest


class Sound(BrokenStore):
    "A store that is not broken."

    breaks = "lease/distinct"
    hangs = True


class Hangs(BrokenStore):
    async def lease(self, limit):
        await asyncio.Event().wait()


zoo.MUTANTS = tuple(map(mutant, ({stores})))
"""
CORRECT = 'selftest.CORRECT = {{"Plain": {}.reached()}}'
ARGUMENTS = ("--async-contract-selftest", "--async-contract-effort=quick")


def _selftest(example: Example, stores: str, correct: str, *arguments: str) -> Run:
    """What it says of these mutants, and of a store that it takes for correct; in a process of its own."""
    conftest = f"{PATCH.format(stores=stores)}\n{CORRECT.format(correct)}\n"
    files = {"conftest.py": conftest, "test_it.py": "1 / 0"}
    return example.having(files).run_pytest(*ARGUMENTS, *arguments, separate=True)


def _untimed(text: str) -> list[str]:
    """The lines, without the seconds and what depends on them."""
    lines = text.rstrip().splitlines()
    return [re.sub(r" +", " ", re.sub(r"\d+ schedules|\d+\.\d$", "#", line)).rstrip() for line in lines]


def test_every_mutant_is_caught(example: Example) -> None:
    """The table says by which clause and experiment, and after how much; nothing else is run."""
    stores = "MarksFirstOfBatch, StaggeredDoubleLease"
    run = _selftest(example, stores, "Sound")
    assert run.status == 0
    assert _untimed(run.text) == [
        "effort quick, seed 0",
        "mutant must be caught by caught after s",
        "marks-first-of-batch lease/exclusive by example its one scenario #",
        "staggered-double-lease lease/exclusive loop 1 programs, # (3 steps left) #",
        "Plain: nothing is held against it",
        "2 of 2 mutants were caught by their clause (1 by example, 1 loop)",
    ]


def test_a_mutant_that_survives_is_a_failure(example: Example) -> None:
    """It is named, and pytest ends as with a failed test."""
    run = _selftest(example, "Sound, MarksFirstOfBatch", "Sound")
    assert run.status == 1
    lines = _untimed(run.text)
    assert lines[2] == "sound lease/distinct NOT CAUGHT #"
    assert lines[-1] == "1 of 2 mutants were caught by their clause (1 by example); not caught: sound"


def test_a_correct_store_that_is_blamed_is_a_failure(example: Example) -> None:
    """What is held against it follows, a line each."""
    run = _selftest(example, "MarksFirstOfBatch,", "MarksFirstOfBatch")
    assert run.status == 1
    lines = run.text.splitlines()
    assert lines[3] == "Plain: WRONGLY BLAMED"
    assert re.fullmatch(r"    lease/\S+ is broken: .*", lines[4])


def test_a_correct_store_that_can_not_be_judged_is_a_failure(example: Example) -> None:
    """An error is no acquittal."""
    run = _selftest(example, "MarksFirstOfBatch,", "Hangs", "--async-contract-timeout=0.3")
    assert run.status == 1
    assert "    lease/accepted is in error: " in run.text


@pytest.mark.parametrize("name", CORRECT_STORES)
def test_the_correct_stores_keep_what_they_promise(name: str) -> None:
    """Time passes for them as fast as one likes."""
    with Sandboxes() as sandboxes:
        found = verify(CORRECT_STORES[name], "expiry/returns", sandboxes=sandboxes)
    assert found.verdict.verdict is Verdict.HELD
