"""What is left behind by a run over a store whose workers are processes: nothing, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from async_contract.suites.ending import in_good_order

SQLITE = "--async-contract=contract_suites.sqlite:harness"
ROOT = Path(__file__).parents[2]
MARK = "ASYNC_CONTRACT_TEST_OF_ENDING"
VERDICT = re.compile(r"^ +(\w+/[\w-]+) +(\w+)", re.MULTILINE)


def run(path: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start pytest in a directory for temporary files, all of whose processes bear a mark."""
    environment = {**os.environ, "TMPDIR": str(path), MARK: str(path), "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable, "-m", "pytest", SQLITE, "--async-contract-only", "-p", "no:cacheprovider",
        "-p", "no:randomly",
        # Struck at any instant, a process may end with a pipe that nobody has closed: it closes with it.
        "-W", "ignore::ResourceWarning",
    ]  # fmt: skip
    return subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=ROOT,
        start_new_session=True, preexec_fn=_hears_interruptions,  # noqa: PLW1509 - it calls but one function
    )  # fmt: skip


def _hears_interruptions() -> None:
    """What a shell starts in the background is deaf to them, and so is whatever that starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def processes(path: Path) -> list[str]:
    """The command lines of all processes with the mark of a directory."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={path}".encode() in (each / "environ").read_bytes().split(b"\0"):
                found.append((each / "cmdline").read_text())
        except OSError:  # it is gone, or another user's
            continue
    return [each for each in found if each]  # a zombie has no command line


def until(true: Callable[[], object]) -> None:
    """Wait for something that has to happen."""
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not shown as files")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_a_run_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """Neither a process, nor a file, nor a directory."""
    with run(tmp_path, "-k", "durable/kill") as pytest_run:
        until(lambda: any("processes.worker" in each for each in processes(tmp_path)))
        until(lambda: list(tmp_path.glob("async_contract_*/*/*")))
        pytest_run.send_signal(number)
        said, _ = pytest_run.communicate()
    assert pytest_run.returncode == 2, said
    assert "KeyboardInterrupt" in said
    until(lambda: not processes(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not shown as files")
def test_nothing_is_left_when_a_distributed_run_is_interrupted(tmp_path: Path) -> None:
    """A terminal sends the signal of Ctrl-C to all processes of its foreground, pytest's workers too."""
    with run(tmp_path, "-k", "durable/kill or lease/exclusive", "-n", "2") as pytest_run:
        until(lambda: any("processes.worker" in each for each in processes(tmp_path)))
        until(lambda: list(tmp_path.glob("async_contract_*/*/*")))
        os.killpg(pytest_run.pid, signal.SIGINT)
        said, _ = pytest_run.communicate()
    assert pytest_run.returncode == 2, said
    until(lambda: not processes(tmp_path))
    assert list(tmp_path.glob("async_contract*")) == []


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not shown as files")
def test_a_distributed_run_gives_the_same_verdicts(tmp_path: Path) -> None:
    """And leaves nothing behind either."""
    some = ("-v", "--async-contract-effort=quick", "-k", "lease/exclusive or durable")
    verdicts = []
    for arguments in (some, (*some, "-n", "2")):
        with run(tmp_path, *arguments) as pytest_run:
            said, _ = pytest_run.communicate()
        assert pytest_run.returncode == 0, said
        verdicts.append(sorted(VERDICT.findall(said)))
        until(lambda: not processes(tmp_path))
        assert list(tmp_path.glob("async_contract*")) == []  # pytest has a directory of its own
    assert verdicts[0] == verdicts[1]
    assert [clause for clause, verdict in verdicts[0] if verdict == "held"] == [
        "durable/kill", "durable/reopen", "lease/exclusive",
    ]  # fmt: skip


def test_an_interruption_is_no_cancellation_of_a_call() -> None:
    """It ends whatever an event loop runs, and does not only cancel its task."""

    async def swallows() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever it means around the tests
    try:
        with in_good_order(), asyncio.Runner() as runner, pytest.raises(KeyboardInterrupt, match="SIGINT"):
            runner.run(swallows())
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_the_signal_means_already_it_goes_on_to_mean() -> None:
    """And only the main thread can say what it means."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    seen: list[object] = []

    def enter() -> None:
        with in_good_order():
            seen.append(signal.getsignal(signal.SIGTERM))

    try:
        enter()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        enter()
        seen.append(signal.getsignal(signal.SIGTERM))
        with in_good_order(), pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    ignored, default, ours, after = seen
    assert (ignored, default, after) == (signal.SIG_IGN, signal.SIG_DFL, signal.SIG_DFL)
    assert callable(ours)
