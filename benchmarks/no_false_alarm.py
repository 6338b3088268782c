"""No correct store is blamed: `python -m benchmarks.no_false_alarm [--seeds 200] [--effort normal] [TARGET]`.

Random programs of every way that suits a store, with so many seeds, and the examples of all clauses once, on
correct stores: by default the reference, the SQLite store of the suites, and the odd but legal stores of the
tests that are named below. All stores are tried with one seed before any is with the next, so wherever it is
stopped each has had the same; `--seconds` stops it. A SHOULD blames nobody. Prints what was tried of each and
what was held against it; the exit status is 1 if anything was, or if a store broke an exploration off.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.limits import Limits
from async_contract.experiments.ways import Explorations
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.harness.target import load
from async_contract.suites.selftest import CORRECT, blamed

TARGETS = ("contract_suites.sqlite:harness",)
LEGAL = {
    "order": ("OneAtATime", "TwoAtATime", "LastInFirstOut", "AnyOrder", "EveryOtherLeaseIsEmpty", "SeenLate",
              "SeenAnyTime", "RetriesLate", "RetriesLaterAndLater", "WaitsForJobs"),
    "time": ("Reaped", "SkewedClocks", "RetriesAfterLeases", "LateReaper", "ExpiresWhenAsked", "TimePasses"),
    "ends": ("DeadLetters", "OneAttemptAtAll", "ForgetsTheFinished"),
    "errors": ("ErrorAfter", "TimesOut", "Busy", "OwnRefusals"),
    "values": ("Generators", "CountsOnlyFails", "Uuids"),
    "calls": ("SlowAndBack", "SlowAndLate", "GivesBackLater", "Shielded"),
}  # fmt: skip
"""The odd but legal stores that are tried, by the module of the tests they stand in."""


@dataclass(slots=True)
class Tried:
    """What was tried of one store.

    Attributes:
        harness: How it is reached.
        blames: What was held against it, each once.
        seeds: With how many seeds.
        programs: How many programs were carried out.
        schedules: How many schedules were tried.
    """

    harness: StoreHarness
    blames: dict[str, None] = field(default_factory=dict)
    seeds: int = 0
    programs: int = 0
    schedules: int = 0

    def explore(self, sandboxes: Sandboxes, limits: Limits) -> None:
        """Try one seed."""
        explored = Explorations().of(self.harness, sandboxes, limits)
        self.seeds += 1
        for name, each in explored.ways.items():
            self.programs += each.programs
            self.schedules += each.schedules
            for clause, finding in each.findings.items():
                if CLAUSE[clause].level != "SHOULD":
                    self.blames[f"seed {limits.seed}, {name}: {clause}: {finding.violation.happened}"] = None
            if each.stopped:
                self.blames[f"seed {limits.seed}, {name}: stopped: {each.stopped}"] = None


def subjects(targets: Sequence[str]) -> dict[str, Tried]:
    """The stores to try, by name."""
    if targets:
        return {name: Tried(load(name)) for name in targets}
    found = {name: Tried(harness) for name, harness in CORRECT.items()}
    found |= {name: Tried(load(name)) for name in TARGETS}
    for module, names in LEGAL.items():
        stores = import_module(f"tests.legal.stores_{module}")
        found |= {name: Tried(getattr(stores, name).harness()) for name in names}
    return found


def main() -> int:
    """Try and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("targets", nargs="*", metavar="TARGET")
    options.add_argument("--seeds", type=int, default=200)
    options.add_argument("--effort", choices=("quick", "normal", "thorough"), default="normal")
    options.add_argument("--seconds", type=float, default=float("inf"), help="when no further seed is begun")
    options.add_argument("--no-examples", action="store_true")
    given = options.parse_args()
    tried = subjects(given.targets)
    began = time.monotonic()
    with suppress(KeyboardInterrupt), Sandboxes() as sandboxes:  # what was tried by then is told
        for each in tried.values() if not given.no_examples else ():
            limits = Limits(effort="quick")
            found = [text for text in blamed(each.harness, sandboxes, limits) if not _is_advice(text)]
            each.blames |= dict.fromkeys(f"examples: {text}" for text in found)
        for seed in range(given.seeds):
            if time.monotonic() - began >= given.seconds:
                break
            for each in tried.values():
                each.explore(sandboxes, Limits(seed=seed, effort=given.effort))
    print(f"{'store':32}{'seeds':>7}{'programs':>10}{'schedules':>11}{'blamed':>8}")
    for name, each in tried.items():
        print(f"{name:32}{each.seeds:>7}{each.programs:>10}{each.schedules:>11}{len(each.blames):>8}")
        for text in each.blames:
            print(f"    {text}")
    return int(any(each.blames for each in tried.values()))


def _is_advice(text: str) -> bool:
    clause = text.partition(" ")[0]
    return CLAUSE[clause].level == "SHOULD"


if __name__ == "__main__":
    sys.exit(main())
