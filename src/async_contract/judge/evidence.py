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
    finished, dead = len(sweep.finished), len(sweep.buried)
    released = came = used_up = 0
    most = sweep.capabilities.max_attempts
    for id, job in sweep.live.items():
        if id not in kept:
            came += job.deliveries > 0
            released += job.phase is Phase.READY and job.last_end == "fail"
            used_up += (
                most is not None and job.phase is Phase.LEASED and job.expired and job.deliveries >= most
            )
    counts["complete/final"] = finished - dead
    counts["fail/ends"] = dead
    counts["fail/releases"] += dead + released
    counts["lease/progress"] = finished + came
    if most is not None:
        counts["expiry/max-attempts"] = used_up


def _looked_alike(sweep: Sweep) -> int:
    """Jobs that were completed or failed while another with an id like theirs was there."""
    finished, live = sweep.finished, sweep.live
    if len(finished) + len(live) > MOST_COMPARED:
        return 0
    ended = 0
    for group in groups([*live, *finished]):
        for id in group:
            ended += id in finished or live[id].last_end != ""
    return ended
