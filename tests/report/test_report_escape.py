"""Values and texts of a store, made fit for a terminal."""

from __future__ import annotations

import pytest

from async_contract.report.escape import block, clip, inline, literal


class _Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class _Hostile:
    def __repr__(self) -> str:
        return "two\nlines \u202e and \x1b[31m more than forty characters"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", "''"),
        ("job-1", "job-1"),
        ("tenant/7:a.b@c+d", "tenant/7:a.b@c+d"),
        ("7", "'7'"),
        (7, "7"),
        ("None", "'None'"),
        (None, "None"),
        ("two words", "'two words'"),
        ("-k", "'-k'"),
        ("caf\u00e9", "'caf\\xe9'"),
        ("cafe\u0301", "'cafe\\u0301'"),
        ("a\x1b[31m\u202e\ud800", "'a\\x1b[31m\\u202e\\ud800'"),
        (b"\x00\xff", "b'\\x00\\xff'"),
        (bytearray(b"x"), "b'x'"),
        (_Unspeakable(), "<_Unspeakable>"),
        (_Hostile(), "two\\nlines \\u202e and \\x1b[31m more t..."),
        ("x" * 40, "x" * 40),
        ("x" * 41, f"'{'x' * 38}'... (41 characters)"),
        ("\U0001f600" * 5, "'\\U0001f600\\U0001f600\\U0001f600'... (5 characters)"),
        (b"x" * 2**20, f"b'{'x' * 37}'... (1048576 bytes)"),
    ],
)
def test_a_value_is_ascii_and_short(value: object, text: str) -> None:
    """An ordinary id stands as it is; everything else is quoted, escaped and shortened."""
    assert literal(value) == text


def test_a_text_is_clipped_with_an_ellipsis() -> None:
    """A text that fits is kept, a longer one ends in three dots."""
    assert [clip("abcdef", limit) for limit in (6, 5, 2)] == ["abcdef", "ab...", "..."]


def test_what_does_not_print_is_escaped() -> None:
    """Controls, separators and bidirectional marks are written out; letters of any script stay."""
    assert inline("Tür \u4e2d") == "Tür \u4e2d"
    assert inline("a\tb\nc\x9b\u202e\u2028\ud800") == "a\\tb\\nc\\x9b\\u202e\\u2028\\ud800"


def test_a_block_keeps_its_lines() -> None:
    """Line breaks stay, and only they."""
    assert block("one\n  two\r\n\x07") == "one\n  two\\r\n\\x07"
