"""Texts and exceptions written out so that nothing in them is invisible, long, or has a will of its own."""

from __future__ import annotations

import pytest

from async_contract.experiments.sanitizers.errors import Text, Trouble, odd
from async_contract.experiments.sanitizers.visible import MOST, Written, literal, named, shown, written

SEVEN_RUNS = "".join(each * 12 for each in "abcdefg")
GROUP = "ExceptionGroup("


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("", "''"),
        ('it\'s "so"', "'it\\'s \"so\"'"),
        ("a\\b\n\x00\x7f\x85", "'a\\\\b\\n\\x00\\x7f\\x85'"),
        ("\u00e9\u2028\U0001f600\ud800", "'\\xe9\\u2028\\U0001f600\\ud800'"),
    ],
)
def test_every_character_is_written_in_printable_ascii(text: str, out: str) -> None:
    """As a literal that Python reads as the same text."""
    assert (written(text), eval(out)) == (Written(out), text)  # noqa: S307 - the literals above


@pytest.mark.parametrize(
    ("text", "at", "out"),
    [
        ("a\x00b", 1, Written("'a\\x00b'", 2, 4)),
        ("abc", 3, Written("'abc'", 4, 1)),
        ("", 0, Written("''", 1, 1)),
        ("x" * 200, 0, Written("'" + "x" * MOST + "'...", 1, 1)),
        ("x" * 200, 100, Written("...'" + "x" * MOST + "'...", 48, 1)),
        ("x" * 200, 200, Written("...'" + "x" * MOST + "'", 92, 1)),
    ],
)
def test_a_long_text_is_shown_around_the_place_that_matters(text: str, at: int, out: Written) -> None:
    """With three dots for what is left out, and the column where the place is."""
    assert written(text, at) == out


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("short", "'short'"),
        ("a" * 300, "'a' * 300"),
        ("ab" + "\n" * 50 + "'", "'ab' + '\\n' * 50 + '\\''"),
        ("\x00" * 20 + "b" * 30, "'\\x00' * 20 + 'b' * 30"),
        ("ab" * 50, "'" + "ab" * 44 + "'... (100 characters)"),
        (SEVEN_RUNS, f"'{SEVEN_RUNS}' (84 characters)"),
        ("a" * (1 << 21), "'a' * 2097152"),
        ("ab" * (1 << 20), "'" + "ab" * 44 + "'... (2097152 characters)"),
    ],
)
def test_a_long_text_is_an_expression_if_it_is_runs(text: str, out: str) -> None:
    """Else its beginning, and how long it is."""
    assert literal(text) == out


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("a", "U+0061 LATIN SMALL LETTER A"),
        ("\n", "U+000A LINE FEED"),
        ("\x01", "U+0001 a control character"),
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\ud800", "U+D800 a lone surrogate"),
        ("\ue000", "U+E000 private use"),
        ("\U0010ffff", "U+10FFFF unassigned"),
    ],
)
def test_a_character_is_named(character: str, name: str) -> None:
    """By its code point, and by its name or what it is."""
    assert named(character) == name


class _Shy:
    def __repr__(self) -> str:
        raise RuntimeError


def test_whatever_a_function_gives_is_shown() -> None:
    """Short, and also where its repr raises."""
    assert (shown(7), shown(_Shy()), shown(b"x" * 100)) == ("7", "<_Shy>", "b'" + "x" * 86 + "...")
    assert shown(Text("a\nb")) == "'a\\nb'"


def _caused() -> Exception:
    error = ValueError("a\n")
    error.__cause__ = KeyError()
    return error


@pytest.mark.parametrize(
    ("error", "out"),
    [
        (RuntimeError(), "RuntimeError()"),
        (OSError(2, "gone\n"), "FileNotFoundError(2, 'gone\\n')"),
        (type("Bad\nName", (Exception,), {})(b"\xff"), "Bad\\nName(b'\\xff')"),
        (Trouble(str, "an exception whose __str__ does this"), "an exception whose __str__ does this"),
        (_caused(), "ValueError('a\\n') from KeyError"),
        (ExceptionGroup("g", [ValueError(1), KeyError()]), f"{GROUP}'g', [ValueError(1), KeyError()])"),
        (ExceptionGroup("g", [KeyError()] * 4), f"{GROUP}'g', [KeyError(), KeyError(), KeyError(), ...])"),
    ],
)
def test_an_exception_is_the_expression_that_makes_it(error: Exception, out: str) -> None:
    """Those that were made to be hostile say how they are, for nothing may be asked of them."""
    assert shown(error) == out


def test_groups_within_groups_are_written_to_a_depth() -> None:
    """Two thousand of them would be too deep to write."""
    group: ExceptionGroup[Exception] = ExceptionGroup("inner", [ValueError()])
    for _ in range(2_000):
        group = ExceptionGroup("outer", [group])
    outer = f"{GROUP}'outer', ["
    assert shown(group) == f"{outer * 4}...{'])' * 4}"


def test_every_odd_exception_can_be_shown() -> None:
    """In printable ASCII."""
    told = [shown(error) for error in odd()]
    assert all(each.isascii() and each.isprintable() for each in told)
