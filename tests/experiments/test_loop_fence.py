"""What leaves the loop is refused at the call, and named."""

from __future__ import annotations

import _thread
import asyncio
import importlib
import multiprocessing
import os
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import types
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from async_contract.experiments.choosers import OwnOrder
from async_contract.experiments.fence import _LOOP_METHODS, Fence, LeftTheLoop
from async_contract.experiments.loop import Run, SimulatedLoop, simulate

HERE = Path(__file__)


def left(run: Run) -> LeftTheLoop:
    """The error of a run in which something left the loop."""
    assert isinstance(run.error, LeftTheLoop), run
    return run.error


def calling(call: Callable[[], object]) -> Run:
    """Simulate a program that makes a call, in a loop that catches every `Exception`."""

    async def main() -> str:
        try:
            call()
        except Exception:  # noqa: BLE001 - as a store might
            return "hidden"
        return "done"

    return simulate(main, OwnOrder())


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("threading.Thread.start", lambda: threading.Thread(target=print).start()),
        ("threading.Thread.start", lambda: threading.Timer(0, print).start()),
        ("concurrent.futures.thread.ThreadPoolExecutor.submit", lambda: ThreadPoolExecutor().submit(print)),
        (
            "concurrent.futures.process.ProcessPoolExecutor.submit",
            lambda: ProcessPoolExecutor().submit(print),
        ),
        ("multiprocessing.process.BaseProcess.start", lambda: multiprocessing.Process(target=print).start()),
        ("time.sleep", lambda: time.sleep(0)),
        ("socket.__new__", socket.socket),
        ("socket.socketpair", lambda: socket.socketpair()),  # noqa: PLW0108 - it is replaced for the run
        ("socket.getaddrinfo", lambda: socket.create_connection(("127.0.0.1", 1))),
        ("socket.gethostbyname", lambda: socket.gethostbyname("localhost")),
        ("sqlite3.connect", lambda: sqlite3.connect(":memory:")),
        ("subprocess.Popen", lambda: subprocess.run(["true"], check=True)),
        ("os.system", lambda: os.system("true")),  # noqa: S605 - it never gets there
        ("os.fork", os.fork),
        ("os.posix_spawn", lambda: os.posix_spawn("/bin/true", ["true"], {})),
    ],
)
def test_what_leaves_the_loop_is_refused_by_name(what: str, call: Callable[[], object]) -> None:
    """Whoever catches the error does not hide it: the run fails at once, and names the call."""
    error = left(calling(call))

    assert (error.what, error.caller) == (what, __name__)


def test_a_thread_is_refused_however_it_is_started() -> None:
    """A method that was bound before the run, and the lowest way of all, lead to no thread either."""
    names = [left(calling(call)).what for call in (threading.Timer(0, print).start, _start_lowest)]

    assert [name.removeprefix("_thread.").removeprefix("threading._") for name in names] in (
        ["start_new_thread", "start_new_thread"],
        ["start_joinable_thread", "start_new_thread"],
    )


def _start_lowest() -> None:
    _thread.start_new_thread(print, ())


def test_the_message_says_what_was_called_by_whom_and_what_to_do() -> None:
    """The line is that of the code under simulation, not of the standard library below it."""
    line = calling.__code__.co_firstlineno + 5
    error = left(calling(os.fork))

    assert str(error) == (
        f"os.fork was called by {__name__}, at {HERE}:{line} in main: a simulation orders only "
        "what stays on the event loop; exercise what needs threads, sockets, processes or real sleeps with "
        "real concurrency"
    )


