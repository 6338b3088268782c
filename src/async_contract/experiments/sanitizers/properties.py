"""What is asked of a function for one clause: the inputs, and the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy

from async_contract.experiments.sanitizers.breach import Breach, Checked
from async_contract.experiments.sanitizers.calls import Call, Calls
from async_contract.experiments.sanitizers.subject import Sanitizer


def _as_it_is(given: Any) -> str | None:
    return given if isinstance(given, str) else None


@dataclass(frozen=True, slots=True)
class Property:
    """One clause, asked of one input at a time.

    Attributes:
        fixed: The inputs that are always tried, the simple ones first.
        drawn: The inputs that are generated.
        check: The rule: what comes of one input.
        large: Further inputs that are always tried, and that take a while.
        text: The text in an input that can be made smaller; `None` if there is none.
        with_text: The input with another text in it.
    """

    fixed: Callable[[Sanitizer], Iterable[Any]]
    drawn: Callable[[Sanitizer], SearchStrategy[Any]]
    check: Callable[[Sanitizer, Calls, Any], Checked]
    large: Callable[[], Iterable[Any]] = tuple
    text: Callable[[Any], str | None] = _as_it_is
    with_text: Callable[[Any, str], Any] = lambda _, text: text


def no_text(call: Call, rule: str) -> Breach | None:
    """What is wrong with a call that did not give a str."""
    if call.error is not None:
        return Breach(f"it raises {type(call.error).__name__}", rule, (call,))
    if call.text is None:
        return Breach(f"it gives {type(call.value).__name__}, and not a str", rule, (call,))
    return None


def difference(before: str, after: str) -> int:
    """The first place in which two texts differ."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(before), len(after)))
