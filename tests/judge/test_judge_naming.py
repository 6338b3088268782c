"""Which clause a breach is a breach of: what has no explanation is named after what was called before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from async_contract.history.operation import KILLED, OK, UNKNOWN
from async_contract.judge.verdict import Violation
from async_contract.store import JobState

from .story import LOST, REFUSED, STOPPED, Story


def held(*others: str) -> Story:
    """A job that worker 1 holds, and others that are ready."""
    story = Story()
    story.enqueue("a", *others)
    story.lease(1, "a")
    return story


def completed() -> Story:
    """A job that worker 1 has completed."""
    story = held()
    story.complete(1, "a")
    return story


def failed(*, times: int = 1) -> Story:
    """A job that worker 1 has failed."""
    story = Story()
    story.enqueue("a")
    for number in range(times):
        story.lease(1, "a", attempts=number + 1)
        story.fail(1, "a")
    return story


HELD = "on lease to worker 1"
FAILED = "failed by worker 1"
DONE = "completed by worker 1"

# -- the job comes when it should not -------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "promised", "clause", "was"),
    [
        (held, {}, "lease/exclusive", HELD),
        (completed, {}, "complete/final", DONE),
        (failed, {"redelivers": False}, "fail/ends", FAILED),
        (failed, {"max_attempts": 1}, "fail/max-attempts", FAILED),
    ],
)
def test_a_delivery_that_nothing_explains_is_named_after_what_became_of_the_job(
    begin: Callable[[], Story], promised: dict[str, Any], clause: str, was: str
) -> None:
    """The witness is the job's life, from its enqueue to that delivery."""
    story = begin()
    assert story.violations(**promised) == []
    story.lease(2, "a", attempts=2)
    happened = f"worker 2 was given a, which was {was}"
    assert story.violations(**promised) == [Violation(clause, happened, "a", tuple(story.told))]


@pytest.mark.parametrize(
    ("seconds", "clauses"),
    [(0.05, ["lease/exclusive"]), (0.5, ["expiry/not-early"]), (1, [])],
)
def test_a_lease_that_ended_early_was_held_for_a_while(seconds: float, clauses: list[str]) -> None:
    """What comes back after a tenth of the timeout was on lease; what comes back at once was not."""
    story = held()
    story.wait(seconds)
    story.lease(2, "a", attempts=2)
    assert story.blamed(lease_timeout=1) == clauses


def test_a_job_is_delivered_no_more_often_than_expired_leases_allow() -> None:
    """Each of them counts."""
    story = held()
    for attempts in (2, 3):
        story.wait(1)
        story.lease(attempts, "a", attempts=attempts)
    promised: dict[str, Any] = {"lease_timeout": 1, "max_attempts": 2, "expiry_counts": True}
    happened = "worker 3 was given a, which was on lease to worker 2"
    expected = Violation("expiry/max-attempts", happened, "a", tuple(story.told))
    assert story.violations(**promised) == [expected]
    assert story.violations(**{**promised, "max_attempts": 3}) == []


def test_a_dead_job_comes_back() -> None:
    """One that was shown as dead when its last lease had expired."""
    story = held()
    story.wait(1)
    story.inspect("a", "dead")
    story.lease(2, "a", attempts=2)
    assert story.blamed(lease_timeout=1, max_attempts=1, expiry_counts=True) == ["expiry/max-attempts"]


def test_a_job_that_was_never_enqueued_is_delivered() -> None:
    """At no time, or only later; a change of a copy may have made it so."""
    story = Story()
    lease = story.lease(1, "b", "a", limit=2)
    story.enqueue("b", at=(0, 1))
    alone = lease._replace(jobs=lease.jobs[1:])
    happened = "worker 1 was given a, which was never enqueued"
    assert story.violations() == [Violation("lease/known", happened, "a", (alone,))]
    story.enqueue("a")
    assert story.violations() == [Violation("lease/known", happened, "a", (alone,))]
    story = Story()
    story.enqueue("b")
    story.lease(1, "b")
    change, lease = story.event("mutate", 1, "b"), story.lease(1, "a")
    happened += ", after worker 1 changed its copy of b"
    assert story.violations() == [Violation("lease/snapshot", happened, "a", (change, lease))]


