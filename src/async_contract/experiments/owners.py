"""Whose lease it is, where a process may be one owner: which workers of one process are fenced off."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from weakref import WeakKeyDictionary

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import NotExercised, Settings, open_bench
from async_contract.experiments.examples.expiry import fencing
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.recorder import CallTimedOut
from async_contract.judge.judge import judge

_LONG_ENOUGH = 10.0
"""Seconds for a scene in virtual time, which takes milliseconds."""

_known: WeakKeyDictionary[StoreHarness, Capabilities] = WeakKeyDictionary()


def promised_here(harness: StoreHarness) -> Capabilities:
    """What a store promises to workers that are all in this process.

    With `sharing="process"` every worker has a process of its own, so a store may know its workers by the
    number of their process. Then all that work here are one owner, and none of them can be fenced off: that
    is promised only if the store tells the connections of one process apart. Whether it does is tried once,
    in virtual time; in real time, where nothing but the example of `expiry/fenced` waits for a lease to
    expire, it is not taken to.
    """
    promised = harness.capabilities
    if promised.sharing != "process" or not promised.fences:
        return promised
    if harness not in _known:
        apart = harness.virtual_time and _tells_connections_apart(harness)
        _known[harness] = promised if apart else replace(promised, fences=False)
    return _known[harness]


def _tells_connections_apart(harness: StoreHarness) -> bool:
    try:
        with time_limit(_LONG_ENOUGH), Sandboxes() as sandboxes, asyncio.Runner() as runner:
            return runner.run(_fences(harness, sandboxes))
    except (NotExercised, HarnessError, TargetError, CallTimedOut, TimeLimitExceeded):
        return False  # what keeps the store from this scene others tell


async def _fences(harness: StoreHarness, sandboxes: Sandboxes) -> bool:
    async with open_bench(harness, sandboxes, Settings()) as bench:
        await fencing(bench, *await bench.workers(3))
    found = judge(bench.history, harness.capabilities).violations
    return all(each.clause != "expiry/fenced" for each in found)
