"""The strategies: what each of them does, the same everywhere."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from async_contract.experiments.choosers import (
    TIME,
    Alternating,
    Chooser,
    Late,
    OwnOrder,
    Pct,
    RandomWalk,
    Surw,
    rotation,
)
from async_contract.experiments.loop import simulate

ROOT = Path(__file__).parents[2]


def turns(chooser: Chooser, *steps: int, sleepers: int = 0) -> str:
    """The order in which tasks with so many steps make them, `.` where time passes."""

    async def worker(count: int) -> None:
        for _ in range(count - 1):
            await asyncio.sleep(0)

    async def main() -> None:
        tasks = [asyncio.create_task(worker(count)) for count in steps]
        tasks += [asyncio.create_task(asyncio.sleep(5)) for _ in range(sleepers)]
        await asyncio.wait(tasks)

    run = simulate(main, chooser)
    assert run.error is None
    return "".join("." if turn == TIME else str(turn) for turn in run.trace.turns[1:-1])


def test_the_strategies_give_the_same_schedules_everywhere() -> None:
    """They are written down here: no version of Python and no machine may give others."""
    found = [
        turns(strategy, 4, 4, 4, sleepers=1)
        for seed in (0, 1)
        for strategy in (OwnOrder(), RandomWalk(seed), Surw(seed, (2, 4, 4, 4, 2)), Pct(seed, 17))
    ]

    assert found == [
        "12341231231234",
        "4.2324.121123.31.3",
        "3421211313.32.24",
        "333311114.42222",
        "12341231231234",
        "1113413.2334222",
        "1142122231.3.34.3",
        "133334.42222111",
    ]


def test_a_process_with_another_hash_seed_gives_the_same_schedules() -> None:
    """The order in which Python hashes decides nothing."""
    code = (
        "from tests.experiments.test_schedules_choosers import *\n"
        "print(*(turns(each, 3, 3, 3, sleepers=1) for each in islice(rotation(7, (2, 3, 3, 3, 2)), 30)))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }

    expected = [turns(each, 3, 3, 3, sleepers=1) for each in islice(rotation(7, (2, 3, 3, 3, 2)), 30)]
    assert outputs == {" ".join(expected).encode() + b"\n"}


def test_alternating_lets_the_first_wait_at_each_turn() -> None:
    """But never lets time pass before it has to."""
    assert turns(Alternating(), 2, 2, 2) == "232311"
    assert turns(Alternating(), 2, sleepers=1) == "2112"


def test_who_is_late_waits_until_nobody_else_has_anything_to_do() -> None:
    """After so many steps; time passes too."""
    assert turns(Late(1, 1), 3, 2, 2) == "1232311"
    assert turns(Late(1, 2), 3, 2, sleepers=1) == "12312..31"
    assert turns(Late(1, 9), 2, 2) == "1212"


def test_a_random_walk_takes_every_alternative_alike() -> None:
    """The first choice among three tasks falls on each of them about equally often."""
    first = Counter(turns(RandomWalk(seed), 2, 2, 2)[0] for seed in range(3000))

    assert sorted(first) == ["1", "2", "3"]
    assert all(900 < count < 1100 for count in first.values())


def test_surw_makes_all_interleavings_alike() -> None:
    """A task of one step comes at each of its four places among three of another about equally often."""
    orders = Counter(turns(Surw(seed, (2, 1, 3)), 1, 3).replace(".", "") for seed in range(4000))

    assert sorted(orders) == ["1222", "2122", "2212", "2221"]
    assert all(900 < count < 1100 for count in orders.values())


def test_surw_gives_what_was_not_expected_the_weight_of_one_step() -> None:
    """Time, tasks that nobody expected, and steps beyond what was expected can be chosen too."""
    orders = {turns(Surw(seed, (2, 1)), 3, 3, sleepers=1)[:4] for seed in range(300)}

    assert {"1", "2", "3"} == {order[0] for order in orders}
    assert any("." in order for order in orders)
    assert any(order.startswith("222") for order in orders)


def test_pct_lets_a_task_go_as_long_as_it_can() -> None:
    """With one depth there is no change: the tasks go one after another, in any order."""
    orders = {turns(Pct(seed, 9, depth=1), 3, 3, 3) for seed in range(100)}

    assert orders == {"111222333", "111333222", "222111333", "222333111", "333111222", "333222111"}


def test_pct_falls_behind_at_random_turns() -> None:
    """With depth 2 there is one change, at any turn; with depth 3 there are two."""
    once = {turns(Pct(seed, 9, depth=2), 4, 4) for seed in range(300)}
    twice = {turns(Pct(seed, 9), 4, 4) for seed in range(1000)}

    assert once == {"1" * n + "2222" + "1" * (4 - n) for n in range(5)} | {
        "2" * n + "1111" + "2" * (4 - n) for n in range(5)
    }
    assert once < twice
    assert {"11211222", "12111222"} <= twice


def test_pct_lets_the_earlier_fall_further_as_often_as_the_later() -> None:
    """Of two who fell, either goes last: how far a task falls doesn't hang on when."""
    shapes: Counter[str] = Counter()
    for seed in range(2000):
        order = turns(Pct(seed, 7), 2, 2, 2).replace(".", "")
        names = dict(zip(dict.fromkeys(order), "abc", strict=False))  # whoever they are
        shapes["".join(names[each] for each in order)] += 1

    assert shapes["abccab"] > 25
    assert shapes["abccba"] > 25


def test_pct_lets_everybody_go_in_the_end() -> None:
    """A task that polls for what another has to do can't keep it waiting for ever."""

    async def main() -> None:
        done = False

        async def poll() -> None:
            while not done:  # noqa: ASYNC110 - that is what it is about
                await asyncio.sleep(0)

        async def work() -> None:
            nonlocal done
            await asyncio.sleep(0)
            done = True

        await asyncio.gather(poll(), work())

    runs = [simulate(main, Pct(seed, 8)) for seed in range(50)]

    assert [run.error for run in runs] == [None] * 50
    assert max(len(run.trace.turns) for run in runs) > 60


@pytest.mark.parametrize("length", [0, 1])
def test_pct_can_do_with_the_shortest_programs(length: int) -> None:
    """Where there was next to nothing to do in an earlier run, nothing falls."""
    assert sorted(turns(Pct(3, length), 1, 1)) == ["1", "2"]


def test_the_strategies_take_turns_with_seeds_of_their_own() -> None:
    """Random walk, SURW and PCT follow one another, and no two of a kind are alike."""
    choosers = list(islice(rotation(5, (2, 6, 6, 6)), 60))
    orders = [turns(each, 6, 6, 6) for each in choosers]

    assert [type(each) for each in choosers] == [RandomWalk, Surw, Pct] * 20
    assert len(set(orders[0::3])) == len(set(orders[1::3])) == 20
    assert len(set(orders[2::3])) > 10
    assert orders != [turns(each, 6, 6, 6) for each in islice(rotation(6, (2, 6, 6, 6)), 60)]
