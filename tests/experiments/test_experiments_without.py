"""What an example breaks without what it is made for is not laid to that."""

from __future__ import annotations

import pytest

from async_contract.experiments import verify as verifying
from async_contract.experiments.bench import Bench
from async_contract.experiments.verify import BY_ITSELF, verify
from async_contract.harness.errors import HarnessError
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.mutants.zoo import MUTANTS

MUTANT = {each.name: each for each in MUTANTS}


@pytest.mark.parametrize(
    ("name", "clause", "others"),
    [
        ("fail-releases-others", "lease/snapshot", {"fail/only-that-job"}),
        ("columns-swapped", "lease/snapshot", {"lease/faithful"}),
        ("completes-latest-batch-only", "fail/hostile-message", {"fail/only-that-job"}),
    ],
)
def test_what_is_broken_all_the_same_is_told_in_its_place(name: str, clause: str, others: set[str]) -> None:
    """A copy that was changed is not to blame where one that was not is followed by the same."""
    with Sandboxes() as sandboxes:
        found = verify(MUTANT[name].harness, clause, sandboxes=sandboxes)
    assert (found.verdict.verdict, found.verdict.reason) == (Verdict.UNEXERCISED, BY_ITSELF)
    assert {each.clause for each in found.others} == others
    assert not any(each.method == "mutate" for each in found.history)


@pytest.mark.parametrize("clause", ["lease/snapshot", "fail/hostile-message"])
def test_what_is_not_broken_without_it_is_due_to_it(clause: str) -> None:
    """Every mutant of these clauses is right without what they are about."""
    mutant = next(each for each in MUTANTS if each.clause == clause)
    with Sandboxes() as sandboxes:
        found = verify(mutant.harness, clause, sandboxes=sandboxes)
    assert found.verdict.verdict is Verdict.BROKEN


def test_what_can_not_be_tried_without_it_stays_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error then is no answer, and takes nothing back of what was seen."""

    async def fails(bench: Bench) -> None:
        raise HarnessError("no more connections")

    monkeypatch.setattr(verifying, "WITHOUT", {"lease/snapshot": fails})
    mutant = next(each for each in MUTANTS if each.clause == "lease/snapshot")
    with Sandboxes() as sandboxes:
        found = verify(mutant.harness, mutant.clause, sandboxes=sandboxes)
    assert found.verdict.verdict is Verdict.BROKEN
