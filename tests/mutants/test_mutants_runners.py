"""Every runner that is broken on purpose is caught by the clause that it names."""

from __future__ import annotations

from collections import Counter

import pytest

from async_contract.contract.kinds import RUNNER
from async_contract.experiments.limits import Limits
from async_contract.experiments.runners.verify import explore
from async_contract.harness.runner import RunnerHarness
from async_contract.judge.verdict import Verdict
from async_contract.mutants.runner import BrokenRunner, PlainRunner, RunnerMutant, runner_mutant
from async_contract.mutants.runner_zoo import RUNNERS

CLAUSES = [clause.id for clause in RUNNER.clauses]


@pytest.mark.parametrize("mutant", RUNNERS, ids=[each.name for each in RUNNERS])
def test_a_broken_runner_is_caught_by_its_clause(mutant: RunnerMutant) -> None:
    """With the effort that is usual; what shows it is a story with at least one call."""
    found = explore(mutant.harness, Limits(item=600.0), until=mutant.clause).verification(mutant.clause)
    assert found.verdict.verdict is Verdict.BROKEN
    (violation,) = found.verdict.violations
    assert (violation.clause, bool(violation.witness)) == (mutant.clause, True)


def test_the_runner_of_which_all_are_copies_is_right() -> None:
    """What is held against a broken runner is due to its defect alone."""
    explored = explore(RunnerHarness(PlainRunner), Limits(effort="quick", item=600.0))
    verdicts = {clause: explored.verification(clause).verdict for clause in CLAUSES}
    assert {each.verdict for each in verdicts.values()} == {Verdict.HELD}, verdicts


def test_every_clause_catches_several() -> None:
    """No clause of the family is without at least two runners that break it."""
    caught = Counter(each.clause for each in RUNNERS)
    assert list(caught) == CLAUSES  # in the contract's order
    assert min(caught.values()) >= 2


def test_each_is_another_one() -> None:
    """They differ in name and in what is wrong with them, which is said in one sentence."""
    assert len({each.name for each in RUNNERS}) == len({each.defect for each in RUNNERS}) == len(RUNNERS)
    assert [each.defect for each in RUNNERS if not each.defect.endswith(".")] == []


def test_a_runner_without_a_description_goes_by_its_name() -> None:
    """Where Python leaves docstrings out there are none."""

    class Nameless(BrokenRunner):
        breaks = "runner/idle"

    mutant = runner_mutant(Nameless)
    assert (mutant.name, mutant.clause, mutant.defect) == ("nameless", "runner/idle", "nameless")
