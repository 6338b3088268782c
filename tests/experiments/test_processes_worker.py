"""What a worker process answers to its orders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from async_contract.experiments.processes.channel import Channel
from async_contract.experiments.processes.worker import Desk, Order, _boundaries, _wait_for, is_alone, opened
from async_contract.harness.sandbox import Sandbox
from async_contract.harness.target import load
from async_contract.history.jsonl import as_object
from async_contract.history.operation import UNKNOWN, Delivered, Operation

WORKER = [sys.executable, "-m", "async_contract.experiments.processes.worker"]
SQLITE = "contract_suites.sqlite:harness"
JOB = Delivered("a", "mail", "acme", b"\x00\xff", 0)
CALLS = [
    Operation("enqueue", 2, 1, None, UNKNOWN, "a", jobs=(JOB,)),
    Operation("lease", 2, 2, None, UNKNOWN, value=1),
    Operation("fail", 2, 3, None, UNKNOWN, "a", "boom"),
    Operation("complete", 2, 4, None, UNKNOWN, "a"),
]
OUTCOMES = [("enqueue", "ok"), ("lease", "ok"), ("fail", "ok"), ("complete", "rejected")]


class Worker:
    """A worker process, spoken to line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.stdin = process.stdin
        self.answers = Channel(process.stdout.fileno(), -1).receive()

    def ask(self, order: Order, answers: int = 1) -> list[dict[str, Any]]:
        """Give an order and wait for so many answers."""
        self.stdin.write(json.dumps(order).encode() + b"\n")
        self.stdin.flush()
        return [next(self.answers) for _ in range(answers)]


@contextmanager
def worker(target: str, path: Path) -> Iterator[tuple[Worker, list[dict[str, Any]]]]:
    """A worker process that was told its target, and what it said to that."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), *sys.path])}
    with subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        one = Worker(process)
        yield one, one.ask({"target": target})


def sandbox(path: Path, **changed: object) -> Order:
    """The order to open the store of a sandbox."""
    return {"sandbox": "one", "path": str(path), "virtual": True, "now": 10**12, "limit": 5.0, **changed}


def call(operation: Operation) -> Order:
    """The order to make a call."""
    return {"call": as_object(operation), "now": 10**12, "die": None}


def outcomes(answers: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Method and outcome of the calls that were answered."""
    return [(each["done"]["method"], each["done"]["outcome"]) for each in answers if "done" in each]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process forks")
def test_each_worker_is_a_fork_that_can_be_killed(tmp_path: Path) -> None:
    """The process that imported the target says when one has died, and forks the next."""
    with worker(SQLITE, tmp_path) as (one, said):
        assert said == [{"ready": True}]
        (first,), (opened,) = one.ask(sandbox(tmp_path)), [next(one.answers)]
        answers = [answer for each in CALLS for answer in one.ask(call(each), 2)]
        os.kill(first["pid"], signal.SIGKILL)
        died = next(one.answers)
        one.stdin.write(b'{"reap": true}\n')
        second, reopened = one.ask(sandbox(tmp_path), 2)
        os.kill(second["pid"], signal.SIGKILL)
        one.process.communicate()
    assert opened == reopened == {"open": True}
    assert outcomes(answers) == OUTCOMES
    assert died == {"died": True}
    assert len({first["pid"], second["pid"], one.process.pid}) == 3
    assert one.process.returncode == 0


