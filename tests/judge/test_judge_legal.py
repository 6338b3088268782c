"""What correct stores do, of which each could be taken for a breach; nobody is blamed."""

from __future__ import annotations

from collections.abc import Callable

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import Delivered, Method
from async_contract.judge.judge import judge

from .story import LOST, NOT_LEASED, REFUSED, STOPPED, Story


class _Text(str):
    """The text of some library, as an enum's members or a database's quoted names are."""

    __slots__ = ()


def test_an_id_may_be_of_a_class_derived_from_str() -> None:
    """It is the same job as the one that was enqueued under the plain text."""
    story = Story()
    story.enqueue("a")
    story.call("lease", 1, None, 1, (Delivered(_Text("a"), _Text("mail"), attempts=1),))
    story.complete(1, "a")
    assert judge(story.history, Capabilities()).violations == ()


def test_hostile_messages_may_be_refused_every_time() -> None:
    """That a fail is accepted is owed for safe messages only; and refused completes are no refused fails."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    for message in ("nul\x00", "two\nlines", "\ud800"):
        story.fail(1, "a", message, how=REFUSED)
    for _ in range(2):
        story.complete(1, "a", how=REFUSED)
    story.fail(1, "a", how=REFUSED)
    assert story.violations() == []


def test_errors_that_say_nothing_may_follow_what_took_effect() -> None:
    """After a complete that was cancelled the job may be completed, and five errors in a row are right."""
    begins: list[Callable[[Story], object]] = [
        lambda story: story.complete(1, "a", how=STOPPED),
        lambda story: story.fail(1, "a", "nul\x00", how=NOT_LEASED),
        lambda story: story.complete(2, "a"),
        lambda story: story.event("reopen"),
        lambda story: story.wait(1),
    ]
    for begin in begins:
        story = Story()
        story.enqueue("a")
        story.lease(1, "a")
        begin(story)
        for _ in range(5):
            story.complete(1, "a", how=NOT_LEASED)
        assert story.violations(lease_timeout=1, durable=True) == []


def test_a_store_that_forgets_may_forget_what_a_job_was() -> None:
    """After a reopening it may count deliveries anew, and order and content are not what they were."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "b")
    story.fail(1, "b")
    story.lease(1, "b", attempts=2)
    story.event("reopen")
    story.call("lease", 1, None, 2, (Delivered("b", "mail", attempts=0), Delivered("a", "other", attempts=1)))
    assert story.violations() == []
    assert story.blamed(durable=True) == ["lease/faithful", "lease/attempts-steady"]


def test_the_id_of_a_job_whose_enqueue_was_lost_may_be_the_store_s_choice() -> None:
    """Nobody knows that id before the job is delivered; but it is a job like the one that was given."""
    story = Story()
    story.enqueue("a", how=LOST)
    story.lease(1, "srv-1")
    story.complete(1, "srv-1")
    assert story.violations() == []
    again = story.lease(1, "srv-2")
    story.call("lease", 1, None, 1, (Delivered("srv-3", "other", attempts=1),))
    assert story.blamed() == ["lease/known"]
    story.enqueue("b", how=LOST)
    story.lease(1, "b")
    assert again in story.history
    assert story.blamed() == ["lease/known"]


def test_a_failed_job_may_be_put_anywhere_though_it_was_never_leased() -> None:
    """Whether such a fail does anything is observed, and so is where the job is then put."""
    for failed in ("a", "b"):
        story = Story()
        story.enqueue("a", "b")
        story.fail(1, failed)
        story.lease(1, "b")
        story.lease(1, "a")
        assert story.violations(fifo=True) == []
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "b")
    story.lease(1, "a")
    story.fail(1, "a")
    assert story.blamed(fifo=True) == ["lease/order"]


def test_a_complete_by_another_may_do_nothing_while_a_lost_lease_has_the_job() -> None:
    """It is not known to be off lease, so silence is no breach."""
    story = Story()
    story.enqueue("a")
    story.lease(1, how=LOST)
    story.complete(2, "a")
    story.wait(1)
    story.lease(2, "a")
    assert story.violations(lease_timeout=0.5) == []


