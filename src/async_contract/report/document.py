"""Reports as JSON: written in one versioned form, whose schema is published, and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

from async_contract.contract.clauses import CLAUSE, CONTRACT_VERSION
from async_contract.history.parsing import HistoryError, operation_from
from async_contract.report.checking import ReportError, check
from async_contract.report.model import FORMAT, VERSION, ClauseReport, Report, TargetReport

__all__ = ["ReportError", "dumps", "loads", "schema"]


@cache
def schema() -> Mapping[str, Any]:
    """The JSON Schema of a report."""
    text = files("async_contract.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def dumps(report: Report) -> str:
    """The text of a report."""
    return json.dumps({"format": FORMAT, "version": VERSION, **asdict(report)}, indent=1) + "\n"


def loads(text: str) -> Report:
    """A report out of its text.

    Raises:
        ReportError: The text is no report that this release can read.
    """
    try:
        seen = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"it is no JSON ({error}); write it with --async-contract-report=FILE.json"
        ) from None
    check(seen, schema())
    if seen["contract_version"] != CONTRACT_VERSION:
        raise ReportError(
            f"it is of version {seen['contract_version']} of the contract; this release has version "
            f"{CONTRACT_VERSION}: run the contract again"
        )
    targets = [_target(each) for each in seen["targets"]]
    rest = {key: value for key, value in seen.items() if key not in ("format", "version", "targets")}
    return Report(targets=targets, **rest)


def _target(seen: Mapping[str, Any]) -> TargetReport:
    for clause in seen["clauses"]:
        _check_clause(clause, seen["target"])
    clauses = [ClauseReport(**each) for each in seen["clauses"]]
    return TargetReport(**{**seen, "clauses": clauses})


def _check_clause(seen: Mapping[str, Any], target: str) -> None:
    place = f"the clause {seen['id']} of {target}"
    if seen["id"] not in CLAUSE:
        raise ReportError(f"{place} is not in the contract; --async-contract-list prints those that are")
    for key in ("witness", "history"):
        for number, each in enumerate(seen[key], 1):
            try:
                operation_from(each, number)
            except HistoryError as error:
                raise ReportError(f"{key} of {place}, {error}") from None
