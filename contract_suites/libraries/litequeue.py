"""litequeue: messages in one SQLite file, each delivery with a number that ends it.

    pytest --async-contract=contract_suites.libraries.litequeue:harness

An expired lease is returned by `retry_expired`, which somebody has to call: here, each lease calls it first.
There is no place for a failure's message, and no count after which a message is dead.
"""

from __future__ import annotations

from pathlib import Path

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobNotLeased
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.servers.missing import require

LEASE = 0.3


class LiteQueueStore:
    """One worker's `LiteQueue` on a file."""

    def __init__(self, path: Path) -> None:
        from litequeue import LiteQueue

        self._queue = LiteQueue(path)
        self._claims: Receipts[int] = Receipts()

    def enqueue(self, job: Job) -> str:
        """`put`; gives the id that the library chose."""
        return str(self._queue.put(pack(job)).message_id)

    def lease(self, limit: int) -> list[Job]:
        """`retry_expired`, then `pop` until nothing comes."""
        jobs: list[Job] = []
        self._queue.retry_expired(LEASE)
        while len(jobs) < limit and (message := self._queue.pop()):
            self._claims.keep(message.message_id, message.claim_id)
            jobs.append(unpack(message.data, message.message_id, message.claim_id))
        return jobs

    def complete(self, id: str) -> None:
        """`done`, which says whether it changed anything."""
        if not self._queue.done(id, claim_id=self._claims.of(id)):
            raise JobNotLeased(f"done({id!r}) changed nothing")

    def fail(self, id: str, message: str) -> None:
        """`retry`, which makes the message ready again."""
        if not self._queue.retry(id, claim_id=self._claims.of(id)):
            raise JobNotLeased(f"retry({id!r}) changed nothing")

    def close(self) -> None:
        """`close`."""
        self._queue.close()


def _connect(sandbox: Sandbox) -> LiteQueueStore:
    return LiteQueueStore(sandbox.path / "queue.db")


harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        lease_timeout=LEASE,
        redelivers=True,
        counts_attempts=True,
        fifo=True,
        fences=True,
        durable=True,
        sharing="process",
    ),
    prepare=lambda: require("litequeue", "litequeue"),
)
"""Every worker opens the same file for itself."""