THREADED = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
from contract_suites.sqlite import *
"""
CONNECTED = """
from contract_suites.sqlite import *
log = open(__file__)
"""


@pytest.mark.parametrize("module", [THREADED, CONNECTED])
def test_a_process_that_can_not_be_forked_is_the_worker_itself(tmp_path: Path, module: str) -> None:
    """A fork would lack its threads and share its files. It closes the store when its orders end."""
    (tmp_path / "alone.py").write_text(module)
    with worker("alone:harness", tmp_path) as (one, said):
        assert said == [{"ready": False}]
        answers = one.ask(sandbox(tmp_path), 2)
        done = [answer for each in CALLS for answer in one.ask(call(each), 2)]
        one.process.communicate()
    assert answers == [{"pid": one.process.pid}, {"open": True}]
    assert outcomes(done) == OUTCOMES
    assert one.process.returncode == 0
    assert not list(tmp_path.glob("jobs.db-*"))


def test_what_can_not_be_loaded_or_opened_is_told(tmp_path: Path) -> None:
    """Then the process ends."""
    with worker("nowhere:harness", tmp_path) as (one, (said,)):
        assert said["refused"].startswith("nowhere:harness can't be used")
        assert one.process.wait() == 0
    (tmp_path / "shut.py").write_text(THREADED + "def connect(sandbox):\n    raise OSError('shut')\n")
    with worker("shut:connect", tmp_path) as (one, _):
        assert one.ask(sandbox(tmp_path), 2)[1] == {"refused": "OSError: shut"}
        assert one.process.wait() == 0


def test_a_call_begins_when_it_was_said_to_and_is_late_where_it_was_said_to(tmp_path: Path) -> None:
    """An instant that is over is not waited for; nor is one far away, for long."""
    place = Sandbox("one", tmp_path)
    slept: list[float] = []
    order = {"die": None, "late": [1, 0.25]}
    late = _boundaries(order, object(), place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", slept.append)
        _boundaries(order, object(), place).passing("statement", "COMMIT")
    assert (late._last, slept, _boundaries({"die": 3}, object(), place)._last) == (1, [0.25], 3)
    before = time.monotonic_ns()
    _wait_for(0)
    _wait_for(before + 10**15)
    assert 20_000_000 <= time.monotonic_ns() - before < 10**15


def test_a_worker_says_where_it_stands_and_opens_one_store_after_another(tmp_path: Path) -> None:
    """Whoever asks where it stands need not wait for its call."""
    (tmp_path / "alone.py").write_text(THREADED)
    with worker("alone:harness", tmp_path) as (one, _):
        one.ask(sandbox(tmp_path), 2)
        (stands,) = one.ask({"where": True})
        (closed,) = one.ask({"close": True})
        (reopened,) = one.ask(sandbox(tmp_path))
        done = [answer for each in CALLS for answer in one.ask(call(each), 2)]
        one.process.communicate()
    assert stands["at"].startswith("at ")
    assert (closed, reopened, outcomes(done)) == ({"closed": True}, {"open": True}, OUTCOMES)
    assert one.process.returncode == 0


WRONG = """
import asyncio
from async_contract import MemoryStore, StoreHarness

class Store(MemoryStore):
    async def lease(self, limit):
        await asyncio.sleep(60)

    async def complete(self, id):
        raise OSError("disk")

harness = StoreHarness(Store, is_rejection=lambda error: "perhaps")
"""


def test_what_is_no_outcome_is_told_too(tmp_path: Path) -> None:
    """A call that hangs, and a harness that does not answer as it should."""
    (tmp_path / "wrong.py").write_text(WRONG)
    with worker("wrong:harness", tmp_path) as (one, _):
        one.ask(sandbox(tmp_path, virtual=False, limit=0.01), 2)
        _, hung = one.ask(call(CALLS[1]), 2)
        _, failed = one.ask(call(CALLS[3]), 2)
    assert hung["hung"].startswith("lease did not return within 0.01 s")
    assert failed["failed"].startswith("is_rejection returned 'perhaps' for OSError")


def test_a_worker_whose_orders_end_while_it_is_stuck_is_abandoned(tmp_path: Path) -> None:
    """The store has a moment to be closed; then the process ends at once."""
    read, write = os.pipe()
    Channel(-1, write).send({"call": 1})
    os.close(write)
    taken: list[object] = []
    desk = Desk(Channel(read, -1), load(SQLITE), abandon=lambda: taken.append("abandoned"), grace=0)
    desk._listen(taken.append)
    os.close(read)
    assert taken == [{"call": 1}, {}, "abandoned"]


def test_where_the_system_does_not_show_it_nobody_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that can't tell what it has is not forked."""
    monkeypatch.setattr(Path, "exists", lambda self: False)
    assert opened() == frozenset()
    assert not is_alone(frozenset())()
