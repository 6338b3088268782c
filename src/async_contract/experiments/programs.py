"""What workers do: programs, generated, carried out, and written down.

A program is a list of steps, each with its worker. Carried out in order it is a sequential test of
a store; carried out by a task for each worker it is a concurrent one. A step names its job by a
rule (the latest one this worker holds, somebody else's, one that was never enqueued), so that a
program stays a program when steps are taken out of it.
"""

from __future__ import annotations

import base64
import contextlib
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import partial
from random import Random
from typing import NamedTuple

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Bench, Blocked, NotApplicable, NotExercised, Worker
from async_contract.experiments.examples.values import HOSTILE_MESSAGES, MESSAGES, STRANGERS
from async_contract.history.operation import Delivered, Operation
from async_contract.store import Job

LIMITS = (1, 2, 3, 10, 0, -1, 2**31 - 1, 1_000, 256, 65_536)
"""The limits that a step can lease with; the simplest first."""

PARTS = (0.3, 0.6, 1.05, 2.1)
"""The parts of a lease's time that a step can let pass."""

TEXTS = (*MESSAGES[:4], *HOSTILE_MESSAGES[:4])
"""The messages that a step can fail with; the simplest first."""

_TAKES, _AT_ONCE = 3, 10
"""So many leases, with this limit, show what is delivered twice."""

IDS = ("job-{:02}", "Job-{:02}", " job-{:02}", "job-{:02}%")
"""The ids that a step can enqueue; the simplest first."""


WHICH = 160
"""How many jobs, limits or times a step can name: with eight rules, the twentieth job from the end too."""


class Kind(IntEnum):
    """What a step does."""

    ENQUEUE = 0
    LEASE = 1
    COMPLETE = 2
    FAIL = 3
    SLEEP = 4
    REOPEN = 5


_NEW = tuple.__new__


class Step(NamedTuple):
    """One thing that a worker does.

    Attributes:
        worker: Which worker; 0 for what happens before the workers begin.
        kind: What.
        which: Which of the limits, jobs, ids or times; 0 is the simplest.
        how: Which message, for a fail.
        cancel: At which of its awaits the call is cancelled, from 1; 0: it is not.
    """

    worker: int
    kind: Kind
    which: int = 0
    how: int = 0
    cancel: int = 0


Program = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Menu:
    """What programs for a store are made of.

    Attributes:
        workers: The most workers.
        steps: The most steps after the first jobs were enqueued.
        sleeps: Whether leases can expire while a program runs.
        reopens: Whether the store can be closed and opened.
        cancels: Whether calls can be cancelled.
    """

    workers: int = 3
    steps: int = 30
    sleeps: bool = False
    reopens: bool = False
    cancels: bool = True


def generate(random: Random, menu: Menu) -> Program:
    """A random program.

    Some are narrow (few kinds of steps), since what a store does wrong may need many of the same.
    """
    workers = min(random.choice((1, 1, 2, 3)), menu.workers)
    weights = _weights(random, menu)
    kinds = list(weights)
    most, hows = len(_WHICH), len(_HOW)
    first = random.randint(0, 4)
    steps = [Step(0, Kind.ENQUEUE, _WHICH[int(random.random() * most)]) for _ in range(first)]
    cancels = random.random() < 0.3 and menu.cancels
    number = random.random  # what follows is written out, since it takes a tenth of the time of exploring
    for kind in random.choices(kinds, [weights[each] for each in kinds], k=random.randint(2, menu.steps)):
        worker = 1 + int(number() * workers)
        cancel = 1 + int(number() * 4) if cancels and kind in _CALLS and number() < 0.3 else 0
        which, how = _WHICH[int(number() * most)], _HOW[int(number() * hows)]
        steps.append(_NEW(Step, (worker, kind, which, how, cancel)))
    return tuple(steps)


_CALLS = (Kind.LEASE, Kind.COMPLETE, Kind.FAIL)

_WHICH, _HOW = ((0,) * most + tuple(range(most)) for most in (WHICH, len(TEXTS)))
"""What is chosen from: half of the time the simplest."""


