"""A worker process: it opens the store of a sandbox, and makes the calls it is told to make.

The first order names the target. If nothing of what its modules do when they are imported forbids it,
each worker is a fork of the process that imported them, which saves the time of importing them again;
that process itself never opens a store. Where it is forbidden, the process is a worker itself, the only one.

Orders, each a JSON object, and the answers to them:

    {"target": NAME}                  {"ready": FORKS}, or {"refused": WHY}
    {"sandbox": ...}                  {"pid": N}, then {"open": true} or {"refused": WHY}
    {"call": OPERATION, "now": ...,   {"begun": true}, then {"done": OPERATION, "now": ...,
     "die": N, "late": ..., ...}      "boundaries": [...]}, {"hung": WHY} or {"failed": WHY}; at its Nth
                                      boundary it dies, or is late
    {"where": true}                   {"at": PLACE}, where the call stands that is under way
    {"close": true}                   {"closed": true}; it may be told to open another store then
    {"reap": true}                    nothing: it follows on {"died": true}, which is said of a fork

The same clock is shown here and there where the sandbox has virtual time: `now` goes along both ways.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from async_contract.experiments.processes.boundaries import Boundaries, watch
from async_contract.experiments.processes.channel import Channel
from async_contract.harness.connection import open_store
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.harness.target import load
from async_contract.history.jsonl import as_object
from async_contract.history.operation import Operation
from async_contract.history.parsing import operation_from
from async_contract.history.places import users_place
from async_contract.history.recorder import CallTimedOut, Recorder
from async_contract.store import Job

GRACE = 2.0
"""Seconds that a worker has to close its store when nobody is there any more to give orders."""

_ABANDON = partial(os._exit, 1)

_LONGEST_START = 20_000_000
"""Nanoseconds for which a call waits for the instant at which it is to begin, at most."""

Order = dict[str, Any]


def main() -> None:
    """Carry out the orders that come on the standard input, until it is closed."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what the store prints is no answer
    run(Channel(0, answers))


def run(channel: Channel, *, forks: Callable[[], bool] | None = None) -> None:
    """Carry out the orders that come, until there are no more.

    Args:
        channel: Where they come from.
        forks: Whether this process may fork once the target is imported; by default it finds out.
    """
    watch()
    orders = channel.receive()
    may_fork = forks or is_alone(opened())
    try:
        harness = load(next(orders)["target"])
    except TargetError as error:
        channel.send({"refused": str(error)})
        return
    forking = may_fork()
    channel.send({"ready": forking})
    for order in orders:
        pid = os.fork() if forking else 0
        if pid:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # its number stays its own until it is reaped
            channel.send({"died": True})
            next(orders, None)
            os.waitpid(pid, 0)
        else:
            channel.send({"pid": os.getpid()})
            asyncio.run(Desk(channel, harness).serve(order))
            return


def opened() -> frozenset[str]:
    """The file descriptors of this process, where the system shows them."""
    directory = Path("/proc/self/fd")
    return frozenset(each.name for each in directory.iterdir()) if directory.exists() else frozenset()


def is_alone(before: frozenset[str]) -> Callable[[], bool]:
    """Whether a fork has everything that this process has, and shares nothing with it.

    Threads are missing in a fork; a connection or an event loop would be one and the same in all of them.

    Args:
        before: What was open before the target's modules were imported.
    """

    def ask() -> bool:
        tasks = Path("/proc/self/task")
        return tasks.exists() and len(list(tasks.iterdir())) == 1 and opened() <= before

    return ask


