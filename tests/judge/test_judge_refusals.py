"""What has to be accepted, and was not, however often it was asked."""

from __future__ import annotations

from functools import partial

import pytest

from async_contract.history.operation import KILLED, OK, STUCK, TIMED_OUT, UNKNOWN, Method, Operation, Outcome
from async_contract.judge.sweep import MOST
from async_contract.judge.verdict import Violation

from .story import LOST, NOT_LEASED, REFUSED, STOPPED, Story


def held() -> tuple[Story, tuple[Operation, Operation]]:
    """A job that worker 1 holds, and how it came to that."""
    story = Story()
    return story, (story.enqueue("a"), story.lease(1, "a"))


@pytest.mark.parametrize("method", ["complete", "fail"])
def test_a_holder_may_be_refused_twice(method: str) -> None:
    """A transient error may be retried; the third refusal is no transient one."""
    story, begun = held()
    calls = [getattr(story, method)(1, "a", how=REFUSED) for _ in range(2)]
    assert story.violations() == []
    calls.append(getattr(story, method)(1, "a", how=REFUSED))
    happened = f"a was on lease to worker 1, and its {method} was refused again and again: ValueError: no"
    assert story.violations() == [Violation(f"{method}/accepted", happened, "a", (*begun, *calls))]


def test_a_store_that_is_busy_refuses_now_and_then() -> None:
    """Refusals count that nothing was served between; more of them are no further breach."""
    story, _ = held()
    for _ in range(4):
        story.complete(1, "a", how=REFUSED)
        story.lease(2)
    for _ in range(2):
        story.complete(1, "a", how=REFUSED)
    assert story.violations() == []
    for _ in range(3):
        story.complete(1, "a", how=REFUSED)
    assert story.blamed() == ["complete/accepted"]


@pytest.mark.parametrize("method", ["complete", "fail"])
def test_a_holder_may_meet_four_errors_that_say_nothing(method: str) -> None:
    """The fifth of the same kind is not transient either, as long as the lease surely lasts."""
    story, begun = held()
    calls = [getattr(story, method)(1, "a", how=NOT_LEASED) for _ in range(4)]
    assert story.violations(lease_timeout=1) == []
    calls.append(getattr(story, method)(1, "a", how=NOT_LEASED))
    happened = f"worker 1 held a, and its {method} failed 5 times in a row: RuntimeError: not on lease"
    assert story.violations(lease_timeout=1) == [
        Violation(f"{method}/accepted", happened, "a", (begun[1], *calls))
    ]


def test_errors_count_that_are_the_same_in_a_row() -> None:
    """Other errors, other calls and other workers begin a new row, and so does another lease."""
    story, _ = held()
    for number in range(5):
        story.complete(1, "a", how=(UNKNOWN, f"OSError: {number}"))
    for _ in range(2):
        for method in (story.complete, story.fail):
            method(1, "a", how=NOT_LEASED)
    for _ in range(5):
        story.complete(2, "a", how=NOT_LEASED)
    assert story.violations() == []
    story.complete(2, "a", how=NOT_LEASED, at=(story.now, None))
    assert story.violations() == []


SECOND = 1_000_000_000


def _waits(story: Story, times: int = 5, seconds: int = 5) -> list[Operation]:
    """Worker 2 leases, waits for so long, and fails; so often."""
    calls = []
    for _ in range(times):
        begin = story.now + 1
        how = (UNKNOWN, "OperationalError: database is locked")
        calls.append(story.lease(2, limit=1, how=how, at=(begin, begin + seconds * SECOND)))
    return calls


def test_who_waits_for_what_somebody_holds_that_has_nothing_left_to_do_is_not_served() -> None:
    """A transaction that was never committed: the call is told after which the others wait."""
    story = Story()
    story.enqueue("a", "b")
    lease = story.lease(1, "a")
    calls = _waits(story)
    happened = (
        "since worker 1's lease, lease(1) of worker 2 failed 5 times in a row, each after a long wait and "
        "with nobody else at work: OperationalError: database is locked"
    )
    assert story.violations() == [Violation("lease/accepted", happened, None, (lease, *calls))]
    _waits(story)
    assert story.blamed() == ["lease/accepted"]


