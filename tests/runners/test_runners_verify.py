"""Many scenes for one runner, and what they come to."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from random import Random
from typing import Any

import pytest

from async_contract.contract.kinds import RUNNER
from async_contract.experiments.limits import Limits
from async_contract.experiments.runners import verify
from async_contract.experiments.runners.rules import RULES
from async_contract.experiments.runners.scene import Fault, Scene, Work, random_scene, smaller, words
from async_contract.experiments.runners.verify import BUDGETS, Budget, Explored, explore
from async_contract.harness.runner import RunnerHarness
from async_contract.judge.verdict import Verdict
from async_contract.mutants.runner import PlainRunner
from async_contract.mutants.runners_ends import (
    CancelForgetsLeaseInFlight,
    StopForgetsRecording,
    StopNeverEnds,
)
from async_contract.mutants.runners_outcomes import ForgetsJobsWithResult
from async_contract.mutants.runners_pace import PausesAfterEveryBatch

CLAUSES = [clause.id for clause in RUNNER.clauses]
# What is done in a few seconds takes minutes where other processes have the processor.
QUICK = Limits(effort="quick", item=600.0)


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quick effort that is quicker still."""
    monkeypatch.setitem(BUDGETS, "quick", Budget(strikes=60, scenes=15, tries=20))


def _verdicts(explored: Explored) -> dict[str, Verdict]:
    return {clause: explored.verification(clause).verdict.verdict for clause in CLAUSES}


def test_there_is_a_rule_for_every_clause() -> None:
    """In the contract's order."""
    assert list(RULES) == CLAUSES


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize(
    ("runner", "besides"),
    [
        (PausesAfterEveryBatch, set()),
        (CancelForgetsLeaseInFlight, set()),
        (StopForgetsRecording, set()),
        (StopNeverEnds, set()),
        (ForgetsJobsWithResult, set()),
    ],
)
def test_one_defect_breaks_one_clause(runner: Any, besides: set[str]) -> None:
    """What has nothing to do with a defect holds, or could not be put to the test for it."""
    verdicts = _verdicts(explore(RunnerHarness(runner), QUICK))
    broken = {clause for clause, verdict in verdicts.items() if verdict is Verdict.BROKEN}
    assert broken == {runner.breaks} | besides


@pytest.mark.usefixtures("little")
def test_the_same_seed_is_the_same_verdict_and_the_same_story() -> None:
    """Whatever is found, with every instant of its history."""
    harness = RunnerHarness(CancelForgetsLeaseInFlight)
    first, second, other = (explore(harness, replace(QUICK, seed=seed)) for seed in (7, 7, 8))
    assert first.found
    assert first == second
    assert _verdicts(first) == _verdicts(other)


def test_what_broke_a_clause_is_made_small() -> None:
    """Of all the jobs and troubles of a scene one job is left, and the story shows what it takes."""
    found = explore(RunnerHarness(CancelForgetsLeaseInFlight), QUICK, until="runner/cancelled")
    (violation,) = found.verification("runner/cancelled").verdict.violations
    assert violation.happened == (
        "Cancelled, the runner left job-1, which it had leased, without a recorded outcome."
    )
    assert violation.schedule == ("concurrency=1, batch_size=1, poll_interval=10",)
    assert [(each.method, each.outcome) for each in violation.witness] == [("lease", "ok"), ("cancel", "ok")]


def test_without_time_it_is_told_as_it_was_found() -> None:
    """A deadline that has passed ends the exploring after one scene, and there is no smaller one."""
    explored = Explored()
    harness = RunnerHarness(ForgetsJobsWithResult)
    verify._Exploring(harness, explored, BUDGETS["quick"], 0, -math.inf).explore("")
    assert explored.scenes == 2  # once more without a strike, since jobs were lost when it was told to stop
    (violation,) = explored.verification("runner/completes").verdict.violations
    assert violation.schedule[0] == "concurrency=2, batch_size=2, poll_interval=10"


