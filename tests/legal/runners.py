"""Correct runners, however odd: nothing may be held against them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
from asyncio import Task
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from async_contract.harness.runner import RunnerHarness
from async_contract.mutants.runner import AsyncStore, Handler, PlainRunner
from async_contract.reference.runner import Runner
from async_contract.reference.sanitize import safe_failure_message, safe_label
from async_contract.store import Job


class Basis:
    """What all have in common: how a job is attempted, and what comes of it recorded."""

    def __init__(
        self,
        store: AsyncStore,
        handler: Handler,
        *,
        concurrency: int,
        poll_interval: float,
        batch_size: int = 1,
        metrics: Any = None,
        logger: logging.Logger | None = None,
    ) -> None:
        self.store, self.handler = store, handler
        self.concurrency, self.poll_interval, self.batch_size = concurrency, poll_interval, batch_size
        self.metrics, self.logger = metrics, logger or logging.getLogger("tests.legal.runners")
        self.stopping = asyncio.Event()
        self.cancelled = False

    def stop(self) -> None:
        """Lease no more."""
        self.stopping.set()

    async def run(self) -> None:
        """Work until stopped; a cancellation only stops it."""
        await self.through(self.work())
        if self.cancelled:
            raise asyncio.CancelledError

    async def through(self, coroutine: Any) -> None:
        """Await something to its end, cancelled or not."""
        task = asyncio.ensure_future(coroutine)
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                self.cancelled = True
                self.stop()
        task.result()

    async def work(self) -> None:
        """Lease, and see to it that all jobs are done."""
        raise NotImplementedError

    async def leased(self, limit: int) -> Sequence[Job]:
        """A batch; empty after an error."""
        try:
            return await self.store.lease(limit)
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            self.logger.warning("lease failed: %s", type(error).__name__)
            return ()

    async def wait(self, seconds: float) -> None:
        """Wait, or until stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def one(self, job: Job) -> None:
        """Do one job, and record what came of it."""
        await self.record(job, await self.attempt(job))

    async def attempt(self, job: Job) -> BaseException | None:
        """What the handler raised."""
        try:
            await self.handler(job)
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises
            return error
        return None

    async def record(self, job: Job, error: BaseException | None) -> None:
        """Record an outcome, once."""
        try:
            if error is None:
                await self.store.complete(job.id)
            else:
                await self.store.fail(job.id, safe_failure_message(error))
        except Exception as trouble:  # noqa: BLE001 - whatever a store raises
            self.logger.warning("not recorded: %s", type(trouble).__name__)
        self.tell(job, "done" if error is None else "failed")

    def tell(self, job: Job, outcome: str) -> None:
        """Tell the metrics recorder, if there is one."""
        if self.metrics is not None:
            with contextlib.suppress(Exception):
                self.metrics.record({"kind": safe_label(job.kind), "outcome": outcome})


class InTaskGroup(Basis):
    """A task group holds a task for each job."""

    async def work(self) -> None:
        """Lease one job for each free slot."""
        free = asyncio.Semaphore(self.concurrency)
        async with asyncio.TaskGroup() as group:
            while not self.stopping.is_set():
                await free.acquire()
                jobs = () if self.stopping.is_set() else await self.leased(1)
                for job in jobs:
                    group.create_task(self.one(job)).add_done_callback(lambda _: free.release())
                if not jobs:
                    free.release()
                    await self.wait(self.poll_interval)


class Workers(Basis):
    """A poller feeds a queue, from which workers take; a permit is as much as a free worker."""

    async def work(self) -> None:
        """Poll and work."""
        self.queue: asyncio.Queue[Job | None] = asyncio.Queue()
        self.free = asyncio.Semaphore(self.concurrency)
        workers = [asyncio.create_task(self.worker()) for _ in range(self.concurrency)]
        while not self.stopping.is_set():
            await self.poll()
        for _ in workers:
            self.queue.put_nowait(None)
        await asyncio.gather(*workers)

    async def poll(self) -> None:
        """Lease as much as there are permits."""
        await self.free.acquire()
        permits = 1
        while permits < self.batch_size and not self.free.locked():
            await self.free.acquire()
            permits += 1
        jobs = () if self.stopping.is_set() else await self.leased(permits)
        for job in jobs:
            self.queue.put_nowait(job)
        for _ in range(permits - len(jobs)):
            self.free.release()
        if not jobs:
            await self.wait(self.poll_interval)

    async def worker(self) -> None:
        """Do job after job; the handler may cancel the task that it is in, and so has its own."""
        while (job := await self.queue.get()) is not None:
            await asyncio.create_task(self.one(job))
            self.free.release()


