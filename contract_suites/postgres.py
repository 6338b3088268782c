"""A job store in PostgreSQL: FOR UPDATE SKIP LOCKED, fenced by a token, with the server's time.

    pytest --async-contract=contract_suites.postgres:harness

The store is `contract_suites.recipes.postgres`. Every sandbox is a schema of its own.
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
from contract_suites.servers import postgres
from contract_suites.servers.missing import require

if TYPE_CHECKING:
    from contract_suites.recipes.postgres import PostgresStore

# The driver is imported where it is used: without it the items are skipped.
_PACKAGES = "'psycopg[binary,pool]'"

LEASE_TIMEOUT = 0.6
"""Seconds; each example that has to do with expiry waits for it to pass."""

_CAPABILITIES = Capabilities(
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


async def _prepare(sandbox: Sandbox, at: Callable[[], str]) -> None:
    require(_PACKAGES, "psycopg", "psycopg_pool")
    from psycopg import AsyncConnection  # noqa: PLC0415

    from contract_suites.recipes.postgres import SCHEMA  # noqa: PLC0415

    url = note(sandbox, at())
    async with await AsyncConnection.connect(url, autocommit=True) as db:
        await db.execute(f"CREATE SCHEMA {sandbox.name}".encode())
        await db.execute(f"SET search_path = {sandbox.name}".encode())
        await db.execute(SCHEMA)


async def _dispose(sandbox: Sandbox) -> None:
    from psycopg import AsyncConnection  # noqa: PLC0415

    async with await AsyncConnection.connect(noted(sandbox), autocommit=True) as db:
        await db.execute(f"DROP SCHEMA {sandbox.name} CASCADE".encode())


@asynccontextmanager
async def _connect(sandbox: Sandbox, lease_timeout: float) -> AsyncIterator[PostgresStore]:
    from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415

    from contract_suites.recipes.postgres import Pool, PostgresStore  # noqa: PLC0415

    # One connection is enough: a worker makes one call at a time.
    settings = {"autocommit": True, "options": f"-c search_path={sandbox.name}"}
    pool: Pool = AsyncConnectionPool(noted(sandbox), kwargs=settings, min_size=1, max_size=1, open=False)
    async with pool:
        await pool.wait()  # or a fault on the wire may strike its connecting, not the call it is meant for
        yield PostgresStore(pool, lease_timeout=lease_timeout, max_attempts=3, retry_delay=0.1)


def harness_at(url: Callable[[], str], lease_timeout: float = LEASE_TIMEOUT) -> StoreHarness:
    """A harness for a server that is asked for when it is needed."""

    async def prepare(sandbox: Sandbox) -> None:
        await _prepare(sandbox, url)

    return StoreHarness(
        lambda sandbox: _connect(sandbox, lease_timeout),
        capabilities=replace(_CAPABILITIES, lease_timeout=lease_timeout),
        prepare=prepare,
        dispose=_dispose,
    )


harness = harness_at(postgres.url)
"""Every worker has a pool of connections for itself, and may be in a process of its own."""
