"""Completes and fails that should have been refused, and returned as if all were well."""

from __future__ import annotations

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import Delivered, Operation
from async_contract.judge.judge import judge
from async_contract.judge.verdict import Violation

from .story import LOST, REFUSED, Story

# -- unknown-reported -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["complete", "fail"])
def test_an_id_that_the_store_can_t_know_is_reported(method: str) -> None:
    """Refused is right, lost says nothing; but it must not return."""
    story = Story()
    story.enqueue("a", how=REFUSED)
    for how in (REFUSED, LOST):
        getattr(story, method)(1, "a", how=how)
    assert story.violations() == []
    call = getattr(story, method)(1, "a")
    happened = f"worker 1's {method} of a, which the store can't know, returned"
    assert story.violations() == [Violation(f"{method}/unknown-reported", happened, "a", (call,))]


def test_an_id_that_was_enqueued_meanwhile_may_be_known() -> None:
    """Whether its enqueue returned or not; and one that was delivered is known to the store, of all."""
    for how in (("ok", ""), LOST):
        story = Story()
        story.complete(1, "a", at=(5, 20))
        story.enqueue("a", how=how, at=(10, 15))
        assert story.violations() == []
    story = Story()
    story.lease(1, "x")
    story.complete(1, "x")
    assert story.blamed() == ["lease/known"]


# -- unleased-reported ----------------------------------------------------------------------------


def never_leased() -> Story:
    """A job that is ready."""
    story = Story()
    story.enqueue("a")
    return story


def failed() -> Story:
    """A job that is ready again."""
    story = never_leased()
    story.lease(1, "a")
    story.fail(1, "a")
    return story


@pytest.mark.parametrize("begin", [never_leased, failed])
def test_a_complete_of_a_ready_job_is_refused_or_takes_effect(begin: object) -> None:
    """What returned and changed nothing is a breach, once the job is seen again."""
    story: Story = begin()  # type: ignore[operator]  # one of the two
    story.complete(2, "a")
    assert story.violations(redelivers=True) == []
    story.inspect("a", "completed")
    assert story.violations(redelivers=True) == []
    del story.told[-1]
    story.lease(2, "a", attempts=2)
    happened = "worker 2's complete of a, which was not on lease, returned and changed nothing"
    expected = Violation("complete/unleased-reported", happened, "a", tuple(story.told))
    assert story.violations(redelivers=True) == [expected]


@pytest.mark.parametrize("how", [REFUSED, LOST])
def test_a_complete_that_did_not_return_is_not_silent(how: tuple[str, str]) -> None:
    """Refused it did nothing, and lost it need not have."""
    story = never_leased()
    story.complete(2, "a", how=how)  # type: ignore[arg-type]  # an outcome
    story.lease(2, "a")
    assert story.violations() == []


def test_a_fail_of_a_ready_job_may_leave_it_ready() -> None:
    """That is what a fail does; only where it ends a job, silence can be told from effect."""
    story = never_leased()
    story.fail(2, "a")
    story.lease(2, "b", "a", limit=2)
    story.enqueue("b", at=(0, 1))
    assert story.violations() == story.violations(redelivers=True) == []
    happened = "worker 2's fail of a, which was not on lease, returned and changed nothing"
    enqueue, fail, lease, _ = story.told
    witness = (enqueue, fail, lease._replace(jobs=lease.jobs[1:]))
    assert story.violations(redelivers=False) == [Violation("fail/unleased-reported", happened, "a", witness)]


def test_a_fail_of_a_completed_job_is_refused() -> None:
    """It can't take effect, so if it returns, it did nothing."""
    story = never_leased()
    story.lease(1, "a")
    story.complete(1, "a")
    story.fail(1, "a", how=REFUSED)
    story.fail(1, "a", how=LOST)
    story.complete(1, "a")
    assert story.violations() == []
    story.told[-1:] = []
    call = story.fail(2, "a")
    happened = "worker 2's fail of a, which was not on lease, returned and changed nothing"
    assert story.violations() == [Violation("fail/unleased-reported", happened, "a", tuple(story.told))]
    assert call in story.told


def test_a_call_says_nothing_where_nobody_knows_whether_the_job_was_on_lease() -> None:
    """Its lease may have expired; another call was under way; or nothing explains what was seen."""
    story = never_leased()
    story.lease(1, "a")
    story.complete(2, "a")
    story.wait(2)
    story.lease(2, "a")
    assert story.violations(lease_timeout=1) == []
    story = never_leased()
    story.complete(2, "a", at=(10, 20))
    story.lease(1, "a", at=(15, 25))
    story.fail(1, "a", at=(12, 14))
    assert story.violations() == []
    story = never_leased()
    story.complete(2, "a", how=LOST, at=(5, None))
    story.complete(2, "a")
    story.lease(2, "a")
    assert story.violations() == []
    story = never_leased()
    story.inspect("a", "leased")
    story.complete(2, "a")
    story.lease(2, "a")
    assert story.blamed() == ["lease/progress"]


def test_a_store_that_forgets_does_nothing_silently() -> None:
    """After a reopening it may know nothing of the job, or have it as it was."""
    story = never_leased()
    story.event("reopen")
    story.complete(2, "a")
    story.lease(2, "a")
    assert story.violations() == []
    assert story.blamed(durable=True) == ["complete/unleased-reported"]


def test_what_a_runner_does_with_a_job_is_no_call_of_the_store() -> None:
    """The history of a runner may be judged: a handler and the end that it is told change nothing."""
    job = (Delivered("job-1", "mail"),)
    history = [
        Operation("enqueue", 0, 0, 1, job_id="job-1", jobs=job),
        Operation("lease", 1, 2, 3, value=1, jobs=job),
        Operation("handle", 2, 4, 9, "unknown", "job-1", error="ValueError"),
        Operation("stop", 0, 5, 5),
        Operation("cancel", 0, 6, 6),
        Operation("complete", 1, 10, 11, job_id="job-1"),
    ]
    broken = [each for each in judge(history, Capabilities()).verdicts.values() if each.violations]
    assert broken == []
