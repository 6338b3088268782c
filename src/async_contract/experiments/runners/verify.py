"""Many scenes for one runner, and the verdicts on its clauses."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.experiments.limits import Limits
from async_contract.experiments.runners.evidence import Played
from async_contract.experiments.runners.play import play
from async_contract.experiments.runners.rules import RULES, violation
from async_contract.experiments.runners.scene import SCENES, STRUCK, Scene, random_scene, smaller
from async_contract.experiments.verify import Verification
from async_contract.harness.errors import HarnessError
from async_contract.harness.runner import RunnerHarness
from async_contract.history.operation import Operation
from async_contract.judge.verdict import ClauseVerdict, Verdict, Violation


class Budget(NamedTuple):
    """How much is tried: strikes for each scene and each way to end, random scenes, and tries to shrink."""

    strikes: int
    scenes: int
    tries: int


BUDGETS = {
    "quick": Budget(strikes=30, scenes=60, tries=60),
    "normal": Budget(strikes=80, scenes=400, tries=150),
    "thorough": Budget(strikes=400, scenes=6_000, tries=500),
}
"""By effort."""


@dataclass(slots=True)
class Explored:
    """What many scenes have shown of a runner.

    Attributes:
        counts: How often each clause was put to the test.
        found: The least violation found of each clause, with the history behind it.
        why: Why clauses could not be put to the test; by clause, or for all under the empty id.
        error: Why there is no verdict at all.
        scenes: How many scenes were played.
    """

    counts: Counter[str] = field(default_factory=Counter)
    found: dict[str, tuple[Violation, tuple[Operation, ...]]] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    error: str = ""
    scenes: int = 0

    def verification(self, clause: str) -> Verification:
        """The verdict on one clause."""
        count = self.counts[clause]
        if clause in self.found:
            broken, history = self.found[clause]
            return Verification(ClauseVerdict(clause, Verdict.BROKEN, count, (broken,)), history=history)
        if self.error:
            return Verification(ClauseVerdict(clause, Verdict.ERROR, reason=self.error))
        if "" in self.why or count < CLAUSE[clause].minimum:
            usual = "the runner logs nothing" if clause == "runner/discreet" else "no scene came to that"
            reason = self.why.get("", self.why.get(clause, usual))
            return Verification(ClauseVerdict(clause, Verdict.UNEXERCISED, count, reason=reason))
        return Verification(ClauseVerdict(clause, Verdict.HELD, count))


def explore(harness: RunnerHarness, limits: Limits | None = None, *, until: str = "") -> Explored:
    """Have a runner play scene after scene, always the same ones for a seed.

    Args:
        harness: How it is reached.
        limits: How much is tried.
        until: The clause at whose first violation it is enough.
    """
    limits = limits or Limits()
    explored = Explored()
    deadline = time.monotonic() + limits.item / 2
    exploring = _Exploring(harness, explored, BUDGETS[limits.effort], limits.seed, deadline)
    try:
        with time_limit(limits.item):
            exploring.explore(until)
    except TimeLimitExceeded as hung:
        explored.error = f"it hung: stopped after {limits.item:g} s, {hung}"
    except HarnessError as error:
        explored.error = str(error)
    return explored


class _Exploring:
    def __init__(
        self, harness: RunnerHarness, explored: Explored, budget: Budget, seed: int, deadline: float
    ) -> None:
        self._harness, self._explored, self._budget = harness, explored, budget
        self._random = Random(seed)
        self._deadline = deadline

    def explore(self, until: str) -> None:
        for scene in self._scenes():
            self._take(self._played(scene))
            if "" in self._explored.why or until in self._explored.found or self._is_late:
                return

    @property
    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _scenes(self) -> Iterator[Scene]:
        yield from SCENES
        for scene in STRUCK:
            control = self._played(scene)
            if any(each.is_lost for each in control.lives.values()):
                continue  # what is lost without a strike is not lost by it
            step = max(1, control.turns // self._budget.strikes)
            for at in range(1, control.turns + 1, step):
                yield scene._replace(strike="cancel", at=at)
                if control.can_stop:
                    yield scene._replace(strike="stop", at=at)
        for _ in range(self._budget.scenes):
            scene = random_scene(self._random)
            if "runner/stops" not in self._explored.why or scene.strike != "stop":
                yield scene

    def _played(self, scene: Scene) -> Played:
        self._explored.scenes += 1
        return play(self._harness, scene)

    def _take(self, played: Played) -> None:
        explored = self._explored
        if played.left is not None:
            explored.why[""] = (
                f"the runner leaves the event loop: {played.left.what} was called at {played.left.place}; "
                "write a RunnerHarness whose runner stays on the loop, without threads, sockets or real "
                "sleeps"
            )
            return
        if not played.can_stop:
            how = "write RunnerHarness(make, stop=...), a function of the runner"
            explored.why["runner/stops"] = f"there is no way to tell the runner to stop; {how}"
        if "metrics" not in played.takes:
            explored.why["runner/observes"] = "the runner takes no metrics"
        for clause, rule in RULES.items():
            count, breaches = rule(played)
            explored.counts[clause] += count
            if (
                clause not in explored.found
                and next(breaches, None) is not None
                and self._counts(clause, played)
            ):
                explored.found[clause] = _told(clause, played)  # in case there is no time for a smaller one
                explored.found[clause] = _told(clause, self._least(clause, played))

    def _counts(self, clause: str, played: Played) -> bool:
        """Whether what was seen is due to what the clause is about: not what is lost without a strike."""
        if clause not in ("runner/stops", "runner/cancelled"):
            return True
        control = self._played(played.scene._replace(strike="", at=0))
        return not control.died and not any(each.is_lost for each in control.lives.values())

    def _least(self, clause: str, played: Played) -> Played:
        """The same in a scene as small as can be found."""
        rule, tries, better = RULES[clause], self._budget.tries, True
        while better:
            better = False
            for scene in smaller(played.scene):
                tries -= 1
                if tries < 0 or self._is_late:
                    break
                again = self._played(scene)
                if next(rule(again)[1], None) is not None and self._counts(clause, again):
                    played, better = again, True
                    break
        return played


def _told(clause: str, played: Played) -> tuple[Violation, tuple[Operation, ...]]:
    """What broke the clause, and the history behind it."""
    breach = next(RULES[clause](played)[1])
    return violation(clause, breach, played.scene), tuple(each.operation() for each in played.calls)