def test_an_error_that_is_swallowed_stays_on_record() -> None:
    """Not even `except BaseException` lets a program go on for more than its step; the first error counts."""
    log: list[str] = []

    async def main() -> None:
        for nap in (0, 1):
            try:
                time.sleep(nap)  # noqa: ASYNC251 - or it would not leave the loop
            except BaseException:  # noqa: BLE001 - that is what it is about
                log.append("hidden")
        try:
            threading.Thread(target=print).start()
        except BaseException:  # noqa: BLE001 - so is this
            log.append("hidden")
        await asyncio.sleep(0)
        log.append("gone on")

    assert left(simulate(main, OwnOrder())).what == "time.sleep"
    assert log == ["hidden", "hidden", "hidden"]


def test_a_function_for_an_executor_may_not_leave_either() -> None:
    """It is simulated as a task, and a task does not sleep."""

    async def main() -> None:
        await asyncio.to_thread(time.sleep, 10)

    error = left(simulate(main, OwnOrder()))

    assert (error.what, error.caller) == ("time.sleep", "async_contract.experiments.ready")


@pytest.fixture
def alias() -> Iterator[types.ModuleType]:
    """A module that has imported `sleep` from `time`."""
    module = types.ModuleType("alias_of_sleep")
    source = "from time import sleep as rest\ndef nap():\n    rest(0)"
    exec(source, module.__dict__)  # noqa: S102 - this is how modules are made
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def test_a_sleep_under_another_name_is_refused(alias: types.ModuleType) -> None:
    """`from time import sleep as rest` changes nothing."""
    error = left(calling(alias.nap))

    assert (error.what, error.caller) == ("time.sleep", "alias_of_sleep")
    assert alias.rest is time.sleep


@pytest.mark.parametrize("name", _LOOP_METHODS)
def test_the_loop_has_no_sockets_processes_or_signals(name: str) -> None:
    """Its methods for these refuse as soon as they are called, whatever they are given."""

    async def main() -> None:
        getattr(asyncio.get_running_loop(), name)(1, 2, key=3)

    error = left(simulate(main, OwnOrder()))

    assert (error.what, error.caller) == (f"loop.{name}", __name__)


def test_every_method_of_a_loop_works_or_refuses() -> None:
    """There is no method of asyncio's loops that would fail in a way of its own."""
    works = {
        "call_at", "call_exception_handler", "call_later", "call_soon", "call_soon_threadsafe", "close",
        "create_future", "create_task", "default_exception_handler", "get_debug", "get_exception_handler",
        "get_task_factory", "is_closed", "is_running", "run_forever", "run_in_executor", "run_until_complete",
        "set_debug", "set_default_executor", "set_exception_handler", "set_task_factory",
        "shutdown_asyncgens", "shutdown_default_executor", "stop", "time",
    }  # fmt: skip
    public = {name for name in dir(asyncio.AbstractEventLoop) if not name.startswith("_")}

    assert public == works | set(_LOOP_METHODS)


def test_what_asyncio_builds_on_these_methods_refuses_too() -> None:
    """A stream and a subprocess are recognised by the method of the loop."""

    async def stream() -> None:
        await asyncio.open_connection("127.0.0.1", 1)

    async def process() -> None:
        await asyncio.create_subprocess_exec("true")

    programs: list[Callable[[], Coroutine[Any, Any, None]]] = [stream, process]

    assert [left(simulate(each, OwnOrder())).what for each in programs] == [
        "loop.create_connection", "loop.subprocess_exec",
    ]  # fmt: skip


def _patched() -> list[object]:
    return [threading.Thread.start, ThreadPoolExecutor.submit, time.sleep, multiprocessing.Process.start]


def test_everything_is_as_it_was_afterwards() -> None:
    """What was replaced for a run is put back, also after one that fails, and sleeping is allowed again."""
    before = _patched()
    during: list[object] = []

    calling(lambda: during.extend(_patched()))
    calling(lambda: time.sleep(1))
    time.sleep(0)
    threading.Thread(target=time.sleep, args=(0,)).start()

    assert _patched() == before
    assert [one is other for one, other in zip(during, before, strict=True)] == [False] * 4