# -- the job is shown where it can't be -----------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "state", "promised", "clause", "was"),
    [
        (held, "ready", {}, "lease/exclusive", HELD),
        (held, "completed", {}, "lease/progress", HELD),
        (held, None, {}, "lease/progress", HELD),
        (completed, "ready", {}, "complete/final", DONE),
        (completed, "dead", {}, "complete/final", DONE),
        (failed, "leased", {}, "fail/releases", FAILED),
        (failed, "completed", {}, "fail/releases", FAILED),
        (failed, None, {"redelivers": True}, "fail/releases", FAILED),
        (failed, "dead", {"redelivers": True}, "fail/redelivers", FAILED),
        (failed, "dead", {"redelivers": True, "max_attempts": 3}, "fail/redelivers", FAILED),
        (failed, "ready", {"redelivers": False}, "fail/ends", FAILED),
        (failed, "ready", {"max_attempts": 1}, "fail/max-attempts", FAILED),
    ],
)
def test_what_is_shown_and_nothing_explains_is_named_after_what_became_of_the_job(
    begin: Callable[[], Story], state: JobState | None, promised: dict[str, Any], clause: str, was: str
) -> None:
    """The sentence says both, how it was and what is shown."""
    story = begin()
    story.inspect("a", state, "boom")
    shown = "not known to the store" if state is None else f"shown as {state}"
    found = story.violations(**promised)
    assert [(each.clause, each.happened) for each in found] == [(clause, f"a was {was} and is {shown}")]


def test_a_job_that_was_failed_before_may_be_dead_too_soon() -> None:
    """On its second delivery of three it has one left."""
    story = failed(times=2)
    story.inspect("a", "dead", "boom")
    assert story.blamed(redelivers=True, max_attempts=3) == ["fail/max-attempts"]
    assert story.blamed(redelivers=True, max_attempts=2) == []


def test_of_a_job_whose_enqueue_was_lost_nobody_knows() -> None:
    """It may be there or not, but nobody was given it."""
    story = Story()
    story.enqueue("a", how=LOST)
    story.inspect("a", "leased")
    happened = "a was perhaps enqueued and is shown as leased"
    assert story.violations() == [Violation("lease/progress", happened, "a", tuple(story.told))]


# -- calls on the job itself ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "meanwhile", "promised", "clause", "after"),
    [
        (
            completed,
            lambda story: story.complete(1, "a"),
            {},
            "complete/repeat-harmless",
            "worker 1's complete of a",
        ),
        (
            completed,
            lambda story: story.fail(2, "a", how=REFUSED),
            {},
            "fail/after-complete",
            "worker 2's fail of a, which was refused",
        ),
        (
            held,
            lambda story: story.complete(2, "a", how=REFUSED),
            {},
            "complete/rejected-means-not-done",
            "worker 2's complete of a, which was refused",
        ),
        (
            held,
            lambda story: story.fail(1, "a", how=REFUSED),
            {},
            "fail/rejected-means-not-done",
            "worker 1's fail of a, which was refused",
        ),
        (
            held,
            lambda story: story.fail(1, "a", "nul\x00", how=REFUSED),
            {},
            "fail/hostile-message",
            "worker 1's fail of a, which was refused",
        ),
        (
            held,
            lambda story: story.complete(1, "a", how=STOPPED),
            {},
            "complete/cancelled",
            "worker 1's complete of a, which was cancelled",
        ),
        (
            held,
            lambda story: story.fail(1, "a", how=STOPPED),
            {"redelivers": False},
            "fail/cancelled",
            "worker 1's fail of a, which was cancelled",
        ),
        (
            held,
            lambda story: story.event("mutate", 1, "a"),
            {},
            "lease/snapshot",
            "worker 1's change to its copy of a",
        ),
        (held, lambda story: story.complete(1, "a", how=LOST), {}, "lease/exclusive", ""),
    ],
)
def test_a_call_on_the_job_that_had_to_change_nothing_is_to_blame(
    begin: Callable[[], Story],
    meanwhile: Callable[[Story], object],
    promised: dict[str, Any],
    clause: str,
    after: str,
) -> None:
    """It stands in the sentence and in the witness; a lost one is not blamed."""
    story = begin()
    was = DONE if begin is completed else HELD
    meanwhile(story)
    story.lease(2, "a", attempts=2)
    happened = f"worker 2 was given a, which was {was}" + (f", after {after}" if after else "")
    told = story.told if after else [each for each in story.told if each.error != LOST[1]]
    assert story.violations(**promised) == [Violation(clause, happened, "a", tuple(told))]


