"""What must have come by the end: when a store counts as drained, and which jobs are owed then."""

from __future__ import annotations

from typing import Any

import pytest

from async_contract.history.operation import CANCELLED, KILLED, OK, TIMED_OUT, UNKNOWN, Operation, Outcome
from async_contract.judge.drained import Drained, drained
from async_contract.judge.verdict import Violation
from async_contract.store import JobState

from .story import LOST, REFUSED, SECOND, STOPPED, Story

NEVER_CAME = "never came, though the store was asked until it was empty"

# -- whether the store was asked until it was empty -----------------------------------------------


def test_a_store_is_drained_by_three_empty_leases_of_one_worker() -> None:
    """The last three count; looking at jobs in between changes nothing."""
    story = Story()
    assert drained(story.history) is None
    story.enqueue("a")
    story.lease(1, "a")
    story.lease(2)
    first, second = story.lease(2), story.lease(2, limit=7)
    assert drained(story.history[:-1]) is None
    story.inspect("a", "leased")
    third = story.lease(2)
    story.inspect("a", "leased")
    assert drained(story.history) == Drained(first.invoked, (first, second, third))


@pytest.mark.parametrize(
    "told",
    [
        lambda story: story.lease(1),
        lambda story: story.lease(2, "a"),
        lambda story: story.lease(2, limit=0),
        lambda story: story.lease(2, how=REFUSED),
        lambda story: story.complete(2, "a"),
        lambda story: story.event("connect", 3),
    ],
)
def test_anything_else_among_the_last_leases_is_no_drain(told: Any) -> None:
    """Another worker, a job, a limit of zero, a failure, another call, another connection."""
    story = Story()
    story.enqueue("a")
    story.lease(2)
    story.lease(2)
    told(story)
    assert drained(story.history) is None
    story.drain(3)
    assert drained(story.history) is not None


def test_what_is_no_batch_is_not_empty() -> None:
    """Nobody knows what it was to be."""
    story = Story()
    story.drain()
    story.told[-1] = story.told[-1]._replace(error="returned None, which is no batch of jobs")
    assert drained(story.history) is None


def test_the_worker_asks_alone() -> None:
    """A call that was still under way may have held a job; one that never returned counts for nothing."""
    story = Story()
    story.enqueue("a")
    story.complete(1, "a", at=(3, 11))
    story.drain()
    for invoked in (10, 11):
        story.told[-3] = story.told[-3]._replace(invoked=invoked, returned=12)
        assert drained(story.history) is None
    story.told[1] = story.told[1]._replace(returned=None, outcome=UNKNOWN)
    assert drained(story.history) is not None


# -- what is owed then ----------------------------------------------------------------------------


def ended(story: Story) -> tuple[Operation, ...]:
    """What was told, and the end."""
    told = tuple(story.told)
    return (*told, *story.drain())


def test_a_ready_job_is_owed() -> None:
    """What was done to it and the three leases are the witness."""
    story = Story()
    assert story.violations() == []
    enqueue = story.enqueue("a")
    story.enqueue("b")
    story.lease(1, "b")
    end = story.drain()
    happened = f"a was enqueued and {NEVER_CAME}"
    assert story.violations() == [Violation("lease/progress", happened, "a", (enqueue, *end))]


