"""A broken rule, with the calls that show it."""

from __future__ import annotations

from dataclasses import dataclass

from async_contract.experiments.sanitizers.calls import Call
from async_contract.experiments.sanitizers.visible import named, shown, written
from async_contract.judge.verdict import Violation


@dataclass(frozen=True, slots=True)
class Breach:
    """What a function did that it must not do.

    Attributes:
        happened: In one sentence.
        rule: What would have been right, in a few words.
        calls: The calls that show it; the last one is where it shows.
        at: The place in the last call's text where it is wrong; -1 if there is none.
        besides: What else is to be known, line by line.
    """

    happened: str
    rule: str
    calls: tuple[Call, ...]
    at: int = -1
    besides: tuple[str, ...] = ()

    def violation(self, clause: str) -> Violation:
        """The same as what breaks a clause."""
        return Violation(clause, self.happened, None, (), shown="\n".join(self._lines()))

    def _lines(self) -> list[str]:
        lines = []
        for call in self.calls:
            lines.append(f"input   {shown(call.given)}")
            lines += _output(call, self.at if call is self.calls[-1] else -1)
        return [*lines, *self.besides, f"rule    {self.rule}"]


def _output(call: Call, at: int) -> list[str]:
    if call.error is not None:
        return [f"raises  {shown(call.error)}"]
    if call.text is None:
        return [f"output  {shown(call.value)}, of type {type(call.value).__name__}"]
    if at < 0:
        return [f"output  {shown(call.text)}"]
    text = written(call.text, at)
    mark = f"        {' ' * text.at}{'^' * text.width} character {at}"
    what = f": {named(call.text[at])}" if at < len(call.text) else ", the end"
    size = f"({len(call.text)} characters, {len(call.text.encode(errors='surrogatepass'))} bytes of UTF-8)"
    return [f"output  {text.text}", f"{mark}{what} {size}"]


Checked = Breach | bool
"""What came of one input: a breach; `True`: the rule was put to the test and held; `False`: it was not."""
