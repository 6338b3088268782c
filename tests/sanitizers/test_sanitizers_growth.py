"""Work that grows faster than the input, told by a clock that the test moves on."""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from async_contract.experiments import limit
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.experiments.sanitizers import growth
from async_contract.experiments.sanitizers.breach import Breach
from async_contract.experiments.sanitizers.calls import Call, Calls
from async_contract.experiments.sanitizers.growth import PATTERNS, Pattern, grown, runaway, sizes

LARGEST = 1 << 16
ALL = [16, 64, 256, 1024, 4096, 16384, 65536]
A = Pattern("", "a", "")


class Work:
    """A function whose work is what the test says, in nanoseconds by the number of characters.

    Attributes:
        now: The time on its clock.
        seen: How many characters it was given, call by call.
    """

    def __init__(self, cost: Callable[[int, int], int]) -> None:
        self._cost = cost
        self.now = 0
        self.seen: list[int] = []

    def __call__(self, given: object) -> str:
        """Work on what was given."""
        self.now += self._cost(len(str(given)), self.seen.count(len(str(given))))
        self.seen.append(len(str(given)))
        return "x"

    def clock(self) -> int:
        """The time that its work has taken."""
        return self.now

    def grown(self, make: Callable[[str], object] = str) -> tuple[int, Breach | None]:
        """What is said of it."""
        with Calls(self) as calls:
            return grown(calls, A, LARGEST, make, self.clock)


def test_sizes_are_four_times_the_one_before() -> None:
    """From 16 on, up to the largest."""
    assert (sizes(LARGEST), sizes(16), sizes(100)) == (ALL, [16], [16, 64])


def test_a_pattern_is_as_long_as_one_likes() -> None:
    """What is before and after it comes on top."""
    assert Pattern("x", "ab", "!").text(7) == "xababab!"
    assert len(PATTERNS) == len(set(PATTERNS)) == 63


@pytest.mark.parametrize(
    ("times", "place"),
    [
        ([], None),
        ([20_000], None),
        ([20_000, 80_000, 320_000], None),
        ([20_000, 200_000, 2_000_000], None),  # ten times is not more than ten times
        ([20_000, 220_000, 2_420_000], 2),
        ([20_000, 220_000, 880_000, 9_680_000], None),  # not twice in a row
        ([10, 1_000, 20_000, 220_000, 2_420_000], 4),  # what is too short for the clock counts for nothing
        ([19_999, 220_000, 2_420_000], None),
        ([20_000, 6_000_000], None),
        ([20_000, 6_020_000], 1),
        ([10, 6_000_000], None),
        ([10, 6_020_000], 1),  # what does not end is not let off because what came before was short
    ],
)
def test_growth_by_more_than_ten_twice_in_a_row_is_too_much(times: list[int], place: int | None) -> None:
    """Or by more than three hundred at once; the place is the first size that shows it."""
    assert runaway(times) == place


@pytest.mark.parametrize(
    ("times", "place"),
    [
        ([20_000, 220_000, 2_420_000, 2_420_000, 4_800_000], None),
        ([20_000, 220_000, 2_420_000, 2_420_000, 4_840_000], 2),
        ([20_000, 660_000, 26_000_000, 51_000_000], 2),  # what takes so long is no small beginning
    ],
)
def test_a_costly_search_in_a_limited_beginning_holds(times: list[int], place: int | None) -> None:
    """Work that levels off is none that grows, however it got there."""
    assert runaway(times) == place


def test_linear_work_holds() -> None:
    """Every size is tried, several times over; the best counts."""
    work = Work(lambda size, _: 100 * size)
    assert (work.grown(), sorted(set(work.seen))) == ((7, None), ALL)


def test_quadratic_work_is_told_with_how_it_grew() -> None:
    """The sizes from which it can be told, in ratios and never in seconds; larger ones are spared."""
    count, breach = Work(lambda size, _: size * size).grown()
    assert count == 7
    assert breach == Breach(
        "the work grows faster than the input, in texts up to 4096 characters",
        "4 times the input takes about 4 times as long",
        (Call("a" * 4096, "(not looked at)"),),
        besides=("growth  1024: 16 times as long, 4096: 16 times as long",),
    )