def test_a_store_may_be_busy_for_some_seconds_or_with_what_nobody_knows() -> None:
    """Four times in a row, or for ten seconds, or since a call of unknown outcome."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "a")
    _waits(story, times=4)
    story.lease(2)
    _waits(story, seconds=2)
    assert story.violations() == []
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "a")
    story.complete(1, "a", how=LOST)
    _waits(story)
    assert story.violations() == []


IN_A_TRANSACTION = (UNKNOWN, "OperationalError: cannot start a transaction within a transaction")


@pytest.mark.parametrize("method", ["lease", "complete", "fail"])
def test_a_store_that_is_dead_since_a_call_was_cancelled(method: str) -> None:
    """The cancelled call is to blame, and not whoever comes next; five leases in vain are enough."""
    story, _ = held()
    cancelled = (
        story.lease(1, how=STOPPED) if method == "lease" else getattr(story, method)(1, "a", how=STOPPED)
    )
    for _ in range(5):
        story.complete(1, "a", how=IN_A_TRANSACTION)
    vain = [story.lease(1, how=IN_A_TRANSACTION) for _ in range(4)]
    assert [each for each in story.blamed() if each.endswith("/cancelled")] == []
    vain.append(story.lease(2, how=IN_A_TRANSACTION))
    what = "lease" if method == "lease" else f"{method} of a"
    happened = f"since worker 1's {what} was cancelled, every lease fails: {IN_A_TRANSACTION[1]}"
    witness = (cancelled, *vain)
    assert story.violations() == [Violation(f"{method}/cancelled", happened, cancelled.job_id, witness)]
    story.lease(1, how=IN_A_TRANSACTION)
    assert story.violations() == [Violation(f"{method}/cancelled", happened, cancelled.job_id, witness)]


def test_a_connection_that_is_dead_since_a_call_was_cancelled() -> None:
    """Others are served, and who cancelled a complete never again; who cancelled a lease has lost no job."""
    for method in ("complete", "lease"):
        story, _ = held()
        call = story.lease if method == "lease" else partial(story.complete, id="a")
        cancelled = call(1, how=STOPPED)
        vain = []
        for _ in range(5):
            story.lease(2)
            vain.append(story.lease(1, how=IN_A_TRANSACTION))
        happened = f"since worker 1's complete of a was cancelled, every lease fails: {IN_A_TRANSACTION[1]}"
        dead = Violation("complete/cancelled", happened, "a", (cancelled, *vain))
        assert story.violations() == ([dead] if method == "complete" else [])


def test_a_store_that_is_dead_for_another_reason() -> None:
    """Nothing cancelled is to blame if nothing was answered before, or something since, or errors differ."""
    story = Story()
    story.enqueue("a")
    story.lease(1, how=STOPPED)
    for _ in range(5):
        story.lease(1, how=IN_A_TRANSACTION)
    assert story.blamed() == ["lease/accepted"]
    story, _ = held()
    story.lease(1, how=STOPPED)
    story.fail(2, "b", how=REFUSED)
    for _ in range(5):
        story.lease(1, how=IN_A_TRANSACTION)
    assert story.blamed(lease_timeout=1) == []
    story, _ = held()
    story.lease(1, how=STOPPED)
    for number in range(5):
        story.lease(1, how=(UNKNOWN, f"OSError: {number}"))
    assert story.blamed() == []
    story, _ = held()
    story.lease(1, how=STOPPED)
    for _ in range(5):
        story.lease(1, how=(UNKNOWN, KILLED))
    assert story.blamed() == []


def test_what_was_begun_before_a_cancellation_has_not_failed_since() -> None:
    """Only leases that were called when the cancelled call was over show that the store is dead."""
    story, _ = held()
    story.lease(1, how=STOPPED, at=(10, 30))
    for number in range(5):
        story.lease(2, how=IN_A_TRANSACTION, at=(20 + number, 40 + number))
    assert story.blamed() == []


def test_hostile_messages_may_fail_in_a_row() -> None:
    """Five errors are none too many for a message that need not be accepted."""
    story, _ = held()
    for _ in range(5):
        story.fail(1, "a", "nul\x00", how=NOT_LEASED)
    assert story.violations() == []


def test_a_hostile_message_is_to_blame_if_the_holder_is_refused_since() -> None:
    """It may be refused, and then nothing must have changed; that others are refused follows from it."""
    story, _ = held()
    hostile = story.fail(1, "a", "nul\x00", how=REFUSED)
    for _ in range(3):
        story.fail(1, "a", "a safe one", how=REFUSED)
    (found,) = story.violations()
    assert found.clause == "fail/hostile-message"
    assert found.happened == (
        "a was on lease to worker 1, and its fail was refused again and again: ValueError: no, after worker "
        "1's fail of a, which was refused"
    )
    assert hostile in found.witness
    assert found.instead is not None
    assert found.instead.clause == "fail/accepted"


def test_a_hostile_message_is_not_to_blame_for_what_was_refused_before() -> None:
    """Nor is it one of those that had to be accepted."""
    story, _ = held()
    story.fail(1, "a", "a safe one", how=REFUSED)
    story.fail(1, "a", "nul\x00", how=REFUSED)
    story.fail(1, "a", "a safe one", how=REFUSED)
    assert story.violations() == []
    story.fail(1, "a", "a safe one", how=REFUSED)
    assert story.blamed() == ["fail/accepted"]


def test_errors_before_a_lease_are_not_the_holder_s() -> None:
    """Nor do they count with those that follow it."""
    story = Story()
    story.enqueue("a")
    for _ in range(5):
        story.complete(1, "a", how=NOT_LEASED)
    assert story.violations() == []


def test_what_ended_leases_before_this_one_began_is_over() -> None:
    """A reopening before the session, or after it."""
    story = Story()
    story.event("reopen")
    story.enqueue("a")
    story.lease(1, "a")
    for _ in range(5):
        story.complete(1, "a", how=NOT_LEASED)
    story.event("reopen")
    assert story.blamed(durable=True) == ["complete/accepted"]


def test_a_row_of_errors_in_a_later_session_counts() -> None:
    """What the first session ended with is over by then."""
    story, _ = held()
    story.fail(1, "a")
    story.fail(1, "a", how=REFUSED)
    story.lease(1, "a", attempts=2)
    story.inspect("a", "leased")
    for _ in range(5):
        story.complete(1, "a", how=NOT_LEASED)
    assert story.blamed(redelivers=True) == ["complete/accepted"]
    story, _ = held()
    story.complete(1, "a", how=STOPPED)
    story.lease(1, "a", attempts=2)
    for _ in range(5):
        story.complete(1, "a", how=NOT_LEASED)
    assert "complete/accepted" not in story.blamed()


def test_a_lease_is_accepted_in_the_end() -> None:
    """Two refusals of one limit may be transient; the third in a row is a breach, once."""
    story = Story()
    story.enqueue("a")
    calls = [story.lease(1, limit=2, how=REFUSED) for _ in range(2)]
    assert story.violations() == []
    calls.append(story.lease(1, limit=2, how=REFUSED))
    expected = Violation(
        "lease/accepted", "lease(2) failed 3 times in a row: ValueError: no", None, tuple(calls)
    )
    assert story.violations() == [expected]
    for _ in range(6):
        story.lease(2, limit=2, how=REFUSED)
    assert story.violations() == [expected]


@pytest.mark.parametrize("limit", [1, MOST])
def test_the_least_and_the_largest_limit_are_accepted(limit: int) -> None:
    """And one more job that was completed makes none ready."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a", limit=limit)
    story.complete(1, "a")
    for _ in range(3):
        story.lease(1, limit=limit, how=REFUSED)
    assert story.blamed() == ["lease/empty"]


