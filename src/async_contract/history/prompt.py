"""Recording at full speed, where the store answers at once.

A store in memory answers before it has waited for anything. Nothing of such a call has to be written
down before it is over, and no coroutine of ours has to stand around the store's own. A call that does
wait, or raises anything but a refusal, goes on as it would with the recorder that everybody has.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from functools import lru_cache, partial
from inspect import CO_COROUTINE
from types import CoroutineType, FunctionType
from typing import Any

from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.history.awaiting import Rest
from async_contract.history.batch import batch
from async_contract.history.operation import OK, REJECTED, UNKNOWN, Delivered, Operation, Outcome
from async_contract.history.recorder import Recorder, Wrap, text_of
from async_contract.store import Job

_NEW = tuple.__new__
"""Makes an operation of its fields, in a third of the time that the class's own constructor takes."""


class _NotOver(Exception):
    """A call was made that is not over, or of which there is more to do.

    Attributes:
        came: Gives what is to be awaited, or what came of it.
    """

    def __init__(self, came: Callable[[], Any]) -> None:
        self.came = came


class PromptRecorder(Recorder):
    """Records calls, those that are over at once without another coroutine around the store's.

    A method in which nothing is awaited is awaited here and now: its result comes in a third of the time that
    it takes to have a coroutine send it, which raises it. Of any other it is not known whether it waits, and
    what does has to be written down before.
    """

    def __init__(self, harness: StoreHarness, sandbox: Sandbox, **options: Any) -> None:
        super().__init__(harness, sandbox, **options)
        # One that somebody has written may be a coroutine function.
        self._knows_refusals = not harness.customizes("is_rejection")
        self._refuses: dict[type, bool] = {}
        self._leaves_enqueue = not harness.customizes("enqueue")
        self._came: Callable[[], Any] | None = None  # in place of a call that was made already
        self._since: int | None = None  # the instant before it was made

    async def enqueue(self, worker: int, store: Any, job: Job) -> Operation:
        """Enqueue a job, as every recorder does."""
        id = job.id
        self._given.add(id)
        invoked = self.now()
        outcome, error = OK, ""
        try:
            if self._leaves_enqueue and _awaits_nothing(getattr(store.enqueue, "__func__", None)):
                result = await store.enqueue(job)
            else:
                result = self._first_turn(self._harness.enqueue, store, job)
            if isinstance(result, str) or id in self._enqueued:
                # With an id of the store's own, or one that stands for two jobs, there is more to do.
                raise _NotOver(partial(_same, result))  # noqa: TRY301 - it is to be sorted with all others
        except BaseException as raised:
            outcome, error = self._sorted(raised, invoked)
        if outcome is UNKNOWN:
            return await super().enqueue(worker, store, job)
        if outcome is OK:
            self._enqueued.add(id)
        given = _NEW(Delivered, (id, job.kind, job.tenant_id, job.payload, job.attempts))
        fields = ("enqueue", worker, invoked, self.now(), outcome, id, None, (given,), error)
        operation: Operation = _NEW(Operation, fields)
        self.history.append(operation)
        return operation

    async def lease(
        self, worker: int, store: Any, limit: int, wrap: Wrap | None = None
    ) -> tuple[Operation, Any]:
        """Lease jobs, as every recorder does."""
        if wrap is not None or self._leave_foreign:
            return await super().lease(worker, store, limit, wrap)
        function = store.lease
        invoked = self.now()
        jobs: tuple[Delivered, ...] = ()
        result, outcome, error = None, OK, ""
        try:
            if _awaits_nothing(getattr(function, "__func__", None)):
                self._harness.awaited = True  # one that is only completed and failed is of no use
                result = await function(limit)
            else:
                result = self._first_turn(function, limit)
            if result or type(result) is not list:  # most batches are empty
                jobs, error = batch(result)
        except BaseException as raised:
            outcome, error = self._sorted(raised, invoked)
        if outcome is UNKNOWN:
            return await super().lease(worker, store, limit)
        fields = ("lease", worker, invoked, self.now(), outcome, None, limit, jobs, error)
        operation: Operation = _NEW(Operation, fields)
        self.history.append(operation)
        return operation, result

    async def complete(self, worker: int, store: Any, job_id: str, wrap: Wrap | None = None) -> Operation:
        """Complete a job, as every recorder does."""
        if wrap is not None:
            return await super().complete(worker, store, job_id, wrap)
        function = store.complete
        invoked = self.now()
        outcome, error = OK, ""
        try:
            if _awaits_nothing(getattr(function, "__func__", None)):
                await function(job_id)
            else:
                self._first_turn(function, job_id)
        except BaseException as raised:
            outcome, error = self._sorted(raised, invoked)
        if outcome is UNKNOWN:
            return await super().complete(worker, store, job_id)
        text = job_id if type(job_id) is str else str(job_id)
        fields = ("complete", worker, invoked, self.now(), outcome, text, None, (), error)
        operation: Operation = _NEW(Operation, fields)
        self.history.append(operation)
        return operation

    async def fail(
        self, worker: int, store: Any, job_id: str, message: str, wrap: Wrap | None = None
    ) -> Operation:
        """Fail a job, as every recorder does."""
        if wrap is not None:
            return await super().fail(worker, store, job_id, message, wrap)
        function = store.fail
        invoked = self.now()
        outcome, error = OK, ""
        try:
            if _awaits_nothing(getattr(function, "__func__", None)):
                await function(job_id, message)
            else:
                self._first_turn(function, job_id, message)
        except BaseException as raised:
            outcome, error = self._sorted(raised, invoked)
        if outcome is UNKNOWN:
            return await super().fail(worker, store, job_id, message)
        text = job_id if type(job_id) is str else str(job_id)
        fields = ("fail", worker, invoked, self.now(), outcome, text, message, (), error)
        operation: Operation = _NEW(Operation, fields)
        self.history.append(operation)
        return operation

    def _first_turn(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Make a call as far as it gets without waiting, and give its result.

        Raises:
            _NotOver: It waits.
        """
        result = function(*arguments)
        if type(result) is CoroutineType:
            try:
                waits_for = result.send(None)
            except StopIteration as done:
                self._note_what_is_awaited(arguments)
                return done.value
            raise _NotOver(partial(Rest, result, waits_for))
        if hasattr(result, "__await__"):
            raise _NotOver(partial(_same, result))
        return result

    def _note_what_is_awaited(self, arguments: tuple[Any, ...]) -> None:
        """Note that the store has to be awaited; what enqueues may be the harness's own."""
        if type(arguments[-1]) is not Job:
            self._harness.awaited = True

    def _sorted(self, raised: BaseException, invoked: int) -> tuple[Outcome, str]:
        """Sort what a call raised that was made at this instant.

        Returns:
            A refusal, with its text. Whatever else it is, the next call that is begun goes on with that.
        """
        kind = type(raised)
        refuses = self._refuses.get(kind)
        if refuses is None:
            # The harness's own answer hangs on the class alone, and to ask for it takes its time.
            is_stores = issubclass(kind, Exception) and not issubclass(kind, (HarnessError, _NotOver))
            refuses = is_stores and self._knows_refusals and bool(self._harness.is_rejection(raised))
            self._refuses[kind] = refuses
        if refuses:
            return REJECTED, text_of(raised)
        self._came = raised.came if isinstance(raised, _NotOver) else partial(_raise, raised)
        self._since = invoked
        return UNKNOWN, ""

    # -- what is not over at once ---------------------------------------------------------------

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
    return _awaits_nothing(getattr(function, "__func__", function))


@lru_cache(maxsize=256)
def _awaits_nothing(function: Callable[..., Any] | None) -> bool:
    """The same of a plain function; `None` is none."""
    if type(function) is not FunctionType or not function.__code__.co_flags & CO_COROUTINE:
        return False
    return all(each.opname != "YIELD_VALUE" for each in dis.get_instructions(function))
