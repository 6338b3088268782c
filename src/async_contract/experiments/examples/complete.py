"""The scenarios of the family complete."""

from __future__ import annotations

from functools import partial

from async_contract.experiments.bench import Bench, Worker
from async_contract.experiments.examples.lease import MOST_STEPS
from async_contract.experiments.examples.scene import crowd, disperse, see_to_the_end, surrounded
from async_contract.experiments.examples.values import STRANGERS
from async_contract.history.operation import REJECTED


async def accepted(bench: Bench) -> None:
    """Holders that complete at once, later, in another order, and after others came and went."""
    first, second = await bench.workers(2)
    await bench.enqueue(10)
    earlier, later = [(await bench.obtain(first, 1))[0] for _ in range(2)]
    await first.finish(earlier)
    await first.finish(later)
    held = await bench.obtain(first, 3)
    theirs = await bench.obtain(second, 2)
    await first.finish(held[2])
    await second.finish(theirs[0])
    await first.finish(held[0])
    for job_id in await bench.obtain(second, 2):
        await second.give_up(job_id)
    await bench.settle()
    for job_id in await bench.obtain_some(first, 2):
        await first.finish(job_id)
    await first.finish(held[1])
    await second.finish(theirs[1])
    await bench.inspect(held[0])


async def final(bench: Bench) -> None:
    """Completed jobs, first time and after a fail, before and after the time that their lease had."""
    first, second = await bench.workers(2)
    await bench.enqueue(4)
    held = await bench.obtain(first, 2)
    await first.finish(held[0])
    await second.ask(10)
    await first.give_up(held[1])
    await bench.settle()
    for each in await second.ask(10):
        await second.finish(each.id)
    await bench.inspect(held[0])
    if bench.can_expire:
        await bench.expire()
    await second.ask(10)


async def only_that_job(bench: Bench) -> None:
    """A complete beside jobs that are ready, failed, and on lease to the same worker and to another."""
    first, second = await bench.workers(2)
    held = await crowd(bench, first)
    await first.finish(held.pop(len(held) // 2))
    await disperse(first, second, held)
    scene = await surrounded(bench, first, second)
    await scene.first.finish(scene.held.pop())
    await scene.second.ask(1)
    await scene.second.finish(scene.theirs.pop())
    await scene.first.ask(1)
    await see_to_the_end(bench, scene)


async def unknown(bench: Bench) -> None:
    """Ids that nobody enqueued, beside jobs in every state; one after another, each followed by a look."""
    first, second = await bench.workers(2)
    await first.complete("no-such-job")
    scene = await surrounded(bench, first, second)
    for stranger in STRANGERS:
        await scene.second.complete(stranger)
        await scene.first.complete(stranger)
        await scene.second.ask(1)
    await see_to_the_end(bench, scene)


async def not_on_lease(bench: Bench) -> None:
    """Jobs that were never leased, were failed, and were completed: each completed without a lease."""
    first, second = await bench.workers(2)
    never = await bench.enqueue(1)
    await first.complete(never[0])
    await bench.settle()
    for each in await second.ask(10):
        await second.give_up(each.id)
    await bench.enqueue(3)
    held = await bench.obtain(first, 3)
    await first.give_up(held[0])
    await bench.inspect(held[0])
    await first.complete(held[0])
    await first.finish(held[1])
    await second.complete(held[1])
    await bench.settle()
    for each in await second.ask(10):
        await second.finish(each.id)
    await _expired(bench, first, second, held[2])


async def _expired(bench: Bench, first: Worker, second: Worker, job_id: str) -> None:
    if bench.can_expire:
        await bench.expire()
        await first.complete(job_id)
        for each in await second.ask(10):
            await second.finish(each.id)


async def refused(bench: Bench) -> None:
    """Completes that a store may reject: by a worker that has not the job, of ready and unknown ones."""
    first, second = await bench.workers(2)
    ready = (await bench.enqueue(2))[0]
    await second.complete(ready)
    held = await bench.obtain(first, 1)
    await second.ask(10)
    await second.complete(held[0])
    await bench.inspect(held[0])
    await first.complete("no-such-job")
    await second.ask(10)
    await first.finish(held[0])
    for each in await second.ask(10):
        await second.finish(each.id)


async def repeated(bench: Bench) -> None:
    """Completed jobs that are completed again, by their worker and by another, beside other jobs."""
    scene = await surrounded(bench, *await bench.workers(2))
    for worker in (scene.first, scene.second, scene.first):
        await worker.complete(scene.done)
        await bench.inspect(scene.done)
        await scene.second.ask(1)
    await see_to_the_end(bench, scene)


async def cancelled(bench: Bench) -> None:
    """Completes that are cancelled at each of their awaits in turn; the holder tries again, or leaves it."""
    first, second = await bench.workers(2)
    step = 0
    struck = True
    while struck and step <= MOST_STEPS:
        for again in (True, False):
            await bench.enqueue(2)
            held = await bench.obtain(first, 2)
            await second.ask(1)
            struck = await bench.cancelled(partial(first.complete, held[0]), step)
            if again and (await first.finish(held[0])).outcome == REJECTED:
                await bench.inspect(held[0])
            await second.ask(2)
            await first.finish(held[1])
        step += 1
    if bench.can_expire:
        await bench.enqueue(1)
        await bench.obtain_some(first, 1)  # what becomes of this lease no cancellation is to blame for
        await bench.expire()
