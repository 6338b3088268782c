"""What blocks outside of Python: SQLite's wait for another connection, and locks of files.

A thread that is stepped through asks again instead, and others go on in between.
"""

from __future__ import annotations

import math
import re
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import TracebackType
from typing import Any, Literal, TypeVar

from async_contract.experiments.gate import described
from async_contract.experiments.hands import AGAIN, FOR_EVER, CantBeStepped, present

ONLY_PROCESSES = "it locks files with fcntl.lockf, which keeps processes apart, but not the threads of one"
"""Why a store can't be used by the threads of one process."""

_LEAST = 1e-6  # seconds for which it is worth to wait
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY}
_TIMEOUT = re.compile(r"\s*PRAGMA\s+busy_timeout\s*[=(]\s*(\d+)", re.IGNORECASE)
_BEGIN = re.compile(r"\s*(?:BEGIN|SAVEPOINT)\b", re.IGNORECASE)
_END = re.compile(r"\s*(?:COMMIT|END|ROLLBACK|RELEASE)\b", re.IGNORECASE)
_T = TypeVar("_T")


class Cursor(sqlite3.Cursor):
    """A cursor whose statements wait as those of its connection do."""

    connection: Connection

    def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
        """Execute a statement."""
        return self.connection.patiently(sql, partial(super().execute, sql, parameters))

    def executemany(self, sql: str, parameters: Any, /) -> Cursor:
        """Execute a statement for several rows; none of them twice."""
        rows = list(parameters)
        return self.connection.patiently(sql, partial(super().executemany, sql, rows))


class Connection(sqlite3.Connection):
    """A connection that asks again where SQLite would block until another one has ended its transaction."""

    def __init__(self, database: Any, *, timeout: float = 5.0, **options: Any) -> None:
        super().__init__(database, timeout=0, **options)
        self._patience = float(timeout)
        self._has_worked = False  # in the present transaction

    def cursor(self, factory: Callable[[sqlite3.Connection], Any] | None = None) -> Any:
        """A cursor."""
        return super().cursor(factory or Cursor)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute a statement."""
        return self.cursor().execute(sql, parameters)  # type: ignore[no-any-return]

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        """Execute a statement for several rows."""
        return self.cursor().executemany(sql, parameters)  # type: ignore[no-any-return]

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        """Execute several statements; what was done of them can't be done again, so this one blocks."""
        with _at_the_gate(sql):
            super().execute(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")
            try:
                return super().executescript(sql)
            finally:
                super().execute("PRAGMA busy_timeout = 0")

    def commit(self) -> None:
        """End a transaction, if one is open."""
        if self.in_transaction:
            self.patiently("COMMIT", super().commit)

    def rollback(self) -> None:
        """Take a transaction back, if one is open."""
        if self.in_transaction:
            self.patiently("ROLLBACK", super().rollback)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> Literal[False]:
        """End a transaction, well or not."""
        if kind is not None:
            self.rollback()
            return False
        try:
            self.commit()
        except BaseException:
            self.rollback()
            raise
        return False

    def patiently(self, sql: str, call: Callable[[], _T]) -> _T:
        """Make a call, again while another connection is busy, as long as SQLite would have waited."""
        with _at_the_gate(sql):
            return self._patiently(sql, call)

    def _patiently(self, sql: str, call: Callable[[], _T]) -> _T:
        changed = _TIMEOUT.match(sql)
        if changed:
            self._patience = int(changed[1]) / 1000
        # SQLite does not wait with a lock that another one may wait for: it says at once that it is busy.
        waits = not (self.in_transaction and self._has_worked) or _END.match(sql)
        patience = self._patience if waits else 0.0
        while True:
            try:
                result = call()
            except sqlite3.OperationalError as error:
                if patience < _LEAST or error.sqlite_errorcode not in _BUSY:
                    raise
                patience -= self.wait(patience)
                if patience == -math.inf:
                    raise
            else:
                break
        if changed:
            super().execute("PRAGMA busy_timeout = 0")
        self._has_worked = not _BEGIN.match(sql)
        return result

    def wait(self, patience: float) -> float:
        """Wait until it is worth to ask again; gives how long, which is infinite if it never will be.

        Args:
            patience: Seconds to wait at the most.
        """
        hand = present()
        if hand is not None:
            return hand.ask_again(patience)
        time.sleep(AGAIN)
        return AGAIN


def _at_the_gate(sql: str) -> AbstractContextManager[None]:
    hand = present()
    return nullcontext() if hand is None else hand.call_of_driver(described("a call", (sql,)))


_connect = sqlite3.connect


def connect(*arguments: Any, **options: Any) -> Any:
    """Connect to SQLite; in a thread that is stepped through, so that it never blocks."""
    if present() is None:
        return _connect(*arguments, **options)
    return connect_with(Connection, *arguments, **options)


def connect_with(factory: type[Connection], /, *arguments: Any, **options: Any) -> Any:
    """Connect to SQLite by a connection that asks again, unless a class of its own is asked for."""
    if len(arguments) > len(_BEFORE_FACTORY) or "factory" in options:
        return _connect(*arguments, **options)
    # By name: from the second argument on, a place is deprecated.
    return _connect(**dict(zip(_BEFORE_FACTORY, arguments, strict=False)), factory=factory, **options)


_BEFORE_FACTORY = ("database", "timeout", "detect_types", "isolation_level", "check_same_thread")


def replacements() -> dict[int, Any]:
    """What to put in the place of blocking functions, by their identity."""
    found: dict[int, Any] = {id(_connect): connect}
    fcntl: Any = sys.modules.get("fcntl")  # there is none on Windows
    if fcntl is not None:
        found[id(fcntl.flock)] = partial(_flock, fcntl.flock, fcntl.LOCK_NB, fcntl.LOCK_NB | fcntl.LOCK_UN)
        found[id(fcntl.lockf)] = partial(_lockf, fcntl.lockf)
    return found


def _flock(
    real: Callable[[Any, int], None], without_waiting: int, never_waits: int, file: Any, operation: int
) -> None:
    hand = present()
    if hand is None or operation & never_waits:
        real(file, operation)
        return
    while True:
        try:
            real(file, operation | without_waiting)
        except BlockingIOError:
            hand.ask_again(FOR_EVER)
        else:
            return


def _lockf(real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    if present() is not None:
        raise CantBeStepped(ONLY_PROCESSES)
    return real(*arguments, **options)
