"""A text that breaks a rule made as small as it can be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

TRIES = 400
"""So many shorter texts are tried at the most, and then as many simpler ones."""

SECONDS = 2.0
"""So long is it looked for them."""


def smaller(text: str, breaks: Callable[[str], bool]) -> str:
    """The text without what it does not take, and with `a` for what may be any character.

    Args:
        text: It breaks the rule.
        breaks: Whether another one does.
    """
    left, until = TRIES, time.monotonic() + SECONDS

    def still(candidate: str) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and time.monotonic() < until and breaks(candidate)

    for size in _halves(len(text)):
        at = 0
        while at < len(text) and left > 0:
            shorter = text[:at] + text[at + size :]
            if still(shorter):
                text = shorter
            else:
                at += size
    left = TRIES
    for size in _halves(len(text)):
        for at in range(0, len(text), size):
            plain = "a" * len(text[at : at + size])
            simpler = f"{text[:at]}{plain}{text[at + size :]}"
            if left > 0 and simpler != text and still(simpler):
                text = simpler
    return text


def _halves(size: int) -> Iterator[int]:
    while size:
        yield size
        size //= 2
