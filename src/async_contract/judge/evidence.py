"""How often each clause was put to the test: the evidence behind *held*."""

from __future__ import annotations

from collections.abc import Sequence

from async_contract.contract.life import Phase
from async_contract.judge.drained import Drained
from async_contract.judge.lookalike import groups
from async_contract.judge.sweep import Sweep

MOST_COMPARED = 10_000
"""In a history of more jobs, look-alike ids are not looked for."""


def final_counts(sweep: Sweep, end: Drained | None, ordered: int, kept: Sequence[str] = ()) -> dict[str, int]:
    """The counts of the pass, with what only the end of a history can tell.

    Args:
        sweep: The pass.
        end: Where the store was asked until nothing came, if it was.
        ordered: How many deliveries have an order.
        kept: The jobs that did not come and are not due yet, which show nothing.
    """
    counts = sweep.tally()
    counts["lease/order"] = ordered
    counts["lease/identity"] = _looked_alike(sweep)
    if end is not None:
        _count_end(counts, sweep, kept)
    return counts


def _count_end(counts: dict[str, int], sweep: Sweep, kept: Sequence[str]) -> None:
    """What a drained store did not deliver again, it kept to itself."""
    completed = sum(phase is Phase.COMPLETED for phase in sweep.finished.values())
    dead = len(sweep.finished) - completed
    live = [job for id, job in sweep.live.items() if id not in kept] if kept else sweep.live.values()
    counts["complete/final"] = completed
    counts["fail/ends"] = dead
    counts["fail/releases"] += dead + sum(job.phase is Phase.READY and job.last_end == "fail" for job in live)
    counts["lease/progress"] = len(sweep.finished) + sum(job.deliveries > 0 for job in live)
    most = sweep.capabilities.max_attempts
    if most is not None:
        counts["expiry/max-attempts"] = sum(
            job.phase is Phase.LEASED and job.expired and job.deliveries >= most for job in live
        )


def _looked_alike(sweep: Sweep) -> int:
    """Jobs that were completed or failed while another with an id like theirs was there."""
    if len(sweep.finished) + len(sweep.live) > MOST_COMPARED:
        return 0
    ended = {id for id, job in sweep.live.items() if job.last_end} | set(sweep.finished)
    return sum(id in ended for group in groups([*sweep.live, *sweep.finished]) for id in group)
