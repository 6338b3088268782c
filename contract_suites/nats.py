"""A job store on NATS JetStream: a work queue with a pull consumer, acknowledged with confirmation.

    pytest --async-contract=contract_suites.nats:harness

The store is `contract_suites.recipes.nats`. Every sandbox is a stream of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from contract_suites.places import note, noted
from contract_suites.servers import nats
from contract_suites.servers.missing import require

if TYPE_CHECKING:
    from contract_suites.recipes.nats import NatsStore

# The driver is imported where it is used: without it the items are skipped.
_PACKAGES = "nats-py"

_RECONNECTING: dict[str, Any] = {"reconnect_time_wait": 0.05, "max_reconnect_attempts": -1}

LEASE_TIMEOUT = 0.6
"""Seconds; each example that has to do with expiry waits for it to pass."""

_CAPABILITIES = Capabilities(
    lease_timeout=LEASE_TIMEOUT,
    expiry_delay=0.1,
    redelivers=True,
    max_attempts=3,
    expiry_counts=True,
    retry_delay=0.2,
    counts_attempts=True,
    fifo=True,
    durable=True,
    sharing="process",
    max_batch=256,
)


_NO_PLACE = 10049
"""What the server calls "error creating store for stream"."""

_TRIES = 5


async def _prepare(sandbox: Sandbox, at: Callable[[], str], lease_timeout: float) -> None:
    require(_PACKAGES, "nats")
    note(sandbox, at())
    async with _connect(sandbox, lease_timeout) as store:
        await _create(store)


async def _create(store: NatsStore) -> None:
    """Create the stream, again where the server was just removing the directory that all streams share.

    It does so with the last stream: of 4,000 that were made and deleted one by one, 9 had no place to be;
    with another stream beside them, none.
    """
    from nats.js.errors import ServerError  # noqa: PLC0415

    for left in reversed(range(_TRIES)):
        try:
            await store.create()
        except ServerError as error:
            if error.err_code != _NO_PLACE or not left:
                raise
        else:
            return


async def _dispose(sandbox: Sandbox) -> None:
    from nats import connect  # noqa: PLC0415

    async with await connect(noted(sandbox), **_RECONNECTING) as client:
        await client.jetstream().delete_stream(sandbox.name)


@asynccontextmanager
async def _connect(sandbox: Sandbox, lease_timeout: float) -> AsyncIterator[NatsStore]:
    from nats import connect  # noqa: PLC0415

    from contract_suites.recipes.nats import NatsStore  # noqa: PLC0415

    client = await connect(noted(sandbox), **_RECONNECTING)
    try:
        yield NatsStore(
            client, sandbox.name, lease_timeout=lease_timeout, max_attempts=3, retry_delay=0.1, timeout=2.0
        )
    finally:
        await client.close()


def harness_at(url: Callable[[], str], lease_timeout: float = LEASE_TIMEOUT) -> StoreHarness:
    """A harness for a server that is asked for when it is needed."""

    async def prepare(sandbox: Sandbox) -> None:
        await _prepare(sandbox, url, lease_timeout)

    return StoreHarness(
        lambda sandbox: _connect(sandbox, lease_timeout),
        capabilities=replace(_CAPABILITIES, lease_timeout=lease_timeout),
        prepare=prepare,
        dispose=_dispose,
    )


harness = harness_at(nats.url)
"""Every worker has a connection for itself, and may be in a process of its own."""
