"""A worker's loop: lease jobs, run the handler on each, record what came of it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import cast

from async_contract.reference.attempt import Handler, attempt_of, raised
from async_contract.reference.events import Event, EventOutcome, MetricsRecorder, Observer, error_kind
from async_contract.reference.sanitize import UNKNOWN_LABEL, safe_failure_message, safe_label
from async_contract.store import Job, Store

__all__ = ["CANCEL_GRACE", "Event", "Handler", "MetricsRecorder", "Runner"]

CANCEL_GRACE = 1.0
"""Seconds that a handler has to end after the runner cancelled it."""

_SHUTDOWN = "canceled: the worker is shutting down"


class Runner:
    """Leases jobs from a store, runs a handler on each, and records every outcome once.

    The first lease is made at once. While leases deliver jobs, the next one follows as soon as a
    slot is free; after an empty or a failed one the runner waits for `poll_interval`, or until a
    job fails, since it may be ready again.

    Whatever the handler raises, `SystemExit` and `KeyboardInterrupt` included, becomes one `fail`
    and does not end the runner; nor does anything that the store or the recorder raises. A plain
    function as handler runs in a thread. A store with plain methods is called on the event loop.

    A runner is stopped by `stop()` or by cancelling `run()`. It then begins no more leases, and
    waits for the jobs in flight (a lease in flight included, and the jobs it delivers) for
    `shutdown_timeout`. Then it cancels the handlers, waits for `CANCEL_GRACE` until they have
    ended, and records as failed those that have not. A thread cannot be cancelled: it goes on, but
    what comes of it is not recorded. Recording an outcome is never cancelled nor cut short.
    """

    # Set by run():
    _loop: asyncio.AbstractEventLoop
    _main: asyncio.Task[object]
    _cancels_before: int
    _next_poll: float

    def __init__(
        self,
        store: Store,
        handler: Handler,
        *,
        concurrency: int = 1,
        batch_size: int | None = None,
        poll_interval: float = 1.0,
        metrics: MetricsRecorder | None = None,
        logger: logging.Logger | None = None,
        shutdown_timeout: float | None = None,
    ) -> None:
        """Make a runner; nothing happens before `run()`.

        Args:
            store: Where the jobs come from and the outcomes go.
            handler: Does one job.
            concurrency: The most jobs in flight at once.
            batch_size: The most jobs asked for in one lease; `None`: as many as there are slots.
            poll_interval: Seconds between two leases while no job is ready.
            metrics: Told every outcome.
            logger: Told every outcome too; by default `async_contract.runner`. No payload and no
                text of an error reaches it.
            shutdown_timeout: Seconds that the jobs in flight have once the runner is stopped;
                `None`: as long as they take.

        Raises:
            TypeError: The handler cannot be called, or the store has no `lease`, `complete` or `fail`.
            ValueError: A number is out of range.
        """
        _check_store(store)
        _check_count("concurrency", concurrency)
        _check_count("batch_size", concurrency if batch_size is None else batch_size)
        _check_seconds("poll_interval", poll_interval, above_zero=True)
        _check_seconds("shutdown_timeout", 0.0 if shutdown_timeout is None else shutdown_timeout)
        self._store = store
        self._attempt = attempt_of(handler)
        self._concurrency = concurrency
        self._batch_size = concurrency if batch_size is None else batch_size
        self._poll_interval = poll_interval
        self._observer = Observer(metrics, logger or logging.getLogger("async_contract.runner"))
        self._shutdown_timeout = shutdown_timeout

        self._ran = False
        self._canceled = False
        self._stop_requested = False
        self._out_of_time = False
        self._changed = asyncio.Event()
        self._lease_task: asyncio.Task[None] | None = None
        # A delivery is in one of these at a time; the last two take a slot.
        self._waiting: deque[_Delivery] = deque()
        self._handling: dict[_Delivery, asyncio.Task[None]] = {}
        self._recording: dict[_Delivery, asyncio.Task[None]] = {}

    def stop(self) -> None:
        """Begin no more leases, and let `run()` return once the jobs in flight are recorded.

        Call it on the event loop's thread; from another one, `loop.call_soon_threadsafe(runner.stop)`.
        """
        self._stop_requested = True
        self._changed.set()

    async def run(self) -> None:
        """Work until stopped.

        Raises:
            asyncio.CancelledError: It was cancelled; the outcomes of all jobs are recorded by then.
            RuntimeError: It was called before.
        """
        if self._ran:
            raise RuntimeError("this Runner has been run before; make a new one for every run()")
        self._ran = True
        self._loop = asyncio.get_running_loop()
        self._main = cast("asyncio.Task[object]", asyncio.current_task())
        self._cancels_before = self._main.cancelling()
        self._next_poll = self._loop.time()
        while not self._stopping():
            await self._pause(self._lease_if_due())
        await self._drain()
        if self._canceled:
            raise asyncio.CancelledError

    def _stopping(self) -> bool:
        # cancelling() tells of a cancellation before it strikes: a lease that is about to begin must
        # not begin after it.
        return self._stop_requested or self._canceled or self._main.cancelling() > self._cancels_before

    async def _pause(self, seconds: float | None) -> None:
        """Wait for a change, or for so many seconds. The only place where a cancellation strikes.

        A cancellation is kept for later: run() ends with it when all outcomes are recorded. So a
        second one loses nothing either.
        """
        timer = None if seconds is None else self._loop.call_later(seconds, self._changed.set)
        try:
            await self._changed.wait()
        except asyncio.CancelledError:
            self._canceled = True
        if timer is not None:
            timer.cancel()
        self._changed.clear()

    async def _until(self, done: Callable[[], bool], seconds: float | None) -> None:
        deadline = math.inf if seconds is None else self._loop.time() + seconds
        while not done() and (left := deadline - self._loop.time()) > 0:
            await self._pause(None if seconds is None else left)

    async def _drain(self) -> None:
        await self._until(lambda: not (self._lease_task or self._in_flight()), self._shutdown_timeout)
        self._out_of_time = True
        for task in (self._lease_task, *self._handling.values()):
            if task is not None:
                task.cancel(_SHUTDOWN)
        self._admit()
        await self._until(lambda: not (self._lease_task or self._handling), CANCEL_GRACE)
        for delivery in tuple(self._handling):
            self._handled(delivery)
        await self._until(lambda: not self._recording, None)

    # Leasing

    def _lease_if_due(self) -> float | None:
        """Begin a lease if it is time for one; return the seconds until then, `None`: after a change."""
        free = self._concurrency - self._in_flight()
        if self._lease_task is not None or free <= 0:
            return None
        seconds = self._next_poll - self._loop.time()
        if seconds > 0:
            return seconds
        # A task of its own: a cancelled lease could strand jobs that the store has given away.
        self._lease_task = asyncio.create_task(self._lease(min(free, self._batch_size)))
        self._lease_task.add_done_callback(self._leased)
        return None

    async def _lease(self, limit: int) -> None:
        if self._stopping():  # since the lease was found due
            return
        self._next_poll = math.inf
        error = await raised(self._receive, limit)
        if error is not None:
            self._observer.observe(Event(UNKNOWN_LABEL, "lease_error"), error)
        # A job that failed meanwhile, perhaps too late for this lease, asks for an earlier one.
        pause = 0 if self._waiting else self._poll_interval
        self._next_poll = min(self._next_poll, self._loop.time() + pause)

    async def _receive(self, limit: int) -> None:
        batch = self._store.lease(limit)
        for job in await batch if inspect.isawaitable(batch) else batch:
            try:
                self._waiting.append(_Delivery(job))
            except Exception as error:  # noqa: BLE001 - without an id and a kind there is nothing to record
                self._observer.observe(Event(UNKNOWN_LABEL, "lease_error"), error)

    def _leased(self, _: asyncio.Task[None]) -> None:
        self._lease_task = None
        self._admit()
        self._changed.set()

    # From a delivery to a recorded outcome

    def _in_flight(self) -> int:
        return len(self._waiting) + len(self._handling) + len(self._recording)

    def _admit(self) -> None:
        """Begin with the jobs that wait, as far as there are slots."""
        while self._waiting:
            if self._out_of_time:
                self._settle(self._waiting.popleft())
            elif len(self._handling) + len(self._recording) < self._concurrency:
                delivery = self._waiting.popleft()
                task = self._handling[delivery] = asyncio.create_task(self._handle(delivery))
                task.add_done_callback(partial(self._handled, delivery))
            else:
                break

    async def _handle(self, delivery: _Delivery) -> None:
        delivery.error = await self._attempt(delivery.job)

    def _handled(self, delivery: _Delivery, _: asyncio.Task[None] | None = None) -> None:
        if self._handling.pop(delivery, None) is not None:  # else it was given up before it ended
            self._settle(delivery)

    def _settle(self, delivery: _Delivery) -> None:
        # A task apart from the handler's, which the handler may have cancelled itself.
        task = self._recording[delivery] = asyncio.create_task(self._record(delivery))
        task.add_done_callback(partial(self._recorded, delivery))

    async def _record(self, delivery: _Delivery) -> None:
        delivery.recorded = True
        error = delivery.error
        outcome: EventOutcome
        if error is None:
            trouble = await raised(self._store.complete, delivery.id)
            outcome = "succeeded" if trouble is None else "complete_error"
        else:
            trouble = await raised(self._store.fail, delivery.id, safe_failure_message(error))
            ended: EventOutcome = "canceled" if error_kind(error) == "canceled" else "failed"
            outcome = ended if trouble is None else "fail_record_error"
            self._next_poll = self._loop.time()
        self._observer.observe(
            Event(delivery.label, outcome), error if trouble is None else trouble, delivery.id
        )

    def _recorded(self, delivery: _Delivery, _: asyncio.Task[None]) -> None:
        del self._recording[delivery]
        if not delivery.recorded:
            # The task was cancelled before its first step, as asyncio.run() does with every task
            # when its main coroutine has ended.
            self._settle(delivery)
        self._admit()
        self._changed.set()


class _Delivery:
    """A delivered job on its way to a recorded outcome.

    No dataclass: asyncio logs the repr of tasks with their callbacks, and a payload in it would
    reach the log.
    """

    __slots__ = ("error", "id", "job", "label", "recorded")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.id = job.id
        self.label = safe_label(job.kind)
        # What is recorded unless the handler returns or raises: it never began, or was given up.
        self.error: BaseException | None = asyncio.CancelledError(_SHUTDOWN)
        self.recorded = False


def _check_store(store: Store) -> None:
    missing = [name for name in ("lease", "complete", "fail") if not callable(getattr(store, name, None))]
    if missing:
        raise TypeError(
            f"{type(store).__name__} has no method {' and no '.join(missing)}; "
            "a store has lease(limit), complete(id) and fail(id, message)"
        )


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}={value!r} is no whole number from 1; write {name}=10")


def _check_seconds(name: str, value: object, *, above_zero: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{name}={value!r} is no number of seconds; write {name}=5.0")
    if above_zero and value == 0:
        raise ValueError(f"{name}=0 would poll without a pause; write {name}=0.1, say")