def test_an_empty_store_accepts_leases_too() -> None:
    """Where nothing is ready, a lease that fails breaks another clause."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    calls = [story.lease(1, limit=2, how=REFUSED) for _ in range(3)]
    happened = "lease(2) failed 3 times in a row: ValueError: no"
    assert story.violations() == [Violation("lease/empty", happened, None, tuple(calls))]
    story.fail(1, "a")
    for _ in range(3):
        story.lease(2, limit=7, how=REFUSED)
    assert story.blamed() == ["lease/accepted", "lease/empty"]


def test_refusals_of_a_lease_count_that_are_in_a_row() -> None:
    """Another limit, another outcome, another worker and a success in between begin a new row."""
    story = Story()
    for how, limit in ((REFUSED, 1), (REFUSED, 2), (LOST, 2)):
        for _ in range(2):
            story.lease(1, limit=limit, how=how)
            story.lease(2, limit=limit, how=how)
        story.lease(2, limit=limit)
    assert story.violations() == []


def test_what_need_not_be_accepted_may_be_refused() -> None:
    """A limit of zero or less, one beyond 2^31-1, and leases that were cancelled or given up."""
    story = Story()
    story.enqueue("a")
    for limit in (0, -1, 2**31):
        for _ in range(5):
            story.lease(1, limit=limit, how=REFUSED)
    for how in ((UNKNOWN, TIMED_OUT), STOPPED):
        for _ in range(5):
            story.lease(1, how=how)
    assert story.violations() == []


def test_a_lease_that_fails_with_the_same_error_five_times_was_never_accepted() -> None:
    """If the limit was accepted at some time, or the errors differ, the errors may be transient."""
    story = Story()
    calls = [story.lease(1, limit=2, how=LOST) for _ in range(4)]
    story.lease(1, limit=3)
    assert story.violations() == []
    calls = [story.lease(1, limit=2, how=LOST) for _ in range(5)]
    happened = "lease(2) failed 5 times in a row: ConnectionError: lost"
    assert story.violations() == [Violation("lease/empty", happened, None, tuple(calls))]
    story.lease(1, limit=2)
    assert story.violations() == []
    story = Story()
    for number in range(9):
        story.lease(1, limit=2, how=(UNKNOWN, f"OSError: {number}"))
    assert story.violations() == []


@pytest.mark.parametrize("method", ["lease", "complete", "fail"])
def test_a_store_that_hangs_after_a_cancellation_does_not_work_on(method: str) -> None:
    """The call that never returned is shown with the one that was cancelled."""
    story, _ = held()
    story.enqueue("b")
    if method == "lease":
        cancelled = story.lease(1, how=STOPPED)
    else:
        cancelled = getattr(story, method)(1, "a", how=STOPPED)
    assert story.violations() == []
    hung = story.lease(2, how=(UNKNOWN, TIMED_OUT))
    happened = f"worker 2's lease did not return, after worker 1's {method} was cancelled"
    assert story.violations() == [Violation(f"{method}/cancelled", happened, None, (cancelled, hung))]


def test_a_call_that_did_not_return_may_have_another_reason() -> None:
    """None was cancelled; another returned since; it was under way before; nothing was ready for a lease."""
    given_up = (UNKNOWN, TIMED_OUT)
    story, _ = held()
    story.complete(1, "a", how=given_up)
    assert story.violations() == []
    story, _ = held()
    story.lease(1, how=STOPPED)
    story.inspect("a", "leased")
    story.complete(1, "a", how=given_up)
    assert story.violations() == []
    story, _ = held()
    story.lease(1, how=STOPPED)
    story.lease(1, how=given_up)
    assert story.violations() == []
    story, _ = held()
    story.complete(1, "a", how=STOPPED, at=(10, 20))
    story.fail(1, "a", how=given_up, at=(15, 30))
    assert story.violations() == []
    story.fail(1, "a", how=given_up)
    assert story.blamed() == ["complete/cancelled"]


def test_another_method_that_is_served_shows_nothing_of_the_lock_that_was_left_behind() -> None:
    """Until the method that was cancelled is served again, it may be what hangs."""
    story, _ = held()
    story.enqueue("b")
    cancelled = story.complete(1, "a", how=STOPPED)
    story.lease(2, "b")
    hung = story.complete(2, "b", how=(UNKNOWN, TIMED_OUT))
    happened = "worker 2's complete did not return, after worker 1's complete was cancelled"
    assert story.violations() == [Violation("complete/cancelled", happened, "b", (cancelled, hung))]
    story, _ = held()
    story.enqueue("b", "c")
    story.complete(1, "a", how=STOPPED)
    story.lease(2, "b", "c", limit=2)
    story.complete(2, "b")
    story.complete(2, "c", how=(UNKNOWN, TIMED_OUT))
    assert story.violations() == []


# -- a call that was cancelled, and refused ever after --------------------------------------------


def _refused(method: str, times: int = 3) -> tuple[Story, list[Operation]]:
    """A holder whose call was cancelled, and refused later."""
    story, (_, lease) = held()
    calls = [getattr(story, method)(1, "a", how=how) for how in (STOPPED, *[REFUSED] * times)]
    return story, [lease, *calls]


@pytest.mark.parametrize("method", ["complete", "fail"])
def test_a_job_that_is_shown_on_lease_was_refused_its_end(method: str) -> None:
    """The cancelled call had no effect, and so the refusals were wrong."""
    story, calls = _refused(method)
    seen = story.inspect("a", "leased")
    happened = (
        f"worker 1's {method} of a was cancelled; then it was refused again and again, though he held the "
        "job: ValueError: no"
    )
    expected = [Violation(f"{method}/cancelled", happened, "a", (*calls, seen))]
    assert story.violations(lease_timeout=30) == expected


def test_a_job_that_comes_back_was_not_completed_by_what_was_cancelled() -> None:
    """A complete that had its effect would have let go of it for good; a fail may bring it back itself."""
    for method, blamed in (("complete", ["complete/cancelled"]), ("fail", [])):
        story, _ = _refused(method)
        story.wait(31)
        story.lease(2, "a", attempts=2)
        assert story.blamed(lease_timeout=30) == blamed


def test_what_else_explains_the_refusals() -> None:
    """They are few; the lease was over; another called; it was shown otherwise; jobs may have been taken."""
    story, _ = _refused("complete", 2)
    story.inspect("a", "leased")
    assert story.blamed(lease_timeout=30) == []
    story, _ = held()
    story.complete(1, "a", how=STOPPED)
    story.wait(31)
    for _ in range(3):
        story.complete(1, "a", how=REFUSED)
    story.inspect("a", "leased")
    assert story.blamed(lease_timeout=30) == []
    story, _ = _refused("complete")
    story.fail(2, "a", how=REFUSED)
    story.inspect("a", "leased")
    assert story.blamed(lease_timeout=30) == []
    story, _ = _refused("complete")
    story.inspect("a", "completed")
    assert story.blamed(lease_timeout=30) == []
    story, _ = _refused("complete")
    story.lease(2, how=LOST)
    story.inspect("a", "leased")
    assert story.blamed(lease_timeout=30) == []
    story, _ = _refused("complete")
    story.complete(1, "a", how=LOST)
    story.inspect("a", "leased")
    assert story.blamed(lease_timeout=30) == []


@pytest.mark.parametrize(("ends", "how"), [("fail", (OK, "")), ("fail", LOST), ("complete", LOST)])
def test_who_has_ended_his_lease_holds_nothing_that_he_could_be_refused(
    ends: str, how: tuple[Outcome, str]
) -> None:
    """His later calls are refused by every correct store, one that he cancels included."""
    story, _ = held()
    getattr(story, ends)(1, "a", how=how)
    story.complete(1, "a", how=STOPPED)
    for _ in range(3):
        story.complete(1, "a", how=REFUSED)
    story.wait(31)
    story.lease(1, "a", attempts=2)
    assert story.violations(lease_timeout=30) == []


def test_a_holder_whose_calls_were_all_cancelled_was_not_refused() -> None:
    """They say nothing of the store, however many they are."""
    story, _ = held()
    for _ in range(5):
        story.complete(1, "a", how=STOPPED)
    assert story.violations() == []


def test_a_job_that_was_refused_its_end_is_not_lost_besides() -> None:
    """What the refusals seem to say contradicts the record; one breach is enough."""
    story, _ = _refused("complete")
    story.inspect("a", "leased")
    story.wait(60)
    story.drain()
    assert story.blamed(lease_timeout=30) == ["complete/cancelled"]


STANDS = (UNKNOWN, STUCK)


@pytest.mark.parametrize("method", ["complete", "fail"])
def test_a_holder_that_waits_for_ever_is_not_accepted(method: str) -> None:
    """Somebody else's lease that waits with it is no excuse, and no breach of its own."""
    story, (_, lease) = held()
    story.lease(2, how=STANDS)
    stuck = getattr(story, method)(1, "a", how=STANDS)
    happened = f"worker 1's {method} of a, which it held, never returned: everybody waited for somebody else"
    assert story.violations() == [Violation(f"{method}/accepted", happened, "a", (lease, stuck))]


