"""What the gate costs: `python benchmarks/gate.py`.

Programs of two workers on a SQLite file, in runs a second: one statement after another behind the gate, in an
order that a random walk chooses, beside the same programs without it. Each run opens a new file. The median
of five rounds, which take turns.
"""

from __future__ import annotations

import statistics
import time
from contextlib import nullcontext

from async_contract.experiments.bench import Settings
from async_contract.experiments.choosers import RandomWalk
from async_contract.experiments.gate_stage import GateStage
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.openings import openings
from async_contract.harness.sandbox import Sandboxes
from async_contract.mutants.statements import StatementStore

ROUNDS = 5
RUNS = 60


class Ungated(GateStage):
    """The same programs on the same loop, in the order in which the replies come."""

    _together = LoopStage._together  # noqa: SLF001 - what the gate adds is left out
    _work = LoopStage._work  # noqa: SLF001


def main() -> None:
    """Print a line for each of both, and the ratio."""
    rates: dict[str, list[float]] = {"gate": [], "none": []}
    with Sandboxes() as sandboxes:
        arguments = StatementStore.reached(), sandboxes, Settings()
        gate, ungated = GateStage(*arguments), Ungated(*arguments)
        programs = openings(gate.menu)[:10]
        for _ in range(ROUNDS):
            for name, stage, opened in (("none", ungated, nullcontext()), ("gate", gate, gate.open())):
                with opened:
                    began = time.perf_counter()
                    for number in range(RUNS):
                        stage.run(programs[number % len(programs)], RandomWalk(number))
                    rates[name].append(RUNS / (time.perf_counter() - began))
    median = {name: statistics.median(each) for name, each in rates.items()}
    print(f"without the gate   {median['none']:6.0f} runs a second")
    print(f"behind the gate    {median['gate']:6.0f} runs a second")
    print(f"the gate takes     {median['none'] / median['gate']:6.2f} times as long")


if __name__ == "__main__":
    main()
