"""How far an experiment is that takes long, for whoever wants to hear of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from async_contract.experiments.findings import Exploration


class Progress(NamedTuple):
    """How far one way of exploring a store is.

    Attributes:
        way: What the way does, in a few words.
        done: How many programs were carried out.
        most: How many there are at most; 0 where that is not known.
        passed: Seconds since it began.
        longest: Seconds after which no new one is begun.
        broken: How many clauses were seen broken.
    """

    way: str
    done: int
    most: int
    passed: float
    longest: float
    broken: int

    def __str__(self) -> str:
        rate = self.done / max(self.passed, 1e-9)
        left = self.longest - self.passed
        if self.most:
            left = min(left, (self.most - self.done) / max(rate, 1e-9))
        of_most = f" of {self.most}" if self.most else ""
        found = f", {self.broken} broken" if self.broken else ""
        return (
            f"{self.way}: {self.done}{of_most} programs, {rate:.3g}/s, "
            f"at most {max(left, 0.0):.0f} s left{found}"
        )


_listeners: list[Callable[[Progress], None]] = []
_ways: list[str] = []


@contextmanager
def listening(listener: Callable[[Progress], None]) -> Iterator[None]:
    """Tell `listener` of all progress; it is called between programs, and has to be quick."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def on_the_way(says: str) -> Iterator[None]:
    """Say what is being done, for all that is told meanwhile."""
    _ways.append(says)
    try:
        yield
    finally:
        _ways.pop()


def tell(done: Exploration, most: int, longest: float) -> None:
    """Tell how far an exploration is, if anybody listens.

    Args:
        done: What came of it so far.
        most: How many programs it carries out at most; 0 where that is not known.
        longest: Seconds after which no new one is begun.
    """
    for listener in _listeners:
        passed = time.monotonic() - done.began
        way = _ways[-1] if _ways else "exploring"
        listener(Progress(way, done.programs, most, passed, longest, len(done.findings)))
