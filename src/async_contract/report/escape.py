"""Values and texts of a store, made fit for a terminal."""

from __future__ import annotations

import re

# A str that looks like another type's value is quoted, so that '7' and 7 stay apart.
_BARE = re.compile(r"(?!(?:[0-9.]+|None|True|False)\Z)[A-Za-z0-9_][A-Za-z0-9_.:@/+-]*")


def literal(value: object, limit: int = 40) -> str:
    """A value in printable ASCII: an ordinary id as it is, anything else as a shortened literal.

    Look-alikes stay apart, since everything outside ASCII is escaped.

    Args:
        value: Whatever the store delivered.
        limit: The most characters to show of it, quotes included.
    """
    if isinstance(value, str):
        if len(value) <= limit and _BARE.fullmatch(value):
            return value
        return _quoted(value, "characters", limit)
    if isinstance(value, (bytes, bytearray)):
        return _quoted(bytes(value), "bytes", limit)
    try:
        text = ascii(value)
    except Exception:  # noqa: BLE001 - a repr of the store's own may do anything
        return f"<{type(value).__name__}>"
    return clip(inline(text), limit)


def clip(text: str, limit: int) -> str:
    """The text, or its beginning and an ellipsis if it has more than `limit` characters."""
    return text if len(text) <= limit else text[: max(limit - 3, 0)] + "..."


def inline(text: str) -> str:
    """The text on one line: what does not print (controls, bidirectional marks) is escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def block(text: str) -> str:
    """The text with its line breaks; what does not print is escaped."""
    return "\n".join(inline(line) for line in text.split("\n"))


def _quoted(value: str | bytes, unit: str, limit: int) -> str:
    # Cut before it is escaped: the value may have many megabytes, the escapes ten times as many.
    kept = min(len(value), limit)
    while len(ascii(value[:kept])) > limit:
        kept -= 1
    text = ascii(value[:kept])
    return text if kept == len(value) else f"{text}... ({len(value)} {unit})"
