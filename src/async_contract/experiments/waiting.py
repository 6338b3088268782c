"""Finding out whether a store waits for ever for jobs, or has hung for another reason."""

from __future__ import annotations

import inspect
from contextlib import nullcontext

from async_contract.experiments.bench import Bench, Worker
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.history.operation import TIMED_OUT
from async_contract.history.recorder import CallTimedOut
from async_contract.judge import waiting

LONG, SHORT = 0.4, 0.1
"""The parts of an item's time for which a lease is waited for, at first and then."""

_LEAST = 1.0
"""Seconds that any other call may take."""

_MORE = 1.1


def may_be_told(seconds: float) -> bool:
    """Whether an item has time enough to wait for so long as it takes."""
    return LONG * seconds * 1e9 >= waiting.LONG


async def wait_in_vain(bench: Bench, seconds: float) -> None:
    """Lease where nothing is ready, twice, each time until it is clear that the call does not return.

    In between a job comes and goes, which shows that the store is well.

    Args:
        bench: Where the store is, which nobody has asked for jobs.
        seconds: The time of an item.
    """
    worker = await bench.first_worker()
    for part in (LONG, SHORT):
        if not await _hangs(bench, worker, part * seconds):
            return
        bench.recorder.call_limit = max(SHORT * seconds, _LEAST)  # a store that is well needs no time
        await bench.enqueue(1)
        for each in await worker.lease(1):
            await worker.complete(each.id)


async def _hangs(bench: Bench, worker: Worker, seconds: float) -> bool:
    """Whether a lease does not return within so many seconds."""
    bench.recorder.call_limit = seconds
    try:
        # What can be awaited is given up by the recorder; a plain function is stopped by nothing else.
        is_plain = not inspect.iscoroutinefunction(worker.store.lease)
        with time_limit(_MORE * seconds) if is_plain else nullcontext():
            await worker.lease(1)
    except (CallTimedOut, TimeLimitExceeded):
        if bench.sandbox.virtual:
            await bench.sleep(seconds)  # so much went by, for whoever has an eye on that clock
        bench.history[-1] = bench.history[-1]._replace(error=TIMED_OUT, returned=bench.recorder.now())
        return True
    return False
