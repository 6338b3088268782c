"""From a store to a verdict: examples, random programs, and what a store does instead."""

from __future__ import annotations

import asyncio
import math
import re
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import STORE_CLAUSES
from async_contract.experiments import verify as verify_module
from async_contract.experiments.bench import Settings
from async_contract.experiments.catalogue import EXAMPLES
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.findings import Exploration
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.experiments.limits import Limits
from async_contract.experiments.programs import Kind, Step
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import WAY, Explorations, Explored
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.mutants.exclusion import ChecksThenActs
from async_contract.mutants.plain import Row
from async_contract.mutants.zoo import CONTENDED, MUTANTS
from async_contract.reference.memory import MemoryStore
from async_contract.store import Job

QUICK = Limits(item=2.0, effort="quick")


def verdict(store: object, clause: str, limits: Limits = QUICK, **options: object) -> tuple[Verdict, str]:
    """The verdict on one clause of a store, by its example, and the reason for it."""
    harness = store if isinstance(store, StoreHarness) else StoreHarness(store, **options)  # type: ignore[arg-type]
    with Sandboxes() as sandboxes:
        found = verify(harness, clause, sandboxes=sandboxes, limits=limits).verdict
    return found.verdict, found.reason


def test_every_clause_of_a_store_has_an_example() -> None:
    """In the order of the contract."""
    assert list(EXAMPLES) == [clause.id for clause in STORE_CLAUSES]


def test_a_clause_that_is_not_promised_is_not_exercised() -> None:
    """It binds nobody."""
    assert verdict(MemoryStore, "lease/order") == (Verdict.NOT_PROMISED, "the store does not promise fifo")


def test_a_clause_that_can_not_apply_is_not_promised() -> None:
    """A plain function can't be cancelled, and without an inspect no message is read back."""

    class Sync(PlainList):
        pass

    assert verdict(Sync, "lease/cancelled") == (Verdict.NOT_PROMISED, "a plain function can't be cancelled")
    assert verdict(Sync, "fail/message") == (Verdict.NOT_PROMISED, "the harness can't inspect a job")


def test_attempts_can_not_fall_where_no_job_comes_again() -> None:
    """A fail is final, and leases last."""
    found = verdict(PlainList, "lease/attempts-steady", capabilities=Capabilities(redelivers=False))
    reason = "no job is delivered again: a fail is final, and no lease ends by itself"
    assert found == (Verdict.NOT_PROMISED, reason)


class PlainList:
    """A correct store of plain functions."""

    def __init__(self) -> None:
        self.ready: list[Job] = []
        self.leased: dict[str, Job] = {}

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.ready.append(job)

    def lease(self, limit: int) -> Sequence[Job]:
        """Deliver the first ones."""
        jobs = self.ready[: max(limit, 0)]
        del self.ready[: len(jobs)]
        self.leased |= {job.id: job for job in jobs}
        return jobs

    def complete(self, id: str) -> None:
        """End a lease."""
        del self.leased[id]

    def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        self.ready.append(self.leased.pop(id))


class Hangs(PlainList):
    """A store whose complete never returns."""

    async def complete(self, id: str) -> None:  # type: ignore[override]
        """Wait for ever."""
        await asyncio.Event().wait()


class Blocks(PlainList):
    """A store whose complete never lets go of the thread."""

    def complete(self, id: str) -> None:
        """Wait for ever."""
        threading.Event().wait()


class Full(PlainList):
    """A store that somebody else works with."""

    def __init__(self) -> None:
        super().__init__()
        self.ready.append(Job("somebody's", "kind"))


class Deaf(PlainList):
    """A store that delivers nothing."""

    def lease(self, limit: int) -> Sequence[Job]:
        """Deliver none."""
        return []


class Refusing(PlainList):
    """A store that takes nothing in."""

    def enqueue(self, job: Job) -> None:
        """Refuse."""
        raise ValueError("no room")


def test_a_call_that_hangs_is_given_up() -> None:
    """An await can be cancelled: the call is told by its name."""
    found, reason = verdict(Hangs, "complete/final", Limits(item=0.3))
    assert found is Verdict.ERROR
    assert reason.startswith(f"complete did not return within 0.1 s: it hung at {__file__}:")
    assert reason.endswith(" in complete: await asyncio.Event().wait()")


