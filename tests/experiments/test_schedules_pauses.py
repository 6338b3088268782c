"""Schedules as pauses: what they say, how they are followed, and as text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from async_contract.experiments.choosers import TIME
from async_contract.experiments.loop import simulate
from async_contract.experiments.pauses import Following, Pause, Schedule, decode, encode


@pytest.mark.parametrize(
    ("pause", "sentence"),
    [
        (Pause(2, 3, 7), "pause worker 2 at its 3rd step for 7 turns"),
        (Pause(1, 1, 1), "pause worker 1 at its 1st step for 1 turn"),
        (Pause(0, 2, 2), "pause worker 0 at its 2nd step for 2 turns"),
        (Pause(3, 4, 2), "pause worker 3 at its 4th step for 2 turns"),
        (Pause(1, 11, 2), "pause worker 1 at its 11th step for 2 turns"),
        (Pause(1, 12, 2), "pause worker 1 at its 12th step for 2 turns"),
        (Pause(1, 113, 2), "pause worker 1 at its 113th step for 2 turns"),
        (Pause(1, 21, 2), "pause worker 1 at its 21st step for 2 turns"),
        (Pause(1, 2, 1, everybody=True), "let time pass once before worker 1 makes its 2nd step"),
        (Pause(1, 2, 3, everybody=True), "let time pass 3 times before worker 1 makes its 2nd step"),
    ],
)
def test_a_pause_reads_as_a_sentence(pause: Pause, sentence: str) -> None:
    """Who, when, and for how long."""
    assert str(pause) == sentence


def followed(schedule: Schedule, *, timer: bool = False) -> str:
    """The turns of three tasks with four steps each, `.` where time passes, in a schedule."""

    async def worker() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    async def main() -> None:
        tasks = [asyncio.create_task(worker()) for _ in range(3)]
        if timer:
            for seconds in (1, 2):
                asyncio.get_running_loop().call_later(seconds, int)
        await asyncio.wait(tasks)

    run = simulate(main, Following(schedule))
    assert run.error is None
    return "".join("." if turn == TIME else str(turn) for turn in run.trace.turns[1:-1])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ((), "123123123123"),
        ((Pause(1, 1, 1),), "213213213213"),
        ((Pause(1, 1, 4),), "232312312311"),
        ((Pause(2, 2, 2),), "123123123123"),  # it would not have been its turn before
        ((Pause(2, 2, 3), Pause(3, 4, 4)), "123132132123"),
        ((Pause(1, 1, 2), Pause(2, 1, 4)), "331321321212"),
        ((Pause(1, 2, 99),), "123232323111"),  # nobody else has anything to do
        ((Pause(9, 1, 5), Pause(1, 9, 5)), "123123123123"),  # there is no such step
        ((Pause(1, 1, 2, everybody=True),), "123123123123"),  # there is no timer
        # All are paused, and there is nothing to wait for: the pause that ends first ends at once.
        ((Pause(1, 1, 5), Pause(2, 1, 3), Pause(3, 1, 4)), "222231313131"),
    ],
)
def test_a_schedule_is_followed(schedule: Schedule, expected: str) -> None:
    """Who is paused is late for so many turns; the others go in asyncio's own order."""
    assert followed(schedule) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ((), "123123123123"),
        ((Pause(1, 1, 5),), "232321321311"),
        ((Pause(2, 1, 1, everybody=True),), "1.23123123123"),
        ((Pause(2, 1, 2, everybody=True),), "1..23123123123"),
        ((Pause(2, 1, 7, everybody=True),), "1..23123123123"),  # there are but two timers
        ((Pause(1, 1, 2), Pause(2, 1, 2), Pause(3, 1, 2)), "..123123123123"),
    ],
)
def test_time_passes_where_everybody_is_late(schedule: Schedule, expected: str) -> None:
    """By a pause of everybody, or because all who are ready are paused, each by itself."""
    assert followed(schedule, timer=True) == expected


class Asking:
    """Asks another chooser on behalf of a test."""

    def __init__(self, schedule: Schedule) -> None:
        self._following = Following(schedule)

    def ask(self, ready: Sequence[int], turn: int) -> int:
        """Whom it chooses where nobody has made a step yet."""
        return self._following.choose(ready, [0, 0, 0], turn)


def test_a_pause_begins_when_its_step_could_be_made() -> None:
    """The turns before the task is ready don't count, those in which it is not its turn yet do."""
    asking = Asking((Pause(2, 1, 3),))

    assert asking.ask([1], 5) == 0
    assert [asking.ask([2, 1], turn) for turn in (6, 7, 8, 9)] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ((), "s1"),
        ((Pause(2, 3, 7),), "s1_2-3-7"),
        ((Pause(0, 1, 20), Pause(12, 3, 4, everybody=True)), "s1_0-1-20_12-3-4e"),
    ],
)
def test_a_schedule_is_text_that_fits_in_a_url(schedule: Schedule, text: str) -> None:
    """The text says it all, and has a version."""
    assert encode(schedule) == text
    assert decode(text) == schedule


@pytest.mark.parametrize("text", ["", "s2_1-2-3", "s1_1-2", "s1_1-2-3_", "s1_1-2-x", "s1_-1-2-3", "s1_٣-2-3"])
def test_a_text_that_is_no_schedule_is_refused(text: str) -> None:
    """The message says what a schedule looks like."""
    with pytest.raises(ValueError, match="no schedule") as caught:
        decode(text)

    assert str(caught.value) == (
        f"{text!r} is no schedule of this version; paste it whole, as it was printed: s1, then "
        "_WORKER-STEP-TURNS for each pause, with an e behind it where everybody pauses"
    )
