"""What recording costs: `python -m benchmarks.recording`.

Operations per second (enqueue, lease, complete, in turns) on MemoryStore and on the SQLite store in memory
and on a disk, with the recorder and without it, the median of five. The target, at most 20 %, is for stores
on a database: a call of MemoryStore takes ten microseconds, and to record it takes as long again.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from async_contract.harness.calls import call_maybe_async
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.recorder import Recorder
from async_contract.store import Job
from contract_suites import memory, sqlite

ROUNDS = 5


async def bare(store: Any, jobs: list[Job]) -> None:
    """Make the calls and nothing else."""
    for job in jobs:
        await call_maybe_async(store.enqueue, job)
        await call_maybe_async(store.lease, 1)
        await call_maybe_async(store.complete, job.id)


def recorded(harness: StoreHarness, sandbox: Sandbox) -> Callable[[Any, list[Job]], Awaitable[None]]:
    """Make the same calls by way of a recorder."""
    recorder = Recorder(harness, sandbox, call_limit=10.0)

    async def make(store: Any, jobs: list[Job]) -> None:
        for job in jobs:
            await recorder.enqueue(1, store, job)
            await recorder.lease(1, store, 1)
            await recorder.complete(1, store, job.id)

    return make


def rate(harness: StoreHarness, path: Path, count: int, *, record: bool) -> float:
    """Operations per second, the median of some rounds."""
    rates = []
    jobs = [Job(f"job-{number}", "mail", "acme", b"payload") for number in range(count)]
    for number in range(ROUNDS):
        sandbox = Sandbox("one", path / f"{record}-{number}", virtual=True)
        make = recorded(harness, sandbox) if record else bare
        store = harness.connect(sandbox)
        began = time.perf_counter()
        asyncio.run(_made(make(store, jobs)))
        rates.append(3 * count / (time.perf_counter() - began))
        if hasattr(store, "close"):
            store.close()
    return statistics.median(rates)


async def _made(calls: Awaitable[None]) -> None:
    await calls


def main() -> None:
    """Measure and print."""
    print(f"{'':28}{'bare':>10}{'recorded':>10}{'costs':>8}")
    with Sandboxes() as sandboxes, tempfile.TemporaryDirectory(dir=Path.cwd()) as disk:
        for name, harness, path, count in (
            ("MemoryStore", memory.harness, sandboxes.root, 3_000),
            ("SQLite in memory", sqlite.harness, sandboxes.root, 1_000),
            ("SQLite on a disk", sqlite.harness, Path(disk), 100),
        ):
            path.mkdir(exist_ok=True)
            without, with_it = (rate(harness, path, count, record=record) for record in (False, True))
            print(f"{name:28}{without:>10.0f}{with_it:>10.0f}{without / with_it - 1:>8.0%}")


if __name__ == "__main__":
    main()
