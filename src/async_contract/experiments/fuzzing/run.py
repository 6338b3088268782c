"""Everything that a run of the fuzzer takes, put together and cleared away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis.database import DirectoryBasedExampleDatabase

from async_contract.experiments.fuzzing.clause import ClauseFuzzer, Finding
from async_contract.experiments.fuzzing.ending import Ending
from async_contract.experiments.fuzzing.seeing import SeenCalls
from async_contract.experiments.fuzzing.session import Budget, Clock, Session
from async_contract.experiments.fuzzing.watching import Steps, watch
from async_contract.experiments.sanitizers.subject import Sanitizer


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be fuzzed.

    Attributes:
        sanitizer: The function.
        clauses: The ids of its clauses.
        target: The name by which a run of pytest knows it, with the prefix of its kind.
        examples: The directory where findings are kept.
        seed: Where inputs come from.
        seconds: So long one call may take.
        budget: How much is tried.
    """

    sanitizer: Sanitizer
    clauses: Sequence[str]
    target: str
    examples: Path
    seed: int
    seconds: float
    budget: Budget


@contextmanager
def opened(
    plan: Plan, ending: Ending, *, clock: Clock, found: Callable[[Finding], None],
    tried: Callable[[Session], None],
) -> Iterator[Session]:  # fmt: skip
    """A session that is ready to run.

    Args:
        plan: What is to be fuzzed.
        ending: Says whether somebody wants it to end.
        clock: The time.
        found: Is told each finding.
        tried: Is told of each input.
    """
    database = DirectoryBasedExampleDatabase(plan.examples)
    with closing(watch(Steps())) as eyes, SeenCalls(plan.sanitizer.function, eyes, plan.seconds) as calls:
        fuzzers = [
            ClauseFuzzer(
                plan.sanitizer, clause, calls, key=f"async-contract:{plan.target}:{clause}",
                database=database, seed=plan.seed,
            )
            for clause in plan.clauses
        ]  # fmt: skip
        yield Session(fuzzers, plan.budget, ending, clock=clock, found=found, tried=tried)