def test_a_lease_that_never_returned_may_take_a_job_at_any_time() -> None:
    """It may wait for jobs; as many as its limit may be gone, though leases expire."""
    story = Story()
    story.call("lease", 2, None, 1, how=LOST, at=(0, None))
    story.wait(10)
    story.enqueue("a")
    story.drain()
    assert story.violations(lease_timeout=0.5) == []
    story.enqueue("b")
    story.drain()
    assert story.blamed(lease_timeout=0.5) == ["lease/progress"]


def test_what_has_no_text_as_its_id_is_no_job_that_stands_twice() -> None:
    """It is malformed, which says it all."""
    story = Story()
    story.call("lease", 1, None, 9, (Delivered(5, "mail"), Delivered(5, "mail")))
    assert story.blamed() == ["lease/well-formed", "lease/well-formed"]


def test_deliveries_that_nobody_received_may_use_up_a_job() -> None:
    """Where expired deliveries count, a lost lease may have been the last one that the job had left."""
    story = Story()
    story.enqueue("a")
    story.lease(1, how=LOST)
    story.wait(1)
    story.drain()
    assert story.violations(lease_timeout=0.5, max_attempts=1, expiry_counts=True) == []
    assert story.blamed(lease_timeout=0.5, max_attempts=2, expiry_counts=True) == ["lease/progress"]
    assert story.blamed(lease_timeout=0.5, max_attempts=1) == ["lease/progress"]


def test_a_connection_that_all_workers_share_ends_the_leases_of_all() -> None:
    """It may break under the call of any of them; one of its own ends its worker's leases only."""
    accidents: list[Callable[[Story], object]] = [
        lambda story: story.lease(2, how=LOST),
        lambda story: story.complete(2, "x", how=LOST),
        lambda story: story.event("disconnect", 2),
    ]
    for breaks in accidents:
        story = Story()
        story.enqueue("a")
        story.lease(1, "a")
        breaks(story)
        story.lease(2, "a", attempts=2)
        for sharing in ("none", "instance"):
            assert story.violations(ends_with_connection=True, sharing=sharing) == []
        assert story.blamed(ends_with_connection=True, sharing="connection") == ["lease/exclusive"]
        assert story.blamed() == ["lease/exclusive"]


def test_who_closes_its_connection_may_give_back_what_it_holds() -> None:
    """Nothing was promised about that; and it does not go for who is killed, nor for the jobs of others."""
    ends: list[tuple[Method, int, list[str]]] = [
        ("disconnect", 1, []),
        ("kill", 1, ["lease/exclusive"]),
        ("disconnect", 3, ["lease/exclusive"]),
    ]
    for event, worker, blamed in ends:
        story = Story()
        story.enqueue("a")
        story.lease(1, "a")
        story.event(event, worker)
        story.lease(2, "a", attempts=2)
        assert story.blamed(durable=True, sharing="connection") == blamed
    assert story.violations(durable=True)[0].happened == (
        "worker 2 was given a, which was on lease to worker 1, after worker 3's closing of its connection"
    )


def test_an_enqueue_or_an_inspection_may_break_anybody_s_connection() -> None:
    """Over whose connection it was made is not said."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.enqueue("b", how=LOST)
    story.lease(1, "a", attempts=2)
    story.told.append(story.inspect("b", "ready")._replace(outcome=LOST[0], error=LOST[1], value=None))
    del story.told[-2]
    story.lease(2, "a", attempts=3)
    assert story.violations(ends_with_connection=True, sharing="connection") == []


def test_a_lease_may_end_a_millisecond_early() -> None:
    """Most clocks of databases show whole milliseconds; what they are off by is no breach."""
    for waits, blamed in ((0.9995, []), (0.998, ["expiry/not-early"])):
        story = Story()
        story.enqueue("a")
        story.lease(1, "a")
        story.wait(waits)
        story.lease(2, "a", attempts=2)
        assert story.blamed(lease_timeout=1) == blamed
