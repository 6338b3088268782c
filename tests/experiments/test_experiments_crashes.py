"""Random programs whose worker is killed: what they find, and what is told of it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Settings
from async_contract.experiments.cases import case_of, read
from async_contract.experiments.crashes import Casualties, Crashes, generate
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.kills import CHILD, Kill
from async_contract.experiments.limits import Limits
from async_contract.experiments.programs import Kind, Step
from async_contract.experiments.verify import Verification, verify
from async_contract.experiments.ways import WAY, Explorations, Explored
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import Operation
from async_contract.judge.verdict import Label, Verdict, Violation
from async_contract.mutants.crashing import FiledStore, JobsInMemory, WritesAtClose
from async_contract.reference.memory import MemoryStore
from tests.experiments.crash_stores import Hanging, TornForAMoment, Unopened

KILL = Operation("kill", 2, 1, 2)


def explored(
    harness: StoreHarness, casualties: Casualties, *, call_limit: float = 20.0, seed: int = 0
) -> Exploration:
    """What killing workers shows of a store."""
    with Sandboxes() as sandboxes:
        crashes = Crashes(harness, sandboxes, Settings(call_limit=call_limit))
        return asyncio.run(crashes.explore(casualties, seed))


def verified(harness: StoreHarness, effort: str = "quick", **options: Any) -> Verification:
    """What its clause makes of a store, by its example and by killing workers."""
    with Sandboxes() as sandboxes:
        limits = Limits(effort=effort)
        return verify(
            harness,
            "durable/kill",
            sandboxes=sandboxes,
            limits=limits,
            explorations=Explorations(),
            **options,
        )


def test_a_program_ends_with_the_call_in_which_its_worker_is_killed() -> None:
    """Of any kind; the same seed gives the same program."""
    for last in (Kind.ENQUEUE, Kind.LEASE, Kind.COMPLETE, Kind.FAIL):
        programs = [generate(Random(seed), last) for seed in range(50)]
        assert {(each[-1].worker, each[-1].kind) for each in programs} == {(CHILD, last)}
        assert programs == [generate(Random(seed), last) for seed in range(50)]


def test_a_correct_store_survives_every_kill() -> None:
    """And what was done is counted."""
    found = explored(FiledStore.reached(), Casualties(kills=6, seconds=30))
    assert found.findings == {}
    assert (found.programs, found.counts["durable/kill"], found.left, found.stopped) == (6, 6, "", "")


def test_what_breaks_the_promise_is_made_small_and_repeated() -> None:
    """A job that is lost takes two steps; nothing more is tried then, and the token repeats it."""
    found = explored(JobsInMemory.reached(), Casualties(kills=6, seconds=30), seed=2)
    finding = found.findings["durable/kill"]
    assert finding.again
    assert len(finding.program) <= 2
    assert found.programs < 6
    case = read(case_of("durable/kill", finding).token)
    again = verified(JobsInMemory.reached(), only=case)
    assert again.verdict.verdict is Verdict.BROKEN
    assert again.finding is not None
    assert (again.finding.program, again.finding.schedule) == (finding.program, finding.schedule)


def test_what_is_not_seen_again_is_a_proof_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its history is what no correct store can show."""
    runs: list[int] = []
    run = Crashes.run

    async def once(self: Crashes, *arguments: Any) -> tuple[Any, tuple[Operation, ...]]:
        runs.append(1)
        broken, history = await run(self, *arguments)
        return (broken if len(runs) == 1 else {}), history

    monkeypatch.setattr(Crashes, "run", once)
    casualties = Casualties(kills=1, seconds=30, tries=3, repeats=2)
    found = explored(WritesAtClose.reached(), casualties, seed=2)
    finding = found.findings["durable/kill"]
    assert (finding.again, finding.way, len(finding.schedule)) == (False, "kill", 1)


