"""A beanstalkd of our own, where the server is installed: it comes in no wheel.

Every change is in its write-ahead log before it is answered, so its jobs outlive a killed server; it does
not wait for the disk. It knows no passwords: whoever is on this machine can connect.
"""

from __future__ import annotations

import shutil

from contract_suites.servers.missing import give_up
from contract_suites.servers.server import LOOPBACK, Server, Shared, exchange

VARIABLE = "ASYNC_CONTRACT_BEANSTALKD_URL"
INSTALL = "apt-get install -y beanstalkd"
"""Debian's package, and that of many another system."""


def start() -> Server:
    """Start a server; skip the present item if its program is not installed."""
    program = _program()
    server = Server("beanstalkd")
    server.start(
        lambda: [program, "-l", LOOPBACK, "-p", str(server.port), "-b", str(server.directory), "-F"],
        # Without a password, its process tells that it is this one.
        lambda: exchange(server.port, b"stats\r\n", f"\npid: {server.pid}\n".encode("ascii")),
    )
    return server


def url_of(server: Server) -> str:
    """Where a server is."""
    return f"beanstalk://{LOOPBACK}:{server.port}"


url = Shared(VARIABLE, start, url_of).url


def _program() -> str:
    return shutil.which("beanstalkd") or give_up("beanstalkd is not on PATH", command=INSTALL)