def test_a_connection_that_was_opened_is_to_blame_before_any_call() -> None:
    """A store that takes up what a dead worker has left does so when it is opened."""
    story = held()
    story.event("connect", 2)
    story.complete(2, "a", how=REFUSED)
    story.lease(1, "a", attempts=2)
    happened = (
        "worker 1 was given a, which was on lease to worker 1, after worker 2's opening of a connection"
    )
    told = [each for each in story.told if each.method != "complete"]
    assert story.violations() == [Violation("lease/exclusive", happened, "a", tuple(told))]


def test_a_connection_is_not_to_blame_where_a_lease_shows_that_the_job_was_still_held() -> None:
    """Nor is one that did not come about."""
    story = held()
    story.event("connect", 2)
    story.lease(2)
    story.call("connect", 2, how=LOST)
    story.complete(2, "a", how=REFUSED)
    story.lease(1, "a", attempts=2)
    (violation,) = story.violations()
    assert violation.clause == "complete/rejected-means-not-done"


def test_a_connection_is_not_to_blame_for_a_lease_that_ended_late_but_too_soon() -> None:
    """It may have ended by its time, which was too short."""
    story = held()
    story.event("connect", 2)
    story.wait(0.5)
    story.lease(2, "a", attempts=2)
    (violation,) = story.violations(lease_timeout=1)
    happened = "worker 2 was given a, which was on lease to worker 1"
    assert (violation.clause, violation.happened) == ("expiry/not-early", happened)


@pytest.mark.parametrize("fail_first", [False, True])
def test_a_completed_job_is_brought_back_by_a_fail_rather_than_by_another_complete(
    fail_first: bool,  # noqa: FBT001 - a case
) -> None:
    """Whichever came first, unless the fail was refused and the complete was not."""
    for how, clause in (((OK, ""), "fail/after-complete"), (REFUSED, "complete/repeat-harmless")):
        story = completed()
        for method in ("fail", "complete") if fail_first else ("complete", "fail"):
            if method == "fail":
                story.fail(1, "a", how=how)
            else:
                story.complete(1, "a")
        story.lease(2, "a", attempts=2)
        silent = {"complete/unleased-reported", "fail/unleased-reported"}
        assert {each.clause for each in story.violations()} - silent == {clause}


def test_a_fenced_worker_is_to_blame_for_what_it_did() -> None:
    """Its lease had expired, and another held the job."""
    story = held()
    story.wait(1)
    story.lease(2, "a", attempts=2)
    story.complete(1, "a")
    story.inspect("a", "completed")
    happened = "a was on lease to worker 2 and is shown as completed, after worker 1's complete of a"
    expected = Violation("expiry/fenced", happened, "a", tuple(story.told))
    assert story.violations(lease_timeout=1, fences=True) == [expected]
    assert story.violations(lease_timeout=1) == []


@pytest.mark.parametrize(
    ("waits", "end", "clause"),
    [
        (1.5, "complete", "expiry/fenced"),
        (1.5, "fail", "expiry/fenced"),
        (0.5, "fail", "lease/exclusive"),
    ],
)
def test_a_call_that_lasts_longer_than_the_lease_is_fenced_off(waits: float, end: str, clause: str) -> None:
    """It ended another worker's lease, unless it had its effect before its own one expired."""
    story = held()
    began = story.now + 1
    story.wait(waits)
    story.lease(2, "a", attempts=2)
    call = story.complete if end == "complete" else story.fail
    call(1, "a", at=(began, story.now + 1))
    if end == "fail":
        story.lease(3, "a", attempts=3)
    story.wait(5)
    story.drain()
    assert story.blamed(lease_timeout=1, fences=True) == [clause]


def test_nobody_is_fenced_off_who_held_nothing_or_was_refused() -> None:
    """A call of unknown outcome, and one by a worker without a lease, overtake nobody."""
    story = held()
    began = story.now + 1
    story.wait(1.5)
    story.lease(2, "a", attempts=2)
    story.fail(1, "a", how=LOST, at=(began, story.now + 1))
    story.fail(4, "a", at=(story.now, story.now + 1))
    story.lease(3, "a", attempts=3)
    assert "expiry/fenced" not in story.blamed(lease_timeout=1, fences=True)


