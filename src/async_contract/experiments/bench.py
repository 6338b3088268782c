"""Where an experiment meets a store: workers, time, and the recorder between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from operator import attrgetter
from traceback import extract_tb
from types import TracebackType
from typing import Any, Generic, TypeVar

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.cancel import CancelAt
from async_contract.experiments.reopening import Shut, open_again
from async_contract.harness.calls import dispose, prepare
from async_contract.harness.connection import Connection, open_store
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import CANCELLED, OK, UNKNOWN, Delivered, Operation
from async_contract.history.prompt import PromptRecorder
from async_contract.history.recorder import Recorder, Wrap
from async_contract.judge.drained import IN_A_ROW
from async_contract.judge.judge import judge
from async_contract.judge.refusals import ERRORS
from async_contract.store import Job

MARGIN = 0.001
"""Seconds beyond an instant that are waited for, so that nothing hangs on a rounded clock."""

AFTERMATH = 0.25
"""Seconds that what a cancelled call has left running has to end, before leases expire or a job is lost."""

MOST_LEASES = 400
"""After so many leases a store that still delivers is not going to be empty."""


class NotExercised(Exception):
    """The store, or its harness, does not let this experiment put a clause to the test."""


class Blocked(NotExercised):
    """Somebody who has nothing left to do holds what others need: each of their calls waits, and fails."""


class ShutForGood(NotExercised):
    """The store can't be opened any more, so nothing can be called."""


class NotApplicable(Exception):
    """The clause can't apply to this store."""


class Inconclusive(Exception):
    """What was done last may be the harness's doing, and was taken out of the history."""


class NotEmpty(Exception):
    """The store holds jobs that the toolkit did not put there."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How an experiment treats a store.

    Attributes:
        call_limit: Seconds after which a call is given up; `None`: never.
        longest_wait: Seconds of real time that one experiment may wait for leases to expire.
        allow_nonempty: Whether a store may hold other jobs, which are then left alone.
        waits: Whether a random program waits at its end until every lease has expired, in real time too.
    """

    call_limit: float | None = 10.0
    longest_wait: float = 5.0
    allow_nonempty: bool = False
    waits: bool = False


def ordinary_job(job_id: str, number: int) -> Job:
    """A job that no store has a reason to refuse: many take only JSON, or want to know a tenant."""
    return Job(job_id, f"kind-{number % 3}", "acme", b'{"number": %d}' % number)


class Worker:
    """One worker with its connection; every call is recorded."""

    def __init__(self, number: int, store: Any, recorder: Recorder) -> None:
        self.number = number
        self.store = store
        self._recorder = recorder

    async def lease(self, limit: int, *, wrap: Wrap | None = None) -> Sequence[Delivered]:
        """Lease jobs once; what failed delivers nothing."""
        operation, _ = await self._recorder.lease(self.number, self.store, limit, wrap)
        return operation.jobs

    async def lease_raw(self, limit: int) -> tuple[Sequence[Delivered], Any]:
        """Lease jobs, and give what the store itself returned beside what is recorded of it."""
        operation, result = await self._recorder.lease(self.number, self.store, limit)
        return operation.jobs, result

    async def ask(self, limit: int) -> Sequence[Delivered]:
        """Lease jobs with a limit that must be accepted, again if it is not: errors may be transient.

        Raises:
            Blocked: Each time it failed after it had waited for long in real time.
        """
        tried = []
        for _ in range(ERRORS):
            operation = await self._leased(limit)
            if operation.outcome == OK:
                break
            tried.append(operation)
        if len(tried) == ERRORS and all(map(self._recorder.was_blocked, tried)):
            raise Blocked(f"every lease of worker {self.number} fails after a long wait: {operation.error}")
        return operation.jobs

    async def _leased(self, limit: int) -> Operation:
        return (await self._recorder.lease(self.number, self.store, limit))[0]

    async def complete(self, job_id: str, *, wrap: Wrap | None = None) -> Operation:
        """Complete a job, once."""
        return await self._recorder.complete(self.number, self.store, job_id, wrap)

    async def fail(self, job_id: str, message: str = "boom", *, wrap: Wrap | None = None) -> Operation:
        """Fail a job, once."""
        return await self._recorder.fail(self.number, self.store, job_id, message, wrap)

    async def finish(self, job_id: str) -> Operation:
        """Complete a job that this worker holds, again if that fails: errors may be transient."""
        for _ in range(ERRORS):
            operation = await self.complete(job_id)
            if operation.outcome == OK:
                break
        return operation

    async def give_up(self, job_id: str, message: str = "boom") -> Operation:
        """Fail a job that this worker holds, again if that fails: errors may be transient."""
        for _ in range(ERRORS):
            operation = await self.fail(job_id, message)
            if operation.outcome == OK:
                break
        return operation


