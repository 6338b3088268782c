"""How fast sanitizers are fuzzed, and how soon broken ones are found: `python benchmarks/sanitizers.py`.

First, inputs per second: for each clause the test that Hypothesis runs, and the same test driven by the
fuzzer, beside a bare `@given(text())` that does nothing but call the same function, all in turns within
one run, the median of three. The function is the project's own.

Then, for each sanitizer of the zoo, the median of three seeds: how many seconds it takes until its clause is
seen broken as in a run of pytest at normal effort, and how many inputs and seconds in the fuzzer. "-" is
not found in 5,000 inputs in most of the seeds, or a clause that compares many inputs.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from async_contract.experiments.fuzzing.clause import ClauseFuzzer
from async_contract.experiments.fuzzing.seeing import SeenCalls
from async_contract.experiments.fuzzing.watching import Steps, watch
from async_contract.experiments.limits import Limits
from async_contract.experiments.sanitizers.calls import Calls
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.verify import PROPERTIES, verify_sanitizer
from async_contract.reference.sanitize import safe_failure_message, safe_label

ROUNDS = 3
INPUTS = 500
MOST = 5_000
SEEDS = range(3)

_CALM = settings(
    max_examples=INPUTS, database=None, deadline=None, derandomize=False,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

Run = Callable[[], int]
"""Does some work and returns how many inputs it was."""


def bare(subject: Sanitizer) -> Run:
    """Any text, and nothing asked of what comes of it."""
    made: Callable[[str], Any] = str if subject.kind == "label" else RuntimeError

    def run() -> int:
        tried = 0

        @_CALM
        @given(st.text())
        def test(text: str) -> None:
            nonlocal tried
            tried += 1
            subject.function(made(text))

        test()
        return tried

    return run


def drawn(subject: Sanitizer, clause: str) -> Run:
    """The clause's own inputs, and its rule."""
    rule = PROPERTIES[clause]

    def run() -> int:
        tried = 0

        @_CALM
        @given(rule.drawn(subject))
        def test(value: Any) -> None:
            nonlocal tried
            tried += 1
            rule.check(subject, calls, value)

        with Calls(subject.function) as calls:
            test()
        return tried

    return run


def fuzzed(subject: Sanitizer, clause: str) -> Run:
    """The same as the fuzzer does it: read from bytes, watched, bred."""

    def run() -> int:
        return found(subject, clause, seed=0, most=INPUTS)[1]

    return run


def found(subject: Sanitizer, clause: str, *, seed: int, most: int) -> tuple[bool, int]:
    """Whether the fuzzer finds something, and after how many inputs."""
    with closing(watch(Steps())) as eyes, SeenCalls(subject.function, eyes, 2.0) as calls:
        fuzzer = ClauseFuzzer(subject, clause, calls, key="", database=InMemoryExampleDatabase(), seed=seed)
        while fuzzer.finding is None and fuzzer.tried < most:
            fuzzer.feed(fuzzer.mutator.next())
        return fuzzer.finding is not None, fuzzer.tried


def rates(runs: Sequence[Run]) -> list[float]:
    """Inputs per second of each, the median of rounds in which all take turns."""
    measured: list[list[float]] = [[] for _ in runs]
    for _ in range(ROUNDS):
        for run, rounds in zip(runs, measured, strict=True):
            began = time.perf_counter()
            rounds.append(run() / (time.perf_counter() - began))
    return [statistics.median(each) for each in measured]


def speed() -> None:
    """Print inputs per second."""
    print(f"{'inputs per second':24}{'bare text()':>14}{'Hypothesis':>14}{'fuzzer':>14}")
    for clause in PROPERTIES:
        kind = clause.partition("/")[0]
        function: Callable[[Any], object] = safe_label if kind == "label" else safe_failure_message
        subject = Sanitizer(function, kind)
        if clause != "message/redacts":  # the project's own does not promise it
            columns = rates([bare(subject), drawn(subject, clause), fuzzed(subject, clause)])
            print(f"{clause:24}" + "".join(f"{each:14,.0f}" for each in columns), flush=True)


def zoo() -> Sequence[Any]:
    """The sanitizers that are broken on purpose, if this version has some."""
    name = "async_contract.mutants.sanitizer_zoo"
    if importlib.util.find_spec(name) is None:
        return ()
    module = importlib.import_module(name)
    return (*module.LABELS, *module.MESSAGES)


def seconds_of(subject: Sanitizer, clause: str, seed: int) -> float | None:
    """How long it takes as in a run of pytest; `None` if nothing is found."""
    began = time.perf_counter()
    verdict = verify_sanitizer(subject, clause, limits=Limits(item=20.0, seed=seed)).verdict
    return time.perf_counter() - began if verdict.verdict in ("broken", "error") else None


def fuzzed_for(subject: Sanitizer, clause: str, seed: int) -> tuple[int, float] | None:
    """After how many inputs and seconds the fuzzer finds it; `None` if it does not."""
    if clause not in PROPERTIES:
        return None
    began = time.perf_counter()
    is_found, tried = found(subject, clause, seed=seed, most=MOST)
    return (tried, time.perf_counter() - began) if is_found else None


def median(found: Sequence[Any]) -> Any:
    """The one in the middle, where what was not found comes last."""
    return sorted(found, key=lambda each: (each is None, each))[len(found) // 2]


def finding() -> None:
    """Print how soon each is found."""
    print(f"{'until it is found':32}{'clause':22}{'pytest':>10}{'fuzzer':>14}{'':>10}")
    for mutant in zoo():
        subject = Sanitizer(mutant.function, mutant.kind, mutant.dotted, redacts=mutant.redacts)
        taken = median([seconds_of(subject, mutant.clause, seed) for seed in SEEDS])
        bred = median([fuzzed_for(subject, mutant.clause, seed) for seed in SEEDS])
        slow = "-" if taken is None else f"{taken:.3f} s"
        fast = f"{'-':>14}" if bred is None else f"{bred[0]:7,} inputs{bred[1]:8.3f} s"
        print(f"{mutant.name:32}{mutant.clause:22}{slow:>10}{fast}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=("speed", "finding"))
    only = parser.parse_args().only
    if only != "finding":
        speed()
    if only != "speed":
        finding()


if __name__ == "__main__":
    main()
