"""Concurrent programs under many schedules: searched, made smaller, and made simple.

Programs are random and small; for each of them schedules are searched from fixed seeds, so that what
is found is a function of the program alone. A program that breaks a clause is made smaller, and then
the schedule by itself is made as simple as it can be. How a program is carried out under a schedule is
a stage's affair: on the simulated loop, in threads, with a gate before the database.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import CLAUSE
from async_contract.experiments import progress
from async_contract.experiments.choosers import Chooser
from async_contract.experiments.doubts import Doubts
from async_contract.experiments.fence import LeftTheLoop
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.loop import Run
from async_contract.experiments.openings import openings
from async_contract.experiments.pauses import Following, Schedule
from async_contract.experiments.programs import Kind, Menu, Program, Step, generate
from async_contract.experiments.schedules import Diverged, minimise, search
from async_contract.experiments.shrink import parts, shrink
from async_contract.history.operation import Operation
from async_contract.judge.judge import Judge
from async_contract.judge.verdict import Label, Violation

OF_OPENINGS = 3
"""So many times the schedules are tried of the programs to begin with, which seldom have many."""

_FEW = 3
"""The part of its schedules under which each of these is tried before any of them is under more."""


class Stage(Protocol):
    """Where concurrent programs are played, and somebody says who goes next."""

    @property
    def name(self) -> str:
        """What this way of carrying out a program is called."""

    @property
    def capabilities(self) -> Capabilities:
        """What the histories are judged by."""

    @property
    def menu(self) -> Menu:
        """What the programs are made of."""

    @property
    def orders(self) -> Sequence[Chooser]:
        """Orders that are tried first, after the one without any pause."""

    @property
    def doubts(self) -> Doubts:
        """Whether a job is suspected to be lost that may come yet."""

    waits: bool
    """Whether a run waits at its end until every lease has expired, in real time too."""

    @property
    def controlled(self) -> bool:
        """Whether the latest run was ordered to its end by what the chooser said."""

    def run(self, program: Program, chooser: Chooser) -> tuple[Run, tuple[Operation, ...]]:
        """Run a program under a schedule; gives its history too.

        The run's error is a `LeftTheLoop` where the store did what the chooser has no say in.
        """

    def unhurried(self) -> AbstractContextManager[None]:
        """Meanwhile whoever is slow is waited for, so that the order is what the chooser says."""

    def tell(self, schedule: Schedule) -> tuple[str, ...]:
        """A schedule in words, after a run under it."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried.

    Attributes:
        programs: So many programs at most.
        schedules: Under so many schedules each.
        seconds: Seconds after which no new program is begun, and no further schedule tried.
        tries: How many programs are tried to make one smaller.
        patience: Seconds after which it is small enough.
        until: The clause whose breach ends it; empty: none does.
        of_openings: So many times as many schedules are tried of the programs to begin with.
    """

    programs: int = 120
    schedules: int = 30
    seconds: float = 4.0
    tries: int = 150
    patience: float = 10.0
    until: str = ""
    of_openings: int = OF_OPENINGS

    def is_spent(self, done: Exploration) -> bool:
        """Whether no new program is begun."""
        return done.programs >= self.programs or self.is_over(done)

    def is_over(self, done: Exploration) -> bool:
        """Whether nothing more is tried, whatever is left."""
        late = time.monotonic() - done.began >= self.seconds
        return late or bool(done.left) or self.until in done.findings


@dataclass(slots=True)
class _Found:
    """What came of a search for a schedule of one program."""

    broken: list[str] = field(default_factory=list)
    schedule: Schedule | None = None
    tried: int = 0
    distinct: int = 0
    loose: int = 0
    left: str = ""
    seen: tuple[Operation, ...] = ()


class Scheduler:
    """Tries programs of two to four workers under many schedules on a stage."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._seed = seed

    def explore(self, effort: Effort, known: frozenset[str] = frozenset()) -> Exploration:
        """Try programs until the effort is spent.

        Args:
            effort: How much is tried.
            known: Clauses that are known to be broken and need no pursuit.
        """
        done = Exploration()
        self._begin(effort, done, known)
        while not effort.is_spent(done):
            self._try(numbered(self._seed, done.programs, self._stage.menu), effort, done, known)
            done.programs += 1
            progress.tell(done, effort.programs, effort.seconds)
        done.seconds = time.monotonic() - done.began
        return done

    def _begin(self, effort: Effort, done: Exploration, known: frozenset[str]) -> None:
        """Try the programs to begin with: all of them under few schedules, and then under more.

        So a machine that is slow comes to the last of them too.
        """
        left = openings(self._stage.menu)[: effort.programs]
        before = 0
        for schedules in self._rounds(effort):
            now, left = left, ()
            for program in now:
                if effort.is_over(done):
                    return
                has_more = self._try(program, effort, done, known, before=before, most=schedules)
                left += (program,) * has_more
                done.programs += not before
                progress.tell(done, effort.programs, effort.seconds)
            before = schedules

    def _rounds(self, effort: Effort) -> list[int]:
        """Under how many schedules the programs to begin with are tried, from round to round."""
        most = effort.of_openings * effort.schedules
        few = max(effort.schedules // _FEW, 1 + len(self._stage.orders))
        return sorted({min(each, most) for each in (few, effort.schedules, most)})

    def broken(
        self, history: tuple[Operation, ...], counts: Counter[str] | None = None, *, hasty: bool = False
    ) -> dict[str, list[Violation]]:
        """What a history breaks, by clause; a SHOULD is not worth a schedule.

        Args:
            history: The history.
            counts: Where to add how often each clause was put to the test.
            hasty: Whether a job that may come yet is taken to be lost.
        """
        judge = Judge(history, self._stage.capabilities, hasty=hasty or self._stage.doubts.certain)
        judge.read()
        broken, counted = judge.evidence()
        if counts is not None and not judge.overload:
            counts.update(counted)
        return {clause: found for clause, found in broken.items() if CLAUSE[clause].level != "SHOULD"}

    def _try(
        self,
        program: Program,
        effort: Effort,
        done: Exploration,
        known: frozenset[str],
        *,
        before: int = 0,
        most: int = 0,
    ) -> bool:
        """Search for a schedule under which the program breaks something that is not known.

        Args:
            program: The program.
            effort: How much is tried.
            done: What came of it so far.
            known: Clauses that are known to be broken and need no pursuit.
            before: Under how many schedules it was tried before.
            most: Under how many it is tried now, those included; 0: as many as usual.

        Returns:
            Whether nothing was found, and there may be more schedules to try.
        """
        share = replace(effort, schedules=most) if most else effort

        def is_news(clause: str) -> bool:
            return clause not in known and clause not in done.findings and not done.shadows[clause]

        end = done.began + effort.seconds
        found = self._search(program, is_news, share, done.counts, end, before=before)
        done.schedules += found.tried
        done.distinct += found.distinct
        done.loose += found.loose
        if found.left:
            done.left = found.left
        elif found.broken and self._is_proved(found.broken[0], program, found, effort):
            # Not under fewer than usual: an order might be missed in which nobody has to wait in a server.
            wide = replace(effort, schedules=max(effort.schedules, share.schedules))
            self._pursue(found.broken[0], program, found, wide, done)
        return not found.broken and found.tried >= share.schedules - before

    def _keep(self, clause: str, program: Program, seen: tuple[Operation, ...], done: Exploration) -> None:
        violation = self.broken(seen)[clause][0]
        done.findings[clause] = Finding(violation, program, seen, way=self._stage.name, again=False)

    def _search(
        self,
        program: Program,
        wanted: Callable[[str], bool],
        effort: Effort,
        counts: Counter[str] | None = None,
        end: float = math.inf,
        *,
        strictly: bool = False,
        before: int = 0,
    ) -> _Found:
        """Look for a schedule under which the program breaks a clause that is wanted.

        Strictly, only runs count that were ordered to their end by what the chooser said.
        """
        found = _Found()
        histories: list[tuple[Operation, ...]] = []

        def attempt(chooser: Chooser) -> Run:
            # What was found is repeated, to see which pauses it takes.
            with self._stage.unhurried() if found.broken else nullcontext():
                run, history = self._stage.run(program, chooser)
            found.loose += not self._stage.controlled
            histories[:] = [history]
            return run

        def fails(run: Run) -> bool:
            if isinstance(run.error, LeftTheLoop):
                found.left = str(run.error)
                return True
            broken = self.broken(histories[0], counts, hasty=self._stage.doubts.suspects)
            found.broken = [each for each in broken if wanted(each)]
            if not self._stage.controlled and strictly:
                found.broken = []
            if found.broken:
                found.seen = histories[0]  # kept, since a replay comes after it
            return bool(found.broken)

        try:
            searched = search(
                attempt, fails, seed=self._seed, schedules=effort.schedules, orders=self._stage.orders,
                enough=lambda: time.monotonic() >= end, before=before,
            )  # fmt: skip
        except Diverged:
            return found  # without a schedule: something else decides
        else:
            found.schedule, found.tried, found.distinct = searched.schedule, searched.tried, searched.distinct
        return found

    def _is_proved(self, clause: str, program: Program, found: _Found, effort: Effort) -> bool:
        """Whether what seems to break a clause does: a lost job may come yet. What was seen then shows it."""
        if clause in self.broken(found.seen):
            return True
        if not self._stage.doubts.suspects:
            return False
        history = self._patiently(program, found.schedule or ())
        if clause not in self.broken(history):
            self._stage.doubts.was_wrong(effort.seconds)
            return False
        found.seen = history
        return True

    def _patiently(self, program: Program, schedule: Schedule) -> tuple[Operation, ...]:
        """What a program does under a schedule, and what comes when every lease has expired."""
        self._stage.waits = True
        try:
            return self._stage.run(program, Following(schedule))[1]
        finally:
            self._stage.waits = False

    def _pursue(self, clause: str, program: Program, seen: _Found, effort: Effort, done: Exploration) -> None:
        """Make the program smaller, then the schedule simpler, and keep what is left.

        Each of these, and the search for a schedule in between, has so many seconds of patience.
        """
        end = time.monotonic() + effort.patience

        def breaks(smaller: Program) -> bool:
            return time.monotonic() < end and bool(self._search(smaller, clause.__eq__, effort).broken)

        least = shrink(program, breaks, tries=effort.tries)
        late = time.monotonic() + effort.patience
        found = self._search(least, clause.__eq__, effort, end=late, strictly=True)
        is_strict = found.schedule is not None
        if not is_strict and found.loose:
            found = self._search(least, clause.__eq__, effort, end=late)
        if found.schedule is None:
            # Something else decides than the schedule. But what was seen was seen: its history is the proof.
            self._keep(clause, program, seen.seen, done)
            return
        if self._is_shadow(clause, least, effort, done, late):
            return

        latest = time.monotonic() + effort.patience

        def still(simpler: Schedule) -> bool:
            return time.monotonic() < latest and self._shows(clause, least, simpler, strictly=is_strict)

        schedule = minimise(found.schedule, still, budget=300)
        # An order in which somebody has to wait comes about as it was found.
        with self._stage.unhurried() if is_strict else nullcontext():
            _, history = self._stage.run(least, Following(schedule))
            last = _Found(schedule=schedule, seen=history)
            if not self._is_proved(clause, least, last, effort):
                self._keep(clause, program, seen.seen, done)
                return
        label = "" if self._stage.controlled else Label.BEST_EFFORT
        told = self._stage.tell(schedule)
        violation = replace(self.broken(last.seen)[clause][0], schedule=told, label=label)
        done.findings[clause] = Finding(violation, least, last.seen, schedule, self._stage.name)

    def _shows(self, clause: str, program: Program, schedule: Schedule, *, strictly: bool) -> bool:
        _, history = self._stage.run(program, Following(schedule))
        broken = self.broken(history, hasty=self._stage.doubts.suspects)
        return clause in broken and (self._stage.controlled or not strictly)

    def _is_shadow(
        self, clause: str, program: Program, effort: Effort, done: Exploration, late: float
    ) -> bool:
        """Whether another clause is broken without what is to blame for this one; then that is pursued.

        Where that is not found out until it is too late, the blame stays where it is.
        """
        for smaller in parts(program):
            if time.monotonic() >= late:
                break
            other = self._search(smaller, clause.__ne__, effort, end=late)
            if other.broken and self._is_proved(other.broken[0], smaller, other, effort):
                done.shadows[clause] += 1
                if other.broken[0] not in done.findings:
                    self._pursue(other.broken[0], smaller, other, effort, done)
                return True
        return False


def numbered(seed: int, number: int, menu: Menu) -> Program:
    """A concurrent program: one to begin with, or a random one."""
    first = openings(menu)
    return first[number] if number < len(first) else concurrent(Random(f"{seed}:{number}"), menu)


def concurrent(random: Random, menu: Menu) -> Program:
    """A program whose jobs are there before its workers, and whose workers are numbered in order."""
    program = generate(random, menu)
    workers = sorted({step.worker for step in program} - {0})
    numbers = {worker: number for number, worker in enumerate(workers, 1)} | {0: 0}
    jobs = [Step(0, Kind.ENQUEUE) for _ in range(1 + int(random.random() * 3))]
    rest = [step._replace(worker=numbers[step.worker]) for step in program if step.worker]
    return (*jobs, *rest)
