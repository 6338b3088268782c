"""Workers that race in threads, in real time."""

from __future__ import annotations

import asyncio
import fcntl
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Settings
from async_contract.experiments.blocking import ONLY_PROCESSES
from async_contract.experiments.cases import case_of, read
from async_contract.experiments.findings import Exploration
from async_contract.experiments.limits import HEATS, Limits
from async_contract.experiments.programs import Kind, Step
from async_contract.experiments.thread_races import Lane, Lanes, ThreadRaces
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import WAY, Explorations
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.verdict import Label, Verdict
from async_contract.mutants.connections import ConnectedStore
from async_contract.mutants.desks import AsksTwice, DeskStore
from async_contract.mutants.shelves import ShelfStore
from async_contract.store import Job

NORMAL = HEATS["normal"]


def raced(
    harness: StoreHarness, programs: int = 3, call_limit: float = 60.0, seed: int = 0, **options: Any
) -> Exploration:
    """What threads show of a store that race."""
    heats = replace(NORMAL, programs=programs, seconds=300.0, patience=300.0, **options)
    with Sandboxes() as sandboxes:
        return ThreadRaces(harness, sandboxes, Settings(call_limit=call_limit)).explore(heats, seed)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """No thread of ours is left."""
    yield
    assert [each for each in threading.enumerate() if each.name == "async-contract-lane"] == []


@pytest.mark.parametrize("store", [DeskStore, ConnectedStore, ShelfStore])
def test_a_correct_store_is_not_blamed(store: Any) -> None:
    """Whether it has a thread of its own, a connection for each worker, or a lock."""
    found = raced(store.reached())
    assert (found.findings, found.left, found.stopped) == ({}, "", "")
    assert (found.programs, found.schedules) == (3, 18)
    assert found.counts["lease/exclusive"] > 0


def test_a_look_that_is_apart_from_its_effect_is_found() -> None:
    """Also where nobody can step through it; and it is told how often it shows."""
    finding = raced(AsksTwice.reached(), repeats=60, until="lease/exclusive").findings["lease/exclusive"]
    assert [step.kind.name for step in finding.program] == ["ENQUEUE", "LEASE", "LEASE"]
    (often,) = finding.violation.schedule
    assert re.fullmatch(
        r"a race(; this program showed it in \d+ of 10 tries|, not seen again in 10 tries; .*)", often
    )


def test_a_store_that_was_left_is_raced_and_its_token_tries_again() -> None:
    """The way says that it is a best effort."""
    harness, explorations = AsksTwice.reached(), Explorations()
    limits = Limits(effort="normal", until="lease/exclusive")
    with Sandboxes() as sandboxes:
        found = verify(
            harness, "lease/exclusive", sandboxes=sandboxes, limits=limits, explorations=explorations
        )
        assert (found.verdict.verdict, found.verdict.label) == (Verdict.BROKEN, Label.BEST_EFFORT)
        assert found.finding is not None
        case = read(case_of("lease/exclusive", found.finding).token)
        again = verify(harness, "lease/exclusive", sandboxes=sandboxes, only=case, tries=60)
    assert (case.way, again.verdict.verdict) == ("thread-races", Verdict.BROKEN)
    done = explorations.done(harness)
    assert done is not None
    assert [each.way for each in done.spent] == [
        "in order", "in threads, line by line", "in threads that race",
    ]  # fmt: skip


def test_a_store_that_was_not_left_is_not_raced() -> None:
    """Line by line is better."""
    harness, explorations = ShelfStore.reached(), Explorations()
    with Sandboxes() as sandboxes:
        explorations.of(harness, sandboxes, Limits(effort="quick"))
    done = explorations.done(harness)
    assert done is not None
    assert list(done.ways) == ["order", "statements", "threads"]


class OnProcessLocks(ShelfStore):
    """It locks a file as only another process heeds it."""

    def lease(self, limit: int) -> Any:
        """Deliver the first ones."""
        with Path(__file__).open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH)
            return super().lease(limit)


