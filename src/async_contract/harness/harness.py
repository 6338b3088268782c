"""The harness: everything the toolkit has to be told about a store."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import CLAUSE
from async_contract.harness.arguments import accepts, call_with_sandbox, first_parameter, unfilled
from async_contract.harness.errors import HarnessError
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, StoreError

# Errors of these packages say nothing about a store, even where its class is defined in one: every
# failed assertion is of `builtins`, and our own faults are of `async_contract`, as MemoryStore is.
_NO_STORES_PACKAGE = frozenset({"builtins", "asyncio", "async_contract"})

_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")  # names with dots between them

AnyStore = Any
"""A store of any class. Who overrides a method of a harness writes the class of the stores there."""


class StoreHarness:
    """How a store is reached, and what it promises.

    Everything can be given as an argument or overridden in a subclass, the methods also as
    coroutine functions. `connect`, `prepare` and `dispose` get the sandbox if they have a
    parameter for it: one named `sandbox`, or the only one that is required.

    Args:
        connect: Makes a store: a class, a function, a coroutine function, or a generator function
            that yields the store once and then closes it. If what it returns is a context manager
            (async or not), that is entered, and the store is what entering it gives.
        capabilities: What the store promises beyond the clauses that bind every store.
        known_failures: Clauses that the store is known to break: clause id -> reason.
        virtual_time: The store takes its time from `sandbox.clock` alone, so nothing need sleep.
        enqueue: `(store, job)`; the default is `store.enqueue(job)`.
        inspect: `(store, job_id)`; the default is `store.inspect(job_id)`, if there is such a method.
        disconnect: `(store)`; the default is `store.aclose()` or `store.close()`.
        prepare: `(sandbox)`, before the first connection: creates what the connections share.
        dispose: `(sandbox)`, after the last connection: drops it.
        is_rejection: `(error)`, whether the store refuses with this error.
        driver_calls: The functions in which the store's driver talks to its server, by their paths, such as
            `["mydriver.Connection.execute"]`: so its workers can be ordered statement by statement. They are
            coroutine functions where the store's methods are, else plain ones. Those of aiosqlite, asyncpg,
            nats, psycopg, redis, sqlite3 and valkey are known.

    Attributes:
        found_as: The target by which it was found, if it was; another process finds it by that.
        store_classes: The classes of the stores that were connected so far.

    Raises:
        HarnessError: An argument, or what a subclass defines, can't be used.
    """

    capabilities: Capabilities = Capabilities()
    known_failures: Mapping[str, str] = {}
    virtual_time: bool = False
    driver_calls: Sequence[str] = ()
    found_as: str = ""

    _OVERRIDABLE: ClassVar = (
        "connect", "enqueue", "inspect", "disconnect", "prepare", "dispose", "is_rejection",
    )  # fmt: skip

    def __init__(
        self,
        connect: Callable[..., Any] | None = None,
        *,
        capabilities: Capabilities | None = None,
        known_failures: Mapping[str, str] | None = None,
        virtual_time: bool | None = None,
        enqueue: Callable[..., Any] | None = None,
        inspect: Callable[..., Any] | None = None,
        disconnect: Callable[..., Any] | None = None,
        prepare: Callable[..., Any] | None = None,
        dispose: Callable[..., Any] | None = None,
        is_rejection: Callable[..., Any] | None = None,
        driver_calls: Sequence[str] | None = None,
    ) -> None:
        functions = (connect, enqueue, inspect, disconnect, prepare, dispose, is_rejection)
        self._given = {
            name: function
            for name, function in zip(self._OVERRIDABLE, functions, strict=True)
            if function is not None
        }
        if capabilities is not None:
            self.capabilities = capabilities
        if known_failures is not None:
            self.known_failures = known_failures
        if virtual_time is not None:
            self.virtual_time = virtual_time
        if driver_calls is not None:
            self.driver_calls = driver_calls
        self.store_classes: set[type] = set()
        self._check_values()
        self._check_functions()
        _check_known_failures(self.known_failures)

    def connect(self, sandbox: Sandbox) -> AnyStore:
        """Return a store, or something that gives one: see the class."""
        return call_with_sandbox(self._given["connect"], sandbox)

    def enqueue(self, store: AnyStore, job: Job) -> object:
        """Give the job to the store; a returned `str` is the id that the store chose for it."""
        return self._given["enqueue"](store, job) if "enqueue" in self._given else store.enqueue(job)

    def inspect(self, store: AnyStore, job_id: str) -> object:
        """Return what the store remembers of a job (see `JobRecord`); `None` for an unknown one."""
        return self._given["inspect"](store, job_id) if "inspect" in self._given else store.inspect(job_id)

    def disconnect(self, store: AnyStore) -> object:
        """Close a store that a plain function made; by default by `aclose()` or `close()`."""
        if "disconnect" in self._given:
            return self._given["disconnect"](store)
        for name in ("aclose", "close"):
            close = getattr(store, name, None)
            if callable(close):
                return close()
        return None

    def prepare(self, sandbox: Sandbox) -> object:
        """Create what the connections of a sandbox share: a schema, a stream."""
        return call_with_sandbox(self._given["prepare"], sandbox) if "prepare" in self._given else None

    def dispose(self, sandbox: Sandbox) -> object:
        """Drop what the connections of a sandbox shared."""
        return call_with_sandbox(self._given["dispose"], sandbox) if "dispose" in self._given else None

    def is_rejection(self, error: BaseException) -> object:
        """Return whether the store refuses with `error`: the call had no effect.

        By default these are `LookupError`, `ValueError`, `StoreError`, and the error classes of
        the package in which the store's own class is defined. A driver's error is none: the
        connection may have broken after the server did what it was asked, so nobody knows
        whether the call had an effect, and to take it for a refusal would blame a correct store.
        """
        if "is_rejection" in self._given:
            return self._given["is_rejection"](error)
        packages = {_package(each) for each in self.store_classes} - _NO_STORES_PACKAGE
        return isinstance(error, (LookupError, ValueError, StoreError)) or _package(type(error)) in packages

    def inspects(self, store: AnyStore) -> bool:
        """Whether the records of `store` can be read, by its own `inspect` or by the harness's."""
        if self.customizes("inspect"):
            return True
        method = getattr(store, "inspect", None)
        if not callable(method):
            return False
        # An `inspect` of another meaning (Celery's takes no id) is no way to read a record.
        return accepts(method, 1)

    def customizes(self, method: str) -> bool:
        """Whether `method` was given as an argument or is overridden in a subclass."""
        return method in self._given or getattr(type(self), method) is not getattr(StoreHarness, method)

    @property
    def maker(self) -> Callable[..., Any]:
        """What makes the stores: the function or class given as `connect`, or the method."""
        overridden = type(self).connect is not StoreHarness.connect
        return self.connect if overridden else self._given["connect"]

    def _check_values(self) -> None:
        if not isinstance(self.capabilities, Capabilities):
            raise HarnessError(
                f"capabilities={self.capabilities!r} are no Capabilities; "
                "write capabilities=Capabilities(lease_timeout=30)"
            )
        if not isinstance(self.virtual_time, bool):
            raise HarnessError(f"virtual_time={self.virtual_time!r} is neither True nor False")
        _check_driver_calls(self.driver_calls)

    def _check_functions(self) -> None:
        for name, function in self._given.items():
            if not callable(function):
                raise HarnessError(
                    f"{name}={function!r} can't be called; write {name}=FUNCTION"
                    + (", a class or function that makes a new store" if name == "connect" else "")
                )
        if not self.customizes("connect"):
            raise HarnessError(
                f"{type(self).__name__} has no connect; write StoreHarness(CLASS_OR_FUNCTION), "
                "or override connect(self, sandbox) so that it returns a store"
            )
        self._check_connect()

    def _check_connect(self) -> None:
        # As a method, a function written for `StoreHarness(connect)` would get the harness as its sandbox.
        connect = inspect.getattr_static(type(self), "connect")
        if inspect.isfunction(connect) and first_parameter(connect) in ("", "sandbox"):
            raise HarnessError(
                f"{type(self).__name__}.connect is a method without self; write connect(self, sandbox), "
                f"or connect = staticmethod({connect.__name__})"
            )
        required = unfilled(self.maker)
        if required:
            name = getattr(self.maker, "__qualname__", repr(self.maker))
            raise HarnessError(
                f"connect={name} needs arguments that nobody passes: "
                f"{', '.join(each.name for each in required)}; write def connect(sandbox), and in it "
                f"return {name}(...) with all of them"
            )


def _check_driver_calls(driver_calls: object) -> None:
    if not isinstance(driver_calls, (list, tuple)) or not all(
        isinstance(each, str) and _PATH.fullmatch(each) for each in driver_calls
    ):
        raise HarnessError(
            f"driver_calls={driver_calls!r} is no list of paths; write the coroutine functions in which the "
            "driver awaits its server, with module and class: driver_calls=['mydriver.Connection.execute']"
        )


def _check_known_failures(known_failures: object) -> None:
    if not isinstance(known_failures, Mapping):
        raise HarnessError(
            f"known_failures={known_failures!r} is no mapping; "
            "write known_failures={'lease/order': 'why the store breaks this clause'}"
        )
    for clause, reason in known_failures.items():
        if clause not in CLAUSE:
            near = difflib.get_close_matches(str(clause), CLAUSE, cutoff=0.75)
            raise HarnessError(
                f"known_failures names {clause!r}, which is no clause; "
                + (f"did you mean {' or '.join(map(repr, near))}?" if near else "see --async-contract-list")
            )
        if not isinstance(reason, str) or not reason.strip():
            raise HarnessError(
                f"known_failures[{clause!r}] is {reason!r}; write the reason why the store breaks this clause"
            )


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]
