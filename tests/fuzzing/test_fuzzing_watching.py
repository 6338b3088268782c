"""Which of the target's code an input runs through."""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest

from async_contract.experiments.fuzzing import watching
from async_contract.experiments.fuzzing.watching import (
    MONITORING,
    Features,
    Monitor,
    Steps,
    Tracer,
    Watch,
    watch,
)


def _ways(text: str) -> str:
    if len(text) > 2 and "a" in text:
        return text.upper()
    return "".join(letter for letter in text if letter != "b")


def _free() -> int:
    return next(each for each in range(6) if MONITORING.get_tool(each) is None)


WATCHES: list[Callable[[Steps], Watch]] = [Tracer]
if MONITORING is not None:
    WATCHES.append(lambda steps: Monitor(steps, MONITORING, _free()))


@pytest.fixture(params=WATCHES)
def eyes(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """Each way of watching that this Python has."""
    with closing(request.param(Steps())) as made:
        yield made


def _seen(eyes: Watch, function: Callable[[Any], object], given: object) -> Features:
    eyes.steps.taken()
    with eyes:
        function(given)
    return eyes.steps.taken()


def test_each_way_through_a_condition_is_another_behaviour(eyes: Watch) -> None:
    """Which part of a condition on one line decides is seen, and the same way is the same behaviour."""
    _seen(eyes, _ways, "x")
    ways = [_seen(eyes, _ways, text) for text in ("", "x", "xxx", "axx")]
    assert all(ways)
    assert len(set(ways)) == 4
    assert _seen(eyes, _ways, "xyz") == ways[2]


def _loop(text: str) -> int:
    count = 0
    for _ in text:
        count += 1
    return count


def test_how_often_counts_by_its_order_of_magnitude(eyes: Watch) -> None:
    """Five times and six times are one behaviour, once and twelve times are others."""
    _seen(eyes, _loop, "b")
    one, five, six, twelve = (_seen(eyes, _loop, "b" * count) for count in (1, 5, 6, 12))
    assert five == six
    assert len({one, five, twelve}) == 3


def test_what_goes_on_outside_is_not_seen(eyes: Watch) -> None:
    """Only what happens within the block is counted."""
    eyes.steps.taken()
    _ways("abc")
    assert eyes.steps.taken() == frozenset()


def test_other_code_is_not_seen(eyes: Watch) -> None:
    """The standard library's own ways are not those of the target."""
    assert _seen(eyes, json.JSONEncoder(indent=1).encode, {"a": [1]}) == _seen(eyes, len, "a")


def test_whoever_traced_before_does_so_afterwards() -> None:
    """A debugger that was there is there again."""
    before = sys.gettrace()
    with Tracer(Steps()):
        assert sys.gettrace() is not before
    assert sys.gettrace() is before
    Tracer(Steps()).__exit__(None, None, None)
    assert sys.gettrace() is before


@pytest.mark.parametrize(
    ("filename", "matters"),
    [
        ("/home/me/mypkg/text.py", True),
        (f"{sysconfig.get_path('purelib')}/slugify/slugify.py", True),
        (f"{sysconfig.get_path('stdlib')}/re/__init__.py", False),
        (str(Path(str(hypothesis.__file__)).parent / "core.py"), False),
        (watching.__file__, False),
        ("<string>", False),
        ("<frozen os>", False),
    ],
)
def test_whose_code_it_is_stands_in_the_name_of_its_file(filename: str, matters: bool) -> None:  # noqa: FBT001
    """The standard library, Hypothesis and what asks are not the target's; installed packages may be."""
    assert watching.is_targets(filename) is matters


def test_without_monitoring_it_is_traced() -> None:
    """Before Python 3.12, and where each number is taken, tracing does."""
    taken = SimpleNamespace(get_tool=lambda tool: "another")
    assert isinstance(watch(Steps(), None), Tracer)
    assert isinstance(watch(Steps(), taken), Tracer)


@pytest.mark.skipif(MONITORING is None, reason="sys.monitoring came with Python 3.12")
def test_with_monitoring_a_number_is_taken_and_given_back() -> None:
    """The first number that nobody has is used for as long as it is watched."""
    with closing(watch(Steps())) as eyes:
        assert isinstance(eyes, Monitor)
        assert "async-contract-fuzz" in [MONITORING.get_tool(each) for each in range(6)]
    assert "async-contract-fuzz" not in [MONITORING.get_tool(each) for each in range(6)]


def test_where_branches_have_two_events_both_are_watched() -> None:
    """From Python 3.14 on the two ways of a branch are told apart."""
    registered: dict[int, object] = {}
    monitoring = SimpleNamespace(
        events=SimpleNamespace(LINE=1, BRANCH=2, BRANCH_LEFT=4, BRANCH_RIGHT=8),
        DISABLE=object(),
        use_tool_id=lambda tool, name: None,
        free_tool_id=lambda tool: None,
        register_callback=lambda tool, event, callback: registered.update({event: callback}),
        set_events=lambda tool, events: registered.update({-1: events}),
    )
    eyes = Monitor(Steps(), monitoring, 3)
    assert set(registered) == {-1, 1, 4, 8}
    assert registered[-1] == 13
    eyes.close()
    assert registered == {-1: 0, 1: None, 4: None, 8: None}


# What goes on inside of the eyes no other eye sees: neither a debugger's, nor that which measures coverage.


def test_steps_are_counted_in_code_that_matters() -> None:
    """Each code has places of its own, and what was taken is counted anew."""
    steps = Steps(lambda filename: filename == __file__)
    mine, other = _ways.__code__, json.dumps.__code__
    base = steps.base(mine)
    assert (steps.base(other), steps.base(mine)) == (0, base)
    for place in (1, 2, 1, 2, 1, 2):
        steps.step(base + place)
    assert len(steps.taken()) == 3
    steps.count(base, base + 7)
    assert len(steps.taken()) == 1
    assert steps.taken() == frozenset()


def test_a_tracer_follows_frames_that_matter() -> None:
    """It counts lines and steps in them, and nothing of other events or frames."""
    tracer = Tracer(Steps(lambda filename: filename == __file__))
    frame: Any = SimpleNamespace(f_code=_ways.__code__, f_lasti=4, f_trace_opcodes=False)
    follow = tracer._called(frame, "call", None)
    assert frame.f_trace_opcodes
    assert [follow(frame, event, None) for event in ("line", "opcode", "return")] == [follow] * 3
    assert len(tracer.steps.taken()) == 2
    frame.f_code = json.dumps.__code__
    assert tracer._called(frame, "call", None) is None


def test_a_monitor_disables_what_does_not_matter() -> None:
    """Events of other code are not sent again; those of the target are, and count while it is watched."""
    disable = object()
    monitoring: Any = SimpleNamespace(
        events=SimpleNamespace(LINE=1, BRANCH=2), DISABLE=disable, use_tool_id=lambda tool, name: None,
        register_callback=lambda tool, event, callback: None, set_events=lambda tool, events: None,
    )  # fmt: skip
    eyes = Monitor(Steps(lambda filename: filename == __file__), monitoring, 3)
    mine, other = _ways.__code__, json.dumps.__code__
    assert [eyes._line(other, 1), eyes._branch(other, 1, 2)] == [disable, disable]
    assert [eyes._line(mine, 1), eyes._branch(mine, 1, 2)] == [None, None]
    assert eyes.steps.taken() == frozenset()
    with eyes:
        assert [eyes._line(mine, 1), eyes._branch(mine, 1, 2)] == [None, None]
    assert len(eyes.steps.taken()) == 2