@pytest.mark.usefixtures("little")
def test_what_cannot_be_seen_is_unexercised() -> None:
    """With what to write, where something can be written."""

    class Silent:
        def __init__(self, store: Any, handler: Any, *, concurrency: int, poll_interval: float) -> None:
            self._runner = RunnerHarness(PlainRunner).made(
                store, handler, concurrency=concurrency, poll_interval=poll_interval, batch_size=1,
                metrics=self, logger=self,
            )  # fmt: skip

        def record(self, event: object) -> None:
            """Take in an event."""

        def info(self, line: str, *arguments: object) -> None:
            """Take in a line."""

        async def run(self) -> None:
            await self._runner.run()

    explored = explore(RunnerHarness(Silent), QUICK)
    reasons = {clause: explored.verification(clause).verdict.reason for clause in CLAUSES}
    assert {clause: reason for clause, reason in reasons.items() if reason} == {
        "runner/stops": (
            "there is no way to tell the runner to stop; write RunnerHarness(make, stop=...), a function of "
            "the runner"
        ),
        "runner/observes": "the runner takes no metrics",
        "runner/discreet": "the runner logs nothing",
    }
    assert set(_verdicts(explored).values()) == {Verdict.HELD, Verdict.UNEXERCISED}


def test_a_runner_that_hangs_is_stopped() -> None:
    """There is no verdict on any clause, and it is said where it hung."""

    class Hanging(PlainRunner):
        async def run(self) -> None:
            while True:
                pass

    explored = explore(RunnerHarness(Hanging), Limits(effort="quick", item=0.2))
    found = explored.verification("runner/stops").verdict
    assert found.verdict is Verdict.ERROR
    assert found.reason.startswith("it hung: stopped after 0.2 s, at ")


def test_what_is_no_runner_is_an_error() -> None:
    """On every clause, with the one message."""
    explored = explore(RunnerHarness(lambda store, handler, **_: 7), QUICK)
    assert set(_verdicts(explored).values()) == {Verdict.ERROR}
    assert explored.verification("runner/idle").verdict.reason.startswith("what was made, an object of the")


def test_what_leaves_the_loop_is_unexercised() -> None:
    """On every clause, after one scene, with the reason."""

    class Threaded(PlainRunner):
        async def run(self) -> None:
            import threading  # noqa: PLC0415

            threading.Thread(target=print).start()

    explored = explore(RunnerHarness(Threaded), QUICK)
    found = explored.verification("runner/bounded").verdict
    assert (set(_verdicts(explored).values()), explored.scenes) == ({Verdict.UNEXERCISED}, 1)
    assert found.reason.startswith("the runner leaves the event loop: ")
    assert "write a RunnerHarness whose runner stays on the loop" in found.reason


FULL = Scene(
    (Work(), Work("hang", 2, 5), Work("exit", error=3)), 2, 3,
    (Fault("lease", 0), Fault("complete", 2, "lose"), Fault("record", 1, "delay")), "stop", 9, 77,
)  # fmt: skip


def test_a_scene_in_words() -> None:
    """A phrase for each thing in it that is not plain."""
    assert list(words(FULL, 10.0)) == [
        "concurrency=2, batch_size=3, poll_interval=10",
        "job-2 is ready after 5 s",
        "the handler of job-2 waits until it is let go after 2 s",
        "the handler of job-3 raises what is no Exception",
        "lease, while nothing is ready, raises, and has no effect",
        "call 2 of complete raises after it took effect",
        "call 1 of record returns three seconds late",
        "tasks run in another order (77)",
    ]


def test_a_smaller_scene_has_less_in_it() -> None:
    """One thing less at a time, until there is nothing more to take away."""
    scene, steps = FULL, 0
    while (less := next(smaller(scene), None)) is not None:
        scene, steps = less, steps + 1
    assert scene == Scene((Work(),), 1, 1, (), "stop", 1)
    assert steps < 20


def test_random_scenes_are_those_of_their_seed() -> None:
    """And have everything in them sooner or later."""

    def scenes(seed: int) -> list[Scene]:
        random = Random(seed)
        return list(islice(iter(lambda: random_scene(random), None), 300))

    assert scenes(1) == scenes(1) != scenes(2)
    assert {scene.strike for scene in scenes(1)} == {"", "stop", "cancel"}
    assert {work.does for scene in scenes(1) for work in scene.works} == {
        "return", "raise", "cancel", "exit", "swallow", "hang",
    }  # fmt: skip
    assert {(fault.method, fault.how) for scene in scenes(1) for fault in scene.faults} >= {
        ("lease", "lose"), ("complete", "refuse"), ("fail", "delay"), ("record", "refuse"),
    }  # fmt: skip
