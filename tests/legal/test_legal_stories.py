"""No false alarm: the short stories for which correct stores were blamed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.bench import Bench, Settings, open_bench
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.judge import judge
from async_contract.judge.verdict import Verdict

from .stores import Odd
from .stores_calls import ReturnsTasks, SlowOneAttempt
from .stores_ends import CountsFails, FailsAnything, StaleGoesToTheBack
from .stores_errors import Busy, DriversErrors
from .stores_time import DropsConnections
from .stores_values import DriversTypes

Story = Callable[[Bench], Awaitable[None]]


async def strangers_fail(bench: Bench) -> None:
    """A job is failed twice before anybody is given it: its holder's fail is the third, and the last."""
    first, second = await bench.workers(2)
    job_id = (await bench.enqueue(1))[0]
    await second.fail(job_id)
    await second.fail(job_id)
    await bench.obtain(first, 1)
    await first.fail(job_id)


async def the_dead_are_failed(bench: Bench) -> None:
    """A job that is shown as dead is failed once more, which makes it ready."""
    first, second = await bench.workers(2)
    held = await bench.obtain(first, len(await bench.enqueue(2)))
    await first.fail(held[1])
    await first.fail(held[0])
    await bench.inspect(held[0])
    await first.fail(held[0])
    await second.ask(1)


async def a_fail_changes_the_order(bench: Bench) -> None:
    """The first job is failed before anybody is given it, and goes to the back."""
    worker = await bench.worker()
    jobs = await bench.enqueue(3)
    await worker.fail(jobs[0])
    await worker.ask(1)
    await bench.settle()


async def every_third_call_is_refused(bench: Bench) -> None:
    """A worker's leases are refused three times, and so are its completes of one job, with others between."""
    worker = await bench.worker()
    await bench.enqueue(9)
    for _ in range(3):
        await bench.enqueue(2)
        await worker.lease(1)
    late, *others = await bench.obtain_some(worker, 7)
    for one, other in zip(others[::2], others[1::2], strict=True):
        await worker.complete(one)
        await worker.complete(other)
        await worker.complete(late)


async def the_connection_is_lost(bench: Bench) -> None:
    """A worker that holds jobs makes calls until its connection breaks; then another is given the jobs."""
    first, second = await bench.workers(2)
    await bench.enqueue(2)
    await bench.obtain(first, 2)
    for _ in range(5):
        await first.complete("no-such-job")
    await second.ask(10)


async def fails_are_repeated(bench: Bench) -> None:
    """A worker fails its job again and again to be sure, and is told by errors that say nothing."""
    worker = await bench.worker()
    await bench.enqueue(1)
    for _ in range(4):
        for job_id in await bench.obtain_some(worker, 1):
            for _ in range(5):
                await worker.fail(job_id)
            await bench.inspect(job_id)


async def another_completes(bench: Bench) -> None:
    """A job is completed by a worker that does not hold it; its holder tries in vain."""
    first, second = await bench.workers(2)
    held = await bench.obtain(first, len(await bench.enqueue(1)))
    await second.complete(held[0])
    await first.finish(held[0])


async def a_lease_is_cancelled(bench: Bench) -> None:
    """Leases are cancelled before they begin, and at each of their awaits."""
    worker = await bench.worker()
    for step in range(6):
        await bench.enqueue(1)
        await bench.cancelled(lambda *, wrap: worker.lease(1, wrap=wrap), step)
    if bench.can_expire:
        await bench.expire()


async def a_job_is_done(bench: Bench) -> None:
    """One job comes and is completed."""
    worker = await bench.worker()
    held = await bench.obtain(worker, len(await bench.enqueue(1)))
    await worker.finish(held[0])


STORIES = (
    (DriversErrors, another_completes),
    (DriversTypes, a_job_is_done),
    (ReturnsTasks, a_lease_is_cancelled),
    (SlowOneAttempt, a_lease_is_cancelled),
    (StaleGoesToTheBack, a_fail_changes_the_order),
    (DriversErrors, fails_are_repeated),
    (CountsFails, strangers_fail),
    (FailsAnything, the_dead_are_failed),
    (Busy, every_third_call_is_refused),
    (DropsConnections, the_connection_is_lost),
)
"""What correct stores were blamed for once."""


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[Sandboxes]:
    """Where the stores' private places are made."""
    with Sandboxes() as made:
        yield made


@pytest.mark.parametrize(
    ("store", "story"),
    STORIES,
)
def test_the_story_blames_nobody(store: type[Odd], story: Story, sandboxes: Sandboxes) -> None:
    """What happens in it can happen with a correct store."""
    harness = store.harness()

    async def play() -> list[str]:
        async with open_bench(harness, sandboxes, Settings()) as bench:
            await story(bench)
            await bench.drain()
        verdicts = judge(bench.history, harness.capabilities).verdicts.values()
        return [
            f"{each.clause} {each.verdict}: {each.violations[0].happened if each.violations else each.reason}"
            for each in verdicts
            if each.verdict is Verdict.ERROR
            or (each.verdict is Verdict.BROKEN and CLAUSE[each.clause].level != "SHOULD")
        ]

    assert asyncio.run(play()) == []
