"""A wire between a store and its server that can be cut: a TCP proxy with faults at chosen messages.

    with Wire(5432) as wire:
        store = connect(wire.through(url))
        wire.arm(Fault.CUT_AFTER)
        store.complete(id)      # fails: the server has done it, but its reply is lost

What a client sends at once is a message; which one is struck is chosen by their number from when the
wire was armed. It knows no protocol, and so a message is no more than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from contract_suites.servers.server import LOOPBACK

_CHUNK = 1 << 20


class Fault(enum.Enum):
    """What happens to a message of a client, and to its connection."""

    CUT_BEFORE = "cut before"
    """It does not reach the server; the connection is reset."""
    CUT_WITHIN = "cut within"
    """Its first half reaches the server; the connection is reset."""
    CUT_AFTER = "cut after"
    """It reaches the server, which answers; the answer is lost, and the connection is reset."""
    STALL_BEFORE = "stall before"
    """It reaches the server when the wire is released."""
    STALL_AFTER = "stall after"
    """It reaches the server; the answer reaches the client when the wire is released."""


class Wire:
    """Passes on what is sent between clients and a server, until it is armed.

    Enter it to have it listen. It has a thread of its own, so clients may be anything on this machine.

    Args:
        server: The server's port on the loopback interface.

    Attributes:
        port: Where clients connect instead.
        struck: Set when the fault that was armed last has happened: after a cut that loses an answer, when
            the server has answered.
    """

    def __init__(self, server: int) -> None:
        self.port = 0
        self.struck = threading.Event()
        self._server = server
        self._fault: Fault | None = None
        self._spared = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listens = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._links: set[_Link] = set()
        self._stop = asyncio.Event()
        self._release = asyncio.Event()

    def through(self, url: str) -> str:
        """The URL of the server by way of this wire."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}{at}{LOOPBACK}:{self.port}"))

    def arm(self, fault: Fault, spare: int = 0) -> None:
        """Have a fault happen to the next message of a client, once; before it, spare so many."""

        async def arm() -> None:
            self.struck.clear()
            self._release.clear()
            self._fault, self._spared = fault, spare

        self._do(arm())

    def release(self) -> None:
        """Let go on what is stalled, and forget a fault that has not happened yet."""

        async def release() -> None:
            self._fault = None
            self._release.set()

        self._do(release())

    def cut(self) -> None:
        """Reset every connection."""

        async def cut() -> None:
            for link in tuple(self._links):
                link.reset()

        self._do(cut())

    def __enter__(self) -> Self:
        self._thread.start()
        self._listens.wait()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        async def stop() -> None:
            self._stop.set()

        self._do(stop())
        self._thread.join()

    def due(self) -> Fault | None:
        """The fault that happens to the message that is there now."""
        fault = self._fault
        if fault is None or self._spared:
            self._spared -= fault is not None
            return None
        self._fault = None
        return fault

    async def released(self) -> None:
        """Wait until what is stalled may go on."""
        await self._release.wait()

    def _do(self, coroutine: Coroutine[None, None, None]) -> None:
        assert self._loop is not None, "the wire is entered"
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _serve(self) -> None:
        async with await asyncio.start_server(self._accepted, LOOPBACK, 0, limit=_CHUNK) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._loop = asyncio.get_running_loop()
            self._listens.set()
            await self._stop.wait()
            for link in tuple(self._links):
                link.reset()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._server, limit=_CHUNK)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, writer, far_writer)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(link.requests(reader))
                both.create_task(link.answers(far_reader))
        except* OSError:
            pass  # either side has reset its connection
        finally:
            self._links.discard(link)
            link.end()


class _Link:
    """One connection of a client, and the one to the server that is made for it."""

    def __init__(self, wire: Wire, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._wire = wire
        self._near = near
        self._far = far
        self._answer: Fault | None = None

    def reset(self) -> None:
        """End both connections without a farewell."""
        for each in (self._near, self._far):
            sock = each.get_extra_info("socket")
            with contextlib.suppress(OSError):  # it is closed already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.transport.abort()

    def end(self) -> None:
        """Close both connections; whoever closes his end ends both."""
        self._near.close()
        self._far.close()

    async def requests(self, reader: asyncio.StreamReader) -> None:
        """Pass on what the client sends."""
        while data := await reader.read(_CHUNK):
            fault = self._wire.due()
            match fault:
                case Fault.CUT_BEFORE:
                    data = b""
                case Fault.CUT_WITHIN:
                    data = data[: len(data) // 2]
                case Fault.STALL_BEFORE:
                    self._wire.struck.set()
                    await self._wire.released()
                case Fault.CUT_AFTER | Fault.STALL_AFTER:
                    self._answer = fault
            self._far.write(data)
            await self._far.drain()
            if fault in (Fault.CUT_BEFORE, Fault.CUT_WITHIN):
                self.reset()
                self._wire.struck.set()
        self.end()

    async def answers(self, reader: asyncio.StreamReader) -> None:
        """Pass on what the server sends."""
        while data := await reader.read(_CHUNK):
            fault, self._answer = self._answer, None
            if fault is Fault.CUT_AFTER:
                self.reset()
            if fault is not None:
                self._wire.struck.set()
            if fault is Fault.STALL_AFTER:
                await self._wire.released()
            self._near.write(data)
            await self._near.drain()
        self.end()
