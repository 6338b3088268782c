"""What a store does where the contract leaves it free, found out by doing it; nothing of it is a verdict.

Whoever writes the workers has to know it: a stale worker whose complete takes effect ends another's lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from async_contract.experiments.bench import Bench, NotExercised, Worker
from async_contract.history.operation import OK, REJECTED, Delivered, Operation

REFUSED = "rejected"
IGNORED = "ignored"
EFFECT = "takes effect"
ACCEPTED = "accepted"  # whether it takes effect can't be seen
MIXED = "mixed"

MOST_AWAITS = 10
"""At so many of its awaits a lease is cancelled."""

MOST_FAILS = 12
"""So often a job is failed to see whether it dies of it."""


class Notes(dict[str, str]):
    """What a store was seen to do, by what was tried."""

    def add(self, name: str, seen: str) -> None:
        """Note what was seen; what is seen in two ways is mixed."""
        self[name] = seen if self.get(name, seen) == seen else MIXED

    def end(self, name: str, operation: Operation, *, effect: bool | None = None) -> None:
        """Note what came of a complete or a fail.

        Args:
            name: What was tried.
            operation: The call; of one that failed in another way than by a refusal nothing is known.
            effect: Whether it took effect, where that can be seen.
        """
        if operation.outcome == REJECTED:
            self.add(name, REFUSED)
        elif operation.outcome == OK:
            self.add(name, {None: ACCEPTED, True: EFFECT, False: IGNORED}[effect])


async def unheld(bench: Bench, notes: Notes) -> None:
    """Completes and fails of jobs that nobody holds, and of ids that nobody knows."""
    worker = await bench.worker()
    for number in range(2):
        completed, failed = await bench.enqueue(2)
        complete, fail = await worker.complete(completed), await worker.fail(failed)
        await bench.settle()
        there = await bench.obtain_some(worker, 2)
        notes.end("complete of a job that was never leased", complete, effect=completed not in there)
        notes.end("fail of a job that was never leased", fail)
        for job_id in there:
            await worker.finish(job_id)
        await bench.enqueue(1)
        (job_id,) = await bench.obtain(worker, 1)
        await worker.finish(job_id)
        notes.end("complete of a completed job", await worker.complete(job_id))
        fail = await worker.fail(job_id)
        await bench.settle()
        again = await bench.obtain_some(worker, 1)
        notes.end("fail of a completed job", fail, effect=job_id in again)
        for each in again:
            await worker.finish(each)
        notes.end("complete of an unknown id", await worker.complete(f"never-{number}"))
        notes.end("fail of an unknown id", await worker.fail(f"never-{number}"))


async def queue(bench: Bench, notes: Notes) -> None:
    """Where a failed job is put, what counts as an attempt, and in which order jobs come."""
    worker = await bench.worker()
    ids = await bench.enqueue(5)
    first = await _next(bench, worker)
    notes.add("attempts of a first delivery", repr(first.attempts))
    await worker.give_up(first.id)
    await bench.settle()
    jobs = [first, *await _one_by_one(bench, worker)]
    _place(notes, "a failed job", first.id, [each.id for each in jobs[1:]])
    _counting(notes, "a fail", first, jobs[1:])
    once = list(dict.fromkeys(each.id for each in jobs))
    notes.add("order of first deliveries", "as enqueued" if once == ids else "another one")


async def dying(bench: Bench, notes: Notes) -> None:
    """How often a job is failed until it is delivered no more."""
    if bench.capabilities.max_attempts is not None or bench.capabilities.redelivers is False:
        raise NotExercised("the harness says so")
    if bench.capabilities.retry_delay and not bench.sandbox.virtual:
        raise NotExercised("that takes too long")
    worker = await bench.worker()
    (job_id,) = await bench.enqueue(1)
    for fails in range(MOST_FAILS):
        if job_id not in await bench.obtain_some(worker, 1):
            notes.add("a job is dead after", f"{fails} fails" if fails > 1 else "its fail")
            return
        await worker.give_up(job_id)
        await bench.settle()
    notes.add("a job is dead after", f"more than {MOST_FAILS} fails, or never")


async def expired(bench: Bench, notes: Notes) -> None:
    """Completes and fails by a worker whose lease has expired."""
    stale, holder = await bench.workers(2)
    await bench.enqueue(2)
    ready = await bench.obtain(stale, 2)
    await bench.expire()
    complete, fail = await stale.complete(ready[0]), await stale.fail(ready[1])
    await bench.settle()
    there = await bench.obtain_some(holder, 2)
    notes.end(_LATE.format("complete", "the job is ready again"), complete, effect=ready[0] not in there)
    notes.end(_LATE.format("fail", "the job is ready again"), fail)
    for job_id in there:
        await holder.finish(job_id)
    await _while_held(bench, notes, stale, holder)


_LATE = "late {}, {}"


async def _while_held(bench: Bench, notes: Notes, stale: Worker, holder: Worker) -> None:
    """A stale worker ends what another holds, and what another has completed."""
    await bench.enqueue(4)
    await bench.obtain(stale, 4)
    await bench.expire()
    held = await bench.obtain(holder, 4)
    for job_id in held[2:]:
        await holder.finish(job_id)
    notes.end(_LATE.format("complete", "another has completed the job"), await stale.complete(held[2]))
    done = await stale.fail(held[3])
    complete, fail = await stale.complete(held[0]), await stale.fail(held[1])
    await bench.settle()
    early = await bench.obtain_some(holder, 4)  # what the fails gave back
    notes.end(_LATE.format("fail", "another holds the job"), fail, effect=held[1] in early)
    notes.end(_LATE.format("fail", "another has completed the job"), done, effect=held[3] in early)
    await bench.expire()
    there = {*early, *await bench.obtain_some(holder, 4)}
    notes.end(_LATE.format("complete", "another holds the job"), complete, effect=held[0] not in there)


async def expiring(bench: Bench, notes: Notes) -> None:
    """Where an expired job is put, and whether its delivery counts."""
    worker = await bench.worker()
    await bench.enqueue(1)
    (job_id,) = await bench.obtain(worker, 1)
    first = bench.history[-1].jobs[0]
    await bench.enqueue(4)
    await bench.expire()
    jobs = await _one_by_one(bench, worker)
    _place(notes, "a job whose lease has expired", job_id, [each.id for each in jobs])
    _counting(notes, "a lease that expired", first, jobs)


async def cancelled(bench: Bench, notes: Notes) -> None:
    """Whether a lease that its caller cancels gives back at once what it took."""
    worker = await bench.worker()
    stranded: set[str] = set()
    struck = False
    for step in range(1, MOST_AWAITS + 1):
        (job_id,) = await bench.enqueue(1)
        if not await bench.cancelled(partial(worker.lease, 1), step):
            break
        struck = True
        await asyncio.sleep(0)
        there = await bench.obtain_some(worker, 1)
        stranded |= {job_id} - set(there)
        for each in there:
            await worker.finish(each)
    if not struck:
        return
    seen = "not at once" if stranded else "at once"
    if stranded and bench.can_expire:
        await bench.expire()
        there = await bench.obtain_some(worker, MOST_AWAITS)
        seen = "when the lease expires" if stranded <= set(there) else seen
    notes.add("a cancelled lease gives its jobs back", seen)


async def reopened(bench: Bench, notes: Notes) -> None:
    """Whether leases last over a reopening."""
    if not bench.capabilities.durable:
        raise NotExercised("the harness promises nothing of it")
    worker = await bench.worker()
    await bench.enqueue(1)
    (job_id,) = await bench.obtain(worker, 1)
    await bench.reopen()
    ended = job_id in await bench.obtain_some(worker, 1)
    notes.add("a lease, when the store is reopened,", "ends" if ended else "lasts")


PARTS: Sequence[Callable[[Bench, Notes], Awaitable[None]]] = (
    unheld, expired, queue, expiring, dying, cancelled, reopened,
)  # fmt: skip
"""What is tried, each on a store of its own."""


async def _next(bench: Bench, worker: Worker) -> Delivered:
    if not await bench.obtain_some(worker, 1):
        raise NotExercised("nothing is delivered")
    return bench.history[-1].jobs[0]


async def _one_by_one(bench: Bench, worker: Worker) -> list[Delivered]:
    """Lease and complete whatever there is, one job after another."""
    jobs: list[Delivered] = []
    while len(jobs) < MOST_FAILS and await bench.obtain_some(worker, 1):
        jobs.append(bench.history[-1].jobs[0])
        await worker.finish(jobs[-1].id)
    return jobs


def _place(notes: Notes, what: str, job_id: str, order: Sequence[str]) -> None:
    where = {0: "at the front", len(order) - 1: "at the back"}
    if job_id not in order:
        notes.add(f"{what} is put", "nowhere: it is not delivered again")
    else:
        notes.add(f"{what} is put", where.get(order.index(job_id), "neither at the front nor at the back"))


def _counting(notes: Notes, what: str, first: Delivered, jobs: Sequence[Delivered]) -> None:
    for again in jobs:
        if again.id == first.id and isinstance(again.attempts, int) and isinstance(first.attempts, int):
            notes.add(f"{what} adds to attempts", str(again.attempts - first.attempts))
            return
