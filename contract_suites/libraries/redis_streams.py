"""redis-py's commands for streams, as they are: a consumer group, without any script.

    pytest --async-contract=contract_suites.libraries.redis_streams:harness

XAUTOCLAIM gives what nobody has acknowledged for so long, XREADGROUP what nobody has had. There is no command
that gives an entry back; XCLAIM can say that it has been idle for long, and the next XAUTOCLAIM takes it.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobNotLeased
from contract_suites.libraries.envelope import pack, unpack
from contract_suites.places import note, noted
from contract_suites.servers import valkey
from contract_suites.servers.missing import require

LEASE = 600
"""Milliseconds."""
GROUP = "workers"


class RedisStreamsStore:
    """One worker's client, who is a consumer of the group."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        self._consumer = secrets.token_hex(8)

    async def enqueue(self, job: Job) -> str:
        """`xadd`; gives the id that the server chose."""
        id: bytes = await self._client.xadd(self._name, {"job": pack(job)})
        return id.decode()

    async def lease(self, limit: int) -> list[Job]:
        """`xautoclaim` of what is idle, then `xreadgroup` of what is new."""
        if limit <= 0:
            return []
        _, found, _ = await self._client.xautoclaim(
            self._name, GROUP, self._consumer, min_idle_time=LEASE, count=min(limit, 1000)
        )
        if len(found) < limit:
            read = await self._client.xreadgroup(
                GROUP, self._consumer, {self._name: ">"}, count=limit - len(found)
            )
            found = [*found, *(entry for _, entries in read for entry in entries)]
        return [unpack(fields[b"job"].decode(), id.decode()) for id, fields in found]

    async def complete(self, id: str) -> None:
        """`xack`, which says how many it has acknowledged."""
        if not await self._client.xack(self._name, GROUP, id):
            raise JobNotLeased(f"xack({id!r}) acknowledged nothing")

    async def fail(self, id: str, message: str) -> None:
        """`xclaim` with an idle time at which everybody may claim it."""
        found = await self._client.xclaim(
            self._name, GROUP, self._consumer, min_idle_time=0, message_ids=[id], idle=LEASE, justid=True
        )
        if not found:
            raise JobNotLeased(f"xclaim({id!r}) found nothing")


def _client(sandbox: Sandbox) -> Any:
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(noted(sandbox), retry=Retry(NoBackoff(), 0))


@asynccontextmanager
async def _connect(sandbox: Sandbox) -> AsyncIterator[RedisStreamsStore]:
    async with _client(sandbox) as client:
        yield RedisStreamsStore(client, sandbox.name)


async def _prepare(sandbox: Sandbox) -> None:
    require("redis", "redis")
    note(sandbox, valkey.url())
    async with _client(sandbox) as client:
        await client.xgroup_create(sandbox.name, GROUP, id="0", mkstream=True)


async def _dispose(sandbox: Sandbox) -> None:
    async with _client(sandbox) as client:
        await client.delete(sandbox.name)


def _is_rejection(error: BaseException) -> bool:
    # "Invalid stream ID specified as stream command argument": nothing was done.
    return isinstance(error, (LookupError, ValueError, JobNotLeased)) or "Invalid stream ID" in str(error)


harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        lease_timeout=LEASE / 1000,
        clock_resolution=0.001,
        redelivers=True,
        fifo=True,
        durable=True,
        sharing="process",
    ),
    prepare=_prepare,
    dispose=_dispose,
    is_rejection=_is_rejection,
)
"""Every sandbox is a stream of its own, every worker a consumer."""
