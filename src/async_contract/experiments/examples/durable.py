"""The scenarios of the family durable."""

from __future__ import annotations

import contextlib

from async_contract.experiments.bench import Bench, NotExercised, Worker
from async_contract.experiments.examples.values import lined_jobs
from async_contract.experiments.kills import CHILD, PARENT, Kill, RemoteWorker, crash, obstacle
from async_contract.experiments.processes.host import Host
from async_contract.experiments.programs import Kind, Step
from async_contract.history.operation import OK
from async_contract.store import Job

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
    is closed again when it has been worked on. Where processes share the store, it is opened in another one
    too, which has none of this one's memory.
    """
    first, second = await bench.workers(2)
    await _with_a_message_of_two_lines(bench, first)
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
    await _in_another_process(bench)
    if bench.can_expire:
        await bench.enqueue(1)
        await bench.obtain_some(second, 1)  # what becomes of this lease no reopening is to blame for
        await bench.expire()


async def _with_a_message_of_two_lines(bench: Bench, worker: Worker) -> None:
    """Have it read again: a file of lines may end at it."""
    await bench.enqueue(1)
    for job_id in await bench.obtain_some(worker, 1):
        if (await worker.fail(job_id, "it failed\n\tand says why")).outcome != OK:
            await worker.fail(job_id)  # once: whether the holder is heard is for other examples
    await bench.reopen()
    await bench.settle()
    for each in await worker.ask(1):
        await worker.finish(each.id)


async def _in_another_process(bench: Bench) -> None:
    """Have a worker in another process work on what was left, while nobody else has the store open."""
    if bench.capabilities.sharing != "process" or obstacle(bench.harness, bench.settings):
        return
    recorder = bench.recorder
    async with Host(bench.harness, bench.settings.call_limit) as host:
        with contextlib.suppress(NotExercised):  # durable/kill says why it can't be opened there
            await host.start()
            closed = recorder.now()
            await bench.close()
            remote = RemoteWorker(bench, host)
            await host.hire(bench.sandbox)
            recorder.note("reopen", 0, closed)
            for each in await remote.lease(3):
                await remote.complete(each.id)
            await remote.enqueue(Job("elsewhere", "mail", "acme", b'{"from": "another process"}'))
            await remote.lease(1)
            await host.dismiss()
    await bench.reopen()


async def killed(bench: Bench) -> None:
    """A worker that is killed when it has enqueued, completed and failed jobs and still holds one.

    Then a newcomer opens the store, and everything that was acknowledged has to be so.
    """
    reason = obstacle(bench.harness, bench.settings)
    if reason:
        raise NotExercised(reason)
    async with Host(bench.harness, bench.settings.call_limit) as host:
        await crash(bench, host, _BUSY, Kill("after"))