def test_who_holds_nothing_may_wait_for_ever() -> None:
    """A lease waits for jobs; and a stranger, a worker who has ended its lease, one whose lease is over."""
    story, _ = held()
    story.lease(2, how=STANDS)
    story.complete(2, "a", how=STANDS)
    story.complete(1, "b", how=STANDS)
    assert story.violations() == []
    story, _ = held()
    story.complete(1, "a")
    story.complete(1, "a", how=STANDS)
    assert story.violations() == []
    story, _ = held()
    story.wait(2)
    story.complete(1, "a", how=STANDS)
    assert story.violations(lease_timeout=1.0) == []
    assert [each.clause for each in story.violations(lease_timeout=9.0)] == ["complete/accepted"]


def test_a_cancellation_is_to_blame_for_one_that_waits_and_not_for_several() -> None:
    """Of several one may wait for the other, which needs no cancellation."""
    story, _ = held()
    cancelled = story.lease(2, how=STOPPED)
    stuck = story.complete(2, "b", how=STANDS)
    happened = "worker 2's complete did not return, after worker 2's lease was cancelled"
    assert story.violations() == [Violation("lease/cancelled", happened, "b", (cancelled, stuck))]
    story.lease(3, how=STANDS)
    assert story.violations() == []


HANGS = (UNKNOWN, TIMED_OUT)


