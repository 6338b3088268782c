"""A job store on beanstalkd, through greenstalk: leases that end with their connection.

    pytest --async-contract=contract_suites.beanstalkd:harness

The store is `contract_suites.recipes.beanstalkd`. Every sandbox is a tube of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from contract_suites.places import note, noted
from contract_suites.servers import beanstalkd
from contract_suites.servers.missing import require

if TYPE_CHECKING:
    from contract_suites.recipes.beanstalkd import BeanstalkStore

# The driver is imported where it is used: without it the items are skipped.
_PACKAGES = "greenstalk"

_CAPABILITIES = Capabilities(
    ends_with_connection=True,
    redelivers=True,
    max_attempts=3,
    counts_attempts=True,
    fifo=True,
    durable=True,
    sharing="process",
    max_batch=100,
)


def address(sandbox: Sandbox) -> tuple[str, int]:
    """The host and the port of the sandbox's server."""
    where = urlsplit(noted(sandbox))
    return where.hostname or "localhost", where.port or 11300


def dispose(sandbox: Sandbox) -> None:
    """Delete what is left in the tube; it goes when it is empty."""
    import greenstalk  # noqa: PLC0415

    with greenstalk.Client(address(sandbox), encoding=None, use=sandbox.name) as client:
        for peek in (client.peek_ready, client.peek_delayed, client.peek_buried):
            while True:
                try:
                    client.delete(peek())
                except greenstalk.NotFoundError:
                    break


@contextmanager
def _connect(sandbox: Sandbox) -> Iterator[BeanstalkStore]:
    from contract_suites.recipes.beanstalkd import BeanstalkStore  # noqa: PLC0415

    with closing(BeanstalkStore(address(sandbox), sandbox.name, max_attempts=3)) as store:
        yield store


def harness_at(url: Callable[[], str], lease_timeout: float | None = None) -> StoreHarness:
    """A harness for a server that is asked for when it is needed.

    There is no lease timeout, whatever is asked for: beanstalkd does not keep to one.
    """

    def prepare(sandbox: Sandbox) -> None:
        require(_PACKAGES, "greenstalk")
        note(sandbox, url())

    return StoreHarness(
        _connect,
        capabilities=_CAPABILITIES,
        prepare=prepare,
        dispose=dispose,
    )


harness = harness_at(beanstalkd.url)
"""Every worker has a connection for itself, and may be in a process of its own."""
