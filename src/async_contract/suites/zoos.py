"""What the self-test goes through: the broken subjects of every kind, and correct ones beside them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from async_contract.contract.kinds import LABEL, MESSAGE, RUNNER, Kind
from async_contract.experiments.limits import Limits
from async_contract.experiments.runners.verify import Explored, explore
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.targets import name_of
from async_contract.experiments.sanitizers.verify import verify_sanitizer
from async_contract.experiments.verify import Verification
from async_contract.harness.harness import StoreHarness
from async_contract.harness.runner import RunnerHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.mutants import runner_zoo, safe_text, sanitizer_zoo, zoo
from async_contract.mutants.death import Death
from async_contract.mutants.mutant import Mutant
from async_contract.mutants.runner import PlainRunner
from async_contract.mutants.sanitizer import BrokenSanitizer
from async_contract.reference.runner import Runner
from async_contract.reference.sanitize import safe_failure_message, safe_label
from async_contract.suites import selftest


class Broken(Protocol):
    """What is broken on purpose, whatever it is."""

    @property
    def name(self) -> str:
        """Its name in the table."""

    @property
    def clause(self) -> str:
        """The id of the clause that must catch it."""


B = TypeVar("B", bound=Broken)
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Zoo:
    """The broken subjects of a kind, and the correct ones.

    Attributes:
        noun: What they are, in the plural.
        deaths: How each of the broken ones is caught, one after the other.
        blamed: The names of the correct ones, each with what is held against it.
    """

    noun: str
    deaths: Callable[[], Iterator[Death]]
    blamed: Callable[[], Iterator[tuple[str, Sequence[str]]]]


def zoos(sandboxes: Sandboxes, limits: Limits) -> tuple[Zoo, ...]:
    """The zoo of every kind.

    Args:
        sandboxes: Where the stores' private places are made.
        limits: How much is tried.
    """
    return (
        _of_stores("stores", zoo.MUTANTS, selftest.CORRECT, sandboxes, limits),
        _of_stores("shared stores", zoo.CONTENDED, selftest.CORRECT_SHARED, sandboxes, limits),
        judged(
            "labels", limits, by="input", kind=LABEL, mutants=sanitizer_zoo.LABELS, subject=_sanitizer,
            correct=CORRECT_LABELS, verify=_verify,
        ),
        judged(
            "messages", limits, by="input", kind=MESSAGE, mutants=sanitizer_zoo.MESSAGES, subject=_sanitizer,
            correct=CORRECT_MESSAGES, verify=_verify,
        ),
        judged(
            "runners", limits, by="scene", kind=RUNNER, mutants=runner_zoo.RUNNERS,
            subject=lambda mutant: mutant.harness, correct=CORRECT_RUNNERS, verify=_verify_runner,
        ),
    )  # fmt: skip


def _of_stores(
    noun: str,
    mutants: Iterable[Mutant],
    correct: Mapping[str, StoreHarness],
    sandboxes: Sandboxes,
    limits: Limits,
) -> Zoo:
    return Zoo(
        noun,
        lambda: (selftest.death(each, sandboxes, limits) for each in mutants),
        lambda: (
            (name, list(selftest.blamed(harness, sandboxes, limits))) for name, harness in correct.items()
        ),
    )


def _correct(kind: str, *functions: Callable[..., object], redacts: bool = False) -> dict[str, Sanitizer]:
    return {
        each.__name__: Sanitizer(each, kind, name_of(each), redacts=redacts)
        for each in functions
    }  # fmt: skip


CORRECT_LABELS = _correct("label", safe_label, safe_text.plain_label)
"""Labels that keep the contract: the reference, and the one of which every mutant is a changed copy."""

CORRECT_MESSAGES = {
    **_correct("message", safe_failure_message, safe_text.plain_message),
    **_correct("message", safe_text.discreet_message, redacts=True),
}
"""Messages that keep the contract."""


def _sanitizer(mutant: BrokenSanitizer) -> Sanitizer:
    return Sanitizer(mutant.function, mutant.kind, mutant.dotted, redacts=mutant.redacts)


def _verify(subject: Sanitizer, clause: str, limits: Limits) -> Verification:
    return verify_sanitizer(subject, clause, limits=limits)


CORRECT_RUNNERS = {each.__name__: RunnerHarness(each) for each in (Runner, PlainRunner)}
"""Runners that keep the contract: the reference, and the one of which every mutant is a changed copy."""


def _verify_runner(harness: RunnerHarness, clause: str, limits: Limits) -> Verification:
    # A correct one is explored once for all clauses, which come one after the other.
    until = "" if harness in CORRECT_RUNNERS.values() else clause
    return _explored(harness, limits, until).verification(clause)


@lru_cache(maxsize=1)
def _explored(harness: RunnerHarness, limits: Limits, until: str) -> Explored:
    return explore(harness, limits, until=until)


def judged(
    noun: str,
    limits: Limits,
    *,
    by: str,
    kind: Kind,
    mutants: Iterable[B],
    subject: Callable[[B], S],
    correct: Mapping[str, S],
    verify: Callable[[S, str, Limits], Verification],
) -> Zoo:
    """The zoo of a kind of which one call puts a subject to the test on a clause.

    Args:
        noun: What the subjects are, in the plural.
        limits: How much is tried.
        by: What catches them, such as `"input"`.
        kind: The kind.
        mutants: The broken ones.
        subject: What is put to the test of one of them.
        correct: The correct ones by name.
        verify: Puts a subject to the test on a clause.
    """

    def death(mutant: B) -> Death:
        began = time.monotonic()
        verdict = verify(subject(mutant), mutant.clause, limits).verdict
        took = time.monotonic() - began
        if verdict.verdict is not Verdict.BROKEN:
            return Death(mutant.name, mutant.clause, seconds=took)
        return Death(mutant.name, mutant.clause, by, counted=verdict.count, seconds=took)

    def blamed(each: S) -> Iterator[str]:
        for clause in kind.clauses:
            verdict = verify(each, clause.id, limits).verdict
            yield from (f"{clause.id} is broken: {broken.happened}" for broken in verdict.violations)
            if verdict.verdict is Verdict.ERROR:
                yield f"{clause.id} is in error: {verdict.reason}"

    return Zoo(
        noun,
        lambda: map(death, mutants),
        lambda: ((name, list(blamed(each))) for name, each in correct.items()),
    )
