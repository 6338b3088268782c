"""Recording at full speed, where the store answers at once.

A store in memory answers before it has waited for anything. Nothing of such a call has to be written
down before it is over, and no coroutine of ours has to stand around the store's own. A call that does
wait, or raises anything but a refusal, goes on as it would with the recorder that everybody has.
"""

from __future__ import annotations

import dis
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from inspect import CO_COROUTINE
from types import CodeType, CoroutineType
from typing import Any

from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.history.awaiting import Rest
from async_contract.history.batch import batch
from async_contract.history.operation import OK, REJECTED, Delivered, Operation, Outcome
from async_contract.history.recorder import Recorder, Wrap, text_of
from async_contract.store import Job

Answer = Operation | Awaitable[Operation]
"""What came of a call; of one that was not over at once, what to await for it."""

_NEW = tuple.__new__
"""Makes an operation of its fields, in a third of the time that the class's own constructor takes."""


_NOTHING = object()
"""In place of an argument that a call does not have."""


class PromptRecorder(Recorder):
    """Records calls, those that are over at once without a coroutine of its own around the store's.

    Its methods whose names end in `now` are plain functions, for who makes many calls.
    """

    def __init__(self, harness: StoreHarness, sandbox: Sandbox, **options: Any) -> None:
        super().__init__(harness, sandbox, **options)
        # One that somebody has written may be a coroutine function.
        self._knows_refusals = not harness.customizes("is_rejection")
        self._noted = False  # that the store has to be awaited
        self._came: Callable[[], Any] | None = None  # in place of a call that was made already
        self._since: int | None = None  # the instant before it was made
        self._batch: Any = None  # what the latest lease itself returned

    async def enqueue(self, worker: int, store: Any, job: Job) -> Operation:
        """Enqueue a job, as every recorder does."""
        answer = self.enqueue_now(worker, store, job)
        return answer if isinstance(answer, Operation) else await answer

    async def lease(
        self, worker: int, store: Any, limit: int, wrap: Wrap | None = None
    ) -> tuple[Operation, Any]:
        """Lease jobs, as every recorder does."""
        if wrap is not None:
            return await super().lease(worker, store, limit, wrap)
        answer = self.lease_now(worker, store, limit)
        operation = answer if isinstance(answer, Operation) else await answer
        return operation, self._batch

    async def complete(self, worker: int, store: Any, job_id: str, wrap: Wrap | None = None) -> Operation:
        """Complete a job, as every recorder does."""
        if wrap is not None:
            return await super().complete(worker, store, job_id, wrap)
        answer = self.complete_now(worker, store, job_id)
        return answer if isinstance(answer, Operation) else await answer

    async def fail(
        self, worker: int, store: Any, job_id: str, message: str, wrap: Wrap | None = None
    ) -> Operation:
        """Fail a job, as every recorder does."""
        if wrap is not None:
            return await super().fail(worker, store, job_id, message, wrap)
        answer = self.fail_now(worker, store, job_id, message)
        return answer if isinstance(answer, Operation) else await answer

    def enqueue_now(self, worker: int, store: Any, job: Job) -> Answer:
        """Enqueue a job."""
        invoked = self.now()
        id = job.id
        self._given.add(id)
        outcome, result, error = self._ask(self._harness.enqueue, store, job)
        if outcome is not None and (isinstance(result, str) or id in self._enqueued):
            # With an id of the store's own, or one that stands for two jobs, there is more to do.
            outcome, result = None, partial(_same, result)
        if outcome is None:
            return self._go_on(invoked, result, super().enqueue(worker, store, job))
        if outcome is OK:
            self._enqueued.add(id)
        given = _NEW(Delivered, (id, job.kind, job.tenant_id, job.payload, job.attempts))
        fields = ("enqueue", worker, invoked, self.now(), outcome, id, None, (given,), error)
        operation: Operation = _NEW(Operation, fields)
        self.history.append(operation)
        return operation

    def lease_now(self, worker: int, store: Any, limit: int) -> Answer:
        """Lease jobs."""
        invoked = self.now()
        outcome, result, error = self._ask(store.lease, limit)
        jobs: tuple[Delivered, ...] = ()
        if outcome is OK and (result or type(result) is not list):  # most batches are empty
            try:
                jobs, error = batch(result)
            except BaseException as raised:
                outcome, result = None, partial(_raise, raised)
        if outcome is None or self._leave_foreign:
            came = result if outcome is None else partial(_same, result)
            return self._go_on(invoked, came, self._lease(worker, store, limit))
        self._batch = result
        fields = ("lease", worker, invoked, self.now(), outcome, None, limit, jobs, error)
        operation: Operation = _NEW(Operation, fields)
        self.history.append(operation)
        return operation

    def complete_now(self, worker: int, store: Any, job_id: str) -> Answer:
        """Complete a job."""
        invoked = self.now()
        outcome, result, error = self._ask(store.complete, job_id)
        if outcome is None:
            return self._go_on(invoked, result, super().complete(worker, store, job_id))
        text = job_id if type(job_id) is str else str(job_id)
        fields = ("complete", worker, invoked, self.now(), outcome, text, None, (), error)
        operation: Operation = _NEW(Operation, fields)
        self.history.append(operation)
        return operation

    def fail_now(self, worker: int, store: Any, job_id: str, message: str) -> Answer:
        """Fail a job."""
        invoked = self.now()
        outcome, result, error = self._ask(store.fail, job_id, message)
        if outcome is None:
            return self._go_on(invoked, result, super().fail(worker, store, job_id, message))
        text = job_id if type(job_id) is str else str(job_id)
        fields = ("fail", worker, invoked, self.now(), outcome, text, message, (), error)
        operation: Operation = _NEW(Operation, fields)
        self.history.append(operation)
        return operation

    def _ask(
        self, function: Callable[..., Any], first: Any, second: Any = _NOTHING
    ) -> tuple[Outcome | None, Any, str]:
        """Make a call with one argument or two: its outcome, its result, its error.

        Without an outcome it is not over, or what it raised is not to be told at once; then the result is a
        function that gives what is to be awaited, or raises that.
        """
        try:
            result = function(first) if second is _NOTHING else function(first, second)
            if type(result) is CoroutineType:
                if not self._noted:
                    self._note_that_it_waits(second)
                try:
                    waits_for = result.send(None)
                except StopIteration as done:
                    return OK, done.value, ""
                return None, partial(Rest, result, waits_for), ""
        except BaseException as raised:
            if (
                self._knows_refusals
                and isinstance(raised, Exception)
                and not isinstance(raised, HarnessError)
                and self._harness.is_rejection(raised)
            ):
                return REJECTED, None, text_of(raised)
            return None, partial(_raise, raised), ""
        if hasattr(result, "__await__"):
            self._note_that_it_waits(second)
            return None, partial(_same, result), ""
        return OK, result, ""

    def _note_that_it_waits(self, second: Any) -> None:
        """Note that the store has to be awaited; what enqueues may be the harness's own."""
        if type(second) is not Job:
            self._harness.awaited = self._noted = True

    # -- what is not over at once ---------------------------------------------------------------

    async def _go_on(
        self, invoked: int, came: Callable[[], Any], recorded: Awaitable[Operation]
    ) -> Operation:
        """Have a call recorded that was made already.

        Args:
            invoked: The instant before it was made.
            came: Gives what came of it so far.
            recorded: Records it, with that in place of another call.
        """
        # Until the call is recorded as begun nobody else has a turn.
        self._came, self._since = came, invoked
        return await recorded

    async def _lease(self, worker: int, store: Any, limit: int) -> Operation:
        operation, self._batch = await super().lease(worker, store, limit)
        return operation

    def _beginning(self) -> int:
        since, self._since = self._since, None
        return self.now() if since is None else since

    def _begin(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self._came is None:
            return function(*arguments)
        came, self._came = self._came, None
        return came()


def _same(result: Any) -> Any:
    return result


def _raise(error: BaseException) -> Any:
    raise error


def never_waits(function: Callable[..., Any]) -> bool:
    """Whether this is a coroutine function in which nothing is awaited: a call of it can't be cancelled."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return isinstance(code, CodeType) and bool(code.co_flags & CO_COROUTINE) and _awaits_nothing(code)


@lru_cache(maxsize=256)
def _awaits_nothing(code: CodeType) -> bool:
    return all(each.opname != "YIELD_VALUE" for each in dis.get_instructions(code))