class Helper:
    """A thread that makes calls for others, as it was told before a simulation began."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._results: SimpleQueue[object] = SimpleQueue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                self._results.put(call())
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the result
                self._results.put(error)

    def call(self, call: Callable[[], object]) -> object:
        """Have the thread make a call, and wait for what comes of it."""
        self._calls.put(call)
        return self._results.get(timeout=30)

    def end(self) -> None:
        """End the thread."""
        self._calls.put(None)
        self._thread.join()


@pytest.fixture
def helper() -> Iterator[Helper]:
    """A thread that lives for one test."""
    helper = Helper()
    yield helper
    helper.end()


def test_other_threads_may_do_what_they_like(helper: Helper) -> None:
    """The fence stands in the thread that simulates, and in no other."""

    def work() -> str:
        time.sleep(0)
        socket.socket().close()
        thread = threading.Thread(target=time.sleep, args=(0,))
        thread.start()
        thread.join()
        return "worked"

    async def main() -> object:
        return helper.call(work)

    run = simulate(main, OwnOrder())

    assert (run.result, run.error) == ("worked", None)


def test_two_threads_may_simulate_at_once(helper: Helper) -> None:
    """The end of one simulation leaves the fence of the other standing."""

    async def main() -> None:
        error = helper.call(lambda: left(calling(lambda: time.sleep(1))).what)
        assert error == "time.sleep"
        threading.Thread(target=print).start()

    assert left(simulate(main, OwnOrder())).what == "threading.Thread.start"


def test_a_call_from_another_thread_is_refused(helper: Helper) -> None:
    """A thread that was there before the simulation gives itself away when it answers."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        error = helper.call(lambda: loop.call_soon_threadsafe(print))
        assert isinstance(error, LeftTheLoop)
        loop.call_soon_threadsafe(print)  # its own thread may

    assert left(simulate(main, OwnOrder())).what == "loop.call_soon_threadsafe"


def test_a_store_on_aiosqlite_is_recognised() -> None:
    """Its connection begins a thread, and is named as the one that did."""
    aiosqlite = pytest.importorskip("aiosqlite")

    async def main() -> None:
        async with aiosqlite.connect(":memory:") as connection:
            await connection.execute("SELECT 1")

    error = left(simulate(main, OwnOrder()))

    assert (error.what, error.caller) == ("threading.Thread.start", "aiosqlite.core")


def test_a_driver_with_a_thread_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver whose connection is a thread that answers futures is named, as aiosqlite is."""
    source = """
        import asyncio, queue, threading

        class Connection(threading.Thread):
            def __init__(self):
                super().__init__()
                self.calls = queue.SimpleQueue()

            def run(self):
                while (item := self.calls.get()) is not None:
                    future, call = item
                    future.get_loop().call_soon_threadsafe(future.set_result, call())

            async def connect(self):
                self.start()
                return await self.execute(lambda: self)

            async def execute(self, call):
                future = asyncio.get_running_loop().create_future()
                self.calls.put((future, call))
                return await future
    """
    (tmp_path / "threaded_driver.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)

    async def main() -> None:
        await importlib.import_module("threaded_driver").Connection().connect()

    error = left(simulate(main, OwnOrder()))

    assert (error.what, error.caller) == ("threading.Thread.start", "threaded_driver")


def test_a_loop_that_is_not_running_refuses_as_well() -> None:
    """The methods of the loop refuse also where no fence is up."""
    loop = SimulatedLoop(OwnOrder())
    with pytest.raises(LeftTheLoop):
        loop.add_reader(0, print)
    loop.call_soon_threadsafe(print)
    loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call_soon(print)

    assert loop.fence.left is not None


def test_a_fence_that_is_not_up_refuses_nothing() -> None:
    """Before and after, everything is allowed in the same thread."""
    fence = Fence()
    time.sleep(0)
    with fence, pytest.raises(LeftTheLoop):
        time.sleep(0)
    time.sleep(0)

    assert fence.left is not None
