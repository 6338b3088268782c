"""The grade is computed over the whole contract: nothing that was left out can raise it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from async_contract.contract.clauses import STORE_CLAUSES
from async_contract.report.grade import Results
from async_contract.report.row import Row, properties_of_item

ALL = len(STORE_CLAUSES)


def _results(changed: Mapping[str, str] | None = None, *, strict: bool = False) -> Results:
    """A target that keeps everything, but for these verdicts; an empty one leaves the clause out."""
    verdicts = {clause.id: "held" for clause in STORE_CLAUSES} | dict(changed or {})
    results = Results(["mypkg.Store"], strict=strict)
    for clause, verdict in verdicts.items():
        if verdict:
            results.add("mypkg.Store", Row(clause, verdict, 5))
    return results


@pytest.mark.parametrize(
    ("changed", "grade"),
    [
        ({}, "keeps the contract strictly"),
        ({"lease/order": "not promised"}, "keeps the contract strictly"),
        ({"complete/unknown-reported": "broken"}, "keeps the contract"),
        ({"complete/unknown-reported": "unexercised"}, "keeps the contract"),
        ({"lease/known": "broken"}, "broken"),
        ({"lease/order": "broken"}, "broken"),
        ({"lease/known": "broken", "lease/order": "known"}, "broken (known: 1)"),
        ({"lease/order": "known", "fail/ends": "known"}, "broken (known: 2)"),
        ({"lease/known": "broken", "lease/order": ""}, "broken"),
        ({"lease/order": ""}, f"incomplete: 1 of {ALL} clauses not selected (lease/order)"),
        (
            {"complete/unknown-reported": ""},
            f"incomplete: 1 of {ALL} clauses not selected (complete/unknown-reported)",
        ),
        ({"lease/order": "skipped"}, f"incomplete: 1 of {ALL} clauses skipped (lease/order)"),
        ({"lease/order": "error"}, f"incomplete: 1 of {ALL} clauses in error (lease/order)"),
        ({"lease/order": "unexercised"}, f"incomplete: 1 of {ALL} clauses unexercised (lease/order)"),
    ],
)
def test_the_grade(changed: Mapping[str, str], grade: str) -> None:
    """Broken wins over incomplete, and only a contract that was exercised as a whole is kept."""
    assert _results(changed).grade("mypkg.Store") == grade


def test_all_that_is_missing_is_named() -> None:
    """Each kind with its clauses."""
    changed = {"lease/order": "unexercised", "fail/ends": "unexercised", "lease/known": "error"}
    assert _results({**changed, "lease/empty": ""}).grade("mypkg.Store") == (
        f"incomplete: 1 of {ALL} clauses not selected (lease/empty); "
        f"1 of {ALL} clauses in error (lease/known); "
        f"2 of {ALL} clauses unexercised (lease/order, fail/ends)"
    )


@pytest.mark.parametrize(
    ("verdict", "grade"),
    [("held", "keeps the contract strictly"), ("unexercised", "keeps the contract"), ("broken", "broken")],
)
def test_the_grade_where_should_is_must(verdict: str, grade: str) -> None:
    """If strict, a broken SHOULD is broken."""
    assert _results({"complete/unknown-reported": verdict}, strict=True).grade("mypkg.Store") == grade


def test_a_run_that_stopped() -> None:
    """What did not run because the run ended says so, and of many clauses three are named."""
    results = Results(["mypkg.Store"])
    results.stopped = True
    assert results.grade("mypkg.Store") == (
        f"incomplete: {ALL} of {ALL} clauses not run, the run stopped early "
        f"(lease/accepted, lease/well-formed, lease/known and {ALL - 3} more)"
    )


def test_a_stale_excuse_is_no_grade() -> None:
    """The run fails, so the store is not said to keep the contract."""
    results = _results()
    results.add("mypkg.Store", Row("lease/order", "held", 7, "a queue", stale=True))
    assert (
        results.grade("mypkg.Store") == f"incomplete: 1 of {ALL} clauses held although excused (lease/order)"
    )


def test_an_excuse_is_not_stale_once_the_clause_was_seen_broken() -> None:
    """Whichever comes first; and as long as something is missing, nobody can tell."""
    held, known = (
        Row("lease/order", "held", 7, "a queue", stale=True),
        Row("lease/order", "known", 1, "a queue"),
    )
    for rows in ([held, known], [known, held]):
        results = _results()
        for row in rows:
            results.add("mypkg.Store", row)
        assert results.stale("mypkg.Store") == []
        assert results.grade("mypkg.Store") == "broken (known: 1)"
    results = _results()
    results.add("mypkg.Store", held)
    assert [each.clause for each in results.stale("mypkg.Store")] == ["lease/order"]
    results.stopped = True
    assert results.stale("mypkg.Store") == []
    for verdict in ("error", "skipped"):
        results = _results({"lease/known": verdict})
        results.add("mypkg.Store", held)
        assert results.stale("mypkg.Store") == []


def test_of_two_rows_the_worse_one_stays() -> None:
    """A clause that was seen broken stays broken, however often it holds; the larger count is shown."""
    for rows in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        results = Results(["mypkg.Store"])
        seen = [
            Row("lease/known", "held", 9),
            Row("lease/known", "broken", 2, "seen"),
            Row("lease/known", "unexercised", 0),
        ]
        for each in rows:
            results.add("mypkg.Store", seen[each])
        assert results.rows("mypkg.Store") == [Row("lease/known", "broken", 9, "seen")]
        assert results.broken


def test_what_is_wrong_comes_first() -> None:
    """Broken, then forgiven, in error and known; the rest in the catalogue's order."""
    results = _results({
        "durable/kill": "broken", "complete/unknown-reported": "broken", "fail/ends": "known",
        "lease/order": "error", "lease/known": "unexercised",
    })  # fmt: skip
    assert [row.clause for row in results.rows("mypkg.Store")][:7] == [
        "durable/kill", "complete/unknown-reported", "lease/order", "fail/ends",
        "lease/accepted", "lease/well-formed", "lease/known",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "strict", "broken"),
    [
        ({}, False, False),
        ({"lease/order": "known"}, False, False),
        ({"lease/order": "error"}, False, False),
        ({"complete/unknown-reported": "broken"}, False, False),
        ({"complete/unknown-reported": "broken"}, True, True),
        ({"lease/order": "broken"}, False, True),
    ],
)
def test_whether_anything_is_broken(changed: Mapping[str, str], strict: bool, broken: bool) -> None:  # noqa: FBT001
    """What is forgiven or excused is not broken."""
    assert _results(changed, strict=strict).broken is broken


def test_targets_are_taken_in_from_reports() -> None:
    """A target that nobody named beforehand comes with its first report."""
    results = Results(["mypkg.Store"])
    results.take(properties_of_item("test_it.py::TestIt", "lease/known"), "setup", "passed")
    assert list(results.targets) == ["mypkg.Store"]
    results.take(properties_of_item("test_it.py::TestIt", "lease/known"), "setup", "skipped")
    assert list(results.targets) == ["mypkg.Store", "test_it.py::TestIt"]
    assert results.rows("test_it.py::TestIt") == [Row("lease/known", "skipped")]
