"""Odd stores: how they are called, connected, cancelled and shared."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobRecord

from .stores import PLAIN, PLAIN_FUNCTION, AsyncOdd, Odd, Row, SyncOdd, because
from .stores_ends import NEVER_AGAIN

_P = ParamSpec("_P")
_T = TypeVar("_T")


class PlainFunctions(SyncOdd):
    """Every method is a plain function."""


class Threads(SyncOdd):
    """Every method is a plain function under a lock, which leaves its work to a thread."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.lock = threading.Lock()

    def lease(self, limit: int) -> Any:
        """Deliver ready jobs."""
        found: list[Any] = []

        def work() -> None:
            with self.lock:
                found.extend(self.take(limit))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return found


class PlainEnqueue(Odd):
    """Enqueue and inspect are plain functions beside coroutine functions, and complete returns something."""

    def enqueue(self, job: Job) -> int:
        """Take a job in."""
        self.put(job)
        return 1

    async def lease(self, limit: int) -> Any:
        """Deliver ready jobs."""
        return self.take(limit)

    async def complete(self, id: str) -> bool:
        """Record that a job is done."""
        self.finish(id)
        return False

    def fail(self, id: str, message: str) -> Awaitable[None]:
        """Record that an attempt failed."""

        async def work() -> None:
            await asyncio.sleep(0)
            self.give_up(id, message)

        return work()

    def inspect(self, id: str) -> JobRecord | None:
        """What is remembered of a job."""
        return self.look(id)


class CantInspect(Odd):
    """There is no inspect."""

    inapplicable = because("there is no inspect", "fail/message")

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.put(job)

    async def lease(self, limit: int) -> Any:
        """Deliver ready jobs."""
        return self.take(limit)

    async def complete(self, id: str) -> None:
        """Record that a job is done."""
        self.finish(id)

    async def fail(self, id: str, message: str) -> None:
        """Record that an attempt failed."""
        self.give_up(id, message)


class _Locked(AsyncOdd):
    """Every call waits for a lock, and then now and again."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.lock = asyncio.Lock()


class SlowAndBack(_Locked):
    """Waits before and after its effect; a lease that is cancelled gives its jobs back at once."""

    capabilities = replace(PLAIN, lease_timeout=None)

    async def lease(self, limit: int) -> Any:
        """Deliver ready jobs."""
        await asyncio.sleep(0)
        async with self.lock:
            await asyncio.sleep(0)
            jobs = self.take(limit)
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                for job in jobs:
                    self.release(self.rows[job.id], self.clock())
                raise
        return jobs

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Make one call of the store, which is cancelled before its effect, or after."""
        await asyncio.sleep(0)
        async with self.lock:
            await asyncio.sleep(0)
            done = do(*args, **kwargs)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return done