def test_a_failed_job_is_owed_where_it_is_to_be_redelivered() -> None:
    """Not before its delay is over, and not where it may be dead."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(1, "a")
    told = ended(story)
    happened = f"a was failed by worker 1 and {NEVER_CAME}"
    assert story.violations(redelivers=True) == [Violation("fail/redelivers", happened, "a", told)]
    assert story.violations(redelivers=True, retry_delay=1) == story.violations() == []
    assert story.violations(redelivers=False) == story.violations(redelivers=True, max_attempts=1) == []
    assert story.blamed(redelivers=True, max_attempts=2) == ["fail/redelivers"]
    story.wait(2)
    story.drain()
    assert story.blamed(redelivers=True, retry_delay=1) == ["fail/redelivers"]


def test_a_job_on_lease_is_owed_when_its_lease_has_expired() -> None:
    """With all delays that the store has; without a timeout never."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    told = tuple(story.told)
    story.wait(1)
    end = story.drain()
    happened = f"a was on lease to worker 1 and {NEVER_CAME}"
    expected = [Violation("expiry/returns", happened, "a", (*told, *end))]
    assert story.violations(lease_timeout=1 - 1e-8) == expected
    assert story.violations(lease_timeout=1 - 1e-8, poll_delay=1) == []
    assert story.violations(lease_timeout=1 - 1e-8, expiry_delay=1) == []
    assert story.violations(lease_timeout=2) == story.violations() == []


def test_a_ready_job_may_stay_invisible_for_a_while() -> None:
    """From when its enqueue returned; what was looked at or refused since then changes nothing."""
    story = Story()
    story.enqueue("a")
    story.wait(1)
    story.inspect("a", "ready")
    story.complete(1, "a", how=REFUSED)
    first, *_ = story.drain()
    assert story.violations(poll_delay=2) == []
    until_then = (first.invoked - 2) / SECOND
    assert story.violations(poll_delay=until_then) == []
    assert len(story.violations(poll_delay=until_then - 1e-9)) == 1


def test_only_failed_jobs_wait_for_another_try() -> None:
    """Whatever else was done to the job, there is no such delay."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.wait(1)
    story.drain()
    assert story.blamed(lease_timeout=0.5, redelivers=True, retry_delay=5) == ["expiry/returns"]


def test_a_lost_lease_that_could_take_nothing_excuses_nothing() -> None:
    """With a limit of zero it took no job, and used up no delivery."""
    story = Story()
    story.enqueue("a")
    story.wait(1)
    story.lease(1, limit=0, how=LOST)
    story.drain()
    promised: dict[str, Any] = {"lease_timeout": 0.5, "max_attempts": 1, "expiry_counts": True}
    assert story.blamed() == story.blamed(**promised) == ["lease/within-limit"]


@pytest.mark.parametrize("outcome", [UNKNOWN, "ok"])
def test_a_job_that_may_be_finished_is_not_owed(outcome: Outcome) -> None:
    """Completed, by whomever; or never enqueued."""
    story = Story()
    story.enqueue("a", "b")
    story.enqueue("c", how=LOST)
    story.lease(1, "a")
    story.complete(1, "a", how=(outcome, ""))
    story.complete(2, "b", how=(outcome, ""))
    story.drain()
    assert story.violations(lease_timeout=1e-9) == []


def test_a_job_that_was_refused_or_of_which_nobody_knows_is_no_job() -> None:
    """What a store does not take in it need not deliver."""
    story = Story()
    story.enqueue("a", how=REFUSED)
    story.enqueue("b", how=LOST)
    story.drain()
    assert story.violations() == []


def test_a_lost_reply_strands_as_many_jobs_as_its_limit() -> None:
    """For ever, if leases never end by themselves: then the rest is owed."""
    story = Story()
    story.enqueue("a", "b", "c")
    story.lease(1, limit=2, how=LOST)
    story.lease(1, limit=0, how=LOST)
    story.lease(1, limit=5, how=REFUSED)
    story.drain()
    assert [each.job_id for each in story.violations()] == ["c"]


def test_a_cancelled_lease_strands_nothing() -> None:
    """The store knew that nobody received the jobs."""
    story = Story()
    enqueue = story.enqueue("a")
    cancelled = story.lease(1, limit=2, how=STOPPED)
    end = story.drain()
    happened = f"a was enqueued and {NEVER_CAME}, after worker 1's lease(2), which was cancelled"
    expected = [Violation("lease/cancelled", happened, "a", (enqueue, cancelled, *end))]
    assert story.violations() == expected
    assert story.violations(lease_timeout=1) == []


@pytest.mark.parametrize("how", [STOPPED, (OK, "")])
def test_a_lease_that_waited_for_the_job_and_was_cancelled_has_lost_it(how: tuple[Outcome, str]) -> None:
    """It began before the job was there; one that came back empty is not to blame."""
    story = Story()
    waiting = story.lease(1, how=how, at=(1, 10))
    enqueue = story.enqueue("a", at=(2, 3))
    end = story.drain()
    blames = how == STOPPED
    happened = f"a was enqueued and {NEVER_CAME}" + (
        ", after worker 1's lease(1), which was cancelled" if blames else ""
    )
    witness = (enqueue, waiting, *end) if blames else (enqueue, *end)
    clause = "lease/cancelled" if blames else "lease/progress"
    assert story.violations() == [Violation(clause, happened, "a", witness)]


@pytest.mark.parametrize("error", [CANCELLED, TIMED_OUT, "ConnectionError: lost"])
def test_what_a_lost_lease_took_is_owed_when_that_lease_has_expired(error: str) -> None:
    """Counted from when the call was over."""
    story = Story()
    story.enqueue("a")
    story.wait(5)
    story.lease(1, limit=2, how=(UNKNOWN, error))
    story.wait(1)
    story.drain()
    assert story.violations(lease_timeout=2) == []
    assert len(story.violations(lease_timeout=1 - 1e-8)) == 1


def test_a_complete_of_unknown_outcome_may_have_been_the_last_thing() -> None:
    """Where leases expire, the job is given the time of one more."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(1, "a", how=LOST)
    story.inspect("a", "ready")
    story.drain()
    assert story.violations(redelivers=True, lease_timeout=1) == []
    assert story.blamed(redelivers=True) == ["lease/progress"]


