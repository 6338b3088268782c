"""Programs: generated, carried out, written down, made smaller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from random import Random

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Bench, Settings, Worker, open_bench
from async_contract.experiments.in_order import open_prompt_bench, play_in_order
from async_contract.experiments.programs import (
    Kind,
    Menu,
    Player,
    Program,
    Step,
    decode,
    encode,
    finish,
    generate,
    menu_for,
)
from async_contract.experiments.shrink import parts, shrink, size
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import Operation
from async_contract.reference.memory import MemoryStore
from async_contract.store import Job

FULL = Menu(workers=3, steps=40, sleeps=True, reopens=True)


def played(program: Program, harness: StoreHarness) -> list[Operation]:
    """The history of a program, up to the drain."""

    async def main() -> Bench:
        with Sandboxes() as sandboxes:
            async with open_prompt_bench(harness, sandboxes, Settings()) as bench:
                await play_in_order(bench, program)
        return bench

    return asyncio.run(main()).history


def calls(history: Iterable[Operation]) -> list[tuple[object, ...]]:
    """What was called, without the drain at the end and the look at the beginning."""
    rows: list[tuple[object, ...]] = [
        (each.method, each.worker, each.job_id, each.value, each.outcome) for each in history
    ]
    return rows[1:-3]


TIMED = StoreHarness(
    lambda sandbox: MemoryStore(lease_timeout=1.0, clock=sandbox.clock),
    capabilities=Capabilities(lease_timeout=1.0, redelivers=True),
    virtual_time=True,
)


def test_the_same_seed_gives_the_same_program() -> None:
    """A program is a function of where its numbers come from."""
    assert [generate(Random(n), FULL) for n in range(20)] == [generate(Random(n), FULL) for n in range(20)]


def test_programs_have_steps_of_every_kind_and_nothing_that_is_not_on_the_menu() -> None:
    """A menu without sleeps and reopenings gives none."""
    full = {step.kind for n in range(50) for step in generate(Random(n), FULL)}
    small = [step for n in range(50) for step in generate(Random(n), Menu(workers=1, steps=5))]
    assert full == set(Kind)
    assert {step.kind for step in small} == {Kind.ENQUEUE, Kind.LEASE, Kind.COMPLETE, Kind.FAIL}
    assert {step.worker for step in small} == {0, 1}


@pytest.mark.parametrize("number", range(10))
def test_a_program_is_text_and_back(number: int) -> None:
    """What was printed is the program."""
    program = generate(Random(number), FULL)
    assert decode(encode(program)) == program


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "'nonsense' is no program; paste it whole, as it was printed"),
        ("ä", "'ä' is no program; paste it whole, as it was printed"),
        (encode((Step(1, Kind.LEASE),))[:-3], "is no program; paste it whole, as it was printed"),
        (encode(((1, 77, 0, 0, 0),)), "is no program of this version"),  # type: ignore[arg-type]
        (encode(((1, 1),)), "is no program of this version"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_program_is_said_to_be_none(text: str, message: str) -> None:
    """A text that was cut, or that another version printed, gives one clear message."""
    with pytest.raises(ValueError, match="is no program") as told:
        decode(text)
    assert str(told.value).endswith(message)


def test_a_program_names_its_jobs_by_rules() -> None:
    """A worker ends what it holds, or another's, or a finished one, or one that does not exist."""
    program = (
        Step(0, Kind.ENQUEUE), Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE, 1), Step(2, Kind.COMPLETE, 6),
        Step(1, Kind.FAIL, 0), Step(1, Kind.COMPLETE, 0), Step(1, Kind.COMPLETE, 5),
        Step(1, Kind.COMPLETE, 7),
    )  # fmt: skip
    assert calls(played(program, StoreHarness(MemoryStore)))[2:8] == [
        ("lease", 1, None, 2, "ok"),
        ("complete", 2, "job-01", None, "ok"),
        ("fail", 1, "job-02", "worker failed", "ok"),
        ("complete", 1, "job-01", None, "rejected"),
        ("complete", 1, "job-02", None, "rejected"),
        ("complete", 1, "no-such-job", None, "rejected"),
    ]


def test_time_passes_and_calls_are_cancelled() -> None:
    """A lease expires while a program runs; a call is cancelled at its await."""
    program = (
        Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE), Step(1, Kind.SLEEP, 2), Step(2, Kind.LEASE),
        Step(2, Kind.LEASE, 0, 0, 1), Step(2, Kind.FAIL, 0, 0, 1), Step(2, Kind.COMPLETE, 0, 0, 1),
    )  # fmt: skip
    assert calls(played(program, TIMED))[1:6] == [
        ("lease", 1, None, 1, "ok"),
        ("lease", 2, None, 1, "ok"),
        ("lease", 2, None, 1, "ok"),
        ("fail", 2, "job-01", "worker failed", "ok"),
        ("complete", 2, "job-01", None, "rejected"),
    ]


def test_an_odd_id_is_alike_to_the_one_before() -> None:
    """Ids that are enqueued are ordinary, or like another job's, and never twice the same."""
    program = tuple(Step(0, Kind.ENQUEUE, which) for which in (0, 1, 1, 2, 3, 3))
    enqueued = [
        each.job_id for each in played(program, StoreHarness(MemoryStore)) if each.method == "enqueue"
    ]
    assert enqueued == ["job-01", "Job-01", "Job-03", " job-03", "job-05%", "job-06"]


