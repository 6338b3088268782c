"""dramatiq's broker in Redis: its consumer's calls for taking, acknowledging and burying a message.

    pytest --async-contract=contract_suites.libraries.dramatiq:harness

A consumer takes as many messages as it may prefetch; here each lease has a consumer that may prefetch no
more than the lease may deliver, so that none is taken that nobody asked for. `nack` puts a message among the
dead letters: to have it done again, its middleware enqueues another. What a worker leaves unfinished is
returned when its heartbeat is too old, which is asked now and then; here that is a day.
"""

from __future__ import annotations

import sys
from typing import Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.places import note, noted
from contract_suites.servers import valkey
from contract_suites.servers.missing import require

_DAY = 24 * 60 * 60 * 1000
QUEUE = "jobs"


class DramatiqStore:
    """One worker's `RedisBroker`."""

    def __init__(self, url: str, name: str) -> None:
        from dramatiq.brokers.redis import RedisBroker

        self._broker = RedisBroker(url=url, namespace=name, middleware=[], heartbeat_timeout=_DAY)
        self._broker.declare_queue(QUEUE)
        self._taken: Receipts[tuple[Any, Any]] = Receipts()

    def enqueue(self, job: Job) -> None:
        """`enqueue` of a message with the job's own id."""
        from dramatiq import Message

        self._broker.enqueue(
            Message(
                queue_name=QUEUE, actor_name="job", args=(), kwargs={"job": pack(job)}, options={},
                message_id=job.id,
            )
        )  # fmt: skip

    def lease(self, limit: int) -> list[Job]:
        """`consume`, and what comes at once."""
        jobs: list[Job] = []
        if limit <= 0:
            return jobs
        consumer = self._broker.consume(QUEUE, prefetch=limit, timeout=1)
        while len(jobs) < limit and (message := next(consumer)):
            self._taken.keep(message.message_id, (consumer, message))
            jobs.append(unpack(message.kwargs["job"], message.message_id))
        return jobs

    def complete(self, id: str) -> None:
        """`ack`."""
        consumer, message = self._taken.of(id)
        consumer.ack(message)

    def fail(self, id: str, message: str) -> None:
        """`nack`."""
        consumer, taken = self._taken.of(id)
        consumer.nack(taken)

    def close(self) -> None:
        """`close` of the broker, and of its client."""
        self._broker.close()
        self._broker.client.close()


def _connect(sandbox: Sandbox) -> DramatiqStore:
    return DramatiqStore(noted(sandbox), sandbox.name)


def _prepare(sandbox: Sandbox) -> None:
    if "dramatiq" not in sys.modules:
        require("'dramatiq[redis]'", "dramatiq", "redis")
    note(sandbox, valkey.url())


def _dispose(sandbox: Sandbox) -> None:
    from redis import Redis

    with Redis.from_url(noted(sandbox)) as client:
        for key in client.scan_iter(match=f"{sandbox.name}:*", count=1000):
            client.delete(key)


_KNOWN = {"fail/unleased-reported": "nack says nothing of whether the message was still this worker's"}

harness = StoreHarness(
    _connect,
    capabilities=Capabilities(redelivers=False, fifo=True, durable=True, sharing="process"),
    known_failures=_KNOWN,
    prepare=_prepare,
    dispose=_dispose,
)
"""Every sandbox has a namespace of its own, every worker a broker."""
