"""Schedules that fail: found, written down, replayed, and made as simple as they can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import NamedTuple

from async_contract.experiments.choosers import TIME, Chooser, OwnOrder, Trace, rotation
from async_contract.experiments.loop import Run
from async_contract.experiments.pauses import Following, Pause, Place, Schedule

Attempt = Callable[[Chooser], Run]
"""Runs a program from its beginning, such as `lambda chooser: simulate(main, chooser)`."""


class Diverged(Exception):
    """The same choices gave another run: something decides that is not in the schedule."""

    def __init__(self, difference: str) -> None:
        super().__init__(
            f"this can't be replayed exactly: {difference}; something outside the schedule decides, such as "
            "the real time, random numbers without a seed, uuid4, or the order of a set"
        )


# -- replaying --------------------------------------------------------------------------------------


class Replaying:
    """A chooser that repeats a run choice by choice.

    `choose` raises `Diverged` where there are not as many alternatives as there were.
    """

    def __init__(self, trace: Trace) -> None:
        self._choices = list(zip(trace.picks, trace.alternatives, strict=True))[::-1]

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """What was chosen before."""
        if not self._choices:
            raise Diverged(f"turn {turn} is a choice of {len(ready)}, where there was none")
        pick, alternatives = self._choices.pop()
        if alternatives != len(ready):
            raise Diverged(f"turn {turn} is a choice of {len(ready)}, where it was one of {alternatives}")
        return pick


# -- from a run to its schedule ---------------------------------------------------------------------


class _Recording:
    """Writes down what another chooser was asked and what it said."""

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser
        self.log: list[tuple[int, list[Place], int]] = []  # the turn, who was ready, the pick

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        pick = self._chooser.choose(ready, steps, turn)
        self.log.append((turn, [(each, steps[each] + 1) for each in ready if each != TIME], pick))
        return pick


def pauses_of(attempt: Attempt, trace: Trace) -> Schedule:
    """The fewest pauses that give exactly this run.

    Raises:
        Diverged: The choices of the trace don't give the run again.
    """
    recording = _Recording(Replaying(trace))
    _compare(trace, attempt(recording).trace)
    seen: dict[Place, int] = {}
    passed_over: dict[Place, None] = {}
    for turn, ready, pick in recording.log:
        for each in ready:
            seen.setdefault(each, turn)
        if pick < len(ready):
            passed_over.update(dict.fromkeys(ready[:pick]))
    made = _turns_of_steps(trace)
    end = len(trace.turns)
    pauses = [Pause(*each, made.get(each, end) - seen[each]) for each in passed_over]
    # Where time passed, all who were ready were late. Most are paused anyway, or else the first is named.
    named = Counter(
        next((each for each in ready if each not in passed_over), None)
        for _, ready, pick in recording.log
        if pick == len(ready)
    )
    pauses += [Pause(*each, times, everybody=True) for each, times in named.items() if each is not None]
    return tuple(sorted(pauses))


def _turns_of_steps(trace: Trace) -> dict[Place, int]:
    """At which turn each task made each of its steps."""
    steps: Counter[int] = Counter()
    made = {}
    for turn, task in enumerate(trace.turns):
        steps[task] += 1
        made[task, steps[task]] = turn
    return made


def _compare(trace: Trace, again: Trace) -> None:
    for turn, (then, now) in enumerate(zip(trace.turns, again.turns, strict=False)):
        if then != now:
            raise Diverged(f"turn {turn} is {_who(now)}, where it was {_who(then)}")
    if trace != again:
        raise Diverged(f"it took {_extent(again)}, where it took {_extent(trace)}")


def _who(task: int) -> str:
    return "that of time" if task == TIME else f"that of task {task}"


def _extent(trace: Trace) -> str:
    return f"{len(trace.turns)} turns and {len(trace.picks)} choices"


def replay(attempt: Attempt, schedule: Schedule) -> Run:
    """Run a program under a schedule, twice.

    Raises:
        Diverged: The second run was not as the first.
    """
    run = attempt(Following(schedule))
    _compare(run.trace, attempt(Replaying(run.trace)).trace)
    return run


# -- finding ----------------------------------------------------------------------------------------


class Search(NamedTuple):
    """What came of a search.

    Attributes:
        schedule: One that fails; `None` if none was found.
        run: The run under it.
        tried: How many schedules were tried.
        distinct: How many of these differed.
    """

    schedule: Schedule | None
    run: Run | None
    tried: int
    distinct: int


REPEATS = 15
"""After so many schedules in a row that were tried before, a program has hardly another one."""


def search(
    attempt: Attempt,
    fails: Callable[[Run], bool],
    *,
    seed: int,
    schedules: int,
    orders: Sequence[Chooser] = (),
    enough: Callable[[], bool] = lambda: False,
    before: int = 0,
) -> Search:
    """Look for a schedule under which a program fails: the plainest one, then the strategies in turn.

    Args:
        attempt: Runs the program.
        fails: Whether this is what is looked for.
        seed: What the schedules are made of.
        schedules: The most to try.
        orders: What is tried between asyncio's own order and the strategies.
        enough: Whether no further schedule is to be tried.
        before: How many of them were tried before: of these only the plainest one is again.

    Raises:
        Diverged: A schedule fails, and can't be replayed.
    """
    first = attempt(OwnOrder())
    choosers = islice(chain(orders, rotation(seed, first.steps)), max(before - 1, 0), schedules - 1)
    others = (attempt(each) for each in choosers)
    distinct = set()
    tried = latest = 0
    for tried, run in enumerate(chain([first], others), 1):
        if hash(run.trace.turns) not in distinct:
            distinct.add(hash(run.trace.turns))
            latest = tried
        if fails(run):
            return Search(pauses_of(attempt, run.trace), run, tried, len(distinct))
        if tried - latest >= REPEATS or enough():
            break
    return Search(None, None, tried, len(distinct))


# -- making it simple -------------------------------------------------------------------------------


def minimise(schedule: Schedule, still_fails: Callable[[Schedule], bool], *, budget: int = 1_000) -> Schedule:
    """Make a schedule simpler as long as it fails: fewest pauses, then shortest, then smallest.

    Args:
        schedule: One that fails.
        still_fails: Tries a schedule.
        budget: How many schedules may be tried.

    Returns:
        A schedule that fails, of which nothing can be left out or made less, as far as the budget went.
    """
    return _Minimiser(schedule, still_fails, budget).minimised()


class _Minimiser:
    def __init__(self, schedule: Schedule, still_fails: Callable[[Schedule], bool], budget: int) -> None:
        self._given = self._schedule = schedule
        self._still_fails = still_fails
        self._tried = {schedule}
        self._budget = budget

    def minimised(self) -> Schedule:
        if not self._takes(()):
            self._leave_out()
            self._replace_all()
            while self._takes_one_of(_lesser(self._schedule)):
                pass
        return self._schedule

    def _takes(self, simpler: Schedule) -> bool:
        """Whether this fails too, and so takes the place of what we have."""
        if simpler in self._tried or len(self._tried) > self._budget:
            return False
        self._tried.add(simpler)
        if not self._still_fails(simpler):
            return False
        self._schedule = simpler
        return True

    def _takes_one_of(self, simpler: Iterable[Schedule]) -> bool:
        return any(self._takes(each) for each in simpler)

    def _leave_out(self) -> None:
        """Delta debugging (Zeller and Hildebrandt, 2002): a part alone, or all but a part, ever finer."""
        parts = 2
        while parts <= len(self._schedule):
            schedule = self._schedule
            cuts = [len(schedule) * number // parts for number in range(parts + 1)]
            spans = list(pairwise(cuts))
            if self._takes_one_of(schedule[start:end] for start, end in spans):
                parts = 2
            elif self._takes_one_of(schedule[:start] + schedule[end:] for start, end in spans):
                parts = max(parts - 1, 2)
            elif parts == len(schedule):
                break
            else:
                parts = min(2 * parts, len(schedule))

    def _replace_all(self) -> None:
        """One long pause may do for several short ones, at one of these places or at any other."""
        if len(self._schedule) > 1:
            places = [*self._schedule, *_all_steps(self._given)]
            self._takes_one_of(islice(_singles(places), self._budget // 2))


def _singles(places: Sequence[Pause]) -> Iterator[Schedule]:
    # The longest most often does: nothing lasts longer than it can.
    for turns in (64, 16, 4, 8, 2, 1, 3):
        yield from ((pause._replace(turns=turns),) for pause in places)
    yield from ((pause._replace(turns=1, everybody=True),) for pause in places)


def _all_steps(schedule: Schedule) -> list[Pause]:
    """Every step of every worker, as far as the schedule knows of them."""
    workers = range(max(pause.worker for pause in schedule) + 1)
    steps = range(1, max(pause.step for pause in schedule) + 1)
    return [Pause(worker, step, 1) for worker in workers for step in steps]


def _lesser(schedule: Schedule) -> Iterator[Schedule]:
    """The same pauses, one of them shorter, or earlier, or of a worker with a lower number."""
    for name, least in (("turns", 1), ("step", 1), ("worker", 0)):
        for place, pause in enumerate(schedule):
            number = getattr(pause, name)
            for lower in sorted({least, (least + number) // 2, number - 1}):
                if least <= lower < number:
                    lesser = pause._replace(**{name: lower})
                    yield tuple(sorted({*schedule[:place], lesser, *schedule[place + 1 :]}))
