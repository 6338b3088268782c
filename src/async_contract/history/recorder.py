"""The one place where a store is called: plain or coroutine function, timed, and classified.

Only what came of a call is recorded here; what it means is for the judge.
"""

from __future__ import annotations

import asyncio
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
)
from async_contract.store import Job

Wrap = Callable[[Awaitable[Any]], Awaitable[Any]]
"""What an experiment may do with the awaitable that a store returned, such as cancel it."""


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
        history: What was recorded, in the order of `operation.instant`: a call other than a lease
            takes its place when it is invoked, a lease when it returns.
    """

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
        self._call_limit = call_limit
        self._readings = 0
        self._stood = ""
        self._latest = 0

    def now(self) -> int:
        """The next instant, in nanoseconds: later than every earlier one.

        So what happens in one process has an order even where its clock stands still.
        """
        self._readings += 1
        now = self._sandbox.now_ns()
        # A virtual clock stands still between two steps; what is added must never shrink when it is put
        # forward, or a lease would seem to expire before its time.
        self._latest = now + self._readings if self._sandbox.stands_still else max(now, self._latest + 1)
        return self._latest

    async def enqueue(self, worker: int, store: Any, job: Job) -> Operation:
        """Enqueue a job; the operation's `job_id` is the id that the store gave it.

        Raises:
            HarnessError: The store gave two jobs the same id.
        """
        given = Delivered(job.id, job.kind, job.tenant_id, job.payload, job.attempts)
        begun = Operation("enqueue", worker, self.now(), None, UNKNOWN, job.id, None, (given,), CANCELLED)
        self._given.add(job.id)
        place, result = await self._record(begun, self._harness.enqueue, (store, job))
        done = self.history[place]
        if done.outcome == OK:
            job_id = chosen_id(result, job)
            if job_id in self._enqueued:
                raise HarnessError(
                    f"enqueue returned {job_id!r} for two jobs; a str that it returns is the id which the "
                    "store chose: return that, or None if the job keeps its own"
                )
            self._given.add(job_id)
            self._enqueued.add(job_id)
            if job_id != job.id:
                done = self.history[place] = done._replace(job_id=job_id, jobs=(given._replace(id=job_id),))
        return self._checked(done)

    async def lease(
        self, worker: int, store: Any, limit: int, wrap: Wrap | None = None
    ) -> tuple[Operation, Any]:
        """Lease jobs; also gives what the store itself returned."""
        invoked = self.now()
        outcome, result, error = UNKNOWN, None, CANCELLED
        jobs: tuple[Delivered, ...] = ()
        try:
            outcome, result, error = await self._call(store.lease, (limit,), wrap)
            if outcome == OK:
                outcome, jobs, error = await self._read(result)
        finally:
            done = Operation("lease", worker, invoked, self.now(), outcome, None, limit, jobs, error)
            self.history.append(done)
        return self._checked(done), result

    async def _read(self, result: Any) -> tuple[Outcome, tuple[Delivered, ...], str]:
        try:
            jobs, error = batch(result)
        except Exception as raised:
            # A batch that is fetched while it is read, and gets lost on the way, is a lease that failed.
            return await self._outcome(raised), (), _text(raised)
        if self._leave_foreign:
            ours = tuple(each for each in jobs if each.id in self._given)
            if len(ours) < len(jobs):
                jobs, error = ours, LEFT_OUT  # so that nobody takes it for an empty lease
        return OK, jobs, error

    async def complete(self, worker: int, store: Any, job_id: str, wrap: Wrap | None = None) -> Operation:
        """Complete a job; an id that is no str, which only a broken store delivers, is recorded as text."""
        begun = Operation("complete", worker, self.now(), None, UNKNOWN, str(job_id), None, (), CANCELLED)
        place, _ = await self._record(begun, store.complete, (job_id,), wrap)
        return self._checked(self.history[place])

    async def fail(
        self, worker: int, store: Any, job_id: str, message: str, wrap: Wrap | None = None
    ) -> Operation:
        """Fail a job; its id is recorded as `complete` does."""
        begun = Operation("fail", worker, self.now(), None, UNKNOWN, str(job_id), message, (), CANCELLED)
        place, _ = await self._record(begun, store.fail, (job_id, message), wrap)
        return self._checked(self.history[place])

    async def inspect(self, worker: int, store: Any, job_id: str) -> Operation:
        """Look up what the store remembers of a job.

        Raises:
            HarnessError: What came back is no record.
        """
        begun = Operation("inspect", worker, self.now(), None, UNKNOWN, str(job_id), None, (), CANCELLED)
        place, result = await self._record(begun, self._harness.inspect, (store, job_id))
        done = self.history[place]
        if done.outcome == OK:
            done = self.history[place] = done._replace(value=record_from(result))
        return self._checked(done)

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

    async def _record(
        self,
        begun: Operation,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        wrap: Wrap | None = None,
    ) -> tuple[int, Any]:
        """Make a call that has its place in the history from its invocation on.

        However it ends, also by a cancellation that passes through, the history has how and when.
        """
        place = len(self.history)
        self.history.append(begun)
        outcome, result, error = UNKNOWN, None, CANCELLED
        try:
            outcome, result, error = await self._call(function, arguments, wrap)
        finally:
            method, worker, invoked, _, _, job_id, value, jobs, _ = begun
            self.history[place] = Operation(
                method, worker, invoked, self.now(), outcome, job_id, value, jobs, error
            )
        return place, result

    def _checked(self, done: Operation) -> Operation:
        if done.error == TIMED_OUT:
            raise CallTimedOut(
                f"{done.method} did not return within {self._call_limit:g} s: it hung {self._stood}"
            )
        return done

    async def _call(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], wrap: Wrap | None = None
    ) -> tuple[Outcome, Any, str]:
        """Call the store and say what came of it. A cancellation of the caller passes through."""
        try:
            result = function(*arguments)
            # Not `inspect.isawaitable`, which costs as much as the rest of this method.
            if hasattr(result, "__await__"):
                result = await within(self._call_limit, wrap(result) if wrap else result)
        except HarnessError:
            raise
        except TimeIsUp as up:
            self._stood = str(up)
            return UNKNOWN, None, TIMED_OUT
        except Exception as error:
            return await self._outcome(error), None, _text(error)
        except SystemExit as error:  # it must not end the run
            return UNKNOWN, None, _text(error)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return UNKNOWN, None, _text(error)  # the store cancelled itself: nobody asked it to
        return OK, result, ""

    async def _outcome(self, error: Exception) -> Outcome:
        return REJECTED if await is_rejection(self._harness, error) else UNKNOWN


def _text(error: BaseException) -> str:
    """An error as a history has it: its type and the beginning of its text, in one line."""
    try:
        text = str(error)
    except Exception:
        text = "(its text can't be had)"
    return f"{type(error).__name__}: {text}"[:300].replace("\n", " ").rstrip(": ")
