"""The scenarios of the family durable."""

from __future__ import annotations

from async_contract.experiments.bench import Bench, NotExercised
from async_contract.experiments.examples.values import lined_jobs
from async_contract.experiments.kills import CHILD, PARENT, Kill, crash, obstacle
from async_contract.experiments.processes.host import Host
from async_contract.experiments.programs import Kind, Step

_BUSY = (
    Step(PARENT, Kind.ENQUEUE),
    *(Step(CHILD, Kind.ENQUEUE),) * 4,
    Step(CHILD, Kind.LEASE, 2),
    Step(PARENT, Kind.LEASE),
    Step(CHILD, Kind.FAIL),
    Step(CHILD, Kind.ENQUEUE),
    Step(CHILD, Kind.COMPLETE),
)
"""A worker in another process that has done a bit of everything, and still holds a job."""


async def reopened(bench: Bench) -> None:
    """A store that is closed and opened with jobs in every state in it.

    They are ready, some with line breaks of all sorts in them, on lease, failed, dead and completed; and it
    is closed again when it has been worked on.
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
    for job in lined_jobs():
        await bench.offer(job)
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


async def killed(bench: Bench) -> None:
    """A worker that is killed when it has enqueued, completed and failed jobs and still holds one.

    Then a newcomer opens the store, and everything that was acknowledged has to be so.
    """
    reason = obstacle(bench.harness, bench.settings)
    if reason:
        raise NotExercised(reason)
    async with Host(bench.harness, bench.settings.call_limit) as host:
        await crash(bench, host, _BUSY, Kill("after"))