def test_a_menu_is_what_the_store_promises() -> None:
    """Only a durable store is reopened, only virtual time passes, a store not to be shared has one worker."""
    assert menu_for(Capabilities(sharing="none"), virtual=True) == Menu(workers=1)
    assert menu_for(Capabilities(lease_timeout=1, durable=True), virtual=False) == Menu(reopens=True)
    assert menu_for(Capabilities(lease_timeout=1), virtual=True, steps=5) == Menu(steps=5, sleeps=True)


def test_the_least_program_is_found() -> None:
    """Whatever is not needed goes: steps, workers, numbers, cancellations."""

    def breaks(program: Program) -> bool:
        kinds = [step.kind for step in program]
        return kinds.count(Kind.LEASE) >= 2 and kinds.count(Kind.ENQUEUE) >= 1

    program = next(each for each in (generate(Random(n), FULL) for n in range(100)) if breaks(each))
    least = shrink(program, breaks)
    assert size(least) == (3, 2, 2)
    assert sorted(least) == [Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE), Step(1, Kind.LEASE)]


def test_shrinking_ends_when_its_tries_are_used_up() -> None:
    """The program found so far is what one gets."""
    tried: list[Program] = []

    def breaks(program: Program) -> bool:
        tried.append(program)
        return False

    program = generate(Random(3), FULL)
    assert shrink(program, breaks, tries=7) == program
    assert len(tried) == 7


def test_what_may_be_to_blame_is_left_out_by_turns() -> None:
    """Each step, the text of a message, what is odd about a new id; other numbers stay."""
    enqueue, fail = Step(0, Kind.ENQUEUE, 3), Step(1, Kind.FAIL, 2, 5)
    plain_id, plain_message = Step(0, Kind.ENQUEUE), Step(1, Kind.FAIL, 2)
    assert list(parts((enqueue, fail))) == [
        (fail,),
        (plain_id, fail),
        (enqueue,),
        (enqueue, plain_message),
    ]


class Slow(MemoryStore):
    """Suspends before it does anything."""

    async def enqueue(self, job: Job) -> None:
        """Take a job in, later."""
        await asyncio.sleep(0)
        await super().enqueue(job)

    async def lease(self, limit: int) -> list[Job]:
        """Deliver, later."""
        await asyncio.sleep(0)
        return await super().lease(limit)

    async def complete(self, id: str) -> None:
        """Complete, later."""
        await asyncio.sleep(0)
        await super().complete(id)

    async def fail(self, id: str, message: str) -> None:
        """Fail, later."""
        await asyncio.sleep(0)
        await super().fail(id, message)


def a_slow_store(sandbox: Sandbox) -> MemoryStore:
    """One that suspends."""
    return Slow(lease_timeout=1.0, clock=sandbox.clock)


def a_quick_store(sandbox: Sandbox) -> MemoryStore:
    """One that answers at once."""
    return MemoryStore(lease_timeout=1.0, clock=sandbox.clock)


@pytest.mark.parametrize("connect", [a_slow_store, a_quick_store])
def test_full_speed_makes_no_difference(connect: Callable[[Sandbox], MemoryStore]) -> None:
    """What is recorded at full speed is what is recorded step by step, to the instant."""
    harness = StoreHarness(connect, capabilities=TIMED.capabilities, virtual_time=True)
    menu = Menu(workers=3, steps=40, sleeps=True)

    async def one_by_one(program: Program) -> list[Operation]:
        with Sandboxes() as sandboxes:
            async with open_bench(harness, sandboxes, Settings()) as bench:
                player = Player(bench)
                workers: dict[int, Worker] = {}
                for number in dict.fromkeys(step.worker for step in program):
                    workers[number] = await (bench.worker() if number else bench.first_worker())
                for step in program:
                    await player.play(step, workers[step.worker])
                await finish(bench)
        return bench.history

    for number in range(30):
        program = generate(Random(number), menu)
        assert played(program, harness) == asyncio.run(one_by_one(program))


def test_only_what_can_wait_is_cancelled_in_a_task_of_its_own() -> None:
    """A cancelled step of a store that suspends is cancelled; the jobs it may have got are nobody's."""
    program = (
        Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE, 0, 0, 1), Step(1, Kind.LEASE),
        Step(1, Kind.COMPLETE, 0, 0, 1), Step(1, Kind.SLEEP, 0, 0, 1), Step(1, Kind.ENQUEUE, 0, 0, 1),
    )  # fmt: skip
    harness = StoreHarness(a_slow_store, capabilities=TIMED.capabilities, virtual_time=True)
    assert calls(played(program, harness))[1:5] == [
        ("lease", 1, None, 1, "unknown"),
        ("lease", 1, None, 1, "ok"),
        ("complete", 1, "job-01", None, "unknown"),
        ("enqueue", 0, "job-02", None, "ok"),
    ]


def test_all_workers_connect_before_the_first_step() -> None:
    """So no call of theirs is taken for the cause of what a connection's opening did."""
    backing = MemoryStore()
    harness = StoreHarness(lambda: backing, capabilities=Capabilities(sharing="connection"))
    program = (Step(0, Kind.ENQUEUE), Step(2, Kind.LEASE), Step(1, Kind.LEASE))

    async def main() -> list[tuple[str, int]]:
        with Sandboxes() as sandboxes:
            async with open_prompt_bench(harness, sandboxes, Settings()) as bench:
                await play_in_order(bench, program, drains=False)
                return [(each.method, each.worker) for each in bench.history[:5]]

    assert asyncio.run(main()) == [
        ("lease", 1), ("connect", 2), ("enqueue", 0), ("lease", 1), ("lease", 2),
    ]  # fmt: skip
