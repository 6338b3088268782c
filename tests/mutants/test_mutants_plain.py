"""The stores that are not broken keep everything: the mutants' own base, the reference, and SQLite."""

from __future__ import annotations

import asyncio

import pytest

from async_contract.experiments.catalogue import EXAMPLES
from async_contract.experiments.verify import verify
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.harness.target import load
from async_contract.judge.verdict import Verdict
from async_contract.mutants.crashing import FiledStore
from async_contract.mutants.mutant import BackingHarness, BrokenStore, mutant
from async_contract.mutants.plain import Backing, PlainStore
from async_contract.store import Job, JobExists, JobRecord
from contract_suites import memory


class FinalFails(PlainStore):
    """Fails are final."""

    redelivers = False


class EndlessLeases(PlainStore):
    """Leases end only by a complete or fail."""

    lease_timeout = None


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("harness", "unexercised"),
    [
        pytest.param(BackingHarness(PlainStore), set(), id="plain"),
        pytest.param(BackingHarness(FinalFails), {"fail/max-attempts"}, id="final-fails"),
        pytest.param(BackingHarness(EndlessLeases), set(), id="endless-leases"),
        pytest.param(FiledStore.reached(), set(), id="filed"),
        pytest.param(memory.harness, set(), id="memory"),
        pytest.param(load("contract_suites.sqlite:harness"), set(), id="sqlite"),
    ],
)
def test_a_store_that_is_not_broken_keeps_everything(harness: StoreHarness, unexercised: set[str]) -> None:
    """No example of any clause finds anything wrong, and what binds the store is put to the test."""
    with Sandboxes() as sandboxes:
        found = {clause: verify(harness, clause, sandboxes=sandboxes) for clause in EXAMPLES}
    assert [each for one in found.values() for each in (*one.verdict.violations, *one.others)] == []
    verdicts = {clause: each.verdict.verdict for clause, each in found.items()}
    open_ = {
        clause for clause, verdict in verdicts.items() if verdict not in (Verdict.HELD, Verdict.NOT_PROMISED)
    }
    assert open_ == unexercised


@pytest.mark.usefixtures("unmeasured")
def test_the_plain_store_promises_all_that_there_is() -> None:
    """So that a mutant can break whatever can be promised in one process, but for final fails."""
    beyond = {"fail/ends", "durable/kill"}
    with Sandboxes() as sandboxes:
        found = {
            clause: verify(BackingHarness(PlainStore), clause, sandboxes=sandboxes).verdict.verdict
            for clause in EXAMPLES
        }
    assert {clause for clause, verdict in found.items() if verdict is not Verdict.HELD} == beyond


def test_connections_share_a_backing() -> None:
    """What one connection enqueues another leases, and an id is taken once for all."""

    async def scenario() -> tuple[object, JobRecord | None]:
        backing = Backing(lambda: 0.0)
        one, other = PlainStore(backing), PlainStore(backing)
        await one.enqueue(Job("a", "mail"))
        with pytest.raises(JobExists, match="job 'a' was enqueued before"):
            await other.enqueue(Job("a", "mail"))
        return await other.lease(5), await one.inspect("a")

    jobs, record = asyncio.run(scenario())
    assert jobs == [Job("a", "mail", attempts=1)]
    assert record == JobRecord("leased", None, 1)


def test_a_mutant_without_a_docstring_says_its_name() -> None:
    """Python -OO strips docstrings, and must not strip the zoo of its mutants."""

    class LosesJobs(BrokenStore):
        breaks = "lease/progress"

    made = mutant(LosesJobs)
    assert (made.name, made.clause, made.defect, made.hangs) == (
        "loses-jobs",
        "lease/progress",
        "loses-jobs",
        False,
    )
