"""A text that breaks a rule is made small."""

from __future__ import annotations

import pytest

from async_contract.experiments.sanitizers import smaller as module
from async_contract.experiments.sanitizers.smaller import TRIES, smaller


@pytest.mark.parametrize(
    ("text", "rule", "least"),
    [
        ("hello\nworld", lambda text: "\n" in text, "\n"),
        ("x" * 300, lambda text: len(text) > 256, "a" * 257),
        ("ab!cd!ef", lambda text: text.count("!") >= 2, "!!"),
        ("", lambda text: not text, ""),
        ("aaa", lambda text: len(text) == 3, "aaa"),
    ],
)
def test_what_is_not_needed_goes(text: str, rule: object, least: str) -> None:
    """And what may be any character becomes an `a`."""
    assert callable(rule)
    assert smaller(text, lambda each: bool(rule(each))) == least


def test_a_function_that_is_not_the_same_twice_loses_nothing() -> None:
    """If nothing smaller breaks the rule, the text stays as it is."""
    assert smaller("xyz", lambda _: False) == "xyz"


def test_it_does_not_go_on_for_ever() -> None:
    """So many tries, and then the smallest so far."""
    tries = []

    def breaks(text: str) -> bool:
        tries.append(text)
        return text.count("!") == 1_000

    assert smaller("!x" * 1_000, breaks).count("!") == 1_000
    assert len(tries) == 2 * TRIES


def test_it_does_not_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time is up the smallest so far will do."""
    monkeypatch.setattr(module, "SECONDS", -1.0)
    assert smaller("hello\nworld", lambda text: "\n" in text) == "hello\nworld"
