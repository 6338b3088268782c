"""What a long run shows while it goes on."""

from __future__ import annotations

import shutil
from typing import TextIO

from async_contract.experiments.fuzzing.session import Session
from async_contract.report.escape import clip

LIVE = 0.2
"""Seconds after which the line on a terminal is written anew."""

PLAIN = 10.0
"""Seconds after which there is another line where no terminal is."""


class Progress:
    """A line that is written over on a terminal, and line after line elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._due = LIVE if self._live else PLAIN
        self._shown = 0

    def tick(self, session: Session) -> None:
        """Show how far it has come, if it was not shown just now."""
        elapsed = session.elapsed
        if elapsed < self._due:
            return
        self._due = elapsed + (LIVE if self._live else PLAIN)
        text = line(session)
        if self._live:
            text = clip(text, shutil.get_terminal_size().columns - 1)
            self._stream.write(f"\r{text:{self._shown}}")
            self._shown = len(text)
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Make room for something else."""
        if self._shown:
            self._stream.write(f"\r{'':{self._shown}}\r")
            self._stream.flush()
            self._shown = 0


def line(session: Session) -> str:
    """How far a run has come, in one line."""
    elapsed = session.elapsed
    minutes, seconds = divmod(int(elapsed), 60)
    rate = session.inputs / elapsed if elapsed else 0.0
    findings = counted(len(session.findings), "finding")
    news = counted(session.news, "new behaviour")
    return f"{minutes}:{seconds:02}  {counted(session.inputs, 'input')}  {rate:,.0f}/s  {news}  {findings}"


def counted(count: int, noun: str) -> str:
    """So many of them."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
