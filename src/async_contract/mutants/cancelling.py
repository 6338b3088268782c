"""Stores that a cancelled call leaves with a job lost, half done or blocked."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

from async_contract.contract.capabilities import Capabilities
from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing


class PopsThenWaits(BrokenStore):
    """A lease takes the jobs out of the queue and waits before it notes them as on lease."""

    breaks = "lease/cancelled"
    max_attempts = 10  # fewer could have been used up by leases that were cancelled

    async def lease(self, limit: int) -> Sequence[object] | None:
        self.return_expired()
        rows = self.chosen(limit)
        for row in rows:
            row.state, row.due = "leased", math.inf
        await self.turn()
        return self.take(rows)


class ReturnsExpiredInSteps(BrokenStore):
    """A lease takes an expired job out of the table of leases and waits before it puts it into the queue."""

    breaks = "lease/cancelled"
    max_attempts = 1000

    @classmethod
    def promises(cls) -> Capabilities:
        """All that there is, but for what the leases that were cancelled might have used up."""
        return replace(super().promises(), max_attempts=None, expiry_counts=False)

    async def lease(self, limit: int) -> Sequence[object] | None:
        for row in self.leased():
            if row.due <= self.now:
                row.due = math.inf
                await self.turn()
                self.make_ready(row)
        return await super().lease(limit)


class StrandsCancelledLease(BrokenStore):
    """Leases last for ever, also those whose call was cancelled before it could deliver anything."""

    breaks = "lease/cancelled"
    lease_timeout = None

    async def lease(self, limit: int) -> Sequence[object] | None:
        jobs = await super().lease(limit)
        await self.turn()
        return jobs


class LeaseStaysBusy(BrokenStore):
    """A lease that is cancelled leaves its connection busy, and a busy connection delivers nothing."""

    breaks = "lease/cancelled"
    max_attempts = 10  # fewer could have been used up by leases that were cancelled

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._busy = False

    async def lease(self, limit: int) -> Sequence[object] | None:
        if self._busy:
            return []
        self._busy = True
        jobs = await super().lease(limit)
        self._busy = False
        return jobs


class SwallowsCancellation(BrokenStore):
    """A lease that is cancelled returns an empty batch, after it has put the jobs on lease for ever."""

    breaks = "lease/cancelled"
    lease_timeout = None

    async def lease(self, limit: int) -> Sequence[object] | None:
        jobs = await super().lease(limit)
        try:
            await self.turn()
        except asyncio.CancelledError:
            return []
        return jobs


class LeaseKeepsLock(BrokenStore):
    """A lease that is cancelled keeps the connection's lock, and every later call waits for it."""

    breaks = "lease/cancelled"
    hangs = True

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._lock = asyncio.Lock()

    async def lease(self, limit: int) -> Sequence[object] | None:
        await self._lock.acquire()
        jobs = await super().lease(limit)
        self._lock.release()
        return jobs


class CompleteReleasesFirst(BrokenStore):
    """A complete makes the job ready and waits before it notes it as completed."""

    breaks = "complete/cancelled"

    async def complete(self, id: str) -> None:
        self.return_expired()
        row = self.held(id)
        self.make_ready(row)
        await self.turn()
        self.end_well(row)


class CancelledCompleteReleasesAll(BrokenStore):
    """A complete that is cancelled rolls back everything that the connection has on lease."""

    breaks = "complete/cancelled"

    async def complete(self, id: str) -> None:
        try:
            await super().complete(id)
        except asyncio.CancelledError:
            for row in self.mine():
                self.make_ready(row)
            raise


class CompleteKeepsLock(BrokenStore):
    """A complete that is cancelled keeps the connection's lock, and every later one waits for it."""

    breaks = "complete/cancelled"
    hangs = True

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._lock = asyncio.Lock()

    async def complete(self, id: str) -> None:
        await self._lock.acquire()
        await self.turn()
        self._lock.release()
        await super().complete(id)


class CompleteLeavesTransaction(BrokenStore):
    """A complete that is cancelled leaves its transaction open, and no call can begin another."""

    breaks = "complete/cancelled"

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._begun = False

    def begin(self) -> None:
        """What is begun must be ended first."""
        if self._begun:
            raise RuntimeError("cannot start a transaction within a transaction")
        self._begun = True

    async def lease(self, limit: int) -> Sequence[object] | None:
        self.begin()
        self._begun = False
        return await super().lease(limit)

    async def complete(self, id: str) -> None:
        self.begin()
        await self.turn()
        self._begun = False
        await super().complete(id)


class FailRemovesFirst(BrokenStore):
    """A fail takes the job out of the database and waits before it puts it back into the queue."""

    breaks = "fail/cancelled"

    async def fail(self, id: str, message: str) -> None:
        self.return_expired()
        row = self.held(id)
        del self.rows[self.key(id)]
        await self.turn()
        self.rows[self.key(id)] = row
        self.end_badly(row, message)


class CancelledFailBuriesAll(BrokenStore):
    """A fail that is cancelled takes its worker for gone, and buries all that it holds."""

    breaks = "fail/cancelled"

    async def fail(self, id: str, message: str) -> None:
        try:
            await super().fail(id, message)
        except asyncio.CancelledError:
            for row in self.mine():
                row.state = "dead"
            raise


class FailKeepsLock(BrokenStore):
    """A fail that is cancelled keeps the connection's lock, and every later one waits for it."""

    breaks = "fail/cancelled"
    hangs = True

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._lock = asyncio.Lock()

    async def fail(self, id: str, message: str) -> None:
        await self._lock.acquire()
        await self.turn()
        self._lock.release()
        await super().fail(id, message)


STORES = (
    PopsThenWaits,
    ReturnsExpiredInSteps,
    StrandsCancelledLease,
    LeaseStaysBusy,
    SwallowsCancellation,
    LeaseKeepsLock,
    CompleteReleasesFirst,
    CancelledCompleteReleasesAll,
    CompleteKeepsLock,
    CompleteLeavesTransaction,
    FailRemovesFirst,
    CancelledFailBuriesAll,
    FailKeepsLock,
)
