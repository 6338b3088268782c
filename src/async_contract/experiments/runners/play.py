"""One run of a runner on a simulated loop."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from asyncio import Task
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from random import Random
from typing import Any

from async_contract.experiments.choosers import TIME
from async_contract.experiments.fence import LeftTheLoop
from async_contract.experiments.limit import TimeLimitExceeded
from async_contract.experiments.loop import SimulatedLoop
from async_contract.experiments.ready import Clock, VirtualClock
from async_contract.experiments.runners.evidence import POLL, Played
from async_contract.experiments.runners.scene import Scene
from async_contract.experiments.runners.stage import Stage, listening
from async_contract.experiments.stuck import Livelock
from async_contract.harness.errors import HarnessError
from async_contract.harness.runner import RunnerHarness
from async_contract.history.places import users_place
from async_contract.reference.sanitize import safe_label

QUIET = 14
"""Poll intervals without anything new after which all has come to rest."""

PATIENCE = 40 * POLL
"""Seconds in which a runner that was told to end has to end."""

LONGEST = 40 * POLL
"""Seconds after which a runner that is not told anything is told to stop, whatever it is doing."""

MOST_STEPS = 100_000

SPIN = 300
"""Steps without an end to them after which time passes nevertheless, as it does while a computer computes."""


def play(harness: RunnerHarness, scene: Scene) -> Played:
    """Have a runner play a scene.

    Raises:
        HarnessError: No runner can be made, run or stopped.
    """
    return _Play(harness, scene).play()


class _Loop(SimulatedLoop):
    """A loop that strikes before a step, and lets everything be written down before it ends tasks.

    Attributes:
        signals: What the runner wants to be called on signals: that too is a way to tell it to stop.
    """

    def __init__(self, play: _Play, scene: Scene) -> None:
        clock = VirtualClock()
        super().__init__(_InTime(scene.order, clock), clock=clock, max_steps=MOST_STEPS)
        self._of, self._at = play, scene.at
        self.signals: dict[int, Callable[[], object]] = {}

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: object) -> None:
        """Keep what is to be called; no signal comes."""
        self.signals[sig] = partial(callback, *args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Forget it."""
        return self.signals.pop(sig, None) is not None

    def has_begun(self, task: Task[Any]) -> bool:
        """Whether a task has made a step."""
        return self._steps[self._numbers[task]] > 0

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


class _InTime:
    """Asyncio's own order, or with a seed any task, but no time passes while one is ready.

    So what is late is never so by seconds; only where tasks are ready without end, time passes at last.
    """

    def __init__(self, seed: int, clock: Clock) -> None:
        self._random = Random(seed).random if seed else float  # float() is 0.0: the first one
        self._clock = clock
        self._now = self._since = 0

    def choose(self, ready: Sequence[int], steps: Sequence[int], turn: int) -> int:
        """One of the tasks."""
        if self._clock.now_ns() != self._now:
            self._now, self._since = self._clock.now_ns(), turn
        idle = ready[-1] == TIME
        tasks = len(ready) - idle
        if idle and turn > self._since + SPIN:
            return tasks
        return int(self._random() * tasks)


