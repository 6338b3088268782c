"""greenstalk: beanstalkd's own commands, as they are.

    pytest --async-contract=contract_suites.libraries.greenstalk:harness

The store written here, `contract_suites.recipes.beanstalkd`, buries a job before it deletes it; this is what
comes of the plain calls. A lease ends with its connection. Beanstalkd's time to run is as long as can be:
about one lease in three outlasts a short one, and that is too often to promise it and too seldom for a known
failure; `scripts/beanstalkd_time_to_run.py` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job
from contract_suites.beanstalkd import address, dispose
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.places import note
from contract_suites.servers import beanstalkd
from contract_suites.servers.missing import require

FOR_EVER = (1 << 32) - 1
"""Seconds."""


class GreenstalkStore:
    """One worker's `Client`."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._jobs: Receipts[Any] = Receipts()

    def enqueue(self, job: Job) -> str:
        """`put`; gives the id that the server chose."""
        return str(self._client.put(pack(job), ttr=FOR_EVER))

    def lease(self, limit: int) -> list[Job]:
        """`reserve` without waiting until nothing comes."""
        from greenstalk import DeadlineSoonError, TimedOutError

        jobs: list[Job] = []
        while len(jobs) < limit:
            try:
                got = self._client.reserve(timeout=0)
            except (TimedOutError, DeadlineSoonError):
                break
            self._jobs.keep(str(got.id), got)
            jobs.append(unpack(got.body, str(got.id)))
        return jobs

    def complete(self, id: str) -> None:
        """`delete`."""
        self._client.delete(self._jobs.of(id))

    def fail(self, id: str, message: str) -> None:
        """`release`."""
        self._client.release(self._jobs.of(id))


@contextmanager
def _connect(sandbox: Sandbox) -> Iterator[GreenstalkStore]:
    from greenstalk import Client

    with Client(address(sandbox), use=sandbox.name, watch=sandbox.name) as client:
        yield GreenstalkStore(client)


def _prepare(sandbox: Sandbox) -> None:
    require("greenstalk", "greenstalk")
    note(sandbox, beanstalkd.url())


def _is_rejection(error: BaseException) -> bool:
    from greenstalk import BeanstalkdError

    return isinstance(error, (LookupError, ValueError, BeanstalkdError))


harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        ends_with_connection=True,
        redelivers=True,
        fifo=True,
        durable=True,
        sharing="process",
    ),
    prepare=_prepare,
    dispose=dispose,
    is_rejection=_is_rejection,
)
"""Every sandbox is a tube of its own, every worker a client."""
