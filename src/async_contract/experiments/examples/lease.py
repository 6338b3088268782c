"""The scenarios of the family lease.

Each leaves the store in a state from which draining it shows what the clause is about; the runner
of examples drains it and has the history judged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Any

from async_contract.experiments.bench import Bench, Inconclusive, NotApplicable, Worker, ordinary_job
from async_contract.experiments.examples.values import LOOK_ALIKES, ODD_IDS, odd_in_one, odd_jobs
from async_contract.history.operation import OK, Delivered
from async_contract.judge.refusals import ERRORS
from async_contract.store import Job

MOST = 2**31 - 1

MANY = 50
"""More jobs than are ever ready."""


async def accepted(bench: Bench) -> None:
    """Every allowed limit, on a store with jobs and on one without."""
    worker = await bench.worker()
    for limit in (1, 2, 1000, 65_536, MOST):
        await bench.enqueue(2)
        held = await worker.ask(limit)
        for each in [*held, *await worker.ask(limit)]:
            await worker.finish(each.id)
    for limit in (1, MOST):
        await worker.ask(limit)


async def delivered(bench: Bench) -> None:
    """Ordinary jobs, delivered one by one and in batches, some of them twice.

    One job has nothing in it; and one that nobody enqueued is failed, and must not come into being by it.
    At last there are some with odd ids.
    """
    first, second = await bench.workers(2)
    await bench.offer(Job("bare", "kind"))
    await bench.enqueue(6)
    for job_id in await bench.obtain(first, 3):
        await first.give_up(job_id)
    await bench.settle()
    for job_id in await bench.obtain(second, 3):
        await second.finish(job_id)
    await second.fail("no-such-job")
    for each in await second.ask(10):
        await second.finish(each.id)
    await _alone(bench, second)


async def _alone(bench: Bench, worker: Worker) -> None:
    """Odd ids, each without another that is like it: a store that changes them takes none for another."""
    for number, job_id in enumerate(ODD_IDS):
        await bench.offer(Job(job_id, "kind", "", f"odd {number}".encode()))
    for number, each in enumerate(await worker.ask(MANY)):
        await (worker.finish(each.id) if number % 2 else worker.give_up(each.id))
    await bench.settle()
    for each in await worker.ask(MANY):
        await worker.finish(each.id)


async def within_limit(bench: Bench) -> None:
    """More ready jobs than every limit; limits of zero and less, each followed by a look at what is left."""
    first, second = await bench.workers(2)
    await bench.enqueue(9)
    for limit in (1, 2, 3):
        for each in await second.ask(limit):
            await second.finish(each.id)
    for limit in (0, -1, -2, -(2**31)):
        await bench.enqueue(3)
        await first.lease(limit)
        for each in await second.ask(10):
            await second.finish(each.id)


async def distinct(bench: Bench) -> None:
    """Batches with more room than jobs, of new jobs and of failed ones."""
    worker = await bench.worker()
    await bench.enqueue(4)
    for limit in (10, MOST):
        held = {str(each.id) for each in await worker.ask(limit)}
        for job_id in sorted(held):
            await worker.give_up(job_id)
        await bench.settle()
    for each in await worker.ask(10):
        await worker.finish(each.id)


async def exclusive(bench: Bench) -> None:
    """Jobs on lease, while their holder, another worker, both at once and a new connection ask."""
    first, second = await bench.workers(2)
    await bench.enqueue(6)
    await bench.obtain(first, 2)
    await first.ask(1)
    await bench.obtain(second, 1)
    for limit in (1, 10):
        await bench.together(first.ask(limit), second.ask(limit))
    third = await bench.worker()
    await third.ask(10)
    await bench.enqueue(2)
    await bench.together(*(each.ask(1) for each in (first, second, third)))
    await third.ask(10)
    await _failed_and_held_again(bench, third, second)
    if bench.capabilities.sharing in ("connection", "process"):
        await _one_leaves(bench, first)
    for number in range(MANY):
        await bench.offer(ordinary_job(f"many-{number:02}", number))  # it may be full
    held: list[str] = []  # in the end more at once than a store might have room for
    while len(held) < MANY and (more := await bench.obtain_some(second, 10)):
        held += more  # where they expire meanwhile they come again, and so never end
    await first.ask(10)


async def _one_leaves(bench: Bench, stays: Worker) -> None:
    """A worker who closes its connection gives back what it holds, if anything: the rest is others'.

    Raises:
        Inconclusive: From then on the others are not served. Their clients may be of one pool, of the
            harness, which the store has closed: that is no story of several processes.
    """
    await bench.enqueue(2)
    leaver = await bench.worker()
    await bench.obtain_some(leaver, 1)
    await stays.ask(10)
    before = len(bench.history)
    await bench.leave(leaver)
    await stays.ask(10)
    if bench.history[-1].outcome != OK:
        del bench.history[before:]
        raise Inconclusive
    await (await bench.worker()).ask(10)


async def _failed_and_held_again(bench: Bench, one: Worker, other: Worker) -> None:
    """A job that was failed and is held again.

    What the store remembers of the first lease must not let go of the second.
    """
    await bench.enqueue(1)
    for job_id in await bench.obtain(one, 1):
        await one.give_up(job_id)
    await bench.settle()
    await other.ask(10)
    await one.ask(10)
    await one.complete("job-none")
    await one.ask(10)


async def faithful(bench: Bench) -> None:
    """Any text and any bytes; what the store does not take in counts for nothing."""
    worker = await bench.worker()
    accepted = 0
    for job in odd_jobs():
        if await _is_taken_in(bench, job):
            accepted += 1
            continue
        # It may be full; and it may take any payload and be particular about names, or the other way round.
        await _come_and_go(worker, accepted)
        accepted = sum([await _is_taken_in(bench, each) for each in odd_in_one(job)])
    await _come_and_go(worker, accepted)


async def _is_taken_in(bench: Bench, job: Job) -> bool:
    return (await bench.offer(job)).outcome == "ok"


async def _come_and_go(worker: Worker, count: int) -> None:
    """Lease so often that so many jobs may come, and end each in one way or the other."""
    for number in range(count):
        for each in await worker.ask(3):
            if number % 3:
                await worker.finish(each.id)
            else:
                await worker.give_up(each.id)


async def identity(bench: Bench) -> None:
    """Jobs whose ids are alike, each held, finished and failed by itself; and ids of no job."""
    worker = await bench.worker()
    await _each_by_itself(bench, worker, LOOK_ALIKES)
    await _almost(bench, worker)


async def as_many(bench: Bench) -> None:
    """The same with ids that nobody takes for one another: no look-alike is to blame for what it breaks."""
    plain = [f"job-{number:03}" for number in range(len(LOOK_ALIKES))]
    await _each_by_itself(bench, await bench.worker(), plain)


async def _each_by_itself(bench: Bench, worker: Worker, ids: Sequence[str]) -> None:
    taken = []
    for number, job_id in enumerate(ids):
        operation = await bench.offer(ordinary_job(job_id, number))
        if operation.outcome == "ok":
            taken.append(operation.job_id)
    if bench.chooses_ids:
        raise NotApplicable("the store chooses the ids")
    held: list[str] = []
    while len(held) < len(taken) and (more := await bench.obtain_some(worker, 4)):
        held += more  # a few at a time: a reply that is lost must not take them all with it
    await worker.ask(10)
    for job_id in held[::3]:
        await worker.finish(job_id)
    await worker.ask(10)
    for job_id in held[1::3]:
        await worker.give_up(job_id)
    for job_id in held[2::3]:
        await worker.finish(job_id)
    await bench.settle()
    for each in await worker.ask(10):
        await worker.finish(each.id)


async def _almost(bench: Bench, worker: Worker) -> None:
    """Ends of ids that are only like that of a job that is held, or of one that is ready."""
    await bench.offer(ordinary_job("Only", 0))
    held = await bench.obtain_some(worker, MANY)
    await bench.offer(ordinary_job("Ready", 0))
    for like in ("only", "ONLY ", " Only", "Onl", "Onl_", "On%", "Only\x00", "ready", "READY ", "Read_", "%"):
        await worker.complete(like)
        await worker.fail(like)
    for job_id in held:
        await bench.inspect(job_id)
        await worker.finish(job_id)
    for each in await worker.ask(10):
        await worker.finish(each.id)


async def snapshot(bench: Bench) -> None:
    """A worker that changes what it was given.

    It changes the batch and every attribute of the jobs, then fails one, completes others, and leaves the
    last one to expire.
    """
    await _with_a_batch(bench, changes=True)


async def unchanged(bench: Bench) -> None:
    """The same by a worker that changes nothing."""
    await _with_a_batch(bench, changes=False)


async def _with_a_batch(bench: Bench, *, changes: bool) -> None:
    worker = await bench.worker()
    await bench.enqueue(5)
    await bench.settle()
    jobs, batch = await _batch(worker, 3)
    held = [str(each.id) for each in jobs]
    if changes:
        invoked = bench.recorder.now()
        change(batch)
        for job_id in held:
            bench.recorder.note("mutate", worker.number, invoked, job_id)
    await worker.ask(1)
    ended = held[:2] if bench.can_expire else held
    for number, job_id in enumerate(ended):
        await (worker.finish(job_id) if number else worker.give_up(job_id))
    await bench.settle()
    if bench.can_expire:
        await bench.expire()


async def _batch(worker: Worker, limit: int) -> tuple[Sequence[Delivered], Any]:
    """A batch with jobs in it, if there is one to be had."""
    for _ in range(ERRORS):
        jobs, batch = await worker.lease_raw(limit)
        if jobs:
            break
    return jobs, batch


CROWD = 260
"""More jobs than a small buffer, a page or a cache has room for, or a byte counts."""


async def _crowd(bench: Bench, first: Worker, second: Worker) -> None:
    """More jobs at once than a small buffer, a page or a cache has room for: ready, and on lease."""
    if bench.capabilities.ends_with_connection:
        return  # every lost reply may have ended leases, and the judge would weigh each of them for each job
    await bench.enqueue(CROWD)
    held: list[str] = []
    while len(held) < CROWD and (more := await bench.obtain_some(first, 10)):
        held += more
    await second.ask(10)
    for job_id in held:
        await first.finish(job_id)


CHANGES = (
    ("kind", "changed"),
    ("tenant_id", "changed"),
    ("attempts", 99),
    ("payload", b"changed"),
    ("id", "changed"),
)
"""What a worker does to the attributes of a job that it was given."""


def change(batch: Any) -> None:
    """Change whatever can be changed; what can't be changed keeps it."""
    for job in [] if batch is None else list(batch):
        for name, value in CHANGES:
            with contextlib.suppress(Exception):
                setattr(job, name, value)
    with contextlib.suppress(Exception):
        batch.append(batch[0])
    with contextlib.suppress(Exception):
        batch.clear()


