"""Texts and exceptions written out in printable ASCII, with a mark below the place that matters."""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import NamedTuple

MOST = 88
"""So many characters of a written text are shown at the most."""

_LONG_RUN = 12
_MOST_RUNS = 6


class Written(NamedTuple):
    """A text that is written out.

    Attributes:
        text: How it reads, in quotes; what is left out is three dots.
        at: Where in it the place is that matters; -1 if there is none.
        width: How many characters are written there for the one that matters.
    """

    text: str
    at: int = -1
    width: int = 1


def written(text: str, at: int = -1, most: int = MOST) -> Written:
    """Write a text as a literal, around the character at this place if it is long."""
    pieces = [_escaped(each) for each in text[max(at - most, 0) : max(at, 0) + most]]
    before = max(at - most, 0)
    place = at - before if at >= 0 else 0
    start, stop, length = place, place, 0
    # Outwards from the place, a character on either side in turn, as long as there is room.
    while length < most and (start > 0 or stop < len(pieces)):
        if stop < len(pieces):
            length += len(pieces[stop])
            stop += 1
        if start > 0 and length < most:
            start -= 1
            length += len(pieces[start])
    head = "'" if before + start == 0 else "...'"
    tail = "'" if before + stop == len(text) else "'..."
    shown = f"{head}{''.join(pieces[start:stop])}{tail}"
    if at < 0:
        return Written(shown)
    width = len(pieces[place]) if place < len(pieces) else 1
    return Written(shown, len(head) + sum(map(len, pieces[start:place])), width)


def _escaped(character: str) -> str:
    return "\\'" if character == "'" else ascii(character)[1:-1]


def literal(text: str) -> str:
    """A text as an expression: of a long one, runs of one character are multiplied."""
    if len(text) <= MOST // 2:
        return written(text).text
    if len(text) <= 1 << 20 or len(set(text[:1000])) == 1:
        runs = _runs(text)
        if len(runs) <= _MOST_RUNS:
            return " + ".join(runs)
    return f"{written(text).text} ({len(text)} characters)"


def _runs(text: str) -> list[str]:
    runs, short = [], ""
    for character, group in groupby(text):
        length = sum(1 for _ in group)
        if length < _LONG_RUN:
            short += character * length
            if len(short) > MOST:
                return [""] * (_MOST_RUNS + 1)
            continue
        runs += [f"'{''.join(map(_escaped, short))}'"] if short else []
        runs.append(f"'{_escaped(character)}' * {length}")
        short = ""
    return runs + ([f"'{''.join(map(_escaped, short))}'"] if short else [])


def named(character: str) -> str:
    """A character by its code point and its name."""
    # Controls have no name of their own.
    name = unicodedata.name(character, "") or _UNNAMED.get(unicodedata.category(character), "")
    return f"U+{ord(character):04X} {_CONTROLS.get(character, name)}".rstrip()


_UNNAMED = {"Cc": "a control character", "Cs": "a lone surrogate", "Co": "private use", "Cn": "unassigned"}
_CONTROLS = {
    "\0": "NULL", "\a": "BELL", "\b": "BACKSPACE", "\t": "TAB", "\n": "LINE FEED", "\v": "LINE TABULATION",
    "\f": "FORM FEED", "\r": "CARRIAGE RETURN", "\x1b": "ESCAPE", "\x7f": "DELETE", "\x85": "NEXT LINE",
    "\x1c": "FILE SEPARATOR", "\x1d": "GROUP SEPARATOR", "\x1e": "RECORD SEPARATOR",
}  # fmt: skip


def shown(value: object, depth: int = 3) -> str:
    """What a function was given or gave, in printable ASCII, whatever it does when it is looked at.

    Args:
        value: What is shown.
        depth: So many groups of exceptions within one another are written out.
    """
    if isinstance(value, str):
        return literal(str.__str__(value))
    if isinstance(value, BaseException):
        return _error(value, depth)
    try:
        text = ascii(value)
    except Exception:  # noqa: BLE001 - a repr may do anything
        return f"<{type(value).__name__}>"
    return text if len(text) <= MOST else f"{text[:MOST]}..."


def _error(error: BaseException, depth: int) -> str:
    """An exception as the expression that makes it; those made to be hostile say how they are."""
    told = vars(error).get("told")
    if isinstance(told, str):
        return told
    name = ascii(type(error).__name__)[1:-1]
    if isinstance(error, BaseExceptionGroup):
        within = [shown(each, depth - 1) for each in error.exceptions[:3]] if depth else []
        inner = ", ".join(within + ["..."] * (len(within) < len(error.exceptions)))
        text = f"{name}({shown(error.message)}, [{inner}])"
    else:
        text = f"{name}({', '.join(map(shown, error.args))})"
    return f"{text} from {type(error.__cause__).__name__}" if error.__cause__ is not None else text
