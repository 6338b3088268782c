"""kombu's transports that need no server: files, and memory.

    pytest --async-contract=contract_suites.libraries.kombu:filesystem
    pytest --async-contract=contract_suites.libraries.kombu:memory

They imitate AMQP: a message that was got and not acknowledged is given back when its connection is
closed, and `requeue` gives it back at once. The memory transport gives nothing back at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kombu import Connection, Queue
from kombu.exceptions import MessageStateError

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job
from contract_suites.libraries.envelope import Receipts, pack, unpack


class KombuStore:
    """One worker's connection, with a channel and a queue on it."""

    def __init__(self, connection: Any, name: str) -> None:
        self._connection = connection
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


def _harness(connect: Callable[[Sandbox], KombuStore], **promised: Any) -> StoreHarness:
    return StoreHarness(
        connect,
        capabilities=Capabilities(redelivers=True, **promised),
        is_rejection=lambda error: isinstance(error, (LookupError, ValueError, MessageStateError)),
    )


def _filesystem(sandbox: Sandbox) -> KombuStore:
    folder = str(sandbox.path)
    options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder}
    return KombuStore(Connection("filesystem://", transport_options=options), sandbox.name)


def _memory(sandbox: Sandbox) -> KombuStore:
    return KombuStore(Connection("memory://"), sandbox.name)


filesystem = _harness(_filesystem, ends_with_connection=True, durable=True, sharing="process")
"""Every worker uses the same directory."""

memory = _harness(_memory, fifo=True, sharing="connection")
"""Every worker has a connection within one process."""