class _Play:
    def __init__(self, harness: RunnerHarness, scene: Scene) -> None:
        self._harness, self._scene = harness, scene
        self._loop = _Loop(self, scene)
        self.stage = Stage(scene, self._loop)
        self._task: Task[Any] | None = None
        self._runner: Any = None
        self._played: Played | None = None
        self._trouble: HarnessError | None = None
        self._doing = "making the runner"

    def play(self) -> Played:
        fatal = run = None
        with listening(self.stage.played.logs) as logger:
            self._logger: logging.Logger = logger
            try:
                run = self._loop.simulate(self._main)
            except SystemExit as error:  # not KeyboardInterrupt: that comes from who is at the keyboard
                fatal = error
        played, trouble = self._played, self._trouble or self.stage.misuse
        assert played is not None
        if trouble is not None:
            raise trouble
        if run is None:
            what = f"{type(fatal).__name__} got out of a task and stopped the event loop"
            played.died = played.died or what
            return played
        if isinstance(run.error, HarnessError):
            raise run.error
        if isinstance(run.error, LeftTheLoop):
            played.left = run.error
        elif isinstance(run.error, Livelock):
            played.spun = True
        elif self._task is None:
            raise HarnessError(f"{self._doing} raised {run.error!r}") from run.error
        if played.ended:
            played.logs += run.unheard
        return played

    def freeze(self) -> None:
        """Keep what was seen so far: what comes now is the end of the simulation, not of the runner."""
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
        played.unknown = [changed[id(each)] for each in played.unknown]

    def strike(self) -> None:
        """Tell the runner to end, in the middle of everything."""
        task, how = self._task, self._scene.strike
        if task is None or task.done() or self.stage.played.telling is not None:
            return
        # Before its first step nothing runs that could be told, and one without a stop only hears signals.
        if self._loop.has_begun(task) and (how == "cancel" or self._can_stop):
            self.stage.played.told = how
            self._tell(how)

    @property
    def _can_stop(self) -> bool:
        return self._harness.can_stop(self._runner) or bool(self._loop.signals)

    async def _main(self) -> None:
        made = self._harness.made(
            self.stage, self.stage.handle, concurrency=self._scene.concurrency,
            batch_size=self._scene.batch_size, poll_interval=POLL,
            metrics=_Recorder(self.stage, self._harness), logger=self._logger,
        )  # fmt: skip
        self._runner = await made if inspect.isawaitable(made) else made
        played = self.stage.played
        played.can_stop, played.takes = self._harness.can_stop(self._runner), self._harness.takes
        self._doing = "calling run()"
        running = self._harness.run(self._runner)
        # A coroutine must be the task itself: one that is awaited in another never begins, and Python
        # complains of it, if that is cancelled before its first step.
        coroutine = running if inspect.iscoroutine(running) else _awaited(running)
        self._task = task = asyncio.create_task(coroutine)
        await self._rest(task)
        played.turns = self.stage.active
        played.can_stop = self._can_stop
        if task.done() and played.telling is None:
            played.died = self._ending(task)
        elif played.telling is None:
            played.quiet = not (played.busy or played.restless)
            self._tell("stop" if played.can_stop else "cancel")
        await asyncio.wait({task}, timeout=3 * POLL)
        self.stage.released.set()
        await asyncio.wait({task}, timeout=PATIENCE)
        played.ended = task.done()
        if task.done() and not task.cancelled():
            task.exception()  # whoever awaits run() gets it: asyncio does not log it

    async def _rest(self, task: Task[Any]) -> None:
        """Wait until nothing new happens, or the runner was told to end."""
        stage, quiet = self.stage, 0
        alarm = asyncio.create_task(stage.alarm.wait())
        deadline = self._loop.time() + LONGEST
        while quiet < QUIET and not (task.done() or stage.played.telling or alarm.done()):
            before = stage.activity
            await asyncio.wait({task, alarm}, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
            quiet = quiet + 1 if before == stage.activity and not stage.due else 0
            if quiet == 3:
                stage.released.set()
            if self._loop.time() > deadline:
                stage.played.restless = True
                break
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
        if not self._harness.can_stop(self._runner):
            next(iter(self._loop.signals.values()))()
            return
        try:
            told = self._harness.stop(self._runner)
        except Exception as error:  # noqa: BLE001 - the user's function may raise anything
            self._fail_telling(error)
            return
        if inspect.isawaitable(told):
            self._telling = asyncio.ensure_future(told)
            self._telling.add_done_callback(self._told)

    def _told(self, telling: asyncio.Future[Any]) -> None:
        error = None if telling.cancelled() else telling.exception()
        if error is not None:
            self._fail_telling(error)

    def _fail_telling(self, error: BaseException) -> None:
        self._trouble = HarnessError(
            f"telling the runner to stop raised {error!r}; write a stop that only tells it to, and can be "
            "called at any time once run() has begun"
        )

    def _ending(self, task: Task[Any]) -> str:
        if task.cancelled():
            return "run() was cancelled"
        error, calm = task.exception(), not self.stage.played.troubles
        if isinstance(error, TimeLimitExceeded):
            raise error
        if error is not None and calm:
            self._trouble = HarnessError(
                f"run() raised {error!r} though nothing had gone wrong around it, {_place(error)}; write a "
                "runner that calls await store.lease(limit), await store.complete(id) and "
                "await store.fail(id, message)"
            )
        if error is None and calm and self.stage.waiting:
            self._trouble = HarnessError(
                f"run() returned while {len(self.stage.waiting)} jobs were ready, and nobody had told the "
                "runner to stop; write a run() that works until then, or "
                "RunnerHarness(make, run=MyRunner.main)"
            )
        return f"run() raised {type(error).__name__}" if error is not None else "run() returned"


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


def _place(error: BaseException) -> str:
    return users_place(traceback.extract_tb(error.__traceback__))
