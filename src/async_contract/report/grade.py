"""The results of a run: for every target its verdicts, and what they amount to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from async_contract.contract.clauses import CLAUSE, Clause
from async_contract.contract.kinds import kind_of, split
from async_contract.experiments.findings import Spent
from async_contract.report.row import SKIPPED, Row, read, read_effort, read_observed
from async_contract.report.story import Story, unpack

NOT_RUN = "not run"
"""What stands for the verdict of a clause of which nothing is known."""

_WORST_FIRST = ("broken", "error", "known", SKIPPED, "unexercised", "not promised", "held")
_MOST_NAMES = 3


class Results:
    """What is known of every target, gathered report by report.

    Args:
        targets: The targets named beforehand; others come with their first row.
        strict: Whether a SHOULD counts like a MUST.
    """

    def __init__(self, targets: Iterable[str] = (), *, strict: bool = False) -> None:
        self.strict = strict
        self.stopped = False
        self._rows: dict[str, dict[str, Row]] = {target: {} for target in targets}
        self._spent: dict[str, dict[str, Spent]] = {}
        self._observed: dict[str, dict[str, str]] = {}
        self._capabilities: dict[str, Mapping[str, Any] | None] = {}
        self._stories: dict[str, dict[str, Story]] = {}

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets, in the order in which they became known."""
        return tuple(self._rows)

    def take(self, properties: Sequence[tuple[str, object]], when: str | None, outcome: str) -> None:
        """Take in a report of an item: its properties, its phase, and what came of the phase."""
        target, rows = read(properties, when, outcome)
        for row in rows:
            self.add(target, row)
        self.spend(target, read_effort(properties))
        self.observe(target, read_observed(properties))

    def hear(self, text: str) -> None:
        """Take in what an item tells beside its row."""
        target, capabilities, stories = unpack(text)
        self.promise(target, capabilities)
        for each in stories:
            self.tell(target, each)

    def promise(self, target: str, capabilities: Mapping[str, Any] | None) -> None:
        """Take in what a target promises."""
        self._capabilities[target] = capabilities

    def tell(self, target: str, story: Story) -> None:
        """Take in a story; of several on one clause that of its own item stays, whichever comes first."""
        stories = self._stories.setdefault(target, {})
        before = stories.get(story.clause, story)
        stories[story.clause] = min(before, story, key=_nearest)

    def capabilities(self, target: str) -> Mapping[str, Any] | None:
        """What a target promises; `None` if nobody has said."""
        return self._capabilities.get(target)

    def stories(self, target: str) -> Mapping[str, Story]:
        """How clauses of a target were broken, by the clause's id."""
        return self._stories.get(target, {})

    def spend(self, target: str, spent: Iterable[Spent]) -> None:
        """Take in what was spent on a target; of several on one way the last stays."""
        # Every process of a distributed run explores for itself, in the same way.
        self._spent.setdefault(target, {}).update({each.way: each for each in spent})

    def spent(self, target: str) -> list[Spent]:
        """What was spent on exploring a target, way by way."""
        return list(self._spent.get(target, {}).values())

    def observe(self, target: str, observed: Mapping[str, str]) -> None:
        """Take in what a target was seen to do; of two on the same thing the last stays."""
        self._observed.setdefault(target, {}).update(observed)

    def observed(self, target: str) -> Mapping[str, str]:
        """What a target was seen to do where the contract leaves it free, by what was tried."""
        return self._observed.get(target, {})

    def add(self, target: str, row: Row) -> None:
        """Take in one row; of two on the same clause the worse one stays, with the larger count."""
        rows = self._rows.setdefault(target, {})
        before = rows.get(row.clause, row)
        worse = min(before, row, key=lambda each: _WORST_FIRST.index(each.verdict))
        count = max(before.count, row.count)
        # An excuse is not stale any more once somebody has seen the clause broken.
        stale = (before.stale or row.stale) and worse.verdict == "held"
        rows[row.clause] = replace(worse, count=count, stale=stale)

    def rows(self, target: str) -> list[Row]:
        """The rows of a target: what is wrong first, the rest in the catalogue's order."""
        found = self._rows[target]
        rows = [found[clause] for clause in CLAUSE if clause in found]
        return sorted(rows, key=lambda row: (not self.fails(row), min(_WORST_FIRST.index(row.verdict), 3)))

    def fails(self, row: Row) -> bool:
        """Whether a clause is broken that this run does not forgive."""
        return row.verdict == "broken" and (self.strict or CLAUSE[row.clause].level != "SHOULD")

    @property
    def broken(self) -> bool:
        """Whether any target breaks a clause without an excuse."""
        return any(self.fails(row) for rows in self._rows.values() for row in rows.values())

    def stale(self, target: str) -> list[Row]:
        """The rows of clauses that held although they are excused, if there is nobody left to break them.

        What is known of a clause may show in the item of another one alone, so all of them must have run.
        """
        rows = self._rows[target]
        judged = {each.clause for each in rows.values() if each.verdict not in (SKIPPED, "error")}
        if self.stopped or any(clause.id not in judged for clause in self.owed(target)):
            return []
        return [each for each in self.rows(target) if each.stale]

    def grade(self, target: str) -> str:
        """The grade of a target, or why there is none.

        It is computed over the whole contract: a clause that was left out, that was not put to the
        test or that could not be judged can't raise it.
        """
        rows = self._rows[target]
        known = sum(row.verdict == "known" for row in rows.values())
        if known or any(map(self.fails, rows.values())):
            return f"broken (known: {known})" if known else "broken"
        gaps = self._gaps(rows, self.owed(target))
        if gaps:
            return f"incomplete: {'; '.join(gaps)}"
        strictly = all(row.verdict in ("held", "not promised") for row in rows.values())
        return "keeps the contract strictly" if strictly else "keeps the contract"

    def owed(self, target: str) -> tuple[Clause, ...]:
        """All that a target owes; of one that has no row yet only the name is known."""
        row = next(iter(self._rows[target].values()), None)
        kind = split(target)[0] if row is None else kind_of(row.clause)
        return kind.clauses

    def _gaps(self, rows: Mapping[str, Row], owed: Sequence[Clause]) -> list[str]:
        missing = [clause.id for clause in owed if clause.id not in rows]
        kinds = {
            "not run, the run stopped early" if self.stopped else "not selected": missing,
            "skipped": [row.clause for row in rows.values() if row.verdict == SKIPPED],
            "in error": [row.clause for row in rows.values() if row.verdict == "error"],
            "unexercised": [
                row.clause
                for row in rows.values()
                if row.verdict == "unexercised" and CLAUSE[row.clause].level != "SHOULD"
            ],
            "held although excused": [row.clause for row in rows.values() if row.stale],
        }
        return [
            f"{len(ids)} of {len(owed)} clauses {kind} ({_names(ids)})" for kind, ids in kinds.items() if ids
        ]


def _nearest(story: Story) -> tuple[bool, int]:
    return story.exercised != story.clause, list(CLAUSE).index(story.exercised)


def _names(ids: Sequence[str]) -> str:
    rest = len(ids) - _MOST_NAMES
    return ", ".join(ids[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
