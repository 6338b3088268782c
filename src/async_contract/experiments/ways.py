"""The ways in which random programs are carried out, and what they have shown of each store."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import CLAUSE
from async_contract.experiments import (
    crashes,
    gate_stage,
    kills,
    pauses,
    progress,
    races,
    rivals,
    thread_gate,
    thread_races,
)
from async_contract.experiments.bench import Settings
from async_contract.experiments.blocking import ONLY_PROCESSES
from async_contract.experiments.crashes import Crashes
from async_contract.experiments.explore import Explorer
from async_contract.experiments.findings import Exploration, Finding, Spent
from async_contract.experiments.gate_stage import GateStage
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.kills import Kill
from async_contract.experiments.limits import Limits
from async_contract.experiments.owners import promised_here
from async_contract.experiments.pauses import Following, Schedule
from async_contract.experiments.programs import Program
from async_contract.experiments.races import Races
from async_contract.experiments.rivals import Rivals
from async_contract.experiments.scheduled import Scheduler
from async_contract.experiments.thread_gate import StatementStage
from async_contract.experiments.thread_races import ThreadRaces
from async_contract.experiments.threads import PartStage, ThreadStage
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import Operation
from async_contract.history.recorder import CallTimedOut
from async_contract.judge.verdict import Label


class Played(NamedTuple):
    """A program, carried out once.

    Attributes:
        history: What happened.
        capabilities: What the history is judged by: without the times that this way can't keep.
        schedule: The schedule in words.
        label: How far the order was controlled, where that is not what the way says.
    """

    history: tuple[Operation, ...]
    capabilities: Capabilities
    schedule: tuple[str, ...] = ()
    label: str = ""


Explore = Callable[[StoreHarness, Sandboxes, Limits, frozenset[str]], Exploration]
Play = Callable[[StoreHarness, Sandboxes, Settings, Program, Any], Played]


class Way(NamedTuple):
    """A way of carrying out programs.

    Attributes:
        name: Its name, as findings have it.
        says: What it does, in a few words.
        applies: Whether it is one for this store.
        explore: Carries out random programs; clauses that are known to be broken are not pursued.
        play: Carries out one program under one schedule.
        clause: The only clause that it is for; empty if it is for all of them.
        write: Writes a schedule of this way down, without a full stop.
        read: Reads what `write` wrote; raises ValueError if it did not.
        instead_of: The way whose place it takes where a store has left that; empty if it stands by itself.
        unless: The reason for leaving that way which keeps a store from this one as well.
        label: How far the order of the workers is controlled.
        spared_by: The way that makes this one needless where it was carried out.
        is_thorough: Whether it is for thorough effort only.
    """

    name: str
    says: str
    applies: Callable[[StoreHarness], bool]
    explore: Explore
    play: Play
    clause: str = ""
    write: Callable[[Any], str] = pauses.encode
    read: Callable[[str], tuple[Any, ...]] = pauses.decode
    instead_of: str = ""
    unless: str = ""
    label: Label = Label.EXACT
    spared_by: str = ""
    is_thorough: bool = False


# -- one call after another ---------------------------------------------------------------------------


def _explore_in_order(
    harness: StoreHarness, sandboxes: Sandboxes, limits: Limits, known: frozenset[str]
) -> Exploration:
    explorer = Explorer(harness, sandboxes, limits.exploring, limits.seed)
    with asyncio.Runner() as runner:
        return runner.run(explorer.explore(limits.budget))


def _play_in_order(
    harness: StoreHarness, sandboxes: Sandboxes, settings: Settings, program: Program, schedule: Schedule
) -> Played:
    with asyncio.Runner() as runner:
        _, history = runner.run(Explorer(harness, sandboxes, settings, 0).broken(program))
    return Played(history, promised_here(harness))


# -- on the simulated loop ----------------------------------------------------------------------------


def _is_asynchronous(harness: StoreHarness) -> bool:
    names = ("lease", "complete", "fail")
    methods = [getattr(cls, name, None) for cls in harness.store_classes for name in names]
    return harness.awaited or any(map(inspect.iscoroutinefunction, methods))


def _explore_on_the_loop(
    harness: StoreHarness, sandboxes: Sandboxes, limits: Limits, known: frozenset[str]
) -> Exploration:
    stage = LoopStage(harness, sandboxes, limits.exploring)
    return Scheduler(stage, limits.seed).explore(limits.concurrent, known)


def _play_on_the_loop(
    harness: StoreHarness, sandboxes: Sandboxes, settings: Settings, program: Program, schedule: Schedule
) -> Played:
    return _played(LoopStage(harness, sandboxes, settings), program, schedule)


def _played(stage: LoopStage, program: Program, schedule: Schedule) -> Played:
    _, history = stage.run(program, Following(schedule))
    label = "" if stage.controlled else Label.BEST_EFFORT
    return Played(history, stage.capabilities, stage.tell(schedule), label)


# -- at the gate before a driver -----------------------------------------------------------------------


def _explore_at_the_gate(
    harness: StoreHarness, sandboxes: Sandboxes, limits: Limits, known: frozenset[str]
) -> Exploration:
    stage = GateStage(harness, sandboxes, limits.exploring)
    return gate_stage.explore(stage, limits.statements, limits.seed, known)


def _play_at_the_gate(
    harness: StoreHarness, sandboxes: Sandboxes, settings: Settings, program: Program, schedule: Schedule
) -> Played:
    stage = GateStage(harness, sandboxes, settings)
    with stage.open(), stage.unhurried():
        return _played(stage, program, schedule)


# -- on a real loop ------------------------------------------------------------------------------------


def _explore_in_races(
    harness: StoreHarness, sandboxes: Sandboxes, limits: Limits, known: frozenset[str]
) -> Exploration:
    return Races(harness, sandboxes, limits.exploring).explore(limits.heats, limits.seed, known)


def _play_in_a_race(
    harness: StoreHarness, sandboxes: Sandboxes, settings: Settings, program: Program, schedule: Schedule
) -> Played:
    heat = Random().randrange(1_000_000)  # another one each time
    return Played(Races(harness, sandboxes, settings).race(program, heat), promised_here(harness))


# -- in threads ---------------------------------------------------------------------------------------


def _is_of_threads(harness: StoreHarness) -> bool:
    return not _is_asynchronous(harness) and harness.capabilities.sharing != "none"


def _explorer(stage: type[ThreadStage | ThreadRaces], effort: Callable[[Limits], Any]) -> Explore:
    """Explores on a stage of this kind, as long as the limits say."""

    def explore(
        harness: StoreHarness, sandboxes: Sandboxes, limits: Limits, known: frozenset[str]
    ) -> Exploration:
        return stage(harness, sandboxes, limits.exploring).explore(effort(limits), limits.seed, known)

    return explore


def _player(stage: type[ThreadStage]) -> Play:
    """Plays a program on a stage of this kind."""

    def play(
        harness: StoreHarness, sandboxes: Sandboxes, settings: Settings, program: Program, schedule: Schedule
    ) -> Played:
        return _played_in_threads(stage(harness, sandboxes, settings), program, schedule)

    return play


def _played_in_threads(stage: ThreadStage, program: Program, schedule: Schedule) -> Played:
    with stage.open(), stage.unhurried():
        played = _played(stage, program, schedule)
    if stage.hung:
        raise CallTimedOut(stage.hung)
    return played


# -- in threads that race ------------------------------------------------------------------------------


def _play_in_racing_threads(
    harness: StoreHarness, sandboxes: Sandboxes, settings: Settings, program: Program, schedule: Schedule
) -> Played:
    heat = Random().randrange(1_000_000)  # another one each time
    return Played(ThreadRaces(harness, sandboxes, settings).race(program, heat), promised_here(harness))


# -- in processes that race ----------------------------------------------------------------------------


def _is_shared_by_processes(harness: StoreHarness) -> bool:
    return harness.capabilities.sharing == "process"


def _explore_in_processes(
    harness: StoreHarness, sandboxes: Sandboxes, limits: Limits, known: frozenset[str]
) -> Exploration:
    return Rivals(harness, sandboxes, limits.exploring).explore(limits.heats, limits.seed, known)


def _play_in_processes(
    harness: StoreHarness, sandboxes: Sandboxes, settings: Settings, program: Program, schedule: Schedule
) -> Played:
    rivals = Rivals(harness, sandboxes, settings)
    with rivals.open():
        heat = Random().randrange(1_000_000)  # another one each time
        return Played(rivals.race(program, heat), harness.capabilities)


# -- in a process that is killed -----------------------------------------------------------------------


def _survives_kills(harness: StoreHarness) -> bool:
    return CLAUSE["durable/kill"].binds(harness.capabilities)


def _explore_with_kills(
    harness: StoreHarness, sandboxes: Sandboxes, limits: Limits, known: frozenset[str]
) -> Exploration:
    with asyncio.Runner() as runner:
        killing = Crashes(harness, sandboxes, limits.exploring)
        return runner.run(killing.explore(limits.casualties, limits.seed))


def _play_with_a_kill(
    harness: StoreHarness,
    sandboxes: Sandboxes,
    settings: Settings,
    program: Program,
    schedule: Sequence[Kill],
) -> Played:
    async def play() -> tuple[Operation, ...]:
        killing = Crashes(harness, sandboxes, settings)
        async with killing.host as host:
            return (await killing.run(host, program, schedule[0]))[1]

    with asyncio.Runner() as runner:
        return Played(runner.run(play()), harness.capabilities, tuple(map(str, schedule)))


WAYS = (
    Way("order", "in order", lambda harness: True, _explore_in_order, _play_in_order),
    Way("loop", "on the simulated loop", _is_asynchronous, _explore_on_the_loop, _play_on_the_loop),
    Way(
        gate_stage.WAY, "statement by statement", _is_asynchronous, _explore_at_the_gate, _play_at_the_gate,
        instead_of="loop", label=Label.STATEMENT_EXACT,
    ),
    Way(
        races.WAY, "in races on a real event loop", _is_asynchronous, _explore_in_races, _play_in_a_race,
        instead_of="loop", label=Label.BEST_EFFORT,
    ),
    Way(
        thread_gate.WAY, "in threads, statement by statement", _is_of_threads,
        _explorer(StatementStage, lambda limits: limits.statements), _player(StatementStage),
        label=Label.STATEMENT_EXACT,
    ),
    Way(
        "threads", "in threads, line by line", _is_of_threads,
        _explorer(ThreadStage, lambda limits: limits.threads), _player(ThreadStage),
    ),
    Way(
        PartStage.name, "in threads, several steps a line", _is_of_threads,
        _explorer(PartStage, lambda limits: limits.threads), _player(PartStage),
        spared_by=thread_gate.WAY, is_thorough=True,
    ),
    Way(
        thread_races.WAY, "in threads that race", _is_of_threads,
        _explorer(ThreadRaces, lambda limits: limits.heats), _play_in_racing_threads,
        instead_of="threads", unless=ONLY_PROCESSES, label=Label.BEST_EFFORT,
    ),
    Way(
        rivals.WAY, "in processes that race", _is_shared_by_processes, _explore_in_processes,
        _play_in_processes, label=Label.BEST_EFFORT,
    ),
    Way(
        crashes.WAY, "with workers killed", _survives_kills, _explore_with_kills, _play_with_a_kill,
        "durable/kill", kills.encode, kills.decode, label=Label.BEST_EFFORT,
    ),
)  # fmt: skip
"""Every way there is; the cheapest first, so that what it finds need not be found again."""

WAY = {way.name: way for way in WAYS}
"""The ways by name."""


# -- all of them --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Explored:
    """What all ways have shown of a store.

    Attributes:
        ways: What each has shown, by its name; only those that were tried.
    """

    ways: dict[str, Exploration] = field(default_factory=dict)

    def finding(self, clause: str) -> Finding | None:
        """What breaks a clause, if anything was found."""
        found = [each.findings[clause] for each in self.ways.values() if clause in each.findings]
        return next((each for each in found if each.again), found[0] if found else None)

    def besides(self, clause: str) -> Finding | None:
        """What a way that is for this clause alone has seen broken besides, if it did."""
        own = [each.findings for name, each in self.ways.items() if WAY[name].clause == clause]
        return next((finding for findings in own for finding in findings.values()), None)

    def short(self, clause: str) -> str:
        """How far a way came that is for this clause alone, where there was no time for all of it."""
        return "; ".join(each.short for name, each in self.ways.items() if WAY[name].clause == clause)

    def left(self, name: str, unless: str = "") -> bool:
        """Whether the store left the way of this name, where it is one, for another reason than this."""
        return not name or (name in self.ways and self.ways[name].left not in ("", unless))

    def has_tried(self, name: str) -> bool:
        """Whether programs were carried out in the way of this name."""
        return name in self.ways and self.ways[name].programs > 0

    def count(self, clause: str) -> int:
        """How often a clause was put to the test."""
        return sum(each.counts[clause] for each in self.ways.values())

    @property
    def broken(self) -> frozenset[str]:
        """The clauses that were seen broken, and can be again."""
        found = [each.findings for each in self.ways.values()]
        return frozenset(clause for each in found for clause, finding in each.items() if finding.again)

    @property
    def spent(self) -> list[Spent]:
        """What was spent on the store, way by way."""
        return [
            Spent(
                WAY[name].says, each.programs, each.steps, each.schedules, each.distinct, each.seconds,
                each.left or each.stopped or each.short, _label(name, each),
            )
            for name, each in self.ways.items()
            if name != thread_gate.WAY or each.programs or each.left or each.stopped  # there is a driver
        ]  # fmt: skip

    @property
    def stopped(self) -> str:
        """Why exploring ended before its time, if it did."""
        return next((each.stopped for each in self.ways.values() if each.stopped), "")


def _label(name: str, done: Exploration) -> str:
    label = "" if done.left else WAY[name].label
    if not (label and done.loose):
        return label
    runs = "1 run was" if done.loose == 1 else f"{done.loose} runs were"
    return f"{label}; {runs} {Label.BEST_EFFORT}"


class Explorations:
    """What random programs have shown of each store: they are carried out once, for all clauses."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[StoreHarness, Explored]] = {}

    def of(self, harness: StoreHarness, sandboxes: Sandboxes, limits: Limits, clause: str = "") -> Explored:
        """What they have shown of this store, carried out now unless they were before.

        Args:
            harness: How the store is reached.
            sandboxes: Where its private places are made.
            limits: How much this may cost.
            clause: The clause it is wanted for: some ways are for one only.
        """
        # With its harness, so that its id stays its own.
        _, explored = self._done.setdefault(id(harness), (harness, Explored()))
        for way in WAYS:
            if limits.until and explored.finding(limits.until) is not None:
                break
            wanted = way.clause in ("", clause) and way.name not in explored.ways
            wanted &= limits.effort == "thorough" or not way.is_thorough
            wanted &= not explored.has_tried(way.spared_by)
            if (
                wanted
                and not explored.stopped
                and explored.left(way.instead_of, way.unless)
                and way.applies(harness)
            ):
                with progress.on_the_way(way.says):
                    explored.ways[way.name] = way.explore(harness, sandboxes, limits, explored.broken)
        return explored

    def done(self, harness: StoreHarness) -> Explored | None:
        """What they have shown of this store so far."""
        found = self._done.get(id(harness))
        return found[1] if found else None