@pytest.mark.parametrize("how", ["stranger", "failed", "ended"])
def test_a_fence_is_for_those_whose_lease_has_expired(how: str) -> None:
    """Not for one that never had the job, nor for one whose lease was ended by a fail, anybody's."""
    story = held()
    if how != "stranger":
        story.fail(1 if how == "failed" else 3, "a")
    story.wait(2)
    story.lease(2, "a", attempts=2)
    story.fail(4 if how == "stranger" else 1, "a")
    story.lease(3, "a", attempts=3)
    assert story.blamed(lease_timeout=1, fences=True) == []
    expired = held()
    expired.wait(2)
    expired.lease(2, "a", attempts=2)
    expired.fail(1, "a")
    expired.lease(3, "a", attempts=3)
    assert expired.blamed(lease_timeout=1, fences=True) == ["expiry/fenced"]


def test_a_holder_that_is_refused_may_have_another_call_to_thank_for_it() -> None:
    """Here a change of its copy; the refusals are the witness with it."""
    story = held()
    story.event("mutate", 1, "a")
    for _ in range(3):
        story.fail(1, "a", how=REFUSED)
    happened = (
        "a was on lease to worker 1, and its fail was refused again and again: ValueError: no, after "
        "worker 1's change to its copy of a"
    )
    assert story.violations() == [Violation("lease/snapshot", happened, "a", tuple(story.told))]


# -- what concerns every job ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "after"),
    [("reopen", "worker 3's reopen of the store"), ("kill", "worker 3 was killed")],
)
def test_an_outcome_that_did_not_survive_is_not_durable(method: Any, after: str) -> None:
    """A reopening, or a worker that was killed."""
    story = completed()
    story.event(method, 3)
    story.lease(2, "a", attempts=2)
    happened = f"worker 2 was given a, which was completed by worker 1, after {after}"
    expected = Violation(f"durable/{method}", happened, "a", tuple(story.told))
    assert story.violations(durable=True, sharing="process") == [expected]
    assert story.violations() == []


@pytest.mark.parametrize(
    ("method", "job_id", "inside"), [("fail", "b", "fail of b"), ("lease", None, "lease")]
)
def test_a_kill_says_inside_which_call_it_was(method: Any, job_id: str | None, inside: str) -> None:
    """If the worker was in one."""
    story = completed()
    story.enqueue("b")
    story.lease(3, "b")
    story.call(method, 3, job_id, "boom" if job_id else 1, how=(UNKNOWN, KILLED))
    story.event("kill", 3)
    story.lease(2, "a", attempts=2)
    (found,) = story.violations(durable=True, sharing="process")
    assert found.clause == "durable/kill"
    assert found.happened.endswith(f", after worker 3 was killed inside its {inside}")


@pytest.mark.parametrize(
    ("limit", "how", "clause", "after"),
    [
        (0, ("ok", ""), "lease/within-limit", "lease(0)"),
        (2**31, REFUSED, "lease/rejected-means-not-done", "lease(2147483648), which was refused"),
        (1, ("ok", ""), "lease/progress", ""),
    ],
)
def test_a_job_that_nobody_was_given_is_on_lease(limit: int, how: Any, clause: str, after: str) -> None:
    """A lease that had to take nothing is to blame; an ordinary one is not, it may leave jobs out."""
    story = Story()
    story.enqueue("a")
    story.lease(1, limit=limit, how=how)
    story.inspect("a", "leased")
    happened = "a was enqueued and is shown as leased" + (f", after worker 1's {after}" if after else "")
    told = story.told if after else [story.told[0], story.told[-1]]
    assert story.violations() == [Violation(clause, happened, "a", tuple(told))]


def test_a_change_of_a_copy_is_to_blame_for_another_job() -> None:
    """If nothing else happened in between."""
    story = held("b")
    story.lease(1, "b")
    story.event("mutate", 1, "b")
    story.lease(2, "a")
    assert story.blamed() == ["lease/snapshot"]


# -- calls on other jobs --------------------------------------------------------------------------


