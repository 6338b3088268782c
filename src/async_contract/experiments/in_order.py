"""Programs carried out one step after another, as fast as the store answers."""

from __future__ import annotations

from collections.abc import Awaitable
from operator import attrgetter

from async_contract.experiments.bench import Bench, Settings, Worker, opened
from async_contract.experiments.programs import LIMITS, TEXTS, Kind, Player, Program, Step, finish, take
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import Operation
from async_contract.history.prompt import PromptRecorder, never_waits


class PromptBench(Bench):
    """A bench on which one call is made after another."""

    recorder: PromptRecorder


def open_prompt_bench(harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> opened[PromptBench]:
    """A bench with a sandbox of its own, closed and disposed of at the end.

    Raises:
        NotEmpty: The store delivers a job that nobody put there.
    """
    return opened(PromptBench(harness, sandboxes.new(harness), settings))


async def play_in_order(bench: PromptBench, program: Program, *, drains: bool = True) -> None:
    """Carry out a program step by step, and drain the store.

    Args:
        bench: Where the store is.
        program: The program.
        drains: Whether what is left is completed; else it is leased, and nothing is ended.

    A program in which a call is blocked in real time ends there: what comes of it is for an example to show.
    """
    player = _PromptPlayer(bench)
    workers: dict[int, Worker] = {}
    # All connect before anything is done: a store that ends leases when it is opened is not to have a call
    # blamed for it that a worker made first thing. Examples see to who connects later.
    for number in dict.fromkeys(map(_WORKER, program)):
        workers[number] = await bench.worker() if number else await bench.first_worker()
    is_virtual = bench.sandbox.virtual
    for step in program:
        going_on = player.play_now(step, workers[step.worker])
        if going_on is not None:
            await going_on
        if not is_virtual and bench.is_blocked:
            return
    await (finish(bench) if drains else take(bench))


class _PromptPlayer(Player):
    """Carries out steps without a coroutine for each, where that makes no difference."""

    def __init__(self, bench: PromptBench) -> None:
        super().__init__(bench)
        self._recorder = bench.recorder
        self._now = (self._enqueue_now, self._lease_now, self._complete_now, self._fail_now, self._pass_now)

    def play_now(self, step: Step, worker: Worker) -> Awaitable[object] | None:
        """Carry out one step; gives what to await if it is not over."""
        kind = step.kind
        if kind is Kind.REOPEN or (step.cancel and _may_be_cancelled(kind, worker)):
            return self.play(step, worker)
        return self._now[kind](step, worker)

    def _enqueue_now(self, step: Step, worker: Worker) -> Awaitable[object] | None:
        answer = self._recorder.enqueue_now(0, worker.store, self.job(step.which))
        if not isinstance(answer, Operation):
            return self._take_in(answer)
        self.took_in(answer)
        return None

    async def _take_in(self, answer: Awaitable[Operation]) -> None:
        self.took_in(await answer)

    def _lease_now(self, step: Step, worker: Worker) -> Awaitable[object] | None:
        number = worker.number
        answer = self._recorder.lease_now(number, worker.store, LIMITS[step.which % len(LIMITS)])
        if not isinstance(answer, Operation):
            return self._receive(answer, number)
        if not step.cancel:
            self.received(number, answer.jobs)
        return None

    async def _receive(self, answer: Awaitable[Operation], number: int) -> None:
        self.received(number, (await answer).jobs)

    def _complete_now(self, step: Step, worker: Worker) -> Awaitable[object] | None:
        job_id = self.ended(step, worker.number)
        answer = self._recorder.complete_now(worker.number, worker.store, job_id)
        return None if isinstance(answer, Operation) else answer

    def _fail_now(self, step: Step, worker: Worker) -> Awaitable[object] | None:
        job_id = self.ended(step, worker.number)
        text = TEXTS[step.how % len(TEXTS)]
        answer = self._recorder.fail_now(worker.number, worker.store, job_id, text)
        return None if isinstance(answer, Operation) else answer

    def _pass_now(self, step: Step, worker: Worker) -> Awaitable[object] | None:
        return self.sleep(step.which)


_WORKER = attrgetter("worker")

_CANCELLED = {Kind.LEASE: "lease", Kind.COMPLETE: "complete", Kind.FAIL: "fail"}
"""The calls that a step can cancel."""


def _may_be_cancelled(kind: Kind, worker: Worker) -> bool:
    return kind in _CANCELLED and not never_waits(getattr(worker.store, _CANCELLED[kind]))