def _weights(random: Random, menu: Menu) -> dict[Kind, float]:
    """How often each kind of step stands in one program; the lease never goes quite missing."""
    weights: dict[Kind, float] = {Kind.ENQUEUE: 2, Kind.LEASE: 8, Kind.COMPLETE: 4, Kind.FAIL: 5}
    if menu.sleeps:
        weights[Kind.SLEEP] = 3
    if menu.reopens:
        weights[Kind.REOPEN] = 1
    for kind in weights:
        weights[kind] *= random.choice((0.3, 1, 1, 3) if kind is Kind.LEASE else (0, 0.3, 1, 1, 3))
    return weights


@dataclass(slots=True)
class Player:
    """Carries out the steps of a program on a bench.

    Attributes:
        bench: Where the store is.
        held: By worker: the jobs it was given and has not ended, the latest last.
        enqueued: The ids of all jobs.
        offered: The ids that were enqueued, accepted or not: none is enqueued twice.
    """

    bench: Bench
    held: dict[int, list[str]] = field(default_factory=dict)
    enqueued: list[str] = field(default_factory=list)
    offered: set[str] = field(default_factory=set)

    async def play(self, step: Step, worker: Worker) -> None:
        """Carry out one step."""
        bench = self.bench
        if step.kind is Kind.LEASE:
            await self._lease(step, worker)
        elif step.kind is Kind.ENQUEUE:
            await self._enqueue(step, worker)
        elif step.kind is Kind.SLEEP:
            await self.sleep(step.which)
        elif step.kind is Kind.REOPEN:
            await bench.reopen()
        else:
            await self._end(step, worker)

    def sleep(self, which: int) -> Awaitable[None]:
        """Let a part of a lease's time pass."""
        capabilities = self.bench.capabilities
        timeout = capabilities.lease_timeout or capabilities.retry_delay
        return self.bench.sleep(PARTS[which % len(PARTS)] * timeout)

    async def offer(self, worker: Worker, job: Job) -> Operation:
        """Enqueue a job that the store may refuse."""
        return await self.bench.offer(job, worker)

    async def _enqueue(self, step: Step, worker: Worker) -> None:
        self.took_in(await self.offer(worker, self.job(step.which)))

    def job(self, which: int) -> Job:
        """The job that a step enqueues."""
        number = len(self.offered)
        pattern = IDS[which % len(IDS)]
        # Every second odd id is alike to the job before it.
        job_id = pattern.format(number // 2 * 2 + 1 if which % len(IDS) else number + 1)
        if job_id in self.offered:
            job_id = IDS[0].format(number + 1)
        self.offered.add(job_id)
        return _job(job_id, number // 2)

    def took_in(self, operation: Operation) -> None:
        """Learn what came of an enqueue."""
        if operation.outcome == "ok" and operation.job_id is not None:
            self.enqueued.append(operation.job_id)

    async def _lease(self, step: Step, worker: Worker) -> None:
        limit = LIMITS[step.which % len(LIMITS)]
        if step.cancel:
            await self._cancelled(partial(worker.lease, limit), step.cancel)
            return
        self.received(worker.number, await worker.lease(limit))

    def received(self, number: int, jobs: Sequence[Delivered]) -> None:
        """Learn what a worker was given."""
        if jobs:
            self.held.setdefault(number, []).extend(str(each.id) for each in jobs)

    async def _end(self, step: Step, worker: Worker) -> None:
        job_id = self.ended(step, worker.number)
        call = worker.complete if step.kind is Kind.COMPLETE else partial(_fail, worker, step.how)
        if step.cancel:
            await self._cancelled(partial(call, job_id), step.cancel)
        else:
            await call(job_id)

    def ended(self, step: Step, number: int) -> str:
        """The job that a step ends; if it is not cancelled, the worker does not hold it any more."""
        job_id = self._job(step.which, number)
        mine = self.held.get(number)
        if mine and job_id in mine and not step.cancel:
            mine.remove(job_id)
        return job_id

    async def _cancelled(self, call: Callable[..., Awaitable[object]], step: int) -> None:
        with contextlib.suppress(NotApplicable):  # a plain function went through, which is well too
            await self.bench.cancelled(call, step)

    def _job(self, which: int, number: int) -> str:
        """The job that a step names: mostly one that the worker holds."""
        rule, place = which % 8, which // 8
        mine = self.held.get(number)
        if rule < 5 and mine:
            return mine[-1 - place % len(mine)]
        if rule == 6:
            others = [id for worker, ids in sorted(self.held.items()) if worker != number for id in ids]
            if others:
                return others[place % len(others)]
        if rule == 7 or not self.enqueued:
            # A job that is not known yet, but will be, is unknown in a way of its own.
            stranger = place % (len(STRANGERS) + 1)
            return STRANGERS[stranger] if stranger < len(STRANGERS) else IDS[0].format(len(self.offered) + 1)
        return self.enqueued[-1 - place % len(self.enqueued)]


def _job(job_id: str, pair: int) -> Job:
    """A job that another one is like in all but its id."""
    return Job(job_id, f"kind-{pair % 2}", ("acme", "globex", "acme")[pair % 3], b"%d" % pair)


async def _fail(worker: Worker, how: int, job_id: str, **options: object) -> object:
    return await worker.fail(job_id, TEXTS[how % len(TEXTS)], **options)  # type: ignore[arg-type]


async def finish(bench: Bench) -> None:
    """Let every lease expire where that costs nothing, and drain the store."""
    await _expire(bench)
    try:
        await bench.drain()
    except NotExercised:
        return


async def take(bench: Bench) -> None:
    """Let every lease expire where that costs nothing, and lease what there is, without an end to any of it.

    A job that comes twice so comes twice by itself, whatever a complete or a fail would have done.
    """
    await _expire(bench)
    worker = await bench.first_worker()
    with contextlib.suppress(Blocked):
        for _ in range(_TAKES):
            await worker.ask(_AT_ONCE)


async def _expire(bench: Bench) -> None:
    if bench.sandbox.virtual and bench.can_expire:
        await bench.expire()


def menu_for(capabilities: Capabilities, *, virtual: bool, steps: int = 30) -> Menu:
    """What programs for a store with these capabilities can be made of."""
    return Menu(
        workers=1 if capabilities.sharing == "none" else 3,
        steps=steps,
        sleeps=virtual and bool(capabilities.lease_timeout or capabilities.retry_delay),
        reopens=capabilities.durable,
    )


def in_turn(menu: Menu) -> tuple[Menu, ...]:
    """What the programs of one run are made of, in turn: of four of them three are up to four times as long.

    What needs many steps is found in long ones only, of which each step is cheaper; what needs few is made
    small sooner from a short one. On the mutants, all lengths between find as much in the same time.
    """
    return (menu, *[replace(menu, steps=4 * menu.steps)] * 3)


# -- as text ------------------------------------------------------------------------------------

_SPANS = (8, len(Kind), WHICH, len(TEXTS), 32)


def encode(program: Program) -> str:
    """A program as text that fits on a command line."""
    raw = bytes(number for step in program for number in step)
    return base64.urlsafe_b64encode(zlib.compress(raw, 9)).decode().rstrip("=")


def decode(text: str) -> Program:
    """The program in a text that `encode` made.

    Raises:
        ValueError: The text is none that `encode` makes.
    """
    try:
        raw = zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, zlib.error):
        raise ValueError(f"{text!r} is no program; paste it whole, as it was printed") from None
    size = len(Step._fields)
    rows = [tuple(raw[start : start + size]) for start in range(0, len(raw), size)]
    if not all(_is_step(row) for row in rows):
        raise ValueError(f"{text!r} is no program of this version")
    return tuple(Step(row[0], Kind(row[1]), *row[2:]) for row in rows)


def _is_step(row: Sequence[int]) -> bool:
    return len(row) == len(_SPANS) and all(number < span for number, span in zip(row, _SPANS, strict=True))
