"""The wire between a store and its server: what it passes on, and what each fault does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from contract_suites.servers.server import LOOPBACK, free_port
from contract_suites.servers.wire import Fault, Wire


class Echo:
    """A server that answers each message with the message in capitals, and remembers what it got."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.ended = threading.Semaphore(0)
        self._listening = socket.create_server((LOOPBACK, 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(4096):
                    self.got.append(data)
                    connection.sendall(data.upper())
            except ConnectionResetError:
                pass
        self.ended.release()

    def close(self) -> None:
        """Listen no more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    """A server."""
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def wire(echo: Echo) -> Iterator[Wire]:
    """A wire to the server."""
    with Wire(echo.port) as entered:
        yield entered


def dial(wire: Wire) -> socket.socket:
    """A connection through the wire."""
    return socket.create_connection((LOOPBACK, wire.port), timeout=60)


def ask(connection: socket.socket, message: bytes) -> bytes:
    """What comes back for a message; nothing if the connection ends."""
    try:
        connection.sendall(message)
        return connection.recv(4096)
    except ConnectionResetError:
        return b""


def test_it_passes_on_what_is_sent(wire: Wire, echo: Echo) -> None:
    """Unarmed, several connections go through it as if it were not there, and end with their client."""
    with dial(wire) as first, dial(wire) as second:
        assert [ask(first, b"one"), ask(second, b"two"), ask(first, b"three")] == [b"ONE", b"TWO", b"THREE"]
    assert echo.ended.acquire(timeout=60)
    assert echo.ended.acquire(timeout=60)
    assert not wire.struck.is_set()


@pytest.mark.parametrize(
    ("fault", "got"),
    [(Fault.CUT_BEFORE, {()}), (Fault.CUT_WITHIN, {(), (b"str",)}), (Fault.CUT_AFTER, {(b"struck",)})],
)
def test_a_cut_loses_the_answer(wire: Wire, echo: Echo, fault: Fault, got: set[tuple[bytes, ...]]) -> None:
    """The chosen message gets none; the others, and those of the next connection, do."""
    with dial(wire) as connection, dial(wire) as another:
        wire.arm(fault, spare=2)
        assert [ask(connection, b"one"), ask(another, b"two")] == [b"ONE", b"TWO"]
        assert not wire.struck.is_set()
        assert ask(connection, b"struck") == b""
        assert wire.struck.wait(60)
        assert ask(another, b"three") == b"THREE"
        with dial(wire) as later:
            assert ask(later, b"four") == b"FOUR"
    assert echo.ended.acquire(timeout=60)
    struck = tuple(each for each in echo.got if each not in (b"one", b"two", b"three", b"four"))
    assert struck in got


@pytest.mark.parametrize(("fault", "got"), [(Fault.STALL_BEFORE, []), (Fault.STALL_AFTER, [b"struck"])])
def test_what_is_stalled_goes_on_when_it_is_released(
    wire: Wire, echo: Echo, fault: Fault, got: list[bytes]
) -> None:
    """Meanwhile other connections go on, and the server has the message or has it not."""
    with dial(wire) as connection, dial(wire) as another:
        wire.arm(fault)
        connection.sendall(b"struck")
        assert wire.struck.wait(60)
        assert echo.got == got
        assert ask(another, b"one") == b"ONE"
        wire.release()
        assert connection.recv(4096) == b"STRUCK"
        assert ask(connection, b"two") == b"TWO"


def test_a_fault_that_has_not_happened_can_be_taken_back(wire: Wire) -> None:
    """After a release nothing is struck any more."""
    with dial(wire) as connection:
        wire.arm(Fault.CUT_BEFORE)
        wire.release()
        assert ask(connection, b"one") == b"ONE"
        assert not wire.struck.is_set()


def test_all_connections_can_be_cut(wire: Wire) -> None:
    """Whoever is connected finds the connection reset, and can connect anew."""
    with dial(wire) as connection:
        assert ask(connection, b"one") == b"ONE"
        wire.cut()
        assert ask(connection, b"two") == b""
    with dial(wire) as connection:
        assert ask(connection, b"three") == b"THREE"


def test_a_server_that_is_gone_refuses(echo: Echo) -> None:
    """A connection is accepted, since the wire can't know, and reset at once."""
    with Wire(free_port()) as wire, dial(wire) as connection:
        assert ask(connection, b"one") == b""


def test_a_url_leads_through_it() -> None:
    """Only the host and the port are others."""
    wire = Wire(1)
    wire.port = 4711
    assert [
        wire.through("postgresql://me:secret@example.org:5432/base?x=1"),
        wire.through("redis://:secret@127.0.0.1:6379/0"),
        wire.through("nats://127.0.0.1:4222"),
    ] == [
        "postgresql://me:secret@127.0.0.1:4711/base?x=1",
        "redis://:secret@127.0.0.1:4711/0",
        "nats://127.0.0.1:4711",
    ]
