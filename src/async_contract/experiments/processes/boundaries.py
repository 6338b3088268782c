"""The boundaries inside a call: each line of the store's own code that is about to be carried out."""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

_END = partial(signal.raise_signal, getattr(signal, "SIGKILL", signal.SIGTERM))


class Boundaries:
    """Counts the boundaries of a call while it is entered, and ends the process at one of them.

    What counts as the store's own is what lies in the directory of its class, or below.

    Args:
        store: The store.
        last: The boundary at which to end, from 1; 0: at none; `None`: they are not even counted,
            which would slow the call down.
        end: Ends the process at once.

    Attributes:
        count: How many there were so far.
    """

    def __init__(self, store: object, last: int | None, *, end: Callable[[], object] = _END) -> None:
        self.count = 0
        self._last = last
        self._end = end
        try:
            self._home = f"{Path(inspect.getfile(type(store))).parent}{os.sep}"
        except TypeError:
            self._home = "\0"  # of a class without a file; no path begins like that

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        if self._last is not None:
            sys.settrace(self.called)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        sys.settrace(self._before)

    def called(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        """Follow a function that is called, if it is the store's own."""
        return self.line if frame.f_code.co_filename.startswith(self._home) else None

    def line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        """Count a line, or end the process before it."""
        if event == "line":
            self.count += 1
            if self.count == self._last:
                self._end()
        return self.line
