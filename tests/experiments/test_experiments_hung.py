"""Random programs in which a call does not return."""

from __future__ import annotations

import asyncio
from typing import Any

from async_contract.experiments.bench import Settings
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.findings import Exploration
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.store import Job


class Hangs:
    """A complete never returns: once a lease was cancelled and another one was not, or at any time."""

    at_once = False

    def __init__(self) -> None:
        self.cancelled = False
        self.hangs = self.at_once

    def enqueue(self, job: Job) -> None:
        """Lose a job."""

    async def lease(self, limit: int) -> list[Any]:
        """Deliver nothing."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.hangs |= self.cancelled
        return []

    async def complete(self, id: str) -> None:
        """Hang, or don't."""
        if self.hangs:
            await asyncio.Event().wait()

    def fail(self, id: str, message: str) -> None:
        """Do nothing."""


class HangsAtOnce(Hangs):
    """A complete never returns."""

    at_once = True


def _explored(store: type[Hangs]) -> Exploration:
    settings, budget = Settings(call_limit=0.05), Budget(seconds=300.0, tries=1, patience=0.0)
    with Sandboxes() as sandboxes, asyncio.Runner() as runner:
        return runner.run(Explorer(StoreHarness(store), sandboxes, settings, 0).explore(budget))


def test_a_program_that_hung_is_told_with_the_call_that_was_cancelled_before() -> None:
    """Though what was served in between keeps it from being blamed."""
    found = _explored(Hangs)
    assert found.stopped.startswith("complete did not return within 0.05 s: it hung at ")
    assert found.stopped.endswith("; the latest call that was cancelled before is worker 1's lease")
    assert "lease/cancelled" not in found.findings


def test_a_program_that_hung_without_a_cancelled_call_says_where_alone() -> None:
    """There is none to tell of."""
    found = _explored(HangsAtOnce)
    assert found.stopped.startswith("complete did not return within 0.05 s: it hung at ")
    assert "cancelled" not in found.stopped
