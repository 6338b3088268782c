"""Stores that are odd in many places at once, drawn by lot."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, ParamSpec, TypeVar

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobRecord

from .stores import AsyncOdd, Row

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Mixture:
    """What a store promises and how it is odd, drawn by lot.

    Attributes:
        capabilities: What it keeps.
        declared: What it promises, which may be less.
        order: Which of the ready jobs come first.
        back: Whether a job that is ready again goes to the back.
        stale: What becomes of a complete or fail by another than the holder: it is refused, not
            heard, or takes effect; the latter also on jobs that are ready.
        owners: Whether the holder is known by its connection.
        refusal: The error of a refusal.
        errors: How often a call raises an error.
        late: How often such a call has had its effect.
        waits: How often a call is suspended before its effect, and after.
        gives_back: Whether a lease that is cancelled gives its jobs back at once.
        forgets: Whether a finished job is forgotten.
        shows_expired: Whether an inspect shows a lease that has run out as such.
        lazy: Whether only a lease notices what has expired.
        shortens: Whether hostile messages are shortened; they are refused otherwise.
    """

    def __init__(self, seed: int) -> None:
        random = Random(f"mixture {seed}")
        some = random.choice
        self.seed = seed
        self.stale = some(("refuse", "refuse", "ignore", "effect"))
        self.owners = random.random() < 0.5
        timeout = some((None, 5.0, 30.0))
        redelivers = some((True, True, False, None))
        most = some((None, None, 1, 2, 3)) if redelivers else None
        fenced = self.owners and self.stale != "effect" and timeout is not None
        self.order = some(("first", "first", "last", "any"))
        self.back = random.random() < 0.5
        counts = some((True, False))
        self.capabilities = Capabilities(
            lease_timeout=timeout,
            clock_resolution=some((0.0, 1.0)) if timeout else 0.0,
            expiry_delay=some((0.0, 0.0, 10.0)) if timeout else 0.0,
            redelivers=redelivers,
            max_attempts=most,
            expiry_counts=bool(timeout and most and some((True, False))),
            retry_delay=0.0 if redelivers is False else some((0.0, 5.0)),
            counts_attempts=counts,
            fifo=self.order == "first",
            fences=fenced,
            sharing="connection" if self.owners else some(("instance", "connection", "none")),
            poll_delay=some((0.0, 0.0, 2.0)),
            max_batch=some((None, None, 2)),
        )
        self.refusal: type[Exception] = some((KeyError, ValueError, sqlite3.IntegrityError))
        self.errors = some((0.0, 0.0, 0.1, 0.3))
        self.late = some((0.0, 0.5, 1.0))
        self.waits = (random.randint(0, 2), random.randint(0, 2))
        self.gives_back = timeout is None or random.random() < 0.5
        self.forgets = random.random() < 0.3
        self.shows_expired = random.random() < 0.5
        self.lazy = random.random() < 0.3
        self.shortens = random.random() < 0.5

        kept = {"counts_attempts": False, "fifo": False, "fences": False, "expiry_counts": False}
        hidden: dict[str, Any] = {name: none for name, none in kept.items() if random.random() < 0.25}
        if not self.capabilities.expiry_counts and random.random() < 0.2:
            hidden |= {"max_attempts": None, "redelivers": None}
        self.declared = replace(self.capabilities, **hidden)

    def harness(self) -> StoreHarness:
        """A truthful harness of such a store, which may keep more to itself than the store does."""
        return StoreHarness(
            lambda sandbox: Mixed(sandbox, self), capabilities=self.declared, virtual_time=True
        )


class Mixed(AsyncOdd):
    """A correct store that is as odd as its mixture."""

    def __init__(self, sandbox: Sandbox, mixture: Mixture) -> None:
        self.capabilities = mixture.capabilities  # type: ignore[misc]  # a class variable of the others
        super().__init__(sandbox)
        self.mixture = mixture
        self.random = Random(mixture.seed)
        self.lock = asyncio.Lock()
        self.in_a_row = 0

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Wait, do it, wait, and perhaps raise an error before or after."""
        before, after = self.mixture.waits
        fails = self.random.random() < self.mixture.errors and self.in_a_row < 2
        self.in_a_row = self.in_a_row + 1 if fails else 0
        late = self.random.random() < self.mixture.late
        async with self.lock:
            for _ in range(before):
                await asyncio.sleep(0)
            if fails and not late:
                raise ConnectionError("connection reset by peer")
            done = do(*args, **kwargs)
            try:
                for _ in range(after):
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                if do == self.take and self.mixture.gives_back:
                    self.give_back(done)
                raise
        if fails:
            raise ConnectionError("connection reset by peer")
        return done

    def give_back(self, jobs: Any) -> None:
        """Make the jobs of a lease ready again, that nobody received."""
        for job in jobs:
            row = self.rows[job.id]
            row.deliveries -= not self.capabilities.counts_attempts
            self.release(row, self.clock())

    def give_up(self, id: str, message: str) -> None:
        """Shorten the message, or refuse it."""
        hostile = len(message) > 256 or not message.isprintable() or not message.strip()
        if hostile and not self.mixture.shortens:
            raise self.mixture.refusal(id)
        super().give_up(id, message[:256] if hostile else message)

    def order(self, ready: list[Row]) -> list[Row]:
        """In one of three orders."""
        order = self.mixture.order
        if order == "last":
            ready.reverse()
        elif order == "any":
            ready = self.random.sample(ready, len(ready))
        return super().order(ready)

    def until(self, now: float) -> float:
        """Up to the clock's resolution earlier, if there is one."""
        return super().until(now) - self.random.choice((0.0, self.capabilities.clock_resolution))

    def is_due(self, row: Row, now: float) -> bool:
        """Up to the delay later, if there is one."""
        delay = self.capabilities.expiry_delay
        return now >= (math.ceil(row.due / delay) * delay if delay and row.due < math.inf else row.due)

    def hidden(self) -> float:
        """Up to the delay."""
        return self.random.choice((0.0, self.capabilities.poll_delay))

    def delay(self, row: Row) -> float:
        """Up to the delay."""
        return self.random.choice((0.0, self.capabilities.retry_delay))

    def is_last(self, row: Row) -> bool:
        """As promised, or by lot."""
        if self.capabilities.redelivers is None and self.random.random() < 0.5:
            return True
        most = self.capabilities.max_attempts
        return self.capabilities.redelivers is False or (most is not None and row.deliveries >= most)

    def delivered(self, row: Row) -> Job:
        """With or without a number."""
        job = row.job
        attempts = row.deliveries if self.capabilities.counts_attempts else 0
        return Job(job.id, job.kind, job.tenant_id, job.payload, attempts)

    def may_end(self, row: Row) -> bool:
        """The holder may, and others if that takes effect."""
        if row.state == "leased":
            return not self.mixture.owners or row.owner is self or self.mixture.stale == "effect"
        return row.state == "ready" and self.mixture.stale == "effect"

    def unknown(self, id: str) -> None:
        """Refuse, or say nothing."""
        if self.mixture.stale != "ignore":
            raise self.mixture.refusal(id)

    def unleased(self, row: Row) -> None:
        """Refuse, or say nothing."""
        if self.mixture.stale != "ignore":
            raise self.mixture.refusal(row.job.id)

    def release(self, row: Row, at: float) -> None:
        """To the back, or where it was."""
        super().release(row, at)
        if self.mixture.back:
            self.rows[row.job.id] = self.rows.pop(row.job.id)

    def take(self, limit: int) -> Any:
        """End what has expired, then deliver."""
        self.sweep()
        return super().take(limit)

    def expire(self) -> None:
        """End what has expired, unless only a lease does."""
        if not self.mixture.lazy:
            self.sweep()

    def sweep(self) -> None:
        """End what has expired."""
        now = self.clock()
        for row in [each for each in self.rows.values() if each.state == "leased"]:
            if self.is_due(row, now):
                self.end(row, now)

    def look(self, id: str) -> JobRecord | None:
        """Whatever is remembered."""
        record = super().look(id)
        row = self.rows.get(id)
        if record is None or row is None or (self.mixture.forgets and row.state in ("completed", "dead")):
            return None
        if self.mixture.shows_expired and row.state == "leased" and row.due <= self.clock():
            return JobRecord("ready", row.message, row.deliveries)
        return record