async def empty(bench: Bench) -> None:
    """A store that never had a job, one whose jobs are all on lease, and one that was emptied."""
    first, second = await bench.workers(2)
    for limit in (1, 10, MOST):
        await first.ask(limit)
    await bench.enqueue(2)
    held = await bench.obtain(first, 2)
    await second.ask(1)
    for job_id in held:
        await first.finish(job_id)
    await second.ask(1)
    await first.ask(10)


async def progress(bench: Bench) -> None:
    """Jobs that come and go.

    They are enqueued between leases, failed and completed, in batches of all sizes; at the end there are a
    few, one of them with nothing in it, of which none is finished before all were asked for. Once there
    are more than two hundred, all on lease before the first is finished. Who is given
    nothing when he asks for one job asks for one until the end.
    """
    first, second = await bench.workers(2)
    await _crowd(bench, first, second)
    for round in range(6):
        await bench.enqueue(round + 1)
        for worker, limit in ((first, round + 1), (second, 2)):
            for number, each in enumerate(await worker.ask(limit)):
                await (worker.give_up(each.id) if number % 3 == 1 else worker.finish(each.id))
    await bench.settle()
    while held := await bench.obtain_some(first, 1):
        await first.finish(held[0])
    await bench.enqueue(1)
    for job in (Job("bare", "kind"), Job("bytes", "kind", "acme", bytes(range(256)))):
        await bench.offer(job)
    for each in [*await first.ask(1), *await first.ask(5)]:
        await first.finish(each.id)
    await bench.enqueue(3)
    if not await bench.obtain_some(first, 1):
        bench.room = 1