def _emptied(leases: int, *, seconds: float = 0.01) -> Story:
    """A job that worker 1 holds, while worker 2 asks in vain, each time for so long."""
    story, _ = held()
    for _ in range(leases):
        now = story.now
        story.lease(2, at=(now + 1, now + round(seconds * 1e9)))
    return story


def test_a_store_that_never_waits_for_jobs_hangs_after_what_was_cancelled() -> None:
    """It has answered at once when there was nothing; so it does not wait for jobs now."""
    story = _emptied(2)
    cancelled = story.complete(1, "a", how=STOPPED)
    hung = story.lease(2, at=(story.now, story.now + 5_000_000_000), how=HANGS)
    happened = "worker 2's lease did not return, after worker 1's complete was cancelled"
    assert story.violations() == [Violation("complete/cancelled", happened, None, (cancelled, hung))]


@pytest.mark.parametrize(("leases", "seconds"), [(1, 0.01), (3, 0.2)])
def test_a_store_that_may_wait_for_jobs_is_not_said_to_hang(leases: int, seconds: float) -> None:
    """One answer says little, and a slow one that it waits."""
    story = _emptied(leases, seconds=seconds)
    story.complete(1, "a", how=STOPPED)
    story.lease(2, at=(story.now, story.now + 5_000_000_000), how=HANGS)
    assert story.violations() == []


