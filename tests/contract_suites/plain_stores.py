"""Stores of plain functions on real servers, for tests: correct ones, and ones that look before they take."""

from __future__ import annotations

import importlib
import itertools
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobExists, JobNotLeased
from contract_suites.places import note, noted
from contract_suites.servers import postgres, valkey
from contract_suites.servers.missing import require

_owners = itertools.count()

# -- PostgreSQL -------------------------------------------------------------------------------------

_SCHEMA = """
    CREATE TABLE jobs (
        place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text UNIQUE, kind text, tenant text,
        payload bytea, state text NOT NULL DEFAULT 'ready', owner bigint, due double precision
    )
"""
_INSERT = "INSERT INTO jobs (id, kind, tenant, payload) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
_LOOK = """
    SELECT id, kind, tenant, payload FROM jobs WHERE state = 'ready' OR (state = 'leased' AND due <= %s)
    ORDER BY place LIMIT %s
"""
_TAKE = "UPDATE jobs SET state = 'leased', owner = %s, due = %s WHERE id = %s"
_END = "UPDATE jobs SET state = %s WHERE id = %s AND state = 'leased' AND owner = %s AND due > %s"
_LEASE_TIMEOUT = 30.0


class PostgresStore:
    """A connection of psycopg 3, whose leases pass over the rows that others have locked.

    Attributes:
        locks: How a lease locks the rows that it is about to take.
        autocommits: Whether each statement is a transaction of its own.
    """

    locks: ClassVar[str] = "FOR UPDATE SKIP LOCKED"
    autocommits: ClassVar[bool] = False

    def __init__(self, sandbox: Sandbox) -> None:
        self.clock = sandbox.clock
        self.owner = next(_owners)
        self.database = self.opened(sandbox)

    def opened(self, sandbox: Sandbox) -> Any:
        """Connect to the schema of a sandbox."""
        driver = importlib.import_module("psycopg")
        options = f"-c search_path={sandbox.name}"
        return driver.connect(noted(sandbox), options=options, autocommit=self.autocommits)

    def transaction(self) -> AbstractContextManager[Any]:
        """What is done with the connection is done together."""
        return self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self.database.transaction():
            yield self.database

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        with self.transaction() as database:
            values = (job.id, job.kind, job.tenant_id, job.payload)
            if not database.execute(_INSERT, values).rowcount:
                raise JobExists(job.id)

    def lease(self, limit: int) -> Sequence[Job]:
        """Deliver the oldest ready jobs."""
        now = self.clock()
        with self.transaction() as database:
            rows = database.execute(f"{_LOOK} {self.locks}", (now, max(limit, 0))).fetchall()
            for row in rows:
                database.execute(_TAKE, (self.owner, now + _LEASE_TIMEOUT, row[0]))
        return [Job(*row) for row in rows]

    def complete(self, id: str) -> None:
        """End a lease well."""
        self.end(id, "completed")

    def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        self.end(id, "ready")

    def end(self, id: str, state: str) -> None:
        """End a lease of this connection."""
        with self.transaction() as database:
            if not database.execute(_END, (state, id, self.owner, self.clock())).rowcount:
                raise JobNotLeased(id)

    def close(self) -> None:
        """Close the connection."""
        self.database.close()


class Waiting(PostgresStore):
    """A lease waits for those who have locked the rows that it looks at."""

    locks = "FOR UPDATE"


class Looking(PostgresStore):
    """A lease locks nothing when it looks, and then takes what it saw in the same transaction."""

    locks = ""


class Autocommitting(PostgresStore):
    """The same, each statement in a transaction of its own."""

    locks = ""
    autocommits = True

    def transaction(self) -> AbstractContextManager[Any]:
        """None."""
        return nullcontext(self.database)


class Committing(PostgresStore):
    """The same with `commit` and `rollback`, and a cursor."""

    locks = ""

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            with self.database.cursor() as cursor:
                yield cursor
        except BaseException:
            self.database.rollback()
            raise
        self.database.commit()


class Pooling(PostgresStore):
    """The same on a pool."""

    locks = ""

    def opened(self, sandbox: Sandbox) -> Any:
        """A pool with a connection."""
        pools = importlib.import_module("psycopg_pool")
        options = {"options": f"-c search_path={sandbox.name}"}
        pool = pools.ConnectionPool(noted(sandbox), kwargs=options, min_size=1, max_size=1, open=True)
        pool.wait()
        return pool

    def transaction(self) -> AbstractContextManager[Any]:
        """What is done with a connection of the pool is done together."""
        connection: AbstractContextManager[Any] = self.database.connection()
        return connection


