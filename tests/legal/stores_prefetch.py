"""Correct stores whose clients prefetch, in real time: they are handed more jobs than a lease returns."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobRecord

from .stores import PLAIN, AsyncOdd, Odd, Row, SyncOdd

_P = ParamSpec("_P")
_T = TypeVar("_T")

_MANY = replace(PLAIN, fifo=False, sharing="connection")


class _Prefetches(Odd):
    """The broker hands a connection a few jobs more than it asked for, and the client keeps them.

    Delivering one of them renews its lease, so that none ends early. Those that nobody asks for are on
    lease until that has expired; the next lease after that is the first that may deliver them.

    Attributes:
        more: So many jobs the client keeps.
        gives_back: Whether it gives them back when it is closed.
    """

    more: ClassVar[int] = 3
    gives_back: ClassVar[bool] = False
    steady = False

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.kept: list[tuple[Row, int]] = []  # with the delivery that it is
        self.buffer = (self,)  # the owner of what is kept

    @classmethod
    def harness(cls) -> StoreHarness:
        """A truthful harness, in real time."""
        return StoreHarness(cls, capabilities=cls.capabilities, virtual_time=False)

    def clock(self) -> float:
        """A clock that never goes back."""
        return time.monotonic()

    def take(self, limit: int) -> Any:
        """Deliver what was kept, then what is ready, and keep some more."""
        self.expire()
        if limit < 1:
            return self.batch([])
        batch = [row for row, delivery in self.kept if self._is_still_kept(row, delivery)]
        if len(batch) < limit:
            fetched = self._fetched(limit - len(batch) + self.more)
            batch += fetched
        self.kept = [(row, row.deliveries) for row in batch[limit:]]
        for row in batch[:limit]:
            row.due = self.until(self.clock())
            row.owner = self
        return self.batch([self.delivered(row) for row in batch[:limit]])

    def _is_still_kept(self, row: Row, delivery: int) -> bool:
        return row.state == "leased" and row.owner is self.buffer and row.deliveries == delivery

    def _fetched(self, most: int) -> list[Row]:
        now = self.clock()
        rows = [row for row in self.rows.values() if row.state == "ready" and row.visible <= now][:most]
        for row in rows:
            row.state = "leased"
            row.owner = self.buffer
            row.due = self.until(now)
            row.deliveries += 1
        return rows

    def look(self, id: str) -> JobRecord | None:
        """What is remembered of a job: what nobody was given yet is ready, whoever keeps it."""
        record = super().look(id)
        if record is not None and record.state == "leased" and isinstance(self.rows[id].owner, tuple):
            return replace(record, state="ready")
        return record

    def lose(self) -> None:
        """Forget what was kept: it is on lease until that has expired."""
        self.kept.clear()

    def close(self) -> None:
        """Give back what was kept, or leave it to expire."""
        kept, self.kept = self.kept, []
        for row, delivery in kept if self.gives_back else ():
            if self._is_still_kept(row, delivery):
                self.release(row, self.clock())


class _AsyncPrefetches(_Prefetches, AsyncOdd):
    """The same with coroutine functions, which go to the broker and back."""

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Make one call of the store; one that is cancelled takes the connection with it, and all it kept."""
        try:
            await asyncio.sleep(0)
            done = do(*args, **kwargs)
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.lose()
            raise
        return done


_LOCKS: WeakKeyDictionary[Sandbox, threading.Lock] = WeakKeyDictionary()


class _PlainPrefetches(_Prefetches, SyncOdd):
    """The same with plain functions, for threads: the broker does one thing after another."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.lock = _LOCKS.setdefault(sandbox, threading.Lock())

    def put(self, job: Job) -> str | None:
        """Take a job in."""
        with self.lock:
            return super().put(job)

    def take(self, limit: int) -> Any:
        """Deliver ready jobs."""
        with self.lock:
            return super().take(limit)

    def finish(self, id: str) -> None:
        """Record that a job is done."""
        with self.lock:
            super().finish(id)

    def give_up(self, id: str, message: str) -> None:
        """Record that an attempt failed."""
        with self.lock:
            super().give_up(id, message)

    def look(self, id: str) -> JobRecord | None:
        """What is remembered of a job."""
        with self.lock:
            return super().look(id)


class Keeps(_AsyncPrefetches):
    """Three jobs are kept, and come again a tenth of a second later."""

    capabilities = replace(_MANY, lease_timeout=0.1)


class KeepsForLong(_AsyncPrefetches):
    """Five jobs are kept, for half a minute: longer than any experiment waits."""

    capabilities = replace(_MANY, lease_timeout=30.0)
    more = 5


class KeepsUntilClosed(_AsyncPrefetches):
    """One job is kept, for half a minute at most, and given back when the connection is closed."""

    capabilities = replace(_MANY, lease_timeout=30.0)
    more = 1
    gives_back = True


class KeepsAlone(_AsyncPrefetches):
    """There is one client for all workers: what it keeps it delivers next, unless a call is cancelled."""

    capabilities = replace(_MANY, lease_timeout=0.1, sharing="instance")


class KeepsAloneForLong(_AsyncPrefetches):
    """The same for half a minute."""

    capabilities = replace(_MANY, lease_timeout=30.0, sharing="instance")


class PlainKeeps(_PlainPrefetches):
    """Plain functions; one job is kept, for a tenth of a second."""

    capabilities = replace(_MANY, lease_timeout=0.1)
    more = 1


class PlainKeepsForLong(_PlainPrefetches):
    """Plain functions; five jobs are kept, for half a minute."""

    capabilities = replace(_MANY, lease_timeout=30.0)
    more = 5
