"""A process that keeps a server: it starts it, and ends it when the process that wants it has ended.

Run as `python keeper.py PREFIX SIGNAL [UID GID]`, with the standard library alone. It makes a directory
whose path begins with the prefix, and says which; then it takes orders from its standard input, one
JSON object a line, and answers each:

    {"run": COMMAND}    carry out a command to its end      {"status": 0, "output": "..."}
    {"start": COMMAND}  start the server                    {"pid": 4711}
    {"kill": true}      end it by SIGKILL                   {}

A pipe is closed when the last process that has it ends, even by SIGKILL. So the end of the input means
that nobody wants the server any more: it is ended, the directory removed, and this process ends too.
That process may have left children that have the pipe still; whose child this one is tells as well.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LOOKS = 0.5
"""Seconds between two looks at who the parent is."""
_PATIENCE = 20.0
"""Seconds for a server to end when it is told to."""


def main(prefix: str, ends_by: str, *user: str) -> None:
    """Keep a server until nobody wants it; `ends_by` is the number of the signal that ends it."""
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    within, begins = os.path.split(prefix)
    directory = Path(tempfile.mkdtemp(prefix=begins, dir=within or None))
    keeper = Keeper(directory, signal.Signals(int(ends_by)), *map(int, user))
    try:
        if user:
            os.chown(directory, *keeper.user)
        _answer({"directory": str(directory)})
        for order in _orders(parent):
            _answer(keeper.obey(**order))
    except BrokenPipeError:
        pass  # nobody is there to hear the answer: the same as the end of the input
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        keeper.end()
        shutil.rmtree(directory, ignore_errors=True)


class Keeper:
    """Carries out orders.

    Args:
        directory: Where commands are carried out, and where the server's output goes, to `log`.
        ends_by: The signal that ends the server in good order.
        user: The ids of the user and the group who do that; without them, those of this process.
    """

    def __init__(self, directory: Path, ends_by: signal.Signals, *user: int) -> None:
        self.user = user
        self._ends_by = ends_by
        self._directory = directory
        self._server: subprocess.Popen[bytes] | None = None

    def obey(
        self, run: list[str] | None = None, start: list[str] | None = None, *, kill: bool = False
    ) -> dict[str, Any]:
        """Carry out an order; gives the answer."""
        if run is not None:
            done = self._popen(run, stdout=subprocess.PIPE)
            output, _ = done.communicate()
            return {"status": done.returncode, "output": output.decode("utf-8", "replace")}
        if kill:
            self.end(signal.SIGKILL)
        if start is not None:
            with Path(self._directory, "log").open("ab") as log:
                self._server = self._popen(start, stdout=log)
            return {"pid": self._server.pid}
        return {}

    def end(self, by: signal.Signals | None = None) -> None:
        """End the server, and whatever it has left behind."""
        if self._server is not None:
            self._server.send_signal(by or self._ends_by)
            try:
                self._server.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None
        _reap(time.monotonic() + _PATIENCE)

    def _popen(self, command: list[str], stdout: Any) -> subprocess.Popen[bytes]:
        user: dict[str, Any] = {}
        if self.user:
            user = {"user": self.user[0], "group": self.user[1], "extra_groups": []}
        return subprocess.Popen(  # noqa: S603 - whoever started this process has the say
            command,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            # So that the child lives no longer than this process, even if that is killed.
            preexec_fn=functools.partial(  # noqa: PLW1509 - there is one thread
                _prctl, _PR_SET_PDEATHSIG, self._ends_by
            ),
            **user,
        )


def _reap(deadline: float) -> None:
    """Wait for what a killed server has left: on Linux its orphans are children of this process."""
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.005)


def _orders(parent: int) -> Iterator[dict[str, Any]]:
    """The orders that come in, until nobody is left to give any."""
    rest = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], _LOOKS)[0]:
            continue
        read = os.read(0, 65536)
        if not read:
            return
        *lines, rest = (rest + read).split(b"\n")
        yield from map(json.loads, lines)


def _answer(answer: dict[str, Any]) -> None:
    os.write(1, json.dumps(answer).encode("ascii") + b"\n")


def _prctl(option: int, value: int) -> None:
    """Tell Linux something about this process; other systems have no such thing."""
    prctl: Callable[..., int] | None = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(option, value)


def _leave(number: int, frame: object) -> None:
    raise SystemExit


if __name__ == "__main__":
    main(*sys.argv[1:])
