"""A store that hangs does not take the time limit in every item."""

from __future__ import annotations

import pytest

from async_contract.experiments.limits import Limits
from async_contract.experiments.verify import Verification
from async_contract.judge import waiting
from async_contract.judge.verdict import ClauseVerdict, Verdict
from async_contract.suites.patience import Patience
from tests.conftest import Example

HANGS = """
import asyncio


class Store:
    async def enqueue(self, job):
        pass

    async def lease(self, limit):
        await asyncio.Event().wait()

    async def complete(self, id):
        pass

    async def fail(self, id, message):
        pass
"""


def test_a_store_that_hung_three_times_is_not_tried_any_more(example: Example) -> None:
    """Every item says so, and where it hung; nothing is held."""
    arguments = ("--async-contract=mypkg.Store", "--async-contract-timeout=0.6")
    run = example.having({"mypkg.py": HANGS}).run_pytest(*arguments)
    assert run.status == 1
    assert "passed" not in run.counts
    where = "the last time lease did not return within 0.2 s: it hung at "
    assert run.text.count("lease did not return within 0.2 s: it hung at ") >= 3
    first = "lease/accepted, lease/well-formed, lease/known"
    assert f"not tried, since the store hung in 3 items before this one ({first}); {where}" in run.text


def test_the_second_time_a_store_is_waited_for_no_longer_than_fifteen_seconds() -> None:
    """And as long as the option says where that is less."""
    patience = Patience()
    before = patience.limits(Limits()).item
    patience.note("lease/known", Verification(ClauseVerdict("lease/known", Verdict.ERROR), hung=True))
    after = [patience.limits(Limits(item=seconds)).item for seconds in (60.0, 5.0)]
    assert (before, after, patience.is_over) == (60.0, [15.0, 5.0], False)


def test_an_item_that_shows_what_it_is_about_says_nothing_of_the_others() -> None:
    """Where a cancelled call is told, after which the store hangs, others may go well; but in less time."""
    patience = Patience()
    for clause in ("lease/cancelled", "complete/cancelled", "fail/cancelled"):
        patience.note(clause, Verification(ClauseVerdict(clause, Verdict.BROKEN), hung=True))
    assert (patience.is_over, patience.hung, patience.limits(Limits()).item) == (False, [], 15.0)


WAITS = """
import asyncio


class Store:
    def __init__(self):
        self.jobs = asyncio.Queue()

    def enqueue(self, job):
        self.jobs.put_nowait(job)

    async def lease(self, limit):
        return [await self.jobs.get()]

    def complete(self, id):
        pass

    def fail(self, id, message):
        pass
"""


def test_a_store_that_waits_for_ever_for_jobs_fails_by_that_alone(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else can be tried, and every item says why; what is not promised is not."""
    arguments = ("--async-contract=mypkg.Store", "--async-contract-timeout=1")
    monkeypatch.setattr(waiting, "LONG", 100_000_000)
    run = example.having({"mypkg.py": WAITS}).run_pytest(*arguments, "-rs")
    assert run.status == 1
    assert set(run.counts) == {"failed", "skipped"}
    assert run.counts["failed"] == 2  # the item that found it, and its own
    assert "not tried, since lease/empty is broken: lease(1) of worker 1 did not return within " in run.text
    assert "the store does not promise lease_timeout" in run.text
