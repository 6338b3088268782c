"""The verifier of every kind of subject."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from async_contract.contract.kinds import LABEL, MESSAGE, RUNNER, STORE, Kind
from async_contract.experiments.cases import case_of
from async_contract.experiments.findings import Spent
from async_contract.experiments.observing import observe
from async_contract.experiments.verify import Verification
from async_contract.harness import target as targets
from async_contract.harness.harness import StoreHarness
from async_contract.judge.verdict import Verdict
from async_contract.suites import run
from async_contract.suites.runner import RunnerVerifier
from async_contract.suites.sanitizer import SanitizerVerifier
from async_contract.suites.state import State
from async_contract.suites.verifier import Verifier

OBSERVED_WITH = "lease/accepted"
"""The clause in whose item a store is observed: every store owes it, and each run does it once."""


class StoreVerifier:
    """Stores: the subject is a harness."""

    attribute = "harness"
    example = "MyStore"
    accepted = "a StoreHarness, a store class, or a function that makes a store"
    excuse = (
        "A clause that the store is known to break is excused in the harness, with a reason:\n\n"
        '    harness = StoreHarness(MyStore, known_failures={"lease/order": "the reason"})'
    )

    def load(self, config: pytest.Config, name: str) -> StoreHarness:
        """The harness of a target."""
        return targets.load(name)

    def of_class(self, config: pytest.Config, suite: type, name: str) -> StoreHarness:
        """The harness of a user's own class."""
        harness: object = getattr(suite, self.attribute)
        return targets.harness_for(harness, name=name)

    def verify(self, subject: StoreHarness, target: str, clause: str, state: State) -> Verification:
        """Exercise the clause, what broke it before first."""
        return run.verify_store(subject, target, clause, state)

    def token(self, clause: str, found: Verification) -> str:
        """The program that broke the clause, or its example."""
        return case_of(clause, found.finding).token

    def spent(self, subject: StoreHarness, state: State) -> tuple[Spent, ...]:
        """What was spent on exploring the store."""
        return state.news_of_effort(subject)

    def observed(self, subject: StoreHarness, found: Verification, state: State) -> Mapping[str, str]:
        """What the store does where the contract leaves it free, beside its first clause if all is well."""
        own = found.verdict
        if (own.clause, own.verdict) != (OBSERVED_WITH, Verdict.HELD) or found.others or state.only:
            return {}
        return observe(subject, state.sandboxes, state.limits)


VERIFIERS: Mapping[Kind, Verifier] = MappingProxyType(
    {
        STORE: StoreVerifier(),
        LABEL: SanitizerVerifier(LABEL),
        MESSAGE: SanitizerVerifier(MESSAGE),
        RUNNER: RunnerVerifier(),
    }
)
"""The verifier of every kind in `KINDS`."""