def test_what_needs_no_lock_does_not_show_that_a_store_works_on() -> None:
    """A lease of nothing is answered where everything else waits."""
    story, _ = held()
    cancelled = story.lease(2, how=STOPPED)
    story.lease(2, limit=0)
    hung = story.complete(1, "a", how=HANGS)
    happened = "worker 1's complete did not return, after worker 2's lease was cancelled"
    assert story.violations() == [Violation("lease/cancelled", happened, "a", (cancelled, hung))]


def _broken_off(*, worked: bool, served: bool = False) -> tuple[Story, Operation, Operation, list[Operation]]:
    """A worker whose completes all fail after a fail that it cancelled."""
    story = Story()
    story.enqueue("a", "b", "c")
    for each in "abc":
        lease = story.lease(1, each)
    if worked:
        story.complete(1, "a")
    cancelled = story.fail(1, "b", how=STOPPED)
    if served:
        story.lease(1)
    return story, lease, cancelled, [story.complete(1, "c", how=NOT_LEASED) for _ in range(5)]


def test_what_fails_since_a_call_was_cancelled_is_laid_to_that() -> None:
    """A transaction that is still open, say, of the same connection."""
    story, lease, cancelled, calls = _broken_off(worked=True)
    happened = (
        "since worker 1's fail of b was cancelled, its complete of c, which it held, failed 5 times in a "
        "row: RuntimeError: not on lease"
    )
    assert story.violations() == [Violation("fail/cancelled", happened, "c", (lease, cancelled, *calls))]


