"""The rules for a label, one input at a time: what breaks them, what holds, what says nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from async_contract.contract.kinds import LABEL
from async_contract.experiments.sanitizers.bounds import Bound
from async_contract.experiments.sanitizers.breach import Breach, Checked
from async_contract.experiments.sanitizers.calls import Calls
from async_contract.experiments.sanitizers.labels import LABELS, is_safe
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.reference.sanitize import safe_label

Function = Callable[[str], object]
USUAL = Bound(64)


def checked(clause: str, function: Function, text: str, bound: Bound = USUAL) -> Checked:
    """What comes of one input."""
    with Calls(function) as calls:
        return LABELS[f"label/{clause}"].check(Sanitizer(function, "label", bound=bound), calls, text)


def broken(clause: str, function: Function, text: str, bound: Bound = USUAL) -> tuple[str, str, int]:
    """What happened, the rule, and the place."""
    found = checked(clause, function, text, bound)
    assert isinstance(found, Breach)
    return found.happened, found.rule, found.at


def _raises(text: str) -> str:
    raise ValueError(text)


def _constant(value: object) -> Function:
    return lambda _: value


def test_every_clause_but_that_on_growth_has_a_rule() -> None:
    """In the contract's order."""
    assert [*LABELS, "label/linear"] == [clause.id for clause in LABEL.clauses]


def test_total() -> None:
    """It raises, or gives no str."""
    rule = "any str gives a str"
    assert broken("total", _raises, "a") == ("it raises ValueError", rule, -1)
    assert broken("total", _constant(7), "a") == ("it gives int, and not a str", rule, -1)
    assert broken("total", _constant(None), "a") == ("it gives NoneType, and not a str", rule, -1)
    assert checked("total", safe_label, "\ud800") is True


def test_bounded() -> None:
    """Empty, with another character in it, too long; without a text there is nothing to look at."""
    rule = "1 to 64 characters out of a-z 0-9 _ - ."
    assert broken("bounded", _constant(""), "a") == ("the label is empty", rule, -1)
    assert broken("bounded", _constant("ab\u00e9"), "a") == (
        "the label has U+00E9 LATIN SMALL LETTER E WITH ACUTE in it", rule, 2,
    )  # fmt: skip
    assert broken("bounded", _constant("A"), "a")[2] == 0
    assert broken("bounded", _constant("a\n"), "a")[2] == 1
    assert broken("bounded", _constant("a" * 65), "a") == ("the label has 65 characters", rule, 64)
    assert broken("bounded", _constant("a" * 9), "a", Bound(8, in_bytes=True)) == (
        "the label has 9 characters", "1 to 8 bytes of UTF-8 out of a-z 0-9 _ - .", 8,
    )  # fmt: skip
    assert checked("bounded", _raises, "a") is False
    assert checked("bounded", _constant("a" * 64), "a") is True


def test_blank() -> None:
    """Only what `str.strip()` empties says something."""
    assert broken("blank", _constant("unknow"), "\x1f") == (
        "a blank text gives another label than unknown", "unknown", 6,
    )  # fmt: skip
    assert [checked("blank", safe_label, each) for each in ("", "\u3000", " a")] == [True, True, False]
    assert checked("blank", _raises, "") is False


def test_stable() -> None:
    """Two labels for one input; a safe label changed, that of the input or that which it gave."""
    gives = iter(["a", "b"])
    assert broken("stable", lambda _: next(gives), "x") == (
        "the same input gives two labels", "the same input, the same label", -1,
    )  # fmt: skip
    rule = "a safe label is left as it is"
    assert broken("stable", lambda text: text.replace("__", "_"), "a__b") == (
        "a safe label is not left as it is", rule, 2,
    )  # fmt: skip
    assert broken("stable", lambda text: f"{text.lower()}.x"[:64], "A") == (
        "a label that it gave is not left as it is", rule, 3,
    )  # fmt: skip
    assert checked("stable", _raises, "a") is False
    assert checked("stable", _constant("\n"), "A") is False
    assert checked("stable", safe_label, "A") is True


def test_a_tighter_bound_of_its_own_is_no_breach() -> None:
    """What is longer than the function's longest label is no safe label of its."""
    assert checked("stable", lambda text: safe_label(text)[:63], "a" * 64) is True
    assert broken("stable", lambda text: safe_label(text)[:63].rstrip("_"), f"{'a' * 9}_")[2] == 9
    assert checked("stable", lambda text: "" if len(text) > 9 else safe_label(text), "abc") is True


def test_what_raises_for_the_label_that_it_gave_is_not_unstable() -> None:
    """That it raises is the business of another clause."""

    def once(text: str) -> str:
        return _raises(text) if text == "b" else "b"

    assert checked("stable", once, "A") is True


def test_folds() -> None:
    """Upper and lower case, and blanks around, of ASCII only."""
    rule = "ASCII case and surrounding ASCII blanks make no difference"
    assert broken("folds", lambda text: text.strip(), "ab") == (
        "another label, though only case differ", rule, 0,
    )  # fmt: skip
    assert broken("folds", str.lower, "ab") == ("another label, though only blanks differ", rule, 0)
    assert broken("folds", lambda text: safe_label(text[:64]), "ab") == (
        "another label, though only blanks differ", rule, 0,
    )  # fmt: skip
    assert checked("folds", _raises, "a") is False
    assert checked("folds", safe_label, "\u00df\u0130\u017f\u212aaB ") is True


def test_a_spelling_for_which_it_raises_says_nothing() -> None:
    """That it raises is the business of another clause."""
    assert checked("folds", lambda text: _raises(text) if text != "ab" else text, "ab") is True


def test_a_safe_label() -> None:
    """Not empty, no other character, within the bound."""
    texts = ("a", "a-b_c.9", "", None, "A", "a\n", "abcd")
    assert [is_safe(each, Bound(3)) for each in texts] == [True, False, False, False, False, False, False]
    assert is_safe("abc", Bound(3, in_bytes=True))


@pytest.mark.parametrize("clause", LABELS)
@pytest.mark.parametrize("bound", [Bound(7), Bound(64), Bound(64, in_bytes=True)])
def test_the_inputs_exercise_their_clause(clause: str, bound: Bound) -> None:
    """Those that are always tried say something of the reference, and can be made smaller."""
    asked, subject = LABELS[clause], Sanitizer(lambda text: safe_label(text)[:7], "label", bound=bound)
    with Calls(subject.function) as calls:
        found = {asked.check(subject, calls, text) for text in asked.fixed(subject)}
        found |= {asked.check(subject, calls, text) for text in asked.large() if bound == USUAL}
    assert found - {False} == {True}
    assert (asked.text("x"), asked.with_text("x", "y"), asked.text(7)) == ("x", "y", None)
