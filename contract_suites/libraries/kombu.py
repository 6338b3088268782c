"""kombu's transports that need no server: files, and memory.

    pytest --async-contract=contract_suites.libraries.kombu:filesystem
    pytest --async-contract=contract_suites.libraries.kombu:memory

They imitate AMQP: a message that was got and not acknowledged is given back when its connection is
closed, and `requeue` gives it back at once. The memory transport gives nothing back at the end.

The transport of files also loses a message now and then: publish makes the file before it writes into it, and
get takes a file away without asking for the lock that publish holds. Who gets a message at that instant reads
an empty file, raises JSONDecodeError, and has removed it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.intermittent import Intermittent
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.servers.missing import require


class KombuStore:
    """One worker's connection, with a channel and a queue on it."""

    def __init__(self, url: str, name: str, **options: Any) -> None:
        from kombu import Connection, Queue

        self._connection = connection = Connection(url, transport_options=options)
        self._channel = connection.channel()
        self._queue = Queue(name, exchange="", routing_key=name, channel=self._channel)
        self._queue.declare()
        self._producer = connection.Producer(self._channel)
        self._messages: Receipts[Any] = Receipts()

    def enqueue(self, job: Job) -> None:
        """`publish`; the job's id travels as the message's id."""
        self._producer.publish(pack(job), routing_key=self._queue.name, message_id=job.id)

    def lease(self, limit: int) -> list[Job]:
        """`get` until nothing comes."""
        jobs: list[Job] = []
        while len(jobs) < limit and (message := self._queue.get()):
            id = message.properties["message_id"]
            self._messages.keep(id, message)
            jobs.append(unpack(message.payload, id))
        return jobs

    def complete(self, id: str) -> None:
        """`ack`, which refuses a message that was acknowledged or given back."""
        self._messages.of(id).ack()

    def fail(self, id: str, message: str) -> None:
        """`requeue`, which refuses a message that was acknowledged or given back."""
        self._messages.of(id).requeue()

    def close(self) -> None:
        """`close` of the channel, which gives back what is not acknowledged, and of the connection."""
        self._channel.close()
        self._connection.close()


def _is_rejection(error: BaseException) -> bool:
    from kombu.exceptions import MessageStateError

    return isinstance(error, (LookupError, ValueError, MessageStateError))


def _prepare() -> None:
    if "kombu" not in sys.modules:  # once imported, it can't be looked for: it has no `__spec__`
        require("kombu", "kombu")


def _harness(
    connect: Callable[[Sandbox], KombuStore], known_failures: Mapping[str, str], **promised: Any
) -> StoreHarness:
    return StoreHarness(
        connect,
        capabilities=Capabilities(redelivers=True, **promised),
        known_failures=known_failures,
        prepare=_prepare,
        is_rejection=_is_rejection,
    )


def _filesystem(sandbox: Sandbox) -> KombuStore:
    folder = str(sandbox.path)
    return KombuStore(
        "filesystem://", sandbox.name, data_folder_in=folder, data_folder_out=folder, control_folder=folder
    )


def _memory(sandbox: Sandbox) -> KombuStore:
    return KombuStore("memory://", sandbox.name)


_RACE = Intermittent(
    "publish makes the message's file before it writes into it, and get does not wait for the lock that "
    "publish holds: who gets the message at that instant reads an empty file, raises JSONDecodeError, and "
    "has removed it"
)

_KNOWN = {
    "durable/kill": (
        "get removes the message's file, and only the process that got it has the message from then on: if "
        "it is killed before it acknowledges, the message is gone; nothing but closing the connection gives "
        "it back, so use another transport where workers may be killed"
    ),
    "lease/progress": _RACE,
    "lease/rejected-means-not-done": _RACE,
}

filesystem = _harness(_filesystem, _KNOWN, ends_with_connection=True, durable=True, sharing="process")
"""Every worker uses the same directory."""

memory = _harness(_memory, {}, fifo=True, sharing="connection")
"""Every worker has a connection within one process."""