def test_a_store_that_is_slow_is_told_by_its_slow_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be over when the time is up, and then nothing stands where it was lost."""
    monkeypatch.setattr(verify_module, "SLOW", 0)
    found, reason = verdict(Blocks, "complete/final", Limits(item=0.2))
    assert found is Verdict.ERROR
    slow = r"; \d+ of its calls took more than a second, the last one 0 s: worker \d's lease, ok$"
    assert re.search(slow, reason)
    monkeypatch.setattr(verify_module, "SLOW", 10**18)
    assert "took more" not in verdict(Blocks, "complete/final", Limits(item=0.2))[1]
    monkeypatch.setattr(verify_module, "SLOW", 0)
    in_virtual_time = StoreHarness(Blocks, virtual_time=True)
    assert "took more" not in verdict(in_virtual_time, "complete/final", Limits(item=0.2))[1]


def test_a_store_that_blocks_is_stopped() -> None:
    """The reason says where it stood."""
    found, reason = verdict(Blocks, "complete/final", Limits(item=0.2))
    assert found is Verdict.ERROR
    assert reason.startswith("it hung: stopped after 0.2 s, at ")
    assert f"{__file__}:" in reason
    assert "in complete: threading.Event().wait()" in reason


def test_a_store_with_other_jobs_in_it_is_refused() -> None:
    """Nobody's jobs are worked on; who insists has them left alone."""
    found, reason = verdict(Full, "lease/known")
    assert found is Verdict.ERROR
    assert reason == (
        'the store already holds jobs: before anything was enqueued it delivered "somebody\'s", which is on '
        "lease now; give the toolkit an empty store of its own for every sandbox (sandbox.path is an empty "
        "directory, sandbox.name a unique name), or insist with --async-contract-allow-nonempty"
    )
    insists = Limits(item=2.0, allow_nonempty=True)
    assert verdict(Full, "lease/exclusive", insists) == (Verdict.HELD, "")


def test_a_store_that_delivers_nothing_breaks_progress_and_holds_nothing_else() -> None:
    """What needs a delivery is not exercised, and says why."""
    assert verdict(Deaf, "lease/progress")[0] is Verdict.BROKEN
    assert verdict(Deaf, "complete/final") == (
        Verdict.UNEXERCISED, "the store delivered 0 of 2 ready jobs",
    )  # fmt: skip


def test_a_store_that_takes_nothing_in_is_not_exercised() -> None:
    """An ordinary job is refused."""
    found, reason = verdict(Refusing, "complete/final")
    assert found is Verdict.UNEXERCISED
    assert reason.endswith(" failed: ValueError: no room")


def test_what_a_harness_raises_is_its_own() -> None:
    """Connecting, preparing, closing and disposing: the reason names the line."""

    def broken(*_: object) -> None:
        raise OSError("no route")

    for name, what in (
        ("connect", "connecting to the store"),
        ("prepare", "prepare"),
        ("dispose", "dispose"),
        ("disconnect", "closing the store"),
    ):
        options = {"connect": PlainList} | {name: broken}
        found, reason = verdict(StoreHarness(**options), "lease/known")  # type: ignore[arg-type]
        assert (found, reason.partition(" failed at ")[0]) == (Verdict.ERROR, what)
        assert reason.endswith(": OSError: no route")


def test_a_generator_that_yields_twice_is_the_harness_s_mistake() -> None:
    """It is told as such, in its own words."""

    async def stores() -> AsyncIterator[PlainList]:
        yield PlainList()
        yield PlainList()

    found, reason = verdict(StoreHarness(stores), "lease/known")
    assert found is Verdict.ERROR
    assert "yielded a second time" in reason


@pytest.mark.parametrize("clause", ["expiry/returns", "expiry/not-early"])
def test_a_lease_that_takes_too_long_to_expire_is_not_waited_for(clause: str) -> None:
    """The reason says what would exercise the clause."""
    slow = Capabilities(lease_timeout=3600)
    found, reason = verdict(MemoryStore, clause, capabilities=slow)
    assert found is Verdict.UNEXERCISED
    assert reason == (
        "leases take 3600 s to expire, more than the 0.5 s that an experiment waits; build the store with a "
        "shorter lease_timeout, or let it read sandbox.clock and declare virtual_time=True"
    )


