"""Fuzzing several clauses in turn, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from async_contract.experiments.fuzzing.clause import ClauseFuzzer, Finding
from async_contract.experiments.fuzzing.ending import Ending

_INTERRUPTED = "it was interrupted"

Clock = Callable[[], float]
"""Gives seconds since some instant."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is tried.

    Attributes:
        seconds: So long.
        inputs: So many inputs at the most; `None` for as many as the time allows.
    """

    seconds: float
    inputs: int | None = None


class Session:
    """A run of the fuzzer.

    Attributes:
        fuzzers: Those of all clauses.
        inputs: So many inputs were tried.
        ended: Why it ended; empty as long as it has not.
    """

    def __init__(
        self, fuzzers: Sequence[ClauseFuzzer], budget: Budget, ending: Ending, *, clock: Clock,
        found: Callable[[Finding], None], tried: Callable[[Session], None],
    ) -> None:  # fmt: skip
        self.fuzzers = fuzzers
        self.inputs = 0
        self.ended = ""
        self._active = list(fuzzers)
        self._budget = budget
        self._ending = ending
        self._clock = clock
        self._began = clock()
        self._found = found
        self._tried = tried

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._began

    @property
    def news(self) -> int:
        """How many inputs showed something new."""
        return sum(each.news for each in self.fuzzers)

    @property
    def findings(self) -> list[Finding]:
        """What was found."""
        return [each.finding for each in self.fuzzers if each.finding is not None]

    def run(self) -> None:
        """Try inputs of the fuzzer's own, clause by clause in turn."""
        try:
            while not self.is_over():
                fuzzer = self._active[self.inputs % len(self._active)]
                self._feed(fuzzer, fuzzer.mutator.next())
        except KeyboardInterrupt:
            self.ended = _INTERRUPTED

    def recall(self) -> None:
        """Try what broke a clause before."""
        for fuzzer in self.fuzzers:
            self._at_once(fuzzer.recall)
            self._note(fuzzer)

    def _at_once(self, step: Callable[[], None]) -> None:
        """Do what may take long, unless somebody wants to end the run."""
        try:
            with self._ending.at_once():
                step()
        except KeyboardInterrupt:
            self.ended = _INTERRUPTED

    def take(self, data: bytes) -> None:
        """Try an input that another fuzzer has made: its first byte chooses the clause.

        A clause has to be left: see `is_over`.
        """
        fuzzer = self._active[data[0] % len(self._active)] if data else self._active[0]
        try:
            self._feed(fuzzer, data[1:])
        except KeyboardInterrupt:
            self.ended = _INTERRUPTED

    def is_over(self) -> bool:
        """Whether there is nothing left to do, or no time to do it."""
        self.ended = self.ended or self._why_ended()
        return bool(self.ended)

    def _why_ended(self) -> str:
        if self._ending.asked:
            return _INTERRUPTED
        if not self._active:
            return "nothing is left to break"
        if self._budget.inputs is not None and self.inputs >= self._budget.inputs:
            return "that many were asked for"
        return "the time is up" if self.elapsed >= self._budget.seconds else ""

    def _feed(self, fuzzer: ClauseFuzzer, buffer: bytes) -> None:
        self.inputs += 1
        fuzzer.feed(buffer)
        if fuzzer.finding is not None:
            self._at_once(fuzzer.prove)  # if that is interrupted it is shown as it was seen
            self._note(fuzzer)
        self._tried(self)

    def _note(self, fuzzer: ClauseFuzzer) -> None:
        if fuzzer.finding is not None:
            self._active.remove(fuzzer)
            self._found(fuzzer.finding)
