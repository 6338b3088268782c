"""Where code stood: the line of the user's that is worth naming."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

_NOT_THEIRS = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"), "<frozen")


def users_place(stack: traceback.StackSummary) -> str:
    """The innermost line that is neither ours nor Python's own; the innermost of all if there is none."""
    theirs = [each for each in stack if not each.filename.startswith(_NOT_THEIRS)]
    places = theirs or list(stack)
    if not places:
        return ""
    place = places[-1]
    return f"at {place.filename}:{place.lineno} in {place.name}: {place.line}"
