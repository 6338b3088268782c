"""One run of a runner on a simulated loop."""

from __future__ import annotations

import asyncio
import inspect
import logging
from asyncio import Task
from collections.abc import Sequence
from copy import copy
from random import Random
from typing import Any

from async_contract.experiments.choosers import TIME, OwnOrder
from async_contract.experiments.fence import LeftTheLoop
from async_contract.experiments.loop import SimulatedLoop
from async_contract.experiments.runners.evidence import POLL, Played
from async_contract.experiments.runners.scene import Scene
from async_contract.experiments.runners.stage import Stage, listening
from async_contract.experiments.stuck import Livelock
from async_contract.harness.errors import HarnessError
from async_contract.harness.runner import RunnerHarness
from async_contract.reference.sanitize import safe_label

QUIET = 14
"""Poll intervals without anything new after which all has come to rest."""

PATIENCE = 100 * POLL
"""Seconds in which a runner that was told to end has to end."""

MOST_STEPS = 20_000


def play(harness: RunnerHarness, scene: Scene) -> Played:
    """Have a runner play a scene.

    Raises:
        HarnessError: No runner can be made, run or stopped.
    """
    return _Play(harness, scene).play()


class _Loop(SimulatedLoop):
    """A loop that strikes before a step, and lets everything be written down before it ends tasks."""

    def __init__(self, play: _Play, scene: Scene) -> None:
        super().__init__(_Shuffled(scene.order) if scene.order else OwnOrder(), max_steps=MOST_STEPS)
        self._of, self._at = play, scene.at

    def _step(self, pick: int) -> None:
        stage = self._of.stage
        stage.turn += 1
        if stage.turn == self._at:
            self._of.strike()
        super()._step(pick)

    def _play(self, main: Task[Any]) -> BaseException | None:
        try:
            return super()._play(main)
        finally:
            self._of.freeze()


class _Shuffled:
    """Any task, but no time passes while one is ready: what is late is never so by seconds."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """Any of the tasks."""
        return int(self._random() * (len(ready) - (ready[-1] == TIME)))


class _Play:
    def __init__(self, harness: RunnerHarness, scene: Scene) -> None:
        self._harness, self._scene = harness, scene
        self._loop = _Loop(self, scene)
        self.stage = Stage(scene, self._loop)
        self._task: Task[Any] | None = None
        self._runner: Any = None
        self._played: Played | None = None
        self._trouble: Exception | None = None

    def play(self) -> Played:
        fatal = None
        with listening(self.stage.played.logs) as logger:
            self._logger: logging.Logger = logger
            try:
                run = self._loop.simulate(self._main)
            except (SystemExit, KeyboardInterrupt) as error:
                fatal = error
        if self._trouble is not None:
            raise self._trouble
        played = self._played
        assert played is not None
        if fatal is not None:
            played.died = (
                played.died or f"{type(fatal).__name__} got out of a task and stopped the event loop"
            )
            return played
        if isinstance(run.error, HarnessError):
            raise run.error
        if isinstance(run.error, LeftTheLoop):
            played.left = run.error
        elif isinstance(run.error, Livelock):
            played.busy = played.busy or played.telling is None
        elif self._task is None:
            raise HarnessError(f"making the runner raised {run.error!r}") from run.error
        if played.ended:
            played.logs += run.unheard
        return played

    def freeze(self) -> None:
        """Keep what was seen so far: what comes now is the end of the simulation, not of the runner."""
        if self._played is None:
            played = self._played = copy(self.stage.played)
            played.calls = [copy(each) for each in played.calls]
            changed = dict(zip(map(id, self.stage.played.calls), played.calls, strict=True))
            played.lives = {name: copy(each) for name, each in played.lives.items()}
            for life in played.lives.values():
                life.calls = [changed[id(each)] for each in life.calls]
                life.delivery = changed.get(id(life.delivery))
                life.handle = changed.get(id(life.handle))
            played.logs = self.stage.played.logs[:]
            played.events = played.events[:]
            played.telling = changed.get(id(played.telling))

    def strike(self) -> None:
        """Tell the runner to end, in the middle of everything."""
        if self._task is not None and not self._task.done() and self.stage.played.telling is None:
            self.stage.played.told = self._scene.strike
            self._tell(self._scene.strike)

    async def _main(self) -> None:
        made = self._harness.make(
            self.stage, self.stage.handle, concurrency=self._scene.concurrency,
            batch_size=self._scene.batch_size, poll_interval=POLL,
            metrics=_Recorder(self.stage, self._harness), logger=self._logger,
        )  # fmt: skip
        self._runner = await made if inspect.isawaitable(made) else made
        played = self.stage.played
        played.can_stop, played.takes = self._harness.can_stop(self._runner), self._harness.takes
        self._task = task = asyncio.create_task(_awaited(self._harness.run(self._runner)))
        await self._rest(task)
        played.turns = self.stage.turn
        if task.done() and played.telling is None:
            played.died = _ending(task)
        elif played.telling is None:
            played.quiet = not played.busy
            self._tell("stop" if played.can_stop else "cancel")
        await asyncio.wait({task}, timeout=3 * POLL)
        self.stage.released.set()
        await asyncio.wait({task}, timeout=PATIENCE)
        played.ended = task.done()

    async def _rest(self, task: Task[Any]) -> None:
        """Wait until nothing new happens, or the runner was told to end."""
        stage, quiet = self.stage, 0
        alarm = asyncio.create_task(stage.alarm.wait())
        while quiet < QUIET and not (task.done() or stage.played.telling or alarm.done()):
            before = stage.activity
            await asyncio.wait({task, alarm}, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
            quiet = quiet + 1 if before == stage.activity and not stage.due else 0
            if quiet == 3:
                stage.released.set()
        alarm.cancel()

    def _tell(self, how: str) -> None:
        stage = self.stage
        assert self._task is not None
        stage.played.flying = stage.unsettled
        stage.played.telling = call = stage.begin(how)
        stage.end(call)
        if how == "cancel":
            self._task.cancel()
            return
        try:
            told = self._harness.stop(self._runner)
            if inspect.isawaitable(told):
                self._telling = asyncio.ensure_future(told)
        except Exception as error:  # noqa: BLE001 - the user's function may raise anything
            self._trouble = HarnessError(f"telling the runner to stop raised {error!r}")


class _Recorder:
    """The metrics recorder, which looks at the labels of what it is told."""

    def __init__(self, stage: Stage, harness: RunnerHarness) -> None:
        self._stage, self._harness = stage, harness

    def record(self, event: object) -> None:
        """Take in an event."""
        unsafe = [each for each in self._harness.labels(event) if safe_label(each) != each]
        if unsafe and self._stage.played.unsafe is None:
            self._stage.played.unsafe = unsafe[0]
        self._stage.record(event)


async def _awaited(running: Any) -> object:
    return await running


def _ending(task: Task[Any]) -> str:
    error = None if task.cancelled() else task.exception()
    if error is None:
        return "run() was cancelled" if task.cancelled() else "run() returned"
    return f"run() raised {type(error).__name__}"
