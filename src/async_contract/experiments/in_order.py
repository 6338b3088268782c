"""Programs carried out one step after another, as fast as the store answers."""

from __future__ import annotations

from operator import attrgetter

from async_contract.experiments.bench import Bench, Settings, Worker, opened
from async_contract.experiments.programs import LIMITS, TEXTS, Kind, Player, Program, finish, take
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
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
    player = Player(bench)
    workers: dict[int, Worker] = {}
    # All connect before anything is done: a store that ends leases when it is opened is not to have a call
    # blamed for it that a worker made first thing. Examples see to who connects later.
    for number in dict.fromkeys(map(_WORKER, program)):
        workers[number] = await bench.worker() if number else await bench.first_worker()
    recorder, is_virtual = bench.recorder, bench.sandbox.virtual
    # What a player does with a step is written out here, where nobody cancels it: most of the time of
    # exploring goes to what is done for every call.
    for step in program:
        number, kind, which, how, cancel = step
        worker = workers[number]
        number, store = worker.number, worker.store
        if kind is _REOPEN or (cancel and _may_be_cancelled(kind, worker)):
            await player.play(step, worker)
        elif kind is _LEASE:
            lease, _ = await recorder.lease(number, store, LIMITS[which % len(LIMITS)])
            if lease.jobs and not cancel:
                player.received(number, lease.jobs)
        elif kind is _ENQUEUE:
            player.took_in(await recorder.enqueue(0, store, player.job(which)))
        elif kind is _COMPLETE:
            await recorder.complete(number, store, player.ended(step, number))
        elif kind is _FAIL:
            await recorder.fail(number, store, player.ended(step, number), TEXTS[how % len(TEXTS)])
        else:
            await player.sleep(which)
        if not is_virtual and bench.is_blocked:
            return
    await (finish(bench) if drains else take(bench))


_ENQUEUE, _LEASE, _COMPLETE, _FAIL, _, _REOPEN = Kind
_WORKER = attrgetter("worker")

_CANCELLED = {Kind.LEASE: "lease", Kind.COMPLETE: "complete", Kind.FAIL: "fail"}
"""The calls that a step can cancel."""


def _may_be_cancelled(kind: Kind, worker: Worker) -> bool:
    return kind in _CANCELLED and not never_waits(getattr(worker.store, _CANCELLED[kind]))
