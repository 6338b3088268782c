"""The short way of the search: where one call followed another it says the same as the long way."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.life import NEVER, Life
from async_contract.history.operation import OK, REJECTED, Delivered, Method, Operation
from async_contract.judge.search import NOTHING, _is_line, _Search, explain

SECOND = 1_000_000_000
JOB = Delivered("a", "mail")

PROMISES = (
    Capabilities(),
    Capabilities(redelivers=False),
    Capabilities(redelivers=True, max_attempts=2),
    Capabilities(lease_timeout=3.0),
    Capabilities(lease_timeout=3.0, max_attempts=2, expiry_counts=True),
    Capabilities(lease_timeout=3.0, redelivers=True, max_attempts=2),
    Capabilities(lease_timeout=3.0, fences=True),
)


def in_a_row(random: Random) -> list[Operation]:
    """The calls of three workers on one job, each after the other, of a store that does as it likes."""
    at = 0
    done = [Operation("enqueue", 0, 1, 2, OK, "a", None, (JOB,))]
    for _ in range(random.randint(1, 8)):
        at += random.choice((1, SECOND, 4 * SECOND)) * 3
        method: Method = random.choice(("lease", "lease", "complete", "fail"))
        worker = random.randint(1, 3)
        if method == "lease":
            done.append(Operation("lease", worker, at, at + 1, OK, None, 1, (JOB,)))
        else:
            outcome = random.choice((OK, OK, REJECTED))
            done.append(
                Operation(method, worker, at, at + 1, outcome, "a", "x" if method == "fail" else None)
            )
    return done


@pytest.mark.parametrize("promised", PROMISES, ids=str)
def test_the_short_way_is_as_right_as_the_long_one(promised: Capabilities) -> None:
    """The same operation has no explanation, and the job may be in the same states."""
    life = Life(promised)
    stuck: Counter[bool] = Counter()
    for seed in range(400):
        random = Random(seed)
        history = in_a_row(random)
        forced = random.choice((None, None, *history))
        found = explain(history, life, forced=forced)
        assert found == _Search(history, life, NOTHING, forced).run(), f"seed {seed}"
        stuck[found.stuck_at is None] += 1
    assert min(stuck[True], stuck[False]) > 20


def test_only_calls_in_a_row_take_the_short_way() -> None:
    """None that overlaps, is unknown, looks, or is made when time is at its end."""
    lease = Operation("lease", 1, 3, 4, OK, None, 1, (JOB,))
    enqueue = Operation("enqueue", 0, 1, 2, OK, "a", None, (JOB,))
    refused = Operation("fail", 1, 2, 9, REJECTED, "a", "x")
    assert _is_line([enqueue, refused, lease])
    for odd in (
        lease._replace(invoked=2),
        lease._replace(outcome="unknown"),
        lease._replace(returned=None),
        lease._replace(method="inspect", job_id="a"),
        lease._replace(returned=NEVER),
    ):
        assert not _is_line([enqueue, odd])


def test_at_the_end_of_time_anything_goes() -> None:
    """A store with leases of a hundred years, on which somebody has waited for three of them."""
    life = Life(Capabilities(lease_timeout=3.2e9))
    lost = [
        Operation("enqueue", 0, 1, 2, OK, "a", None, (JOB,)),
        Operation("complete", 1, 3 * NEVER, 3 * NEVER + 1, OK, "a"),
        Operation("lease", 1, 3 * NEVER + 2, 3 * NEVER + 3, OK, None, 1, (JOB,)),
        Operation("lease", 1, 3 * NEVER + 4, 3 * NEVER + 5, OK, None, 1, (JOB,)),
    ]
    assert explain(lost, life).stuck_at is None