def test_what_keeps_only_processes_apart_is_not_blamed_in_threads() -> None:
    """So no thread is raced."""
    harness, explorations = StoreHarness(OnProcessLocks), Explorations()
    with Sandboxes() as sandboxes:
        explored = explorations.of(harness, sandboxes, Limits(effort="quick"))
    assert explored.ways["threads"].left == ONLY_PROCESSES
    assert "thread-races" not in explored.ways
    assert WAY["thread-races"].unless == ONLY_PROCESSES


class PartlyAsynchronous(ShelfStore):
    """Two of its functions give what has to be awaited."""

    async def complete(self, id: str) -> None:  # type: ignore[override]
        """End a lease."""
        await asyncio.sleep(0)
        super().complete(id)

    def fail(self, id: str, message: str) -> Any:
        """Put a job back, or stop."""
        super().fail(id, message)
        if len(message) % 2:
            raise StopIteration
        return asyncio.sleep(0)


def test_what_has_to_be_awaited_is_awaited_on_the_loop() -> None:
    """And an error that no future takes is an error all the same."""
    promised = Capabilities(redelivers=True)
    found = raced(StoreHarness(PartlyAsynchronous, capabilities=promised), 12)
    assert (found.findings, found.left, found.programs) == ({}, "", 12)


class Hanging(ShelfStore):
    """A lease never returns, once there are two."""

    ended = threading.Event()

    def lease(self, limit: int) -> Any:
        """Deliver the first ones."""
        if threading.active_count() > 1 and self.ready:
            self.ended.wait()
        return super().lease(limit)


def test_a_call_that_hangs_ends_it() -> None:
    """That proves nothing; the thread is left behind until it can go on."""
    found = raced(StoreHarness(Hanging), call_limit=0.05)
    Hanging.ended.set()
    for each in threading.enumerate():
        if each.name == "async-contract-lane":
            each.join()
    assert found.findings == {}
    assert found.left.startswith("lease did not return within 0.05 s")


def test_python_changes_threads_as_before_afterwards() -> None:
    """How often it does is for a race alone."""
    before, seen = sys.getswitchinterval(), []

    class Looking(ShelfStore):
        """It looks how often Python changes threads."""

        def lease(self, limit: int) -> Any:
            """Deliver the first ones."""
            seen.append(sys.getswitchinterval())
            return super().lease(limit)

    raced(StoreHarness(Looking), 1, repeats=1)
    assert max(seen) < before == sys.getswitchinterval()


def test_who_comes_alone_does_not_wait_for_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for ever: somebody may have no call to make."""
    monkeypatch.setattr("async_contract.experiments.thread_races._MEET", 0.01)
    lanes = Lanes(2, Sandbox("one", tmp_path), Random(0))
    lanes.meet([1, 2])
    assert asyncio.run(lanes.call(1, len, ("abc",))) == 3
    lanes.end()


def test_a_program_without_workers_is_carried_out_too() -> None:
    """By the one that there always is."""
    with Sandboxes() as sandboxes:
        history = ThreadRaces(ShelfStore.reached(), sandboxes, Settings()).race((Step(0, Kind.ENQUEUE),), 0)
    assert [each.method for each in history if each.outcome == "ok"][1] == "enqueue"


def test_a_loop_that_is_gone_hears_nothing() -> None:
    """Nor one whose call was given up."""
    lane, began, ended = Lane(), threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        ended.wait()

    async def main(*, waits: bool) -> None:
        call = asyncio.create_task(lane.call(hang))
        await asyncio.to_thread(began.wait)
        call.cancel()
        if waits:
            ended.set()
            await lane.call(int)

    asyncio.run(main(waits=True))
    began.clear()
    ended.clear()
    asyncio.run(main(waits=False))
    ended.set()
    lane.end()
    lane._thread.join()


def test_jobs_are_those_of_the_store() -> None:
    """A race keeps the order of what one worker does."""
    with Sandboxes() as sandboxes:
        program = (Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE), Step(1, Kind.COMPLETE))
        history = ThreadRaces(ShelfStore.reached(), sandboxes, Settings()).race(program, 1)
    leased = next(each for each in history if each.method == "lease" and each.jobs)
    done = next(each for each in history if each.method == "complete")
    assert isinstance(Job(leased.jobs[0].id, "mail"), Job)
    assert (done.job_id, done.outcome) == (leased.jobs[0].id, "ok")
