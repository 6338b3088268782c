"""femtoqueue: each task a file, which workers move from directory to directory.

    pytest --async-contract=contract_suites.libraries.femtoqueue:harness

A worker (a node) has a directory for what it took; what is older than `timeout_stale_ms` other workers
take back. A failed task is kept in a directory of its own and never delivered again.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.servers.missing import require

LEASE = 0.3


class FemtoQueueStore:
    """One worker's `FemtoQueue` in a directory."""

    def __init__(self, path: Path) -> None:
        from femtoqueue import FemtoQueue

        self._queue = FemtoQueue(str(path), f"node{secrets.token_hex(8)}", timeout_stale_ms=int(LEASE * 1000))
        self._tasks: Receipts[Any] = Receipts()

    def enqueue(self, job: Job) -> str:
        """`push`; gives the id that the library chose."""
        return str(self._queue.push(pack(job).encode()))

    def lease(self, limit: int) -> list[Job]:
        """`pop`, once: a worker takes one task at a time."""
        task = self._queue.pop() if limit > 0 else None
        if task is None:
            return []
        self._tasks.keep(task.id, task)
        return [unpack(task.data.decode(), task.id)]

    def complete(self, id: str) -> None:
        """`done`, which raises if the task is not in this worker's directory."""
        self._queue.done(self._tasks.of(id))

    def fail(self, id: str, message: str) -> None:
        """`fail`, which ends the task."""
        self._queue.fail(self._tasks.of(id))


def _connect(sandbox: Sandbox) -> FemtoQueueStore:
    return FemtoQueueStore(sandbox.path / "queue")


def _is_rejection(error: BaseException) -> bool:
    # What it refuses with is a bare Exception.
    return isinstance(error, (LookupError, ValueError)) or "that is not in progress" in str(error)


_FOLLOWS = (
    "what shows it is lease/exclusive: the worker that made the call was given its own unfinished task "
    "again, and from outside it looks as if the call had let it go"
)
_KNOWN = {
    "lease/exclusive": (
        "a worker that asks again before it has ended its task is given the same one; pop, handle and end "
        "one task at a time, with a node for each thread"
    ),
    "expiry/not-early": (
        "the age of a task is counted from its push, not from when it was taken, so a task that has waited "
        "longer than timeout_stale_ms is taken away from its worker as soon as another one asks; choose a "
        "timeout above the longest wait and run together"
    ),
    "complete/only-that-job": _FOLLOWS,
    "complete/unknown-harmless": _FOLLOWS,
    "fail/only-that-job": _FOLLOWS,
    "fail/rejected-means-not-done": _FOLLOWS,
}

harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        lease_timeout=LEASE,
        expiry_delay=LEASE,  # a worker looks for what is stale as often as that
        redelivers=False,
        fifo=True,
        durable=True,
        sharing="process",
        max_batch=1,
    ),
    known_failures=_KNOWN,
    prepare=lambda: require("femtoqueue", "femtoqueue"),
    is_rejection=_is_rejection,
)
"""Every worker is a node of its own on the same directory."""
