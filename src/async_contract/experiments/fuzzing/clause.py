"""Fuzzing one clause of one function."""

from __future__ import annotations

import zlib
from collections.abc import Hashable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import Phase, settings
from hypothesis.database import ExampleDatabase, InMemoryExampleDatabase

from async_contract.experiments.fuzzing.asking import clause_test
from async_contract.experiments.fuzzing.mutation import Mutator
from async_contract.experiments.fuzzing.saving import Pocket
from async_contract.experiments.fuzzing.seeing import SeenCalls
from async_contract.experiments.limit import TimeLimitExceeded
from async_contract.experiments.machine import BrokenClause
from async_contract.experiments.sanitizers.breach import Breach, Checked
from async_contract.experiments.sanitizers.searching import SECONDARY, Under, search
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.verify import PROPERTIES, least
from async_contract.experiments.sanitizers.visible import shown
from async_contract.judge.verdict import Violation

_REPLAYED = 100  # so many of the inputs that are kept are tried


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that breaks a clause.

    Attributes:
        clause: The clause's id.
        violation: What breaks it; `None` if the function did not return.
        hung: Where it hung, and given what; empty if it did not.
        repeats: Whether the next run of pytest shows it again.
    """

    clause: str
    violation: Violation | None = None
    hung: str = ""
    repeats: bool = True


class ClauseFuzzer:
    """Feeds buffers to the test of one clause until one breaks it.

    Attributes:
        clause: The clause's id.
        mutator: Makes the buffers.
        tried: So many buffers were fed.
        exercised: So many of them put the rule to the test.
        finding: What broke the clause, if anything did.
    """

    def __init__(
        self, sanitizer: Sanitizer, clause: str, calls: SeenCalls, *, key: str, database: ExampleDatabase,
        seed: int,
    ) -> None:  # fmt: skip
        self.clause = clause
        # Of the clause's own, or what one clause finds would depend on which others are fuzzed.
        self.mutator = Mutator(Random(seed ^ zlib.crc32(clause.encode())))
        self.tried = 0
        self.exercised = 0
        self.finding: Finding | None = None
        self._sanitizer = sanitizer
        self._calls = calls
        self._key = key.encode()
        self._database = database
        self._rule = PROPERTIES[clause]
        self._seen: set[Hashable] = set()
        self._pocket = Pocket()
        self._raw: list[bytes] = []
        chosen = settings(database=self._pocket, deadline=None)
        test: Any = chosen(clause_test(sanitizer, clause, self._check))
        self._feed = test.hypothesis.fuzz_one_input

    @property
    def news(self) -> int:
        """How many buffers showed something new."""
        return len(self.mutator.corpus)

    def _check(self, value: Any) -> Checked:
        checked = self._rule.check(self._sanitizer, self._calls, value)
        self.exercised += checked is not False
        return checked

    def feed(self, buffer: bytes) -> None:
        """Try what can be read from a buffer."""
        self.tried += 1
        self._calls.seen()  # what went before is nothing that this input does
        try:
            read = self._feed(buffer)
        except BrokenClause as broken:
            self._found(Finding(self.clause, broken.violation))
        except TimeLimitExceeded as hung:
            self._found(self._hanging(hung))
        else:
            news = self._calls.seen() - self._seen
            if read is not None and news:
                self._seen |= news
                self.mutator.keep(read)

    def _found(self, finding: Finding) -> None:
        self.finding = finding
        self._raw = self._pocket.empty()
        for value in self._raw:
            self._database.save(self._key, value)

    def _hanging(self, hung: TimeLimitExceeded) -> Finding:
        where = f"stopped after {self._calls.seconds:g} s, {hung}, given {shown(self._calls.given)}"
        return Finding(self.clause, hung=where)

    def recall(self) -> None:
        """Try what broke the clause in an earlier run, here or of pytest."""
        if any(True for _ in self._database.fetch(self._key)):
            self.finding = self._replayed(self._database)

    def prove(self) -> None:
        """Make what was found as small as it can be, and see that the next run of pytest shows it."""
        if self.finding is None or self.finding.violation is None:
            return  # what hangs would do so for every smaller input
        memory = InMemoryExampleDatabase()
        for value in self._raw:
            memory.save(self._key + SECONDARY, value)  # else it counts as being the smallest already
        self._replayed(memory)
        smaller = [each for each in memory.fetch(self._key) if each not in self._raw]
        for value in smaller:
            self._database.save(self._key, value)
        for value in self._raw if smaller else ():
            self._database.delete(self._key, value)
        self.finding = self._replayed(self._database) or replace(self.finding, repeats=False)

    def _replayed(self, database: ExampleDatabase) -> Finding | None:
        """What comes of what is kept, made smaller if that is not done yet: as in a run of pytest."""
        last: tuple[Any, Breach] | None = None

        def check(value: Any) -> Breach | None:
            checked = self._rule.check(self._sanitizer, self._calls, value)
            return checked if isinstance(checked, Breach) else None

        def breaks(value: Any) -> bool:
            nonlocal last
            breach = check(value)
            last = last if breach is None else (value, breach)
            return breach is not None

        try:
            search(
                self._rule.drawn(self._sanitizer), breaks, phases=(Phase.reuse, Phase.shrink),
                examples=_REPLAYED, start=0, database=Under(database, self._key),
            )  # fmt: skip
            breach = None if last is None else least(self._rule, *last, check)
        except TimeLimitExceeded as hung:
            return self._hanging(hung)
        return None if breach is None else Finding(self.clause, breach.violation(self.clause))