def test_delays_that_are_too_long_are_not_waited_for() -> None:
    """Here it is the retry that takes too long."""
    slow = Capabilities(retry_delay=3600)
    found, reason = verdict(MemoryStore, "fail/releases", capabilities=slow)
    assert found is Verdict.UNEXERCISED
    assert reason.startswith("retry_delay and poll_delay are 3600 s, more than the 0.5 s")


def test_one_object_can_not_be_fenced() -> None:
    """Who shares an object can't be told apart."""
    capabilities = Capabilities(lease_timeout=1.0, fences=True)
    found, reason = verdict(MemoryStore, "expiry/fenced", capabilities=capabilities, virtual_time=True)
    assert found is Verdict.UNEXERCISED
    assert reason.startswith("one object can't tell its workers apart")


class LosesTheFourth(PlainList):
    """A store that forgets a job when it is failed for the third time: no example goes so far."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: dict[str, int] = {}

    def fail(self, id: str, message: str) -> None:
        """Put a job back, but not always."""
        job = self.leased.pop(id)
        self.failed[id] = self.failed.get(id, 0) + 1
        if self.failed[id] < 3:
            self.ready.append(job)
        else:
            self.ready = self.ready[1:]


def explored(store: object, seed: int, **options: object) -> dict[str, tuple[Step, ...]]:
    """The least programs found, by clause."""
    harness = StoreHarness(store, **options)  # type: ignore[arg-type]
    with Sandboxes() as sandboxes:
        explorer = Explorer(harness, sandboxes, Settings(), seed)
        found = asyncio.run(explorer.explore(Budget(programs=200, seconds=60)))
    return {clause: finding.program for clause, finding in found.findings.items()}


@pytest.mark.parametrize("seed", range(3))
def test_random_programs_find_what_no_example_looks_for(seed: int) -> None:
    """The third fail of a job loses another one; the story is as short as it can be."""
    program = explored(LosesTheFourth, seed)["fail/only-that-job"]
    assert sorted(step.kind for step in program) == [Kind.ENQUEUE] * 2 + [Kind.LEASE] * 3 + [Kind.FAIL] * 3


def test_random_programs_blame_no_correct_store() -> None:
    """Nothing is found where there is nothing."""
    assert explored(PlainList, 1) == {}
    assert explored(MemoryStore, 1, capabilities=Capabilities(redelivers=True)) == {}


def test_a_finding_of_a_random_program_breaks_its_clause() -> None:
    """The verdict has the program's history, and the programs are carried out once for all clauses."""
    harness = StoreHarness(LosesTheFourth)
    explorations = Explorations()
    with Sandboxes() as sandboxes:
        found = verify(
            harness, "fail/only-that-job", sandboxes=sandboxes, limits=Limits(), explorations=explorations
        )
        again = explorations.of(harness, sandboxes, Limits())
        assert explorations.of(harness, sandboxes, Limits()) is again
    assert found.verdict.verdict is Verdict.BROKEN
    violation = again.ways["order"].findings["fail/only-that-job"].violation
    assert found.verdict.violations == (replace(violation, label="exact"),)
    assert found.history == again.ways["order"].findings["fail/only-that-job"].history


def test_random_programs_add_to_the_evidence() -> None:
    """A clause that its example exercised twice and a program once more was exercised three times."""
    harness, limits = StoreHarness(PlainList), Limits(effort="quick")
    with Sandboxes() as sandboxes:
        alone = verify(harness, "lease/exclusive", sandboxes=sandboxes, limits=limits)
        explorations = Explorations()
        both = verify(
            harness, "lease/exclusive", sandboxes=sandboxes, limits=limits, explorations=explorations
        )
        more = explorations.of(harness, sandboxes, limits).count("lease/exclusive")
    assert more > 0
    assert both.verdict.count == alone.verdict.count + more


class HangsLate(PlainList):
    """A store that hangs when it has never heard of a job."""

    async def fail(self, id: str, message: str) -> None:  # type: ignore[override]
        """Wait for ever for jobs that are not there."""
        if id not in self.leased:
            await asyncio.Event().wait()
        super().fail(id, message)


def test_a_random_program_that_hangs_leaves_the_clause_open() -> None:
    """Nothing is held by half a run."""
    with Sandboxes() as sandboxes:
        limits = Limits(item=1.2, effort="quick")
        found = verify(
            StoreHarness(HangsLate), "lease/empty", sandboxes=sandboxes, limits=limits,
            explorations=Explorations(),
        )  # fmt: skip
    assert found.verdict.verdict is Verdict.ERROR
    stopped = "a random program was stopped: fail did not return within 0.2 s: it hung at "
    assert found.verdict.reason.startswith(stopped)


