"""How long a safe text may be, and what stands on the command line for it."""

from __future__ import annotations

import pytest

from async_contract.experiments.sanitizers.bounds import BOUNDS, Bound, read
from async_contract.experiments.sanitizers.subject import Sanitizer


@pytest.mark.parametrize(
    ("text", "kind", "bound", "told", "option"),
    [
        ("64", "label", Bound(64), "64 characters", "64"),
        (64, "label", Bound(64), "64 characters", "64"),
        (" 64b ", "label", Bound(64, in_bytes=True), "64 bytes of UTF-8", "64b"),
        ("7", "label", Bound(7), "7 characters", "7"),
        ("1b", "message", Bound(1, in_bytes=True), "1 bytes of UTF-8", "1b"),
    ],
)
def test_a_bound_is_read(text: str | int, kind: str, bound: Bound, told: str, option: str) -> None:
    """A number of characters, or with `b` of bytes, which is what it is written as again."""
    assert (read(text, kind), str(bound), bound.option) == (bound, told, option)


@pytest.mark.parametrize("text", ["", "b", "-1", "6.4", "64 b", "64B", "64bytes", "\u0664", "many"])
def test_what_is_no_bound_is_told(text: str) -> None:
    """With what to write, for the kind of function that it is for."""
    with pytest.raises(ValueError, match="is no bound") as caught:
        read(text, "message")
    assert str(caught.value) == (
        f"{text!r} is no bound; write a number of characters, such as 256, or of bytes in UTF-8, such as 256b"
    )


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("6", "label", "unknown has to fit in; write 7 or more"),
        ("6b", "label", "unknown has to fit in; write 7 or more"),
        ("0", "message", "nothing fits in; write 1 or more"),
    ],
)
def test_a_bound_that_leaves_nothing_to_say_is_told(text: str, kind: str, why: str) -> None:
    """A label must have room for `unknown`, a message for something."""
    with pytest.raises(ValueError, match="too small") as caught:
        read(text, kind)
    assert str(caught.value) == f"{text!r} is too small a bound: {why}"


def test_how_much_of_a_bound_a_text_takes_up() -> None:
    """Code points, or bytes, of which a lone surrogate has three; and where the rest of the text begins."""
    text = "a\u00e9\u20ac\U0001f600\ud800"
    characters, in_bytes = Bound(3), Bound(5, in_bytes=True)
    assert (characters.size(text), in_bytes.size(text)) == (5, 1 + 2 + 3 + 4 + 3)
    assert (characters.beginning(text), in_bytes.beginning(text)) == (3, 2)
    assert (characters.beginning("ab"), in_bytes.beginning("ab")) == (2, 2)


def test_a_function_has_the_bound_of_the_contract_unless_its_owner_says_another() -> None:
    """64 characters for a label, 256 for a message."""
    assert {kind: Sanitizer(str, kind).bound for kind in BOUNDS} == {
        "label": Bound(64),
        "message": Bound(256),
    }
    assert Sanitizer(str, "label", bound=Bound(9)).bound == Bound(9)
