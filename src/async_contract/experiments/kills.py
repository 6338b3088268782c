"""A worker in another process, killed at a chosen instant, and what the store is like afterwards."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence
from typing import Literal, NamedTuple, cast

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Bench, Blocked, NotExercised, Settings, Worker
from async_contract.experiments.processes.host import CAN_KILL, Host, WorkerDied
from async_contract.experiments.programs import Player, Program
from async_contract.harness.harness import StoreHarness
from async_contract.history.operation import KILLED, UNKNOWN, Delivered, Method, Operation
from async_contract.history.recorder import Wrap
from async_contract.store import Job

SETTLING = 0.01
"""Seconds after the end of a worker in which a server may still do what it was asked last."""

HEARING = 0.25
"""Seconds after the end of a worker in which a server hears that his connection is closed, on a busy machine
too. A broker gives back what he held only then, and before that nobody may be blamed for an empty lease."""

PARENT, CHILD = 0, 1
"""The workers of a program: one in this process, and the one that is killed."""


class Kill(NamedTuple):
    """When, in the last step of a program, its worker is killed.

    Attributes:
        when: `"in"`: so many microseconds after the call was begun; `"after"`: as soon as it has returned;
            `"at"`: at so many boundaries, from 1, before what comes next.
        number: The microseconds, or the boundary.
        before: What comes next, where that is known.
    """

    when: Literal["in", "after", "at"]
    number: int = 0
    before: str = ""

    def __str__(self) -> str:
        if self.when == "after":
            return "kill the worker when its last call has returned"
        if self.when == "at":
            return f"kill the worker in its last call, at boundary {self.number}{self._next}"
        return f"kill the worker {self.number} microseconds into its last call (best effort)"

    @property
    def _next(self) -> str:
        return f", before {self.before}" if self.before else ""


_TEXT = re.compile(r"k1_(in|after|at)-([0-9]{1,9})")


def encode(kills: Sequence[Kill]) -> str:
    """The one kill of a run as text that fits on a command line, such as `k1_in-250`."""
    (kill,) = kills
    return f"k1_{kill.when}-{kill.number}"


def decode(text: str) -> tuple[Kill, ...]:
    """The kill in a text that `encode` made.

    Raises:
        ValueError: The text is none that `encode` of this version makes.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} says no instant of a kill; paste it whole, as it was printed: k1_in-250")
    return (Kill(cast('Literal["in", "after", "at"]', match[1]), int(match[2])),)


class RemoteWorker(Worker):
    """A worker in another process; its calls stand in the history of this one.

    Attributes:
        kill: The kill that is due in its next call.
        latencies: By method: how long its last call took, in seconds.
    """

    def __init__(self, bench: Bench, host: Host) -> None:
        super().__init__(bench.number(), None, bench.recorder)
        self._bench = bench
        self._host = host
        self.kill: Kill | None = None
        self.latencies: dict[str, float] = {}

    async def enqueue(self, job: Job) -> Operation:
        """Enqueue a job that the store may refuse."""
        given = Delivered(job.id, job.kind, job.tenant_id, job.payload, job.attempts)
        return await self._call(self._begun("enqueue", job.id)._replace(jobs=(given,)))

    async def lease(self, limit: int, *, wrap: Wrap | None = None) -> Sequence[Delivered]:
        """Lease jobs once; what failed delivers nothing."""
        return (await self._leased(limit)).jobs

    async def _leased(self, limit: int) -> Operation:
        return await self._call(self._begun("lease")._replace(value=limit))

    async def complete(self, job_id: str, *, wrap: Wrap | None = None) -> Operation:
        """Complete a job, once."""
        return await self._call(self._begun("complete", job_id))

    async def fail(self, job_id: str, message: str = "boom", *, wrap: Wrap | None = None) -> Operation:
        """Fail a job, once."""
        return await self._call(self._begun("fail", job_id)._replace(value=message))

    def _begun(self, method: Method, job_id: str | None = None) -> Operation:
        return Operation(method, self.number, self._bench.recorder.now(), None, UNKNOWN, job_id, error=KILLED)

    async def _call(self, begun: Operation) -> Operation:
        return await self._bench.recorder.relay(begun, self._made(begun))

    async def _made(self, begun: Operation) -> Operation:
        """Have it made; gives what came of it, on a clock of that process."""
        kill, self.kill = self.kill, None
        sandbox = self._bench.sandbox
        die = kill.number if kill is not None and kill.when != "in" else None
        await self._host.call(begun, sandbox, die=die)
        began = time.perf_counter()
        if kill is not None and kill.when == "in":
            while time.perf_counter() < began + kill.number / 1e6:
                pass  # a sleep would be longer than most calls
            self._host.strike()
        done = await self._host.outcome(begun, sandbox)
        self.latencies[begun.method] = time.perf_counter() - began
        return done