class Bench:
    """One store in one sandbox, and everything an experiment does with it.

    Attributes:
        room: How many jobs the leases ask for by which the store is drained.
        has_processes: Whether its workers have a process each.
        why_together: Why they have not, where that was tried.
    """

    records_with: type[Recorder] = PromptRecorder

    def __init__(self, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> None:
        self.harness = harness
        self.sandbox = sandbox
        self.settings = settings
        self.capabilities: Capabilities = harness.capabilities
        self.recorder = self.records_with(
            harness, sandbox, call_limit=settings.call_limit, leave_foreign=settings.allow_nonempty
        )
        self.chooses_ids = False
        self.room = 10
        self.has_processes = False
        self.why_together = ""
        self._connections: dict[int, Connection] = {}  # by worker, who opened it
        self._workers: list[Worker] = []
        self._engaged = 0
        self._numbers = 0
        self._jobs = 0
        self._left: set[asyncio.Task[Any]] = set()  # by calls that were cancelled

    @property
    def history(self) -> list[Operation]:
        """What was recorded so far."""
        return self.recorder.history

    # -- workers ------------------------------------------------------------------------------

    async def worker(self) -> Worker:
        """One more worker, with a connection of its own if the store's workers have one each.

        With `sharing="none"` there is only one worker, who gets the job of every other.
        """
        sharing = self.capabilities.sharing
        if self._engaged < len(self._workers):
            self._engaged += 1
            return self._workers[self._engaged - 1]
        if sharing == "none" and self._workers:
            return self._workers[0]
        number = self.number()
        if sharing in ("none", "instance") and self._connections:
            store = next(iter(self._connections.values())).store
        else:
            store = await self._connect(number)
        worker = Worker(number, store, self.recorder)
        self._workers.append(worker)
        self._engaged += 1
        return worker

    def number(self) -> int:
        """A number for one more worker, wherever it works."""
        self._numbers += 1
        return self._numbers

    async def newcomer(self) -> Worker | None:
        """One more worker with a connection of its own, who is the first one from now on.

        Whether the store can be opened stands in the history, each try an operation.

        Returns:
            The worker; `None` if the store can't be opened, time and again.
        """
        number = self.number()
        for patience in range(ERRORS + 1):
            begun = Operation("connect", number, self.recorder.now(), None, UNKNOWN)
            try:
                connection = await open_store(self.harness, self.sandbox)
            except (HarnessError, TargetError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is part of the history
                text = f"{type(error).__name__}: {error}"[:300].rstrip(": ")
                self.history.append(begun._replace(returned=self.recorder.now(), error=text))
                if not patience and self.can_expire:
                    # What a dead worker has locked may be locked for as long as its lease.
                    await self.expire()
            else:
                self.history.append(begun._replace(returned=self.recorder.now(), outcome=OK))
                self._connections[number] = connection
                self._workers.insert(0, Worker(number, connection.store, self.recorder))
                return self._workers[0]
        return None

    async def first_worker(self) -> Worker:
        """The worker that every experiment has, whether it was asked for or not."""
        if not self._workers:
            await self.worker()
            self._engaged = 0  # the next one to be asked for is this one
        return self._workers[0]

    async def workers(self, count: int) -> list[Worker]:
        """So many more workers."""
        return [await self.worker() for _ in range(count)]

    async def _connect(self, number: int) -> Any:
        invoked = self.recorder.now()
        connection = await self._open(number)
        if len(self._connections) > 1:
            self.recorder.note("connect", number, invoked)
        return connection.store

    async def leave(self, worker: Worker) -> None:
        """Close the connection of one worker, the latest one, while the others have theirs."""
        assert worker is self._workers[-1], "it has a connection of its own, and is not asked for again"
        invoked = self.recorder.now()
        connection = self._connections.pop(worker.number)
        with _reported("closing the store"):
            await self.conduct(connection.close(), worker.number)
        self.recorder.note("disconnect", worker.number, invoked)
        self._workers.pop()
        self._engaged = min(self._engaged, len(self._workers))

    async def reopen(self) -> None:
        """Close every connection and open it again.

        Raises:
            ShutForGood: A store that is to be durable can't be opened any more.
        """
        invoked = self.recorder.now()
        await self.close()
        closed = self.recorder.now()
        stores: list[Any] = []
        for worker in self._workers:
            if not stores or self.capabilities.sharing in ("connection", "process"):
                try:
                    stores.append((await self._open_again(worker.number)).store)
                except Shut as shut:
                    self.history.append(Operation("reopen", 0, invoked, closed))
                    self.history.extend(shut.tried)
                    raise ShutForGood(str(shut)) from None
            worker.store = stores[-1]
        self.recorder.note("reopen", 0, invoked)

    async def _open_again(self, number: int) -> Connection:
        if not self.capabilities.durable:
            return await self._open(number)

        async def wait() -> None:
            if self.can_expire:
                await self.expire()

        with _reported("connecting to the store"):
            return await open_again(
                self.harness, lambda: self._opened(number), wait, number, self.recorder.now
            )

    async def close(self) -> None:
        """Close every connection, the last one first."""
        while self._connections:
            with _reported("closing the store"):
                number, connection = self._connections.popitem()
                await self.conduct(connection.close(), number)

    async def _open(self, number: int) -> Connection:
        with _reported("connecting to the store"):
            return await self._opened(number)

    async def _opened(self, number: int) -> Connection:
        connection: Connection = await self.conduct(open_store(self.harness, self.sandbox), number)
        self._connections[number] = connection
        return connection

    async def conduct(self, coroutine: Coroutine[Any, Any, Any], number: int = 1) -> Any:
        """Do something around the calls, for the worker with this number: here and now."""
        return await coroutine

    async def _any_store(self) -> Any:
        return (await self.first_worker()).store

    # -- jobs ---------------------------------------------------------------------------------

    async def enqueue(self, count: int = 1) -> list[str]:
        """Enqueue ordinary jobs and return their ids; raise `NotExercised` if none is accepted."""
        return [await self._enqueue_another() for _ in range(count)]

    async def _enqueue_another(self) -> str:
        # Errors may be transient. An id is never enqueued twice, so each try is for another job; one
        # of which only the reply was lost is in the store too, and does no harm there.
        for _ in range(ERRORS):
            self._jobs += 1
            job = ordinary_job(f"job-{self._jobs:02}", self._jobs)
            operation = await self.offer(job)
            if operation.outcome == OK:
                assert operation.job_id is not None, "an enqueue names its job"
                return operation.job_id
        raise NotExercised(f"enqueue of {job.id!a} failed: {operation.error}")

    async def offer(self, job: Job, worker: Worker | None = None) -> Operation:
        """Enqueue a job that the store may refuse, by the connection of a worker."""
        store = await self._any_store() if worker is None else worker.store
        operation = await self.recorder.enqueue(0, store, job)
        if operation.outcome == OK and operation.job_id != job.id:
            self.chooses_ids = True
        return operation

    async def obtain(self, worker: Worker, count: int) -> list[str]:
        """Have the worker lease until it holds so many jobs; a lease may deliver fewer than its limit.

        Raises:
            NotExercised: The store delivers nothing more.
        """
        ids = await self.obtain_some(worker, count)
        for more in range(ERRORS):
            if len(ids) >= count or not self._a_lease_failed():
                break
            # In place of what a lost reply may have taken along; more each time, lest they are all lost.
            await self.enqueue(count - len(ids) + more)
            await self.settle()
            ids += await self.obtain_some(worker, count - len(ids))
        if len(ids) < count:
            raise NotExercised(f"the store delivered {len(ids)} of {count} ready jobs")
        return ids

    def _a_lease_failed(self) -> bool:
        return any(each.method == "lease" and each.outcome != OK for each in self.history)

    async def obtain_some(self, worker: Worker, most: int) -> list[str]:
        """Have the worker lease until it holds so many jobs or nothing more comes."""
        ids: list[str] = []
        empty = 0
        while len(ids) < most and empty < IN_A_ROW:
            jobs = await worker.ask(most - len(ids))
            ids.extend(str(each.id) for each in jobs)
            empty = 0 if jobs else empty + 1
            if not jobs:
                await self.sandbox.sleep(self.capabilities.poll_delay)
        return ids

    async def inspect(self, job_id: str) -> Operation | None:
        """Look up what the store remembers of a job, if the harness can."""
        store = await self._any_store()
        if not self.harness.inspects(store):
            return None
        for _ in range(ERRORS):  # errors may be transient
            operation = await self.recorder.inspect(0, store, job_id)
            if operation.outcome != UNKNOWN:
                break
        return operation

    # -- time ---------------------------------------------------------------------------------

    @property
    def can_expire(self) -> bool:
        """Whether this experiment can wait until a lease has expired."""
        expiry = self._expiry
        return expiry is not None and (self.sandbox.virtual or expiry <= self.settings.longest_wait)

    @property
    def _expiry(self) -> float | None:
        """Seconds after which a lease surely has expired."""
        if self.capabilities.lease_timeout is None:
            return None
        return self.capabilities.lease_timeout + self.capabilities.expiry_delay + MARGIN

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self.sandbox.sleep(seconds)

    async def expire(self, gone: float = 0.0) -> None:
        """Let time pass until every lease has expired.

        Args:
            gone: The part of a lease's time that has passed since the last one began.

        Raises:
            NotExercised: Leases never expire, or take too long to.
        """
        expiry = self._expiry
        if expiry is None:
            raise NotExercised("leases never expire: the harness declares no lease_timeout")
        if not self.can_expire:
            raise NotExercised(
                f"leases take {expiry:g} s to expire, more than the {self.settings.longest_wait:g} s that an "
                "experiment waits; build the store with a shorter lease_timeout, or let it read "
                "sandbox.clock and declare virtual_time=True"
            )
        await self._calm()
        await self.sandbox.sleep(expiry - gone * (self.capabilities.lease_timeout or 0.0))

    async def _calm(self) -> None:
        """Let what cancelled calls have left running take effect.

        A store may shield a lease from being cancelled. In virtual time, which costs nothing, a lease that is
        under way in a thread would else begin after all have expired, and seem to have lost its jobs.
        """
        left = [each for each in self._left if not each.done() and each is not asyncio.current_task()]
        self._left.clear()
        if left:
            await asyncio.wait(left, timeout=AFTERMATH)

    async def settle(self) -> None:
        """Let time pass until every failed job is ready again and every ready job is visible.

        Raises:
            NotExercised: That takes too long.
        """
        capabilities = self.capabilities
        delay = capabilities.retry_delay + capabilities.poll_delay
        if not delay:
            return
        if not self.sandbox.virtual and delay > self.settings.longest_wait:
            raise NotExercised(
                f"retry_delay and poll_delay are {delay:g} s, more than the "
                f"{self.settings.longest_wait:g} s that an experiment waits; build the store with shorter "
                "ones, or let it read sandbox.clock and declare virtual_time=True"
            )
        await self.sandbox.sleep(delay + MARGIN)

    # -- the end ------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Complete everything that comes, until three leases in a row come back empty.

        Where leases take too long to wait for, the other clients are asked first: each may keep some jobs,
        which come to nobody else before their leases have expired.
        """
        worker = await self.first_worker()
        await self.settle()
        for other in self._others_who_keep(worker):
            await self._empty(other.lease, other)
        await self._empty(worker.ask, worker)
        if await self._aftermath():
            await self._empty(worker.ask, worker)

    async def _aftermath(self) -> bool:
        """Where something is wrong, wait for what may be left of a call that was cancelled.

        A lease that is cancelled may give its jobs back in a task of its own, and that in the next one, when
        its thread or its server has answered: for so long the store is not drained.

        Returns:
            Whether there was anything to wait for.
        """
        if CANCELLED not in map(_ERROR, self.history):
            return False
        others = self._other_tasks()
        if not others:
            return False
        if not judge(self.history, self.capabilities, hasty=True).violations:
            return False
        loop = asyncio.get_running_loop()
        end = loop.time() + AFTERMATH
        while others and loop.time() < end:
            await asyncio.wait(others, timeout=end - loop.time())
            others = self._other_tasks()
        return True

    @staticmethod
    def _other_tasks() -> set[asyncio.Task[Any]]:
        return {each for each in asyncio.all_tasks() if each is not asyncio.current_task()}

    async def _empty(self, lease: Callable[[int], Awaitable[Sequence[Delivered]]], worker: Worker) -> None:
        """Complete all that a worker gets by leases, until nothing comes or his connection is broken."""
        empty = 0
        for _ in range(MOST_LEASES):
            jobs = await lease(self.room)
            is_broken = not jobs and self.history[-1].outcome != OK
            for each in jobs:
                await worker.finish(each.id)
            empty = 0 if jobs else empty + 1
            if empty == IN_A_ROW or (is_broken and worker is not self._workers[0]):
                # He is not asked again: errors of his calls would excuse what is lost.
                break

    @property
    def is_blocked(self) -> bool:
        """Whether the latest call failed after it had waited for long in real time.

        The next one will wait as long, and the one after that: together they take more time than there is.
        """
        return bool(self.history) and self.recorder.was_blocked(self.history[-1])

    def _others_who_keep(self, worker: Worker) -> Sequence[Worker]:
        """The other clients that are there, if their leases take too long to wait for."""
        apart = self.capabilities.sharing in ("connection", "process")
        if self._expiry is None or self.can_expire or not apart:
            return ()
        killed = {each.worker for each in self.history if each.method == "kill"}
        return [each for each in self._workers if each is not worker and each.number not in killed]

    async def cancelled(self, call: Callable[..., Awaitable[Any]], step: int) -> bool:
        """Make a call and cancel it while it is suspended for the `step`-th time; 0: before it begins.

        Args:
            call: A method of a worker, with all its arguments but `wrap`.
            step: Which of its awaits.

        Returns:
            Whether it lasted that long; if not, it went through.
        """
        wraps: list[CancelAt] = []

        def wrap(awaitable: Awaitable[Any]) -> Awaitable[Any]:
            wraps.append(CancelAt(awaitable, step))
            return wraps[-1]

        async def make() -> None:
            await call(wrap=wrap)

        before = asyncio.all_tasks()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.create_task(make())
        self._left |= asyncio.all_tasks() - before
        # Nor can one that gives a future which is done: it does its work before there is anything to cancel.
        if not wraps or (step == 0 and not wraps[0].struck):
            raise NotApplicable("a plain function can't be cancelled")
        return wraps[0].struck

    async def together(self, *calls: Awaitable[Any]) -> list[Any]:
        """Make calls at the same time, in the order that the event loop itself gives them.

        A store that is not to be shared gets them one after another.
        """
        if self.capabilities.sharing == "none":
            return [await call for call in calls]
        return list(await asyncio.gather(*calls))


_ERROR = attrgetter("error")

AnyBench = TypeVar("AnyBench", bound=Bench)


class opened(Generic[AnyBench]):  # noqa: N801 - reads like the functions that make context managers
    """Prepares what a bench works on, closes it and disposes of it at the end.

    No generator: thousands of benches are opened, and each takes a tenth of a short program's time.

    Attributes:
        bench: What is opened, also where that hangs.

    Raises:
        NotEmpty: The store delivers a job that nobody put there.
    """

    def __init__(self, bench: AnyBench) -> None:
        self.bench = bench

    async def __aenter__(self) -> AnyBench:
        bench = self.bench
        with _reported("prepare"):
            await bench.conduct(prepare(bench.harness, bench.sandbox))
        try:
            await _refuse_foreign_jobs(bench)
        except BaseException:
            await self._close()
            raise
        return bench

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        bench = self.bench
        try:
            await bench.close()
        finally:
            with _reported("dispose"):
                await bench.conduct(dispose(bench.harness, bench.sandbox))


class _reported:  # noqa: N801 - as above
    """Reports what the user's own code raises as his, with the line where it did."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, (HarnessError, TargetError, Shut)):
            place = extract_tb(traceback)[-1]
            text = f"{type(error).__name__}: {error}".rstrip(": ")
            raise HarnessError(f"{self._what} failed at {place.filename}:{place.lineno}: {text}") from error


def open_bench(harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> opened[Bench]:
    """A bench with a sandbox of its own, closed and disposed of at the end.

    Raises:
        NotEmpty: The store delivers a job that nobody put there.
    """
    return opened(Bench(harness, sandboxes.new(harness), settings))


async def _refuse_foreign_jobs(bench: Bench) -> None:
    worker = await bench.first_worker()
    if bench.settings.allow_nonempty:
        return
    jobs = await worker.lease(1)
    if jobs:
        raise NotEmpty(
            "the store already holds jobs: before anything was enqueued it delivered "
            f"{jobs[0].id!a}, which is on lease now; give the toolkit an empty store of its own for every "
            "sandbox (sandbox.path is an "
            "empty directory, sandbox.name a unique name), or insist with --async-contract-allow-nonempty"
        )
