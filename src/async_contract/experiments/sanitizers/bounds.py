"""How long a safe text may be."""

from __future__ import annotations

import re
from typing import NamedTuple

_BOUND = re.compile(r"([0-9]+)(b?)")

LEAST = {"label": len("unknown"), "message": 1}
"""By kind: the least bound that leaves the function something to say."""


class Bound(NamedTuple):
    """The most that a safe text may have.

    Attributes:
        most: So many.
        in_bytes: Of bytes in UTF-8; else of characters, which are code points.
    """

    most: int
    in_bytes: bool = False

    def __str__(self) -> str:
        return f"{self.most} {'bytes of UTF-8' if self.in_bytes else 'characters'}"

    @property
    def option(self) -> str:
        """The text that `read` reads."""
        return f"{self.most}b" if self.in_bytes else str(self.most)

    def size(self, text: str) -> int:
        """How much of the bound a text takes up; a lone surrogate counts as three bytes."""
        return len(text.encode(errors="surrogatepass")) if self.in_bytes else len(text)

    def beginning(self, text: str) -> int:
        """How many characters of the text, from its beginning, are within the bound."""
        if not self.in_bytes:
            return min(len(text), self.most)
        return len(text.encode(errors="surrogatepass")[: self.most].decode(errors="ignore"))


BOUNDS = {"label": Bound(64), "message": Bound(256)}
"""By kind: the bound that the contract names."""


def read(text: str | int, kind: str) -> Bound:
    """The bound that a text such as `64` or `256b` says, for a kind of function.

    Raises:
        ValueError: It says none; the message says what to write.
    """
    found = _BOUND.fullmatch(str(text).strip())
    usual = BOUNDS[kind].most
    if found is None:
        raise ValueError(
            f"{text!r} is no bound; write a number of characters, such as {usual}, "
            f"or of bytes in UTF-8, such as {usual}b"
        )
    bound = Bound(int(found[1]), bool(found[2]))
    if bound.most < LEAST[kind]:
        room = "unknown has to fit in" if kind == "label" else "nothing fits in"
        raise ValueError(f"{text!r} is too small a bound: {room}; write {LEAST[kind]} or more")
    return bound