class HangsOnceCancelled(PlainList):
    """A store that never lets go of its lock once a fail was cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = asyncio.Lock()

    async def fail(self, id: str, message: str) -> None:  # type: ignore[override]
        """Let go only at the end."""
        await self.lock.acquire()
        await asyncio.sleep(0)
        self.lock.release()
        super().fail(id, message)


def test_a_random_program_that_hangs_breaks_the_clause_that_explains_it() -> None:
    """Nothing more is tried, and what was seen until then counts; the other clauses are not in error."""
    harness = StoreHarness(HangsOnceCancelled)
    with Sandboxes() as sandboxes:
        settings = Settings(call_limit=0.2)
        explorer = Explorer(harness, sandboxes, settings, 0)
        found = asyncio.run(explorer.explore(Budget(programs=1_000, seconds=60)))
    assert set(found.findings) == {"fail/cancelled"}
    assert not found.findings["fail/cancelled"].again
    assert found.left.startswith("fail did not return within 0.2 s: it hung at ")
    assert found.stopped == ""


@pytest.mark.parametrize(("patience", "others"), [(60.0, set()), (0.0, {"fail/only-that-job"})])
def test_whom_a_slow_store_blames_is_not_looked_into_for_ever(patience: float, others: set[str]) -> None:
    """In time, only what is to blame is; without time, what was seen is reported as it was seen."""
    mutant = next(each for each in MUTANTS if each.name == "redelivers-to-holder")
    with Sandboxes() as sandboxes:
        explorer = Explorer(mutant.harness, sandboxes, Settings(), 0)
        found = asyncio.run(explorer.explore(Budget(programs=20, seconds=math.inf, patience=patience)))
    assert {"lease/exclusive", *others} <= set(found.findings)
    assert bool(others) or set(found.findings) == {"lease/exclusive"}


def test_the_time_limit_is_left_to_others_outside_the_main_thread() -> None:
    """Where a signal can't be had, the body runs without it."""
    done: list[str] = []

    def body() -> None:
        with time_limit(0.001):
            done.append("ran")

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert done == ["ran"]


def test_the_time_limit_strikes_again_if_it_is_swallowed() -> None:
    """A body that survives the first one is stopped by the second; tasks that wait are named."""

    async def waits() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        other = asyncio.create_task(waits())
        await asyncio.gather(other)

    with (
        pytest.raises(TimeLimitExceeded, match=r"in waits: await asyncio.Event\(\).wait\(\)"),
        time_limit(0.05),
    ):
        asyncio.run(main())


class Exits(PlainList):
    """A store that wants to end the program."""

    def complete(self, id: str) -> None:
        """Leave."""
        raise SystemExit(f"can't complete {id}")


def test_a_store_does_not_end_the_run() -> None:
    """What it raises says nothing about the effect, and after five times it is refused."""
    assert verdict(Exits, "complete/accepted")[0] is Verdict.BROKEN


def test_what_an_example_shows_in_no_order_is_shown_in_one_that_can_be_repeated() -> None:
    """Its workers meet as they happen to; a random program that breaks the clause says who must be late."""
    mutant = next(each for each in MUTANTS if each.name == "checks-then-acts")
    limits = Limits(item=600.0, effort="quick", until=mutant.clause)
    with Sandboxes() as sandboxes:
        verified = partial(verify, mutant.harness, mutant.clause, sandboxes=sandboxes, limits=limits)
        alone = verified()
        told = verified(explorations=Explorations())
        nothing = Explorations()
        nothing._done[id(mutant.harness)] = mutant.harness, Explored({name: Exploration() for name in WAY})
        unseen = verified(explorations=nothing)
    assert [each.verdict.verdict for each in (alone, told, unseen)] == [Verdict.BROKEN] * 3
    assert [each.verdict.label for each in (alone, told, unseen)] == ["best effort", "exact", "best effort"]
    assert (alone.finding, unseen.finding) == (None, None)
    assert told.finding is not None
    assert told.finding.way == "loop"


class NumbersFromBelow(ChecksThenActs):
    """It also delivers numbers of attempts that are negative."""

    def delivered(self, row: Row) -> object:
        """What the worker gets."""
        return replace(row.job, attempts=-1)


