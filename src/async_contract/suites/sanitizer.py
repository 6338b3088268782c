"""How functions that make text safe are found and put to the test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from async_contract.contract.kinds import MESSAGE, Kind
from async_contract.experiments.findings import Spent
from async_contract.experiments.sanitizers import targets
from async_contract.experiments.sanitizers.bounds import Bound, read
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.verify import Verification
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.judge.verdict import ClauseVerdict, Verdict
from async_contract.suites.state import State


class SanitizerVerifier:
    """Functions that make text safe: the subject is a `Sanitizer`."""

    attribute = "function"
    excuse = (
        "A clause that the function is known to break is excused in the class, with a reason:\n\n"
        '    known_failures = {"%s": "the reason"}'
    )

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.example = f"staticmethod(safe_{'failure_message' if kind is MESSAGE else 'label'})"
        self.accepted = f"a function of {targets.TAKES[kind.name]} that returns a str, sync or async"
        self.excuse = self.excuse % kind.clauses[-1 if kind is not MESSAGE else -2].id

    def load(self, config: pytest.Config, name: str) -> Sanitizer:
        """The function of a target, with the bound that the options say."""
        function = targets.load(name, self._kind.name, config.getoption("async_contract_timeout"))
        bound, redacts = bound_of(config, self._kind), promises_redacts(config)
        return Sanitizer(function, self._kind.name, name, bound, redacts=redacts)

    def of_class(self, config: pytest.Config, suite: type, name: str) -> Sanitizer:
        """The function of a user's own class, with what else the class says of it."""
        seconds: float = config.getoption("async_contract_timeout")
        function = targets.usable(getattr(suite, self.attribute), name, self._kind.name, seconds)
        given: Any = getattr(suite, "bound", None)
        redacts: Any = getattr(suite, "redacts", None)
        known: Mapping[str, str] = getattr(suite, "known_failures", {})
        self._check(known, name.rpartition(".")[0])
        bound = bound_of(config, self._kind) if given is None else self._read(given, name.rpartition(".")[0])
        dotted = targets.name_of(function)
        promised = promises_redacts(config) if redacts is None else bool(redacts)
        return Sanitizer(function, self._kind.name, dotted, bound, redacts=promised, known_failures=known)

    def _read(self, bound: Any, name: str) -> Bound:
        try:
            return read(bound, self._kind.name)
        except ValueError as error:
            raise HarnessError(f"{name}.bound: {error}") from None

    def _check(self, known: object, name: str) -> None:
        owed = [clause.id for clause in self._kind.clauses]
        if not isinstance(known, Mapping):
            raise HarnessError(
                f"{name}.known_failures is a {type(known).__name__}; write a dict of clauses and reasons, "
                f'such as {{"{owed[0]}": "the reason"}}'
            )
        for clause, reason in known.items():
            if clause not in owed:
                raise HarnessError(
                    f"{name}.known_failures names {clause!r}, which is no clause of {self._kind.noun}; "
                    f"write one of {', '.join(owed)}"
                )
            if not str(reason).strip():
                raise HarnessError(
                    f"{name}.known_failures excuses {clause} without a reason; write why it may be broken"
                )

    def verify(self, subject: Sanitizer, target: str, clause: str, state: State) -> Verification:
        """Try to break the clause, with what broke it before first."""
        # With it comes Hypothesis, which a run without such functions does not need.
        from async_contract.experiments.sanitizers.verify import verify_sanitizer  # noqa: PLC0415

        patience = state.patience(subject, "the function")
        if patience.is_over:
            return Verification(ClauseVerdict(clause, Verdict.ERROR, reason=patience.excuse))
        found = verify_sanitizer(
            subject,
            clause,
            limits=patience.limits(state.limits),
            database=state.examples,
            key=f"async-contract:{target}:{clause}",
        )
        patience.note(clause, found)
        return found

    def token(self, clause: str, found: Verification) -> str:
        """None: the item itself tries what broke the clause first."""
        return ""

    def spent(self, subject: Sanitizer, state: State) -> tuple[Spent, ...]:
        """Nothing beside what the counts say."""
        return ()

    def observed(self, subject: Sanitizer, found: Verification, state: State) -> Mapping[str, str]:
        """Nothing: what comes out is seen by whoever calls the function."""
        return {}


def bound_of(config: pytest.Config, kind: Kind) -> Bound:
    """The bound of the functions of a kind, as an option or a setting says.

    Raises:
        TargetError: The setting says none.
    """
    name = f"async_contract_{kind.name}_bound"
    given: Bound | None = config.getoption(name)
    try:
        return given or read(config.getini(name), kind.name)
    except ValueError as error:
        raise TargetError(f"the setting {name}: {error}") from None


def promises_redacts(config: pytest.Config) -> bool:
    """Whether an option or a setting says that failure messages have no secrets in them."""
    name = "async_contract_redacts"
    return bool(config.getoption(name) or config.getini(name))