class SlowAndLate(_Locked):
    """Waits before and after its effect; what a cancelled lease took comes back when it expires."""

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Make one call of the store."""
        await asyncio.sleep(0)
        async with self.lock:
            await asyncio.sleep(0)
            done = do(*args, **kwargs)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return done


class SlowTwoAttempts(SlowAndLate):
    """What a cancelled lease took comes back when it expires, unless it was its second delivery."""

    capabilities = replace(PLAIN, max_attempts=2, expiry_counts=True)


class SlowOneAttempt(SlowAndLate):
    """What a cancelled lease took is dead when it expires: it was delivered once."""

    capabilities = replace(PLAIN, max_attempts=1, expiry_counts=True)
    unexercised = NEVER_AGAIN


class SlowDeadLetters(SlowAndLate):
    """A fail that was cancelled may have ended the job."""

    capabilities = replace(PLAIN, redelivers=False)


class GivesBackLater(_Locked):
    """What a cancelled lease took is given back by a task, a little later."""

    capabilities = replace(PLAIN, lease_timeout=None)

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.tasks: list[asyncio.Task[None]] = []

    async def lease(self, limit: int) -> Any:
        """Deliver ready jobs."""
        jobs = self.take(limit)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.tasks.append(asyncio.create_task(self.give_back(jobs)))
            raise
        return jobs

    async def give_back(self, jobs: list[Job]) -> None:
        """Make the jobs ready again, unless somebody has let go of them and another holds them by now."""
        async with self.lock:
            for job in jobs:
                row = self.rows[job.id]
                if row.deliveries == job.attempts and row.state == "leased":
                    self.release(row, self.clock())


class Shielded(_Locked):
    """What was begun is done, though its caller was cancelled long since."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.tasks: set[asyncio.Task[Any]] = set()

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Make one call of the store, in a task that nobody cancels."""

        async def work() -> _T:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return do(*args, **kwargs)

        task = asyncio.create_task(work())
        self.tasks.add(task)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be left to ask
        return await asyncio.shield(task)


class Stubborn(AsyncOdd):
    """A call that is cancelled does its work, and then is cancelled."""

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Make one call of the store."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            do(*args, **kwargs)
            raise
        return do(*args, **kwargs)


class Swallows(AsyncOdd):
    """A call that is cancelled does its work and returns as if it had not been."""

    capabilities = replace(PLAIN, lease_timeout=None)

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Make one call of the store."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return do(*args, **kwargs)


class ReturnsTasks(Odd):
    """Every method is a plain function that begins a task and returns it."""

    capabilities = replace(PLAIN, lease_timeout=None)

    def begin(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> asyncio.Task[_T]:
        """Begin a call."""

        async def work() -> _T:
            await asyncio.sleep(0)
            return do(*args, **kwargs)

        return asyncio.create_task(work())

    def enqueue(self, job: Job) -> Awaitable[str | None]:
        """Take a job in."""
        return self.begin(self.put, job)

    def lease(self, limit: int) -> Awaitable[Any]:
        """Deliver ready jobs."""
        return self.begin(self.take, limit)

    def complete(self, id: str) -> Awaitable[None]:
        """Record that a job is done."""
        return self.begin(self.finish, id)

    def fail(self, id: str, message: str) -> Awaitable[None]:
        """Record that an attempt failed."""
        return self.begin(self.give_up, id, message)

    def inspect(self, id: str) -> Awaitable[JobRecord | None]:
        """What is remembered of a job."""
        return self.begin(self.look, id)


class ReturnsFutures(Odd):
    """Every method is a plain function that does its work at once and returns a future, which is done."""

    capabilities = replace(PLAIN, lease_timeout=None)
    inapplicable = because(PLAIN_FUNCTION, "lease/cancelled", "complete/cancelled", "fail/cancelled")

    def future(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> asyncio.Future[_T]:
        """Make one call of the store."""
        done = asyncio.get_running_loop().create_future()
        try:
            done.set_result(do(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever awaits it gets it
            done.set_exception(error)
        return done

    def enqueue(self, job: Job) -> Awaitable[str | None]:
        """Take a job in."""
        return self.future(self.put, job)

    def lease(self, limit: int) -> Awaitable[Any]:
        """Deliver ready jobs."""
        return self.future(self.take, limit)

    def complete(self, id: str) -> Awaitable[None]:
        """Record that a job is done."""
        return self.future(self.finish, id)

    def fail(self, id: str, message: str) -> Awaitable[None]:
        """Record that an attempt failed."""
        return self.future(self.give_up, id, message)

    def inspect(self, id: str) -> Awaitable[JobRecord | None]:
        """What is remembered of a job."""
        return self.future(self.look, id)


class MakesItsMethods(Odd):
    """An instance is given its methods when it is made; they are partial objects."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)

        async def call(do: Callable[..., Any], *args: Any) -> Any:
            await asyncio.sleep(0)
            return do(*args)

        self.enqueue = partial(call, self.put)
        self.lease = partial(call, self.take)
        self.complete = partial(call, self.finish)
        self.fail = partial(call, self.give_up)
        self.inspect = partial(call, self.look)