def test_what_else_the_example_shows_is_kept_beside_that() -> None:
    """It may show nowhere else."""
    clause = "lease/exclusive"
    limits = Limits(item=600.0, effort="quick", until=clause)
    harness = NumbersFromBelow.reached()
    with Sandboxes() as sandboxes:
        least = verify(
            ChecksThenActs.reached(), clause, sandboxes=sandboxes, limits=limits, explorations=Explorations()
        ).finding
        assert least is not None
        ways = {name: Exploration() for name in WAY} | {"loop": Exploration(findings={clause: least})}
        explorations = Explorations()
        explorations._done[id(harness)] = harness, Explored(ways)
        told = verify(harness, clause, sandboxes=sandboxes, limits=limits, explorations=explorations)
    assert told.finding == least
    assert "lease/well-formed" in {each.clause for each in told.others}


@pytest.mark.parametrize("clause", ["lease/within-limit", "durable/kill"])
def test_what_is_in_order_or_can_not_be_is_told_as_it_is(clause: str) -> None:
    """One call after another needs no other program, and a worker that is killed has no better one."""
    mutants = [*MUTANTS, *CONTENDED]
    mutant = next(each for each in mutants if each.clause == clause and not each.deep)
    explorations = Explorations()
    with Sandboxes() as sandboxes:
        found = verify(mutant.harness, clause, sandboxes=sandboxes, limits=QUICK, explorations=explorations)
    assert (found.verdict.verdict, found.finding) == (Verdict.BROKEN, None)
    assert explorations.done(mutant.harness) is None


@pytest.mark.parametrize(
    ("name", "clause", "own"),
    [
        ("keeps-newest-back", "lease/within-limit", "lease/progress"),
        ("forgets-every-fifth", "lease/snapshot", "lease/progress"),
        ("waits-for-full-batch", "complete/repeat-harmless", "lease/progress"),
        ("fail-buries", "durable/reopen", "fail/redelivers"),
    ],
)
def test_what_a_store_breaks_by_itself_is_laid_to_no_call(name: str, clause: str, own: str) -> None:
    """It breaks it in the plainest scenes too, so the clause that the calls are about was not exercised."""
    mutant = next(each for each in MUTANTS if each.name == name)
    explorations = Explorations()
    with Sandboxes() as sandboxes:
        verified = partial(verify, mutant.harness, sandboxes=sandboxes)
        found = verified(clause, explorations=explorations)
        itself = verified(own)
    assert (found.verdict.verdict, found.verdict.violations) == (Verdict.UNEXERCISED, ())
    assert found.verdict.reason == "the store breaks without what this clause is about"
    assert own in {each.clause for each in found.others}
    assert clause not in {each.clause for each in found.others}
    assert itself.verdict.verdict is Verdict.BROKEN
    assert explorations.done(mutant.harness) is None


def test_an_attempt_too_many_is_laid_to_no_fail_of_another_job() -> None:
    """Which came in between, in the example of another clause."""
    mutant = next(each for each in MUTANTS if each.name == "one-attempt-more")
    with Sandboxes() as sandboxes:
        found = verify(mutant.harness, "lease/attempts-steady", sandboxes=sandboxes)
    assert {(each.clause, each.instead) for each in found.others} == {("fail/max-attempts", None)}


def test_a_store_whose_leases_never_end_may_have_another_clock_than_it_promised() -> None:
    """One of whose leases some did end has none, nor has one that promised none."""
    hint = (
        " (no lease ended at all: if the store takes an instant from elsewhere than sandbox.clock, or sleeps "
        "by the event loop, leave virtual_time=True out)"
    )
    told = {}
    with Sandboxes() as sandboxes:
        for name in ("never-expires", "expires-once"):
            mutant = next(each for each in MUTANTS if each.name == name)
            found = verify(mutant.harness, "expiry/returns", sandboxes=sandboxes).verdict
            told[name] = (found.verdict, [each.happened.endswith(hint) for each in found.violations])
        real = StoreHarness(PlainList, capabilities=Capabilities(lease_timeout=0.01))
        found = verify(real, "expiry/returns", sandboxes=sandboxes).verdict
    assert {verdict for verdict, _ in told.values()} == {found.verdict} == {Verdict.BROKEN}
    assert all(told["never-expires"][1])
    assert not any(told["expires-once"][1])
    assert not any(each.happened.endswith(hint) for each in found.violations)
