"""Hypothesis' search, seeded and with a database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from async_contract.experiments.sanitizers.searching import SECONDARY, Under, search
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.verify import verify_sanitizer
from async_contract.judge.verdict import Verdict
from async_contract.reference.sanitize import safe_label

ALL = (Phase.reuse, Phase.generate, Phase.shrink)
AGAIN = (Phase.reuse, Phase.shrink)


def _sought(database: InMemoryExampleDatabase | None, phases: Any = ALL, start: int = 1) -> list[int]:
    """The numbers above 1000 that a search has come across."""
    seen: list[int] = []

    def breaks(number: int) -> bool:
        if number > 1000:
            seen.append(number)
        return number > 1000

    under = None if database is None else Under(database, b"name")
    search(st.integers(), breaks, phases=phases, examples=200, start=start, database=under)
    return seen


def test_a_seed_repeats_a_search() -> None:
    """The same seed tries the same inputs, another one others; the last that breaks the rule is the least."""
    first = _sought(None)
    assert first[-1] == 1001
    assert _sought(None) == first
    assert _sought(None, start=2) != first


def test_what_breaks_the_rule_is_kept_and_tried_first() -> None:
    """A search that begins from a seed keeps what it finds, under the name that it is given."""
    database = InMemoryExampleDatabase()
    _sought(database)
    assert len(list(database.fetch(b"name"))) == 1
    assert set(_sought(database, AGAIN)) == {1001}


def test_a_seed_for_all_tests_leaves_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --hypothesis-seed, too, what is kept is tried first."""
    monkeypatch.setattr("hypothesis.core.global_force_seed", 7)
    database = InMemoryExampleDatabase()
    _sought(database)
    assert set(_sought(database, AGAIN)) == {1001}


def test_what_is_kept_for_later_is_made_smaller() -> None:
    """An input that was not made as small as it can be is, before it counts as found."""
    kept, later = InMemoryExampleDatabase(), InMemoryExampleDatabase()
    search(
        st.integers(), lambda number: number > 5000, phases=ALL, examples=200, start=1,
        database=Under(kept, b"name"),
    )  # fmt: skip
    for value in kept.fetch(b"name"):
        later.save(b"name" + SECONDARY, value)
    assert _sought(later, AGAIN)[-1] == 1001
    assert len(list(later.fetch(b"name"))) == 1


def test_what_breaks_the_rule_no_more_is_forgotten() -> None:
    """An input that the rule is all right with now is not kept."""
    database = InMemoryExampleDatabase()
    _sought(database)
    search(
        st.integers(), lambda number: False, phases=AGAIN, examples=200, start=1,
        database=Under(database, b"name"),
    )  # fmt: skip
    assert list(database.fetch(b"name")) == []


def test_what_can_not_be_read_is_passed_over() -> None:
    """What another version of Hypothesis has kept in another form is no reason to skip a test."""
    database = InMemoryExampleDatabase()
    database.save(b"name", b"\xff no choices")
    assert _sought(database, AGAIN) == []


def test_a_sanitizer_is_given_again_what_broke_it() -> None:
    """What broke a function is found at once the second time."""

    def broken(text: str) -> str:
        label = safe_label(text)
        return f"{label}\n" if "q" in label else label

    database = InMemoryExampleDatabase()
    subject = Sanitizer(broken, "label")
    verdicts = [
        verify_sanitizer(subject, "label/stable", database=database, key="name").verdict for _ in range(2)
    ]
    assert [each.verdict for each in verdicts] == [Verdict.BROKEN] * 2
    assert verdicts[0].violations == verdicts[1].violations
    assert verdicts[1].count < 5 < verdicts[0].count
