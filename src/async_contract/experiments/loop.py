"""An asyncio event loop in virtual time, on which a chooser says which ready task goes next.

Tasks are put in another order only by being late: asyncio runs everything in the order in which it
became ready, and a store may rely on that (a future is set, then a callback asked for: whoever waits
for the future is woken before). So nothing is ever early, and plain callbacks keep their order. What
may be late is the step of a task, as if the reply that it waits for had come later.

A run is a function of the choices made: time is virtual, and what leaves the loop is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
import warnings
from asyncio import Task, _get_running_loop, _set_running_loop
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from async_contract.experiments.choosers import TIME, Chooser, OwnOrder, Trace
from async_contract.experiments.fence import Fence, LeftTheLoop
from async_contract.experiments.ready import Clock, ReadyLoop
from async_contract.experiments.stuck import Deadlock, Livelock, Unstoppable

MAX_STEPS = 20_000
"""The most steps and callbacks of one run, unless it is said otherwise."""

_LAST_CHANCES = 10  # how often a task is cancelled at the end before it counts as one that can't be stopped
_STEPS_TO_END = 1_000  # for each of them

Main = Callable[[], Coroutine[Any, Any, Any]]


class Run(NamedTuple):
    """What came of a program under one schedule.

    Attributes:
        result: What the main coroutine returned.
        error: Why it did not: what it raised, `Deadlock`, `Livelock`, `LeftTheLoop` or `Unstoppable`.
        trace: What was chosen, up to its end.
        steps: How many steps each task made, by number.
        unheard: Errors that reached nobody: of callbacks, and of tasks that nobody awaited.
    """

    result: Any
    error: BaseException | None
    trace: Trace
    steps: tuple[int, ...]
    unheard: tuple[str, ...]


def simulate(
    main: Main,
    chooser: Chooser,
    *,
    clock: Clock | None = None,
    max_steps: int = MAX_STEPS,
    ending: Callable[[], object] | None = None,
) -> Run:
    """Run a program under a schedule, in virtual time.

    At its end all its tasks are cancelled, and the thread is as it was before.

    Args:
        main: Makes the main coroutine.
        chooser: The schedule.
        clock: Whose time passes, such as a virtual sandbox; a new clock if none is given.
        max_steps: The most steps and callbacks.
        ending: Called when the program has ended or is stuck, before what is left of it is cancelled.

    Raises:
        RuntimeError: An event loop is running in this thread.
        BaseException: The chooser raised it, or the program raised what is no `Exception`.
    """
    if _get_running_loop() is not None:
        raise RuntimeError(
            "simulate() has an event loop of its own, and one is running here; call it from a plain function"
        )
    return SimulatedLoop(chooser, clock=clock, max_steps=max_steps).simulate(main, ending)


class SimulatedLoop(ReadyLoop):
    """An event loop on which time stands still until everybody waits, or the chooser lets it pass.

    Attributes:
        outside: Called when nothing is ready: who is no part of the loop may make something so.
    """

    outside: Callable[[], object] = bool

    def __init__(self, chooser: Chooser, *, clock: Clock | None = None, max_steps: int = MAX_STEPS) -> None:
        super().__init__(clock)
        self._choose = chooser.choose
        self._most = max_steps
        self._turns: list[int] = []
        self._picks: list[int] = []
        self._alternatives: list[int] = []
        self._unheard: list[str] = []

    def simulate(self, main: Main, ending: Callable[[], object] | None = None) -> Run:
        """Run a program to its end, and end whatever of it is left; once in the life of the loop.

        Args:
            main: Makes the main coroutine.
            ending: Called between the two.
        """
        hooks = sys.get_asyncgen_hooks()
        collecting = gc.isenabled()
        unstoppable = None
        with self.fence:
            gc.disable()  # when it strikes depends on earlier runs, and it may end an asynchronous generator
            self._thread_id = threading.get_ident()
            sys.set_asyncgen_hooks(self._asyncgen_firstiter_hook, self._asyncgen_finalizer_hook)
            _set_running_loop(self)
            try:
                task = self.create_task(main())
                error = self._play(task)
                trace = Trace(tuple(self._turns), tuple(self._picks), tuple(self._alternatives))
                steps, unheard = tuple(self._steps), (*self._unheard, *self._failed(task))
                if ending is not None:
                    ending()
            finally:
                try:
                    unstoppable = self._end()
                finally:
                    self._thread_id = None
                    _set_running_loop(None)
                    sys.set_asyncgen_hooks(*hooks)
                    self.close()
                    if collecting:
                        gc.enable()
        error = unstoppable if error is None else error
        if error is not None and not isinstance(error, (Exception, asyncio.CancelledError, LeftTheLoop)):
            raise error
        return Run(task.result() if error is None else None, error, trace, steps, unheard)

    def follow(self, chooser: Chooser) -> None:
        """Have another chooser say from now on who goes next."""
        self._choose = chooser.choose

    def run_forever(self) -> None:
        """Refuse: only `simulate` runs this loop.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("a simulated loop can't be run so; write simulate(main, chooser)")

    def _play(self, main: Task[Any]) -> BaseException | None:
        """Take turns until the task has ended, and return why it failed, if it did."""
        try:
            self._take_turns(main.done, self._most, self.fence)
        except (Deadlock, Livelock) as stuck:
            return stuck
        if self.fence.left is not None:
            return self.fence.left
        return asyncio.CancelledError("the main task was cancelled") if main.cancelled() else main.exception()

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Write down what asyncio would log."""
        self._unheard.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _failed(self, main: Task[Any]) -> list[str]:
        """The tasks whose failure nobody asked for."""
        return [
            f"task {number} failed, and nobody awaited it: {task.exception()!r}"
            for task, number in self._numbers.items()
            if task.done() and task is not main and task._log_traceback  # noqa: SLF001 - as asyncio would say
        ]

    # -- turns ------------------------------------------------------------------------------------

    def _take_turns(self, ended: Callable[[], bool], most: int, fence: Fence) -> None:
        """Run callbacks, and let tasks make steps and time pass in the order that the chooser wants.

        It is over when the program has ended, or something has left through the fence.

        Raises:
            Deadlock: There is nothing to run and nothing to wait for.
            Livelock: It has not ended after `most` steps and callbacks.
        """
        callbacks, steps = self._ready, self._next
        left = most
        batch = 0  # how much asyncio would still run of what was ready when it last looked at the timers
        late = 0  # the first so many of the ready tasks were passed over: no callback waits for them
        while not ended() and fence.left is None:
            if batch <= 0:
                batch = self._begin_batch()
            left -= 1
            if left < 0:
                raise Livelock(self._numbers, self._steps, most)
            if callbacks and (late == len(steps) or callbacks[0][0] < steps[late][0]):
                self._call_back()
                batch -= 1
                continue
            pick = 0
            idle = bool(callbacks) or (bool(self._scheduled) and self._timer_waits())
            if idle or len(steps) > 1:
                pick = self._pick(idle=idle)
                if pick == len(steps):
                    late = pick
                    self._let_time_pass()
                    continue
                while callbacks and callbacks[0][0] < steps[pick][0]:
                    self._call_back()
                    batch -= 1
            late = late - 1 if pick < late else pick
            batch -= 1
            self._step(pick)

    def _pick(self, *, idle: bool) -> int:
        ready = [*self._runnable, TIME] if idle else self._runnable
        pick = self._choose(ready, self._steps, len(self._turns))
        self._picks.append(pick)
        self._alternatives.append(len(ready))
        return pick

    def _step(self, pick: int) -> None:
        number = self._runnable.pop(pick)
        _, callback, arguments, context = self._next.pop(pick)
        self._steps[number] += 1
        self._turns.append(number)
        context.run(callback, *arguments)
        del callback, arguments  # this frame belongs to the errors of the task, which would keep itself

    def _let_time_pass(self) -> None:
        self._turns.append(TIME)
        if not self._ready:
            self._pass_time()

    def _call_back(self) -> None:
        handle = self._ready.popleft()[1]
        if not handle.cancelled():
            handle._run()  # noqa: SLF001 - a loop is who runs it

    def _begin_batch(self) -> int:
        """Look at the timers, as asyncio does whenever it has run everything that was ready before."""
        if not (self._ready or self._next):
            self.outside()
        if self._scheduled and self._timer_waits():
            if self._ready or self._next:
                self._fire()
            else:
                self._pass_time()
        batch = len(self._ready) + len(self._next)
        if not batch:
            raise Deadlock(self._numbers)
        return batch

    # -- the end ----------------------------------------------------------------------------------

    def _end(self) -> Unstoppable | None:
        """Cancel every task that is left until it ends, in asyncio's own order and without a warning."""
        self._choose = OwnOrder().choose
        unstoppable = None
        if self._asyncgens or not self._all_have_ended():
            with warnings.catch_warnings():
                # A task that never began may have been given a coroutine to await.
                warnings.simplefilter("ignore", RuntimeWarning)
                self._cancel_tasks()
                self.create_task(self.shutdown_asyncgens())
                self._let_end()
                self._cancel_tasks()
                unstoppable = self._abandon_tasks()
                self._forget_tasks()
        self._forget_tasks()
        return unstoppable

    # None of the frames in which tasks end may know a task: they belong to its errors, which it keeps.

    def _cancel_tasks(self) -> None:
        for _ in range(_LAST_CHANCES):
            if self._all_have_ended():
                break
            self._cancel_each()
            self._let_end()

    def _cancel_each(self) -> None:
        for task in self._numbers:
            task.cancel()

    def _let_end(self) -> None:
        with contextlib.suppress(Deadlock, Livelock):
            self._take_turns(self._all_have_ended, _STEPS_TO_END, Fence())

    def _all_have_ended(self) -> bool:
        return all(task.done() for task in self._numbers)

    def _abandon_tasks(self) -> Unstoppable | None:
        """See to it that nothing is heard of tasks that can't be stopped."""
        alive = [task for task in self._numbers if not task.done()]
        unstoppable = Unstoppable(self._numbers, _LAST_CHANCES) if alive else None
        for task in alive:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - as asyncio does
            coroutine: Any = task.get_coro()
            try:
                coroutine.close()
            except RuntimeError:
                _keep_for_ever(task)
        return unstoppable

    def _forget_tasks(self) -> None:
        for task in self._numbers:
            if task.done() and not task.cancelled():
                task.exception()  # it has been seen
        self._numbers.clear()


def _keep_for_ever(task: Task[Any]) -> None:
    """Don't let a task be destroyed whose coroutine survives being closed, not even as the process ends.

    Python would close it once more, with no loop running: `while True: try: await ... except BaseException`
    would then never come back, since every `await` fails at once.
    """
    import ctypes  # noqa: PLC0415 - next to no process ever needs it

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(task))
