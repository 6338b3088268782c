"""Workers in other processes: hired, given calls, killed, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from async_contract.experiments.bench import NotExercised
from async_contract.experiments.processes.host import Host
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.harness.target import load
from async_contract.history.operation import OK, UNKNOWN, Operation
from async_contract.history.recorder import CallTimedOut
from async_contract.mutants.crashing import FiledStore
from tests.experiments.crash_stores import Dying, Hanging, Unopened, Waiting, misjudging

COMPLETE = Operation("complete", 2, 1, None, UNKNOWN, "a")
LEASE = Operation("lease", 2, 1, None, UNKNOWN, value=1)
SQLITE = "contract_suites.sqlite:harness"


def hosting(
    harness: StoreHarness,
    path: Path,
    play: Callable[[Host, Sandbox], Awaitable[object]],
    *,
    limit: float | None = 20.0,
    virtual: bool = True,
) -> None:
    """Have a host play something with a sandbox."""

    async def main() -> None:
        async with Host(harness, limit) as host:
            await play(host, Sandbox("one", path, virtual=virtual))

    asyncio.run(main())


async def made(host: Host, sandbox: Sandbox, begun: Operation) -> Operation:
    """What came of a call."""
    await host.call(begun, sandbox)
    return await host.outcome(begun, sandbox)


@pytest.mark.parametrize("virtual", [True, False])
def test_one_worker_after_another_is_hired_and_killed(tmp_path: Path, virtual: bool) -> None:  # noqa: FBT001
    """Each makes calls, on the clock that its host shows; to kill a dead one does nothing."""

    async def play(host: Host, sandbox: Sandbox) -> None:
        for _ in range(2):
            await host.hire(sandbox)
            assert (await made(host, sandbox, LEASE)).outcome == OK
            before = sandbox.clock()
            assert (await made(host, sandbox, COMPLETE)).error == "JobNotFound: there is no job 'a'"
            assert not virtual or sandbox.clock() == before
            await host.kill()
            await host.kill()

    hosting(load(SQLITE), tmp_path, play, virtual=virtual)


def test_a_process_that_can_not_be_forked_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every worker is a process that imports the target."""
    (tmp_path / "threaded_store.py").write_text(
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "from contract_suites.sqlite import *\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    harness = load(SQLITE)
    monkeypatch.setattr(harness, "found_as", "threaded_store:harness")

    async def play(host: Host, sandbox: Sandbox) -> None:
        for _ in range(2):
            await host.hire(sandbox)
            assert (await made(host, sandbox, LEASE)).outcome == OK
            await host.call(COMPLETE, sandbox)
            host.strike()
            await host.kill()

    hosting(harness, tmp_path, play)


@pytest.mark.parametrize(
    ("harness", "reason"),
    [
        (Unopened.reached(), r"can't open the store: OSError: not here; it is told the name and the path of"),
        (Dying.reached(), r"ended when it had to open the store; it said: .*out of memory"),
    ],
)
def test_a_worker_that_can_not_open_the_store_exercises_nothing(
    tmp_path: Path, harness: StoreHarness, reason: str
) -> None:
    """The reason is what it said."""

    async def play(host: Host, sandbox: Sandbox) -> None:
        for _ in range(2):
            with pytest.raises(NotExercised, match=reason):
                await host.hire(sandbox)

    hosting(harness, tmp_path, play)


def test_a_worker_that_does_not_find_the_target_exercises_nothing(tmp_path: Path) -> None:
    """A name that only this process knows is none."""
    harness = Unopened.reached()
    harness.found_as = "nowhere:store"

    async def play(host: Host, sandbox: Sandbox) -> None:
        with pytest.raises(NotExercised, match="another process can't load the target: nowhere:store"):
            await host.hire(sandbox)

    hosting(harness, tmp_path, play)


@pytest.mark.parametrize(
    ("store", "reason"),
    [
        (Hanging, "a worker in another process did not complete within 1.5 s"),
        (Waiting, "complete did not return within 0.5 s: it hung"),
    ],
)
def test_a_worker_that_hangs_is_given_up(tmp_path: Path, store: type[FiledStore], reason: str) -> None:
    """Whether its call can be cancelled or not."""

    async def play(host: Host, sandbox: Sandbox) -> None:
        await host.hire(sandbox)
        with pytest.raises(CallTimedOut, match=reason):
            await made(host, sandbox, COMPLETE)

    hosting(store.reached(), tmp_path, play, limit=0.5)


def test_a_harness_that_is_wrong_in_another_process_is_wrong_here(tmp_path: Path) -> None:
    """Its error is raised here."""

    async def play(host: Host, sandbox: Sandbox) -> None:
        await host.hire(sandbox)
        with pytest.raises(HarnessError, match="is_rejection returned 'perhaps' for OSError"):
            await made(host, sandbox, COMPLETE)

    hosting(misjudging, tmp_path, play)


def test_a_target_that_ends_the_process_can_not_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That exercises nothing."""
    (tmp_path / "ending_store.py").write_text("import os\nos._exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    harness = Unopened.reached()
    harness.found_as = "ending_store:store"

    async def play(host: Host, sandbox: Sandbox) -> None:
        with pytest.raises(NotExercised, match="ended when it had to import the target"):
            await host.start()

    hosting(harness, tmp_path, play)


def test_a_worker_in_a_call_says_where_it_stands(tmp_path: Path) -> None:
    """What it says of the call itself is of no use then."""

    async def play(host: Host, sandbox: Sandbox) -> None:
        await host.hire(sandbox)
        await host.call(LEASE, sandbox)
        assert (await host.where()).startswith("at ")

    hosting(load(SQLITE), tmp_path, play)


ORPHANED = """
    import asyncio, signal, sys
    from pathlib import Path
    from async_contract.experiments.processes.host import Host
    from async_contract.harness.sandbox import Sandbox
    from async_contract.harness.target import load

    async def main():
        async with Host(load("locking:connect"), 20.0) as host:
            await host.hire(Sandbox("one", Path(sys.argv[1])))
            print("hired", flush=True)
            await asyncio.Event().wait()

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    asyncio.run(main())
"""
LOCKING = """
import fcntl
from async_contract import MemoryStore

def connect(sandbox):
    store = MemoryStore()
    store.lock = open(sandbox.path / "lock", "w")
    fcntl.flock(store.lock, fcntl.LOCK_EX)
    return store
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is killed there")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_host(tmp_path: Path, number: signal.Signals) -> None:
    """When the host is killed or interrupted, the worker ends too: its lock is free."""
    import fcntl  # noqa: PLC0415 - not on Windows

    (tmp_path / "locking.py").write_text(LOCKING)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-c", textwrap.dedent(ORPHANED), str(tmp_path)]
    with (
        subprocess.Popen(command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, env=env) as host,
        (tmp_path / "lock").open("w") as lock,
    ):
        assert host.stdout is not None
        assert host.stdout.readline() == b"hired\n"
        host.send_signal(number)
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for the worker's end