def both() -> Story:
    """Two jobs that worker 1 holds."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "a", "b", limit=2)
    return story


@pytest.mark.parametrize(
    ("call", "clause"),
    [
        (lambda story: story.complete(1, "b"), "complete/only-that-job"),
        (lambda story: story.fail(1, "b"), "fail/only-that-job"),
        (lambda story: story.fail(1, "b", "nul\x00"), "fail/hostile-message"),
        (lambda story: story.complete(1, "x", how=REFUSED), "complete/unknown-harmless"),
        (lambda story: story.fail(1, "x", how=REFUSED), "fail/unknown-harmless"),
        (lambda story: story.complete(1, "b", how=STOPPED), "complete/cancelled"),
        (lambda story: story.fail(1, "b", how=STOPPED), "fail/cancelled"),
        (lambda story: story.complete(1, "b", how=LOST), "lease/exclusive"),
        (lambda story: story.complete(1, "A"), "lease/identity"),
        (lambda story: story.inspect("b", "leased"), "lease/exclusive"),
        (lambda story: (story.complete(1, "b"), story.fail(2, "b", how=REFUSED)), "lease/exclusive"),
        (
            lambda story: (story.complete(1, "b"), story.lease(2), story.complete(1, "b", how=REFUSED)),
            "complete/repeat-harmless",
        ),
    ],
)
def test_the_only_call_in_between_is_to_blame(call: Callable[[Story], object], clause: str) -> None:
    """By what it was and whose job it was on; of several plain ones none is."""
    story = both()
    story.enqueue("A", at=(0, 1))
    call(story)
    story.lease(2, "a")
    assert [each for each in story.blamed() if not each.endswith("reported")] == [clause]


def test_an_id_that_was_delivered_is_not_unknown() -> None:
    """Whoever made it up."""
    story = both()
    story.lease(1, "x")
    story.complete(1, "x")
    story.lease(2, "a")
    assert story.blamed() == ["lease/known", "complete/only-that-job"]


def test_what_happened_before_the_job_was_seen_to_be_sound_is_not_to_blame() -> None:
    """A lease with room for it did not deliver it, so it was on lease then."""
    story = both()
    story.fail(1, "b")
    story.lease(3, "b", limit=5, attempts=2)
    story.complete(3, "b")
    story.lease(2, "a")
    assert story.blamed(redelivers=True) == ["complete/only-that-job"]
    assert story.blamed(redelivers=True, retry_delay=1) == ["complete/only-that-job"]


def test_a_job_with_a_like_id_may_stand_in_its_place() -> None:
    """Where it never comes, and nothing else was called."""
    story = Story()
    story.enqueue("A", "a")
    story.lease(1, "A")
    story.drain()
    found = story.violations()
    happened = "a was enqueued and never came, though the store was asked until it was empty"
    assert [(each.clause, each.happened) for each in found] == [
        ("lease/identity", f"{happened}, after worker 0's enqueue of A")
    ]
    story = Story()
    story.enqueue("b", "a")
    story.lease(1, "b")
    story.drain()
    assert story.blamed() == ["lease/progress"]


def test_a_lease_that_does_not_end_is_nobody_else_s_fault() -> None:
    """Whatever was called on other jobs meanwhile."""
    story = both()
    story.complete(1, "b")
    story.wait(1)
    story.drain()
    assert story.blamed(lease_timeout=1 - 1e-8) == ["expiry/returns"]


def test_of_calls_before_a_job_was_missing_the_last_one_is_to_blame() -> None:
    """Counted from when it was due: with room for it in a lease, and all delays over."""
    story = both()
    story.fail(1, "a")
    story.complete(1, "b")
    story.lease(2, limit=5)
    story.complete(2, "x", how=REFUSED)
    story.drain()
    assert story.blamed(redelivers=True) == ["complete/only-that-job"]


# -- witnesses ------------------------------------------------------------------------------------


def test_a_witness_has_nothing_that_could_be_left_out() -> None:
    """Earlier sessions, looks at the job, and the other jobs of a batch."""
    story = Story()
    story.enqueue("b")
    enqueue = story.enqueue("a")
    for attempts in (1, 2):
        story.lease(1, "a", attempts=attempts)
        story.fail(1, "a")
        story.inspect("a", "ready", "boom")
    first = story.lease(3, "b", "a", limit=2, attempts=3)
    story.inspect("a", "leased")
    second = story.lease(2, "a", attempts=4)
    alone = first._replace(jobs=first.jobs[1:])
    happened = "worker 2 was given a, which was on lease to worker 3"
    expected = Violation("lease/exclusive", happened, "a", (enqueue, alone, second))
    assert story.violations(redelivers=True) == [expected]


# -- what is lost by itself -----------------------------------------------------------------------


def _failed(*ids: str) -> Story:
    story = Story()
    story.enqueue(*ids)
    story.lease(1, *ids, limit=9)
    for id in ids:
        story.fail(1, id)
    return story


def test_no_call_is_to_blame_for_what_befell_another_job_without_one() -> None:
    """The job that was failed last never comes either, and nothing was called after that."""
    story = _failed("a", "b")
    story.drain()
    assert [(each.clause, each.job_id) for each in story.violations(redelivers=True)] == [
        ("fail/redelivers", "a"),
        ("fail/redelivers", "b"),
    ]


def test_the_only_call_after_a_job_that_is_lost_is_to_blame_where_no_other_is_lost() -> None:
    """The job that was failed last comes."""
    story = _failed("a", "b")
    story.lease(2, "b", attempts=2)
    story.drain()
    assert story.blamed(redelivers=True) == ["fail/only-that-job"]


@pytest.mark.parametrize(
    ("how", "served", "clause"),
    [(STOPPED, 2, "complete/cancelled"), (STOPPED, 1, "expiry/returns"), (REFUSED, 2, "expiry/returns")],
)
def test_a_call_that_may_have_left_something_locked_is_to_blame_for_what_came_later(
    how: Any, served: int, clause: str
) -> None:
    """Unless its worker was given jobs afterwards: the store works on."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "a")
    story.complete(1, "a", how=how)
    story.lease(served, "b")
    story.wait(60)
    story.drain()
    story.inspect("a", "leased")
    found = {each.job_id: each.clause for each in story.violations(lease_timeout=30)}
    assert found == {"a": clause, "b": "expiry/returns"}


