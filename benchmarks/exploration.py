"""How fast stores are explored: `python benchmarks/exploration.py`.

Steps per CPU second, in one run over one store (MemoryStore), of a bare loop, of the built-in
exploration with the judge on, of StoreMachine, and of a RuleBasedStateMachine written by hand that
does the same calls and checks nothing but that no job is delivered twice. Ratios matter, not rates.
"""

from __future__ import annotations

import asyncio
import time
from random import Random

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from async_contract import Job, MemoryStore
from async_contract.experiments.bench import Settings
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.machine import StoreMachine
from async_contract.harness.sandbox import Sandboxes
from contract_suites.memory import harness

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

    @rule(worker=st.integers(1, 3), which=st.integers(0, 15))
    def complete(self, worker: int, which: int) -> None:
        """Complete a held job."""
        if self.held:
            self.run(self.store.complete(self.held.pop(which * worker % len(self.held))))

    @rule(worker=st.integers(1, 3), which=st.integers(0, 15))
    def fail(self, worker: int, which: int) -> None:
        """Fail a held job."""
        if self.held:
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


def explore(programs: int) -> tuple[int, float]:
    """The steps of the built-in exploration, and its CPU seconds."""
    with Sandboxes() as sandboxes:
        explorer = Explorer(harness, sandboxes, Settings(), seed=1)
        began = time.process_time()
        done = asyncio.run(explorer.explore(Budget(programs=programs, seconds=60)))
        return done.steps, time.process_time() - began


def main() -> None:
    """Measure and print."""
    Counting.harness = harness
    rows = [("bare loop", 200_000, bare_loop(200_000))]
    rows.append(("exploration, judged", *explore(2_000)))
    rows.append(("StoreMachine, judged", *machine(Counting)))
    rows.append(("RuleBasedStateMachine by hand", *machine(HandWritten)))
    by_hand = rows[-1][1] / rows[-1][2]
    print(f"{'':32}{'steps':>9}{'CPU s':>8}{'steps/s':>10}{'by hand':>9}")
    for name, steps, seconds in rows:
        print(f"{name:32}{steps:>9}{seconds:>8.2f}{steps / seconds:>10.0f}{steps / seconds / by_hand:>8.1f}x")
    print("targets: exploration at least 20 times the machine by hand, StoreMachine at least 0.6 of it")


if __name__ == "__main__":
    main()
