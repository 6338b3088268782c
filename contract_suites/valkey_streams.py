"""A job store on a Valkey stream with a consumer group, with scripts for what streams lack.

    pytest --async-contract=contract_suites.valkey_streams:harness

The store is `contract_suites.recipes.valkey_streams`. Every sandbox has a name of its own for its keys.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from contract_suites.servers import valkey
from contract_suites.valkey import CAPABILITIES, LEASE_TIMEOUT, client, dispose, preparing

if TYPE_CHECKING:
    from contract_suites.recipes.valkey_streams import StreamStore

# A stream has no delays, and tells the time in whole milliseconds: a lease may end one too early.
_CAPABILITIES = replace(CAPABILITIES, retry_delay=0.0, clock_resolution=0.001)


@asynccontextmanager
async def _connect(sandbox: Sandbox, lease_timeout: float) -> AsyncIterator[StreamStore]:
    from contract_suites.recipes.valkey_streams import StreamStore  # noqa: PLC0415

    async with client(sandbox) as redis:
        store = StreamStore(redis, sandbox.name, lease_timeout=lease_timeout, max_attempts=3)
        yield store
        await store.aclose()


def harness_at(url: Callable[[], str], lease_timeout: float = LEASE_TIMEOUT) -> StoreHarness:
    """A harness for a server that is asked for when it is needed."""
    return StoreHarness(
        lambda sandbox: _connect(sandbox, lease_timeout),
        capabilities=replace(_CAPABILITIES, lease_timeout=lease_timeout),
        prepare=preparing(url),
        dispose=dispose,
    )


harness = harness_at(valkey.url)
"""Every worker has a client for itself, is a consumer of its own, and may be in a process of its own."""
