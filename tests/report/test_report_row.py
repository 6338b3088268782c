"""What an item says travels with its report as builtins, and comes out again."""

from __future__ import annotations

import pytest

from async_contract.judge.verdict import ClauseVerdict, Label, Verdict
from async_contract.report.row import (
    Row,
    properties_of_item,
    properties_of_observed,
    properties_of_verdict,
    read,
    read_observed,
)

ITEM = properties_of_item("mypkg.Store", "lease/order")


def test_an_item_that_was_judged() -> None:
    """Its row comes first, then one for every other clause that it saw broken."""
    verdict = ClauseVerdict("lease/order", Verdict.KNOWN, 3, (), "a queue")
    properties = ITEM + properties_of_verdict(
        verdict, others=["lease/known", "fail/ends"], excused={"fail/message": "it is cut"}, stale=False
    )
    assert {type(each) for pair in properties for each in pair} == {str, int}
    assert read(properties, "call", "skipped") == (
        "mypkg.Store",
        [
            Row("lease/order", "known", 3, "a queue"),
            Row("lease/known", "broken", 1, "seen while exercising lease/order"),
            Row("fail/ends", "broken", 1, "seen while exercising lease/order"),
            Row("fail/message", "known", 1, "it is cut"),
        ],
    )


def test_how_far_the_order_was_controlled() -> None:
    """Where there is a verdict, as a plain text."""
    verdict = ClauseVerdict("lease/order", Verdict.HELD, 3, label=Label.STATEMENT_EXACT)
    properties = ITEM + properties_of_verdict(verdict, others=[], excused={}, stale=False)
    assert {type(each) for pair in properties for each in pair} == {str, int}
    assert ("async_contract_label", "statement-exact") in properties
    assert read(properties, "call", "passed")[1] == [Row("lease/order", "held", 3, label="statement-exact")]


def test_a_stale_excuse() -> None:
    """What held although it is excused says so."""
    verdict = ClauseVerdict("lease/order", Verdict.HELD, 3, (), "a queue")
    properties = ITEM + properties_of_verdict(verdict, others=[], excused={}, stale=True)
    assert read(properties, "call", "failed")[1] == [Row("lease/order", "held", 3, "a queue", stale=True)]


@pytest.mark.parametrize(
    ("when", "outcome", "row"),
    [
        ("setup", "failed", Row("lease/order", "error", note="its setup failed")),
        ("call", "failed", Row("lease/order", "error", note="its call failed")),
        ("teardown", "failed", Row("lease/order", "error", note="its teardown failed")),
        ("setup", "skipped", Row("lease/order", "skipped")),
        ("setup", "passed", None),
        ("teardown", "passed", None),
    ],
)
def test_an_item_that_was_not_judged(when: str, outcome: str, row: Row | None) -> None:
    """A phase that failed is an error, a skipped one is skipped, and one that passed says nothing."""
    assert read(ITEM, when, outcome) == ("mypkg.Store", [row] if row else [])


def test_a_verdict_is_read_once() -> None:
    """The reports of setup and teardown say nothing of the verdict they carry."""
    verdict = properties_of_verdict(
        ClauseVerdict("lease/order", Verdict.HELD, 3), others=[], excused={}, stale=False
    )
    assert [read(ITEM + verdict, when, "passed")[1] for when in ("setup", "teardown")] == [[], []]


def test_what_was_observed_travels() -> None:
    """As one property, if there is anything to tell."""
    observed = {"fail of an unknown id": "ignored", "a failed job is put": "at the back"}
    assert read_observed(ITEM + properties_of_observed(observed)) == observed
    assert properties_of_observed({}) == []
    assert read_observed(ITEM) == {}
