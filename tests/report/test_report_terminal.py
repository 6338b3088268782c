"""The table of verdicts, and the grade below it."""

from __future__ import annotations

from async_contract.experiments.findings import Spent
from async_contract.experiments.observing import UNDECLARED
from async_contract.report.grade import Results
from async_contract.report.row import Row
from async_contract.report.terminal import write


class _Terminal:
    """Keeps what is written, and which colours were asked for."""

    def __init__(self) -> None:
        self.text = ""
        self.marked: list[tuple[str, tuple[str, ...]]] = []

    def section(self, title: str, sep: str = "=", **markup: bool) -> None:
        self.text += f"{sep} {title} {sep}\n"

    def write(self, content: str, *, flush: bool = False, **markup: bool) -> None:
        self.text += content
        if markup:
            self.marked.append((content.strip(), tuple(sorted(markup))))


def _results(*rows: Row) -> Results:
    results = Results(["mypkg.Store"])
    for row in rows:
        results.add("mypkg.Store", row)
    return results


SANE = (
    Row("lease/known", "held", 12),
    Row("lease/exclusive", "broken", 3),
    Row("lease/order", "not promised", 0, "the harness does not declare fifo"),
    Row("fail/message", "unexercised", 1, "messages read back: 1, needed: 3\x1b"),
    Row("fail/unknown-reported", "broken", 2),
    Row("fail/ends", "known", 2, "it retries"),
    Row("fail/accepted", "error", 0, "lease hung\nat line 3"),
    Row("fail/cancelled", "skipped"),
)


def _written(results: Results, *, quiet: bool = False, verbose: bool = False) -> _Terminal:
    terminal = _Terminal()
    write(terminal, results, quiet=quiet, verbose=verbose)
    return terminal


def test_nothing_was_run() -> None:
    """A target without a row has no table, but it has a line that says why there is no grade."""
    results = Results(["mypkg.Store"])
    assert _written(results).text == f"= async-contract =\nmypkg.Store: {results.grade('mypkg.Store')}\n"


def test_a_broken_clause_says_if_it_can_not_be_repeated_exactly() -> None:
    """What is broken exactly, and what holds, needs no such word in the table."""
    terminal = _written(_results(
        Row("lease/exclusive", "broken", 3, label="best effort"),
        Row("fail/ends", "broken", 1, label="exact"),
        Row("fail/unknown-reported", "broken", 2, "once", label="statement-exact"),
        Row("lease/known", "held", 12, label="best effort"),
    ))  # fmt: skip
    assert terminal.text.splitlines()[2:-1] == [
        "  lease/exclusive        broken            3  leases while a job was on lease (best effort)",
        "  fail/ends              broken            1  failed jobs that a drained store did not deliver",
        "  fail/unknown-reported  broken (SHOULD)   2  fails of unknown ids (statement-exact): once",
        "  lease/known            held             12  deliveries",
    ]


def test_a_way_says_how_far_it_controls_the_order() -> None:
    """After what was spent in it."""
    results = _results(Row("lease/known", "held", 12))
    results.spend("mypkg.Store", [Spent("in races", 3, 0, 9, 8, 1.0, label="best effort")])
    assert "in races: 3 programs under 9 schedules, 8 of them distinct, in 1.0 s (best effort)\n" in (
        _written(results).text
    )


def test_a_sane_table() -> None:
    """What is wrong comes first, with what was counted as evidence and why there is no verdict."""
    terminal = _written(_results(*SANE))
    assert (
        terminal.text
        == """\
= async-contract =
mypkg.Store
  lease/exclusive        broken            3  leases while a job was on lease
  fail/unknown-reported  broken (SHOULD)   2  fails of unknown ids
  fail/accepted          error                lease hung
  fail/ends              known             2  failed jobs that a drained store did not deliver: it retries
  lease/known            held             12  deliveries
  lease/order            not promised         the harness does not declare fifo
  fail/message           unexercised          messages read back: 1, needed: 3\\x1b
  fail/cancelled         skipped
mypkg.Store: broken (known: 1)
"""
    )
    assert terminal.marked == [
        ("broken", ("red",)),
        ("broken (SHOULD)", ("yellow",)),
        ("error", ("red",)),
        ("known", ("yellow",)),
        ("held", ("green",)),
        ("unexercised", ("yellow",)),
        ("skipped", ("yellow",)),
        ("broken (known: 1)", ("bold", "red")),
    ]


def test_a_long_note_is_cut() -> None:
    """In full it stands at the item."""
    text = _written(_results(Row("fail/accepted", "error", 0, "x" * 101))).text
    assert f"  fail/accepted  error    {'x' * 97}...\n" in text


def test_a_quiet_table() -> None:
    """Only what is broken, and the grade."""
    assert (
        _written(_results(*SANE), quiet=True).text
        == """\
= async-contract =
  lease/exclusive  broken  3  leases while a job was on lease
mypkg.Store: broken (known: 1)
"""
    )


def test_the_colour_of_a_grade() -> None:
    """Green is for a contract that is kept, yellow for one that was not exercised as a whole."""
    kept = Results(["mypkg.Store"])
    kept.grade = lambda target: "keeps the contract"  # type: ignore[method-assign]
    assert _written(kept).marked == [("keeps the contract", ("bold", "green"))]
    assert [each[1] for each in _written(Results(["mypkg.Store"])).marked] == [("bold", "yellow")]


def test_what_was_observed() -> None:
    """A verbose run tells all of it, another only what could be promised too, a quiet one nothing."""
    results = _results(Row("lease/known", "held", 12))
    results.observe("mypkg.Store", {UNDECLARED: "fifo=True", "fail of an unknown id": "ignored"})
    told = "  seems to keep what it does not promise: fifo=True\n"
    all_of_it = f"  observed fail of an unknown id: ignored\n{told}"
    assert told in _written(results).text
    assert "observed" not in _written(results).text
    assert all_of_it in _written(results, verbose=True).text
    assert told not in _written(results, quiet=True).text
