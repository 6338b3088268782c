"""Ids that a careless store takes for one another."""

from __future__ import annotations

import pytest

from async_contract.judge.lookalike import alike, fold, groups


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Job", "job"),
        ("job", "job "),
        ("\u00e9", "e\u0301"),
        ("\ufb01", "fi"),
        ("stra\u00dfe", "STRASSE"),
        ("job", "job-a"),
        ("jo%", "job-1"),
        ("%", "anything"),
        ("j_b", "job"),
        ("__", "ab"),
    ],
)
def test_ids_that_are_alike(one: str, other: str) -> None:
    """By case, blanks, normalization, as a prefix, or as an SQL pattern; whichever stands first."""
    assert alike(one, other)
    assert alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("job", "job"),
        ("job-1", "job-10"),
        ("job-1", "job-2"),
        ("", "job"),
        ("j_b", "jobs"),
        ("j_b", "jab-"),
        ("k%", "job"),
        ("j_%", "job"),
    ],
)
def test_ids_that_are_not_alike(one: str, other: str) -> None:
    """The same id, ordinary neighbours, and patterns that don't match or are too odd to tell."""
    assert not alike(one, other)
    assert not alike(other, one)


def test_ids_are_grouped_by_what_is_left_of_them() -> None:
    """Where there are two at least."""
    assert fold(" \uff2aob\t") == "job"
    assert groups(["Job", "a", "job ", "b", "\uff2aob", "B"]) == [["Job", "job ", "\uff2aob"], ["b", "B"]]
    assert groups([]) == groups(["a", "b"]) == []
