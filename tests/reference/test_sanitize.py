"""Labels and failure messages are safe whatever text goes in."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from async_contract.reference.sanitize import safe_failure_message, safe_label

ASCII_BLANKS = " \t\n\r\v\f"
HOSTILE = st.one_of(
    st.text(max_size=400),
    st.text(st.characters(), max_size=400),  # lone surrogates too
    st.text(st.sampled_from("aZ é\u3000\u202e\u2028\x00\x1f\x7f\x85\n\ud800\U0001f600"), max_size=400),
)
properties = settings(max_examples=100, deadline=None)


class _Hostile(str):
    """A str whose methods lie."""

    __slots__ = ()

    def __str__(self) -> str:
        return "lies\n"

    def strip(self, chars: str | None = None, /) -> str:
        return "LIES\n"

    def translate(self, table: object, /) -> str:
        return "LIES\n"

    def __len__(self) -> int:
        return 0


class _Speaker(Exception):
    """An exception whose text is whatever `says` returns or raises."""

    def __str__(self) -> str:
        said = self.args[0]
        if isinstance(said, BaseException):
            raise said
        return said  # type: ignore[no-any-return] # it may be anything: that is what is tried


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("send-email", "send-email"),
        ("  Send Email\n", "send_email"),
        ("a.b_c-9", "a.b_c-9"),
        ("a/b:c", "a_b_c"),
        ("", "unknown"),
        ("\u3000\u2003\x1f", "unknown"),
        ("é\x00\ud800😀", "____"),
        ("İ", "i_"),
        ("x" * 65, "x" * 64),
        ("İ" * 64, "i_" * 32),
        (_Hostile(" Kind "), "kind"),
    ],
)
def test_a_label_is_what_is_left_of_the_text(text: str, label: str) -> None:
    """A label is the text, stripped, lower-cased, with `_` for what is not allowed, and cut at 64."""
    result = safe_label(text)
    assert (result, type(result)) == (label, str)


@properties
@given(HOSTILE)
def test_every_label_is_bounded_and_stable(text: str) -> None:
    """Any text gives 1 to 64 allowed characters, which give themselves again."""
    label = safe_label(text)
    assert 1 <= len(label) <= 64
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-.")
    assert safe_label(label) == label
    assert text.strip() or label == "unknown"


@properties
@given(HOSTILE, st.text(ASCII_BLANKS, max_size=3), st.text(ASCII_BLANKS, max_size=3))
def test_case_and_blanks_around_it_make_no_difference_to_a_label(text: str, before: str, after: str) -> None:
    """Texts that differ in ASCII case and in ASCII blanks around them have one label."""
    swapped = "".join(c.swapcase() if c.isascii() else c for c in text)
    assert safe_label(before + swapped + after) == safe_label(text)


def test_a_label_of_a_huge_text_costs_no_more_than_stripping_it() -> None:
    """Ten million characters are no trouble, blank or not."""
    assert safe_label(" " * 10_000_000) == "unknown"
    assert safe_label("É" * 10_000_000) == "_" * 64


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("disk full", "disk full"),
        ("  two  words ", "two  words"),
        ("a\tb\nc\rd\ve\ff\x1cg\x1dh\x1ei\x85j\u2028k\u2029l", "a b c d e f g h i j k l"),
        ("a\x00b\x07c\x1bd\x1fe\x7ff\x80g\x9fh", "abcdefgh"),
        ("a\u061cb\u200ec\u200fd\u202ae\u202ef\u2066g\u2069h", "abcdefgh"),
        ("a\u200db", "a\u200db"),
        ("a\ud800b\udfff", "a\ufffdb\ufffd"),
        ("", "worker failed"),
        (" \u3000\n\x00\u202e ", "worker failed"),
        ("\x00 late", "late"),
        ("x" * 257, "x" * 256),
        ("x" * 255 + "é", "x" * 255),
        ("x" * 254 + "é", "x" * 254 + "é"),
        ("x" * 255 + " y", "x" * 255),
        ("😀" * 100, "😀" * 64),
        ("\n" * 5_000 + "deep\n" + "\n" * 5_000, "deep"),
        ("a" + "\x00" * 5_000 + "b", "ab"),
        (_Hostile(" said "), "said"),
        (7, "worker failed"),
        (b"bytes", "worker failed"),
        (ValueError("no text"), "worker failed"),
        (RecursionError(), "worker failed"),
        (SystemExit("no text"), "worker failed"),
        (KeyboardInterrupt(), "worker failed"),
    ],
)
def test_a_message_is_what_is_left_of_what_was_said(said: object, message: str) -> None:
    """A message is one line, without controls, stripped, cut between characters, never empty."""
    result = safe_failure_message(_Speaker(said))
    assert (result, type(result)) == (message, str)


def test_no_error_gives_an_empty_message() -> None:
    """`None` says nothing, and is told apart from an error that says nothing."""
    assert safe_failure_message(None) == ""


def test_exceptions_of_every_shape_give_their_own_text() -> None:
    """Groups, chains and exceptions that are no `Exception` are told as Python tells them."""
    chained = ValueError("outer")
    chained.__cause__ = ValueError("inner")
    group = ExceptionGroup("several", [chained, KeyError("k")])
    errors = (
        chained,
        group,
        KeyError("k"),
        OSError(2, "gone"),
        Exception(b"x"),
        SystemExit(3),
        GeneratorExit(),
    )
    assert [safe_failure_message(error) for error in errors] == [
        "outer", "several (2 sub-exceptions)", "'k'", "[Errno 2] gone", "b'x'", "3", "worker failed",
    ]  # fmt: skip


@properties
@given(HOSTILE)
def test_every_message_is_bounded_inert_and_stable(text: str) -> None:
    """Any text gives one line of at most 256 bytes, which gives itself again."""
    message = safe_failure_message(_Speaker(text))
    assert 1 <= len(message.encode()) <= 256
    assert not {unicodedata.category(c) for c in message} & {"Cc", "Zl", "Zp", "Cs"}
    assert not {unicodedata.bidirectional(c) for c in message} & {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    }  # fmt: skip
    assert not set(message) & set("\u061c\u200e\u200f")
    assert message == message.strip()
    assert message.splitlines() == [message]
    assert safe_failure_message(_Speaker(message)) == message


@properties
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200).map(str.strip).filter(bool))
def test_a_clean_message_is_kept_whole(text: str) -> None:
    """Up to 200 printable ASCII characters come through as they are."""
    assert safe_failure_message(_Speaker(text)) == text


@pytest.mark.parametrize("text", ["x", "é", " ", "\n", "\x00", "\u202e", "\ud800"])
def test_a_huge_message_is_read_in_pieces(text: str) -> None:
    """Ten million characters never need a cleaned copy of their whole length."""
    assert len(safe_failure_message(_Speaker(text * 10_000_000)).encode()) <= 256


def test_every_code_point_is_either_kept_or_safe() -> None:
    """No character that breaks a line, or is a control, gets through: all code points are tried."""
    pieces = ("".join(map(chr, range(code, code + 32))) for code in range(0, sys.maxunicode + 1, 32))
    kept = {ord(c) for piece in pieces for c in safe_failure_message(_Speaker(f"<{piece}>"))}
    gone = set(range(sys.maxunicode + 1)) - kept
    assert gone == {
        *range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F),
        *range(0x2066, 0x206A), *range(0xD800, 0xE000),
    }  # fmt: skip
