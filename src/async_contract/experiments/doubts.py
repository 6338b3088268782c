"""Jobs that seem lost and may come yet: a client may keep them, until their leases have expired.

In virtual time that costs nothing: every lease expires before the store is drained. In real time it would
cost a wait for each program, so it is waited only where a job did not come, and not for long in vain. Once it
is proved that a job is lost, the program is made smaller without a wait for each try, and what is left is
proved again.
"""

from __future__ import annotations

import contextlib

from async_contract.experiments.bench import MARGIN, Bench, NotExercised, Settings
from async_contract.harness.harness import StoreHarness
from async_contract.judge.judge import kept

SHARE = 0.5
"""This part of the time of exploring may be waited for jobs that come, after the first time."""


class Doubts:
    """Whether a job that may come yet is suspected to be lost, and waited for.

    Args:
        harness: How the store is reached.
        settings: How it is treated.

    Attributes:
        certain: Whether nothing is in doubt: in virtual time.
        suspects: Whether it is suspected, in real time. Not if leases take longer to expire than an
            experiment waits, nor if it was waited in vain for long enough: then what may come is not lost.
        seconds: How long a wait takes.
    """

    def __init__(self, harness: StoreHarness, settings: Settings) -> None:
        capabilities = harness.capabilities
        timeout = capabilities.lease_timeout
        self.seconds = (timeout or 0.0) + capabilities.expiry_delay + MARGIN
        can_wait = self.seconds <= settings.longest_wait
        self.certain = harness.virtual_time
        self.suspects = can_wait and timeout is not None and not self.certain
        self._waited = 0.0

    def was_wrong(self, limit: float) -> None:
        """It was waited for a job, and it came.

        Args:
            limit: How many seconds there are for all that is tried.
        """
        self._waited += self.seconds
        self.suspects = self._waited + self.seconds <= SHARE * limit


async def outlast(bench: Bench) -> None:
    """Let every lease expire, and drain the store once more."""
    await bench.expire()
    with contextlib.suppress(NotExercised):  # a store whose delays are too long to wait for
        await bench.drain()


async def see_out(bench: Bench) -> bool:
    """Wait until whatever a client may keep has come, or is lost; not if that takes too long.

    Returns:
        Whether there was something to wait for, and all of it came.
    """
    if bench.harness.virtual_time or not bench.can_expire:
        return False
    missing = set(kept(bench.history, bench.capabilities))
    if not missing:
        return False
    before = len(bench.history)
    await outlast(bench)
    return missing <= {job.id for each in bench.history[before:] for job in each.jobs}