def _on_postgres(store: type[PostgresStore]) -> StoreHarness:
    """Reaches a store in a schema of each sandbox."""

    def prepare(sandbox: Sandbox) -> None:
        require("'psycopg[binary,pool]'", "psycopg", "psycopg_pool")
        url = note(sandbox, postgres.url())
        with importlib.import_module("psycopg").connect(url) as database:
            database.execute(f"CREATE SCHEMA {sandbox.name}")
            database.execute(f"SET search_path = {sandbox.name}")
            database.execute(_SCHEMA)

    def dispose(sandbox: Sandbox) -> None:
        with importlib.import_module("psycopg").connect(noted(sandbox)) as database:
            database.execute(f"DROP SCHEMA {sandbox.name} CASCADE")

    promised = Capabilities(
        lease_timeout=_LEASE_TIMEOUT, redelivers=True, fences=True, sharing="connection"
    )  # fmt: skip
    return StoreHarness(store, capabilities=promised, virtual_time=True, prepare=prepare, dispose=dispose)


# -- Redis and Valkey -------------------------------------------------------------------------------

_SCRIPT = """
    local ids = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
    for _, id in ipairs(ids) do
        redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
    end
    return ids
"""


class ValkeyStore:
    """Lists of ids on a server that speaks as Redis does; a lease moves each id by one command.

    Leases never end by themselves.

    Attributes:
        driver: The module and the class of the clients.
    """

    driver: ClassVar[tuple[str, str]] = ("redis", "Redis")

    def __init__(self, sandbox: Sandbox) -> None:
        self.jobs, self.ready, self.leased = (f"{{{sandbox.name}}}:{each}" for each in "jrl")
        module, name = self.driver
        self.client = getattr(importlib.import_module(module), name).from_url(noted(sandbox))

    def enqueue(self, job: Job) -> None:
        """Take a job in."""
        if not self.client.hsetnx(
            self.jobs, job.id, json.dumps([job.kind, job.tenant_id, job.payload.hex()])
        ):
            raise JobExists(job.id)
        self.client.rpush(self.ready, job.id)

    def lease(self, limit: int) -> Sequence[Job]:
        """Deliver the oldest ready jobs."""
        ids = self.taken(limit) if limit > 0 else []
        return [self._job(each.decode()) for each in ids]

    def _job(self, id: str) -> Job:
        kind, tenant, payload = json.loads(self.client.hget(self.jobs, id))
        return Job(id, kind, tenant, bytes.fromhex(payload))

    def taken(self, limit: int) -> list[bytes]:
        """Put jobs on lease; gives their ids."""
        moved = (self.client.lmove(self.ready, self.leased, "LEFT", "RIGHT") for _ in range(limit))
        return list(itertools.takewhile(bool, moved))

    def complete(self, id: str) -> None:
        """End a lease well."""
        if not self.client.lrem(self.leased, 1, id):
            raise JobNotLeased(id)

    def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        self.complete(id)
        self.client.rpush(self.ready, id)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


class Scripting(ValkeyStore):
    """A lease is a script."""

    def taken(self, limit: int) -> list[bytes]:
        """Put jobs on lease; gives their ids."""
        ids: list[bytes] = self.client.eval(_SCRIPT, 2, self.ready, self.leased, limit)
        return ids


class Watching(ValkeyStore):
    """A lease looks, and takes what it saw if nobody has changed it meanwhile."""

    def taken(self, limit: int) -> list[bytes]:
        """Put jobs on lease; gives their ids."""
        moves = partial(self._moves, limit)
        return list(self.client.transaction(moves, self.ready, value_from_callable=True))

    def _moves(self, limit: int, pipeline: Any) -> list[bytes]:
        ids: list[bytes] = pipeline.lrange(self.ready, 0, limit - 1)
        pipeline.multi()
        for each in ids:
            pipeline.lrem(self.ready, 1, each).rpush(self.leased, each)
        return ids


