"""No false alarm: random programs, in order and by workers at the same time, blame no correct store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from random import Random

import pytest

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.bench import Bench, Settings, Worker, open_bench
from async_contract.experiments.owners import promised_here
from async_contract.experiments.programs import (
    Kind,
    Player,
    Program,
    Step,
    finish,
    generate,
    menu_for,
)
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.judge import judge
from async_contract.judge.verdict import Verdict

from . import stores_calls, stores_ends, stores_errors, stores_order, stores_time, stores_values
from .stores import Odd, stores_in
from .stores_mixed import Mixture

PROGRAMS = 6
"""So many programs are carried out on each store, and as many again by workers at the same time."""

MIXTURES = 40
"""So many stores are drawn by lot."""

STORES = tuple(
    pytest.param(store, id=store.__name__)
    for module in (stores_order, stores_time, stores_ends, stores_errors, stores_values, stores_calls)
    for store in stores_in(module)
    if store.steady
)

Play = Callable[[Bench, Program], Awaitable[None]]


async def play_and_look(bench: Bench, program: Program) -> None:
    """Carry out a program step by step, with a look at one of the jobs after each."""
    player = Player(bench)
    workers: dict[int, Worker] = {}
    for number, step in enumerate(program):
        if step.worker not in workers:
            workers[step.worker] = await bench.worker() if step.worker else await bench.first_worker()
        await player.play(step, workers[step.worker])
        if player.enqueued:
            await bench.inspect(player.enqueued[number % len(player.enqueued)])
    await finish(bench)


async def play_at_once(bench: Bench, program: Program) -> None:
    """Carry out a program with a task for each worker; they take turns where nothing is shared."""
    player = Player(bench)
    steps: dict[int, list[Step]] = {}
    for step in program:
        if step.kind is not Kind.REOPEN:
            steps.setdefault(step.worker, []).append(step)
    for step in steps.pop(0, ()):
        await player.play(step, await bench.first_worker())
    calls = [_play_one(player, bench, each) for each in steps.values()]
    await bench.together(*calls)
    await finish(bench)


async def _play_one(player: Player, bench: Bench, steps: list[Step]) -> None:
    worker = await bench.worker()
    for number, step in enumerate(steps):
        await player.play(step, worker)
        await asyncio.sleep(0)
        if number % 4 == 3 and player.enqueued:
            await bench.inspect(player.enqueued[-1])


async def blamed(harness: StoreHarness, program: Program, play: Play, sandboxes: Sandboxes) -> list[str]:
    """What a program makes the judge say against a store, but for the clauses of the level SHOULD."""
    async with open_bench(harness, sandboxes, Settings()) as bench:
        await play(bench, program)
    verdicts = judge(bench.history, promised_here(harness)).verdicts.values()
    return [
        f"{each.clause} {each.verdict}: {each.violations[0].happened if each.violations else each.reason}"
        for each in verdicts
        if each.verdict is Verdict.ERROR
        or (each.verdict is Verdict.BROKEN and CLAUSE[each.clause].level != "SHOULD")
    ]


async def all_blamed(
    harness: StoreHarness, name: str, play: Play, sandboxes: Sandboxes, most: int
) -> list[str]:
    """The same for so many random programs."""
    menu = menu_for(harness.capabilities, virtual=harness.virtual_time)
    found = []
    for number in range(most):
        program = generate(Random(f"{name} {number}"), menu)
        found += [f"program {number}: {each}" for each in await blamed(harness, program, play, sandboxes)]
    return found


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[Sandboxes]:
    """Where the stores' private places are made."""
    with Sandboxes() as made:
        yield made


@pytest.mark.parametrize("store", STORES)
def test_no_program_blames_a_correct_store(store: type[Odd], sandboxes: Sandboxes) -> None:
    """Whatever workers do in a row or at the same time, nothing is held against a correct store."""
    harness, name = store.harness(), store.__name__
    promised_here(harness)  # it is tried on a loop of its own, once

    async def found() -> list[str]:
        in_order = await all_blamed(harness, name, play_and_look, sandboxes, PROGRAMS)
        return in_order + await all_blamed(harness, name, play_at_once, sandboxes, PROGRAMS)

    assert asyncio.run(found()) == []


@pytest.mark.parametrize("play", [play_and_look, play_at_once])
def test_no_program_blames_a_store_that_is_odd_in_many_places(play: Play, sandboxes: Sandboxes) -> None:
    """Oddities that are harmless each by itself are harmless together."""

    async def found() -> list[str]:
        said = []
        for seed in range(MIXTURES):
            harness = Mixture(seed).harness()
            said += await all_blamed(harness, f"mixture {seed}", play, sandboxes, PROGRAMS)
        return said

    assert asyncio.run(found()) == []
