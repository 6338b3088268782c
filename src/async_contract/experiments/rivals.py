"""Workers that race in processes of their own, for stores that processes share.

They begin their calls at the same instant, and now and then one of them is late at a line of the store, or at
a statement. The operating system does the rest, so nothing of this can be repeated exactly; but a history
that breaks a clause is a proof. All its instants are those of this process: before a worker was told, and
after it had answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import zip_longest
from random import Random
from typing import Any

from async_contract.experiments.bench import Bench, NotExercised, Settings, opened
from async_contract.experiments.findings import Exploration
from async_contract.experiments.kills import RemotePlayer, RemoteWorker, obstacle
from async_contract.experiments.processes.host import Host, Late, WorkerDied
from async_contract.experiments.programs import Program, Step
from async_contract.experiments.races import Heats, Races
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import Operation, instant
from async_contract.history.recorder import CallTimedOut

WAY = "processes"
"""What this way of carrying out a program is called."""

_HEAD_START = 1_000_000
"""Nanoseconds from the order to the instant at which it is to be carried out, so that it has arrived."""

_PAUSES = (0.001, 0.003, 0.006)
"""Seconds by which a worker is late."""

_TYPICAL = 12
"""How many boundaries a call is taken to have before one was seen."""


class Rival(RemoteWorker):
    """A worker in a process of its own, one of several.

    Attributes:
        start: The instant at which its next call begins; 0: as soon as it can.
        late: Where it is late in its next call.
        doing: The call that it makes.
    """

    def __init__(self, bench: Bench, host: Host, lengths: dict[str, int], random: Random | None) -> None:
        super().__init__(bench, host)
        self._lengths = lengths
        self._random = random
        self.host = host
        self.start = 0
        self.doing = ""

    async def _made(self, begun: Operation) -> Operation:
        self.doing = begun.method if begun.job_id is None else f"{begun.method} of {begun.job_id}"
        start, self.start = self.start, 0
        sandbox = self._bench.sandbox
        await self.host.call(begun, sandbox, start=start, late=self._late(begun.method))
        done = await self.host.outcome(begun, sandbox)
        if self.host.boundaries:
            self._lengths[begun.method] = len(self.host.boundaries)
        self.doing = ""
        return done

    def _late(self, method: str) -> Late | None:
        if self._random is None:
            return None
        length = self._lengths.get(method, _TYPICAL)
        return self._random.randint(0, length), self._random.choice(_PAUSES)


class Rivals(Races):
    """Plays programs whose workers have a process each."""

    name = WAY

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> None:
        super().__init__(harness, sandboxes, settings)
        self.capabilities = harness.capabilities
        self.menu = replace(self.menu, workers=3, sleeps=False, cancels=False)
        self._lengths: dict[str, int] = {}
        self._hosts: dict[int, Host] = {}
        self._runner = asyncio.Runner()

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Have processes at hand, and none when it is left."""
        with ExitStack() as stack:
            self._runner = stack.enter_context(asyncio.Runner())
            stack.callback(self._end)
            yield

    def _end(self) -> None:
        while self._hosts:
            self._hosts.popitem()[1].end()

    def explore(self, heats: Heats, seed: int, known: frozenset[str] = frozenset()) -> Exploration:
        """Try programs until enough is spent; clauses that are known to be broken are not pursued."""
        reason = obstacle(self._harness, self._settings)
        if reason:
            return Exploration(left=reason)
        with self.open():
            return super().explore(heats, seed, known)

    def _try(self, program: Program, heats: Heats, done: Exploration, known: frozenset[str]) -> None:
        try:
            super()._try(program, heats, done, known)
        except (NotExercised, WorkerDied) as reason:
            raise CallTimedOut(str(reason)) from reason

    def _give_up(self, hung: CallTimedOut, done: Exploration) -> None:
        """End with a call that did not return: each further program would take as long."""
        if done.findings or hung.__cause__ is not None:
            done.left = str(hung)
        else:
            done.stopped = str(hung)

    def race(self, program: Program, heat: int) -> tuple[Operation, ...]:
        """Carry out a program once; the number of the heat says who is late where."""
        return self._runner.run(self._race(program, Random(heat)))

    async def _race(self, program: Program, random: Random) -> tuple[Operation, ...]:
        bench = Bench(self._harness, self._sandboxes.new(self._harness), self._settings)
        async with opened(bench):
            player = RemotePlayer(bench)
            first = await bench.first_worker()
            for step in program:
                if not step.worker:
                    await player.play(step, first)
            rivals = await self._hired(bench, program, random)
            await self._compete(player, program, rivals, random)
            for rival in rivals.values():
                began = bench.recorder.now()
                await rival.host.dismiss()
                bench.recorder.note("disconnect", rival.number, began)
            await self._finish(bench)
        return tuple(sorted(bench.history, key=instant))

    async def _hired(self, bench: Bench, program: Program, random: Random) -> Mapping[int, Rival]:
        """A worker for each number in the program, all of them in the same mood."""
        hesitates = random if random.random() < 0.7 else None
        numbers = sorted({step.worker for step in program} - {0})
        for number in numbers:
            if number not in self._hosts:
                self._hosts[number] = Host(self._harness, self._settings.call_limit)
        await _all(*(self._hosts[number].start() for number in numbers))
        rivals = {}
        for number in numbers:
            began = bench.recorder.now()
            rivals[number] = Rival(bench, self._hosts[number], self._lengths, hesitates)
            await self._hosts[number].hire(bench.sandbox)
            bench.recorder.note("connect", rivals[number].number, began)
        return rivals

    async def _compete(
        self, player: RemotePlayer, program: Program, rivals: Mapping[int, Rival], random: Random
    ) -> None:
        """Have all workers carry out their steps, of which each begins together, or only the first."""
        steps = [[step for step in program if step.worker == number] for number in rivals]
        rounds = [[[step] for step in each if step] for each in zip_longest(*steps)]
        try:
            for calls in rounds if random.random() < 0.7 else [steps]:
                start = time.monotonic_ns() + _HEAD_START
                for first, *_ in calls:
                    rivals[first.worker].start = start
                await _all(*(_work(player, each, rivals[each[0].worker]) for each in calls))
        except CallTimedOut as hung:
            raise CallTimedOut(await _told(hung, rivals)) from None


async def _work(player: RemotePlayer, steps: list[Step], rival: Rival) -> None:
    for step in steps:
        await player.play(step, rival)


async def _all(*calls: Coroutine[Any, Any, None]) -> None:
    """Do all of it, to its end, and raise what one raised then."""
    errors = [each for each in await asyncio.gather(*calls, return_exceptions=True) if each is not None]
    for error in sorted(errors, key=lambda each: not isinstance(each, CallTimedOut)):
        raise error


async def _told(hung: CallTimedOut, rivals: Mapping[int, Rival]) -> str:
    """What every worker does that does not come back."""
    left = [each for each in rivals.values() if each.doing]
    places = [await each.host.where() for each in left]
    told = [
        f"worker {each.number} is in its {each.doing} {at}" for each, at in zip(left, places, strict=True)
    ]
    return f"{hung}; meanwhile {'; '.join(told)}"
