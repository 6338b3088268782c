"""`report merge`, `report diff` and `report badge`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from async_contract.commands.errors import CommandError, text_of
from async_contract.report import badge, files
from async_contract.report.compare import Change, changes
from async_contract.report.document import ReportError, dumps, loads
from async_contract.report.escape import inline
from async_contract.report.join import join
from async_contract.report.model import Report


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands that work on reports."""
    group = commands.add_parser("report", help="join reports, compare them, make a badge of one")
    kinds = group.add_subparsers(metavar="COMMAND", required=True)

    merge = kinds.add_parser("merge", help="join the reports of the shards of one run")
    merge.add_argument("files", nargs="+", metavar="FILE.json", help="the report of a shard")
    merge.add_argument(
        "--out", action="append", default=[], metavar="FILE",
        help="write the report there: .html, .json or .md (repeatable; default: JSON on standard output)",
    )  # fmt: skip
    merge.set_defaults(run=_merge)

    diff = kinds.add_parser("diff", help="say what got better and worse; exit status 1 on worse")
    diff.add_argument("old", metavar="OLD.json")
    diff.add_argument("new", metavar="NEW.json")
    diff.set_defaults(run=_diff)

    made = kinds.add_parser("badge", help="make a badge of the report of a complete run")
    made.add_argument("file", metavar="FILE.json")
    made.add_argument("out", metavar="OUT", help="a file that ends in .svg, or .json for shields.io")
    made.set_defaults(run=_badge)


def read(name: str) -> Report:
    """The report in a file.

    Raises:
        CommandError: There is none.
    """
    try:
        return loads(text_of(name))
    except ReportError as error:
        raise CommandError(f"{name} is no report: {error}") from None


def write(report: Report, names: list[str]) -> None:
    """Write a report to files of the forms that their names say.

    Raises:
        CommandError: One of them can't be written.
    """
    for name in names:
        try:
            files.save(report, Path(name))
        except ValueError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{name} can't be written: {error.strerror}") from None


def _merge(given: argparse.Namespace) -> int:
    try:
        joined = join([(name, read(name)) for name in given.files])
    except ReportError as error:
        raise CommandError(str(error)) from None
    write(joined, given.out)
    if not given.out:
        sys.stdout.write(dumps(joined))
        return 0
    for target in joined.targets:
        sys.stdout.write(f"{inline(target.target)}: {inline(target.grade)}\n")
    return 0


def _diff(given: argparse.Namespace) -> int:
    found = changes(read(given.old), read(given.new))
    for title, chosen in (
        ("worse", [each for each in found if each.worse]),
        ("better", [each for each in found if not each.worse]),
    ):
        sys.stdout.writelines([f"{title}:\n", *map(_line, chosen)] if chosen else [])
    if not found:
        sys.stdout.write("nothing changed\n")
    return int(any(each.worse for each in found))


def _line(change: Change) -> str:
    message = f": {inline(change.message)}" if change.message else ""
    return f"  {inline(change.target)} {change.clause}: {change.old} -> {change.new}{message}\n"


def _badge(given: argparse.Namespace) -> int:
    makers = {".svg": badge.svg, ".json": badge.shields}
    make = makers.get(Path(given.out).suffix.lower())
    if make is None:
        raise CommandError(f"{given.out!r} is no badge; write a file that ends in .svg or .json")
    try:
        text = make(read(given.file))
        Path(given.out).write_text(text, encoding="utf-8")
    except ReportError as error:
        raise CommandError(f"{given.file} gives no badge: {error}") from None
    except OSError as error:
        raise CommandError(f"{given.out} can't be written: {error.strerror}") from None
    return 0
