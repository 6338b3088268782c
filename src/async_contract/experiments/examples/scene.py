"""A store with jobs in every state, and the look at what became of them."""

from __future__ import annotations

from dataclasses import dataclass

from async_contract.experiments.bench import Bench, Worker
from async_contract.history.operation import CANCELLED, OK


@dataclass(frozen=True, slots=True)
class Scene:
    """Two workers that hold jobs, beside one that is ready, one that was failed, and one that is done.

    Attributes:
        first: A worker.
        second: Another.
        held: Three jobs that the first holds.
        theirs: At least one job that the second holds.
        done: A job that the first has completed.

    Three more jobs are ready.
    """

    first: Worker
    second: Worker
    held: list[str]
    theirs: list[str]
    done: str


async def crowd(bench: Bench, holder: Worker) -> list[str]:
    """Seven jobs of all kinds, which the worker holds; three more are ready."""
    await bench.enqueue(10)
    return await bench.obtain(holder, 7)


async def disperse(first: Worker, second: Worker, held: list[str]) -> None:
    """Whether what was ready comes to the second worker, and what is held can be completed by the first."""
    theirs = await second.ask(10)
    for job_id in held:
        await first.finish(job_id)
    for each in theirs:
        await second.finish(each.id)


async def surrounded(bench: Bench, first: Worker, second: Worker) -> Scene:
    """Set the scene; after each step the second worker asks for jobs.

    A store that delivers what is on lease shows it here, and whatever is then called is not to
    blame.
    """
    await bench.enqueue(6)
    held = await bench.obtain(first, 5)
    failed, done = held.pop(), held.pop()
    theirs = await bench.obtain(second, 1)
    await second.ask(10)
    if (await first.finish(done)).outcome != OK:
        done = held.pop()  # only the reply was lost, perhaps: nobody knows whether that one is done
        await first.finish(done)
    await second.ask(10)
    await first.give_up(failed)
    await bench.inspect(failed)
    await bench.settle()
    theirs += [str(each.id) for each in await second.ask(10)]
    await bench.enqueue(3)
    for job_id in (*held, *theirs):
        await bench.inspect(job_id)
    return Scene(first, second, held, theirs, done)


async def see_to_the_end(bench: Bench, scene: Scene) -> None:
    """Whether nothing has changed: what is held is held, and the rest comes."""
    for job_id in (*scene.held, *scene.theirs):
        await bench.inspect(job_id)
    await bench.settle()
    for each in await scene.second.ask(10):
        await scene.second.finish(each.id)
    for worker, jobs in ((scene.first, scene.held), (scene.second, scene.theirs)):
        for job_id in jobs:
            await worker.finish(job_id)


LOOKS = 20
"""At so many jobs a worker looks back."""


async def look_back(bench: Bench) -> None:
    """What the store remembers, when it is empty, of the jobs of which a complete or fail was cancelled."""
    cancelled = {
        each.job_id: None
        for each in bench.history
        if each.method in ("complete", "fail") and each.error == CANCELLED and each.job_id
    }
    for job_id in list(cancelled)[:LOOKS]:
        await bench.inspect(job_id)
