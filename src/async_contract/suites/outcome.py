"""What an item of the contract found out, and how it fails and warns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from async_contract.experiments.findings import Spent
from async_contract.history.operation import Operation
from async_contract.judge.verdict import ClauseVerdict, Violation


@dataclass(frozen=True, slots=True)
class Settled:
    """What an item found out.

    Attributes:
        verdict: The verdict on its clause; *known* where an excuse applies.
        others: The ids of other clauses that its history was seen to break, without an excuse.
        excused: The ids of those that it was seen to break with one, and the excuse of each.
        stale: Whether the clause held although the harness excuses it, and nobody has seen it broken yet.
        token: What repeats the violation; empty if there is none.
        spent: What was spent on exploring the target; once in a process, at the item that began it.
        observed: What the target does where the contract leaves it free; at one item of a run.
        violations: Everything that its history was seen to break, whether it is excused or not.
        history: That history.
    """

    verdict: ClauseVerdict
    others: tuple[str, ...] = ()
    excused: Mapping[str, str] = field(default_factory=dict)
    stale: bool = False
    token: str = ""
    spent: tuple[Spent, ...] = ()
    observed: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    history: tuple[Operation, ...] = ()


class ContractViolation(AssertionError):
    """A store, or whatever else is held to the contract, breaks a clause.

    Attributes:
        clause: The id of the clause.
        message: What happened, in one sentence.
        history: Everything that was called, and what came of it.
        violations: Everything that is wrong; the first is the one described above.
        exercised: The id of the clause that was being exercised; another one may have been broken.
    """

    def __init__(
        self, violations: Sequence[Violation], *, exercised: str, history: Sequence[Operation]
    ) -> None:
        super().__init__("\n".join(f"{each.clause} is broken: {each.happened}" for each in violations))
        self.violations = tuple(violations)
        self.clause = self.violations[0].clause
        self.message = self.violations[0].happened
        self.history = tuple(history)
        self.exercised = exercised


class ContractError(Exception):
    """There is no verdict on a clause, or an excuse for it is stale; the text says what to do."""


class ContractWarning(UserWarning):
    """A store, or whatever else is held to the contract, breaks a clause that it should keep."""
