"""How fast stores are explored: `python benchmarks/exploration.py`, with the repository on `PYTHONPATH`.

Steps per CPU second, over one store (MemoryStore), of a bare loop, of the built-in exploration with the
judge on, of StoreMachine, and of a RuleBasedStateMachine written by hand that does the same calls and
checks nothing but that no job is delivered twice. A step is a call that was made, recorded and judged; the
machine by hand has preconditions, so that each of its steps makes one. In the exploration that includes the
calls that empty the store after each program, and leaves out the steps in which time passes. Where its time
goes is seen from the rows in which nothing is judged, and in which nothing is even carried out (whose steps
are those of the programs).
Each is measured in several rounds, one after another in turn. A ratio is the median of those of each round:
what else the machine does, and how fast it runs just then, concerns all of a round. Rates are medians too.

Then how the cost of a step grows with the length of its history, which it must not: the same number of
steps in programs of different lengths.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from statistics import median
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from async_contract import Job, MemoryStore
from async_contract.experiments.bench import Settings
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.machine import StoreMachine
from async_contract.experiments.programs import Program, generate, in_turn, menu_for
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import Operation
from contract_suites.memory import harness

ROUNDS = 9
LENGTHS = (30, 100, 300, 1_000, 3_000)
EXAMPLES = 60
STEPS = 50
SETTINGS = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck), derandomize=True,
)  # fmt: skip
counted = 0


class HandWritten(RuleBasedStateMachine):
    """What one would write: four rules, and a check of one clause."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = MemoryStore()
        self.held: list[str] = []
        self.count = 0

    def run(self, call: object) -> list[Job]:
        """Carry out one call."""
        global counted  # noqa: PLW0603 - the one number this program counts
        counted += 1
        return self.loop.run_until_complete(call)  # type: ignore[arg-type]

    @rule(worker=st.integers(1, 3), payload=st.binary(max_size=200))
    def enqueue(self, worker: int, payload: bytes) -> None:
        """Enqueue a job."""
        self.count += 1
        self.run(self.store.enqueue(Job(f"job-{self.count}", "kind", str(worker), payload)))

    @rule(worker=st.integers(1, 3), limit=st.integers(0, 10))
    def lease(self, worker: int, limit: int) -> None:
        """Lease jobs; none that is held."""
        for job in self.run(self.store.lease(limit)):
            assert job.id not in self.held, worker
            self.held.append(job.id)

    @precondition(lambda self: self.held)
    @rule(worker=st.integers(1, 3), which=st.integers(0, 15))
    def complete(self, worker: int, which: int) -> None:
        """Complete a held job."""
        self.run(self.store.complete(self.held.pop(which * worker % len(self.held))))

    @precondition(lambda self: self.held)
    @rule(worker=st.integers(1, 3), which=st.integers(0, 15))
    def fail(self, worker: int, which: int) -> None:
        """Fail a held job."""
        self.run(self.store.fail(self.held.pop(which * worker % len(self.held)), "boom"))

    def teardown(self) -> None:
        """Close the loop."""
        self.loop.close()


class Counting(StoreMachine):
    """StoreMachine, with its calls counted."""

    def run(self, call: object) -> object:
        """Carry out one call."""
        global counted  # noqa: PLW0603 - the one number this program counts
        counted += 1
        return super().run(call)  # type: ignore[arg-type]


def bare_loop(steps: int) -> float:
    """CPU seconds of the same kinds of calls in a plain loop."""

    async def main() -> None:
        random, store, held = Random(1), MemoryStore(), []
        for number in range(steps):
            choice = random.random()
            if choice < 0.3:
                await store.enqueue(Job(f"job-{number}", "kind"))
            elif choice < 0.6:
                held += [job.id for job in await store.lease(3)]
            elif held:
                await (store.complete(held.pop()) if choice < 0.8 else store.fail(held.pop(), "boom"))

    began = time.process_time()
    asyncio.run(main())
    return time.process_time() - began


