"""A text that breaks a rule made as small as it can be."""

from __future__ import annotations

import time
from collections.abc import Callable

TRIES = 400
"""So many smaller texts are tried at the most."""

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

    size = len(text)
    while size:
        at = 0
        while at < len(text) and left > 0:
            shorter = text[:at] + text[at + size :]
            if still(shorter):
                text = shorter
            else:
                at += size
        size //= 2
    for at, character in enumerate(text[:TRIES]):
        simpler = f"{text[:at]}a{text[at + 1 :]}"
        if character != "a" and still(simpler):
            text = simpler
    return text
