"""The scenarios of the family expiry."""

from __future__ import annotations

from async_contract.experiments.bench import MARGIN, Bench, NotExercised, Worker
from async_contract.experiments.kills import hired, obstacle
from async_contract.experiments.processes.host import Host, WorkerDied


async def returns(bench: Bench) -> None:
    """Leases that expire: of one job, of several, twice in a row, with other jobs coming and going.

    They begin between two whole seconds. The last ones last no longer because of what
    another worker calls meanwhile.
    """
    first, second = await bench.workers(2)
    await _part_of_a_second(bench, 0.6)
    await bench.enqueue(4)
    held = await bench.obtain(first, 2)
    for job_id in await bench.obtain(second, 1):
        await second.finish(job_id)
    await bench.expire()
    for each in await second.ask(10):
        if each.id not in held:
            await second.finish(each.id)
    await bench.expire()
    for each in await first.ask(10):
        await first.finish(each.id)
    await bench.enqueue(1)
    await bench.obtain(second, 1)
    await bench.expire()
    # One that lasts longer the second time is late at the end.
    await bench.enqueue(1)
    await bench.obtain_some(first, 10)
    await _pass(bench, 0.6)
    await bench.enqueue(2)
    for number, job_id in enumerate(await bench.obtain_some(second, 10)):
        await (second.give_up(job_id) if number else second.finish(job_id))
    await bench.settle()
    for each in await second.ask(2):
        await second.finish(each.id)
    await bench.expire(gone=0.6)


async def not_early(bench: Bench) -> None:
    """Workers that ask late in the life of a lease.

    It is a first one, one after an expired one, one after a fail, whose time begins anew, and one that
    began later than another of the same worker. The first ones begin between two whole seconds.
    """
    first, second = await bench.workers(2)
    await _part_of_a_second(bench, 0.4)
    await bench.enqueue(1)
    await bench.obtain(first, 1)
    await _ask_until_late(bench, second)
    await bench.expire()
    await bench.obtain_some(second, 1)
    await _ask_until_late(bench, first)
    await bench.expire()
    for each in await second.ask(10):
        await second.finish(each.id)
    await bench.enqueue(2)
    held = await bench.obtain(first, 1)
    await _pass(bench, 0.6)
    await first.give_up(held[0])
    await bench.settle()
    again = await bench.obtain_some(second, 2)
    await _pass(bench, 0.6)
    await first.ask(10)
    for job_id in again:
        await second.finish(job_id)
    await bench.enqueue(2)
    await bench.obtain_some(first, 1)
    await _pass(bench, 0.6)
    await bench.obtain_some(first, 1)
    await _pass(bench, 0.6)
    await second.ask(10)
    if bench.sandbox.virtual:
        await _late_in_each_life(bench, first, second)


async def _late_in_each_life(bench: Bench, first: Worker, second: Worker) -> None:
    """Every lease of a job lasts as long, that of its last delivery too."""
    await bench.expire()
    for each in await first.ask(10):
        await first.finish(each.id)
    await bench.enqueue(1)
    for _ in range(min(bench.capabilities.max_attempts or DELIVERIES, DELIVERIES)):
        for job_id in await bench.obtain_some(first, 1):
            await _at_the_last_moment(bench, 0.0)
            await second.ask(10)
            await first.give_up(job_id)
            await bench.settle()


DELIVERIES = 5
"""So many leases of one job are waited for to their ends."""


async def _ask_until_late(bench: Bench, worker: Worker) -> None:
    for part in (0.3, 0.3, 0.38):
        await _pass(bench, part)
        await worker.ask(10)
    await _at_the_last_moment(bench, 0.98)
    await worker.ask(10)


async def _part_of_a_second(bench: Bench, part: float) -> None:
    """Set a virtual clock, which begins at a whole second, between two: deadlines get rounded."""
    if bench.sandbox.virtual:
        await bench.sleep(part)


async def _at_the_last_moment(bench: Bench, gone: float) -> None:
    """Let time pass until a lease of which this part is gone ends next.

    Only where the time stands still otherwise: then even this is early beyond every doubt, with a clock of
    whole milliseconds too.
    """
    timeout = bench.capabilities.lease_timeout
    assert timeout is not None, "a part of it has passed"
    left = (1 - gone) * timeout - bench.capabilities.clock_resolution - 2 * MARGIN
    if bench.sandbox.virtual and left > 0:
        await bench.sleep(left)


async def _pass(bench: Bench, part: float) -> None:
    """Let a part of the time of a lease pass."""
    timeout = bench.capabilities.lease_timeout
    if timeout is None:
        raise NotExercised("leases never expire: the harness declares no lease_timeout")
    if not bench.can_expire:
        await bench.expire()  # says why it can't
    await bench.sleep(part * timeout)


async def fenced(bench: Bench) -> None:
    """Workers whose lease has expired complete and fail while another holds the job, and afterwards.

    Also when a third holds it: what tells leases apart must not begin anew with a fail.
    """
    if bench.capabilities.sharing in ("none", "instance"):
        raise NotExercised(
            'one object can\'t tell its workers apart: declare sharing="connection" or "process", so that '
            "every worker connects for itself"
        )
    if bench.capabilities.sharing != "process" or not await _in_processes(bench):
        await fencing(bench, *await bench.workers(3))


async def _in_processes(bench: Bench) -> bool:
    """Give the workers a process each: a store may know them by that.

    Returns:
        Whether that can be done.
    """
    bench.why_together = obstacle(bench.harness, bench.settings)
    if bench.why_together:
        return False
    limit = bench.settings.call_limit
    async with Host(bench.harness, limit) as one, Host(bench.harness, limit) as another:
        try:
            others = [await hired(bench, each) for each in (one, another)]
        except NotExercised as reason:
            bench.why_together = str(reason)
            return False
        bench.has_processes = True
        try:
            await fencing(bench, await bench.worker(), *others)
            for worker, host in zip(others, (one, another), strict=True):
                began = bench.recorder.now()
                await host.dismiss()
                bench.recorder.note("disconnect", worker.number, began)
        except WorkerDied as died:
            raise NotExercised(str(died)) from None
    return True


async def fencing(bench: Bench, stale: Worker, holder: Worker, third: Worker) -> None:
    """What a worker can still do whose lease has expired, while a second and a third one work on."""
    for end in ("complete", "fail"):
        for done in ("complete", "fail"):
            await bench.enqueue(1)
            job_id = (await bench.obtain(stale, 1))[0]
            await bench.expire()
            await bench.obtain(holder, 1)
            await _end(stale, end, job_id)
            await bench.inspect(job_id)
            await third.ask(10)
            await _end(holder, done, job_id)
            await bench.inspect(job_id)
            await _end(stale, end, job_id)
            await bench.inspect(job_id)
            await bench.settle()
            again = await third.ask(10)
            await holder.ask(10)
            await _end(stale, end, job_id)
            await bench.inspect(job_id)
            await holder.ask(10)
            for each in again:
                await third.finish(each.id)


async def _end(worker: Worker, how: str, job_id: str) -> None:
    await (worker.complete(job_id) if how == "complete" else worker.fail(job_id))


async def max_attempts(bench: Bench) -> None:
    """Jobs whose every lease expires, alone and mixed with fails."""
    first, second = await bench.workers(2)
    await bench.enqueue(2)
    most = bench.capabilities.max_attempts or 1
    for round in range(most):
        worker = second if round % 2 else first
        held = sorted(str(each.id) for each in await worker.ask(10))
        if round == 0 and most > 1 and held:
            await worker.give_up(held[0])
            await bench.settle()
        await bench.expire()
    await first.ask(10)
    await bench.expire()