def machine(cls: type[RuleBasedStateMachine]) -> tuple[int, float]:
    """The steps of a state machine, and its CPU seconds."""
    global counted  # noqa: PLW0603 - the one number this program counts
    counted = 0
    began = time.process_time()
    run_state_machine_as_test(cls, settings=SETTINGS)
    return counted, time.process_time() - began


class Counted(Explorer):
    """The exploration, with the calls counted that were recorded."""

    calls = 0

    def _judged(self, history: tuple[Operation, ...], *rest: Any, **options: Any) -> Any:
        self.calls += len(history)  # MemoryStore is not reopened, so each is a call
        return super()._judged(history, *rest, **options)


class Unjudged(Counted):
    """Carries programs out, and looks at nothing."""

    def _judged(self, history: tuple[Operation, ...], *_: Any, **__: Any) -> Any:
        self.calls += len(history)
        return {}, {}


def generated(programs: int) -> tuple[int, float]:
    """The steps of so many programs, and the CPU seconds that it takes to make them."""
    menus = in_turn(menu_for(harness.capabilities, virtual=True))
    began = time.process_time()
    steps = sum(len(generate(Random(f"1:{each}"), menus[each % len(menus)])) for each in range(programs))
    return steps, time.process_time() - began


def explore(programs: int, cls: type[Counted] = Counted) -> tuple[int, float]:
    """The calls of the built-in exploration, and its CPU seconds."""
    with Sandboxes() as sandboxes:
        explorer = cls(harness, sandboxes, Settings(), seed=1)
        began = time.process_time()
        asyncio.run(explorer.explore(Budget(programs=programs, seconds=60)))
        return explorer.calls, time.process_time() - began


def of_length(length: int, steps: int) -> float:
    """CPU microseconds of a step, in programs of so many steps, carried out and judged."""
    menu = replace(menu_for(harness.capabilities, virtual=True), steps=length)
    random = Random(1)
    programs: list[Program] = []
    while sum(map(len, programs)) < steps:
        program = generate(random, menu)
        programs += [program[:length]] if len(program) >= length * 0.8 else []
    with Sandboxes() as sandboxes:
        explorer = Explorer(harness, sandboxes, Settings(), seed=1)

        async def carry_out() -> None:
            for program in programs:
                await explorer.broken(program)

        began = time.process_time()
        asyncio.run(carry_out())
        return (time.process_time() - began) / sum(map(len, programs)) * 1e6


def main() -> None:
    """Measure and print."""
    Counting.harness = harness
    ways: dict[str, Callable[[], tuple[int, float]]] = {
        "bare loop": lambda: (200_000, bare_loop(200_000)),
        "exploration, judged": lambda: explore(1_000),
        "the same, nothing judged": lambda: explore(1_000, Unjudged),
        "the same, only generated": lambda: generated(1_000),
        "StoreMachine, judged": lambda: machine(Counting),
        "RuleBasedStateMachine by hand": lambda: machine(HandWritten),
    }
    steps: dict[str, int] = {}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        for name, way in ways.items():
            steps[name], seconds = way()
            if number:  # the first is there to get warm
                rates[name].append(steps[name] / seconds)
    print(f"{'':32}{'steps':>9}{'steps/s':>10}{'by hand':>9}{'from':>8}{'to':>8}")
    for name, of_rounds in rates.items():
        ratios = [
            one / hand for one, hand in zip(of_rounds, rates["RuleBasedStateMachine by hand"], strict=True)
        ]
        told = f"{median(ratios):>8.1f}x{min(ratios):>7.1f}x{max(ratios):>7.1f}x"
        print(f"{name:32}{steps[name]:>9}{median(of_rounds):>10.0f}{told}")
    print("targets: exploration at least 20 times the machine by hand, StoreMachine at least 0.6 of it")
    print(f"\n{'steps of a program':32}" + "".join(f"{length:>9}" for length in LENGTHS))
    costs = [min(of_length(length, 10_000) for _ in range(2)) for length in LENGTHS]
    print(f"{'CPU us for each':32}" + "".join(f"{cost:>9.1f}" for cost in costs))


if __name__ == "__main__":
    main()
