"""From a run to its schedule and back, and from a schedule to a simpler one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count, islice

import pytest

from async_contract.experiments.choosers import Chooser, OwnOrder, Pct, RandomWalk, Trace, rotation
from async_contract.experiments.loop import Run, simulate
from async_contract.experiments.pauses import Following, Pause, Schedule
from async_contract.experiments.schedules import (
    Attempt,
    Diverged,
    Replaying,
    Search,
    minimise,
    pauses_of,
    replay,
    search,
)
from tests.experiments.loop_programs import program


def of(seed: int) -> Attempt:
    """Runs a random program."""
    return lambda chooser: simulate(program(seed), chooser)


def test_every_run_of_a_random_program_is_a_schedule() -> None:
    """Whatever strategy it comes from, its pauses give the same run, choice by choice."""
    for seed in range(60):
        attempt = of(seed)
        expected = attempt(OwnOrder()).steps
        for chooser in islice(rotation(seed, expected), 6):
            run = attempt(chooser)
            schedule = pauses_of(attempt, run.trace)
            assert attempt(Following(schedule)) == run, (seed, schedule)


def test_a_run_in_asyncios_own_order_has_no_pauses() -> None:
    """The empty schedule is that order."""
    attempt = of(3)

    assert pauses_of(attempt, attempt(OwnOrder()).trace) == ()


def three(chooser: Chooser) -> Run:
    """Three tasks with three steps each, and a timer."""

    async def worker() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def main() -> None:
        asyncio.get_running_loop().call_later(1, int)
        asyncio.get_running_loop().call_later(2, int)
        await asyncio.wait([asyncio.create_task(worker()) for _ in range(3)])

    return simulate(main, chooser)


@pytest.mark.parametrize(
    "schedule",
    [
        (),
        (Pause(1, 1, 1),),
        (Pause(1, 1, 5), Pause(2, 2, 3)),
        (Pause(1, 1, 2, everybody=True),),
        (Pause(1, 1, 3), Pause(2, 1, 1, everybody=True)),
        (Pause(3, 2, 1, everybody=True), Pause(3, 3, 1, everybody=True)),
    ],
)
def test_a_run_is_written_down_with_the_fewest_pauses(schedule: Schedule) -> None:
    """Who was never passed over is not paused, and time passes by one pause of everybody."""
    assert pauses_of(three, three(Following(schedule)).trace) == schedule


def test_a_task_that_never_goes_on_is_paused_to_the_end() -> None:
    """A run may be over before everybody has had a turn."""

    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(0))
        await asyncio.sleep(0)
        del task

    run = simulate(main, Following((Pause(1, 1, 5),)))

    assert run.trace.turns == (0, 0)
    assert pauses_of(lambda chooser: simulate(main, chooser), run.trace) == (Pause(1, 1, 1),)


# -- replaying --------------------------------------------------------------------------------------


def test_a_thousand_replays_are_the_same() -> None:
    """The same schedule gives the same run, history and all, every time."""
    attempt = of(11)
    run = attempt(RandomWalk(5))
    schedule = pauses_of(attempt, run.trace)

    assert all(attempt(Following(schedule)) == run for _ in range(500))
    assert all(attempt(Replaying(run.trace)) == run for _ in range(500))


def unsteady(*counts: int, steps: int = 2) -> Attempt:
    """A program that begins another number of tasks in each run."""
    numbers = iter(counts)

    async def worker() -> None:
        for _ in range(steps - 1):
            await asyncio.sleep(0)

    async def main() -> None:
        tasks = [asyncio.create_task(worker()) for _ in range(next(numbers))]
        await asyncio.wait(tasks)

    return lambda chooser: simulate(main, chooser)


OUTSIDE = (
    "; something outside the schedule decides, such as the real time, random numbers without a seed, uuid4, "
    "or the order of a set"
)


@pytest.mark.parametrize(
    ("attempt", "difference"),
    [
        (unsteady(2, 3), "turn 1 is a choice of 3, where it was one of 2"),
        (unsteady(1, 2), "turn 1 is a choice of 2, where there was none"),
        (unsteady(2, 1, steps=1), "turn 2 is that of task 0, where it was that of task 2"),
    ],
)
def test_what_is_decided_elsewhere_is_noticed(attempt: Attempt, difference: str) -> None:
    """A replay compares the alternatives at each choice, and in the end the runs."""
    with pytest.raises(Diverged) as caught:
        replay(attempt, ())

    assert str(caught.value) == f"this can't be replayed exactly: {difference}{OUTSIDE}"


@pytest.mark.parametrize(
    ("then", "now", "difference"),
    [
        (
            Trace((0, 1), (), ()),
            Trace((0, 1, 0), (), ()),
            "it took 3 turns and 0 choices, where it took 2 turns and 0 choices",
        ),
        (
            Trace((0, 0), (0,), (2,)),
            Trace((0, 0), (), ()),
            "it took 2 turns and 0 choices, where it took 2 turns and 1 choices",
        ),
        (
            Trace((0, -1), (1,), (2,)),
            Trace((0, 0), (1,), (2,)),
            "turn 1 is that of task 0, where it was that of time",
        ),
    ],
)
def test_runs_of_another_length_differ(then: Trace, now: Trace, difference: str) -> None:
    """It is said what was different at first, or by how much."""
    run = Run(None, None, now, (), ())
    with pytest.raises(Diverged) as caught:
        pauses_of(lambda _: run, then)

    assert str(caught.value) == f"this can't be replayed exactly: {difference}{OUTSIDE}"


# -- finding ----------------------------------------------------------------------------------------


def test_asyncios_own_order_is_tried_first() -> None:
    """What it shows needs no pause."""
    run = three(OwnOrder())

    assert search(three, lambda _: True, seed=1, schedules=9) == Search((), run, 1, 1)


def test_a_search_tells_how_much_was_tried() -> None:
    """Schedules that are the same are counted, and counted as one; after some in a row there are no more."""
    found = search(unsteady(*[1] * 20), lambda _: False, seed=1, schedules=20)

    assert found == Search(None, None, 16, 1)
    assert search(three, lambda _: False, seed=1, schedules=40).distinct > 30


def test_a_search_ends_when_it_is_enough() -> None:
    """After the schedule that was being tried."""
    asked = iter([False, False, True])
    found = search(three, lambda _: False, seed=1, schedules=40, enough=lambda: next(asked))
    assert (found.schedule, found.tried) == (None, 3)


def test_what_is_found_is_given_as_pauses() -> None:
    """The schedule gives the run again, and depends on the seed alone."""

    def last_first(run: Run) -> bool:
        return run.trace.turns[1:4] == (3, 3, 3)

    found = [search(three, last_first, seed=seed, schedules=500) for seed in (1, 2, 1)]

    assert found[0] == found[2]
    assert found[0] != found[1]
    for each in found:
        assert each.schedule is not None
        assert three(Following(each.schedule)) == each.run
        assert each.tried >= each.distinct > 1


# -- making it simple -------------------------------------------------------------------------------


def minimised(
    schedule: Schedule, fails: Callable[[Schedule], bool], budget: int = 1000
) -> tuple[Schedule, int]:
    """What is left of a schedule, and how often it was tried."""
    tries = count()

    def still_fails(simpler: Schedule) -> bool:
        next(tries)
        return fails(simpler)

    return minimise(schedule, still_fails, budget=budget), next(tries)


MANY = tuple(Pause(worker, step, 9) for worker in (1, 2, 3) for step in range(1, 9))


def test_what_fails_without_a_pause_needs_none() -> None:
    """The empty schedule is tried first."""
    assert minimised(MANY, lambda _: True) == ((), 1)


def test_pauses_that_change_nothing_are_left_out() -> None:
    """Two of twenty-four are left, as they were, when both are needed at their length."""
    needed = {Pause(1, 4, 9), Pause(3, 2, 9)}
    left, tries = minimised(MANY, lambda schedule: needed <= set(schedule))

    assert left == (Pause(1, 4, 9), Pause(3, 2, 9))
    assert tries <= 1000


def test_one_pause_takes_the_place_of_many() -> None:
    """Where one that is long enough does, it is found, and made as short and early as it can be."""

    def fails(schedule: Schedule) -> bool:
        late = sum(pause.turns for pause in schedule if pause.worker == 2)
        return late >= 30 or any(pause.everybody and pause.step >= 3 for pause in schedule)

    assert minimised(MANY, fails)[0] == (Pause(2, 1, 30),)


def test_a_pause_of_everybody_takes_the_place_of_several() -> None:
    """It is tried where no single pause of one worker does."""

    def fails(schedule: Schedule) -> bool:
        paused = {pause.worker for pause in schedule}
        return paused >= {1, 2, 3} or any(pause.everybody and pause.step == 2 for pause in schedule)

    assert minimised(MANY, fails)[0] == (Pause(0, 2, 1, everybody=True),)


def test_what_is_left_is_short_then_early_then_of_a_low_worker() -> None:
    """Turns are taken away before steps, and steps before workers."""

    def fails(schedule: Schedule) -> bool:
        return any(pause.turns >= 3 and pause.step >= 2 and pause.worker >= 1 for pause in schedule)

    assert minimised((Pause(3, 40, 50),), fails)[0] == (Pause(1, 2, 3),)


@pytest.mark.parametrize("budget", [0, 1, 5, 40])
def test_a_budget_is_kept(budget: int) -> None:
    """What is left when it is spent still fails."""
    left, tries = minimised(MANY, lambda schedule: Pause(3, 8, 9) in schedule, budget)

    assert Pause(3, 8, 9) in left
    assert tries <= budget


def test_a_minimal_schedule_of_a_real_run_still_gives_what_was_looked_for() -> None:
    """From the run that PCT found to a pause that is shorter by far."""

    def last_first(schedule: Schedule) -> bool:
        return three(Following(schedule)).trace.turns[1:4] == (3, 3, 3)

    for seed in range(50):
        run = three(Pct(seed, 12))
        if run.trace.turns[1:4] == (3, 3, 3):
            left = minimise(pauses_of(three, run.trace), last_first)
            assert left == (Pause(1, 1, 3), Pause(2, 1, 3))
