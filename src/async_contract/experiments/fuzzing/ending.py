"""Ending a run that somebody wants to end: after the input at hand, or at once if that takes long."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """Hears Ctrl-C and SIGTERM in its `with` block, which is to run in the main thread.

    Attributes:
        asked: Whether one came.
    """

    def __init__(self) -> None:
        self.asked = False
        self._patient = True
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {each: signal.signal(each, self._hear) for each in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """In this block the first signal is a `KeyboardInterrupt`, as the second is everywhere."""
        self._patient = False
        try:
            yield
        finally:
            self._patient = True

    def _hear(self, signum: int, frame: FrameType | None) -> None:
        patient, self.asked = self._patient and not self.asked, True
        if not patient:
            raise KeyboardInterrupt(signal.Signals(signum).name)
