"""Who goes next: the choice, and strategies that make it.

Each is made of a seed and gives the same schedule everywhere: of `random.Random` only `random()` and
`getrandbits()` are used, which are the same in every version of Python.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from random import Random
from typing import NamedTuple, Protocol

TIME = -1
"""Stands among the tasks for: time passes now, before any of them goes on. Callbacks that are ready run
first; if there are none, the clock jumps to the next timer."""


class Chooser(Protocol):
    """Says who goes next. It is asked whenever there is more than one answer."""

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """Choose who goes next.

        Neither of the sequences may be kept or changed.

        Args:
            ready: The numbers of the tasks that can go, in the order in which they became ready; `TIME`
                comes last if there is something to wait for. The main task is 0, the others are numbered
                as they are made.
            steps: By number: how many steps each task has made. A step is one resumption.
            turn: How many turns there have been; in each a task made a step, or time passed.

        Returns:
            An index of `ready`; 0 is asyncio's own choice.
        """


class Trace(NamedTuple):
    """What was chosen in a run.

    Attributes:
        turns: By turn: the number of the task that made a step, or `TIME`.
        picks: By choice: the index that was chosen. Where there is one alternative there is no choice.
        alternatives: By choice: of how many.
    """

    turns: tuple[int, ...]
    picks: tuple[int, ...]
    alternatives: tuple[int, ...]


class OwnOrder:
    """Asyncio's own order: first come, first served, and time passes when nobody is ready."""

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """The task that became ready first."""
        return 0


class Alternating:
    """Whoever became ready first of those after the first, who waits at each turn.

    Where the one that went last comes first, all so take turns, one step each.
    """

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """The second task."""
        return 0 if ready[1] == TIME else 1


class Late:
    """One task is late, once: having made some steps it waits until nobody else has anything to do.

    Time passes meanwhile too. What is wrong between two steps of a call is so found for certain, if it takes
    no more than that somebody else has come and gone.

    Args:
        task: Its number.
        after: How many steps it has made by then.
    """

    def __init__(self, task: int, after: int) -> None:
        self._task = task
        self._after = after

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """Whoever became ready first, but for the one that is late."""
        if steps[self._task] < self._after:
            return 0
        others = [index for index, each in enumerate(ready) if each != self._task]
        return others[0] if others else 0


class RandomWalk:
    """Every choice is as likely as any other, at each turn anew."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """Any of them."""
        return int(self._random() * len(ready))


class Surw:
    """A random walk in which a task is the likelier the more steps it has before it.

    A plain random walk nearly always lets a short task end while a long one is at its beginning; so
    weighted, all interleavings of tasks that don't wait for one another are equally likely.

    Args:
        seed: What it is made of.
        expected: By number: how many steps each task makes, as an earlier run had it.
    """

    def __init__(self, seed: int, expected: Sequence[int]) -> None:
        self._random = Random(seed).random
        self._expected = dict(enumerate(expected))

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """Any of them, by their weight."""
        bounds = []
        total = 0
        for each in ready:
            before_it = self._expected.get(each, 0) - steps[each]
            total += max(before_it, 1)  # what nothing was expected of, time too, counts as one step
            bounds.append(total)
        return bisect_right(bounds, self._random() * total)


class Pct:
    """Strict priorities: the first of the ready tasks goes, as long as it can, but for a few changes.

    Every task has a random priority, and so has time. At `depth - 1` random turns the task about to go
    falls behind all others. A bug that needs `depth` steps in a certain order is so found with a
    probability of at least 1 / (tasks * length ** (depth - 1)). How far a task falls is drawn apart from
    when (the later one not always further), or schedules would be left out.

    Args:
        seed: What it is made of.
        length: How many turns a run takes, as an earlier one had it.
        depth: Of what depth a bug is to be found.
    """

    def __init__(self, seed: int, length: int, depth: int = 3) -> None:
        self._random = Random(seed).random
        self._priorities: dict[int, float] = {}
        self._falls: dict[int, int] = {}
        for level in range(1, depth):
            self._falls[int(self._random() * max(length, 1))] = -level
        # A task that polls must not keep all others waiting for ever: nobody's scheduler is so unfair.
        self._fair = 2 * length + 50

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """The one with the highest priority."""
        if turn >= self._fair:
            return 0
        priorities = self._priorities
        for each in ready:
            if each not in priorities:
                priorities[each] = self._random()
        first = max(ready, key=priorities.__getitem__)
        fall = self._falls.get(turn)
        if fall is not None:
            priorities[first] = fall
            first = max(ready, key=priorities.__getitem__)
        return ready.index(first)


def rotation(seed: int, expected: Sequence[int]) -> Iterator[Chooser]:
    """The strategies in turn, without an end, each with a seed of its own.

    Asyncio's own order is not among them: it goes first, since a run in that order gives `expected`.

    Args:
        seed: What they are made of.
        expected: By number: how many steps each task made in asyncio's own order.
    """
    length = sum(expected)
    strategies: tuple[Callable[[int], Chooser], ...] = (
        RandomWalk,
        lambda each: Surw(each, expected),
        lambda each: Pct(each, length),
    )
    return (make((seed << 32) + number) for number, make in enumerate(cycle(strategies)))
