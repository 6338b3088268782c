"""Texts that break functions which make text safe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache

from async_contract.experiments.sanitizers.bounds import Bound

CONTROLS = tuple(map(chr, (*range(0x20), 0x7F, *range(0x80, 0xA0))))
"""C0, DEL and C1."""

SEPARATORS = ("\u2028", "\u2029")
"""What starts a new line without being a control character."""

BIDIRECTIONAL = tuple(map(chr, (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""What makes a line read in another order than it is written."""

BLANKS = tuple(character for character in map(chr, range(0x3001)) if character.isspace())
"""What `str.strip()` takes away."""

ASCII_BLANKS = " \t\n\r\v\f"
"""The blanks of ASCII that every language knows for blanks."""

INVISIBLE = tuple("\u00ad\u034f\u115f\u180e\u200b\u200c\u200d\u2060\u2061\u3164\ufe0f\ufeff\ufff9\U000e0041")
"""Characters that don't show, or only in what stands beside them."""

SURROGATES = ("\ud800", "\udbff", "\udc00", "\udc80", "\udfff", "\ud83d\ude00")
"""Halves of characters, which no UTF-8 can hold, and two of them."""

UNSTEADY = (
    "\u00df", "\u0130", "\u0131", "\ufb00", "\ufb03", "\u03a3", "\u03c2", "\u0149", "\u01f0", "\u0390",
    "\u1e9e", "\u017f", "\u212a", "\u212b", "A\u030a", "\u2167", "\ufdfa", "\uac00", "\u1100\u1161", "\uff21",
    "\u0345",
)  # fmt: skip
"""Text that grows, shrinks or changes under case folding and normalization."""

CLUSTERS = (
    "e\u0301", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f1e9\U0001f1ea",
    "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "\u0ba8\u0bbf", "\u1112\u1161\u11ab", "\r\n",
)  # fmt: skip
"""What reads as one character and is several."""

CATEGORIES = (
    "A", "z", "\u01c5", "\u02b0", "\u05d0", "\u0301", "\u0903", "\u20dd", "7", "\u216b", "\u00bd", "_", "-",
    "(", ")", "\u00ab", "\u00bb", "!", "+", "$", "^", "\u00a9", " ", "\u00a0", "\u2028", "\u2029", "\x00",
    "\u00ad", "\ud800", "\ue000", "\U0010ffff", "\u4e2d", "\U00020000", "\U0001f600",
)  # fmt: skip
"""A character of every category there is."""

FORGED = (
    "ok\n2026-01-01 00:00:00 ERROR root: forged", "ok\r\n\r\n<script>alert(1)</script>", "a\rb", "a\tb",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31mred", "a\x00b", "a\x08\x08b", "a\x7fb", "a\x85b",
    "%s%n%d", "{0.__class__}", "${jndi:ldap://x/y}", "'; DROP TABLE jobs; --", "a\\nb", "\\u000a", "&#10;",
    "=1+1", "../../etc/passwd", "pay\u202egnp.exe", "\u2066a\u2069",
    "a%0ab", "a%250ab", "a%20b", "&lt;a&gt;",
)  # fmt: skip
"""Text that means something to whoever reads it."""

LOOK_ALIKES = (
    "unknown", "UNKNOWN", " unknown ", "Unknown", "unkn\u043ewn", "unknown\u200b", "un known", "\uff55nknown",
    "none", "None", "null", "-", "_", ".", "..", "--", "__", "0", "nan", "a.b-c_d",
)  # fmt: skip
"""What looks like the label of nothing, or like no label."""

GROWING = ("\t", "&", "<", '"', "'", "\\", "%", "{", "$")
"""What gets longer when it is laid out, escaped or quoted."""

MANY = 5_000
"""So many characters are more than what calls itself for each of them can do."""

WIDTHS = ("a", "\u00e9", "\u20ac", "\U0001f600")
"""Characters of one byte in UTF-8, of two, three and four."""

LARGE = 10 * (1 << 20)
"""The number of characters in 10 MiB."""

_PIECE = 32


def around(bound: Bound) -> Iterator[str]:
    """Texts as long as the bound allows, and a little shorter and longer, before and after stripping."""
    for unit in WIDTHS:
        width = len(unit.encode()) if bound.in_bytes else 1
        for extra in (-1, 0, 1, 2):
            yield unit * (bound.most // width + extra)
            # All places where a character of several bytes can be cut.
            yield "a" * extra + unit * (bound.most // width)
    for blank in (" ", "\n", "\u3000", "\x00"):
        for length in (bound.most - 1, bound.most, bound.most + 1):
            yield f"{'a' * length}{blank}b"
            yield f"{blank * 3}{'a' * length}{blank * 3}"
            yield f"{blank * length}a"
    for cluster in (*CLUSTERS, *UNSTEADY, *SURROGATES):
        for before in (bound.most - len(cluster), bound.most - 1):
            yield "a" * before + cluster + "b"
        yield cluster * bound.most
    for character in GROWING:
        yield f"{'a' * (bound.most - 2)}{character}b"
        yield f"a{character * (bound.most - 2)}b"
    yield "e" + "\u0301" * (2 * bound.most)
    yield from (unit * MANY for unit in ("a", " ", "A ", "\n", "\u00e9"))


def hostile(bound: Bound) -> Iterator[str]:
    """Texts of every kind, the short ones first."""
    yield from ("", "a", "A", "mail.send", "Mail Send", "a" * bound.most, *LOOK_ALIKES, *CATEGORIES)
    for character in (*CONTROLS, *SEPARATORS, *BIDIRECTIONAL, *INVISIBLE, *UNSTEADY, *SURROGATES, *BLANKS):
        yield f"a{character}b"
    yield from (*UNSTEADY, *SURROGATES, *CLUSTERS, *FORGED, *INVISIBLE)
    for character in (*CONTROLS, *SEPARATORS, *BIDIRECTIONAL, *INVISIBLE):
        yield from (character, f"{character}a", f"a{character}")
    yield from around(bound)


def large() -> Iterator[str]:
    """Texts of 10 MiB."""
    yield from (unit * LARGE for unit in ("a", " ", "\x00", "\u00e9", "\ud800"))


def blanks() -> Iterator[str]:
    """Texts that `str.strip()` empties."""
    yield from ("", *BLANKS, "".join(BLANKS), " " * 63, " " * 64, " " * 65, " " * 1000, "\u3000" * 300)
    yield from (f" {each}" for each in BLANKS)


@lru_cache(maxsize=1)
def everything() -> tuple[str, ...]:
    """Every code point, 32 to a text."""
    return tuple(
        "".join(map(chr, range(code, code + _PIECE))) for code in range(0, sys.maxunicode + 1, _PIECE)
    )
