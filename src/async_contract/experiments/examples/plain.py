"""The plainest scenes: what a store breaks in these it breaks by itself, whatever else is called.

Wherever something has no explanation, the calls before it are suspected: that a job was lost is laid to
the lease that was cancelled meanwhile, or to the complete of another job. A store that loses jobs anyway has
not lost them because of that.
"""

from __future__ import annotations

from async_contract.experiments.bench import Bench, NotExercised, Worker


async def only_leases(bench: Bench) -> None:
    """Jobs that are leased and kept, few and then many, and no other call; a second worker asks in vain."""
    first, second = await bench.workers(2)
    await bench.enqueue(9)
    await bench.settle()
    await first.ask(2)
    await bench.obtain_some(first, 7)
    await second.ask(1)


async def alone(bench: Bench) -> None:
    """A single job, which is not asked for before the store is drained: by a lease with room for many."""
    await bench.enqueue(1)


ROUNDS = 4
"""So often it goes, each time with another job, and so often at most each job is failed."""


async def one_by_one(bench: Bench) -> None:
    """One job at a time: the next one is enqueued when all is over with the one before."""
    worker = await bench.worker()
    most = bench.capabilities.max_attempts or ROUNDS
    for round in range(ROUNDS):
        await bench.enqueue(1)
        for _ in range(min(round, most)):
            await _give_up(bench, worker)
        await _see_off(bench, worker)
    await bench.enqueue(1)
    for _ in range(most):
        await _give_up(bench, worker)
    await _see_off(bench, worker)
    if bench.can_expire:
        await bench.enqueue(1)
        await bench.obtain_some(worker, 1)
        await bench.expire()
        await _see_off(bench, worker)


async def _give_up(bench: Bench, worker: Worker) -> None:
    for job_id in await bench.obtain_some(worker, 1):
        await worker.give_up(job_id)
        await bench.settle()


async def _see_off(bench: Bench, worker: Worker) -> None:
    """Complete the job if it comes; if it does not come now it never will, and the rest shows no more."""
    jobs = await bench.obtain_some(worker, 1)
    for job_id in jobs:
        await worker.finish(job_id)
    if await bench.obtain_some(worker, 1):
        raise NotExercised("a job came back")
