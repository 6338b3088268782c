"""pulse-queue's store: tasks in one SQLite file, with leases, an epoch that fences, and a dead-letter table.

    pytest --async-contract=contract_suites.libraries.pulse_queue:harness

Its worker does what the adapter does: it retries a failed task until its attempts are used up, and
moves it to the dead letters then. It takes its time from a clock that may be given.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobNotLeased
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.servers.missing import require

LEASE = 1.0
ATTEMPTS = 3


class _Clock:
    """The sandbox's clock, as the library wants one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now


class PulseQueueStore:
    """One worker's `Store` on a file."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        from pulse_queue import Store, should_retry

        self._should_retry = should_retry
        self._store = Store(path, clock=_Clock(clock), default_max_attempts=ATTEMPTS)
        self._worker = secrets.token_hex(8)
        self._tasks: Receipts[Any] = Receipts()

    def enqueue(self, job: Job) -> None:
        """`enqueue` under the job's own id."""
        self._store.enqueue(pack(job), task_id=job.id)

    def lease(self, limit: int) -> list[Job]:
        """`reclaim_expired`, then `lease_next_task` until nothing comes."""
        jobs: list[Job] = []
        self._store.reclaim_expired()
        while len(jobs) < limit and (task := self._store.lease_next_task(self._worker, lease_ttl=LEASE)):
            self._tasks.keep(task.id, task)
            jobs.append(unpack(task.decode_payload(), task.id, task.attempts))
        return jobs

    def complete(self, id: str) -> None:
        """`complete_task`, which says whether the lease was still this worker's."""
        task = self._tasks.of(id)
        if not self._store.complete_task(id, self._worker, task.lease_epoch):
            raise JobNotLeased(f"complete_task({id!r}) changed nothing")

    def fail(self, id: str, message: str) -> None:
        """`fail_task`, or `dead_letter` if the attempts are used up."""
        task = self._tasks.of(id)
        retry = self._should_retry(task.attempts, task.max_attempts)
        give_back = self._store.fail_task if retry else self._store.dead_letter
        if not give_back(id, self._worker, task.lease_epoch, message):
            raise JobNotLeased(f"{give_back.__name__}({id!r}) changed nothing")

    def close(self) -> None:
        """`close`."""
        self._store.close()


def _connect(sandbox: Sandbox) -> PulseQueueStore:
    return PulseQueueStore(sandbox.path / "queue.db", sandbox.clock)


def _is_rejection(error: BaseException) -> bool:
    return isinstance(error, (LookupError, ValueError))


harness = StoreHarness(
    _connect,
    capabilities=Capabilities(  # not fifo: what was enqueued at one instant comes in the order of the ids
        lease_timeout=LEASE,
        redelivers=True,
        max_attempts=ATTEMPTS,
        counts_attempts=True,
        fences=True,
        durable=True,
        sharing="process",
    ),
    virtual_time=True,
    prepare=lambda: require("pulse-queue", "pulse_queue"),
    is_rejection=_is_rejection,
)
"""Every worker opens the same file for itself."""
