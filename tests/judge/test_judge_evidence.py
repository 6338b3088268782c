"""How often each clause was put to the test: the evidence behind *held*, clause by clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import Delivered
from async_contract.judge import evidence
from async_contract.judge.judge import judge
from async_contract.judge.sweep import MOST

from .story import LOST, REFUSED, STOPPED, Story


def counted(story: Story, **capabilities: Any) -> Mapping[str, int]:
    """The clauses that were put to the test."""
    verdicts = judge(story.history, Capabilities(**capabilities)).verdicts.values()
    return {found.clause: found.count for found in verdicts if found.count}


def held(*others: str) -> Story:
    """A job that worker 1 holds, and others that are ready."""
    story = Story()
    story.enqueue("a", *others)
    story.lease(1, "a")
    return story


ONE_DELIVERY = {"lease/well-formed": 1, "lease/known": 1}

# -- lease ----------------------------------------------------------------------------------------


def test_a_lease_is_accepted_with_the_least_and_with_the_largest_limit() -> None:
    """The fewer of the two count."""
    story = Story()
    for limit in (1, 1, MOST, MOST, MOST, 7):
        story.lease(1, limit=limit)
    assert counted(story) == {"lease/accepted": 2, "lease/empty": 6}


def test_a_limit_is_put_to_the_test_by_more_ready_jobs() -> None:
    """By leases of zero and less too, refused or not: those might have put jobs on lease."""
    story = Story()
    story.enqueue("a", "b", "c")
    story.lease(1, limit=3)
    assert counted(story) == {}
    story.lease(1, limit=2)
    story.lease(1, limit=0)
    story.lease(1, limit=-1, how=REFUSED)
    story.lease(1, limit=-1, how=LOST)
    story.lease(1, limit=MOST + 1, how=REFUSED)
    assert counted(story) == {"lease/within-limit": 3, "lease/rejected-means-not-done": 3}
    story = Story()
    story.lease(1, limit=0)
    story.lease(1, limit=-1, how=REFUSED)
    assert counted(story) == {}


def test_a_batch_with_room_for_a_job_twice() -> None:
    """If it has jobs at all."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "a", limit=2)
    story.lease(1, "b", limit=1)
    assert counted(story) == {
        "lease/well-formed": 2, "lease/known": 2, "lease/distinct": 1, "lease/exclusive": 1,
    }  # fmt: skip


def test_a_job_on_lease_while_somebody_asks() -> None:
    """Until its lease may have ended; late in its life that counts for another clause too."""
    story = held()
    story.lease(2)
    assert counted(story) == {**ONE_DELIVERY, "lease/exclusive": 1, "lease/empty": 1}
    story.wait(0.6)
    story.lease(2)
    expected = {**ONE_DELIVERY, "lease/exclusive": 2, "lease/empty": 2}
    assert counted(story, lease_timeout=1) == {**expected, "expiry/not-early": 1}
    story.wait(0.5)
    story.lease(2)
    assert counted(story, lease_timeout=1)["lease/exclusive"] == 2
    assert counted(story)["lease/exclusive"] == 3
    story.complete(1, "a")
    story.lease(2)
    assert counted(story)["lease/exclusive"] == 3


def test_uncommon_text_and_bytes() -> None:
    """At their first delivery."""
    story = Story()
    for number, (kind, tenant, payload) in enumerate(
        [("m\u00e4il", "t", b"p"), ("mail", "\u00df", b"p"), ("mail", "t", b"\xff"), ("mail", "t", b"\x00")]
    ):
        job = Delivered(f"a{number}", kind, tenant, payload)
        story.call("enqueue", 0, job.id, None, (job,))
        story.call("lease", 1, None, 1, (job,))
        story.fail(1, job.id)
        story.call("lease", 1, None, 1, (job._replace(attempts=1),))
    assert counted(story)["lease/faithful"] == 3


def test_redeliveries() -> None:
    """After a fail, and after a lease that expired."""
    story = held()
    story.fail(1, "a")
    story.lease(1, "a", attempts=2)
    story.wait(1)
    story.lease(2, "a", attempts=3)
    found = counted(story, counts_attempts=True, redelivers=True, lease_timeout=1)
    redelivered = {"lease/attempts-steady": 2, "lease/attempts": 2, "expiry/returns": 1}
    after_fail = {"fail/accepted": 1, "fail/releases": 1, "fail/redelivers": 1}
    assert found == {"lease/well-formed": 3, "lease/known": 3, **redelivered, **after_fail}


def test_a_lease_that_was_cancelled() -> None:
    """One that was lost otherwise is none."""
    story = Story()
    story.lease(1, how=STOPPED)
    story.lease(1, how=LOST)
    assert counted(story) == {"lease/cancelled": 1}


def test_changes_of_copies_and_reopenings() -> None:
    """A reopening counts each job that there is, finished or not; a kill counts itself."""
    story = held("b")
    story.event("mutate", 1, "a")
    story.complete(1, "a")
    story.event("connect", 2)
    story.event("disconnect", 2)
    story.event("reopen")
    story.event("kill", 2)
    found = counted(story, durable=True, sharing="process")
    assert {clause: found[clause] for clause in ("lease/snapshot", "durable/reopen", "durable/kill")} == {
        "lease/snapshot": 1, "durable/reopen": 2, "durable/kill": 1,
    }  # fmt: skip