class EachForItself(Basis):
    """There is no poller: each of the workers leases for itself."""

    async def work(self) -> None:
        """So many workers."""
        await asyncio.gather(*(self.worker() for _ in range(self.concurrency)))

    async def worker(self) -> None:
        """Lease one, do it."""
        while not self.stopping.is_set():
            jobs = await self.leased(1)
            for job in jobs:
                await asyncio.create_task(self.one(job))
            if not jobs:
                await self.wait(self.poll_interval)


class Gathering(Basis):
    """It leases a batch and waits for all of it before it leases the next one."""

    async def work(self) -> None:
        """Batch after batch."""
        while not self.stopping.is_set():
            jobs = await self.leased(min(self.batch_size, self.concurrency))
            await asyncio.gather(*(asyncio.create_task(self.one(job)) for job in jobs))
            if not jobs:
                await self.wait(self.poll_interval)


class Serial(Basis):
    """A plain loop, which handles one job at a time in the task that is cancelled."""

    async def run(self) -> None:
        """Lease, handle, record."""
        me: Any = asyncio.current_task()
        while not self.stopping.is_set():
            jobs = await self.leased(1)
            for job in jobs:
                error = await self.attempt(job)
                await self.through(self.record(job, error))
            if me.cancelling() or self.cancelled:
                raise asyncio.CancelledError
            if not jobs:
                await self.wait(self.poll_interval)


class Ticking(Basis):
    """It looks twenty times a second whether there is something to do, and at the end all the time."""

    async def work(self) -> None:
        """Tick."""
        tasks: set[Task[None]] = set()
        due, loop = 0.0, asyncio.get_running_loop()
        while not self.stopping.is_set():
            tasks = {each for each in tasks if not each.done()}
            free = self.concurrency - len(tasks)
            if free and loop.time() >= due:
                jobs = await self.leased(min(free, self.batch_size))
                tasks |= {asyncio.create_task(self.one(job)) for job in jobs}
                due = loop.time() + (0 if jobs else self.poll_interval)
            await asyncio.sleep(0.05)
        while any(not each.done() for each in tasks):  # noqa: ASYNC110 - a correct one may do even that
            await asyncio.sleep(0)


class Jittering(Gathering):
    """It polls after anything from a half to all of the interval, so that not all workers poll at once."""

    async def work(self) -> None:
        """Begin at any instant, too."""
        await self.wait(self.poll_interval * random.random())
        await super().work()

    async def wait(self, seconds: float) -> None:
        """Wait a little less."""
        await super().wait(seconds * random.uniform(0.5, 1))


class BackingOff(Gathering):
    """After an error from lease it waits longer and longer, up to a minute."""

    errors = 0

    async def leased(self, limit: int) -> Sequence[Job]:
        """A batch, late after errors."""
        try:
            jobs = await self.store.lease(limit)
        except Exception:  # noqa: BLE001 - whatever a store raises
            self.errors += 1
            await self.wait(min(60, 4**self.errors))
            return ()
        self.errors = 0
        return jobs


class Retrying(InTaskGroup):
    """An outcome that could not be recorded is tried again twice."""

    async def record(self, job: Job, error: BaseException | None) -> None:
        """Record it, or try again a second later."""
        for _ in range(3):
            try:
                if error is None:
                    await self.store.complete(job.id)
                else:
                    await self.store.fail(job.id, safe_failure_message(error))
                break
            except Exception:  # noqa: BLE001 - whatever a store raises
                await asyncio.sleep(1)
        self.tell(job, "done" if error is None else "failed")


class Talkative(Workers):
    """It tells the recorder of much more than outcomes, in words of its own, and logs it too."""

    async def one(self, job: Job) -> None:
        """Tell of the beginning."""
        self.tell(job, "started")
        self.logger.info("%s begins", job.id)
        await super().one(job)


