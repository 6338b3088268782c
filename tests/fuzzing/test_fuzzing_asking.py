"""The clauses of sanitizers as Hypothesis tests."""

from __future__ import annotations

import re

import pytest
from hypothesis import is_hypothesis_test

from async_contract import TargetError, sanitizer_test
from async_contract.experiments.machine import BrokenClause
from async_contract.experiments.sanitizers.verify import PROPERTIES
from async_contract.reference.sanitize import safe_failure_message, safe_label


def _said(error: BaseException) -> str:
    return str(error)


def _given_nothing() -> str:
    return ""


async def _shouted(text: str) -> str:
    return f"{safe_label(text)}!"


@pytest.mark.parametrize("clause", [each for each in PROPERTIES if each != "message/redacts"])
def test_a_correct_function_passes_the_test_of_every_clause(clause: str) -> None:
    """Each clause is a Hypothesis test, named and described after it, that the reference passes."""
    function = safe_label if clause.startswith("label") else safe_failure_message
    test = sanitizer_test(clause, function)
    assert is_hypothesis_test(test)
    assert getattr(test, "__name__") == f"test_{re.sub('[/-]', '_', clause)}"  # noqa: B009
    assert str(test.__doc__).endswith(".")
    test()


def test_a_broken_function_fails() -> None:
    """The failure says the clause, what happened, and which input and output show it; also of a coroutine."""
    with pytest.raises(BrokenClause) as caught:
        sanitizer_test("label/bounded", _shouted)()
    assert str(caught.value).startswith(
        "label/bounded is broken: the label has U+0021 EXCLAMATION MARK in it\n"
    )
    assert "input   ''\noutput  'unknown!'" in caught.value.violation.shown


def test_the_bound_can_be_another() -> None:
    """A bound in bytes, or of fewer characters, is that of the test."""
    sanitizer_test("label/bounded", lambda text: safe_label(text)[:20], bound="20b")()
    with pytest.raises(BrokenClause, match=r"the label has \d+ characters"):
        sanitizer_test("label/bounded", safe_label, bound=20)()


def test_secrets_are_asked_for_by_their_clause() -> None:
    """Whoever makes a test of it promises it."""
    with pytest.raises(BrokenClause, match=r"message/redacts is broken: .* comes through"):
        sanitizer_test("message/redacts", _said)()


@pytest.mark.parametrize("clause", ["label/linear", "lease/exclusive", "label"])
def test_a_clause_of_which_no_input_can_tell_is_refused(clause: str) -> None:
    """The message names those of which one can."""
    with pytest.raises(
        ValueError, match="is no clause of which one input can tell; write one of label/total, "
    ):
        sanitizer_test(clause, safe_label)


def test_what_is_no_such_function_is_refused() -> None:
    """As a target would be."""
    with pytest.raises(TargetError, match="a function that takes "):
        sanitizer_test("label/total", _given_nothing)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is no bound"):
        sanitizer_test("label/total", safe_label, bound="wide")
