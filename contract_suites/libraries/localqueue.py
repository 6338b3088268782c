"""localqueue: jobs in one SQLite file behind an engine in Rust, with leases, receipts, dead letters.

pytest --async-contract=contract_suites.libraries.localqueue:harness
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.servers.missing import require

LEASE = 0.3
RETRIES = 2


class LocalQueueStore:
    """One worker's `SimpleQueue` in a directory."""

    def __init__(self, path: Path) -> None:
        from localqueue import DeliveryPolicy, Empty, SimpleQueue

        self._empty = Empty
        policy = DeliveryPolicy(lease_seconds=LEASE, max_retries=RETRIES)
        self._queue = SimpleQueue(str(path), delivery=policy)
        self._jobs: Receipts[Any] = Receipts()

    def enqueue(self, job: Job) -> str:
        """`put`; gives the id that the library chose."""
        return str(self._queue.put(pack(job)))

    def lease(self, limit: int) -> list[Job]:
        """`get_nowait` until nothing comes."""
        jobs: list[Job] = []
        while len(jobs) < limit:
            try:
                got = self._queue.get_nowait()
            except self._empty:
                break
            self._jobs.keep(str(got.id), got)
            jobs.append(unpack(got.data, str(got.id), got.attempts))
        return jobs

    def complete(self, id: str) -> None:
        """`ack`, which raises if the receipt is not the latest one."""
        self._queue.ack(self._jobs.of(id))

    def fail(self, id: str, message: str) -> None:
        """`nack`, which makes the job ready again or dead."""
        self._queue.nack(self._jobs.of(id), last_error=message)

    def close(self) -> None:
        """`close`."""
        self._queue.close()


def _connect(sandbox: Sandbox) -> LocalQueueStore:
    return LocalQueueStore(sandbox.path)


def _is_rejection(error: BaseException) -> bool:
    from localqueue import LeaseExpired

    return isinstance(error, (LookupError, ValueError, LeaseExpired))


harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        lease_timeout=LEASE,
        clock_resolution=0.001,  # it counts in whole milliseconds
        redelivers=True,
        max_attempts=RETRIES + 1,
        expiry_counts=True,
        counts_attempts=True,
        fifo=True,
        fences=True,
        durable=True,
        sharing="process",
    ),
    prepare=lambda: require("localqueue", "localqueue"),
    is_rejection=_is_rejection,
)
"""Every worker opens the same directory for itself."""
