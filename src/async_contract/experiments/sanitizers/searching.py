"""Hypothesis' search for an input that breaks a rule: from a seed, and with a database all the same.

`hypothesis.find` does without its database as soon as it is given a seed.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky, Unsatisfiable
from hypothesis.strategies import SearchStrategy

SECONDARY = b".secondary"
"""What Hypothesis adds to a name for inputs that it has made smaller since, or has yet to."""


class Under(ExampleDatabase):
    """A part of another database: whatever Hypothesis calls a test, it is kept under this name."""

    def __init__(self, database: ExampleDatabase, name: bytes) -> None:
        super().__init__()
        self._database = database
        self._name = name

    def save(self, key: bytes, value: bytes) -> None:
        """Keep a value."""
        self._database.save(self._of(key), value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """What is kept."""
        return self._database.fetch(self._of(key))

    def delete(self, key: bytes, value: bytes) -> None:
        """Keep a value no longer."""
        self._database.delete(self._of(key), value)

    def _of(self, key: bytes) -> bytes:
        return self._name + SECONDARY if key.endswith(SECONDARY) else self._name


class _Broken(Exception):
    """An input breaks the rule."""


def search(
    strategy: SearchStrategy[Any],
    breaks: Callable[[Any], bool],
    *,
    phases: Iterable[Phase],
    examples: int,
    start: int,
    database: ExampleDatabase | None,
) -> None:
    """Look for an input that breaks a rule, and make it as small as it can be.

    Args:
        strategy: Where inputs come from.
        breaks: Whether one breaks the rule; the last one that does is the smallest.
        phases: Those of Hypothesis.
        examples: So many inputs are tried.
        start: The seed.
        database: Where what breaks the rule is kept.
    """

    def test(value: Any) -> None:
        if breaks(value):
            raise _Broken

    chosen = settings(
        max_examples=examples, database=database, phases=tuple(phases), deadline=None, derandomize=False,
        verbosity=Verbosity.quiet, report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run = chosen(seed(start)(given(value=strategy)(test)))  # in this order, or the seed removes the database
    # As find does: a test that has no key is not given its database where --hypothesis-seed is given.
    vars(run)["_hypothesis_internal_database_key"] = b"search"
    try:
        run()
    except (_Broken, Flaky, Unsatisfiable, unittest.SkipTest):
        return  # skipped: what is kept is of another version, and can't be read any more
