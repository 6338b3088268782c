"""Where code stood: the line of the user's that is worth naming."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

_OURS = str(Path(__file__).parents[1])
_NOT_THEIRS = (_OURS, sysconfig.get_path("stdlib"), "<frozen")


def users_place(stack: traceback.StackSummary) -> str:
    """The innermost line that is neither ours nor Python's own; the innermost of all if there is none."""
    theirs = [each for each in stack if not each.filename.startswith(_NOT_THEIRS)]
    places = theirs or list(stack)
    if not places:
        return ""
    place = places[-1]
    return f"at {place.filename}:{place.lineno} in {place.name}: {place.line}"


def called_by_us(stack: traceback.StackSummary) -> traceback.StackSummary:
    """The part of a stack that begins with us: who called us is pytest, and not theirs either."""
    first = next((at for at, each in enumerate(stack) if each.filename.startswith(_OURS)), 0)
    return traceback.StackSummary.from_list(stack[first:])
