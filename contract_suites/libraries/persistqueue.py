"""persist-queue's SQLiteAckQueue: items in a SQLite file, acknowledged by their row's number.

    pytest --async-contract=contract_suites.libraries.persistqueue:harness

Nothing expires. An item that was taken and not acknowledged is ready again when a queue is opened on the file
(`auto_resume`), so the queue is meant for one object, which threads share.
"""

from __future__ import annotations

from pathlib import Path

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobNotFound
from contract_suites.libraries.envelope import pack, unpack
from contract_suites.servers.missing import require


class AckQueueStore:
    """A `SQLiteAckQueue` in a directory."""

    def __init__(self, path: Path) -> None:
        from persistqueue import Empty, SQLiteAckQueue

        self._empty = Empty
        self._queue = SQLiteAckQueue(str(path), multithreading=True)

    def enqueue(self, job: Job) -> str:
        """`put`; gives the id that the library chose."""
        return str(self._queue.put(pack(job)))

    def lease(self, limit: int) -> list[Job]:
        """`get` without waiting until nothing comes."""
        jobs: list[Job] = []
        while len(jobs) < limit:
            try:
                item = self._queue.get(block=False, raw=True)
            except self._empty:
                break
            jobs.append(unpack(item["data"], str(item["pqid"])))
        return jobs

    def complete(self, id: str) -> None:
        """`ack`, which gives no id if it understands none."""
        if self._queue.ack(id=id) is None:
            raise JobNotFound(f"ack(id={id!r}) found nothing")

    def fail(self, id: str, message: str) -> None:
        """`nack`, which makes the item ready again."""
        if self._queue.nack(id=id) is None:
            raise JobNotFound(f"nack(id={id!r}) found nothing")

    def close(self) -> None:
        """`close`."""
        self._queue.close()


def _connect(sandbox: Sandbox) -> AckQueueStore:
    return AckQueueStore(sandbox.path)


_SILENT = (
    "ack and nack set the state of a row by its number, whatever state it is in and whether there is such "
    "a row, and return the number all the same"
)
_KNOWN = {
    "complete/unknown-reported": _SILENT,
    "complete/unleased-reported": _SILENT,
    "fail/unknown-reported": _SILENT,
    "fail/unleased-reported": _SILENT,
    "fail/after-complete": (
        "nack makes an item ready again also if it was acknowledged, so that whoever reports a failure late, "
        "or twice, has finished work done again; call nack only for what is still yours"
    ),
}

harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        ends_with_connection=True,
        redelivers=True,
        fifo=True,
        durable=True,
        sharing="instance",
    ),
    known_failures=_KNOWN,
    prepare=lambda: require("persist-queue", "persistqueue"),
)
"""One object for all workers."""
