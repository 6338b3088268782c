"""A job store in Valkey: one script for each call, fenced by a token, with the server's time.

    pytest --async-contract=contract_suites.valkey:harness

The store is `contract_suites.recipes.valkey`. Every sandbox has a name of its own for its keys.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from contract_suites.places import note, noted
from contract_suites.servers import valkey
from contract_suites.servers.missing import require

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from contract_suites.recipes.valkey import ValkeyStore

# The driver is imported where it is used: without it the items are skipped.
_PACKAGES = "redis"

LEASE_TIMEOUT = 0.6
"""Seconds; each example that has to do with expiry waits for it to pass."""

CAPABILITIES = Capabilities(
    lease_timeout=LEASE_TIMEOUT,
    redelivers=True,
    max_attempts=3,
    expiry_counts=True,
    retry_delay=0.1,
    counts_attempts=True,
    fifo=True,
    fences=True,
    durable=True,
    sharing="process",
)


def preparing(url: Callable[[], str]) -> Callable[[Sandbox], None]:
    """What prepares a sandbox on a server that is asked for when it is needed."""

    def prepare(sandbox: Sandbox) -> None:
        require(_PACKAGES, "redis")
        note(sandbox, url())

    return prepare


async def dispose(sandbox: Sandbox) -> None:
    """Remove the sandbox's keys."""
    async with client(sandbox) as redis:
        keys = [key async for key in redis.scan_iter(match=f"{{{sandbox.name}}}*", count=1000)]
        if keys:
            await redis.delete(*keys)


def client(sandbox: Sandbox) -> Redis:
    """A client that makes no call twice."""
    from redis.asyncio import Redis  # noqa: PLC0415
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    return Redis.from_url(noted(sandbox), retry=Retry(NoBackoff(), 0))


@asynccontextmanager
async def _connect(sandbox: Sandbox, lease_timeout: float) -> AsyncIterator[ValkeyStore]:
    from contract_suites.recipes.valkey import ValkeyStore  # noqa: PLC0415

    async with client(sandbox) as redis:
        yield ValkeyStore(redis, sandbox.name, lease_timeout=lease_timeout, max_attempts=3, retry_delay=0.1)


def harness_at(url: Callable[[], str], lease_timeout: float = LEASE_TIMEOUT) -> StoreHarness:
    """A harness for a server that is asked for when it is needed."""
    return StoreHarness(
        lambda sandbox: _connect(sandbox, lease_timeout),
        capabilities=replace(CAPABILITIES, lease_timeout=lease_timeout),
        prepare=preparing(url),
        dispose=dispose,
    )


harness = harness_at(valkey.url)
"""Every worker has a client for itself, and may be in a process of its own."""