def test_what_a_function_takes_is_made_of_the_text() -> None:
    """An exception for a failure message."""
    _, breach = Work(lambda size, _: size * size).grown(make=RuntimeError)
    assert breach is not None
    assert isinstance(breach.calls[0].given, RuntimeError)


def test_what_is_not_there_again_was_noise() -> None:
    """A breach takes two measurements."""
    noisy = Work(lambda size, before: size * size // 10 if before < 7 else 100 * size)
    assert noisy.grown() == (7, None)
    assert [noisy.seen.count(size) for size in ALL] == [14, 14, 14, 14, 14, 4, 1]


def test_a_single_slow_call_is_noise() -> None:
    """The best of several counts, so a pause of the machine is none of the function's."""
    work = Work(lambda size, before: 100 * size + (30_000_000 if before == 0 else 0))
    assert work.grown() == (7, None)


def test_slow_calls_are_made_once_and_no_larger_text_is_tried() -> None:
    """What took more than 50 ms needs no second call, and after half a second no larger text is tried."""
    work = Work(lambda size, _: 10_000_000 * size)
    assert (work.grown(), work.seen) == ((2, None), [16, 64])


def test_a_call_that_does_not_end_is_ended() -> None:
    """What it took until then is its time, which shows how much more that is."""

    def cost(size: int, _: int) -> int:
        return 25_000 if size < 64 else 3_000_000_000

    def endless(given: object) -> str:
        work(given)
        if len(str(given)) >= 64:
            raise TimeLimitExceeded("here")
        return "x"

    work = Work(cost)
    with Calls(endless) as calls:
        count, breach = grown(calls, A, LARGEST, clock=work.clock)
    assert count == 2
    assert breach is not None
    assert breach.besides == ("growth  64: 120000 times as long",)


def test_no_garbage_is_collected_meanwhile() -> None:
    """It would be counted as the function's work; afterwards all is as before."""
    states = []

    def function(_: object) -> str:
        states.append(gc.isenabled())
        return "x"

    with Calls(function) as calls:
        assert gc.isenabled()
        grown(calls, A, 16)
        assert gc.isenabled()
        gc.disable()
        try:
            grown(calls, A, 16)
            assert not gc.isenabled()
        finally:
            gc.enable()
    assert not any(states)


def test_by_default_the_work_is_the_processor_time_of_the_thread() -> None:
    """Waiting is no work, nor is what other processes do."""
    clocks = []

    def clock() -> int:
        clocks.append(0)
        return 0

    with Calls(lambda _: "x") as calls:
        assert grown(calls, A, 64, clock=clock) == (2, None)
        assert len(clocks) == 2 * 2 * 7
        assert grown(calls, A, 64) == (2, None)
    assert growth.grown.__defaults__ is not None
    assert growth.grown.__defaults__[-1].__name__ == "thread_time_ns"


def test_a_limit_within_another_does_not_stop_the_outer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the inner one took is taken from what the outer one has left, so that many of them end too."""
    import signal  # noqa: PLC0415 - what is looked at is not there on every system

    times = iter([0.0, 10.0, 1000.0, 1001.0])
    monkeypatch.setattr(limit, "time", SimpleNamespace(monotonic=lambda: next(times)))
    with time_limit(3600):
        with time_limit(60):
            assert 50 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
        assert 2600 < signal.getitimer(signal.ITIMER_REAL)[0] <= 2610
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_an_outer_limit_whose_time_is_up_strikes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of the inner one."""
    times = iter([0.0, 10.0, 4000.0, 4001.0])
    monkeypatch.setattr(limit, "time", SimpleNamespace(monotonic=lambda: next(times)))

    def overdue() -> None:
        with time_limit(60):
            pass
        while True:
            pass

    with pytest.raises(TimeLimitExceeded), time_limit(3600):
        overdue()
