"""A broken clause, told so that someone who has never seen the contract can say what is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from async_contract.contract.clauses import CLAUSE, Clause
from async_contract.contract.kinds import RUNNER, kind_of
from async_contract.history.operation import Operation
from async_contract.judge.verdict import Violation
from async_contract.judge.witness import is_of
from async_contract.report.escape import block, inline
from async_contract.report.scripts import Tried
from async_contract.report.sequence import render

MOST_CALLS = 12
"""So many calls at the most are shown that don't belong to the proof."""


def level(clause: Clause) -> str:
    """The clause's level, and for a promise what a harness declares to make it."""
    return f"{clause.level} {clause.capability}".rstrip()


def headline(violation: Violation) -> str:
    """The clause and what happened, on one line."""
    return f"{violation.clause} is broken: {inline(violation.happened)}"


def one_line(text: str) -> str:
    """A text of several lines on one."""
    return inline(" ".join(text.split()))


def stories(
    violations: Sequence[Violation],
    *,
    exercised: str,
    replay: str,
    script: Tried | None = None,
    history: Sequence[Operation] = (),
) -> str:
    """Return for every broken clause what it says, what happened, and the history that shows it.

    Args:
        violations: What broke the clauses; of several on one clause only the first is told.
        exercised: The id of the clause that was being exercised.
        replay: The command that repeats it.
        script: A script that shows it again.
        history: Everything that was called: all of it is shown if that is little.
    """
    label = f" ({violations[0].label})" if violations[0].label else ""
    text = with_replay(tell(violations, exercised=exercised, history=history), replay, label)
    if script is None:
        return text
    says = f"or, without pytest, by a script that failed in {script.failed} of {script.runs} runs just now:"
    return f"{text}\n\n{says}\n\n    python {shlex.quote(script.path)}"


def tell(violations: Sequence[Violation], *, exercised: str, history: Sequence[Operation] = ()) -> str:
    """Return the same without a way to repeat it, not yet fit for a terminal; `exercised` may be empty."""
    by_clause: dict[str, list[Violation]] = {}
    for each in violations:
        by_clause.setdefault(each.clause, []).append(each)
    return "\n\n\n".join(_story(first, len(more), exercised, history) for first, *more in by_clause.values())


def _story(violation: Violation, further: int, exercised: str, history: Sequence[Operation]) -> str:
    clause = CLAUSE[violation.clause]
    seen = "" if exercised in ("", clause.id) else f" (seen while exercising {exercised})"
    more = f" (and {further} more of this clause in the same history)" if further else ""
    late = "; ".join(violation.schedule)
    what = circumstances(clause.id)
    return "\n\n".join([
        f"{clause.id} is broken{seen}.",
        f"The contract says ({level(clause)}): {clause.sentence}",
        f"What happened: {inline(violation.happened)}{more}",
        *([f"It takes this {what}: {late}"] if late else []),
        violation.shown or render(_shown(violation.witness, history)),
    ])  # fmt: skip


def circumstances(clause: str) -> str:
    """What is called by one word that it takes to see a clause broken."""
    return "scene" if kind_of(clause) is RUNNER else "schedule"


def _shown(witness: Sequence[Operation], history: Sequence[Operation]) -> Sequence[Operation]:
    """What led to it, if that is little; else the witness, which proves it but may not say how it came.

    What an example has shown stands beside what a program has, in whose history it is not.
    """
    if not is_of(witness, history):
        return witness
    end = max((each.invoked for each in witness), default=0)
    began = min((each.invoked for each in history if each.method == "enqueue"), default=0)
    whole = [each for each in history if began <= each.invoked <= end and each.method != "inspect"]
    # A witness names one job of a batch, the history all of them.
    known = {(each.worker, each.invoked) for each in whole}
    whole += [each for each in witness if (each.worker, each.invoked) not in known]
    return whole if len(whole) <= MOST_CALLS else witness


def with_replay(text: str, replay: str, label: str = "") -> str:
    """Return a text, fit for a terminal, and below it how to repeat what it tells."""
    return f"{block(text)}\n\nTo replay just this{label}:\n\n    {replay}"
