"""The one place where a store is called: plain or coroutine function, timed, and classified.

Only what came of a call is recorded here; what it means is for the judge.
"""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Awaitable, Callable
from typing import Any

from async_contract.harness.calls import chosen_id, is_rejection, record_from
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.history.awaiting import TimeIsUp, within
from async_contract.history.batch import batch
from async_contract.history.operation import (
    CANCELLED,
    LEFT_OUT,
    OK,
    REJECTED,
    TIMED_OUT,
    UNKNOWN,
    Delivered,
    Method,
    Operation,
    Outcome,
    is_blocked,
)
from async_contract.store import Job

Wrap = Callable[[Awaitable[Any]], Awaitable[Any]]
"""What an experiment may do with the awaitable that a store returned, such as cancel it."""

_NEW = tuple.__new__
"""Makes an operation of its fields, in a third of the time that the class's own constructor takes."""


class CallTimedOut(Exception):
    """A call of the store did not return within the time limit; the history has it as unknown."""


class Recorder:
    """Calls a store and writes down what came of it.

    Args:
        harness: How the store is reached.
        sandbox: Whose clock the history keeps.
        call_limit: Seconds after which a call that can be cancelled is given up; `None`: never.
        leave_foreign: Leave jobs out of the history that were not enqueued here.

    Attributes:
        call_limit: As above; it may be set between two calls.
        history: What was recorded, in the order of `operation.instant`: a call other than a lease
            takes its place when it is invoked, a lease when it returns.
        now: Gives the next instant, as `instants` has them.
    """

    _begin: Callable[..., Any] = operator.call
    """Calls a function of the store, with its arguments."""

    _begins_itself = True
    """Whether an awaitable that `_begin` gives is the store's own, and not one that waits for its call."""

    def __init__(
        self,
        harness: StoreHarness,
        sandbox: Sandbox,
        *,
        call_limit: float | None,
        leave_foreign: bool = False,
    ) -> None:
        self._leave_foreign = leave_foreign
        self._given: set[object] = set()  # the ids of the jobs that are ours, those under way included
        self._enqueued: set[str] = set()
        self.history: list[Operation] = []
        self._harness = harness
        self._sandbox = sandbox
        self.call_limit = call_limit
        self._stood = ""
        self.now = instants(sandbox)

    async def enqueue(self, worker: int, store: Any, job: Job) -> Operation:
        """Enqueue a job; the operation's `job_id` is the id that the store gave it.

        Raises:
            HarnessError: The store gave two jobs the same id.
        """
        given = _NEW(Delivered, (job.id, job.kind, job.tenant_id, job.payload, job.attempts))
        self._given.add(job.id)
        place, result = await self._record(
            "enqueue", worker, self._harness.enqueue, (store, job), job_id=job.id, jobs=(given,)
        )
        done = self.history[place]
        if done.outcome is OK:
            job_id = chosen_id(result, job)
            if job_id in self._enqueued:
                raise HarnessError(
                    f"enqueue returned {job_id!r} for two jobs; a str that it returns is the id which the "
                    "store chose: return that, or None if the job keeps its own"
                )
            self._enqueued.add(job_id)
            if job_id != job.id:
                self._given.add(job_id)
                done = self.history[place] = done._replace(job_id=job_id, jobs=(given._replace(id=job_id),))
        return done

    async def lease(
        self, worker: int, store: Any, limit: int, wrap: Wrap | None = None
    ) -> tuple[Operation, Any]:
        """Lease jobs; also gives what the store itself returned."""
        invoked = self._beginning()
        outcome, result, error = UNKNOWN, None, CANCELLED
        jobs: tuple[Delivered, ...] = ()
        try:
            result = self._begin(store.lease, limit)
            if hasattr(result, "__await__"):
                self._harness.awaited |= self._begins_itself
                result = await self._within(result, wrap)
            # A batch that is fetched while it is read, and gets lost on the way, is a lease that failed.
            jobs, error = batch(result)
            outcome = OK
        except BaseException as raised:
            found = await self._classified(raised)
            if found is None:
                raise
            outcome, error = found
        finally:
            if self._leave_foreign and jobs:
                ours = tuple(each for each in jobs if each.id in self._given)
                if len(ours) < len(jobs):
                    jobs, error = ours, LEFT_OUT  # so that nobody takes it for an empty lease
            done = _NEW(Operation, ("lease", worker, invoked, self.now(), outcome, None, limit, jobs, error))
            self.history.append(done)
        if error is TIMED_OUT:
            raise self._timed_out("lease")
        return done, result

    async def complete(self, worker: int, store: Any, job_id: str, wrap: Wrap | None = None) -> Operation:
        """Complete a job; an id that is no str, which only a broken store delivers, is recorded as text."""
        place, _ = await self._record(
            "complete", worker, store.complete, (job_id,), job_id=str(job_id), wrap=wrap
        )
        return self.history[place]

    async def fail(
        self, worker: int, store: Any, job_id: str, message: str, wrap: Wrap | None = None
    ) -> Operation:
        """Fail a job; its id is recorded as `complete` does."""
        place, _ = await self._record(
            "fail", worker, store.fail, (job_id, message), job_id=str(job_id), value=message, wrap=wrap
        )
        return self.history[place]

    async def inspect(self, worker: int, store: Any, job_id: str) -> Operation:
        """Look up what the store remembers of a job.

        Raises:
            HarnessError: What came back is no record.
        """
        place, result = await self._record(
            "inspect", worker, self._harness.inspect, (store, job_id), job_id=str(job_id)
        )
        done = self.history[place]
        if done.outcome is OK:
            done = self.history[place] = done._replace(value=record_from(result))
        return done

    async def relay(self, begun: Operation, made: Awaitable[Operation]) -> Operation:
        """Write down a call that a worker in another process makes.

        Its instants are ours, before it was asked and after it answered: they enclose those of the call, on
        whatever clock, so what the judge makes of them holds.

        Args:
            begun: The call, begun here; it stays like that if nobody tells what came of it.
            made: What came of it, as it was recorded there.
        """
        place = len(self.history)
        done = begun
        self._given.update(job.id for job in begun.jobs)
        if begun.method != "lease":
            self.history.append(begun)
        try:
            done = (await made)._replace(invoked=begun.invoked, returned=self.now())
        finally:
            if begun.method == "lease":
                self.history.append(done)
            else:
                self.history[place] = done
        self._enqueued.update(str(job.id) for job in done.jobs if done.method == "enqueue")
        return done

    def note(
        self, method: Method, worker: int, invoked: int, job_id: str | None = None, error: str = ""
    ) -> None:
        """Write down something that happened around the calls, begun at `invoked` and over now."""
        self.history.append(Operation(method, worker, invoked, self.now(), OK, job_id, error=error))

    def was_blocked(self, call: Operation) -> bool:
        """Whether a call failed after it had waited for long in real time, for a lock it may be."""
        return not self._sandbox.virtual and is_blocked(call)

    async def _record(
        self,
        method: Method,
        worker: int,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        *,
        job_id: str,
        value: str | None = None,
        jobs: tuple[Delivered, ...] = (),
        wrap: Wrap | None = None,
    ) -> tuple[int, Any]:
        """Make a call that has its place in the history from its invocation on.

        However it ends, also by a cancellation that passes through, the history has how and when.
        """
        history = self.history
        outcome, result, error = UNKNOWN, None, CANCELLED
        invoked = self._beginning()
        place = len(history)
        begun = (method, worker, invoked, None, outcome, job_id, value, jobs, error)
        history.append(_NEW(Operation, begun))
        try:
            result = self._begin(function, *arguments)
            # Not `inspect.isawaitable`, which costs as much as the rest of this method.
            if hasattr(result, "__await__"):
                self._harness.awaited |= self._begins_itself and method in ("complete", "fail")
                result = await self._within(result, wrap)
            outcome, error = OK, ""
        except BaseException as raised:
            found = await self._classified(raised)
            if found is None:
                raise
            outcome, error = found
        finally:
            done = (method, worker, invoked, self.now(), outcome, job_id, value, jobs, error)
            history[place] = _NEW(Operation, done)
        if error is TIMED_OUT:
            raise self._timed_out(method)
        return place, result

    def _beginning(self) -> int:
        """The instant before a call that is made now."""
        return self.now()

    def _within(self, call: Awaitable[Any], wrap: Wrap | None) -> Awaitable[Any]:
        """What the store returned, to be awaited within the time limit."""
        return within(self.call_limit, wrap(call) if wrap else call)

    def _timed_out(self, method: str) -> CallTimedOut:
        return CallTimedOut(f"{method} did not return within {self.call_limit:g} s: it hung {self._stood}")

    async def _classified(self, error: BaseException) -> tuple[Outcome, str] | None:
        """What came of a call that raised this; `None` if it is not the store's, and is to pass through."""
        match error:
            case HarnessError():
                return None
            case TimeIsUp():
                self._stood = str(error)
                return UNKNOWN, TIMED_OUT
            case Exception():
                rejected = await is_rejection(self._harness, error)
                return REJECTED if rejected else UNKNOWN, text_of(error)
            case SystemExit():  # it must not end the run
                return UNKNOWN, text_of(error)
            case asyncio.CancelledError():
                task = asyncio.current_task()
                # If nobody asked for it, the store has cancelled itself.
                return None if task is not None and task.cancelling() else (UNKNOWN, text_of(error))
        return None


def instants(sandbox: Sandbox) -> Callable[[], int]:
    """Gives instants in nanoseconds on the sandbox's clock, each later than every earlier one.

    So what happens in one process has an order even where its clock stands still.
    """
    now_ns = sandbox.now_ns
    added = latest = 0

    def on_a_clock_that_stands_still() -> int:
        # What is added must never shrink when the clock is put forward, or a lease would seem to expire
        # before its time.
        nonlocal added
        added += 1
        return sandbox.virtual_ns + added

    def on_a_clock_that_goes() -> int:
        nonlocal latest
        latest = max(now_ns(), latest + 1)
        return latest

    return on_a_clock_that_stands_still if sandbox.stands_still else on_a_clock_that_goes


def text_of(error: BaseException) -> str:
    """An error as a history has it: its type and the beginning of its text, in one line."""
    try:
        text = str(error)
    except Exception:
        text = "(its text can't be had)"
    return f"{type(error).__name__}: {text}"[:300].replace("\n", " ").rstrip(": ")
