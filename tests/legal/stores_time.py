"""Odd stores: when a lease ends."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from typing import ParamSpec, TypeVar

from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox

from .stores import PLAIN, AsyncOdd, Row, SyncOdd

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Reaped(AsyncOdd):
    """A reaper ends the leases that have expired, at every tenth second."""

    capabilities = replace(PLAIN, lease_timeout=25.0, expiry_delay=10.0)

    def is_due(self, row: Row, now: float) -> bool:
        """Whether the reaper has come since."""
        return now >= math.ceil(row.due / 10) * 10


class WholeSeconds(AsyncOdd):
    """The clock shows whole seconds, so a lease may end up to one second early."""

    capabilities = replace(PLAIN, lease_timeout=3.0, clock_resolution=1.0)

    def until(self, now: float) -> float:
        """Cut off."""
        return float(int(super().until(now)))


class WholeMilliseconds(AsyncOdd):
    """The clock shows whole milliseconds, as those of most databases do, and nobody has declared it."""

    capabilities = replace(PLAIN, lease_timeout=3.0)

    def until(self, now: float) -> float:
        """Cut off."""
        return int(super().until(now) * 1000) / 1000


class WholeSecondsUp(AsyncOdd):
    """The clock shows whole seconds, and a lease ends up to one second late."""

    capabilities = replace(PLAIN, lease_timeout=3.0, expiry_delay=1.0)

    def until(self, now: float) -> float:
        """Rounded up."""
        return float(math.ceil(super().until(now)))


class SkewedClocks(AsyncOdd):
    """The connections' clocks differ by up to half a second."""

    capabilities = replace(
        PLAIN, lease_timeout=3.0, clock_resolution=0.5, expiry_delay=0.5, poll_delay=0.5, sharing="connection"
    )
    numbers = itertools.count()

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.skew = (next(self.numbers) % 3) / 4

    def clock(self) -> float:
        """One of three clocks."""
        return super().clock() + self.skew

    def hidden(self) -> float:
        """Nothing is hidden but by the clocks."""
        return 0.0


class MomentaryLeases(AsyncOdd):
    """A lease lasts for a millisecond."""

    capabilities = replace(PLAIN, lease_timeout=0.001)


class EndlessLeases(AsyncOdd):
    """A lease lasts for a century, and a retry takes a year."""

    capabilities = replace(PLAIN, lease_timeout=3.2e9, retry_delay=3.2e7)


class RetriesAfterLeases(AsyncOdd):
    """A failed job stays away much longer than a lease lasts, and is not seen at once then."""

    capabilities = replace(PLAIN, lease_timeout=1.0, retry_delay=60.0, poll_delay=5.0)


class LateReaper(AsyncOdd):
    """A lease lasts for a second, and its end is noticed once in a minute."""

    capabilities = replace(PLAIN, lease_timeout=1.0, expiry_delay=60.0)

    def is_due(self, row: Row, now: float) -> bool:
        """Whether a minute has begun since."""
        return now >= math.ceil(row.due / 60) * 60


class ExpiresWhenAsked(AsyncOdd):
    """Only a lease notices that another has expired: until then its holder can complete or fail the job."""

    def take(self, limit: int) -> object:
        """End what has expired, then deliver."""
        super().expire()
        return super().take(limit)

    def expire(self) -> None:
        """Not now."""


class NeverExpires(AsyncOdd):
    """A lease lasts until it is completed or failed."""

    capabilities = replace(PLAIN, lease_timeout=None)


class EndsWithConnection(AsyncOdd):
    """A lease ends when its connection is closed, and never by itself: a message broker."""

    capabilities = replace(
        PLAIN, lease_timeout=None, ends_with_connection=True, sharing="connection", durable=True
    )

    async def aclose(self) -> None:
        """Give back what this connection holds."""
        for row in self.rows.values():
            if row.state == "leased" and row.owner is self:
                self.release(row, self.clock())


class GivesBackAtClose(AsyncOdd):
    """Who closes its connection gives back what it holds, which is promised for no other end of one."""

    capabilities = replace(PLAIN, sharing="connection")
    aclose = EndsWithConnection.aclose


class DropsConnections(EndsWithConnection):
    """Every fifth call breaks the connection, which ends its leases; the client connects anew by itself."""

    unexercised = dict.fromkeys(
        ("lease/order", "lease/progress", "complete/final", "fail/message"),
        "a call whose connection breaks is of unknown outcome, and breaks in the midst of the scenario",
    )

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.calls = 0

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Break every fifth time."""
        self.calls += 1
        if self.calls % 5 == 0:
            await self.aclose()
            raise ConnectionError("connection reset by peer")
        return do(*args, **kwargs)


class TimePasses(AsyncOdd):
    """Every call takes a second, and a lease lasts for five: leases expire in the hands of their holders."""

    capabilities = replace(PLAIN, lease_timeout=5.0)

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Half a second there and half a second back."""
        await self.sandbox.sleep(0.5)
        try:
            return do(*args, **kwargs)
        finally:
            await self.sandbox.sleep(0.5)


class RealTime(SyncOdd):
    """Plain functions on a real clock, with leases of 20 ms."""

    capabilities = replace(PLAIN, lease_timeout=0.02)
    steady = False

    @classmethod
    def harness(cls) -> StoreHarness:
        """A harness in real time."""
        return StoreHarness(cls, capabilities=cls.capabilities)

    def clock(self) -> float:
        """A clock that never goes back."""
        return time.monotonic()


class ReaperTask(AsyncOdd):
    """A task of the store's own ends the leases that have expired, whenever it has its turn."""

    capabilities = replace(PLAIN, lease_timeout=30.0, expiry_delay=1.0)

    @classmethod
    def harness(cls) -> StoreHarness:
        """A harness that starts the reaper and stops it."""

        async def connect(sandbox: Sandbox) -> AsyncIterator[ReaperTask]:
            store = cls(sandbox)
            reaper = asyncio.create_task(store.reap())
            yield store
            reaper.cancel()
            with suppress(asyncio.CancelledError):
                await reaper

        return StoreHarness(connect, capabilities=cls.capabilities, virtual_time=True)

    async def reap(self) -> None:
        """End leases, now and again."""
        while True:
            super().expire()
            await asyncio.sleep(0)

    def expire(self) -> None:
        """That is the reaper's business."""
