"""A job store on a stream of NATS JetStream with a pull consumer, for workers on many machines.

`NatsStore` needs nats-py and the vocabulary of `async_contract.store`.

- JetStream holds no record of a job beside its message: there is no `inspect`, and the text of a failure is
  not kept (log it). An id is known for as long as `remember` says, and may be enqueued again later.
- **It does not fence.** JetStream takes an acknowledgement from whoever held the message before, even while
  another has it. This store refuses to send one when the lease may be over by the worker's clock, but an
  acknowledgement that is on its way when the lease expires still counts.
- A lease asks for the messages that are there and waits for no others. Messages are delivered to this call
  alone and are never left in a subscription's queue, where their leases would expire unseen.
- JetStream writes down with a delay, some 100 ms, to whom it has delivered what and how often (also with
  `sync_interval: always`). A server that is killed before forgets it: the job is delivered again, perhaps
  while somebody holds it, and counted anew. Jobs and acknowledgements are not forgotten.
- Nothing is tried again: after a timeout nobody knows whether the call took effect. While the connection is
  broken, nats-py keeps what is sent and sends it later. To repeat a complete or a fail is harmless.
- A message has a size limit, 1 MiB by default.
"""

from __future__ import annotations

import json
import time
from typing import NamedTuple
from urllib.parse import quote, unquote

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from async_contract.store import Job, JobExists, JobNotLeased
from contract_suites.recipes import settings

MAX_BATCH = 256
_CONSUMER = "workers"
_STATUS = "Status"
_FRAME = len("NATS/1.0\r\n\r\n")
_ID, _KIND, _TENANT, _DEDUPLICATION = "Job-Id", "Job-Kind", "Job-Tenant", "Nats-Msg-Id"


class _Held(NamedTuple):
    """A message on lease, which delivery it was, and until when an acknowledgement is sure to count."""

    message: Msg
    deliveries: int
    until: float


class NatsStore:
    """One worker's access to the jobs of a stream.

    Args:
        client: Connected, and closed by whoever connected it.
        name: Of the stream, and of its subject.
        lease_timeout: Seconds after which a lease that was neither completed nor failed ends.
        max_attempts: The number of deliveries after which a job that was not completed is dead,
            whether it was failed or its lease expired. `None`: it is delivered without end.
        retry_delay: Seconds after a `fail` until the job is ready again.
        remember: Seconds for which the id of a job is known.
        timeout: Seconds to wait for an answer of the server.

    Raises:
        ValueError: A duration or `max_attempts` is out of range.
    """

    def __init__(
        self,
        client: Client,
        name: str = "jobs",
        *,
        lease_timeout: float = 60.0,
        max_attempts: int | None = 5,
        retry_delay: float = 0.0,
        remember: float = 3600.0,
        timeout: float = 5.0,
    ) -> None:
        settings.check(lease_timeout, max_attempts, retry_delay)
        self._client = client
        self._stream = client.jetstream(timeout=timeout)
        self._name = name
        self._lease_timeout = lease_timeout
        self._max_attempts = max_attempts
        self._retry_delay = retry_delay
        self._remember = remember
        self._timeout = timeout
        self._held: dict[str, _Held] = {}

    async def create(self) -> None:
        """Create the stream and its consumer; what exists with the same settings stays as it is."""
        await self._stream.add_stream(
            StreamConfig(
                name=self._name,
                subjects=[self._name],
                retention=RetentionPolicy.WORK_QUEUE,
                storage=StorageType.FILE,
                duplicate_window=self._remember,
            )
        )
        await self._stream.add_consumer(
            self._name,
            ConsumerConfig(
                durable_name=_CONSUMER,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=self._lease_timeout,
                max_deliver=self._max_attempts or -1,
                max_ack_pending=-1,
            ),
        )

    async def enqueue(self, job: Job) -> None:
        """Take in a job; its `attempts` are counted from 0, whatever it says.

        Raises:
            JobExists: A job with this id was enqueued within the last `remember` seconds.
            ValueError: The id or the kind is empty, a text can't be encoded as UTF-8, or all is too large.
        """
        if not job.id or not job.kind:
            raise ValueError(f"id={job.id!r}, kind={job.kind!r}: a job needs both; write a non-empty str")
        id = quote(job.id, safe="")
        headers = {_DEDUPLICATION: id, _ID: id, _KIND: quote(job.kind), _TENANT: quote(job.tenant_id)}
        # nats-py counts the payload alone, and the server cuts off whoever sends it more than it takes.
        size = len(job.payload) + _FRAME + sum(len(name) + len(value) + 4 for name, value in headers.items())
        if size > self._client.max_payload:
            most = self._client.max_payload
            raise ValueError(f"job {job.id!r} needs {size} bytes; the server takes {most}")
        accepted = await self._stream.publish(self._name, job.payload, headers=headers)
        if accepted.duplicate:
            raise JobExists(f"job {job.id!r} was enqueued before")

    async def lease(self, limit: int) -> list[Job]:
        """Put at most `limit` ready jobs, 256 at most, on lease to this store object and deliver them."""
        if limit <= 0:
            return []
        self._forget()
        until = time.monotonic() + self._lease_timeout
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(inbox)
        try:
            request = {"batch": min(limit, MAX_BATCH), "no_wait": True}
            subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._name}.{_CONSUMER}"
            await self._client.publish(subject, json.dumps(request).encode(), reply=inbox)
            messages = await self._receive(subscription, min(limit, MAX_BATCH))
        finally:
            await subscription.unsubscribe()
        return [self._hold(each, until) for each in messages]

    async def complete(self, id: str) -> None:
        """Record that the job is done: it is never delivered again.

        Raises:
            JobNotLeased: This store object does not hold it, or may not hold it any more.
        """
        await self._end_lease(id, self._of(id), "+ACK")

    async def fail(self, id: str, message: str) -> None:
        """Record that the attempt failed: the job is ready after `retry_delay`, or dead.

        The message is not kept.

        Raises:
            JobNotLeased: This store object does not hold it, or may not hold it any more.
        """
        held = self._of(id)
        if self._max_attempts is not None and held.deliveries >= self._max_attempts:
            await self._end_lease(id, held, "+TERM")
        else:
            await self._end_lease(id, held, f'-NAK {{"delay": {round(self._retry_delay * 1e9)}}}')

    async def _receive(self, subscription: Subscription, most: int) -> list[Msg]:
        """The messages of one request: so many, or up to the one that says that there are no more."""
        messages: list[Msg] = []
        while len(messages) < most:
            message = await subscription.next_msg(timeout=self._timeout)
            if message.headers is not None and _STATUS in message.headers:
                break
            messages.append(message)
        return messages

    def _hold(self, message: Msg, until: float) -> Job:
        headers = message.headers or {}
        id = unquote(headers[_ID])
        deliveries = message.metadata.num_delivered
        self._held[id] = _Held(message, deliveries, until)
        return Job(id, unquote(headers[_KIND]), unquote(headers.get(_TENANT, "")), message.data, deliveries)

    def _of(self, id: str) -> _Held:
        self._forget()
        if id not in self._held:
            raise JobNotLeased(f"job {id!r} is not on lease to this worker, or not any more")
        return self._held[id]

    def _forget(self) -> None:
        """Drop the leases that may be over."""
        now = time.monotonic()
        self._held = {id: held for id, held in self._held.items() if held.until > now}

    async def _end_lease(self, id: str, held: _Held, how: str) -> None:
        # Answered when it has taken effect; an acknowledgement without a reply may get lost unseen.
        await self._client.request(held.message.reply, how.encode(), timeout=self._timeout)
        if self._held.get(id) is held:
            del self._held[id]
