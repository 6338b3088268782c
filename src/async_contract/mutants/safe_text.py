"""The functions of which every broken sanitizer is a changed copy, and what they are made of."""

from __future__ import annotations

import re
from functools import cache

UNKNOWN = "unknown"
"""The label of a blank text."""

LONGEST_LABEL = 64
"""The most characters of a label."""

NOTHING = "no reason given"
"""The message of an exception that says nothing."""

LONGEST_MESSAGE = 256
"""The most characters of a message."""

OUTSIDE = re.compile(r"[^a-z0-9_.-]")
"""A character that no label may have."""

BREAKS = "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
"""What begins a new line, or jumps in one."""

DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What makes a line read otherwise."""

FIRST_CONTROLS = "".join(map(chr, range(0x20)))
"""Those of ASCII but for DEL."""

SECOND_CONTROLS = "".join(map(chr, range(0x80, 0xA0)))
"""Those beyond ASCII."""

SURROGATES = "".join(map(chr, range(0xD800, 0xE000)))
"""Halves of characters, which no UTF-8 can hold."""

SAFE: dict[int, str | None] = {
    **dict.fromkeys(map(ord, f"{FIRST_CONTROLS}\x7f{SECOND_CONTROLS}{DIRECTIONS}")),
    **dict.fromkeys(map(ord, BREAKS), " "),
    **dict.fromkeys(map(ord, SURROGATES), "?"),
}
"""What becomes of the characters that no message may have."""


def cleaned(text: str) -> str:
    """The text with `_` for what no label may have."""
    return OUTSIDE.sub("_", text)


def plain_label(text: str) -> str:
    """A safe label: stripped, in lower case, cut, and with `_` for what it may not have."""
    return cleaned(text.strip().lower()[:LONGEST_LABEL]) or UNKNOWN


def spoken(error: BaseException) -> str:
    """What an exception says; empty if it can't say it."""
    try:
        return str.__str__(str(error))
    except Exception:  # noqa: BLE001 - a __str__ may do anything
        return ""


def flat(text: str) -> str:
    """The text in one line, without what no message may have."""
    return text.translate(SAFE)


def flat_but_for(kept: str, text: str) -> str:
    """The same, but these characters stay."""
    return text.translate(_safe_but_for(kept))


@cache
def _safe_but_for(kept: str) -> dict[int, str | None]:
    return {code: instead for code, instead in SAFE.items() if chr(code) not in kept}


def fitting(text: str) -> str:
    """The text as long as a message may be."""
    # Stripped once more after the cut, which may be at a blank.
    return text.strip()[:LONGEST_MESSAGE].strip() or NOTHING


def plain_message(error: BaseException | None) -> str:
    """A safe message: what the error says, in one line, stripped and cut."""
    return "" if error is None else fitting(flat(spoken(error)))


_SEEN = 4 * LONGEST_MESSAGE  # what comes later is cut off anyway
MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
"""An e-mail address."""

PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")
"""A password in a URL."""

CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
"""The number of a card."""

TOKEN = re.compile(r"(bearer\s+|(?:access_token|token|api_key|secret|password)\s*[=:]\s*)\S+", re.IGNORECASE)
"""A token, after a word that says so."""


def hidden(text: str) -> str:
    """The text with stars for secrets of the usual shapes."""
    text = PASSWORD.sub(r"\1***", text)
    text = MAIL.sub("***", text)
    text = CARD.sub("***", text)
    return TOKEN.sub(r"\1***", text)


def beginning(error: BaseException) -> str:
    """What an error says, in one line, and only so much of it that looking for secrets takes no time."""
    return flat(spoken(error)).strip()[:_SEEN]


def discreet_message(error: BaseException | None) -> str:
    """A safe message without secrets."""
    return "" if error is None else fitting(hidden(beginning(error)))