def test_a_job_of_which_something_is_wrong_is_not_lost_too() -> None:
    """One breach is enough for one job."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "a")
    story.inspect("a", "completed")
    story.inspect("a", "ready")
    story.drain()
    assert [(each.clause, each.job_id) for each in story.violations()] == [
        ("lease/progress", "a"),
        ("lease/progress", "b"),
    ]


@pytest.mark.parametrize(("state", "owed"), [("ready", True), ("leased", False), ("dead", False)])
def test_what_is_shown_of_a_failed_job_says_whether_it_is_owed(state: JobState, *, owed: bool) -> None:
    """Where it may be either, ready or dead."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(2, "a")
    story.inspect("a", state, "boom")
    story.drain()
    assert story.blamed() == ["lease/progress"] * owed


@pytest.mark.parametrize(
    ("refusals", "promised", "blamed"),
    [(3, {"redelivers": True}, ["fail/cancelled"]), (2, {"redelivers": True}, []), (3, {}, [])],
)
def test_a_holder_that_is_refused_after_a_cancelled_fail_has_let_go(
    refusals: int, promised: dict[str, object], blamed: list[str]
) -> None:
    """Either it holds the job and must be heard, or the fail had its effect; a promise says what follows."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(1, "a", how=STOPPED)
    story.inspect("a", "leased", at=(story.now, story.now))
    story.complete(2, "a", how=REFUSED)
    for _ in range(refusals):
        story.fail(1, "a", how=REFUSED)
    story.drain()
    assert story.blamed(**promised) == blamed


def test_a_job_that_only_a_lost_lease_has_taken_has_no_holder_to_let_go() -> None:
    """It is on lease to nobody, for ever where leases never end."""
    story = Story()
    story.enqueue("a")
    story.lease(1, how=LOST)
    story.inspect("a", "leased")
    story.fail(1, "a", how=REFUSED)
    story.drain(1)
    assert story.violations() == []


def test_a_holder_that_was_given_the_job_again_holds_it() -> None:
    """What was refused before was about a lease that a cancelled fail had ended."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(1, "a", how=STOPPED)
    for _ in range(3):
        story.complete(1, "a", how=REFUSED)
    story.lease(1, "a", attempts=2)
    story.drain(1)
    assert story.violations() == []


