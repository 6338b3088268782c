"""How much may be spent on a store: time for each clause, and programs for each way of exploring."""

from __future__ import annotations

from dataclasses import dataclass, replace

from async_contract.experiments.bench import Settings
from async_contract.experiments.crashes import Casualties
from async_contract.experiments.explore import Budget
from async_contract.experiments.races import Heats
from async_contract.experiments.scheduled import Effort

WAITS = {"quick": 1.0, "normal": 5.0, "thorough": 30.0}
"""By effort: seconds of real time that one experiment waits for leases to expire."""

BUDGETS = {
    "quick": Budget(programs=150, seconds=1.0, patience=2.0),
    "normal": Budget(programs=1_000, seconds=4.0),
    "thorough": Budget(programs=20_000, seconds=40.0, tries=5_000, patience=30.0),
}
"""By effort: how many random programs are carried out in order, and for how long."""

EFFORTS = {
    "quick": Effort(programs=40, schedules=15, seconds=1.0),
    "normal": Effort(programs=120, schedules=30, seconds=4.0),
    "thorough": Effort(programs=3_000, schedules=100, seconds=40.0, tries=500),
}
"""By effort: how many concurrent programs are tried, under how many schedules."""


CASUALTIES = {
    "quick": Casualties(kills=3, seconds=1.0),
    "normal": Casualties(kills=15, seconds=4.0, sweeps=True),
    "thorough": Casualties(kills=300, seconds=60.0, tries=100, repeats=10, sweeps=True),
}
"""By effort: how many workers are killed."""

THREADS = {
    "quick": Effort(programs=40, schedules=15, seconds=1.0, tries=60, patience=3.0, of_openings=1),
    "normal": Effort(programs=120, schedules=30, seconds=4.0, tries=80, patience=5.0, of_openings=1),
    "thorough": Effort(programs=2_000, schedules=60, seconds=40.0, tries=300, patience=30.0, of_openings=1),
}
"""By effort: the same for threads, which take ten times as long to go on."""

STATEMENTS = {
    "quick": Effort(programs=40, schedules=8, seconds=0.7, tries=30, patience=1.0, of_openings=1),
    "normal": Effort(programs=120, schedules=16, seconds=3.0, tries=60, patience=4.0, of_openings=1),
    "thorough": Effort(programs=2_000, schedules=60, seconds=40.0, tries=300, patience=30.0),
}
"""By effort: the same for stores on a driver, whose statements are real."""


HEATS = {
    "quick": Heats(programs=20, repeats=3, seconds=1.0, tries=20, patience=2.0, again=5),
    "normal": Heats(programs=60, repeats=6, seconds=4.0, tries=40, patience=5.0),
    "thorough": Heats(programs=1_000, repeats=20, seconds=40.0, tries=200, patience=30.0, again=40),
}
"""By effort: how often workers race."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one clause may cost.

    Attributes:
        item: Seconds for one clause.
        allow_nonempty: Whether a store may hold other jobs, which are then left alone.
        effort: `"quick"`, `"normal"` or `"thorough"`.
        seed: Where the random programs come from; the same seed gives the same programs.
        until: The clause whose breach ends the exploring; empty: it goes on for the others.
    """

    item: float = 60.0
    allow_nonempty: bool = False
    effort: str = "normal"
    seed: int = 0
    until: str = ""

    @property
    def settings(self) -> Settings:
        """The same for one experiment: a call may take a third of what there is for all of them."""
        return Settings(self.item / 3, min(WAITS[self.effort], self.item / 4), self.allow_nonempty)

    @property
    def exploring(self) -> Settings:
        """The same for one random program: a call that hangs must not use up the time of all others."""
        return replace(self.settings, call_limit=min(5.0, self.item / 6))

    @property
    def _share(self) -> float:
        """The seconds of one share of the time.

        At thorough effort every way uses up what it is given, and a database has five of them, the first
        with two shares: together with the clause's own scenario they must not take more than there is.
        """
        return self.item * (0.15 if self.effort == "thorough" else 0.25)

    @property
    def budget(self) -> Budget:
        """How much is explored in order, for at most two shares of the time that there is."""
        budget = BUDGETS[self.effort]
        return replace(budget, seconds=min(budget.seconds, 2 * self._share), until=self.until)

    @property
    def concurrent(self) -> Effort:
        """How much is explored under schedules, for at most one share of the time that there is."""
        return self._in_time(EFFORTS[self.effort])

    @property
    def threads(self) -> Effort:
        """How much is explored in threads, for at most one share of the time that there is."""
        return self._in_time(THREADS[self.effort])

    @property
    def statements(self) -> Effort:
        """How much is explored at the gate, for at most one share of the time that there is."""
        return self._in_time(STATEMENTS[self.effort])

    def _in_time(self, effort: Effort) -> Effort:
        return replace(effort, seconds=min(effort.seconds, self._share), until=self.until)

    @property
    def heats(self) -> Heats:
        """How often workers race, for at most one share of the time that there is."""
        heats = HEATS[self.effort]
        return replace(heats, seconds=min(heats.seconds, self._share), until=self.until)

    @property
    def casualties(self) -> Casualties:
        """How many workers are killed, for at most one share of the time that there is."""
        casualties = CASUALTIES[self.effort]
        return replace(casualties, seconds=min(casualties.seconds, self._share))
