"""`judge`: the verdicts on a history from anywhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path

from async_contract.commands.errors import CommandError
from async_contract.commands.reports import write
from async_contract.contract.capabilities import Capabilities
from async_contract.history.jsonl import HistoryError, read_with_capabilities
from async_contract.history.operation import Operation
from async_contract.judge.judge import judge
from async_contract.judge.verdict import Judgement
from async_contract.report.escape import block
from async_contract.report.grade import Results
from async_contract.report.model import report_of
from async_contract.report.row import Row
from async_contract.report.story import story
from async_contract.report.violation import tell

_WORDS = {"yes": True, "no": False, "none": None}
_PROMISE = "promise_"  # what the names of options begin with that are capabilities


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command, with an option for each capability."""
    made = commands.add_parser("judge", help="judge a history; exit status 1 if a clause is broken")
    made.add_argument("file", metavar="HISTORY.jsonl", help="a history, one operation a line")
    made.add_argument("--strict", action="store_true", help="a broken SHOULD counts as broken")
    made.add_argument(
        "--report", action="append", default=[], metavar="FILE",
        help="write a report with the timeline: .html, .json or .md (repeatable)",
    )  # fmt: skip
    group = made.add_argument_group("what the store promises", "each goes before what the file says")
    for field in fields(Capabilities):
        group.add_argument(
            f"--{field.name.replace('_', '-')}", dest=f"{_PROMISE}{field.name}", type=_value,
            metavar="VALUE", help=f"yes, no, none, a number or a word (default: {_shown(field.default)})",
        )  # fmt: skip
    made.set_defaults(run=_judge)


def _value(text: str) -> tuple[object]:
    """A capability's value, in a tuple since it may be None."""
    if text in _WORDS:
        return (_WORDS[text],)
    try:
        return (int(text) if text.isdecimal() else float(text),)
    except ValueError:
        return (text,)


def _judge(given: argparse.Namespace) -> int:
    history, declared = _read(given.file)
    promised = {
        name.removeprefix(_PROMISE): value[0]
        for name, value in vars(given).items()
        if name.startswith(_PROMISE) and value is not None
    }
    try:
        capabilities = replace(declared, **promised)
        judgement = judge(history, capabilities)
    except ValueError as error:
        raise CommandError(f"{given.file}: {error}") from None
    name = Path(given.file).name
    results = _results(name, judgement, history, capabilities, strict=given.strict)
    write(report_of(results, seeds=[], environment=[]), given.report)
    _print(judgement, results, name)
    return int(results.broken)


def _read(name: str) -> tuple[Sequence[Operation], Capabilities]:
    try:
        with Path(name).open(encoding="utf-8") as file:
            return read_with_capabilities(file)
    except OSError as error:
        raise CommandError(f"{name} can't be read: {error.strerror}") from None
    except (HistoryError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} is no history: {error}") from None


def _results(
    name: str,
    judgement: Judgement,
    history: Sequence[Operation],
    capabilities: Capabilities,
    *,
    strict: bool,
) -> Results:
    results = Results([name], strict=strict)
    results.promise(name, asdict(capabilities))
    for each in judgement.verdicts.values():
        results.add(name, Row(each.clause, each.verdict.value, each.count, each.reason))
    for violation in judgement.violations:
        results.tell(name, story(violation, history))
    return results


def _print(judgement: Judgement, results: Results, name: str) -> None:
    rows = results.rows(name)
    widths = [max(len(each) for each in column) for column in zip(*map(_cells, rows), strict=True)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(_cells(row), widths, strict=True)]
        sys.stdout.write("  ".join([*cells, row.note]).rstrip() + "\n")
    if judgement.violations:
        sys.stdout.write(f"\n{block(tell(judgement.violations, exercised=''))}\n")


def _cells(row: Row) -> tuple[str, str, str]:
    return row.clause, row.verdict, str(row.count or "")


def _shown(value: object) -> str:
    words = {repr(value): word for word, value in _WORDS.items()}
    return words.get(repr(value), str(value))