def test_a_holder_that_was_heard_before_has_not_let_go() -> None:
    """That his calls are refused afterwards says nothing of the one that was cancelled."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(1, "a", how=STOPPED)
    story.drain()
    assert story.blamed(redelivers=True) == []


def _cancelled_and_refused(*, seconds: float = 0, other: bool = False) -> Story:
    """A holder whose fail was cancelled, and who is refused afterwards."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(1, "a", how=STOPPED)
    story.wait(seconds)
    if other:
        story.fail(2, "a")
    for _ in range(3):
        story.fail(1, "a", how=REFUSED)
    story.wait(60)
    story.drain()
    return story


PROMISED: dict[str, Any] = {
    "lease_timeout": 30, "redelivers": True, "max_attempts": 3, "expiry_counts": True,
}  # fmt: skip


def test_a_fail_by_which_the_job_was_lost_had_its_effect_before_the_refusals() -> None:
    """It was no stray call after the lease, which could have buried the job, unless the lease was over."""
    assert _cancelled_and_refused().blamed(**PROMISED) == ["fail/cancelled"]
    assert _cancelled_and_refused(seconds=31).blamed(**PROMISED) == []
    assert _cancelled_and_refused(other=True).blamed(**PROMISED) == []


@pytest.mark.parametrize("end", ["complete", "fail"])
@pytest.mark.parametrize("shown", ["leased", "completed", None])
def test_a_job_that_is_still_on_lease_at_the_end_was_not_finished(end: str, shown: JobState | None) -> None:
    """However late a call of unknown outcome may have its effect, it had none by then."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    getattr(story, end)(1, "a", how=STOPPED)
    story.wait(60)
    story.drain()
    assert story.blamed(**PROMISED) == []
    if end == "complete" or shown == "leased":
        story.inspect("a", shown)
    assert story.blamed(**PROMISED) == [f"{end}/cancelled"] * (shown == "leased")


# -- leases that end with the process -------------------------------------------------------------

DIES = {"ends_with_connection": True, "durable": True, "sharing": "process"}


def test_the_job_of_a_killed_worker_is_owed_where_leases_end_with_him() -> None:
    """It is lost with him, and that is what the kill did; a store whose leases last may keep it for ever."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.lease(1)
    kill = story.event("kill", 1)
    story.drain(2)
    (lost,) = story.violations(**DIES)
    assert (lost.clause, lost.job_id) == ("durable/kill", "a")
    assert lost.happened == f"a was on lease to worker 1 and {NEVER_CAME}, after worker 1 was killed"
    assert kill in lost.witness
    assert story.blamed(durable=True, sharing="process") == []


def test_the_job_of_another_worker_is_not_owed_after_a_kill() -> None:
    """Nor is one that may be held by a worker who lives, or one that was killed after the last look."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.event("kill", 2)
    story.drain(3)
    assert story.blamed(**DIES) == []
    story.event("kill", 1)
    assert story.blamed(**DIES) == []


def test_a_job_of_a_killed_worker_may_stay_invisible_for_a_while() -> None:
    """As long as `poll_delay` says."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.event("kill", 1)
    story.drain(2)
    assert story.blamed(**DIES, poll_delay=1.0) == []
    story.wait(1)
    story.drain(2)
    assert story.blamed(**DIES, poll_delay=1.0) == ["durable/kill"]


def test_a_lease_inside_which_a_worker_was_killed_strands_nothing_where_leases_end_with_him() -> None:
    """What it took is owed; a store whose leases last for ever may have given it to the dead."""
    story = Story()
    story.enqueue("a")
    story.lease(1, how=(UNKNOWN, KILLED))
    story.event("kill", 1)
    story.drain(2)
    assert story.blamed(**DIES) == ["durable/kill"]
    assert story.blamed(durable=True, sharing="process") == []
