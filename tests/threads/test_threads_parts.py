"""Threads that stand still within a line, before each of its parts that others may come before."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import CodeType, SimpleNamespace
from typing import Any

import pytest

from async_contract.experiments import hands, parts, threads
from async_contract.experiments.bench import Settings
from async_contract.experiments.cases import case_of, read
from async_contract.experiments.choosers import OwnOrder
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.hands import PART, Crew
from async_contract.experiments.limits import THREADS, Limits
from async_contract.experiments.loop import simulate
from async_contract.experiments.parts import Place, codes_of, watched
from async_contract.experiments.threads import PartStage, ThreadStage
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import Explorations
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import Label
from async_contract.mutants.connections import ConnectedStore
from async_contract.mutants.shelves import ShelfStore, SlicesInOneLine

THOROUGH = replace(THREADS["thorough"], programs=1, seconds=300.0, patience=300.0)
monitored = pytest.mark.skipif(parts.MONITORING is None, reason="Python 3.11 has no sys.monitoring")


def explored(
    store: type[ShelfStore], stage: type[ThreadStage] = PartStage, programs: int = 1, schedules: int = 60
) -> Exploration:
    """What programs in threads show of a store."""
    with Sandboxes() as sandboxes:
        effort = replace(THOROUGH, programs=programs, schedules=schedules)
        return stage(store.reached(), sandboxes, Settings()).explore(effort, 0)


@pytest.fixture(scope="module")
def in_one_line() -> Finding:
    """What is found of a store that cuts a list in two in one line."""
    return explored(SlicesInOneLine).findings["lease/exclusive"]


def test_what_comes_between_in_one_line_is_found(in_one_line: Finding) -> None:
    """The failure names the line, and the part of it that is late."""
    line = SlicesInOneLine.lease.__code__.co_firstlineno + 2
    (late,) = in_one_line.violation.schedule
    assert re.fullmatch(
        rf"pause worker 1 at its \d+th step for 1 turn, before shelves.py:{line} in lease: jobs, self.ready "
        r"= self.ready\[:most\], self.ready\[most:\] \(before its [A-Z_]+.*\)",
        late,
    )
    assert [step.kind.name for step in in_one_line.program] == ["ENQUEUE", "LEASE", "LEASE"]


def test_it_is_found_nowhere_else() -> None:
    """A line is one step to those who go line by line."""
    assert explored(SlicesInOneLine, ThreadStage).findings == {}


def test_a_store_with_a_lock_keeps_the_contract() -> None:
    """Whatever comes between two parts of a line."""
    found = explored(ShelfStore, programs=4, schedules=12)
    assert (found.findings, found.left, found.stopped, found.programs) == ({}, "", "", 4)


def test_what_was_found_is_replayed_exactly(in_one_line: Finding) -> None:
    """By its token, in the same words."""
    case, told = read(case_of("lease/exclusive", in_one_line).token), []
    with Sandboxes() as sandboxes:
        for _ in range(3):
            found = verify(SlicesInOneLine.reached(), case.clause, sandboxes=sandboxes, only=case)
            told.append((found.verdict.violations[0].schedule, found.verdict.label))
    assert told == [(in_one_line.violation.schedule, Label.EXACT)] * 3


@pytest.mark.parametrize(
    ("effort", "store", "ways"),
    [
        ("quick", ShelfStore, {"order", "statements", "threads"}),
        ("thorough", ShelfStore, {"order", "statements", "threads", "parts"}),
        ("thorough", ConnectedStore, {"order", "statements", "threads"}),
    ],
)
def test_it_takes_thorough_effort(effort: str, store: Any, ways: set[str]) -> None:
    """And none where workers meet in a database."""
    limits = Limits(effort=effort, item=0.5)
    with Sandboxes() as sandboxes:
        assert set(Explorations().of(store.reached(), sandboxes, limits).ways) == ways


def somewhere(value: list[int]) -> int:
    """A function of which one part is a call, and one reads an element."""
    return len(value) + value[0]


def test_the_parts_of_a_line_are_those_that_others_can_meet() -> None:
    """What only moves values within a frame concerns nobody else."""
    line = somewhere.__code__.co_firstlineno + 2
    found = list(parts.parts.__wrapped__(somewhere.__code__).values())
    assert {each[:3] for each in found} == {(__file__, line, "somewhere")}
    assert [each.part.split()[0] for each in found if "SUBSCR" in each.part or each.part[:4] == "CALL"] == [
        "CALL", "BINARY_SUBSCR",
    ]  # fmt: skip


@monitored
def test_functions_are_watched_for_a_while() -> None:
    """And the tool that watches them is free afterwards."""
    passed: list[Place] = []
    tools = [parts.MONITORING.get_tool(each) for each in range(6)]
    with watched([somewhere.__code__], passed.append):
        during = [parts.MONITORING.get_tool(each) for each in range(6)]
        somewhere([1])
    somewhere([1])
    assert parts._passing(passed.append, "never again", somewhere.__code__, -1) == "never again"
    first = next(iter(parts.parts(somewhere.__code__)))
    place = parts.parts(somewhere.__code__)[first]
    assert parts._passing(passed.remove, None, somewhere.__code__, first) is None
    passed.insert(0, place)
    assert passed == list(parts.parts(somewhere.__code__).values())
    assert during.count("async-contract") == 1
    assert [parts.MONITORING.get_tool(each) for each in range(6)] == tools


class Kept:
    """Functions of all kinds."""

    @property
    def looked_up(self) -> int:
        """A property."""
        return 1

    @staticmethod
    def alone() -> Callable[[], int]:
        """A static method, with a function within it."""

        def within() -> int:
            return 2

        return within

    @classmethod
    def of_all(cls) -> int:
        """A method of the class."""
        return 3


class Proxy:
    """As that of a web framework, which may only be looked at within a request."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"{name} outside of a request")


