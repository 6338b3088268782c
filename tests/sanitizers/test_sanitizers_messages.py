"""The rules for a failure message, one exception at a time: what breaks them, holds, says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from async_contract.contract.kinds import MESSAGE
from async_contract.experiments.sanitizers.bounds import Bound
from async_contract.experiments.sanitizers.breach import Breach, Checked
from async_contract.experiments.sanitizers.calls import Calls
from async_contract.experiments.sanitizers.errors import Trouble, odd
from async_contract.experiments.sanitizers.messages import MESSAGES, said
from async_contract.experiments.sanitizers.secrets import Leaky
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.reference.sanitize import safe_failure_message

Function = Callable[[Any], object]
USUAL = Bound(256)


def checked(clause: str, function: Function, error: object, bound: Bound = USUAL) -> Checked:
    """What comes of one exception, or of what says this text."""
    given = RuntimeError(error) if isinstance(error, str) else error
    with Calls(function) as calls:
        return MESSAGES[f"message/{clause}"].check(Sanitizer(function, "message", bound=bound), calls, given)


def broken(clause: str, function: Function, error: object, bound: Bound = USUAL) -> tuple[str, str, int]:
    """What happened, the rule, and the place."""
    found = checked(clause, function, error, bound)
    assert isinstance(found, Breach)
    return found.happened, found.rule, found.at


def _raises(error: BaseException) -> str:
    raise ValueError(error)


def _constant(value: object) -> Function:
    return lambda _: value


def test_every_clause_but_that_on_growth_has_a_rule() -> None:
    """Of all that a function owes."""
    assert {*MESSAGES, "message/linear"} == {clause.id for clause in MESSAGE.clauses}


def test_what_an_exception_says() -> None:
    """Its text as an exact str, or nothing where it can't say it."""
    assert [said(each) for each in (None, ValueError("a\n"), KeyError("a"), ValueError())] == [
        "",
        "a\n",
        "'a'",
        "",
    ]
    assert {said(each) for each in odd() if isinstance(each, Trouble)} == {"", "a\nb"}


def test_total() -> None:
    """It raises, gives no str, or something for None."""
    rule = "any exception gives a str"
    assert broken("total", _raises, "a") == ("it raises ValueError", rule, -1)
    assert broken("total", _constant(b""), "a") == ("it gives bytes, and not a str", rule, -1)
    assert broken("total", _raises, None) == ("it raises ValueError", rule, -1)
    nothing = ("None gives something else than the empty string", "None gives ''", -1)
    assert broken("total", str, None) == broken("total", _constant(None), None) == nothing
    assert checked("total", safe_failure_message, None) is True
    assert checked("total", safe_failure_message, "a") is True


def test_bounded() -> None:
    """A lone surrogate, too many characters, too many bytes."""
    rule = "at most 256 characters, always encodable as UTF-8"
    assert broken("bounded", str, "ab\udc80") == (
        "the message can't be encoded as UTF-8: it has U+DC80 a lone surrogate in it", rule, 2,
    )  # fmt: skip
    assert broken("bounded", str, "\u00e9" * 257) == ("the message has 257 characters", rule, 256)
    assert broken("bounded", str, "\u00e9" * 4, Bound(7, in_bytes=True)) == (
        "the message has 8 bytes of UTF-8", "at most 7 bytes of UTF-8, always encodable as UTF-8", 3,
    )  # fmt: skip
    assert checked("bounded", _raises, "a") is False
    assert checked("bounded", str, "\u00e9" * 256) is True


def _cut(error: object) -> str:
    return str(error).encode()[:256].decode(errors="replace")


def test_a_character_cut_in_two() -> None:
    """U+FFFD at the cut, for what is kept where it stands before."""
    assert broken("bounded", _cut, "a" + "\u00e9" * 200) == (
        "the message is cut inside a character", "at most 256 characters, always encodable as UTF-8", 128,
    )  # fmt: skip
    assert broken("bounded", _cut, "\U0001f600" * 30 + "xyz" + "\U0001f600" * 60)[2] == 66


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (_cut, "\u00e9" * 200),  # between two characters
        (
            _cut,
            "a" * 255 + "\u00e9b",
        ),  # a character that stands nowhere before: it may be one that is replaced
        (_cut, "\u00e9\ufffd"),
        (_cut, "a" + "\u00e9" * 127 + "\ufffd" * 9),  # what was lost is U+FFFD itself
        (lambda error: str(error)[:255] + "\ufffd" * (len(str(error)) > 255), "\u00e9" * 300),  # a mark
        (lambda error: "failed\ufffd", "\u00e9" * 300),
        (lambda error: "\ufffd", "\u00e9" * 300),
    ],
)
def test_no_character_is_cut_in_two(function: Function, text: str) -> None:
    """In doubt the function is right: U+FFFD may be what it puts for some characters, or for a cut."""
    assert checked("bounded", function, text) is True


@pytest.mark.parametrize(
    ("clause", "character", "name", "rule"),
    [
        ("one-line", "\n", "U+000A LINE FEED", "no line break, tab or control character"),
        ("one-line", "\x7f", "U+007F DELETE", "no line break, tab or control character"),
        ("one-line", "\x9b", "U+009B a control character", "no line break, tab or control character"),
        ("one-line", "\u2028", "U+2028 LINE SEPARATOR", "no line break, tab or control character"),
        ("inert", "\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE", "no bidirectional control"),
        ("inert", "\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE", "no bidirectional control"),
    ],
)
def test_characters_that_may_not_be_in_it(clause: str, character: str, name: str, rule: str) -> None:
    """An exception that says none of them says nothing of the function."""
    assert broken(clause, str, f"ab{character}c") == (f"the message has {name} in it", rule, 2)
    assert checked(clause, safe_failure_message, f"ab{character}c") is True
    assert checked(clause, safe_failure_message, "abc") is False
    assert checked(clause, _raises, f"ab{character}c") is False


