"""What recording costs: `python -m benchmarks.recording`.

Operations per second on MemoryStore and on the SQLite store, with the recorder and with one that makes the
same calls and records nothing (benchmarks/bare.py), for each way of driving a store: one call after another,
tasks on an event loop, threads that are stepped line by line, processes that race. The programs are those of
the experiments; nothing is judged. Each is carried out some times by turns, and the least time counts: of the
processor where a store is in memory and waits for nothing, or else by the clock.

The target is at most 20 % for each way and store. On MemoryStore it can't be met for calls alone and for
tasks: such a call takes two to seven microseconds, and to record it two to five more. On 28 November 2026, on
2 busy cores:

                                                      bare  recorded   costs      us
    calls alone               MemoryStore           411315    230154     79%     1.9
    one call after another    MemoryStore           123752    108524     14%     1.1
    tasks                     MemoryStore           148864     84872     75%     5.1
    threads, line by line     MemoryStore             3219      2970      8%    26.0
    calls alone               SQLite in memory       35444     31680     12%     3.4
    one call after another    SQLite in memory       25431     24246      5%     1.9
    tasks                     SQLite in memory       28837     24679     17%     5.8
    threads, line by line     SQLite in memory        2660      2475      7%    28.1
    calls alone               SQLite on a disk      1726      1849     -7%   -38.7
    processes                 SQLite in memory      1091      1016      7%    67.3
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from random import Random

from async_contract.experiments.bench import Bench, Settings, opened
from async_contract.experiments.choosers import OwnOrder
from async_contract.experiments.in_order import PromptBench
from async_contract.experiments.kills import RemotePlayer
from async_contract.experiments.programs import Player, Program, generate, menu_for
from async_contract.experiments.races import RaceBench, Races
from async_contract.experiments.rivals import Rival, Rivals
from async_contract.experiments.scheduled import concurrent
from async_contract.experiments.threads import ThreadStage
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.harness.target import load
from async_contract.store import Job
from benchmarks.bare import Bare
from contract_suites import memory, sqlite

BARE, RECORDED = "bare", "recorded"
PROGRAMS, ROUNDS = 5, 7
SETTINGS = Settings()
LONG = 300
"""Steps of a program, so that opening its store takes little of the time."""

Drive = Callable[[str, int], tuple[int, float]]
"""Drives a store, with a recorder or without one, by the program of a number; gives calls and seconds."""


class _Stopwatch:
    """Counts the calls, and takes the time, of what a bench does while its workers work."""

    def __init__(self, bench: Bench, recorder: str, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        if recorder == BARE:
            kind = type(
                "Bare", (Bare, type(bench.recorder)), {}
            )  # which makes its calls where the other does
            bench.recorder = kind(bench.harness, bench.sandbox, call_limit=None)
        self._bench = bench
        self.start()

    def start(self) -> None:
        """Begin anew."""
        self._before = self._calls
        self._began = self._clock()

    @property
    def _calls(self) -> int:
        recorder = self._bench.recorder
        return recorder.calls if isinstance(recorder, Bare) else len(recorder.history)

    def stop(self) -> tuple[int, float]:
        """The calls and the seconds since then."""
        seconds = self._clock() - self._began
        return self._calls - self._before, seconds


def alone(
    harness: StoreHarness,
    sandboxes: Sandboxes,
    clock: Callable[[], float] = time.process_time,
    jobs_of_each: int = LONG,
) -> Drive:
    """Enqueue, lease and complete, in turns, and nothing around the calls."""

    async def drive(recorder: str) -> tuple[int, float]:
        jobs = [Job(f"job-{number}", "mail", "acme", b"payload") for number in range(jobs_of_each)]
        bench = Bench(harness, sandboxes.new(harness), SETTINGS)
        watch = _Stopwatch(bench, recorder, clock)
        async with opened(bench):
            watch.start()
            calls, store = bench.recorder, (await bench.first_worker()).store
            for job in jobs:
                await calls.enqueue(1, store, job)
                await calls.lease(1, store, 1)
                await calls.complete(1, store, job.id)
            return watch.stop()

    return lambda recorder, number: asyncio.run(drive(recorder))


def in_order(harness: StoreHarness, sandboxes: Sandboxes) -> Drive:
    """The experiment that carries out random programs in order."""
    menu = menu_for(harness.capabilities, virtual=harness.virtual_time, steps=LONG)

    async def drive(recorder: str, number: int) -> tuple[int, float]:
        bench = PromptBench(harness, sandboxes.new(harness), SETTINGS)
        watch = _Stopwatch(bench, recorder)
        async with opened(bench):
            watch.start()
            player, worker = Player(bench), await bench.first_worker()
            for step in generate(Random(number), replace(menu, reopens=False, cancels=False)):
                await player.play(step, worker)
            return watch.stop()

    return lambda recorder, number: asyncio.run(drive(recorder, number))


class _TimedTasks(Races):
    """Tasks on a real event loop."""

    recorder = RECORDED
    taken = (0, 0.0)

    def _bench(self, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> RaceBench:
        bench = super()._bench(harness, sandbox, settings)
        self._watch = _Stopwatch(bench, self.recorder)
        return bench

    async def _together(self, player: Player, program: Program) -> None:
        self._watch.start()
        await super()._together(player, program)
        self.taken = self._watch.stop()

    def carry_out(self, program: Program) -> None:
        self.race(program, 0)


class _TimedThreads(ThreadStage):
    """Threads, in asyncio's own order."""

    recorder = RECORDED
    taken = (0, 0.0)

    def _bench(self, harness: StoreHarness, sandbox: Sandbox, settings: Settings) -> Bench:
        bench = super()._bench(harness, sandbox, settings)
        self._watch = _Stopwatch(bench, self.recorder)
        return bench

    async def _together(self, player: Player, program: Program) -> None:
        self._watch.start()
        await super()._together(player, program)
        self.taken = self._watch.stop()

    def carry_out(self, program: Program) -> None:
        self.run(program, OwnOrder())


