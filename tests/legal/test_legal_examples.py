"""No false alarm: the examples blame no correct store, however odd, and it is known what they leave open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.catalogue import EXAMPLES
from async_contract.experiments.limits import Limits
from async_contract.experiments.verify import verify
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.store import Job

from . import (
    stores_calls,
    stores_ends,
    stores_errors,
    stores_order,
    stores_prefetch,
    stores_time,
    stores_values,
)
from .stores import PLAIN, AsyncOdd, Odd, stores_in

STORES = tuple(
    pytest.param(store, id=store.__name__)
    for module in (
        stores_order, stores_time, stores_ends, stores_errors, stores_values, stores_calls, stores_prefetch,
    )
    for store in stores_in(module)
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What the examples of all clauses make of a store.

    Attributes:
        blamed: What it must not be blamed for: broken clauses of the levels MUST and PROMISE, whether
            they were put to the test or only happened to be broken, errors and crashes.
        warned: The broken clauses of the level SHOULD.
        unexercised: The clauses that were not put to the test.
        inapplicable: The clauses that bind the store and that its example found not to apply.
    """

    blamed: list[str] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)
    unexercised: set[str] = field(default_factory=set)
    inapplicable: set[str] = field(default_factory=set)

    def add(self, harness: StoreHarness, clause: str, sandboxes: Sandboxes, limits: Limits) -> None:
        """Add what the example of one clause makes of a store."""
        found = verify(harness, clause, sandboxes=sandboxes, limits=limits)
        verdict = found.verdict
        for each in (*verdict.violations, *found.others):
            if CLAUSE[each.clause].level == "SHOULD":
                self.warned.add(each.clause)
            else:
                self.blamed.append(f"{each.clause}, by the example of {clause}: {each.happened}")
        if verdict.verdict is Verdict.ERROR:
            self.blamed.append(f"{clause} in error: {verdict.reason}")
        elif verdict.verdict is Verdict.UNEXERCISED:
            self.unexercised.add(clause)
        elif verdict.verdict is Verdict.NOT_PROMISED and CLAUSE[clause].binds(harness.capabilities):
            self.inapplicable.add(clause)


def outcome(harness: StoreHarness, sandboxes: Sandboxes, *, allow_nonempty: bool = False) -> Outcome:
    """What the examples of all clauses make of a store."""
    found = Outcome()
    for clause in EXAMPLES:
        found.add(harness, clause, sandboxes, Limits(allow_nonempty=allow_nonempty))
    return found


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[Sandboxes]:
    """Where the stores' private places are made."""
    with Sandboxes() as made:
        yield made


@pytest.mark.parametrize("store", STORES)
def test_no_example_blames_a_correct_store(store: type[Odd], sandboxes: Sandboxes) -> None:
    """Every clause that binds the store is held, but for those of which it is known why not."""
    found = outcome(store.harness(), sandboxes)
    assert found.blamed == []
    assert found.warned == set(store.warned)
    assert found.inapplicable == set(store.inapplicable)
    if store.steady:
        assert found.unexercised == set(store.unexercised)


class FullOfOthersJobs(AsyncOdd):
    """Holds fifty jobs that the toolkit did not put there, and delivers them first."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        for number in range(50):
            self.put(Job(f"other-{number}", "other"))


def test_a_store_that_may_hold_other_jobs_is_not_blamed_for_delivering_them_first(
    sandboxes: Sandboxes,
) -> None:
    """Who insists on a store that is not empty gets no false alarm from it."""
    harness = StoreHarness(FullOfOthersJobs, capabilities=PLAIN, virtual_time=True)
    assert outcome(harness, sandboxes, allow_nonempty=True).blamed == []
