"""What the judge says."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from async_contract.history.operation import Operation


class Verdict(enum.StrEnum):
    """What is known of one clause after a run."""

    HELD = "held"
    BROKEN = "broken"
    UNEXERCISED = "unexercised"
    NOT_PROMISED = "not promised"
    KNOWN = "known"
    ERROR = "error"


class Label(enum.StrEnum):
    """How far the order of the workers was controlled; the best first."""

    EXACT = "exact"
    """Step by step, on the simulated loop or line by line in threads, or there was but one at a time."""
    STATEMENT_EXACT = "statement-exact"
    """Call by call of the database's driver: what interleaves inside of one is not explored."""
    BEST_EFFORT = "best effort"
    """Nobody ordered them, or not to the end: workers raced, or were killed, in real time."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken clause, with what shows it.

    Attributes:
        clause: The clause's id.
        happened: What happened, in one sentence, naming the job.
        job_id: The job it happened to; `None` if it concerns a batch as a whole.
        witness: The smallest part of the history that no correct store can produce.
        schedule: Who has to be late for it to happen, in words; empty where the event loop's own
            order does it, or where nobody chose.
        shown: What shows it where that is no history: inputs and outputs, written out.
        label: How exactly it can be repeated, as a `Label`; empty where that is not known.
        instead: What it is if the call that it is laid to is not to blame, because the same happens
            without it; `None` where it is laid to none.
    """

    clause: str
    happened: str
    job_id: str | None
    witness: tuple[Operation, ...]
    schedule: tuple[str, ...] = ()
    shown: str = ""
    label: str = ""
    instead: Violation | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ClauseVerdict:
    """The verdict on one clause.

    Attributes:
        clause: The clause's id.
        verdict: The verdict.
        count: How often the clause was put to the test, in the unit that its catalogue entry names.
        violations: What broke it; empty unless the verdict is *broken* or *known*.
        reason: Why it is *unexercised*, *not promised*, *known*, or an *error*; beside *held*, what there
            was no time for.
        label: How far the order of the workers was controlled, as a `Label`; empty without a verdict,
            and where no store is judged.
    """

    clause: str
    verdict: Verdict
    count: int = 0
    violations: tuple[Violation, ...] = ()
    reason: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts on one history, or on several together.

    Attributes:
        verdicts: A verdict for every clause that a store owes, by the clause's id, in the
            catalogue's order.
    """

    verdicts: Mapping[str, ClauseVerdict]

    @property
    def broken(self) -> tuple[str, ...]:
        """The ids of the broken clauses, in the catalogue's order."""
        return tuple(clause for clause, found in self.verdicts.items() if found.verdict is Verdict.BROKEN)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every violation, in the catalogue's order of clauses."""
        return tuple(each for found in self.verdicts.values() for each in found.violations)
