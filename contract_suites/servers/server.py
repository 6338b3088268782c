"""A server of our own, which ends with this process."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from contract_suites.servers import keeper

LOOPBACK = "127.0.0.1"
_PATIENCE = 60.0
"""Seconds for a server to start."""
_TRIES = 5
"""Ports that are tried: somebody else may take one between the choice and the start."""
_LAST_WORDS = 2000


class ServerError(Exception):
    """A server does not start."""


class Server:
    """A server on a free port of the loopback interface, with its data in a directory of its own.

    Args:
        name: Of the kind of server, for messages and the name of the directory.
        ends_by: The signal that ends it in good order, without delay.
        user: The ids of the user and the group that it runs as; without them, as this process does.
        within: Where its directory is made; by default among the temporary files.

    Attributes:
        directory: Where it is started; removed at the end.
        port: Where it listens.
        password: What whoever connects has to know: other users of the machine don't.
        pid: The id of its process.
    """

    def __init__(
        self,
        name: str,
        *,
        ends_by: signal.Signals = signal.SIGTERM,
        user: Sequence[int] = (),
        within: str = "",
    ) -> None:
        self.name = name
        self.port = 0
        self.pid = 0
        self.password = secrets.token_hex(16)
        self._command: Callable[[], list[str]] = list
        self._ready: Callable[[], bool] = bool
        self._owner = os.getpid()
        self._closed = False
        self._keeper = subprocess.Popen(  # noqa: S603 - our own module
            [
                sys.executable,
                "-I",
                keeper.__file__,
                str(Path(within or tempfile.gettempdir(), f"ac_{name}_")),
                str(int(ends_by)),
                *map(str, user),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process; the keeper sees when it ends
        )
        atexit.register(self.close)
        self.directory = Path(self._hear()["directory"])

    def run(self, command: Sequence[str | os.PathLike[str]]) -> None:
        """Carry out a command to its end, as the server's user, in its directory.

        Raises:
            ServerError: It failed.
        """
        done = self._order(run=[os.fspath(each) for each in command])
        if done["status"]:
            raise ServerError(f"{self.name}: {os.fspath(command[0])} failed: {done['output'][-_LAST_WORDS:]}")

    def start(self, command: Callable[[], list[str]], ready: Callable[[], bool]) -> None:
        """Start the server on a free port and wait until it serves.

        Args:
            command: Gives the command that starts it in the foreground, for the present `port`.
            ready: Tells whether it answers, and is this one.

        Raises:
            ServerError: It does not start.
        """
        self._command, self._ready = command, ready
        for _ in range(_TRIES):
            self.port = free_port()
            if self._started():
                return
        raise ServerError(f"{self.name} does not start: {self.log()}")

    def kill(self) -> None:
        """End the server by SIGKILL, in the middle of whatever it does. Its data stay."""
        self._order(kill=True)
        self.pid = 0

    def restart(self) -> None:
        """Start a server that was killed, on the same port and the same data.

        Raises:
            ServerError: It does not start.
        """
        if not self._started():
            raise ServerError(f"{self.name} does not start again: {self.log()}")

    def close(self) -> None:
        """End the server and remove its directory; closing twice is fine."""
        if not self._closed and os.getpid() == self._owner:
            self._closed = True
            atexit.unregister(self.close)
            with self._keeper:  # closes the pipes, and waits for the keeper to be through
                pass

    def log(self) -> str:
        """The last that the server has written."""
        path = self.directory / "log"
        return path.read_text("utf-8", "replace")[-_LAST_WORDS:] if path.exists() else ""

    def _started(self) -> bool:
        self.pid = self._order(start=self._command())["pid"]
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._lives():
            if self._ready():
                return True
            time.sleep(0.01)
        self.kill()
        return False

    def _lives(self) -> bool:
        status = Path(f"/proc/{self.pid}/stat")
        if not status.parent.parent.joinpath("self").exists():  # no Linux: its start is waited for to the end
            return True
        try:
            return status.read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def _order(self, **order: Any) -> dict[str, Any]:
        assert self._keeper.stdin is not None, "it is a pipe"
        with contextlib.suppress(BrokenPipeError):  # then nothing is heard either
            os.write(self._keeper.stdin.fileno(), json.dumps(order).encode("ascii") + b"\n")
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._keeper.stdout is not None, "it is a pipe"
        answer = self._keeper.stdout.readline()
        if not answer:
            raise ServerError(f"{self.name}: the process that keeps the server has ended")
        heard: dict[str, Any] = json.loads(answer)
        return heard


class Shared:
    """The one server of a kind that a process has, or the user's own.

    Args:
        variable: The environment variable with the URL of the user's own.
        start: Starts one.
        url: Its URL.
    """

    def __init__(self, variable: str, start: Callable[[], Server], url: Callable[[Server], str]) -> None:
        self._variable = variable
        self._start = start
        self._url = url
        self._lock = threading.Lock()
        self._server: Server | None = None

    def url(self) -> str:
        """Where the server is; started now, if it was not yet."""
        given = os.environ.get(self._variable)
        if given:
            return given
        with self._lock:
            if self._server is None:
                self._server = self._start()
            return self._url(self._server)


def free_port() -> int:
    """A port of the loopback interface on which nobody listens just now."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def exchange(port: int, request: bytes, expected: bytes) -> bool:
    """Whether a server that gets some bytes answers with others, among the first that it sends."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
            connection.sendall(request)
            heard = b""
            while expected not in heard:
                read = connection.recv(4096)
                if not read:
                    return False
                heard += read
            return True
    except OSError:
        return False