@pytest.mark.parametrize(
    ("harness", "left", "stopped"),
    [
        (StoreHarness(MemoryStore), "finds the store by the name of its target", ""),
        (Unopened.reached(), "can't open the store: OSError: not here", ""),
        (Hanging.reached(), "", "a worker in another process did not complete within 1.2 s"),
    ],
)
def test_why_killing_ends_before_its_time(harness: StoreHarness, left: str, stopped: str) -> None:
    """Nobody can be killed, or a call hangs."""
    found = explored(harness, Casualties(kills=8, seconds=30), call_limit=0.2)
    assert left in found.left
    assert stopped in found.stopped
    assert (bool(found.left), bool(found.stopped)) == (bool(left), bool(stopped))


def test_a_clause_that_nobody_can_put_to_the_test_is_unexercised() -> None:
    """The reason says what to do about it."""
    promised = Capabilities(durable=True, sharing="process")
    found = verified(StoreHarness(MemoryStore, capabilities=promised)).verdict
    assert (found.verdict, found.count) == (Verdict.UNEXERCISED, 0)
    assert found.reason.endswith("name it as pkg.mod:harness")


def test_the_promise_is_held_by_its_example_and_by_random_kills() -> None:
    """One worker in the example, and up to three at random, as far as the time goes."""
    found = verified(FiledStore.reached())
    assert (found.verdict.verdict, found.others) == (Verdict.HELD, ())
    assert found.verdict.count in (2, 3, 4)


def test_what_else_a_kill_has_shown_is_told_of_its_clause() -> None:
    """Other clauses have no killed workers to learn it from."""
    harness = FiledStore.reached()
    violation = Violation("lease/progress", "job-01 never came", "job-01", (KILL,))
    finding = Finding(violation, (Step(CHILD, Kind.LEASE),), (KILL,), (Kill("after"),), "kill")
    known, counts = Explorations(), Counter({"durable/kill": 5})
    ways = {name: Exploration() for name in WAY} | {"kill": Exploration({"lease/progress": finding}, counts)}
    known._done[id(harness)] = (harness, Explored(ways))
    with Sandboxes() as sandboxes:
        found = verify(harness, "durable/kill", sandboxes=sandboxes, explorations=known)
    assert (found.verdict.verdict, found.verdict.count) == (Verdict.HELD, 6)
    told = replace(violation, label=Label.BEST_EFFORT)  # nobody can choose what runs when a process is killed
    assert (found.others, found.finding, found.history) == ((told,), finding, (KILL,))


def test_a_sweep_kills_a_worker_before_each_line_of_the_store() -> None:
    """What lasts for a moment only is found, and repeated exactly."""
    found = explored(TornForAMoment.reached(), Casualties(kills=0, seconds=60, sweeping=60))
    finding = found.findings["durable/kill"]
    assert finding.again
    assert finding.schedule[0].when == "at"
    assert "inside its" in finding.violation.happened
    again = verified(TornForAMoment.reached(), only=read(case_of("durable/kill", finding).token), tries=1)
    assert again.verdict.verdict is Verdict.BROKEN


def test_a_correct_store_survives_a_sweep() -> None:
    """Of every line, and also after the time of the random kills is over."""
    found = explored(FiledStore.reached(), Casualties(kills=9, seconds=0, sweeping=60))
    assert (found.findings, found.stopped, found.short) == ({}, "", "")
    assert found.programs == found.counts["durable/kill"] > 9


def test_what_a_sweep_has_no_time_for_is_told() -> None:
    """Behind what was spent, and beside the verdict: what was not tried is not held in silence."""
    harness, known = FiledStore.reached(), Explorations()
    found = explored(harness, Casualties(kills=0, sweeping=1e-9))
    assert found.programs == 3
    told = re.fullmatch(r"swept 0 of \d+ boundaries before its time was over", found.short)
    assert told
    known._done[id(harness)] = (harness, Explored({name: Exploration() for name in WAY} | {"kill": found}))
    with Sandboxes() as sandboxes:
        verdict = verify(harness, "durable/kill", sandboxes=sandboxes, explorations=known).verdict
        other = verify(harness, "durable/reopen", sandboxes=sandboxes, explorations=known).verdict
    assert (verdict.verdict, verdict.reason) == (Verdict.HELD, told[0])
    assert (other.verdict, other.reason) == (Verdict.HELD, "")
    explored_all = known.done(harness)
    assert explored_all is not None
    assert explored_all.spent[-1].ended == told[0]
