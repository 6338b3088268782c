"""What got better and worse from one report to another."""

from __future__ import annotations

from dataclasses import dataclass

from async_contract.report.model import Report

_WORST_FIRST = (
    "broken", "known", "error", "not run", "skipped", "unexercised", "not promised", "held",
)  # fmt: skip
_GONE = "not run"


@dataclass(frozen=True, slots=True)
class Change:
    """A clause on which the verdict has changed.

    Attributes:
        target: Of which target.
        clause: The clause's id.
        old: The verdict before.
        new: The verdict now.
        message: Why it is what it is now.
    """

    target: str
    clause: str
    old: str
    new: str
    message: str

    @property
    def worse(self) -> bool:
        """Whether less is known to hold than before."""
        return _WORST_FIRST.index(self.new) < _WORST_FIRST.index(self.old)


def changes(old: Report, new: Report) -> list[Change]:
    """Every change, target by target; what only one report has counts as not run in the other."""
    before, now = _verdicts(old), _verdicts(new)
    nothing = (_GONE, "")
    return [
        Change(*place, before.get(place, nothing)[0], *now.get(place, nothing))
        for place in dict.fromkeys((*now, *before))
        if before.get(place, nothing)[0] != now.get(place, nothing)[0]
    ]


def _verdicts(report: Report) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (target.target, clause.id): (clause.verdict, clause.message.partition("\n")[0])
        for target in report.targets
        for clause in target.clauses
    }
