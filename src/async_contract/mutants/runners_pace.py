"""Runners that take too much, wait too long, or do not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from async_contract.mutants.runner import BrokenRunner
from async_contract.store import Job


class IgnoresConcurrency(BrokenRunner):
    """It begins with every job of a batch, whatever is at work."""

    breaks = "runner/bounded"

    def limit(self) -> int:
        return self.batch_size

    def has_slot(self) -> bool:
        return True


class OneSlotTooMany(BrokenRunner):
    """It counts its slots from zero to `concurrency`, both included."""

    breaks = "runner/bounded"

    def limit(self) -> int:
        return min(self.batch_size, self.concurrency + 1 - self.in_hand)

    def has_slot(self) -> bool:
        return self.in_hand <= self.concurrency


class FreesSlotOfSlowJob(BrokenRunner):
    """A slot that is taken for long is given to another job."""

    breaks = "runner/bounded"

    async def do(self, job: Job) -> None:
        timer = asyncio.get_running_loop().call_later(0.5, self.free)
        await super().do(job)
        if timer.cancelled() or timer.when() > asyncio.get_running_loop().time():
            timer.cancel()
        else:
            self.in_hand += 1


class CountsBatches(BrokenRunner):
    """It counts the batches at work instead of the jobs."""

    breaks = "runner/bounded"

    def limit(self) -> int:
        return self.batch_size if self.in_hand <= self.batch_size * (self.concurrency - 1) else 0

    def has_slot(self) -> bool:
        return True


class LeasesWholeBatches(BrokenRunner):
    """As soon as a slot is free it leases a whole batch, and keeps what has no slot."""

    breaks = "runner/no-hoarding"

    def limit(self) -> int:
        return self.batch_size if self.has_slot() else 0


class LeasesAhead(BrokenRunner):
    """It leases the next job while all slots are taken, to have it at hand."""

    breaks = "runner/no-hoarding"

    def limit(self) -> int:
        return min(self.batch_size, self.concurrency + 1 - self.in_hand - len(self.waiting))


class Hoards(BrokenRunner):
    """It leases a hundred jobs at once."""

    breaks = "runner/no-hoarding"

    def limit(self) -> int:
        return 100 if self.has_slot() else 0


class PausesAfterEveryBatch(BrokenRunner):
    """It waits for the poll interval after every lease, though more jobs are ready."""

    breaks = "runner/prompt"

    async def pause(self, jobs: Sequence[Job]) -> None:
        await self.sleep(self.poll_interval)


class PausesAfterFullBatch(BrokenRunner):
    """After a full batch it waits for the poll interval, to be no burden."""

    breaks = "runner/prompt"

    async def pause(self, jobs: Sequence[Job]) -> None:
        if not jobs or len(jobs) == min(self.batch_size, self.concurrency):
            await self.sleep(self.poll_interval)


class FirstPollAfterInterval(BrokenRunner):
    """It makes its first lease only when the poll interval has passed."""

    breaks = "runner/prompt"

    async def work(self) -> None:
        await self.sleep(self.poll_interval)
        await super().work()


class PollsWithoutPause(BrokenRunner):
    """While nothing is ready it leases again and again."""

    breaks = "runner/idle"

    async def pause(self, jobs: Sequence[Job]) -> None:
        await asyncio.sleep(0)


class HammersAfterLeaseError(BrokenRunner):
    """After an error from lease it leases again at once, as long as the error lasts."""

    breaks = "runner/idle"

    async def lease(self, limit: int) -> Sequence[Job]:
        while self.goes_on():
            try:
                return await self.store.lease(limit)
            except Exception:  # noqa: BLE001, S112 - the defect
                continue
        return ()


class PollsTenTimesAsOften(BrokenRunner):
    """It takes the poll interval for tenths of a second."""

    breaks = "runner/idle"

    async def pause(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            await self.sleep(self.poll_interval / 10)


RUNNERS: tuple[type[BrokenRunner], ...] = (
    IgnoresConcurrency, OneSlotTooMany, FreesSlotOfSlowJob, CountsBatches, LeasesWholeBatches, LeasesAhead,
    Hoards, PausesAfterEveryBatch, PausesAfterFullBatch, FirstPollAfterInterval, PollsWithoutPause,
    HammersAfterLeaseError, PollsTenTimesAsOften,
)  # fmt: skip
"""All of them."""
