"""The message for user's code that raises while a target is looked up or built."""

from __future__ import annotations

import linecache
import os
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from async_contract.contract.capabilities import CapabilityError
from async_contract.harness.errors import HarnessError, explain, unusable

_INSTALLED = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib"))
# The standard library has the import machinery, which stands in every traceback of an import.
_NEVER_THE_CAUSE = (
    f"{Path(__file__).parents[1]}{os.sep}",
    f"{Path(sysconfig.get_path('stdlib'), 'importlib')}{os.sep}",
    "<",
)


class _Place(NamedTuple):
    file: str
    line: int
    text: str


def failure(target: str, what: str, error: BaseException) -> str:
    """The message for `what`, which raised `error`, with the line of the user's code."""
    # These say what to write themselves.
    prescribes = isinstance(error, (CapabilityError, HarnessError))
    found = f"a harness that can't be made: {error}" if prescribes else f"{what} raises {_named(error)}"
    place = _place(error)
    if place is None:
        return explain(unusable(target), found)
    write = f"line {place.line} of {place.file} in another way; it is now"
    return explain(unusable(target), found, write=write, lines=place.text)


def _named(error: BaseException) -> str:
    """The error's type and text."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    return "".join(traceback.format_exception_only(error)).strip()


def _place(error: BaseException) -> _Place | None:
    """The innermost line of the user's code; that of an installed package if there is none."""
    if isinstance(error, SyntaxError) and error.lineno and Path(error.filename or "").is_file():
        return _line(str(error.filename), error.lineno)
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    theirs = [each for each in frames if not _within(each[0], _NEVER_THE_CAUSE)]
    own = [each for each in theirs if not _within(each[0], _INSTALLED)]
    return _line(*(own or theirs)[-1]) if theirs else None


def _within(file: str, places: Iterable[str]) -> bool:
    return any(file.startswith(place) for place in places)


def _line(file: str, line: int) -> _Place:
    linecache.checkcache(file)
    return _Place(file, line, linecache.getline(file, line).strip())
