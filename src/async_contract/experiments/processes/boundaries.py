"""The boundaries inside a call: what it is about to do next, line by line, statement by statement.

Lines of the store's own code are one kind. What lasts may come to be within a single line, so there are
others: each statement that SQLite is about to carry out, each file that is opened, renamed or removed, one
that opening it has emptied, and whatever is about to be sent through a socket.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from async_contract.harness.sandbox import Sandbox

LINE, STATEMENT, FILE, SEND = "line", "statement", "file", "send"
"""The kinds of boundaries."""

Boundary = tuple[str, str]
"""A kind, and what is about to happen, in a few words."""

_END = partial(signal.raise_signal, getattr(signal, "SIGKILL", signal.SIGTERM))
_FILES = frozenset({"open", "os.rename", "os.remove", "os.truncate", "os.link", "os.symlink", "os.mkdir"})
_LONGEST = 80
_SENDS = ("send", "sendall", "sendto", "sendmsg")


class _Present:
    """The boundaries that are counted just now in this process, if they are."""

    boundaries: Boundaries | None = None


def watch() -> None:
    """Notice from now on what this process does beside its lines; it can't be undone."""
    sys.addaudithook(_audited)
    connecting = _connecting(sqlite3.connect)
    for module in (sqlite3, sqlite3.dbapi2):
        vars(module)["connect"] = connecting
    for name in _SENDS:
        setattr(socket.socket, name, _sending(getattr(socket.socket, name)))


def _audited(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _FILES and _Present.boundaries is not None:
        _Present.boundaries.file(event, arguments[0])
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_TRUNC:
            _Present.boundaries.emptied(arguments[0])


def _connecting(connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
    @wraps(connect)
    def connecting(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(_executing)
        return connection

    return connecting


def _executing(statement: str) -> None:
    if _Present.boundaries is not None:
        _Present.boundaries.passing(STATEMENT, statement)


def _sending(send: Callable[..., Any]) -> Callable[..., Any]:
    def sending(*arguments: Any) -> Any:
        if _Present.boundaries is not None:
            _Present.boundaries.passing(SEND, "what is sent to a server")
        return send(*arguments)

    return sending


class Boundaries:
    """Notes the boundaries of a call while it is entered, and does something at one of them.

    A line is the store's own if it is of a file in the directory of its class, or below; a file, if it is in
    the sandbox.

    Args:
        store: The store.
        last: The boundary at which to do it, from 1; 0: at none; `None`: they are not even noted,
            which would slow the call down.
        sandbox: Where its files are.
        end: What is done there; by default the process ends at once.

    Attributes:
        passed: The boundaries so far.
    """

    def __init__(
        self,
        store: object,
        last: int | None,
        sandbox: Sandbox,
        *,
        end: Callable[[], object] | None = None,
    ) -> None:
        self.passed: list[Boundary] = []
        self._last = last
        self._end = end
        self._files = str(sandbox.path)
        try:
            self._home = f"{Path(inspect.getfile(type(store))).parent}{os.sep}"
        except TypeError:
            self._home = "\0"  # of a class without a file; no path begins like that

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        if self._last is not None:
            _Present.boundaries = self
            sys.settrace(self.called)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        _Present.boundaries = None
        sys.settrace(self._before)

    def called(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        """Follow a function that is called, if it is the store's own."""
        return self.line if frame.f_code.co_filename.startswith(self._home) else None

    def line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        """Pass the boundary before a line."""
        if event == "line":
            code = frame.f_code
            self.passing(LINE, f"{code.co_filename[len(self._home) :]}:{frame.f_lineno} in {code.co_name}")
        return self.line

    def file(self, event: str, path: object) -> None:
        """Pass the boundary before something is done to a file, if it is one of the store's."""
        name = self._name(path)
        if name:
            self.passing(FILE, f"{event.removeprefix('os.')} {Path(name).name}")

    def emptied(self, path: object) -> None:
        """Pass the boundary between the opening of a file, which empties it, and what is written to it then.

        Nothing tells of that instant, so what opening does to the file is done before it.
        """
        name = self._name(path)
        if name:
            self.passing(FILE, f"write {Path(name).name}", after=partial(_empty, name))

    def _name(self, path: object) -> str:
        """The path of a file, if it is one of the store's."""
        with contextlib.suppress(TypeError):  # a descriptor
            text = os.fsdecode(path)  # type: ignore[arg-type]
            return text if text.startswith(self._files) else ""
        return ""

    def passing(self, kind: str, text: str, *, after: Callable[[], object] | None = None) -> None:
        """Pass a boundary, unless it is the one at which something is to be done.

        Args:
            kind: Its kind.
            text: What is about to happen.
            after: What has happened already, and is to be done first by who is about to end. A worker that
                is late will do it himself.
        """
        self.passed.append((kind, " ".join(text.split())[:_LONGEST]))
        if len(self.passed) == self._last:
            if self._end is not None:
                self._end()
                return
            if after is not None:
                _Present.boundaries = None  # it is no boundary of the store's
                after()
            _END()


def _empty(path: str) -> None:
    with contextlib.suppress(OSError):  # then it can't be opened either
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666))
