"""lease/order: a single consumer receives jobs for the first time in the order they were enqueued."""

from __future__ import annotations

from async_contract.contract.capabilities import Capabilities
from async_contract.judge.judge import judge
from async_contract.judge.verdict import ClauseVerdict, Verdict, Violation

from .story import LOST, REFUSED, Story

FIFO = Capabilities(fifo=True)


def test_first_deliveries_to_a_single_consumer_are_counted() -> None:
    """In batches or one by one; a job that comes again, and an empty lease, are no evidence."""
    story = Story()
    assert judge([], FIFO).verdicts["lease/order"].count == 0
    story.enqueue("z", "m", "a")
    story.lease(1, "z")
    story.fail(1, "z")
    story.lease(1, "m", "z", limit=2)
    story.lease(1, how=REFUSED)
    story.lease(1)
    story.lease(1, "a")
    assert judge(story.history, FIFO).verdicts["lease/order"] == ClauseVerdict("lease/order", Verdict.HELD, 3)


def test_a_job_that_is_delivered_after_a_later_one_is_a_breach() -> None:
    """The witness: how the two were enqueued, and how they were delivered."""
    story = Story()
    first = story.enqueue("a")
    story.enqueue("b")
    third = story.enqueue("c")
    earlier, later = story.lease(1, "c"), story.lease(1, "a", "b", limit=2)
    happened = "a was enqueued before c and delivered after it"
    expected = Violation("lease/order", happened, "a", (first, third, earlier, later))
    assert story.violations(fifo=True) == [expected]
    assert story.violations() == []


def test_a_batch_has_an_order_too() -> None:
    """It stands in the witness once."""
    story = Story()
    first, second, batch = story.enqueue("a"), story.enqueue("b"), story.lease(1, "b", "a", limit=2)
    happened = "a was enqueued before b and delivered after it"
    expected = Violation("lease/order", happened, "a", (first, second, batch))
    assert story.violations(fifo=True) == [expected]


def test_jobs_that_were_enqueued_at_the_same_time_have_no_order() -> None:
    """Nor has one whose enqueue was lost."""
    story = Story()
    story.enqueue("a", at=(10, 30))
    story.enqueue("b", at=(20, 40))
    story.enqueue("c", at=(30, 50))
    story.lease(1, "b", "c", "a", limit=3)
    assert story.violations(fifo=True) == []
    story = Story()
    story.enqueue("a", how=LOST)
    story.enqueue("b")
    story.lease(1, "b", "a", limit=2)
    assert story.violations(fifo=True) == []


def test_a_job_that_could_not_be_seen_yet_may_come_later() -> None:
    """Where ready jobs stay invisible for a while, a later one may be seen first; but not for ever."""
    story = Story()
    story.enqueue("a")
    story.wait(0.2)
    story.enqueue("b")
    story.lease(1, "b")
    story.lease(1, "a")
    assert story.violations(fifo=True, poll_delay=0.5) == []
    assert story.blamed(fifo=True, poll_delay=0.1) == ["lease/order"]
    story = Story()
    story.enqueue("a", at=(1, 5))
    story.enqueue("b", at=(6, 9))
    story.lease(1, "b", at=(5, 12))
    story.lease(1, "a", at=(13, 14))
    assert story.violations(fifo=True) == []


def test_the_latest_job_that_was_delivered_is_what_others_are_compared_with() -> None:
    """One that was enqueued before it and came after another is no breach of its own."""
    story = Story()
    story.enqueue("a", "b", "c")
    story.lease(1, "c")
    story.lease(1, "b")
    first, *_, last = story.told[0], story.lease(1, "a")
    [violation] = story.violations(fifo=True)
    assert violation.job_id == "b"
    assert first not in violation.witness
    assert last not in violation.witness


def test_several_consumers_and_lost_leases_tell_nothing() -> None:
    """Another may have received the first job, and a lease of unknown outcome may have taken it."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "b")
    story.lease(2, "a")
    assert judge(story.history, FIFO).verdicts["lease/order"].count == 0
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, how=LOST)
    story.lease(1, "b")
    story.lease(1, "a")
    assert judge(story.history, FIFO).verdicts["lease/order"].verdict is Verdict.UNEXERCISED


def test_a_job_that_was_never_enqueued_has_no_order() -> None:
    """It is a breach of another clause, and so is one without an id."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "x", limit=1)
    story.call("lease", 1, None, 1, (story.told[-1].jobs[0]._replace(id=7),))
    story.lease(1, "a", "b", limit=2)
    assert story.blamed(fifo=True) == ["lease/well-formed", "lease/known"]


def test_a_job_without_an_id_has_no_order_among_others_that_are_out_of_it() -> None:
    """Who looks for the breach passes it over."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "b", limit=1)
    story.call("lease", 1, None, 1, (story.told[-1].jobs[0]._replace(id=7),))
    story.lease(1, "a")
    assert story.blamed(fifo=True) == ["lease/well-formed", "lease/order"]


def test_a_job_that_came_before_its_enqueue_had_begun_is_counted_once() -> None:
    """It is a breach of another clause, but a delivery all the same."""
    story = Story()
    story.lease(1, "a")
    story.enqueue("a", "b", "c")
    story.lease(1, "b")
    story.lease(1, "a")
    story.lease(1, "c")
    assert judge(story.history, FIFO).verdicts["lease/order"] == ClauseVerdict("lease/order", Verdict.HELD, 3)
