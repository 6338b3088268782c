"""The scenarios of the family durable."""

from __future__ import annotations

from async_contract.experiments.bench import Bench


async def reopened(bench: Bench) -> None:
    """A store that is closed and opened with jobs in every state in it.

    They are ready, on lease, failed, dead and completed; and it is closed again when it has been worked on.
    """
    first, second = await bench.workers(2)
    await bench.enqueue(5)
    held = await bench.obtain(first, 5)
    await first.finish(held[0])
    await first.give_up(held[1], "before it was closed")
    await bench.settle()
    for _ in range((bench.capabilities.max_attempts or 1) - 1):
        for each in await second.ask(1):
            await second.give_up(each.id)
        await bench.settle()
    await bench.enqueue(4)
    for each in await second.ask(1):
        await second.give_up(each.id)
    await bench.settle()
    for job_id in held:
        await bench.inspect(job_id)
    await bench.reopen()
    for job_id in held:
        await bench.inspect(job_id)
    await first.complete(held[2])
    await first.fail(held[3])
    await bench.settle()
    for each in await second.ask(2):
        await second.finish(each.id)
    await bench.enqueue(1)
    await bench.reopen()
    for each in await second.ask(3):
        await second.finish(each.id)
    await bench.reopen()
    if bench.can_expire:
        await bench.expire()
