"""Starting worker processes, giving them orders, and killing them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from async_contract.experiments.bench import NotExercised
from async_contract.experiments.processes.boundaries import Boundary
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.history.jsonl import as_object
from async_contract.history.operation import Operation
from async_contract.history.parsing import operation_from
from async_contract.history.recorder import CallTimedOut

CAN_KILL = hasattr(signal, "SIGKILL")
"""Whether this system has a signal that ends a process at once, whatever it does."""

_MODULE = "async_contract.experiments.processes.worker"
_START = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); import {_MODULE} as it; it.main()"
_LONGEST_LINE = 1 << 26
_LAST_WORDS = 300
_IMPORTING = 20.0
"""Seconds that a process has, at least, to import the target."""
_LATER = 1.0
"""Seconds that a call which can be cancelled has to be given up over there first."""

Late = tuple[int, float]
"""A boundary of a call, from 1, and the seconds that it takes to get over that; 0: over none."""


class WorkerDied(Exception):
    """The worker process is dead."""


class Host:
    """Has one worker process at a time, and none when it is left.

    Args:
        harness: How the workers reach the store; they find it by the name of its target.
        limit: Seconds after which a process that does not answer is given up; `None`: never.

    Attributes:
        boundaries: The boundaries of the latest call that returned, if they were noted.
    """

    def __init__(self, harness: StoreHarness, limit: float | None) -> None:
        self.boundaries: list[Boundary] = []
        self._harness = harness
        self._limit = limit
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: asyncio.StreamReader | None = None
        self._close_answers: Callable[[], object] | None = None
        self._forks = False
        self._pid = 0
        self._lives = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End every process there is, for good."""
        self._end()
        self._errors.close()

    # -- a worker's life ----------------------------------------------------------------------

    async def hire(self, sandbox: Sandbox) -> None:
        """Start a worker, or have the one that was dismissed last, who opens the store of a sandbox.

        Raises:
            NotExercised: It can't load the target, or can't open the store.
            CallTimedOut: It does not get so far within the time limit.
        """
        try:
            await self._hire(sandbox)
        except WorkerDied as died:
            raise NotExercised(str(died)) from None

    async def _hire(self, sandbox: Sandbox) -> None:
        await self._start()
        self._send({
            "sandbox": sandbox.name, "path": str(sandbox.path), "virtual": sandbox.virtual,
            "now": sandbox.now_ns(), "limit": self._limit,
        })  # fmt: skip
        if not self._lives:
            self._pid = (await self._answer("start", least=_IMPORTING))["pid"]
            self._lives = True
        answer = await self._answer("open the store", least=_IMPORTING)
        if "refused" in answer:
            await self._end_of_worker("leave")
            raise NotExercised(
                f"a worker in another process can't open the store: {answer['refused']}; it is told the name "
                "and the path of the sandbox, and nothing that prepare or connect keep in memory"
            )

    async def start(self) -> None:
        """Start what workers come from, to save the time of it later.

        Raises:
            NotExercised: It can't load the target.
            CallTimedOut: It does not get so far within the time limit.
        """
        try:
            await self._start()
        except WorkerDied as died:
            raise NotExercised(str(died)) from None

    async def call(
        self,
        begun: Operation,
        sandbox: Sandbox,
        *,
        die: int | None = None,
        start: int = 0,
        late: Late | None = None,
    ) -> None:
        """Have the worker make a call; returns when it is about to.

        Args:
            begun: The call.
            sandbox: Whose clock the worker is shown.
            die: At which boundary of the call it dies, from 1; 0: at none, but they are noted.
            start: The instant of `time.monotonic_ns` at which it begins, if that is not over, nor far away.
            late: Where it is late.
        """
        order = {"call": as_object(begun), "now": sandbox.now_ns(), "die": die, "start": start, "late": late}
        self._send(order)
        await self._answer(f"begin its {begun.method}")

    async def outcome(self, begun: Operation, sandbox: Sandbox) -> Operation:
        """What came of the call, on a clock of the worker's own.

        Raises:
            WorkerDied: It did not live to tell.
            CallTimedOut: The call did not return within the time limit.
            HarnessError: The harness is not right.
        """
        answer = await self._answer(begun.method)
        if "failed" in answer:
            raise HarnessError(answer["failed"])
        if "hung" in answer:
            raise CallTimedOut(answer["hung"])
        self.boundaries = answer["boundaries"]
        if sandbox.virtual:
            sandbox.advance_to(max(answer["now"], sandbox.now_ns()))
        return operation_from(answer["done"], 1)

    async def where(self) -> str:
        """Where the worker stands in a call that does not return; empty if it can't tell."""
        self._send({"where": True})
        with contextlib.suppress(WorkerDied, CallTimedOut):
            while "at" not in (answer := await self._answer("tell where it stands")):
                pass
            place: str = answer["at"]
            return place
        return ""

    async def dismiss(self) -> None:
        """Have the worker close the store; it can be hired again.

        Raises:
            WorkerDied: It died of that.
            CallTimedOut: It does not get so far within the time limit.
        """
        self._send({"close": True})
        await self._answer("close the store")

    def strike(self) -> None:
        """Send the worker the signal that kills it; it may be dead already."""
        os.kill(self._pid, signal.SIGKILL)  # not reaped yet, so the number is still its own

    async def kill(self) -> None:
        """Kill the worker and wait for its end; if it is dead already, do nothing."""
        if self._lives:
            self.strike()
            while self._lives:  # what it said last is of no use any more
                await self._end_of_worker("die")

    async def _end_of_worker(self, task: str) -> None:
        with contextlib.suppress(WorkerDied):
            await self._answer(task)

    # -- the process --------------------------------------------------------------------------

    async def _start(self) -> None:
        if self._process is not None:
            return
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - it takes no time; the command is ours
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for us; a worker ends when its orders do
        )  # fmt: skip
        self._answers = asyncio.StreamReader(limit=_LONGEST_LINE)
        protocol = asyncio.StreamReaderProtocol(self._answers)
        assert self._process.stdout is not None
        self._close_answers = self._process.stdout.close
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: protocol, self._process.stdout
        )
        self._close_answers = transport.close
        self._send({"target": self._harness.found_as})
        answer = await self._answer("import the target", least=_IMPORTING)
        if "refused" in answer:
            raise NotExercised(f"a worker in another process can't load the target: {answer['refused']}")
        self._forks = answer["ready"]

    def _send(self, order: dict[str, object]) -> None:
        assert self._process is not None, "hired"
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its answer tells that it is dead
            os.write(self._process.stdin.fileno(), json.dumps(order).encode() + b"\n")

    async def _answer(self, task: str, *, least: float = 0.0) -> dict[str, Any]:
        """The next answer.

        Raises:
            WorkerDied: There is none: the worker is dead, and buried.
            CallTimedOut: There is none within the time limit.
        """
        assert self._answers is not None, "started"
        patience = None if self._limit is None else max(self._limit + _LATER, least)
        try:
            async with asyncio.timeout(patience):
                while line := await self._answers.readline():
                    with contextlib.suppress(ValueError):  # what it was writing when it was killed
                        answer: dict[str, Any] = json.loads(line)
                        if "died" in answer:
                            break
                        return answer
        except TimeoutError:
            raise CallTimedOut(
                f"a worker in another process did not {task} within {patience:g} s{self._said()}"
            ) from None
        await self._bury()
        raise WorkerDied(f"a worker in another process ended when it had to {task}{self._said()}")

    async def _bury(self) -> None:
        self._lives = False
        if self._forks:
            self._send({"reap": True})
        else:
            self._end()

    def _end(self) -> None:
        """End every process there is."""
        process, self._process = self._process, None
        if process is None:
            return
        # The session that was started for it has the group of its number, with the forks in it.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdin is not None
        process.stdin.close()
        assert self._close_answers is not None, "set with the process"
        self._close_answers()

    def _said(self) -> str:
        """The end of what the processes wrote about their errors."""
        self._errors.seek(0)
        said = self._errors.read()[-_LAST_WORDS:].decode(errors="replace").strip()
        return f"; it said: {said}" if said else ""
