"""What a batch and a delivery break by themselves, whatever else happened."""

from __future__ import annotations

from typing import Any

import pytest

from async_contract.history.operation import OK, Delivered, Misfit, Operation, Outcome
from async_contract.judge.verdict import Violation

from .story import REFUSED, SECOND, Story

GIVEN = Delivered("a", "mail", "acme", b"\x00\xff", 0)


def enqueued() -> tuple[Story, Operation]:
    """A job with a tenant and a payload."""
    story = Story()
    return story, story.call("enqueue", 0, "a", None, (GIVEN,))


def delivered(story: Story, **changes: Any) -> Operation:
    """The job, delivered with something changed."""
    return story.call("lease", 1, None, 1, (GIVEN._replace(attempts=1)._replace(**changes),))


# -- lease/within-limit ---------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "jobs"), [(0, 0), (1, 1), (3, 2), (2**31 - 1, 3), (-5, 0)])
def test_at_most_so_many_jobs_as_the_limit_are_delivered(limit: int, jobs: int) -> None:
    """Fewer are, too; and none where it is zero or less."""
    story = Story()
    story.enqueue("a", "b", "c")
    story.lease(1, *"abc"[:jobs], limit=limit)
    assert story.violations() == []


@pytest.mark.parametrize(
    ("limit", "ids", "what"),
    [(1, "ab", "2 jobs"), (0, "a", "1 job"), (-3, "a", "1 job"), (2, "abc", "3 jobs")],
)
def test_more_jobs_than_the_limit_are_a_breach(limit: int, ids: str, what: str) -> None:
    """The lease alone shows it."""
    story = Story()
    story.enqueue("a", "b", "c")
    lease = story.lease(2, *ids, limit=limit)
    happened = f"lease({limit}) delivered {what} to worker 2"
    assert story.violations() == [Violation("lease/within-limit", happened, None, (lease,))]


# -- lease/distinct -------------------------------------------------------------------------------


def test_no_job_stands_twice_in_one_batch() -> None:
    """Each that does is named; that is not another delivery of it."""
    story = Story()
    story.enqueue("a", "b")
    lease = story.lease(1, "a", "b", "a", "b", "b", limit=9)
    assert story.violations() == [
        Violation("lease/distinct", "a stands 2 times in one batch for worker 1", "a", (lease,)),
        Violation("lease/distinct", "b stands 3 times in one batch for worker 1", "b", (lease,)),
    ]


def test_a_job_that_is_failed_while_a_lease_is_under_way_may_stand_in_its_batch_twice() -> None:
    """A store that fences nobody lets the fail take effect, and the lease goes on to find the job ready."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a", "a", limit=2, at=(10, 20))
    story.fail(2, "a", at=(12, 14))
    assert story.violations() == []


@pytest.mark.parametrize(("how", "at"), [(REFUSED, (12, 14)), ((OK, ""), (6, 8)), ((OK, ""), (22, 24))])
def test_a_fail_without_effect_or_at_another_time_is_no_excuse(
    how: tuple[Outcome, str], at: tuple[int, int]
) -> None:
    """A job that was refused, or given back before or after the lease, stands in its batch once."""
    story = Story()
    story.enqueue("a", at=(1, 2))
    story.lease(1, "a", at=(3, 4))
    story.fail(1, "a", at=(4, 5))
    story.lease(1, "a", "a", limit=2, at=(10, 20))
    story.fail(2, "a", how=how, at=at)
    assert story.blamed() == ["lease/distinct"]


@pytest.mark.parametrize(("seconds", "blamed"), [(9.4, ["lease/distinct"]), (9.5, [])])
def test_a_job_whose_lease_expires_while_its_batch_is_made_may_stand_in_it_twice(
    seconds: float, blamed: list[str]
) -> None:
    """A lease that takes as long as leases last."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a", "a", limit=2, at=(10, 10 + round(seconds * SECOND)))
    assert story.blamed(lease_timeout=10.0, clock_resolution=0.5) == blamed


# -- lease/well-formed ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"kind": 7}, "kind 7, an int"),
        ({"kind": ""}, "an empty kind"),
        ({"tenant_id": None}, "tenant_id None, a NoneType"),
        ({"payload": "text"}, "payload 'text', a str"),
        ({"attempts": 1.0}, "attempts 1.0, a float"),
        ({"attempts": -1}, "attempts -1"),
        ({"attempts": Misfit("Decimal", "Decimal('1')")}, "attempts Decimal('1'), a Decimal"),
        ({"payload": Misfit("", "(no such attribute)")}, "no payload"),
        (
            {"kind": b"m", "payload": Misfit("array", "x" * 90)},
            f"kind b'm', a bytes and payload {'x' * 60}, an array",
        ),
    ],
)
def test_a_job_is_delivered_in_its_form(changes: dict[str, Any], wrong: str) -> None:
    """What is wrong with it is said, and nothing else."""
    story, _ = enqueued()
    assert story.violations() == []
    lease = delivered(story, **changes)
    happened = f"a was delivered with {wrong}"
    assert story.violations() == [Violation("lease/well-formed", happened, "a", (lease,))]


