"""How far the order of the workers was controlled, of which every result bears a label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from async_contract.experiments.findings import Finding
from async_contract.experiments.ways import WAY, Explored
from async_contract.history.operation import Operation
from async_contract.judge.verdict import ClauseVerdict, Label, Verdict, Violation

_KILLS = "durable/kill"


def of_history(clause: str, history: Sequence[Operation]) -> Label:
    """The label of a history that nobody ordered: exact, if nobody had anybody beside him.

    Args:
        clause: The id of the clause that was exercised; where workers are killed, that is in real time.
        history: What happened.
    """
    if clause == _KILLS:
        return Label.BEST_EFFORT
    latest = -1
    for each in sorted(history, key=lambda each: each.invoked):
        if each.invoked < latest:
            return Label.BEST_EFFORT
        latest = max(latest, each.invoked if each.returned is None else each.returned)
    return Label.EXACT


def of_finding(finding: Finding) -> Label:
    """The label of a random program that breaks a clause."""
    if not finding.again:
        return Label.BEST_EFFORT
    return Label(finding.violation.label or WAY[finding.way].label)


def of_explored(explored: Explored) -> Label | None:
    """The best label of the ways in which several workers were at work; none if there was no such way."""
    tried = {
        label_of_way(name, each.loose, each.schedules)
        for name, each in explored.ways.items()
        if each.schedules and not each.left
    }
    return next((each for each in Label if each in tried), None)


def label_of_way(name: str, loose: int, runs: int) -> Label:
    """The label of a way, of whose runs some were not controlled to the end."""
    return Label.BEST_EFFORT if loose and loose >= runs else WAY[name].label


def labelled(
    verdict: ClauseVerdict, history: Sequence[Operation], explored: Explored, finding: Finding | None
) -> ClauseVerdict:
    """A verdict with its label, and what broke the clause likewise.

    Args:
        verdict: The verdict on a clause.
        history: The history behind it.
        explored: What random programs have shown.
        finding: The one that breaks the clause, if it was one.
    """
    if verdict.verdict not in (Verdict.HELD, Verdict.BROKEN):
        return verdict
    own = of_history(verdict.clause, history)
    if finding is not None:
        own = of_finding(finding)
    elif verdict.verdict is Verdict.HELD and verdict.clause != _KILLS:
        own = of_explored(explored) or own
    return replace(verdict, label=own, violations=tuple(marked(verdict.violations, own)))


def marked(violations: Iterable[Violation], label: Label) -> Iterable[Violation]:
    """Violations with their label, but for those that have one."""
    return (replace(each, label=each.label or label) for each in violations)
