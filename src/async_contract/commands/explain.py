"""`explain`: a clause with its reason, something that breaks it, and how to mend that."""

from __future__ import annotations

import argparse
import difflib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator

from async_contract.commands.errors import CommandError
from async_contract.contract.clauses import CLAUSE
from async_contract.contract.reasons import REASONS
from async_contract.mutants.runner_zoo import BROKEN
from async_contract.mutants.sanitizer_zoo import LABELS, MESSAGES
from async_contract.mutants.zoo import STORES
from async_contract.report.violation import level

_WIDTH = 100


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    made = commands.add_parser("explain", help="explain a clause, with something that breaks it")
    made.add_argument("clause", metavar="CLAUSE", help="its id, such as lease/exclusive")
    made.set_defaults(run=_explain)


def _explain(given: argparse.Namespace) -> int:
    if given.clause not in CLAUSE:
        near = difflib.get_close_matches(given.clause, CLAUSE, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else "pytest --async-contract-list prints them all"
        raise CommandError(f"{given.clause!r} is no clause; {advice}")
    sys.stdout.write("\n\n".join(_paragraphs(given.clause)) + "\n")
    return 0


def _paragraphs(id: str) -> Iterator[str]:
    clause, reason = CLAUSE[id], REASONS[id]
    yield f"{id} ({level(clause)})"
    yield textwrap.fill(f"{clause.sentence[0].upper()}{clause.sentence[1:]}.", _WIDTH)
    yield textwrap.fill(f"Why: {reason.why}", _WIDTH)
    yield from _example(id)
    yield textwrap.fill(f"How to mend it: {reason.mend}", _WIDTH)
    yield f"Counted: {clause.counted}; held needs at least {clause.minimum}."


def _example(id: str) -> Iterator[str]:
    """The first of the zoo that breaks the clause."""
    noun, broken = next((noun, broken) for noun, clause, broken in _zoo() if clause == id)
    yield f"A {noun} that breaks it, of those that come with this package:"
    yield textwrap.indent(textwrap.dedent(inspect.getsource(broken)).rstrip(), "    ")


def _zoo() -> Iterator[tuple[str, str, Callable[..., object]]]:
    yield from (("store", each.breaks, each) for each in STORES)
    yield from (("function", each.clause, each.function) for each in (*LABELS, *MESSAGES))
    yield from (("runner", each.breaks, each) for each in BROKEN)
