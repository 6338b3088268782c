"""Stores whose defect shows only when several workers call at the same time, and one of them is late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing, Row


class StaggeredDoubleLease(BrokenStore):
    """A lease looks, waits and takes, and each begins later than the one before, so that two seldom meet."""

    breaks = "lease/exclusive"
    deep = True

    async def lease(self, limit: int) -> Sequence[object] | None:
        notes = self.backing.notes
        notes["leases"] = notes.get("leases", 0) + 1
        for _ in range(3 * notes["leases"]):
            await self.turn()
        self.return_expired()
        rows = self.chosen(limit)
        await self.turn()
        return self.take(rows)


class TidiesUpAfterFail(BrokenStore):
    """A fail makes the job ready, waits, and makes it ready once more, whoever holds it by then."""

    breaks = "lease/exclusive"
    deep = True
    retry_delay = 0.0

    async def fail(self, id: str, message: str) -> None:
        await super().fail(id, message)
        row = self.known(id)
        await self.turn()
        if row.state == "leased":
            self.make_ready(row)


class ReapsTwice(BrokenStore):
    """A lease looks for what has expired, waits, and makes it ready, also if it is on lease again."""

    breaks = "lease/exclusive"
    deep = True
    max_attempts = 10

    async def lease(self, limit: int) -> Sequence[object] | None:
        expired = [row for row in self.leased() if self.is_over(row)]
        await self.turn()
        for row in expired:
            if row.state == "leased":
                self.make_ready(row)
        return self.take(self.chosen(limit))


class CompletesAfterExpiry(BrokenStore):
    """A complete looks whether the job is held, waits, and takes effect, also if its lease has ended."""

    breaks = "expiry/fenced"
    deep = True
    max_attempts = 10

    async def complete(self, id: str) -> None:
        self.return_expired()
        row = self.held(id)
        await self.turn()
        self.end_well(row)


class FailsAfterExpiry(BrokenStore):
    """A fail looks whether the job is held, waits, and takes effect, also if another holds it by then."""

    breaks = "expiry/fenced"
    deep = True
    max_attempts = 10
    retry_delay = 0.0

    async def fail(self, id: str, message: str) -> None:
        self.return_expired()
        row = self.held(id)
        await self.turn()
        self.end_badly(row, message)


class SharedScratch(BrokenStore):
    """What a lease has chosen stands in one place for all, and another one may have chosen since."""

    breaks = "lease/exclusive"

    async def lease(self, limit: int) -> Sequence[object] | None:
        self.return_expired()
        rows = self.chosen(limit)
        for row in rows:
            self.mark(row)
        self.backing.notes["batch"] = rows
        await self.turn()
        return [self.delivered(row) for row in self.backing.notes["batch"]]


class GivesUpSilently(BrokenStore):
    """A complete that finds the store busy three times in a row returns without an effect."""

    breaks = "complete/final"
    deep = True

    async def lease(self, limit: int) -> Sequence[object] | None:
        notes = self.backing.notes
        notes["busy"] = notes.get("busy", 0) + 1
        try:
            for _ in range(5):
                await self.turn()
        finally:
            notes["busy"] -= 1
        return await super().lease(limit)

    async def complete(self, id: str) -> None:
        for _ in range(3):
            if not self.backing.notes.get("busy"):
                await super().complete(id)
                return
            await self.turn()


class UnlocksForOthers(BrokenStore):
    """A lease that is cancelled while it waits for the lock unlocks it for whoever comes next."""

    breaks = "lease/exclusive"
    deep = True
    max_attempts = 10

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._lock: asyncio.Lock = backing.notes.setdefault("lock", asyncio.Lock())

    async def lease(self, limit: int) -> Sequence[object] | None:
        try:
            await self._lock.acquire()
            self.return_expired()
            rows: list[Row] = self.chosen(limit)
            await self.turn()
            return self.take(rows)
        finally:
            if self._lock.locked():
                self._lock.release()


class LocksInTwoOrders(BrokenStore):
    """A lease takes the lock of the jobs and then that of the leases, a complete the other way round."""

    breaks = "complete/accepted"
    deep = True
    max_attempts = 10

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._jobs: asyncio.Lock = backing.notes.setdefault("jobs", asyncio.Lock())
        self._leases: asyncio.Lock = backing.notes.setdefault("leases", asyncio.Lock())

    async def lease(self, limit: int) -> Sequence[object] | None:
        async with self._jobs:
            await self.turn()
            async with self._leases:
                return await super().lease(limit)

    async def complete(self, id: str) -> None:
        async with self._leases:
            await self.turn()
            async with self._jobs:
                await super().complete(id)


STORES = (
    StaggeredDoubleLease,
    TidiesUpAfterFail,
    ReapsTwice,
    CompletesAfterExpiry,
    FailsAfterExpiry,
    SharedScratch,
    GivesUpSilently,
    UnlocksForOthers,
    LocksInTwoOrders,
)