@pytest.mark.parametrize(("worked", "served"), [(False, False), (True, True)])
def test_what_never_worked_or_worked_on_was_not_cancelled(worked: bool, served: bool) -> None:  # noqa: FBT001
    """Such a call may fail by itself; and what is answered afterwards shows that no harm was done."""
    story, _, _, _ = _broken_off(worked=worked, served=served)
    assert story.blamed() == ["complete/accepted"]


# -- after a kill ---------------------------------------------------------------------------------

PROMISED = {"durable": True, "sharing": "process"}
TORN = (UNKNOWN, "ValueError: half a file")


def killed() -> tuple[Story, list[Operation]]:
    """A worker that was killed inside a complete, and what shows that."""
    story, _ = held()
    inside = story.call("complete", 1, "a", how=(UNKNOWN, KILLED))
    return story, [inside, story.event("kill", 1)]


@pytest.mark.parametrize(
    ("method", "value", "says"),
    [("connect", None, "the store can't be opened"), ("lease", 10, "every lease fails")],
)
def test_a_store_that_is_shut_since_a_kill_is_not_durable(
    method: Method, value: int | None, says: str
) -> None:
    """Five tries in a row are enough; that a lease fails has no other cause then."""
    story, witness = killed()
    witness += [story.call(method, 2, None, value, how=TORN) for _ in range(4)]
    assert story.violations(**PROMISED) == []
    witness.append(story.call(method, 2, None, value, how=TORN))
    story.call(method, 2, None, value, how=TORN)
    happened = f"since worker 1 was killed inside its complete of a, {says}: ValueError: half a file"
    assert story.violations(**PROMISED) == [Violation("durable/kill", happened, None, tuple(witness))]
    assert "durable/kill" not in story.blamed(durable=True, sharing="connection")


def test_what_a_dead_worker_locked_may_be_locked_until_its_lease_has_expired() -> None:
    """From then on it may not."""
    story, _ = killed()
    for _ in range(5):
        story.call("connect", 2, how=TORN)
    assert story.violations(**PROMISED, lease_timeout=1) == []
    story.wait(1)
    for _ in range(5):
        story.call("connect", 2, how=TORN)
    assert story.blamed(**PROMISED, lease_timeout=1) == ["durable/kill"]


@pytest.mark.parametrize("how", [(OK, ""), (UNKNOWN, TIMED_OUT), (UNKNOWN, KILLED)])
@pytest.mark.parametrize("method", ["connect", "lease"])
def test_a_store_that_opens_now_and_then_is_not_shut(method: Method, how: tuple[Outcome, str]) -> None:
    """Nor is one of which a call was given up, or whose next worker was killed too."""
    story, _ = killed()
    value = 3 if method == "lease" else None
    for each in (TORN, TORN, how, TORN, TORN):
        story.call(method, 2, None, value, how=each)
    assert story.violations(**PROMISED) == []


def test_a_kill_did_not_shut_what_never_worked() -> None:
    """Where nothing was ever accepted, the kill has broken nothing."""
    story = Story()
    story.event("kill", 1)
    for _ in range(5):
        story.call("connect", 2, how=TORN)
    assert story.violations(**PROMISED) == []


def test_a_store_that_is_busy_refuses_anybody_now_and_then() -> None:
    """What is refused for another reason in between was answered too."""
    story, _ = held()
    for _ in range(4):
        story.complete(1, "a", how=REFUSED)
        story.complete(2, "stranger", how=REFUSED)
    assert story.violations() == []
    story = Story()
    story.enqueue("a")
    for _ in range(4):
        story.lease(1, how=REFUSED)
        story.complete(2, "stranger", how=REFUSED)
    assert story.violations() == []
    for _ in range(3):
        story.lease(1, how=REFUSED)
    assert story.blamed() == ["lease/accepted"]


def test_errors_in_a_row_are_those_with_nothing_answered_in_between() -> None:
    """A server that is busy fails now and then, also five times the same call."""
    story, _ = held()
    for _ in range(6):
        story.complete(1, "a", how=NOT_LEASED)
        story.lease(2)
    assert story.violations(lease_timeout=9) == []
