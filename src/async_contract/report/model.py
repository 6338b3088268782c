"""All that a run has found out, as plain data: what every kind of report is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from async_contract.contract.clauses import CLAUSE, CONTRACT_VERSION
from async_contract.report.grade import NOT_RUN, Results
from async_contract.report.row import Row
from async_contract.report.story import Objects, Story

FORMAT = "async-contract-report"
VERSION = 1


@dataclass(frozen=True, slots=True)
class ClauseReport:
    """What is known of one clause.

    Attributes:
        id: The clause's id.
        level: `MUST`, `SHOULD` or `PROMISE`.
        verdict: The verdict's text, `skipped`, or `not run`.
        count: How often the clause was put to the test.
        message: What happened, or why the verdict is what it is.
        stale: Whether it held although the harness excuses it.
        schedule: Who has to be late for it to happen.
        diagram: The witness as a sequence diagram in text.
        witness: The operations that show a broken clause, as in a history's file.
        history: Everything that was called there.
        reproduce: The command that repeats it; empty where nothing is broken.
        script: The text of a script that shows it without pytest; empty if there is none.
        label: How far the order of the workers was controlled; empty where that is not known.
    """

    id: str
    level: str
    verdict: str
    count: int
    message: str
    stale: bool
    schedule: list[str]
    diagram: str
    witness: Objects
    history: Objects
    reproduce: str
    script: str
    label: str = ""

    def fails(self, *, strict: bool) -> bool:
        """Whether the clause is broken and that is not forgiven."""
        return self.verdict == "broken" and (strict or self.level != "SHOULD")


@dataclass(frozen=True, slots=True)
class TargetReport:
    """What is known of one target.

    Attributes:
        target: Its name.
        grade: Its grade, or why there is none.
        capabilities: What its harness declares; `None` where nothing is known of it.
        clauses: Every clause that it owes, in the catalogue's order.
        explored: What was spent on random programs, way by way.
        observed: What the store does where the contract leaves it free, name by name.
    """

    target: str
    grade: str
    capabilities: Mapping[str, Any] | None
    clauses: list[ClauseReport]
    explored: list[Mapping[str, Any]]
    observed: Mapping[str, str]

    @property
    def complete(self) -> bool:
        """Whether every clause was run."""
        return all(each.verdict not in (NOT_RUN, "skipped") for each in self.clauses)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run has found out, or several that were joined.

    Attributes:
        contract_version: The version of the contract.
        tool_version: The version of this package.
        strict: Whether a broken SHOULD counts as broken.
        stopped: Whether the run ended before its time.
        targets: What was held to the contract.
        seeds: Where random programs came from: one for each run.
        environment: How and where it was run: one for each run.
    """

    contract_version: int
    tool_version: str
    strict: bool
    stopped: bool
    targets: list[TargetReport]
    seeds: list[int]
    environment: list[Mapping[str, str]]


def report_of(results: Results, *, seeds: Sequence[int], environment: Iterable[Mapping[str, str]]) -> Report:
    """The report of what was gathered."""
    return Report(
        CONTRACT_VERSION,
        version("pytest-async-contract"),
        results.strict,
        results.stopped,
        [_target(results, target) for target in results.targets],
        list(seeds),
        list(environment),
    )


def _target(results: Results, target: str) -> TargetReport:
    rows = {row.clause: row for row in results.rows(target)}
    stories = results.stories(target)
    return TargetReport(
        target,
        results.grade(target),
        results.capabilities(target),
        [
            _clause(rows.get(clause.id, Row(clause.id, NOT_RUN)), stories.get(clause.id))
            for clause in results.owed(target)
        ],
        [each._asdict() for each in results.spent(target)],
        dict(results.observed(target)),
    )


def _clause(row: Row, story: Story | None) -> ClauseReport:
    told = story or Story(row.clause, row.clause, row.note, [], "", [], [])
    return ClauseReport(
        row.clause,
        CLAUSE[row.clause].level,
        row.verdict,
        row.count,
        _message(row, story),
        row.stale,
        told.schedule,
        told.diagram,
        told.witness,
        told.history,
        told.reproduce,
        told.script,
        told.label or row.label,
    )


def _message(row: Row, story: Story | None) -> str:
    if story is None:
        return row.note
    return f"{row.note}: {story.message}" if row.verdict == "known" and row.note else story.message
