"""What came of exploring a store: the programs that break a clause, and how much was tried."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from async_contract.experiments.programs import Program
from async_contract.history.operation import Operation
from async_contract.judge.verdict import Violation


@dataclass(frozen=True, slots=True)
class Finding:
    """A program that breaks a clause.

    Attributes:
        violation: What it breaks.
        program: The program, as small as it could be made.
        history: What the program did.
        schedule: The schedule it takes, as simple as it could be made; nobody is late in an empty one.
        way: The name of the way in which the program is carried out, by which it can be repeated.
        again: Whether it broke the clause again when it was repeated. Even if not, the history proves it.
    """

    violation: Violation
    program: Program
    history: tuple[Operation, ...]
    schedule: tuple[Any, ...] = ()
    way: str = "order"
    again: bool = True


@dataclass(slots=True)
class Exploration:
    """What came of many programs.

    Attributes:
        findings: The least program found for each clause that is broken, by its id.
        counts: How often each clause was put to the test.
        shadows: How often a clause seemed to be broken by what another one explains.
        programs: How many programs were carried out.
        steps: How many steps they had, where they are carried out one step after another.
        schedules: How many schedules were tried.
        distinct: How many of those differed.
        seconds: How long all that took.
        left: How the store left the way it was to be carried out in; empty if it stayed.
        stopped: Why it ended before its time, if it did.
        short: How far it came, where the time was too short for all there was to do; empty if it was not.
        loose: Of how many schedules the order was not controlled to the end, where it should have been.
        began: When it began, by the monotonic clock.
    """

    findings: dict[str, Finding] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    shadows: Counter[str] = field(default_factory=Counter)
    programs: int = 0
    steps: int = 0
    schedules: int = 0
    distinct: int = 0
    seconds: float = 0.0
    left: str = ""
    stopped: str = ""
    short: str = ""
    loose: int = 0
    began: float = field(default_factory=time.monotonic)


class Spent(NamedTuple):
    """What was spent on a store in one way of exploring it.

    Attributes:
        way: What the way does, in a few words.
        programs: How many programs were carried out.
        steps: How many steps they had; 0 where schedules are counted.
        schedules: How many schedules were tried; 0 where there is but one for each program.
        distinct: How many of those differed.
        seconds: How long it took.
        ended: Why it ended before its time; empty if it did not.
        label: How far the order of the workers was controlled; empty where the store left the way.
    """

    way: str
    programs: int
    steps: int
    schedules: int
    distinct: int
    seconds: float
    ended: str = ""
    label: str = ""