class Desk:
    """Where the orders of one worker are carried out.

    Args:
        channel: Where they come from, and the answers go.
        harness: How the store is reached.
        abandon: Ends the process at once.
        grace: Seconds until then, once there is nobody any more to give orders.
    """

    def __init__(
        self,
        channel: Channel,
        harness: StoreHarness,
        *,
        abandon: Callable[[], object] = _ABANDON,
        grace: float = GRACE,
    ) -> None:
        self._channel = channel
        self._harness = harness
        self._abandon = abandon
        self._grace = grace

    async def serve(self, order: Order) -> None:
        """Open the store of a sandbox, make the calls that are ordered, and close it; then the next one."""
        orders: asyncio.Queue[Order] | None = None
        while "sandbox" in order:
            sandbox = Sandbox(order["sandbox"], Path(order["path"]), virtual=order["virtual"])
            _set(sandbox, order["now"])
            recorder = Recorder(self._harness, sandbox, call_limit=order["limit"])
            try:
                connection = await open_store(self._harness, sandbox)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is to be told
                self._channel.send({"refused": f"{type(error).__name__}: {error}".rstrip(": ")})
                return
            orders = orders or self._listening()
            self._channel.send({"open": True})
            while "call" in (order := await orders.get()):
                await self._carry_out(order, recorder, sandbox, connection.store)
            await connection.close()
            if "close" in order:
                self._channel.send({"closed": True})
                order = await orders.get()

    def _listening(self) -> asyncio.Queue[Order]:
        """The orders that come from now on."""
        orders: asyncio.Queue[Order] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def put(order: Order) -> None:
            loop.call_soon_threadsafe(orders.put_nowait, order)

        threading.Thread(target=self._listen, args=(put,), daemon=True).start()
        return orders

    def _listen(self, put: Callable[[Order], object]) -> None:
        """Take orders while a call is under way too, so that the end of whoever gives them is noticed."""
        for order in self._channel.receive():
            if "where" in order:
                self._channel.send({"at": _place_of_the_call()})
            else:
                put(order)
        put({})
        time.sleep(self._grace)
        self._abandon()

    async def _carry_out(self, order: Order, recorder: Recorder, sandbox: Sandbox, store: Any) -> None:
        _set(sandbox, order["now"])
        begun = operation_from(order["call"], 1)
        watched = _boundaries(order, store, sandbox)
        self._channel.send({"begun": True})
        _wait_for(order.get("start", 0))
        try:
            with watched as boundaries:
                done = await make(recorder, store, begun)
        except CallTimedOut as error:
            self._channel.send({"hung": str(error)})
        except HarnessError as error:
            self._channel.send({"failed": str(error)})
        else:
            answer = {"done": as_object(done), "now": sandbox.now_ns(), "boundaries": boundaries.passed}
            self._channel.send(answer)


def _boundaries(order: Order, store: Any, sandbox: Sandbox) -> Boundaries:
    """What happens at a boundary of a call, as it was ordered: the process ends there, or is late."""
    if order.get("late") is None:
        return Boundaries(store, order["die"], sandbox)
    place, seconds = order["late"]
    return Boundaries(store, place, sandbox, end=partial(time.sleep, seconds))


def _wait_for(start: int) -> None:
    """Wait for an instant of this machine's clock at which others begin their calls too."""
    start = min(start, time.monotonic_ns() + _LONGEST_START)
    while time.monotonic_ns() < start:
        pass  # a sleep would be over at any time later


def _place_of_the_call() -> str:
    """The line at which the main thread stands, which makes the calls."""
    frames = sys._current_frames()  # noqa: SLF001 - it is documented, and nothing else tells
    return users_place(traceback.extract_stack(frames[threading.main_thread().ident or 0]))


async def make(recorder: Recorder, store: Any, begun: Operation) -> Operation:
    """Make a call that stands in a history as begun; gives what came of it, on this process's clock."""
    match begun.method:
        case "enqueue":
            return await recorder.enqueue(begun.worker, store, Job(*begun.jobs[0]))
        case "lease":
            assert isinstance(begun.value, int)
            return (await recorder.lease(begun.worker, store, begun.value))[0]
        case "complete":
            assert begun.job_id is not None
            return await recorder.complete(begun.worker, store, begun.job_id)
        case _:
            assert begun.job_id is not None
            return await recorder.fail(begun.worker, store, begun.job_id, str(begun.value))


def _set(sandbox: Sandbox, now: int) -> None:
    if sandbox.virtual:
        sandbox.advance_to(now)


if __name__ == "__main__":
    main()