@pytest.mark.parametrize("lease", [{"how": STOPPED}, {"limit": 0}, {"how": REFUSED}])
def test_a_lease_that_may_have_left_something_locked_is_to_blame_for_what_came_earlier(
    lease: dict[str, Any],
) -> None:
    """Of a job that was enqueued later the lease before it is not suspected, but it may suffer from it."""
    story = Story()
    story.enqueue("a")
    story.lease(1, **lease)
    story.enqueue("b")
    story.drain()
    found = {each.job_id: each.clause for each in story.violations()}
    assert found["b"] == "lease/progress"
    assert found["a"] != "lease/progress"


def test_a_lease_that_was_cancelled_is_more_likely_to_have_lost_a_job_than_who_never_had_it() -> None:
    """A complete of a ready job is refused while somebody leases."""
    story = Story()
    story.enqueue("a")
    story.complete(1, "a", how=REFUSED)
    story.lease(2, how=STOPPED)
    story.complete(1, "a", how=REFUSED)
    story.drain()
    assert story.blamed() == ["lease/cancelled"]


def test_a_second_fail_that_was_shown_ready_has_not_buried_the_job() -> None:
    """It is late, and not dead too soon."""
    for shown, clause in (("ready", "fail/redelivers"), (None, "fail/max-attempts")):
        story = Story()
        story.enqueue("a")
        story.lease(1, "a")
        story.fail(1, "a")
        story.lease(1, "a", attempts=2)
        story.fail(1, "a")
        if shown:
            story.inspect("a", "ready", "boom")
        story.drain()
        assert story.blamed(redelivers=True, max_attempts=3) == [clause]


@pytest.mark.parametrize(
    ("shown", "clause"),
    [("completed", "complete/only-that-job"), ("dead", "fail/only-that-job"), ("ready", "lease/exclusive")],
)
def test_only_a_complete_can_have_completed_a_job_on_lease(shown: JobState, clause: str) -> None:
    """Of several calls on other jobs those are suspected that can have done it, all by the same clause."""
    story = Story()
    story.enqueue("a", "b", "c", "d", "e")
    story.lease(1, "a", "b", "c", "d", "e", limit=5)
    story.complete(1, "b")
    story.fail(1, "c")
    story.complete(1, "d")
    story.fail(1, "e")
    story.inspect("a", shown)
    assert story.blamed() == [clause]
