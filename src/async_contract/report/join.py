"""Joins the reports of the shards of one run; only then is there a grade."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from async_contract.experiments.findings import Spent
from async_contract.report.checking import ReportError
from async_contract.report.grade import NOT_RUN, Results
from async_contract.report.model import ClauseReport, Report, TargetReport, report_of
from async_contract.report.row import Row
from async_contract.report.story import Story


def join(named: Sequence[tuple[str, Report]]) -> Report:
    """One report of several.

    Args:
        named: The reports, each with a name for errors. All are of one version, and equally strict.

    Raises:
        ReportError: They are not of one run.
    """
    first_name, first = named[0]
    results = Results(strict=first.strict)
    promised: dict[str, tuple[str, object]] = {}
    for name, report in named:
        _check(first_name, first, name, report)
        results.stopped |= report.stopped
        for target in report.targets:
            before, capabilities = promised.setdefault(target.target, (name, target.capabilities))
            if capabilities != target.capabilities:
                raise ReportError(
                    f"{before} and {name} differ in the capabilities of {target.target}; "
                    "join reports of one and the same store"
                )
            _take(results, target)
    reports = [report for _, report in named]
    seeds = list(dict.fromkeys(chain.from_iterable(each.seeds for each in reports)))
    environments = chain.from_iterable(each.environment for each in reports)
    distinct = {tuple(sorted(each.items())): each for each in environments}
    return report_of(results, seeds=seeds, environment=distinct.values())


def _check(first_name: str, first: Report, name: str, report: Report) -> None:
    for what, before, now in (
        ("the version of pytest-async-contract", first.tool_version, report.tool_version),
        ("whether a SHOULD counts", first.strict, report.strict),
    ):
        if before != now:
            raise ReportError(
                f"{first_name} and {name} differ in {what}: {before} and {now}; join reports of one run"
            )


def _take(results: Results, target: TargetReport) -> None:
    results.promise(target.target, target.capabilities)
    results.spend(target.target, (Spent(**each) for each in target.explored))
    results.observe(target.target, target.observed)
    for clause in target.clauses:
        if clause.verdict != NOT_RUN:
            note = "" if clause.witness else clause.message
            results.add(
                target.target, Row(clause.id, clause.verdict, clause.count, note, clause.stale, clause.label)
            )
        if clause.witness:
            results.tell(target.target, _story(clause))


def _story(clause: ClauseReport) -> Story:
    return Story(
        clause.id,
        clause.id,
        clause.message,
        clause.schedule,
        clause.diagram,
        clause.witness,
        clause.history,
        clause.reproduce,
        clause.script,
        clause.label,
    )
