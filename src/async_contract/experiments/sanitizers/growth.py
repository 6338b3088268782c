"""Whether work grows faster than the input: ratios within one run, never one absolute time.

Four times the input takes a linear function four times as long, a quadratic one sixteen times. What is
measured is the processor time of this thread, the best of several calls, and a breach takes growth by more
than ten twice in a row, in two measurements: noise and caches give that once, and not in a row.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.experiments.sanitizers.breach import Breach
from async_contract.experiments.sanitizers.calls import Call, Calls

STEP = 4
"""By so much the input grows from size to size."""

TOO_MUCH = 10.0
"""Work that grows by more than this, twice in a row, grows faster than the input."""

RUNAWAY = 300.0
"""Work that grows by more than this at once does so too."""

Clock = Callable[[], int]
"""Gives nanoseconds that were spent on work."""

_SHORTEST = 20_000  # nanoseconds: below, the clock and the call itself are most of it
_SLOW = 50_000_000  # nanoseconds: above, work is nothing that one bears with because it grows no more
_LONGEST = 2.0  # seconds of one call, after which no larger input is tried

_UNITS = (
    "a", " ", "A", "\n", "\t ", "_", "-", "a ", "\x00", "\u0301", "\u00e9", "\u202e", "a-", "<", "1", ".",
    "%s", "@a", "://", "\ufb03", "\x1b[0m",
)  # fmt: skip


class Pattern(NamedTuple):
    """A text that can be as long as one likes.

    Attributes:
        before: What it begins with.
        unit: What is repeated.
        after: What it ends with.
    """

    before: str
    unit: str
    after: str

    def text(self, size: int) -> str:
        """The text with about so many characters."""
        return f"{self.before}{self.unit * (size // len(self.unit))}{self.after}"


PATTERNS = tuple(
    Pattern(before, unit, after) for unit in _UNITS for before, after in (("", ""), ("x", "x"), ("", "!"))
)
"""What regular expressions and loops are slow with."""


def sizes(largest: int) -> Sequence[int]:
    """The sizes that are tried: each four times the one before."""
    found = [16]
    while found[-1] * STEP <= largest:
        found.append(found[-1] * STEP)
    return found


def grown(
    calls: Calls,
    pattern: Pattern,
    largest: int,
    make: Callable[[str], Any] = lambda text: text,
    clock: Clock = time.thread_time_ns,
) -> tuple[int, Breach | None]:
    """How many sizes were tried, and what is wrong if work grew faster than they did.

    Args:
        calls: Of the function.
        pattern: What the texts are made of.
        largest: The largest text that is tried.
        make: Makes of a text what the function takes.
        clock: What work is measured with; by default the processor time of this thread.
    """
    texts = [pattern.text(each) for each in sizes(largest)]
    times = _times(calls, texts, make, clock)
    at = runaway(times)
    if at is None:
        return len(times), None
    # Once more, and only as far as it takes: what was noise is not there again.
    again = _times(calls, texts[: at + 1], make, clock)
    if runaway(again) is None:
        return len(times), None
    best = [min(pair) for pair in zip(times, again, strict=False)]
    steps = ", ".join(
        f"{len(text)}: {after / before:.0f} times as long"
        for text, (before, after) in zip(texts[1:], pairwise(best), strict=False)
        if before >= _SHORTEST
    )
    rule = f"{STEP} times the input takes about {STEP} times as long"
    besides = (f"growth  {steps}",)
    happened = f"the work grows faster than the input, in texts up to {len(texts[at])} characters"
    return len(times), Breach(happened, rule, (Call(make(texts[at]), "(not looked at)"),), besides=besides)


def runaway(times: Sequence[int]) -> int | None:
    """The place in a series of times by which they have grown faster than the input did."""
    steps = [after / before if before >= _SHORTEST else 0.0 for before, after in pairwise(times)]
    for place, step in enumerate(steps):
        twice = place > 0 and min(step, steps[place - 1]) > TOO_MUCH
        # Also from a time too short for the clock: what does not end is not let off for that.
        if twice or times[place + 1] > RUNAWAY * max(times[place], _SHORTEST):
            # A costly search in a beginning of limited length is none of work that grows.
            return None if _levels_off(times[place + 1 :]) else place + 1
    return None


def _levels_off(times: Sequence[int]) -> bool:
    return len(times) > 1 and times[-1] < min(times[0] * 2, _SLOW)


def _times(calls: Calls, texts: Iterable[str], make: Callable[[str], Any], clock: Clock) -> list[int]:
    times: list[int] = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        for text in texts:
            times.append(_time(calls, make(text), clock))
            if times[-1] > _LONGEST * 1e9 / 4:
                break
    finally:
        if collecting:
            gc.enable()
    return times


def _time(calls: Calls, given: Any, clock: Clock) -> int:
    """The work that a call takes, in nanoseconds: the best of several."""
    calls.given = given
    best, spent = 0, 0
    for _ in range(7):
        began = clock()
        try:
            with time_limit(_LONGEST):
                calls(given)
        except TimeLimitExceeded:
            return clock() - began
        took = clock() - began
        best = min(best or took, took)
        spent += took
        if spent > 50_000_000:
            break
    return best