async def refused(bench: Bench) -> None:
    """Limits that a store may reject, while jobs are ready; each followed by a look at what is left."""
    first, second = await bench.workers(2)
    for limit in (0, -1, 2**31, 2**63, 2**64, -(2**63)):
        await bench.enqueue(2)
        for each in await first.lease(limit):
            await first.finish(each.id)
        for each in await second.ask(10):
            await second.finish(each.id)


async def attempts(bench: Bench) -> None:
    """Jobs that are delivered again and again: after fails, after leases that expired, and after both."""
    promised = bench.capabilities
    if promised.redelivers is False and promised.lease_timeout is None and not promised.ends_with_connection:
        raise NotApplicable("no job is delivered again: a fail is final, and no lease ends by itself")
    first, second = await bench.workers(2)
    await bench.enqueue(3)
    for round in range(4):
        worker = second if round % 2 else first
        for each in await worker.ask(10):
            await worker.give_up(each.id)
        await bench.settle()
    if bench.can_expire and bench.sandbox.virtual:
        await bench.enqueue(2)
        for worker in (first, second):
            await worker.ask(10)
            await bench.expire()
        await bench.enqueue(2)
        for each in await first.ask(10):
            await first.give_up(each.id)
        await bench.settle()
        await second.ask(10)
        await bench.expire()


