"""The reference store in memory, held to its own contract.

    pytest --async-contract=contract_suites.memory:harness

It knows its jobs by their ids alone and not by who holds them, so it does not fence off a worker
whose lease has expired; and it is gone with its process.
"""

from __future__ import annotations

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.reference.memory import MemoryStore

_CAPABILITIES = Capabilities(
    lease_timeout=30.0,
    redelivers=True,
    max_attempts=3,
    expiry_counts=True,
    retry_delay=5.0,
    counts_attempts=True,
    fifo=True,
    sharing="instance",
)


def _connect(sandbox: Sandbox) -> MemoryStore:
    return MemoryStore(lease_timeout=30.0, max_attempts=3, retry_delay=5.0, clock=sandbox.clock)


harness = StoreHarness(_connect, capabilities=_CAPABILITIES, virtual_time=True)
"""One store for all workers, with a lease timeout and a retry delay that pass in virtual time."""
