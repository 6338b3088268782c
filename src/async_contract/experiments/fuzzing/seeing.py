"""Calls whose behaviour is noted: the code they run through, and what their result is made of."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from async_contract.experiments.fuzzing.watching import Features, Watch
from async_contract.experiments.limit import time_limit
from async_contract.experiments.sanitizers.calls import Call, Calls

_LOOKED_AT = 512  # so many characters of what a function gives, from its beginning and from its end


class SeenCalls(Calls):
    """Calls of one function, watched, and each of them given so many seconds."""

    def __init__(self, function: Callable[[Any], object], watch: Watch, seconds: float) -> None:
        super().__init__(function)
        self._watch = watch
        self.seconds = seconds
        self._shapes: set[Hashable] = set()

    def __call__(self, given: Any) -> Call:
        """What the function makes of this."""
        call = super().__call__(given)
        self._shapes.update(_shape(call))
        return call

    def raw(self, given: Any) -> object:
        """The same, only watched."""
        with time_limit(self.seconds), self._watch:
            return super().raw(given)

    def seen(self) -> Features:
        """The behaviour since this was asked last."""
        found = self._watch.steps.taken() | self._shapes
        self._shapes.clear()
        return found


def _shape(call: Call) -> Iterator[Hashable]:
    """What tells results apart where no line of code does: a regular expression has none."""
    if call.text is None:
        yield type(call.value if call.error is None else call.error).__name__
        return
    yield "length", len(call.text).bit_length()
    ends = call.text[:_LOOKED_AT] + call.text[-_LOOKED_AT:]
    yield from {unicodedata.category(each) for each in ends}
