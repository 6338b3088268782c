"""The scenarios of the family fail."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from async_contract.experiments.bench import Bench, NotApplicable, Worker
from async_contract.experiments.examples.lease import MANY, MOST_STEPS
from async_contract.experiments.examples.scene import crowd, disperse, see_to_the_end, surrounded
from async_contract.experiments.examples.values import HOSTILE_MESSAGES, MESSAGES, STRANGERS
from async_contract.history.operation import OK, REJECTED

ROUNDS = 4
"""How often a job is failed where the store names no largest number of attempts."""


async def accepted(bench: Bench) -> None:
    """Holders that fail their jobs with every sort of safe message."""
    worker = await bench.worker()
    for number, message in enumerate(MESSAGES):
        # Each is for a job of its own: one job failed again and again could be explained in too many ways,
        # if errors leave open which of the fails took effect. And the number of calls is not always the
        # same, or errors that come at regular intervals would hit the same call each time.
        await bench.enqueue(1 + number % 3)
        for job_id in await bench.obtain_some(worker, 1):
            await worker.give_up(job_id, message)
        await bench.settle()
        for each in await worker.ask(10):
            await worker.finish(each.id)


async def released(bench: Bench) -> None:
    """Failed jobs: whether they are ready or dead, and come to another worker.

    Also when the time that their lease had is over.
    """
    first, second = await bench.workers(2)
    await bench.enqueue(3)
    held = await bench.obtain(first, 3)
    for job_id in held[:2]:
        await first.give_up(job_id)
        await bench.inspect(job_id)
    await bench.settle()
    for each in await second.ask(10):
        await second.finish(each.id)
    await first.give_up(held[2])
    await bench.settle()
    await bench.inspect(held[2])
    if bench.capabilities.redelivers is True:
        await _again_and_again(bench, first)
    elif bench.can_expire:
        await bench.expire()  # where a failed job comes back, one that came too late would look all right


async def _again_and_again(bench: Bench, worker: Worker) -> None:
    """Jobs that have failed once, twice and so on, each for the last time just before the end.

    So one that takes longer each time is late there.
    """
    times = min(bench.capabilities.max_attempts or ROUNDS, ROUNDS) - 1
    jobs: list[str] = []
    for round in range(times):
        if round:
            await bench.settle()
        jobs += await bench.enqueue(1)
        held = [str(each.id) for each in await worker.ask(10)]
        for job_id in [each for each in held if each not in jobs]:
            await worker.finish(job_id)
        for job_id in [each for each in reversed(jobs) if each in held]:
            # The one that has failed most often comes last, so that no other is suspected of what befalls it.
            await worker.give_up(job_id)
            await bench.inspect(job_id)


async def until_dead(bench: Bench) -> None:
    """A job that is failed again and again, beside others that are failed less often."""
    first, second = await bench.workers(2)
    await bench.enqueue(3)
    most = bench.capabilities.max_attempts
    for round in range(most + 1 if most is not None else ROUNDS):
        if round == 1:
            await bench.enqueue(1)
        worker = second if round % 2 else first
        held = [str(each.id) for each in await worker.ask(10)]
        for number, job_id in enumerate(sorted(held)):
            # One is completed on what may be its last delivery, the others are failed to the end.
            if number == 2 and most is not None and round == most - 1:
                await worker.finish(job_id)
            else:
                await worker.give_up(job_id, f"boom {round}")
                await bench.inspect(job_id)
        await bench.settle()
    await bench.enqueue(1)
    for job_id in await bench.obtain(first, 1):
        await first.give_up(job_id)
    if bench.can_expire:
        await bench.expire()


async def only_that_job(bench: Bench) -> None:
    """A fail beside jobs that are ready, completed, and on lease to the same worker and to another."""
    first, second = await bench.workers(2)
    held = await crowd(bench, first)
    await first.give_up(held.pop(len(held) // 2))
    await disperse(first, second, held)
    scene = await surrounded(bench, first, second)
    await scene.first.give_up(scene.held.pop())
    await scene.second.ask(1)
    await scene.second.give_up(scene.theirs.pop())
    await bench.settle()
    await scene.first.ask(1)
    await see_to_the_end(bench, scene)


async def unknown(bench: Bench) -> None:
    """Ids that nobody enqueued, beside jobs in every state; one after another, each followed by a look."""
    first, second = await bench.workers(2)
    await first.fail("no-such-job")
    scene = await surrounded(bench, first, second)
    for stranger in STRANGERS:
        await scene.second.fail(stranger)
        await scene.first.fail(stranger)
        await scene.second.ask(1)
    await see_to_the_end(bench, scene)


async def not_on_lease(bench: Bench) -> None:
    """Jobs that were never leased, were failed already, and were completed: each failed without a lease."""
    first, second = await bench.workers(2)
    never = await bench.enqueue(1)
    await first.fail(never[0], "never leased")
    await bench.settle()
    for each in await second.ask(10):
        await second.finish(each.id)
    await bench.enqueue(3)
    held = await bench.obtain(first, 3)
    await first.give_up(held[0])
    await first.fail(held[0], "failed already")
    await first.finish(held[1])
    await second.fail(held[1], "completed already")
    await bench.settle()
    for each in await second.ask(10):
        await second.finish(each.id)
    if bench.can_expire:
        await bench.expire()
        await first.fail(held[2], "expired already")
        await bench.settle()


async def after_complete(bench: Bench) -> None:
    """Completed jobs that are failed, by their worker and by another."""
    first, second = await bench.workers(2)
    await bench.enqueue(3)
    held = await bench.obtain(first, 2)
    for job_id in held:
        await first.finish(job_id)
        await first.fail(job_id)
        await second.fail(job_id)
        await bench.inspect(job_id)
        await bench.settle()
        await second.ask(1)
    if bench.can_expire:
        await bench.expire()


async def refused(bench: Bench) -> None:
    """Fails that a store may reject: by a worker that has not the job, of ready, failed and unknown ones."""
    first, second = await bench.workers(2)
    ready = (await bench.enqueue(2))[0]
    await second.fail(ready)
    await bench.settle()
    held = await bench.obtain(first, 1)
    await second.ask(10)
    await second.fail(held[0])
    await first.fail("no-such-job")
    await second.ask(10)
    for message in ("lone \ud800 surrogate", "nul\x00inside"):
        await first.fail(held[0], message)
    await second.ask(1)
    await first.fail(held[0], "a safe one")
    await bench.settle()
    for each in await second.ask(10):
        await second.finish(each.id)
    await bench.enqueue(1)
    for job_id in await bench.obtain_some(first, 1):
        await first.give_up(job_id, "the first")
        if await bench.inspect(job_id) is not None:  # else nobody can tell what is left of a message
            await second.fail(job_id, "failed already")
            await bench.inspect(job_id)


async def message(bench: Bench) -> None:
    """Every sort of safe message, read back.

    Also when other jobs have failed with others, the second message of a job that fails twice, and every
    one of a job until it is dead.
    """
    worker = await bench.worker()
    await bench.enqueue(len(MESSAGES))
    if await bench.inspect("job-01") is None:
        raise NotApplicable("the harness can't inspect a job")
    held = await bench.obtain_some(worker, len(MESSAGES))
    for job_id, text in zip(held, MESSAGES, strict=False):
        await worker.give_up(job_id, text)
        await bench.inspect(job_id)
    for job_id in held:
        await bench.inspect(job_id)
    await bench.settle()
    for text in MESSAGES[-3:]:
        for each in await worker.ask(1):
            await worker.give_up(each.id, text)
            await bench.inspect(each.id)
            await bench.settle()
    last = await bench.enqueue(1)
    for text in MESSAGES[: bench.capabilities.max_attempts or ROUNDS]:
        for each in await worker.ask(MANY):
            if each.id in last:
                await worker.give_up(each.id, text)
                await bench.inspect(each.id)
            else:
                await worker.finish(each.id)
        await bench.settle()


async def hostile_message(bench: Bench) -> None:
    """Messages that a store may store, shorten or refuse; the holder then fails the job with a safe one."""
    await _with_messages(bench, HOSTILE_MESSAGES)


async def harmless_message(bench: Bench) -> None:
    """The same with safe messages."""
    await _with_messages(bench, ["a harmless one"] * len(HOSTILE_MESSAGES))


async def _with_messages(bench: Bench, texts: Sequence[str]) -> None:
    first, second = await bench.workers(2)
    for text in texts:
        await bench.enqueue(2)
        held = await bench.obtain(first, 1)
        beside = await bench.obtain(second, 1)
        await second.ask(1)
        failed = await first.fail(held[0], text)
        if failed.outcome == REJECTED:
            await bench.inspect(held[0])
        if failed.outcome != OK:
            await first.give_up(held[0], "a safe one")
        await second.finish(beside[0])
        await bench.settle()
        for each in await first.ask(10):
            await first.finish(each.id)


async def cancelled(bench: Bench) -> None:
    """Fails that are cancelled at each of their awaits in turn; the holder tries again, or leaves it."""
    first, second = await bench.workers(2)
    step = 0
    struck = True
    while struck and step <= MOST_STEPS:
        for again in (True, False):
            await bench.enqueue(2)
            held = await bench.obtain(first, 2)
            await second.ask(1)
            struck = await bench.cancelled(partial(first.fail, held[0]), step)
            if again:
                if (await first.give_up(held[0])).outcome == REJECTED:
                    await bench.inspect(held[0])
            elif struck and step:  # before its first step nothing can be half done
                await bench.inspect(held[0])
            await first.finish(held[1])
            await bench.settle()
            for each in await second.ask(2):
                await second.finish(each.id)
        step += 1
    if bench.can_expire:
        await bench.enqueue(1)
        await bench.obtain_some(first, 1)  # what becomes of this lease no cancellation is to blame for
        await bench.expire()