async def order(bench: Bench) -> None:
    """Jobs whose ids, kinds and payloads sort otherwise than they were enqueued."""
    worker = await bench.worker()
    names = ("m", "z", "a", "q", "B", "0", "y", "c", "x", "d")
    for number, name in enumerate(names):
        await bench.offer(Job(f"{name}-job", f"kind-{9 - number}", name[::-1], b"%d" % (250 - 7 * number)))
        await bench.sleep(0.001)
        if number == 4:
            await _take(worker, 1)
            await _take(worker, 2)
    for limit in (1, 1, 3, 10):
        await _take(worker, limit)


async def _take(worker: Worker, limit: int) -> None:
    for each in await worker.ask(limit):
        await worker.finish(each.id)


async def cancelled(bench: Bench) -> None:
    """Leases that are cancelled at each of their awaits in turn.

    The same worker and another then ask for some of the jobs, and the rest is left for the end. Where that
    takes no time, leases that others have let expire are due at the same moment.
    """
    first, second = await bench.workers(2)
    step = 0
    struck = True
    while struck and step <= MOST_STEPS:
        await bench.enqueue(3)
        struck = await bench.cancelled(partial(first.lease, 1), step)
        for each in await first.ask(1):
            await first.finish(each.id)
        await bench.cancelled(partial(first.lease, 10), step)
        await asyncio.sleep(0)
        for each in await second.ask(1):
            await second.finish(each.id)
        step += 1
    if bench.sandbox.virtual and bench.can_expire and not bench.capabilities.expiry_counts:
        await _cancelled_when_leases_are_over(bench, first, second)
    if bench.capabilities.lease_timeout is not None:
        await bench.expire()


async def _cancelled_when_leases_are_over(bench: Bench, first: Worker, second: Worker) -> None:
    """A lease may be what takes back the jobs of others, and be cancelled when it has but begun.

    Where expired leases count, each that is cancelled may have used up a job, and excuses more than it shows.
    """
    step = 0
    struck = True
    while struck and step <= MOST_STEPS:
        await bench.enqueue(2)
        await bench.obtain_some(second, 2)
        await bench.expire()
        struck = await bench.cancelled(partial(first.lease, 10), step)
        await asyncio.sleep(0)
        for each in await second.ask(10):
            await second.finish(each.id)
        step += 1


MOST_STEPS = 30
"""At so many of the awaits of one call it is cancelled."""