class _Command:
    """What a driver returns to be awaited: no coroutine, and no future."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work

    def __await__(self) -> Any:
        return self._work.__await__()

    def __del__(self) -> None:
        self._work.close()


class ReturnsCommands(Odd):
    """Every method returns an object that does its work when it is awaited."""

    def command(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _Command:
        """What is to be done."""

        async def work() -> _T:
            await asyncio.sleep(0)
            return do(*args, **kwargs)

        return _Command(work())

    def enqueue(self, job: Job) -> Any:
        """Take a job in."""
        return self.command(self.put, job)

    def lease(self, limit: int) -> Any:
        """Deliver ready jobs."""
        return self.command(self.take, limit)

    def complete(self, id: str) -> Any:
        """Record that a job is done."""
        return self.command(self.finish, id)

    def fail(self, id: str, message: str) -> Any:
        """Record that an attempt failed."""
        return self.command(self.give_up, id, message)

    def inspect(self, id: str) -> Any:
        """What is remembered of a job."""
        return self.command(self.look, id)


class _Done:
    """What has been done already, and can be awaited all the same."""

    def __await__(self) -> Any:
        return iter(())


class DoneAlready(Odd):
    """Complete and fail are done at once, and return something to be awaited."""

    inapplicable = because(PLAIN_FUNCTION, "lease/cancelled")

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.put(job)

    def lease(self, limit: int) -> Any:
        """Deliver ready jobs."""
        return self.take(limit)

    def complete(self, id: str) -> _Done:
        """Record that a job is done."""
        self.finish(id)
        return _Done()

    def fail(self, id: str, message: str) -> _Done:
        """Record that an attempt failed."""
        self.give_up(id, message)
        return _Done()

    def inspect(self, id: str) -> JobRecord | None:
        """What is remembered of a job."""
        return self.look(id)


class Generated(AsyncOdd):
    """The harness is an asynchronous generator; the store works only while it is open."""

    @classmethod
    def harness(cls) -> StoreHarness:
        """A generator opens and closes the store."""

        async def connect(sandbox: Sandbox) -> AsyncIterator[Generated]:
            await asyncio.sleep(0)
            store = cls(sandbox)
            yield store
            await asyncio.sleep(0)
            store.rows.clear()

        return StoreHarness(connect, capabilities=cls.capabilities, virtual_time=True)


class Entered(AsyncOdd):
    """The store is an asynchronous context manager that gives itself."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.rows.clear()


class OneWorker(AsyncOdd):
    """There is a single worker."""

    capabilities = replace(PLAIN, sharing="none")


class ManyConnections(AsyncOdd):
    """Every worker has a connection of its own."""

    capabilities = replace(PLAIN, sharing="connection")


class ManyProcesses(AsyncOdd):
    """Every worker may work in a process of its own."""

    capabilities = replace(PLAIN, sharing="process")


class _File(SyncOdd):
    """The jobs stand in a file, which every call reads and writes."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.path: Path = sandbox.path / "jobs.json"
        self.rows = {}
        if self.path.exists():
            for id, (job, rest) in json.loads(self.path.read_text()).items():
                fields = Job(job[0], job[1], job[2], bytes.fromhex(job[3]))
                self.rows[id] = Row(fields, *rest)

    def close(self) -> None:
        """Write what there is."""
        rows = {
            id: (
                (row.job.id, row.job.kind, row.job.tenant_id, row.job.payload.hex()),
                (row.state, row.visible, row.due, None, row.deliveries, row.fails, row.message),
            )
            for id, row in self.rows.items()
        }
        self.path.write_text(json.dumps(rows))


class LeasesLast(_File):
    """A file that is written when the store is closed; leases last over a reopening."""

    capabilities = replace(PLAIN, durable=True)


class LeasesEndAtReopen(_File):
    """A file that is written when the store is closed; leases end when it is opened again."""

    capabilities = replace(PLAIN, durable=True, max_attempts=3)

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        for row in self.rows.values():
            if row.state == "leased":
                self.release(row, self.clock())


class LeasesEndAtClose(_File):
    """A file that is written when the store is closed; leases never end but by that."""

    capabilities = replace(PLAIN, lease_timeout=None, durable=True, max_attempts=2, sharing="none")

    def close(self) -> None:
        """Give everything back."""
        for row in self.rows.values():
            if row.state == "leased":
                self.release(row, self.clock())
        super().close()