def test_joiners_and_other_invisible_characters_may_stay() -> None:
    """Emoji are made with them."""
    assert checked("inert", str, "\U0001f468\u200d\U0001f469 \ufe0f\u200b\ufeff") is False


def test_never_empty() -> None:
    """Empty, blank, or one text now and another then."""
    rule = "an exception with nothing to say gives a fixed text"
    assert broken("never-empty", str, "") == ("the message is empty", rule, -1)
    assert broken("never-empty", str, " \u3000") == ("the message is blank", rule, -1)
    assert broken("never-empty", repr, " ") == ("two exceptions that say nothing give two texts", rule, 13)
    assert checked("never-empty", safe_failure_message, "\n") is True
    assert checked("never-empty", safe_failure_message, "a") is False
    assert checked("never-empty", _raises, "") is False


def test_the_fixed_text_may_name_the_class() -> None:
    """One text for each class is as good; and one that raises for another exception breaks another clause."""
    assert checked("never-empty", lambda error: type(error).__name__, ValueError()) is True
    assert checked("never-empty", lambda error: _raises(error) if error.args == () else "x", " ") is True


def test_stable() -> None:
    """What it gave, said by an exception, gives that again."""
    assert broken("stable", lambda error: f"failed: {error}", "a") == (
        "a message that it gave is not given again",
        "an exception that says a safe message gives that message again",
        8,
    )
    assert broken("stable", lambda error: str(error).strip()[:5], "1234 678")[2] == 4
    assert checked("stable", safe_failure_message, "a\n") is True
    for unsafe in ("a\nb", "a" * 257, "\ud800", ""):
        assert checked("stable", str, unsafe) is False
    assert checked("stable", lambda error: _raises(error) if str(error) == "b" else "b", "a") is False


def test_keeps() -> None:
    """Printable ASCII without blanks around, up to 200 characters or the bound, and nothing like a secret."""
    assert broken("keeps", lambda error: str(error).lower(), "ab Cd") == (
        "a clean message is not kept whole", "a clean message of up to 200 ASCII characters is kept whole", 3,
    )  # fmt: skip
    assert broken("keeps", lambda error: str(error)[:9], "x" * 10, Bound(10))[1] == (
        "a clean message of up to 10 ASCII characters is kept whole"
    )
    assert checked("keeps", _raises, "a") is False
    assert checked("keeps", str, "a  b") is True
    for other in ("", " a", "a ", "a\n", "\u00e9", "x" * 201, "mail to a@b", "token=abc"):
        assert checked("keeps", _constant("no"), other) is False


def test_redacts() -> None:
    """What is secret in it does not come through."""
    error = Leaky("charge of \u00e9: 4111 1111 1111 1111", "4111 1111 1111 1111", "a card number")
    assert broken("redacts", str, error) == (
        "a card number comes through", "a card number does not come through: '4111 1111 1111 1111'", 13,
    )  # fmt: skip
    assert checked("redacts", _constant("charge of \u00e9: ..."), error) is True
    assert checked("redacts", _raises, error) is False
    assert MESSAGES["message/redacts"].text(error) is None


def test_a_secret_that_is_only_written_otherwise_comes_through_all_the_same() -> None:
    """Without the blanks and dashes between its digits, a card number is still the card number."""
    error = Leaky("charge failed: 4111-1111 1111 1111", "4111-1111 1111 1111", "a card number")
    for function in (lambda each: str(each).replace(" ", "").replace("-", ""), lambda each: str(each)[15:]):
        assert broken("redacts", function, error)[0] == "a card number comes through"


def test_more_than_half_of_a_secret_is_too_much() -> None:
    """The server of an address may stay."""
    error = Leaky("token=abcdefgh is not valid", "abcdefgh", "a token")
    assert broken("redacts", _constant("token=...defgh"), error) == (
        "more than half of a token comes through",
        "a token does not come through, nor more than half of it: 'abcdefgh'", 9,
    )  # fmt: skip
    assert checked("redacts", _constant("token=...efgh"), error) is True
    address = Leaky("a@example.org", "a@example.org", "an e-mail address")
    assert checked("redacts", _constant("...@example.org"), address) is True


def test_the_text_of_an_exception_can_be_made_smaller() -> None:
    """If it is one of Python's own with one str and says just that."""
    asked = MESSAGES["message/total"]
    errors = (OSError("a"), KeyError("a"), ValueError("a", "b"), ValueError(b"a"), Trouble(str, "x"), None)
    assert [asked.text(each) for each in errors] == ["a", None, None, None, None, None]
    smaller = asked.with_text(OSError("a"), "b")
    assert (type(smaller), smaller.args) == (OSError, ("b",))


@pytest.mark.parametrize("clause", MESSAGES)
@pytest.mark.parametrize("bound", [Bound(20), Bound(256), Bound(256, in_bytes=True)])
def test_the_inputs_exercise_their_clause(clause: str, bound: Bound) -> None:
    """Those that are always tried say something of a function that keeps the contract."""

    def function(error: BaseException) -> str:
        if isinstance(error, Leaky):
            return "(secret)"
        # What fits into the bound and is still the same when it is said again.
        return safe_failure_message(error).encode()[: bound.most].decode(errors="ignore").strip()

    asked, subject = MESSAGES[clause], Sanitizer(function, "message", bound=bound)
    with Calls(function) as calls:
        found = {asked.check(subject, calls, error) for error in asked.fixed(subject)}
        found |= {asked.check(subject, calls, error) for error in asked.large() if bound == USUAL}
    assert found - {False} == {True}
