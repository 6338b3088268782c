"""One clause, one function that makes text safe: try to break it, and say what came of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import Phase
from hypothesis.database import ExampleDatabase

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.experiments.limits import Limits
from async_contract.experiments.sanitizers import elsewhere, growth
from async_contract.experiments.sanitizers.breach import Breach
from async_contract.experiments.sanitizers.calls import Call, Calls
from async_contract.experiments.sanitizers.labels import LABELS
from async_contract.experiments.sanitizers.messages import MESSAGES
from async_contract.experiments.sanitizers.properties import Property, difference
from async_contract.experiments.sanitizers.searching import Under, search
from async_contract.experiments.sanitizers.smaller import smaller
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.texts import hostile
from async_contract.experiments.sanitizers.visible import shown
from async_contract.experiments.verify import Verification
from async_contract.judge.verdict import ClauseVerdict, Verdict

PROPERTIES = {**LABELS, **MESSAGES}
"""The rule of every clause but those on work that grows."""

EXAMPLES = {"quick": 100, "normal": 500, "thorough": 20_000}
"""By effort: how many inputs are generated for a clause."""

LARGEST = {"quick": 1 << 16, "normal": 1 << 18, "thorough": 1 << 20}
"""By effort: the largest text for which work is measured."""


def verify_sanitizer(
    sanitizer: Sanitizer,
    clause_id: str,
    *,
    limits: Limits | None = None,
    database: ExampleDatabase | None = None,
    key: str = "",
) -> Verification:
    """Put a function to the test on one clause.

    Whatever the function does comes back as a verdict, also if it hangs.

    Args:
        sanitizer: The function.
        clause_id: A clause of its kind.
        limits: How much this may cost, and where generated inputs come from.
        database: Where Hypothesis keeps what broke the clause; it is tried first.
        key: Under what; that of a target and a clause.
    """
    if clause_id == "message/redacts" and not sanitizer.redacts:
        reason = "the function does not promise redacts"
        return Verification(ClauseVerdict(clause_id, Verdict.NOT_PROMISED, reason=reason))
    limits = limits or Limits()
    with Calls(sanitizer.function) as calls:
        search = _Search(sanitizer, clause_id, calls, limits, database, key.encode())
        try:
            with time_limit(limits.item):
                return Verification(search.verdict())
        except TimeLimitExceeded as hung:
            reason = f"it hung: stopped after {limits.item:g} s, {hung}, given {shown(calls.given)}"
            return Verification(
                ClauseVerdict(clause_id, Verdict.ERROR, search.count, reason=reason), hung=True
            )


def least(asked: Property, value: Any, breach: Breach, check: Callable[[Any], Breach | None]) -> Breach:
    """What is wrong with the least text that breaks a rule as the text in this input does.

    Args:
        asked: The rule.
        value: An input that breaks it.
        breach: What is wrong with that; where there is no text in it, this is all.
        check: What is wrong with an input.
    """
    text = asked.text(value)
    if text is None:
        return breach

    def breaks(candidate: str) -> bool:
        nonlocal breach
        found = check(asked.with_text(value, candidate))
        breach = found or breach
        return found is not None

    smaller(text, breaks)
    return breach


@dataclass(slots=True)
class _Search:
    sanitizer: Sanitizer
    clause: str
    calls: Calls
    limits: Limits
    database: ExampleDatabase | None
    key: bytes
    count: int = 0
    breach: Breach | None = None

    def verdict(self) -> ClauseVerdict:
        if self.clause.endswith("/linear"):
            breach, reason = self._growth(), ""
        else:
            asked = PROPERTIES[self.clause]
            breach = self._remembered(asked) or self._fixed(asked) or self._drawn(asked)
            # Another process is asked last: it takes longer than everything before.
            reason = "" if breach or self.clause != "label/stable" else self._elsewhere()
            breach = breach or self.breach
        return self._concluded(breach, reason)

    def _concluded(self, breach: Breach | None, reason: str) -> ClauseVerdict:
        if breach is not None:
            return ClauseVerdict(self.clause, Verdict.BROKEN, self.count, (breach.violation(self.clause),))
        if reason:
            return ClauseVerdict(self.clause, Verdict.UNEXERCISED, self.count, reason=reason)
        if self.count < CLAUSE[self.clause].minimum:
            reason = f"no input led to {CLAUSE[self.clause].counted}"
            return ClauseVerdict(self.clause, Verdict.UNEXERCISED, self.count, reason=reason)
        return ClauseVerdict(self.clause, Verdict.HELD, self.count)

    def _check(self, asked: Property, value: Any) -> Breach | None:
        checked = asked.check(self.sanitizer, self.calls, value)
        self.count += checked is not False
        return checked if isinstance(checked, Breach) else None

    def _remembered(self, asked: Property) -> Breach | None:
        if self.database is None or not list(self.database.fetch(self.key)):
            return None
        return self._found(asked, (Phase.reuse, Phase.shrink))

    def _fixed(self, asked: Property) -> Breach | None:
        large = asked.large if self.limits.effort != "quick" else tuple
        for inputs in (asked.fixed(self.sanitizer), large()):
            for value in inputs:
                breach = self._check(asked, value)
                if breach is not None:
                    return self._shrunk(asked, value, breach)
        return None

    def _shrunk(self, asked: Property, value: Any, breach: Breach) -> Breach:
        count = self.count
        breach = least(asked, value, breach, partial(self._check, asked))
        self.count = count  # what only makes it smaller is no further evidence
        return breach

    def _drawn(self, asked: Property) -> Breach | None:
        return self._found(asked, (Phase.generate, Phase.shrink))

    def _found(self, asked: Property, phases: Iterable[Phase]) -> Breach | None:
        """What Hypothesis finds, made as small as it can be."""
        last: tuple[Any, Breach] | None = None

        def breaks(value: Any) -> bool:
            nonlocal last
            breach = self._check(asked, value)
            last = last if breach is None else (value, breach)
            return breach is not None

        search(
            asked.drawn(self.sanitizer), breaks, phases=phases, examples=EXAMPLES[self.limits.effort],
            start=self.limits.seed ^ zlib.crc32(self.clause.encode()),
            database=None if self.database is None else Under(self.database, self.key),
        )  # fmt: skip
        # The smallest; of a function that does not do the same each time, what was seen last.
        return None if last is None else self._shrunk(asked, *last)

    def _elsewhere(self) -> str:
        """Compare with another process; why that was not possible, if it was not."""
        texts = list(hostile(self.sanitizer.bound))
        here = [self.calls(text).text for text in texts]
        try:
            there = elsewhere.outputs(self.sanitizer.name, texts, self.limits.item / 3)
        except elsewhere.Unreachable as reason:
            return str(reason)
        for text, one, other in zip(texts, here, there, strict=True):
            if one is None or other is None:
                continue
            self.count += 1
            if one != other:
                calls = (Call(text, one), Call(text, other))
                rule = "the same input gives the same label, in another process too"
                at = difference(one, other)
                self.breach = Breach("another process gives another label", rule, calls, at)
                break
        return ""

    def _growth(self) -> Breach | None:
        largest = LARGEST[self.limits.effort]
        make: Callable[[str], Any] = RuntimeError if self.sanitizer.kind == "message" else str
        measure = partial(growth.grown, self.calls, largest=largest, make=make)
        for pattern in growth.PATTERNS:
            tried, breach = measure(pattern)
            self.count += tried
            if breach is not None:
                return breach
        return None
