"""The drivers before whose calls there is a gate, and how it is put there for a while."""

from __future__ import annotations

import functools
import importlib
import inspect
import math
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from async_contract.experiments.blocking import Connection, connect_with
from async_contract.experiments.gate import AT, DriverCall, call_of_thread, described
from async_contract.experiments.hands import AGAIN
from async_contract.harness.errors import HarnessError

DRIVERS: Mapping[str, tuple[str, ...]] = {
    "aiosqlite": ("aiosqlite.core.Connection._execute",),
    "asyncpg": (
        *(
            f"asyncpg.connection.Connection.{name}"
            for name in (
                "execute", "executemany", "fetch", "fetchval", "fetchrow", "fetchmany", "prepare",
                "copy_records_to_table",
            )
        ),
        *(
            f"asyncpg.prepared_stmt.PreparedStatement.{name}"
            for name in ("fetch", "fetchval", "fetchrow", "fetchmany", "executemany")
        ),
        *(f"asyncpg.cursor.Cursor.{name}" for name in ("fetch", "fetchrow", "forward")),
    ),
    # Everything that a connection says to its server passes `wait`; the others know the statement.
    "psycopg": (
        "psycopg.AsyncCursor.execute", "psycopg.AsyncCursor.executemany", "psycopg.AsyncConnection.commit",
        "psycopg.AsyncConnection.rollback", "psycopg.AsyncConnection.wait",
    ),
    "redis": (
        "redis.asyncio.client.Redis.execute_command", "redis.asyncio.client.Pipeline.execute",
        "redis.asyncio.client.Pipeline.immediate_execute_command",
        "redis.asyncio.cluster.RedisCluster.execute_command",
    ),
    "nats": (
        "nats.aio.client.Client.publish", "nats.aio.client.Client.request",
        "nats.aio.subscription.Subscription.next_msg",
        "nats.js.client.JetStreamContext.PullSubscription.fetch",
        *(f"nats.aio.msg.Msg.{name}" for name in ("ack", "ack_sync", "nak", "term", "in_progress")),
    ),
}  # fmt: skip
"""By module: the coroutine functions in which a driver talks to its server."""

_FUNCTION_FOR_A_THREAD = frozenset({"aiosqlite.core.Connection._execute"})
"""Those whose first argument is the function that a thread of the connection will call."""


class Place(NamedTuple):
    """Where a function stands, and its name there."""

    owner: Any
    name: str
    path: str

    @property
    def function(self) -> Any:
        """What stands there."""
        return inspect.getattr_static(self.owner, self.name)

    @property
    def is_a_coroutine_function(self) -> bool:
        """Whether what stands there gives a coroutine."""
        function = self.function
        return callable(function) and inspect.iscoroutinefunction(inspect.unwrap(function))


@contextmanager
def gated(named: Sequence[str]) -> Iterator[None]:
    """Put the gate before the calls of drivers that are imported, and before those that are named.

    Args:
        named: Coroutine functions by their paths, such as `mydriver.Connection.execute`.

    Raises:
        HarnessError: One of those is none.
    """
    places = [_named(path) for path in named]
    for module, paths in DRIVERS.items():
        # Another version of a driver may have other names.
        found = (find(path) for path in paths if module in sys.modules)
        places += [each for each in found if each is not None and each.is_a_coroutine_function]
    with ExitStack() as stack:
        for place in places:
            stack.enter_context(replaced(place.owner, place.name, _behind_the_gate(place)))
        for module, name in _names_of(sqlite3.connect):
            stack.enter_context(replaced(module, name, _connect))
        yield


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Put something in the place of a method or a function of a module, for a while."""
    own = name in vars(owner)  # and not a base class's
    before = inspect.getattr_static(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)


def _behind_the_gate(place: Place) -> Callable[..., Awaitable[Any]]:
    function = place.function

    @functools.wraps(function)
    async def behind_the_gate(*arguments: Any, **options: Any) -> Any:
        at = AT.get()
        if at is None:
            return await function(*arguments, **options)

        threaded = place.path in _FUNCTION_FOR_A_THREAD

        def make(call: DriverCall) -> Awaitable[Any]:
            own = arguments
            if threaded:
                own = (arguments[0], call.in_thread(arguments[1]), *arguments[2:])
            result: Awaitable[Any] = function(*own, **options)
            return result

        what = described(place.name, arguments[1:])
        return await at.gate.through(at.worker, what, make, line=arguments[0] if threaded else None)

    return behind_the_gate


# -- names ------------------------------------------------------------------------------------------


def find(path: str) -> Place | None:
    """The place that a path names, where its module is or can be imported."""
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        for each in parts[count:-1]:
            owner = getattr(owner, each, None)
        return Place(owner, parts[-1], path) if hasattr(owner, parts[-1]) else None
    return None


def _named(path: str) -> Place:
    place = find(path)
    if place is None:
        raise HarnessError(
            f"driver_calls names {path!r}, and there is no such thing to import; write the path of a "
            "coroutine function, with its module and its class, such as 'aiosqlite.core.Connection._execute'"
        )
    if not place.is_a_coroutine_function:
        raise HarnessError(
            f"driver_calls names {path!r}, which is no coroutine function (async def); write the path of the "
            "method in which the driver awaits its server, such as 'asyncpg.connection.Connection.fetch'"
        )
    return place


# -- SQLite -----------------------------------------------------------------------------------------


class _GatedConnection(Connection):
    """A connection that lets the others go on where SQLite would wait for one of them."""

    def wait(self, patience: float) -> float:
        call = call_of_thread()
        if call is None:
            return super().wait(patience)
        return AGAIN if call.stand() else math.inf


def _connect(*arguments: Any, **options: Any) -> Any:
    return connect_with(_GatedConnection, *arguments, **options)


def _names_of(function: Any) -> list[tuple[Any, str]]:
    """Every module that has a function, with its name there, but for what needs the real one."""
    return [
        (module, name)
        for module in list(sys.modules.values())
        if getattr(module, "__name__", __name__) not in (__name__, Connection.__module__)
        for name, value in list(getattr(module, "__dict__", {}).items())
        if value is function
    ]