def test_jobs_with_a_look_alike_beside_them() -> None:
    """Those that were completed or failed; in a history of very many jobs nobody looks for them."""
    story = Story()
    story.enqueue("job", "Job", "JOB", "other")
    story.lease(1, "job", "Job", "other", limit=4)
    story.complete(1, "job")
    story.fail(1, "Job")
    story.complete(1, "other")
    assert counted(story)["lease/identity"] == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "MOST_COMPARED", 3)
        assert "lease/identity" not in counted(story)


# -- complete and fail ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["complete", "fail"])
def test_an_end_by_the_holder(method: str) -> None:
    """Accepted, refused, cancelled; alone, or beside another job."""
    end: Callable[..., object]
    story = held()
    end = getattr(story, method)
    end(1, "a", how=REFUSED)
    assert counted(story) == {**ONE_DELIVERY, f"{method}/rejected-means-not-done": 1}
    end(1, "a")
    refused = {f"{method}/rejected-means-not-done": 1}
    assert counted(story) == {**ONE_DELIVERY, **refused, f"{method}/accepted": 1}
    story = held("b")
    getattr(story, method)(1, "a")
    assert counted(story)[f"{method}/only-that-job"] == 1
    for how, count in ((STOPPED, 1), (LOST, 0)):
        story = held()
        getattr(story, method)(1, "a", how=how)
        assert counted(story).get(f"{method}/cancelled", 0) == count


@pytest.mark.parametrize("method", ["complete", "fail"])
def test_an_end_of_an_unknown_id(method: str) -> None:
    """Refused or not; beside other jobs it might harm them."""
    story = Story()
    getattr(story, method)(1, "x", how=REFUSED)
    expected = {f"{method}/rejected-means-not-done": 1, f"{method}/unknown-reported": 1}
    assert counted(story) == expected
    story.enqueue("a")
    getattr(story, method)(1, "x", how=REFUSED)
    expected = dict.fromkeys(expected, 2)
    assert counted(story) == {**expected, f"{method}/unknown-harmless": 1}


@pytest.mark.parametrize(
    ("method", "repeat"), [("complete", "complete/repeat-harmless"), ("fail", "fail/after-complete")]
)
@pytest.mark.parametrize("certain", [True, False])
def test_an_end_of_a_job_that_is_not_on_lease(method: str, repeat: str, *, certain: bool) -> None:
    """Never leased, dead, or completed, as far as anybody knows; the last is a repetition."""
    names = {f"{method}/rejected-means-not-done", f"{method}/unleased-reported", repeat}
    story = Story()
    story.enqueue("a")
    getattr(story, method)(1, "a", how=REFUSED)
    assert counted(story) == dict.fromkeys(names - {repeat}, 1)
    for begin, expected in (("fail", names - {repeat}), ("complete", names)):
        story = held()
        if not certain:
            story.event("reopen")
        getattr(story, begin)(1, "a")
        getattr(story, method)(1, "a", how=REFUSED)
        found = counted(story, redelivers=False, durable=True)
        assert {clause: found.get(clause, 0) for clause in names} == {
            clause: int(clause in expected) for clause in names
        }


@pytest.mark.parametrize("method", ["complete", "fail"])
def test_a_worker_whose_lease_had_expired(method: str) -> None:
    """While another holds the job; not where leases never expire, and not one that never held it."""
    story = held()
    story.wait(1)
    story.lease(2, "a", attempts=2)
    getattr(story, method)(3, "a", how=REFUSED)
    assert "expiry/fenced" not in counted(story, lease_timeout=1, fences=True)
    getattr(story, method)(1, "a", how=REFUSED)
    assert counted(story, lease_timeout=1, fences=True)["expiry/fenced"] == 1
    story = held()
    getattr(story, method)(2, "a", how=REFUSED)
    assert "expiry/fenced" not in counted(story)


def test_hostile_messages() -> None:
    """Whatever came of them, and whoever held the job."""
    story = held()
    for message in ("nul\x00", "", " blank", "x" * 257, "\u00e9" * 129, "safe"):
        story.fail(2, "a", message, how=REFUSED)
    assert counted(story)["fail/hostile-message"] == 5


def test_a_fail_on_the_last_delivery() -> None:
    """Certain or not, the job is dead; one with deliveries left is no evidence."""
    story = held()
    story.fail(1, "a")
    assert "fail/max-attempts" not in counted(story, max_attempts=2)
    assert counted(story, max_attempts=1)["fail/max-attempts"] == 1


# -- the end --------------------------------------------------------------------------------------


def test_what_a_drained_store_did_not_deliver_it_kept_to_itself() -> None:
    """Completed jobs and dead ones; and every job that came at all was delivered in the end."""
    story = Story()
    story.enqueue("a", "b", "c", "d")
    story.lease(1, "a", "b", "c", limit=3)
    story.complete(1, "a")
    story.fail(1, "b")
    before = counted(story, redelivers=False)
    names = ("complete/final", "fail/ends", "fail/releases", "lease/progress")
    assert not set(names) & set(before)
    story.drain()
    found = counted(story, redelivers=False)
    assert [found[name] for name in names] == [1, 1, 1, 3]
    found = counted(story)
    assert [found.get(name, 0) for name in names] == [1, 0, 1, 3]


def test_jobs_whose_deliveries_are_used_up_by_expired_leases() -> None:
    """They were not delivered again, though they had not been finished."""
    story = held()
    story.wait(1)
    story.lease(2, "a", attempts=2)
    story.wait(1)
    story.drain()
    found = counted(story, lease_timeout=1, max_attempts=2, expiry_counts=True)
    assert found["expiry/max-attempts"] == 1