async def hired(bench: Bench, host: Host) -> RemoteWorker:
    """One more worker, in a process of its own, who has opened the store.

    Raises:
        NotExercised: It can't be started, or can't open the store.
    """
    worker = RemoteWorker(bench, host)
    began = bench.recorder.now()
    await host.hire(bench.sandbox)
    bench.recorder.note("connect", worker.number, began)
    return worker


class RemotePlayer(Player):
    """Has a worker in another process enqueue its jobs there."""

    async def offer(self, worker: Worker, job: Job) -> Operation:
        """Enqueue a job that the store may refuse, wherever the worker is."""
        return await (worker.enqueue(job) if isinstance(worker, RemoteWorker) else super().offer(worker, job))


def obstacle(harness: StoreHarness, settings: Settings, *, can_kill: bool = CAN_KILL) -> str:
    """Why no worker can be killed; empty if it can be tried."""
    if not can_kill:
        return "this system has no signal that ends a process at once, whatever it does (SIGKILL)"
    if settings.allow_nonempty:
        return "the store may hold jobs of others, and a worker in another process might take them along"
    if not harness.found_as:
        return (
            "a worker in another process finds the store by the name of its target, and this one was given "
            "as an object; name it as pkg.mod:harness"
        )
    return ""


async def crash(bench: Bench, host: Host, program: Program, kill: Kill) -> dict[str, float]:
    """Carry out a program whose second worker is in another process and gets killed, and then look.

    Then a newcomer opens the store: what is on lease must not come
    to him, until it has expired; what was acknowledged must be so; and nothing else may come.

    Args:
        bench: An empty store.
        host: Where the worker is started.
        program: What the workers do. Those of number 0 are in this process.
        kill: When the worker is killed.

    Returns:
        How long the worker's calls took, by method, in seconds.

    Raises:
        NotExercised: No worker can be started.
    """
    local = await bench.first_worker()
    remote = await hired(bench, host)
    player = RemotePlayer(bench)
    with contextlib.suppress(WorkerDied):
        for place, step in enumerate(program, 1):
            remote.kill = kill if place == len(program) else None
            await player.play(step, local if step.worker == PARENT else remote)
    await _end(bench, host, remote)
    await _look(bench, player)
    return remote.latencies


async def _end(bench: Bench, host: Host, remote: RemoteWorker) -> None:
    struck = bench.recorder.now()
    await host.kill()
    bench.recorder.note("kill", remote.number, struck)
    time.sleep(settling(bench.capabilities))  # noqa: ASYNC251 - nobody else is there


def settling(capabilities: Capabilities) -> float:
    """Seconds that are waited after a worker was killed, before the store is looked at."""
    return HEARING if capabilities.ends_with_connection else SETTLING


async def _look(bench: Bench, player: Player) -> None:
    """See what a newcomer is given: now, and when every lease has expired."""
    newcomer = await bench.newcomer()
    if newcomer is None:
        return
    for job_id in player.enqueued:
        await bench.inspect(job_id)
    with contextlib.suppress(Blocked):
        for each in await newcomer.ask(10):
            await newcomer.finish(each.id)
    _is_over(bench)
    if bench.can_expire:
        await bench.expire()
    with contextlib.suppress(NotExercised):  # a store whose delays are too long to wait for
        await bench.drain()


def _is_over(bench: Bench) -> None:
    """From here on the call that was killed has no further effect: the leases it took expire in time."""
    history = bench.history
    for place, each in enumerate(history):
        if each.error == KILLED and each.returned is None:
            history[place] = each._replace(returned=bench.recorder.now())
