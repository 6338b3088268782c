"""What a broken sanitizer is: a function that makes text safe, with one defect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Function = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class BrokenSanitizer:
    """A function that is broken on purpose.

    Attributes:
        name: Its name in tables and reports, such as `cuts-one-late`.
        clause: The id of the clause that must catch it.
        defect: What is wrong with it, in one sentence.
        function: It takes a str, or an exception.
        hangs: Whether there is text with which it never returns, so that a short time limit saves time.
    """

    name: str
    clause: str
    defect: str
    function: Function
    hangs: bool = False

    @property
    def kind(self) -> str:
        """`"label"` or `"message"`."""
        return self.clause.partition("/")[0]

    @property
    def dotted(self) -> str:
        """The name under which another process finds the function."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def redacts(self) -> bool:
        """Whether it promises that secrets don't come through."""
        return self.clause == "message/redacts"


def broken(clause: str, *functions: Function, hangs: bool = False) -> tuple[BrokenSanitizer, ...]:
    """The functions that a clause must catch; the docstring of each says in one sentence what is wrong."""
    return tuple(
        BrokenSanitizer(
            each.__name__.replace("_", "-"),
            clause,
            (each.__doc__ or "").partition("\n")[0],
            each,
            hangs,
        )
        for each in functions
    )
