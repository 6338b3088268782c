"""How many jobs a second: `python benchmarks/runner.py`.

Jobs per CPU second of Runner + MemoryStore, by concurrency, beside the same number of bare asyncio
tasks that do nothing, in one run. Ratios matter, not rates.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine

from async_contract import Event, Job, MemoryStore, Runner

JOBS = 20_000


async def handle(job: Job) -> None:
    """Do nothing."""


class StopsWhenDone:
    """A metrics recorder that stops its runner after the last job."""

    def __init__(self) -> None:
        self.left = JOBS
        self.stop: Callable[[], None] = lambda: None

    def record(self, event: Event) -> None:
        """Count one job."""
        self.left -= 1
        if not self.left:
            self.stop()


async def with_runner(concurrency: int) -> None:
    """Lease, handle and complete every job."""
    store = MemoryStore(finished_limit=1)
    for number in range(JOBS):
        await store.enqueue(Job(f"job-{number}", "kind"))
    metrics = StopsWhenDone()
    runner = Runner(store, handle, concurrency=concurrency, metrics=metrics)
    metrics.stop = runner.stop
    await runner.run()


async def bare_tasks(concurrency: int) -> None:
    """As many tasks, so many at once."""
    free = asyncio.Semaphore(concurrency)

    async def one(job: Job) -> None:
        await handle(job)
        free.release()

    async with asyncio.TaskGroup() as group:
        for number in range(JOBS):
            await free.acquire()
            group.create_task(one(Job(f"job-{number}", "kind")))


def cpu(main: Callable[[], Coroutine[object, object, None]]) -> float:
    """CPU seconds, the least of three runs."""
    found = []
    for _ in range(3):
        began = time.process_time()
        asyncio.run(main())
        found.append(time.process_time() - began)
    return min(found)


def main() -> None:
    """Measure and print."""
    print(f"{'concurrency':>11}{'tasks/s':>10}{'jobs/s':>10}{'tasks : jobs':>14}")
    for concurrency in (1, 10, 100):
        bare = cpu(lambda: bare_tasks(concurrency))  # noqa: B023 - called at once
        jobs = cpu(lambda: with_runner(concurrency))  # noqa: B023 - called at once
        print(f"{concurrency:>11}{JOBS / bare:>10.0f}{JOBS / jobs:>10.0f}{jobs / bare:>14.1f}")


if __name__ == "__main__":
    main()