class StoppedBySignal(Workers):
    """There is no way to stop it but a signal."""

    stop = None  # type: ignore[assignment]

    async def run(self) -> None:
        """Work until SIGTERM comes."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        try:
            await self.through(self.work())
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_signal_handler(signal.SIGINT)

    async def through(self, coroutine: Any) -> None:
        """As before, without a method that stops it."""
        task = asyncio.ensure_future(coroutine)
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                self.stopping.set()


class StoppedPatiently(Gathering):
    """Its stop is a coroutine function, which returns when everything has ended."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ended = asyncio.Event()

    async def stop(self) -> None:  # type: ignore[override]
        """Stop, and wait for the end."""
        self.stopping.set()
        await self.ended.wait()

    async def run(self) -> None:
        """Work, and say when it is over."""
        task = asyncio.create_task(self.work())
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                self.stopping.set()
        self.ended.set()


class Abandoning(InTaskGroup):
    """Cancelled, it fails the jobs in flight at once, and leaves their handlers to the end of the loop."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.abandoned = asyncio.Event()
        self.left: set[Task[BaseException | None]] = set()

    async def run(self) -> None:
        """Work until stopped or cancelled."""
        task = asyncio.create_task(self.work())
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                self.stop()
                self.abandoned.set()
        if self.abandoned.is_set():
            raise asyncio.CancelledError

    async def one(self, job: Job) -> None:
        """Do one job, unless that is abandoned."""
        handling = asyncio.create_task(self.attempt(job))
        self.left.add(handling)
        abandoned = asyncio.create_task(self.abandoned.wait())
        await asyncio.wait({handling, abandoned}, return_when=asyncio.FIRST_COMPLETED)
        abandoned.cancel()
        await self.record(job, handling.result() if handling.done() else InterruptedError("the end"))


class Unmeasured:
    """It takes neither metrics nor a logger nor the size of a batch, and says nothing."""

    def __init__(self, store: AsyncStore, handler: Handler, concurrency: int, poll_interval: float) -> None:
        self._basis = Gathering(store, handler, concurrency=concurrency, poll_interval=poll_interval)
        self._basis.logger = logging.Logger("silent")  # noqa: LOG001 - nobody hears it
        self._basis.logger.disabled = True

    async def begin(self) -> None:
        """Work until told to end."""
        await self._basis.run()

    def end(self) -> None:
        """End."""
        self._basis.stop()


class Making:
    """An object that makes runners when it is called."""

    def __call__(
        self, store: AsyncStore, handler: Handler, *, concurrency: int, poll_interval: float, metrics: Any
    ) -> Basis:
        """Make one."""
        return Workers(store, handler, concurrency=concurrency, poll_interval=poll_interval, metrics=metrics)


async def make_later(store: AsyncStore, handler: Handler, **options: Any) -> Basis:
    """Make a runner when something else has been waited for."""
    await asyncio.sleep(0.5)
    return EachForItself(store, handler, **options)


def make_impatient(store: Any, handler: Any, **options: Any) -> Runner:
    """The reference, which gives the jobs in flight five seconds."""
    return Runner(store, handler, shutdown_timeout=5, **options)


class Awaitable:
    """What `run` returns need not be a coroutine."""

    def __init__(self, runner: Basis) -> None:
        self._runner = runner

    def __await__(self) -> Any:
        """Work."""
        return self._runner.run().__await__()


class AwaitableHarness(RunnerHarness):
    """A harness whose methods are overridden."""

    def make(self, store: Any, handler: Any, *, concurrency: int, poll_interval: float) -> Basis:
        """Make a runner."""
        return InTaskGroup(store, handler, concurrency=concurrency, poll_interval=poll_interval)

    def run(self, runner: Any) -> Awaitable:
        """Run it."""
        return Awaitable(runner)

    def stop(self, runner: Any) -> None:
        """Stop it."""
        runner.stopping.set()


RUNNERS = MappingProxyType({
    **{
        cls.__name__: RunnerHarness(cls)
        for cls in (
            Runner, PlainRunner, InTaskGroup, Workers, EachForItself, Gathering, Serial, Ticking, Jittering,
            BackingOff, Retrying, Talkative, StoppedBySignal, StoppedPatiently, Abandoning,
        )
    },
    "Unmeasured": RunnerHarness(Unmeasured, run=Unmeasured.begin, stop=Unmeasured.end),
    "Making": RunnerHarness(Making()),
    "make_later": RunnerHarness(make_later),
    "make_impatient": RunnerHarness(make_impatient),
    "Awaitable": AwaitableHarness(),
})  # fmt: skip
"""By name: how they are reached."""
