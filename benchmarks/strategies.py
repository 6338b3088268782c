"""Which strategy finds which race, and how soon: `python benchmarks/strategies.py`.

For each mutant that takes a schedule: after how many schedules its clause is seen broken, if one strategy
alone chooses, and if all take turns as in a run. The programs are those of a run, the median is that of
five seeds, and nothing is made smaller. "-" is not found in 3,000 schedules in any of the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from statistics import median

from async_contract.experiments.bench import Settings
from async_contract.experiments.choosers import Chooser, OwnOrder, Pct, RandomWalk, Surw, rotation
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.scheduled import Scheduler, numbered
from async_contract.harness.sandbox import Sandboxes
from async_contract.mutants.mutant import Mutant, mutant
from async_contract.mutants.racing import STORES

Strategy = Callable[[int, Sequence[int]], Iterator[Chooser]]

MOST = 3_000
EACH = 30
SEEDS = range(5)
STRATEGIES: dict[str, Strategy] = {
    "own order": lambda seed, steps: iter([OwnOrder()]),
    "random walk": lambda seed, steps: (RandomWalk((seed << 32) + each) for each in count()),
    "SURW": lambda seed, steps: (Surw((seed << 32) + each, steps) for each in count()),
    "PCT": lambda seed, steps: (Pct((seed << 32) + each, sum(steps)) for each in count()),
    "in turn": rotation,
}


def tried(subject: Mutant, strategy: Strategy, seed: int, sandboxes: Sandboxes) -> int | None:
    """After how many schedules the mutant's clause is seen broken; `None` if it is not."""
    stage = LoopStage(subject.harness, sandboxes, Settings())
    scheduler = Scheduler(stage, seed)
    schedules = 0
    for number in count():
        program = numbered(seed, number, stage.menu)
        run, history = stage.run(program, OwnOrder())
        choosers = strategy(seed, run.steps)
        for _ in range(EACH):
            schedules += 1
            if subject.clause in scheduler.broken(history):
                return schedules
            chooser = next(choosers, None)
            if chooser is None or schedules >= MOST:
                break
            history = stage.run(program, chooser)[1]
        if schedules >= MOST:
            return None
    raise AssertionError("there is always another program")


def main() -> None:
    """Measure and print."""
    print(f"{'schedules until it is seen':32}" + "".join(f"{name:>16}" for name in STRATEGIES))
    with Sandboxes() as sandboxes:
        for subject in map(mutant, STORES):
            cells = []
            for strategy in STRATEGIES.values():
                found = [tried(subject, strategy, seed, sandboxes) for seed in SEEDS]
                seen = [each for each in found if each is not None]
                often = "" if len(seen) == len(found) else f" ({len(seen)} of {len(found)})"
                cells.append(f"{median(seen):.0f}{often}" if seen else "-")
            print(f"{subject.name:32}" + "".join(f"{each:>16}" for each in cells), flush=True)


if __name__ == "__main__":
    main()