request = Proxy()


def test_the_functions_of_a_store_are_those_of_its_class_and_its_module() -> None:
    """Each once, with those within them; what a module imports is its own affair."""
    codes = list(codes_of([Kept]))
    assert len(codes) == len(set(codes))
    assert {"looked_up", "alone", "within", "of_all", "somewhere"} <= {each.co_name for each in codes}
    assert all(isinstance(each, CodeType) for each in codes)


def test_a_class_without_a_module_has_its_own_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was made by hand."""
    monkeypatch.setattr(Kept, "__module__", "nowhere")
    assert "of_all" in {each.co_name for each in codes_of([Kept])}


def test_without_monitoring_a_trace_function_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Python 3.11, of each opcode of a function of the store's."""
    monkeypatch.setattr(hands, "MONITORING", None)
    monkeypatch.setattr(parts, "MONITORING", None)
    crew, stood = Crew(1, step=PART), []
    hand = crew.hands[1]
    monkeypatch.setattr(hand, "stand", lambda: stood.append(hand._place))
    first, place = next(iter(parts.parts(somewhere.__code__).items()))
    frame: Any = SimpleNamespace(f_code=somewhere.__code__, f_lasti=first)
    assert (crew.is_traced, hand.trace(frame, "call", None)) == (True, None)
    crew.stepping = True
    assert (hand.trace(frame, "call", None), frame.f_trace_opcodes) == (hand.trace_part, True)
    for event, offset in (("line", first), ("opcode", first), ("opcode", -1)):
        frame.f_lasti = offset
        assert hand.trace_part(frame, event, None) == hand.trace_part
    assert stood == [place]
    with watched([somewhere.__code__], stood.append):
        somewhere([1])
    assert stood == [place]
    crew.end()


def test_who_does_not_stop_within_a_line_passes() -> None:
    """As one that goes line by line, or does not work now."""
    crew = Crew(1)
    crew.stepping = True
    place = Place(__file__, 1, "somewhere")
    crew.hands[1].before_part(place)
    threads._before_part(place)  # this is no worker's thread
    run = simulate(lambda: crew.hands[1].call(threads._before_part, place), OwnOrder())
    assert (run.error, run.steps) == (None, (1,))
    crew.end()


def test_only_threads_of_the_crew_stand_still_before_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's own goes on."""
    stood: list[Place] = []
    hand = SimpleNamespace(before_part=stood.append)
    place = Place("store.py", 3, "lease", "BINARY_OP +")
    for each in (None, hand):
        monkeypatch.setattr(threads, "present", lambda each=each: each)
        threads._before_part(place)
    assert stood == [place]