class Piping(ValkeyStore):
    """A lease looks, and then takes what it saw in a transaction, whatever has become of it."""

    def taken(self, limit: int) -> list[bytes]:
        """Put jobs on lease; gives their ids."""
        ids: list[bytes] = self.client.lrange(self.ready, 0, limit - 1)
        with self.client.pipeline() as pipeline:
            for each in ids:
                pipeline.lrem(self.ready, 1, each).rpush(self.leased, each)
            pipeline.execute()
        return ids


class Removing(ValkeyStore):
    """The same, each job in commands of its own."""

    def taken(self, limit: int) -> list[bytes]:
        """Put jobs on lease; gives their ids."""
        ids: list[bytes] = self.client.lrange(self.ready, 0, limit - 1)
        for each in ids:
            self.client.lrem(self.ready, 1, each)
            self.client.rpush(self.leased, each)
        return ids


class Wire:
    """A client that nobody knows, with what the stores here need of one."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self.socket = socket.create_connection((place.hostname or "", place.port or 0))
        self.replies = self.socket.makefile("rb")
        if place.password:
            self.ask("AUTH", place.password)

    @classmethod
    def from_url(cls, url: str) -> Wire:
        """Connect to a server."""
        return cls(url)

    def __getattr__(self, name: str) -> Any:
        return partial(self.ask, name.upper())

    def ask(self, *words: Any) -> Any:
        """Have a command carried out."""
        parts = [each if isinstance(each, bytes) else str(each).encode() for each in words]
        told = b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in parts)
        self.socket.sendall(b"*%d\r\n%s" % (len(parts), told))
        return self._reply()

    def _reply(self) -> Any:
        line = self.replies.readline().rstrip()
        kind, text = line[:1], line[1:]
        if kind == b"$":
            return None if text == b"-1" else self.replies.read(int(text) + 2)[:-2]
        if kind == b"*":
            return [self._reply() for _ in range(int(text))]
        if kind == b"-":
            raise OSError(text.decode())
        return int(text) if kind == b":" else text

    def close(self) -> None:
        """Close the connection."""
        self.replies.close()
        self.socket.close()


def _on_valkey(store: type[ValkeyStore], driver: tuple[str, str]) -> StoreHarness:
    """Reaches a store by a driver, under keys of each sandbox."""

    def prepare(sandbox: Sandbox) -> None:
        require(driver[0], driver[0])
        note(sandbox, valkey.url())

    def dispose(sandbox: Sandbox) -> None:
        with closing(Wire(noted(sandbox))) as wire:
            wire.ask("DEL", *(f"{{{sandbox.name}}}:{each}" for each in "jrl"))

    made = type(store.__name__, (store,), {"driver": driver, "__module__": __name__})
    promised = Capabilities(redelivers=True, sharing="connection")
    return StoreHarness(
        made, capabilities=promised, virtual_time=True, prepare=prepare, dispose=dispose,
        driver_calls=[f"{__name__}.Wire.ask"] if driver == _WIRE else [],
    )  # fmt: skip


_REDIS, _VALKEY, _WIRE = ("redis", "Redis"), ("valkey", "Valkey"), (__name__, "Wire")

CORRECT = {
    "psycopg": _on_postgres(PostgresStore),
    "psycopg-waits": _on_postgres(Waiting),
    "redis": _on_valkey(ValkeyStore, _REDIS),
    "redis-script": _on_valkey(Scripting, _REDIS),
    "redis-watch": _on_valkey(Watching, _REDIS),
    "valkey": _on_valkey(ValkeyStore, _VALKEY),
    "valkey-script": _on_valkey(Scripting, _VALKEY),
    "wire": _on_valkey(ValkeyStore, _WIRE),
}
"""Stores that keep what they promise, by a name that says how."""

BROKEN = {
    "psycopg": _on_postgres(Looking),
    "psycopg-commit": _on_postgres(Committing),
    "psycopg-autocommit": _on_postgres(Autocommitting),
    "psycopg-pool": _on_postgres(Pooling),
    "redis": _on_valkey(Removing, _REDIS),
    "redis-pipeline": _on_valkey(Piping, _REDIS),
    "valkey": _on_valkey(Removing, _VALKEY),
    "valkey-pipeline": _on_valkey(Piping, _VALKEY),
    "wire": _on_valkey(Removing, _WIRE),
}
"""Stores of which two workers lease one job, by a name that says how."""
