"""A line that says how far a long item is: renewed in place on a terminal, else one line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest

from async_contract.experiments.progress import Progress, listening

RENEWED = 0.2
"""Seconds between two states of the line on a terminal."""

REPEATED = 15.0
"""Seconds between two lines where none can be renewed."""


class Live:
    """Writes the line.

    Args:
        write: Writes a text where the user sees it.
        in_place: Whether that is a terminal, where a line can be written over.
        clock: Gives seconds.
    """

    def __init__(
        self, write: Callable[[str], None], *, in_place: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._in_place = in_place
        self._clock = clock
        self._last = clock()
        self._shown = False

    def __call__(self, progress: Progress) -> None:
        """Show how far it is, unless that was shown just now."""
        now = self._clock()
        if now - self._last < (RENEWED if self._in_place and self._shown else self._pause):
            return
        self._last = now
        begin, end = ("\r" if self._shown else "\n", "\x1b[K") if self._in_place else ("\n", "")
        self._write(f"{begin}  {progress}{end}")
        self._shown = True

    @property
    def _pause(self) -> float:
        return 1.0 if self._in_place else REPEATED

    def end(self) -> None:
        """Take the line away, or end it."""
        if self._shown:
            self._write("\r\x1b[K" if self._in_place else "\n")


@contextmanager
def shown(config: pytest.Config) -> Iterator[None]:
    """Show how far the item is that runs meanwhile; not where nobody looks: quiet runs, workers of xdist."""
    terminal: Any = config.pluginmanager.getplugin("terminalreporter")
    if terminal is None or hasattr(config, "workerinput") or config.get_verbosity() < 0:
        yield
        return
    capture: Any = config.pluginmanager.getplugin("capturemanager")

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            terminal.write(text, flush=True)
            terminal.currentfspath = None  # so that the line of the item begins anew

    live = Live(write, in_place=terminal.isatty)
    with listening(live):
        try:
            yield
        finally:
            live.end()