@pytest.mark.parametrize(
    ("id", "wrong"), [(7, "id 7, an int"), ("", "an empty id"), (Misfit("", "(no such attribute)"), "no id")]
)
def test_a_job_has_an_id(id: object, wrong: str) -> None:
    """Without one it is nobody's job."""
    story, _ = enqueued()
    lease = delivered(story, id=id)
    happened = f"worker 1 was given a job with {wrong}"
    expected = Violation("lease/well-formed", happened, None, (lease,))
    assert [each for each in story.violations() if each.clause == "lease/well-formed"] == [expected]


@pytest.mark.parametrize("ready", [True, False])
def test_a_lease_returns_a_batch(*, ready: bool) -> None:
    """What else it returns breaks one clause where jobs are ready, and another where none is."""
    story, _ = enqueued()
    if not ready:
        delivered(story)
    lease = story.call("lease", 2, None, 3)._replace(error="returned None, which is no batch of jobs")
    story.told[-1] = lease
    clause = "lease/well-formed" if ready else "lease/empty"
    happened = "worker 2's lease(3) returned None, which is no batch of jobs"
    assert story.violations() == [Violation(clause, happened, None, (lease,))]


# -- lease/faithful -------------------------------------------------------------------------------


LONG = "payload b'\\x00\\xff' came back as b'" + "p" * 55 + "..."


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"kind": "Mail"}, "kind 'mail' came back as 'Mail'"),
        ({"tenant_id": "acme "}, "tenant_id 'acme' came back as 'acme '"),
        ({"payload": b"\x00"}, "payload b'\\x00\\xff' came back as b'\\x00'"),
        ({"kind": "ma\u00efl", "payload": b"p" * 100}, f"kind 'mail' came back as 'ma\\xefl' and {LONG}"),
    ],
)
def test_a_job_comes_back_as_it_was_enqueued(changes: dict[str, Any], differs: str) -> None:
    """Each difference is said, in ASCII and in brief."""
    story, enqueue = enqueued()
    lease = delivered(story, **changes)
    happened = f"a: {differs}"
    assert story.violations() == [Violation("lease/faithful", happened, "a", (enqueue, lease))]


def test_a_difference_after_a_worker_changed_its_copy_has_its_reason_there() -> None:
    """That is what the witness shows, without what else was in the batch or was done to the job."""
    story, enqueue = enqueued()
    story.enqueue("b")
    delivered(story)
    change = story.event("mutate", 1, "a")
    story.fail(1, "a")
    changed = GIVEN._replace(kind="changed", attempts=2)
    lease = story.call("lease", 1, None, 2, (Delivered("b", "mail"), changed))
    happened = "a: kind 'mail' came back as 'changed'"
    witness = (enqueue, change, lease._replace(jobs=(changed,)))
    assert story.violations() == [Violation("lease/snapshot", happened, "a", witness)]


# -- lease/attempts and lease/attempts-steady -----------------------------------------------------


def redelivered(*attempts: int) -> Story:
    """A job that is delivered and failed again and again, with these attempts."""
    story = Story()
    story.enqueue("a")
    for number in attempts:
        story.lease(1, "a", attempts=number)
        story.fail(1, "a")
    return story


@pytest.mark.parametrize("attempts", [(0,), (0, 1, 2), (5, 9), (3, 3)])
def test_attempts_may_be_any_that_do_not_fall(attempts: tuple[int, ...]) -> None:
    """Where they begin is the store's affair, and so is what counts as one."""
    assert redelivered(*attempts).violations() == []


def test_attempts_never_fall() -> None:
    """Not where they are counted, nor where they are not."""
    story = redelivered(3, 2)
    _, first, _, second, _ = story.told
    happened = "a was delivered with attempts=2 after attempts=3"
    expected = [Violation("lease/attempts-steady", happened, "a", (first, second))]
    assert story.violations() == story.violations(counts_attempts=True) == expected


def test_attempts_grow_where_the_store_counts_them() -> None:
    """The same number again breaks that promise, and nothing else."""
    story = redelivered(1, 2, 2)
    *_, second, _, third, _ = story.told
    happened = "a was delivered with attempts=2 after attempts=2"
    expected = [Violation("lease/attempts", happened, "a", (second, third))]
    assert story.violations(counts_attempts=True) == expected
    assert story.violations() == []


def test_the_order_of_two_deliveries_that_overlap_is_not_known() -> None:
    """So their attempts are not compared; and the later one is what the next is compared with."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a", attempts=2, at=(10, 40))
    story.lease(2, "a", attempts=1, at=(20, 50))
    story.lease(1, "a", attempts=1, at=(70, 80))
    assert story.violations(lease_timeout=1e-9) == []
    assert story.blamed(lease_timeout=1e-9, counts_attempts=True) == ["lease/attempts"]
