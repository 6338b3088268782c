"""The kill table as text."""

from __future__ import annotations

from async_contract.mutants.death import EXAMPLE, Death
from async_contract.report.kills import correct, heading, line, total

DEATHS = (
    Death("ignores-limit", "lease/within-limit", EXAMPLE, programs=1, seconds=0.04),
    Death("counts-badly", "lease/attempts", "order", programs=21, steps=7, seconds=1.26),
    Death("looks-then-acts", "lease/exclusive", "loop", programs=2, schedules=41, steps=3, seconds=4.0),
    Death("cuts-one-late", "label/bounded", "input", counted=7, seconds=0.01),
    Death("ignores-stop", "runner/stops", "scenes", seconds=0.02),
    Death("is-sound", "lease/known", seconds=8.0),
)


def test_the_table_says_what_caught_each_mutant_and_after_how_much() -> None:
    """One that nothing caught cannot be overlooked."""
    rows = [" ".join(text.split()) for text in (heading("stores"), *map(line, DEATHS))]
    assert rows == [
        "broken stores must be caught by caught after s",
        "ignores-limit lease/within-limit by example its one scenario 0.0",
        "counts-badly lease/attempts order 21 programs (7 steps left) 1.3",
        "looks-then-acts lease/exclusive loop 2 programs, 41 schedules (3 steps left) 4.0",
        "cuts-one-late label/bounded input 7 inputs 0.0",
        "ignores-stop runner/stops scenes 0.0",
        "is-sound lease/known NOT CAUGHT 8.0",
    ]


def test_the_total_counts_by_what_caught_them() -> None:
    """Those that were not caught are named."""
    assert (
        total("stores", DEATHS[:2])
        == "2 of 2 broken stores were caught by their clause (1 by example, 1 order)"
    )
    assert total("things", DEATHS) == (
        "5 of 6 broken things were caught by their clause "
        "(1 by example, 1 order, 1 loop, 1 input, 1 scenes); not caught: is-sound"
    )


def test_what_is_held_against_a_correct_store_is_told_line_by_line() -> None:
    """Fit for a terminal."""
    assert correct("Plain", []) == ["Plain: nothing is held against it"]
    assert correct("Plain", ["it \x1b came"]) == ["Plain: WRONGLY BLAMED", "    it \\x1b came"]
