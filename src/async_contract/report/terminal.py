"""The table of verdicts and the grade, as the terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.findings import Spent
from async_contract.experiments.observing import UNDECLARED
from async_contract.judge.verdict import Label
from async_contract.report.escape import clip, inline
from async_contract.report.grade import Results
from async_contract.report.row import Row

_COLOURS = {
    "broken": "red",
    "error": "red",
    "held": "green",
    "known": "yellow",
    "skipped": "yellow",
    "unexercised": "yellow",
}


_LONGEST_NOTE = 100
# Where there is no verdict, or nothing to have one on, a count would tell nothing.
_COUNTED = ("broken", "known", "held")


class Terminal(Protocol):
    """What is needed of pytest's terminal reporter."""

    def section(self, title: str, sep: str = "=", **markup: bool) -> None:
        """Write a line with a title."""

    def write(self, content: str, *, flush: bool = False, **markup: bool) -> None:
        """Write a text."""


def write(terminal: Terminal, results: Results, *, quiet: bool = False, verbose: bool = False) -> None:
    """Write for every target its table and its grade.

    Args:
        terminal: Where.
        results: What is known.
        quiet: Only what is broken and the grade.
        verbose: What was observed too, line by line.
    """
    terminal.section("async-contract")
    for target in results.targets:
        rows = [row for row in results.rows(target) if results.fails(row) or not quiet]
        if rows and not quiet:
            terminal.write(f"{target}\n")
        _write_rows(terminal, results, rows)
        for spent in results.spent(target) if not quiet else ():
            terminal.write(f"  explored {_effort(spent)}\n")
        for line in _observed(results.observed(target), verbose=verbose) if not quiet else ():
            terminal.write(f"  {line}\n")
        grade = results.grade(target)
        terminal.write(f"{target}: ")
        terminal.write(f"{grade}\n", bold=True, **{_colour_of_grade(grade): True})


def _effort(spent: Spent) -> str:
    """What was spent in one way of exploring: nothing that was not tried counts as tried."""
    if spent.ended:
        return (
            f"{spent.way}: ended after {spent.programs} programs: {clip(inline(spent.ended), _LONGEST_NOTE)}"
        )
    if spent.schedules:
        tried = f"under {spent.schedules} schedules, {spent.distinct} of them distinct"
    else:
        tried = f"of {spent.steps} steps"
    label = f" ({spent.label})" if spent.label else ""
    return f"{spent.way}: {spent.programs} programs {tried}, in {spent.seconds:.1f} s{label}"


def _observed(observed: Mapping[str, str], *, verbose: bool) -> Iterator[str]:
    """What a store does where it is free; in short what may surprise: a promise that could be made."""
    if verbose:
        yield from (f"observed {name}: {seen}" for name, seen in observed.items() if name != UNDECLARED)
    if UNDECLARED in observed:
        yield f"{UNDECLARED}: {observed[UNDECLARED]}"


def _write_rows(terminal: Terminal, results: Results, rows: list[Row]) -> None:
    if not rows:
        return
    clauses = max(len(row.clause) for row in rows)
    verdicts = max(len(_verdict(row)) for row in rows)
    counts = max(len(_count(row)) for row in rows)
    for row in rows:
        verdict = _verdict(row)
        rest = f"{'':{verdicts - len(verdict)}}  {_count(row):>{counts}}  {_evidence(row)}"
        terminal.write(f"  {row.clause:<{clauses}}  ")
        terminal.write(verdict, **_markup(results, row))
        terminal.write(f"{rest.rstrip()}\n")


def _verdict(row: Row) -> str:
    should = row.verdict == "broken" and CLAUSE[row.clause].level == "SHOULD"
    return f"{row.verdict} (SHOULD)" if should else row.verdict


def _count(row: Row) -> str:
    return str(row.count) if row.verdict in _COUNTED else ""


def _evidence(row: Row) -> str:
    counted = CLAUSE[row.clause].counted
    note = clip(inline(row.note.partition("\n")[0]), _LONGEST_NOTE)  # in full it stands at the item
    if row.verdict == "broken" and row.label not in ("", Label.EXACT):
        counted = f"{counted} ({row.label})"
    if row.verdict in _COUNTED and note:
        return f"{counted}: {note}"
    return counted if row.verdict in _COUNTED else note


def _markup(results: Results, row: Row) -> dict[str, bool]:
    if row.verdict == "broken" and not results.fails(row):
        return {"yellow": True}
    colour = _COLOURS.get(row.verdict)
    return {colour: True} if colour else {}


def _colour_of_grade(grade: str) -> str:
    if grade.startswith("keeps"):
        return "green"
    return "red" if grade.startswith("broken") else "yellow"
