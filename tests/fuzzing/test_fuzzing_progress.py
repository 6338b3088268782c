"""What a long run shows while it goes on."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from async_contract.commands.progress import Progress, line


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _session(elapsed: float, inputs: int = 0, news: int = 0, findings: int = 0) -> Any:
    return SimpleNamespace(elapsed=elapsed, inputs=inputs, news=news, findings=[None] * findings)


@pytest.mark.parametrize(
    ("session", "text"),
    [
        (_session(0.0), "0:00  0 inputs  0/s  0 new behaviours  0 findings"),
        (_session(0.5, 1, 1, 1), "0:00  1 input  2/s  1 new behaviour  1 finding"),
        (
            _session(4000.0, 12_000_000, 345, 2),
            "66:40  12,000,000 inputs  3,000/s  345 new behaviours  2 findings",
        ),
    ],
)
def test_a_line_says_how_far_it_has_come(session: Any, text: str) -> None:
    """Time, inputs, inputs a second, new behaviour and findings."""
    assert line(session) == text


def test_on_a_terminal_one_line_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five times a second, never wider than the terminal, and it makes room for what is to stay."""
    monkeypatch.setenv("COLUMNS", "40")
    stream = _Terminal()
    progress = Progress(stream)
    progress.clear()
    for elapsed, inputs in ((0.1, 1), (0.25, 1_000_000), (0.3, 3), (0.5, 4)):
        progress.tick(_session(elapsed, inputs))
    progress.clear()
    progress.clear()
    first, second = "0:00  1,000,000 inputs  4,000,000/s ...", "0:00  4 inputs  8/s  0 new behaviours..."
    assert stream.getvalue() == f"\r{first}\r{second[:36]}...\r{'':39}\r"


def test_elsewhere_there_is_a_line_every_ten_seconds() -> None:
    """In a file or a log nothing is written over."""
    stream = io.StringIO()
    progress = Progress(stream)
    for elapsed in (1.0, 10.0, 15.0, 19.9, 20.5):
        progress.tick(_session(elapsed, 10))
        progress.clear()
    assert stream.getvalue() == (
        "0:10  10 inputs  1/s  0 new behaviours  0 findings\n"
        "0:20  10 inputs  0/s  0 new behaviours  0 findings\n"
    )
