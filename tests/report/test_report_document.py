"""Reports as JSON: what is written is what the schema says, and is read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from async_contract.contract.clauses import STORE_CLAUSES
from async_contract.history.jsonl import as_object
from async_contract.history.operation import Delivered, Operation
from async_contract.judge.verdict import Violation
from async_contract.report.document import ReportError, dumps, loads, schema
from async_contract.report.grade import Results
from async_contract.report.story import pack, unpack
from tests.report.reports import COMMAND, HISTORY, TARGET, broken, report, told

ALL = len(STORE_CLAUSES)


def test_a_report_is_what_its_schema_says() -> None:
    """So says a validator that shares nothing with ours."""
    jsonschema.Draft202012Validator.check_schema(dict(schema()))
    for each in (broken(), report({"lease/order": ""}), report({"lease/order": "known"})):
        jsonschema.validate(json.loads(dumps(each)), schema())


def test_a_report_is_read_as_it_was_written() -> None:
    """All of it."""
    assert loads(dumps(broken())) == broken()


def test_a_broken_clause_in_json() -> None:
    """The clause has its count, its witness as operations, and what repeats it."""
    written = json.loads(dumps(broken()))
    (target,) = written.pop("targets")
    assert written == {
        "format": "async-contract-report", "version": 1, "contract_version": 1, "tool_version": "1.2.3",
        "strict": False, "stopped": False, "seeds": [0], "environment": [{"python": "3"}],
    }  # fmt: skip
    clauses = {each["id"]: each for each in target.pop("clauses")}
    assert list(clauses) == [clause.id for clause in STORE_CLAUSES]
    assert target == {
        "target": TARGET, "grade": "broken", "capabilities": {"lease_timeout": 0.5, "fifo": False},
        "explored": [], "observed": {},
    }  # fmt: skip
    assert clauses["lease/exclusive"] == {
        "id": "lease/exclusive", "level": "MUST", "verdict": "broken", "count": 5,
        "message": "job-1 was delivered twice.", "stale": False, "schedule": ["worker 1 is late"],
        "diagram": told().diagram, "witness": [as_object(each) for each in HISTORY[1:3]],
        "history": [as_object(each) for each in HISTORY], "reproduce": COMMAND, "script": "print('again')\n",
        "label": "statement-exact",
    }  # fmt: skip


def test_what_a_message_says() -> None:
    """A known failure has its reason and what happened, and a clause that was left out has no word."""
    (target,) = report({"lease/exclusive": "known", "fail/ends": ""}, told()).targets
    clauses = {each.id: each for each in target.clauses}
    assert clauses["lease/exclusive"].message == "why known: job-1 was delivered twice."
    assert (clauses["fail/ends"].verdict, clauses["fail/ends"].message) == ("not run", "")


def test_hostile_text_is_ascii() -> None:
    """Half a surrogate pair, controls and marks of direction are escaped, and come back."""
    job = Delivered("\ud800</script>\x1b[31m\u202e", "k", "", bytes(range(256)))
    operation = Operation("lease", 0, 0, 1, value=1, jobs=(job,))
    violation = Violation("lease/known", f"{job.id} was made up.", None, (operation,))
    text = dumps(report({"lease/known": "broken"}, told(violation, [operation])))
    assert text.isascii()
    jsonschema.validate(json.loads(text), schema())
    assert dumps(loads(text)) == text


def _without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda seen: seen.pop(key)


def _clause(**changed: object) -> Callable[[dict[str, Any]], object]:
    return lambda seen: seen["targets"][0]["clauses"][0].update(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("strict"), "the report has no strict; it needs format, version,"),
        (lambda seen: seen.update(more=1), "the report has the unknown key 'more'; its keys are format,"),
        (lambda seen: seen.update(version=2), "the report.version is 2; this release reads 1"),
        (lambda seen: seen.update(strict=1), "the report.strict is 1; write a boolean"),
        (lambda seen: seen.update(seeds=[True]), "the report.seeds[0] is True; write an integer"),
        (lambda seen: seen["targets"][0].update(capabilities=[]), "is []; write an object or null"),
        (_clause(verdict="fine"), "the report.targets[0].clauses[0].verdict is 'fine'; it may be 'held',"),
        (_clause(id="lease/fast"), "the clause lease/fast of mypkg.Store is not in the contract"),
        (_clause(witness=[{}]), "witness of the clause lease/accepted of mypkg.Store, line 1: "),
        (lambda seen: seen.update(contract_version=2), "it is of version 2 of the contract; this release"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(change: Callable[[dict[str, Any]], object], message: str) -> None:
    """With the place, what was seen there, and what is allowed."""
    seen = json.loads(dumps(broken()))
    change(seen)
    with pytest.raises(ReportError) as caught:
        loads(json.dumps(seen))
    assert message in str(caught.value)


def test_what_is_no_json_is_refused() -> None:
    """The message says what writes a report."""
    with pytest.raises(ReportError, match=r"it is no JSON \(.*\); write it with --async-contract-report="):
        loads("<html>")


def test_what_a_target_without_capabilities_tells() -> None:
    """Not every kind of target has some."""
    assert unpack(pack("f", object(), [told()])) == ("f", None, [told()])


def test_of_several_stories_that_of_the_own_item_stays() -> None:
    """In whatever order they come, as in a distributed run; else the first in the catalogue's order."""
    own = told()
    stories = [own, *(replace(own, exercised=by) for by in ("fail/ends", "lease/known"))]
    for order in ([0, 1, 2], [2, 1, 0]):
        found = Results()
        for each in order:
            found.tell(TARGET, stories[each])
        assert found.stories(TARGET) == {"lease/exclusive": own}
    for order in ([1, 2], [2, 1]):
        found = Results()
        for each in order:
            found.tell(TARGET, stories[each])
        assert found.stories(TARGET)["lease/exclusive"].exercised == "lease/known"