class _TimedRivals(Rivals):
    """Processes that race, each step as soon as the one before it is done."""

    recorder = RECORDED
    taken = (0, 0.0)

    async def _compete(
        self, player: RemotePlayer, program: Program, rivals: Mapping[int, Rival], random: Random
    ) -> None:
        watch = _Stopwatch(player.bench, self.recorder, time.perf_counter)
        await super()._compete(player, program, rivals, random)
        self.taken = watch.stop()


def staged(stage: _TimedTasks | _TimedThreads) -> Drive:
    """A stage of workers that meet."""
    menu = replace(stage.menu, steps=LONG, cancels=False)

    def drive(recorder: str, number: int) -> tuple[int, float]:
        stage.recorder = recorder
        stage.carry_out(concurrent(Random(number), menu))
        return stage.taken

    return drive


def racing(recorded: _TimedRivals, unrecorded: _TimedRivals) -> Drive:
    """Worker processes, of which none is late on purpose."""
    menu = replace(recorded.menu, steps=LONG)
    unrecorded.recorder = BARE

    def drive(recorder: str, number: int) -> tuple[int, float]:
        stage = recorded if recorder == RECORDED else unrecorded
        stage.race(concurrent(Random(number), menu), _PROMPT)
        return stage.taken

    return drive


_PROMPT = next(heat for heat in count() if min(Random(heat).random() for _ in range(2)) > 0.7)
"""A heat in which nobody hesitates, and the workers begin together only once."""


def measured(drive: Drive) -> dict[str, float]:
    """By recorder: seconds per call, over some programs of which each was carried out some times."""
    taken: dict[tuple[str, int], tuple[int, float]] = {}
    calls = Counter[str]()
    for number, _, recorder in product(range(PROGRAMS), range(ROUNDS), (BARE, RECORDED)):
        made, seconds = drive(recorder, number)
        least = taken.get((recorder, number), (made, seconds))[1]
        taken[recorder, number] = made, min(seconds, least)
    seconds_of = dict.fromkeys((BARE, RECORDED), 0.0)
    for (recorder, _), (made, seconds) in taken.items():
        calls[recorder] += made
        seconds_of[recorder] += seconds
    return {each: seconds_of[each] / calls[each] for each in calls}


def show(way: str, store: str, drive: Drive) -> None:
    """Measure a way and print its line."""
    taken = measured(drive)
    bare, recorded = taken[BARE], taken[RECORDED]
    print(
        f"{way:26}{store:18}{1 / bare:>10.0f}{1 / recorded:>10.0f}{recorded / bare - 1:>8.0%}"
        f"{(recorded - bare) * 1e6:>8.1f}"
    )


def main() -> None:
    """Measure and print."""
    print(f"{'':44}{'bare':>10}{'recorded':>10}{'costs':>8}{'us':>8}")
    with Sandboxes() as sandboxes, tempfile.TemporaryDirectory(dir=Path.cwd()) as disk:
        for store, harness in (("MemoryStore", memory.harness), ("SQLite in memory", sqlite.harness)):
            show("calls alone", store, alone(harness, sandboxes))
            show("one call after another", store, in_order(harness, sandboxes))
            show("tasks", store, staged(_TimedTasks(harness, sandboxes, SETTINGS)))
            threads = _TimedThreads(harness, sandboxes, SETTINGS)
            with threads.open():
                show("threads, line by line", store, staged(threads))
        on_disk = Sandboxes()
        on_disk.root = Path(disk)
        show("calls alone", "SQLite on a disk", alone(sqlite.harness, on_disk, time.perf_counter, 30))
        rivals = [
            _TimedRivals(load(name), sandboxes, SETTINGS)
            for name in ("contract_suites.sqlite:harness", "benchmarks.bare:harness")
        ]
        with rivals[0].open(), rivals[1].open():
            show("processes", "SQLite in memory", racing(*rivals))


if __name__ == "__main__":
    main()
