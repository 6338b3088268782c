"""pgmq: messages in PostgreSQL that stay invisible for a while once they are read.

    pytest --async-contract=contract_suites.libraries.pgmq:harness

The functions are those that the client installs from SQL. A message is known by its number alone, so whoever
knows it can archive it or make it visible, whether he holds it or not. Failures have no message of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobNotFound
from contract_suites.libraries.envelope import pack, unpack
from contract_suites.places import note, noted
from contract_suites.servers import postgres
from contract_suites.servers.missing import require

LEASE = 1
"""Whole seconds: there are no others."""


class PgmqStore:
    """One worker's `PGMQueue`, with one queue."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def enqueue(self, job: Job) -> str:
        """`send`; gives the id that the database chose."""
        return str(self._client.send(self._name, {"job": pack(job)}))

    def lease(self, limit: int) -> list[Job]:
        """`read_batch`."""
        if limit <= 0:
            return []
        found = self._client.read_batch(self._name, vt=LEASE, batch_size=limit) or []
        return [unpack(each.message["job"], str(each.msg_id), each.read_ct) for each in found]

    def complete(self, id: str) -> None:
        """`archive`, which says whether there was such a message."""
        if not self._client.archive(self._name, int(id)):
            raise JobNotFound(f"archive({id!r}) found nothing")

    def fail(self, id: str, message: str) -> None:
        """`set_vt` to 0, which makes the message visible."""
        if self._client.set_vt(self._name, int(id), 0) is None:
            raise JobNotFound(f"set_vt({id!r}) found nothing")


def _client(url: str) -> Any:
    from pgmq import PGMQueue

    where = urlsplit(url)
    return PGMQueue(
        host=where.hostname, port=str(where.port), database=where.path[1:], username=where.username,
        password=where.password, pool_size=4, init_extension=False,
    )  # fmt: skip


@contextmanager
def _connect(sandbox: Sandbox) -> Iterator[PgmqStore]:
    client = _client(noted(sandbox))
    try:
        yield PgmqStore(client, sandbox.name)
    finally:
        client.close()


def _prepare(sandbox: Sandbox) -> None:
    require("pgmq", "pgmq")
    import psycopg
    from pgmq.install import get_embedded_install_sql

    url = note(sandbox, postgres.url())
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("SELECT pg_advisory_lock(4711)")
        if db.execute("SELECT to_regnamespace('pgmq')").fetchone() == (None,):
            db.execute(get_embedded_install_sql().encode())
        db.execute("SELECT pg_advisory_unlock(4711)")
        db.execute("SELECT pgmq.create(%s)", (sandbox.name,))


def _dispose(sandbox: Sandbox) -> None:
    import psycopg

    with psycopg.connect(noted(sandbox), autocommit=True) as db:
        db.execute("SELECT pgmq.drop_queue(%s)", (sandbox.name,))


harness = StoreHarness(
    _connect,
    capabilities=Capabilities(
        lease_timeout=LEASE,
        redelivers=True,
        counts_attempts=True,
        fifo=True,
        durable=True,
        sharing="process",
    ),
    prepare=_prepare,
    dispose=_dispose,
)
"""Every sandbox has a queue of its own, every worker a pool of connections."""
