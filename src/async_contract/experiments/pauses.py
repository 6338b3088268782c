"""Schedules, written down as pauses: who is late, where everybody else goes in asyncio's own order.

That reads well ("pause worker 2 at its 3rd step for 7 turns"), stays close to what it was when
something is left out of it, and says every schedule there is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from async_contract.experiments.choosers import TIME


class Pause(NamedTuple):
    """Somebody is late.

    Attributes:
        worker: The number of a task: 0 is the main task, the others are numbered as they are made.
        step: Which of its steps is late, from 1: the pause begins when the task could make it.
        turns: For how many turns. It is over sooner if nobody else has anything to do.
        everybody: Everybody is late: when it is the worker's turn to make the step, time passes, so often.
    """

    worker: int
    step: int
    turns: int
    everybody: bool = False

    def __str__(self) -> str:
        if self.everybody:
            times = "once" if self.turns == 1 else f"{self.turns} times"
            return f"let time pass {times} before worker {self.worker} makes its {_ordinal(self.step)} step"
        turns = "1 turn" if self.turns == 1 else f"{self.turns} turns"
        return f"pause worker {self.worker} at its {_ordinal(self.step)} step for {turns}"


Schedule = tuple[Pause, ...]
"""Pauses; none are asyncio's own order."""

Place = tuple[int, int]
"""The number of a task, and which of its steps it is about to make, from 1."""


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


class Following:
    """A chooser that follows a schedule: of those who are not paused, the first goes."""

    def __init__(self, schedule: Schedule) -> None:
        self._turns = {(each.worker, each.step): each.turns for each in schedule if not each.everybody}
        self._times = {(each.worker, each.step): each.turns for each in schedule if each.everybody}
        self._ends: dict[Place, int] = {}

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """The first that is not paused; if all are, let time pass, or end the pause that ends first."""
        ends = [self._end(each, steps, turn) for each in ready if each != TIME]
        for place, end in enumerate(ends):
            if end <= turn:
                return self._unless_time_passes(ready, steps, place)
        return len(ends) if ready[-1] == TIME else ends.index(min(ends))

    def _end(self, task: int, steps: Sequence[int], turn: int) -> int:
        """The turn at which a ready task can go."""
        step = (task, steps[task] + 1)
        return self._ends.setdefault(step, turn + self._turns.get(step, 0))

    def _unless_time_passes(self, ready: Sequence[int], steps: Sequence[int], place: int) -> int:
        step = (ready[place], steps[ready[place]] + 1)
        left = self._times.get(step, 0)
        if not left or ready[-1] != TIME:
            return place
        self._times[step] = left - 1
        return len(ready) - 1


_TEXT = re.compile(r"s1((?:_[0-9]{1,9}-[0-9]{1,9}-[0-9]{1,9}e?)*)")


def encode(schedule: Schedule) -> str:
    """A schedule as text that fits in a URL and on a command line, such as `s1_2-3-7`."""
    return "s1" + "".join(
        f"_{each.worker}-{each.step}-{each.turns}{'e' if each.everybody else ''}" for each in schedule
    )


def decode(text: str) -> Schedule:
    """The schedule in a text that `encode` made.

    Raises:
        ValueError: The text is none that `encode` of this version makes.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no schedule of this version; paste it whole, as it was printed: s1, then "
            "_WORKER-STEP-TURNS for each pause, with an e behind it where everybody pauses"
        )
    return tuple(_decoded(part) for part in match[1].split("_")[1:])


def _decoded(part: str) -> Pause:
    worker, step, turns = map(int, part.removesuffix("e").split("-"))
    return Pause(worker, step, turns, everybody=part.endswith("e"))
