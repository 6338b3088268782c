"""A breach of what every store owes is one, whatever the store does not promise."""

from __future__ import annotations

from async_contract.judge.verdict import Violation
from async_contract.store import JobState

from .story import Story


def held() -> Story:
    """A job that worker 1 holds."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    return story


def test_a_job_that_another_worker_failed_must_come() -> None:
    """Without a lease timeout nobody promised that expired leases return; progress is owed all the same."""
    story = held()
    story.fail(2, "a")
    story.inspect("a", "ready", "boom")
    told = tuple(story.told)
    happened = "a was on lease to worker 1 and never came, though the store was asked until it was empty"
    assert story.violations() == []
    end = story.drain()
    assert story.violations() == [Violation("lease/progress", happened, "a", (*told, *end))]


def test_a_failed_job_is_not_stuck_and_not_ready_and_dead_in_turn() -> None:
    """A store that promises neither to redeliver nor to end failed jobs does one of the two."""
    story = held()
    story.fail(1, "a")
    story.inspect("a", "ready", "boom")
    story.drain()
    assert story.blamed() == ["fail/releases"]
    turns: list[tuple[JobState, JobState]] = [("ready", "dead"), ("dead", "ready")]
    for states in turns:
        story = held()
        story.fail(1, "a")
        for state in states:
            story.inspect("a", state, "boom")
        assert story.blamed() == ["fail/releases"]


def test_a_dead_job_does_not_come_back() -> None:
    """Whether its holder made it dead or another worker."""
    for worker in (1, 2):
        story = held()
        story.fail(worker, "a")
        story.inspect("a", "dead", "boom")
        story.lease(1, "a", attempts=2)
        assert story.blamed() == ["fail/releases"]


def test_a_kill_loses_no_outcome_though_workers_are_no_processes() -> None:
    """The promise about killed processes binds no store whose workers share a process; durable it is."""
    story = held()
    story.complete(1, "a")
    story.event("kill", 2)
    story.lease(1, "a", attempts=2)
    assert story.blamed(durable=True, sharing="connection") == ["complete/final"]
    assert story.blamed(durable=True, sharing="process") == ["durable/kill"]
