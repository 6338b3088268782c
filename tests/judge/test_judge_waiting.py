"""Leases that wait for ever for jobs."""

from __future__ import annotations

import pytest

from async_contract.history.operation import TIMED_OUT, UNKNOWN
from async_contract.judge.verdict import Violation
from async_contract.judge.waiting import may_wait_in_vain

from .story import LOST, STOPPED, Story

SECOND = 1_000_000_000
HANGS = (UNKNOWN, TIMED_OUT)


def _wait(story: Story, seconds: float, limit: int = 1) -> None:
    now = story.now
    story.lease(1, limit=limit, at=(now + 1, now + 1 + round(seconds * SECOND)), how=HANGS)


def _serve(story: Story, job_id: str) -> None:
    story.enqueue(job_id)
    story.lease(1, job_id)
    story.complete(1, job_id)


def _waiting(*waits: float, limit: int = 1) -> Story:
    """Leases that are given up after so many seconds, each followed by a job that comes at once."""
    story = Story()
    for number, seconds in enumerate(waits):
        _wait(story, seconds, limit)
        _serve(story, f"job-{number}")
    return story


def test_a_lease_that_never_returns_where_nothing_is_ready_is_no_empty_batch() -> None:
    """It is told with the calls that were answered at once in between."""
    story = _waiting(24, 6)
    happened = (
        "lease(1) of worker 1 did not return within 24 s and 6 s, with nothing ready, though each job "
        "that was enqueued afterwards came at once; return an empty batch when there is nothing, or let the "
        "wait end by itself after a few seconds"
    )
    assert story.violations() == [Violation("lease/empty", happened, None, tuple(story.history))]


@pytest.mark.parametrize("waits", [(24,), (20, 20), (6, 6, 6, 6, 6)])
def test_a_store_that_waits_for_a_while_may_do_so(waits: tuple[float, ...]) -> None:
    """Once is not enough, nor is any number of waits that a queue may well have."""
    assert _waiting(*waits).violations() == []


def test_whatever_else_may_explain_the_wait_excuses_it() -> None:
    """A slow answer, a lost one, an empty one; a job that was not finished; a limit that may be refused."""
    story = _waiting(24)
    now = story.now
    story.enqueue("b", at=(now + 1, now + 2 * SECOND))
    story.lease(1, "b")
    story.complete(1, "b")
    _wait(story, 24)
    _serve(story, "c")
    assert story.violations() == []
    story = _waiting(24)
    story.inspect("job-0", "completed")
    _wait(story, 24)
    _serve(story, "c")
    assert story.violations() == []
    story = _waiting(24, 24)
    story.enqueue("lost", how=LOST)
    assert story.violations() == []
    story = _waiting(24, 24)
    story.lease(1)
    assert story.violations() == []
    story = _waiting(24, 24)
    story.enqueue("left")
    _wait(story, 24)
    assert story.violations() == []
    assert _waiting(24, 24, limit=0).violations() == []


def test_two_waits_in_a_row_show_nothing_of_what_lies_between() -> None:
    """And neither does the last one, if nothing was served after it."""
    story = Story()
    _wait(story, 24)
    _wait(story, 24)
    _serve(story, "a")
    _serve(story, "b")
    assert story.violations() == []
    story = _waiting(24)
    _wait(story, 24)
    assert story.violations() == []


def test_it_is_worth_finding_out_where_no_lease_has_come_back_with_nothing() -> None:
    """And where it was a lease that did not return."""
    story = Story()
    assert not may_wait_in_vain(story.history)
    story.lease(1, limit=0)
    assert not may_wait_in_vain(story.history)
    story.lease(1, how=STOPPED)
    assert may_wait_in_vain(story.history)
    story.enqueue("a")
    assert not may_wait_in_vain(story.history)
    story.lease(1, "a")
    story.lease(1, how=HANGS)
    assert may_wait_in_vain(story.history)
    story.lease(1)
    story.lease(1, how=HANGS)
    assert not may_wait_in_vain(story.history)
