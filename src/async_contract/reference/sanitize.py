"""Text from outside made safe: kinds become metric labels, exceptions become failure messages."""

from __future__ import annotations

import re

UNKNOWN_LABEL = "unknown"
"""The label of a text that is blank."""

NOTHING_SAID = "worker failed"
"""The failure message of an exception that has nothing printable to say."""

LABEL_CHARACTERS = 64
"""The most characters in a safe label."""

MESSAGE_BYTES = 256
"""The most bytes of UTF-8 in a safe failure message."""

_OUTSIDE_LABEL = re.compile(r"[^a-z0-9_.\-]")

# Tab, and every character at which str.splitlines() or a terminal starts a new line.
_LINE_BREAKS = "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
# They make the rest of a log line read in another order than it is written.
_BIDIRECTIONAL = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SURROGATES = range(0xD800, 0xE000)  # not encodable as UTF-8

_MESSAGE_TABLE: dict[int, str | None] = {
    **dict.fromkeys(_CONTROLS),
    **dict.fromkeys(_BIDIRECTIONAL),
    **dict.fromkeys(map(ord, _LINE_BREAKS), " "),
    **dict.fromkeys(_SURROGATES, "\N{REPLACEMENT CHARACTER}"),
}

_CHUNK = 1024


def safe_label(text: str) -> str:
    """Return a label that is safe as a metric's dimension: 1 to 64 characters out of `a-z 0-9 _ - .`.

    The text is stripped and lower-cased, and every other character becomes `_`. A blank text
    gives `unknown`. A safe label is left as it is.
    """
    # Cutting before lower() bounds the work: lower() never makes a text shorter.
    start = _plain(text).strip()[:LABEL_CHARACTERS]
    return _OUTSIDE_LABEL.sub("_", start.lower())[:LABEL_CHARACTERS] or UNKNOWN_LABEL


def safe_failure_message(error: BaseException | None) -> str:
    """Return what the error says, as one line of at most 256 bytes of UTF-8; `""` for `None`.

    Line breaks and tabs become a space; other control characters and bidirectional controls
    go; a lone surrogate becomes U+FFFD; the rest is stripped, and cut between two characters.
    An error that says nothing, or cannot say it, gives `worker failed`. Applied to an error that
    says a safe message, it gives that message again.
    """
    if error is None:
        return ""
    return _first_line(_said(error)) or NOTHING_SAID


def _said(error: BaseException) -> str:
    try:
        return _plain(str(error))
    except BaseException:  # noqa: BLE001
        # Not only Exception: the message is wanted while an outcome is being recorded, and a
        # __str__ that raises SystemExit must not stop that.
        return ""


def _plain(text: str) -> str:
    """Return the text as an exact str: a subclass may override strip(), encode() and the rest."""
    return str.__str__(text)


def _first_line(text: str) -> str:
    kept = ""
    for start in range(0, len(text), _CHUNK):
        kept = (kept + text[start : start + _CHUNK].translate(_MESSAGE_TABLE)).lstrip()
        if len(kept) >= MESSAGE_BYTES:  # a character is at least one byte: the rest is cut off anyway
            break
    cut = kept.encode()[:MESSAGE_BYTES].decode(errors="ignore")  # drops the character that was cut in two
    # Stripped after the cut: a blank at the cut would go when the message is made safe once more.
    return cut.rstrip()
