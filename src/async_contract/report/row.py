"""What one test item says of one clause, in a form that travels with its report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from async_contract.experiments.findings import Spent
from async_contract.judge.verdict import ClauseVerdict

_TARGET = "async_contract_target"
_CLAUSE = "async_contract_clause"
_VERDICT = "async_contract_verdict"
_COUNT = "async_contract_count"
_NOTE = "async_contract_note"
_LABEL = "async_contract_label"
_STALE = "async_contract_stale"
_OTHERS = "async_contract_others"
_EXCUSED = "async_contract_excused"
_SPENT = "async_contract_spent"
_OBSERVED = "async_contract_observed"

SKIPPED = "skipped"
"""The verdict of a row whose item was skipped before the clause was put to the test."""

Properties = list[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of verdicts.

    Attributes:
        clause: The clause's id.
        verdict: The verdict's text, or `SKIPPED`.
        count: How often the clause was put to the test.
        note: Why the verdict is what it is.
        stale: Whether the clause held although the harness excuses it, as far as this item knows.
        label: How far the order of the workers was controlled, where there was one to control.
    """

    clause: str
    verdict: str
    count: int = 0
    note: str = ""
    stale: bool = False
    label: str = ""


def properties_of_item(target: str, clause: str) -> Properties:
    """Return what is known of an item before it has run, for the properties of its reports."""
    return [(_TARGET, target), (_CLAUSE, clause)]


def properties_of_verdict(
    verdict: ClauseVerdict, *, others: Iterable[str], excused: Mapping[str, str], stale: bool
) -> Properties:
    """Return what an item found out, for the properties of its reports: only builtins travel.

    Args:
        verdict: The verdict on the item's clause.
        others: The ids of other clauses that were seen broken.
        excused: The ids of those that were with an excuse, and the excuse of each.
        stale: Whether the clause held although the harness excuses it.
    """
    optional: Properties = [
        (_LABEL, str(verdict.label)),
        (_NOTE, verdict.reason),
        (_OTHERS, " ".join(others)),
        (_EXCUSED, json.dumps(dict(excused)) if excused else ""),
        (_STALE, int(stale)),
    ]
    found: Properties = [(_VERDICT, verdict.verdict.value), (_COUNT, verdict.count)]
    return found + [(name, value) for name, value in optional if value]


def properties_of_effort(spent: Iterable[Spent]) -> Properties:
    """Return what was spent on a target, for the properties of one report."""
    rounded = [each._replace(seconds=round(each.seconds, 1)) for each in spent]
    return [(_SPENT, json.dumps(rounded))] if rounded else []


def read_effort(properties: Sequence[tuple[str, object]]) -> list[Spent]:
    """Return what a report says was spent on its target."""
    return [Spent(*each) for name, text in properties if name == _SPENT for each in json.loads(str(text))]


def properties_of_observed(observed: Mapping[str, str]) -> Properties:
    """Return what a target was seen to do, for the properties of one report."""
    return [(_OBSERVED, json.dumps(dict(observed)))] if observed else []


def read_observed(properties: Sequence[tuple[str, object]]) -> Mapping[str, str]:
    """Return what a report says that its target was seen to do."""
    texts = (str(text) for name, text in properties if name == _OBSERVED)
    return {name: seen for text in texts for name, seen in json.loads(text).items()}


def read(properties: Sequence[tuple[str, object]], when: str | None, outcome: str) -> tuple[str, list[Row]]:
    """Return the target of a report, and what it says: of its own clause first, then of others.

    Args:
        properties: The properties of a report of the contract's.
        when: The phase it reports on: `setup`, `call` or `teardown`.
        outcome: What came of the phase: `passed`, `failed` or `skipped`.
    """
    found = {each[0]: each[1] for each in properties}
    target, clause = str(found[_TARGET]), str(found[_CLAUSE])
    if when == "call" and _VERDICT in found:
        return target, _judged(clause, found)
    if outcome == "failed":
        return target, [Row(clause, "error", note=f"its {when} failed")]
    return target, [Row(clause, SKIPPED)] if outcome == "skipped" else []


def in_a_word(properties: Sequence[tuple[str, object]], when: str | None, outcome: str) -> str:
    """Return the verdict that the report of an item bears which passed; empty: it bears none.

    For what failed or was skipped pytest's own word stays, which its summary of failures needs too.
    """
    found = dict(properties)
    if when != "call" or outcome != "passed" or _VERDICT not in found or _STALE in found:
        return ""
    return f"HELD {found[_COUNT]}" if found[_VERDICT] == "held" else "BROKEN (SHOULD)"


def _judged(clause: str, found: Mapping[str, object]) -> list[Row]:
    own = Row(
        clause, str(found[_VERDICT]), int(str(found[_COUNT])), str(found.get(_NOTE, "")), _STALE in found,
        str(found.get(_LABEL, "")),
    )  # fmt: skip
    others = str(found.get(_OTHERS, "")).split()
    excused: Mapping[str, str] = json.loads(str(found.get(_EXCUSED, "{}")))
    return [
        own,
        *(Row(each, "broken", 1, f"seen while exercising {clause}") for each in others),
        *(Row(each, "known", 1, reason) for each, reason in excused.items()),
    ]
