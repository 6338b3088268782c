"""The drivers before whose calls there is a gate."""

from __future__ import annotations

import functools
import importlib
import inspect
import sqlite3
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from async_contract.experiments.blocking import Connection
from async_contract.experiments.gate_drivers import DRIVERS, gated
from async_contract.harness.errors import HarnessError


class Base:
    """What a driver's connections have in common."""

    async def fetch(self, statement: str) -> str:
        """Talk to a server."""
        return f"row of {statement}"


class Driver(Base):
    """A driver's connections."""

    async def execute(self, statement: str) -> str:
        """Talk to a server."""
        return f"reply to {statement}"

    def plain(self) -> None:
        """Talk to nobody."""


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def check(*arguments: Any) -> Any:
        return function(*arguments)

    return check


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> type[Driver]:
    """A driver that can be imported."""
    module: Any = ModuleType("mydriver")
    module.Connection = Driver
    module.number = 1
    monkeypatch.setitem(sys.modules, "mydriver", module)
    return Driver


def test_a_named_call_is_replaced_for_a_while(driver: type[Driver]) -> None:
    """And afterwards is what it was, also where it is a base class's."""
    execute = driver.execute
    with gated(["mydriver.Connection.execute", "mydriver.Connection.fetch"]):
        assert driver.execute is not execute
        assert inspect.iscoroutinefunction(driver.execute)
        assert list(vars(driver)) == [*vars(Driver)]
        assert Base.fetch is not driver.fetch
    assert (driver.execute, driver.fetch) == (execute, Base.fetch)
    assert "fetch" not in vars(driver)


def test_it_is_undone_after_an_error(driver: type[Driver]) -> None:
    """Whatever was raised in between."""
    execute = driver.execute
    with pytest.raises(KeyError), gated(["mydriver.Connection.execute"]):
        raise KeyError
    assert driver.execute is execute


@pytest.mark.parametrize(
    "path",
    ["nowhere.Connection.execute", "mydriver.Nothing.execute", "mydriver.Connection.nothing", "nothing"],
)
def test_a_name_that_leads_nowhere_is_refused(path: str) -> None:
    """With the form that would do."""
    with pytest.raises(HarnessError) as refused, gated([path]):
        pass
    assert str(refused.value) == (
        f"driver_calls names '{path}', and there is no such thing to import; write the path of a "
        "coroutine function, with its module and its class, such as 'aiosqlite.core.Connection._execute'"
    )


@pytest.mark.parametrize("path", ["mydriver.Connection.plain", "mydriver.number"])
def test_what_is_no_coroutine_function_is_refused(path: str) -> None:
    """With one that is."""
    with pytest.raises(HarnessError) as refused, gated([path]):
        pass
    assert str(refused.value) == (
        f"driver_calls names '{path}', which is no coroutine function (async def); write the path of the "
        "method in which the driver awaits its server, such as 'asyncpg.connection.Connection.fetch'"
    )


def test_a_coroutine_function_may_be_wrapped_by_a_plain_one(driver: type[Driver]) -> None:
    """As asyncpg's are, which check first whether the connection is open."""
    driver.checked = _checked(driver.execute)  # type: ignore[attr-defined]
    with gated(["mydriver.Connection.checked"]):
        assert inspect.iscoroutinefunction(driver.checked)  # type: ignore[attr-defined]
    del driver.checked  # type: ignore[attr-defined]


def test_what_a_version_of_a_driver_does_not_have_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is what is no coroutine function there; the store is explored without."""
    empty: Any = ModuleType("asyncpg")
    empty.connection = ModuleType("asyncpg.connection")
    empty.connection.Connection = type("Connection", (), {"execute": print})
    monkeypatch.setitem(sys.modules, "asyncpg", empty)
    for name in ("connection", "prepared_stmt", "cursor"):
        monkeypatch.setitem(sys.modules, f"asyncpg.{name}", getattr(empty, name, None))
    with gated([]):
        assert empty.connection.Connection.execute is print


@pytest.mark.parametrize("module", DRIVERS)
def test_the_calls_of_a_driver_that_is_installed_are_found(module: str) -> None:
    """Each of them, and each is put back."""
    pytest.importorskip(module)
    owners = [path.rpartition(".")[::2] for path in DRIVERS[module]]
    before = [_found(owner, name) for owner, name in owners]
    with gated([]):
        assert [path for path, each in zip(owners, before, strict=True) if _found(*path) is each] == []
    assert [_found(owner, name) for owner, name in owners] == before


def _found(path: str, name: str) -> object:
    module, _, rest = path.partition(".")
    parts = rest.split(".")
    for count in range(len(parts), -1, -1):
        try:
            found: Any = importlib.import_module(".".join([module, *parts[:count]]))
        except ImportError:
            continue
        return getattr(functools.reduce(getattr, parts[count:], found), name)
    raise AssertionError(path)


def test_connections_to_sqlite_wait_for_workers() -> None:
    """In every module that has a name for `connect`; but for those that have a class of their own."""
    connect = sqlite3.connect
    with gated([]):
        waits, own = sqlite3.connect(":memory:"), sqlite3.connect(":memory:", factory=sqlite3.Connection)
        waits.close()
        own.close()
    assert (isinstance(waits, Connection), type(own)) == (True, sqlite3.Connection)
    assert sqlite3.connect is connect
