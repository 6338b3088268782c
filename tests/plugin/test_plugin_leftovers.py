"""Threads that keep pytest from ending are told of."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from async_contract.suites.leftovers import left_running

STORE = """
import threading

from async_contract import MemoryStore

def store():
    # It goes on until Python begins to end.
    threading.Thread(target=threading.main_thread().join, name="pump", daemon={daemon}).start()
    return MemoryStore()
"""
TOLD = (
    "still running: {}. Python waits for the end of such threads before it exits; Ctrl-C ends that. What was "
    "tested has started them: end them in its close() or aclose(), or in the harness's disconnect, or start "
    "them with daemon=True"
)


@pytest.mark.parametrize(("daemon", "told"), [(False, True), (True, False)])
def test_a_run_that_python_will_not_end_says_why(
    pytester: pytest.Pytester, *, daemon: bool, told: bool
) -> None:
    """After all else, with the names of the threads."""
    pytester.makepyfile(mypkg=STORE.format(daemon=daemon))
    options = (
        "--async-contract=mypkg:store",
        "-k",
        "distinct",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
    )
    done = pytester.runpytest_subprocess(*options, "--async-contract-effort=quick")
    assert done.ret == pytest.ExitCode.OK
    lines = [each for each in done.outlines if each.startswith("still running: pump")]
    assert len(lines) == told
    assert all(each.endswith(TOLD[-60:]) for each in lines)


def test_some_of_many_threads_are_named() -> None:
    """Those of a pool are not: Python tells them to end."""
    before = frozenset(threading.enumerate())
    end = threading.Event()
    threads = [threading.Thread(target=end.wait, name=f"pump-{number}") for number in range(5)]
    with ThreadPoolExecutor() as pool:
        pool.submit(end.wait)
        assert left_running(before) == ""
        for each in threads:
            each.start()
        told = left_running(before)
        end.set()
    for each in threads:
        each.join()
    assert told == TOLD.format("pump-0, pump-1, pump-2 and 2 more")
    assert left_running(before) == ""
