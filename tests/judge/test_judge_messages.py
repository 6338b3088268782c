"""fail/message: what an inspection shows is what the job was failed with, if nothing else explains it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from async_contract.judge.judge import judge
from async_contract.judge.verdict import Verdict, Violation

from .story import LOST, REFUSED, Story


def failed(message: str = "m1") -> Story:
    """A job that its holder failed with a message."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "a")
    story.fail(1, "a", message)
    return story


def test_a_message_that_is_shown_as_given_is_evidence() -> None:
    """Each that was read back; not of a job that was not failed, or whose message may be shortened."""
    story = failed()
    story.inspect("b", "ready", "anything")
    assert judge(story.history).verdicts["fail/message"].count == 0
    story.inspect("a", "ready", "m1")
    story.inspect("a", "dead", "m1")
    assert judge(story.history).verdicts["fail/message"].count == 2
    story = failed("two\nlines")
    story.inspect("a", "ready", "two")
    assert judge(story.history).verdicts["fail/message"].verdict is Verdict.UNEXERCISED


@pytest.mark.parametrize("redelivers", [True, False])
@pytest.mark.parametrize("shown", ["m", "m1 ", None])
def test_another_message_than_the_one_given_is_a_breach(*, redelivers: bool, shown: str | None) -> None:
    """Of a job that is ready again, and of a dead one; the witness is its life so far."""
    story = Story()
    begun = story.enqueue("a"), story.lease(1, "b", "a", limit=2)
    story.enqueue("b", at=(0, 1))
    fail = story.fail(1, "a", "m1")
    seen = story.inspect("a", "ready" if redelivers else "dead", shown)
    lease = begun[1]._replace(jobs=begun[1].jobs[1:])
    happened = f"a was failed with the message 'm1' and shows {shown!r}"
    assert story.violations(redelivers=redelivers) == [
        Violation("fail/message", happened, "a", (begun[0], lease, fail, seen))
    ]


def test_a_message_of_a_fail_that_was_refused_was_not_to_be_written_down() -> None:
    """The refusal is to blame that came in between, with the message that is shown; the latest of two."""
    story = Story()
    enqueue = story.enqueue("a")
    story.fail(2, "a", "m2", how=REFUSED)
    begun = enqueue, story.lease(1, "a"), story.fail(1, "a", "m1")
    story.fail(3, "a", "m3", how=REFUSED)
    story.fail(4, "a", "m2", how=REFUSED)
    refused = story.fail(5, "a", "m2", how=REFUSED)
    seen = story.inspect("a", "ready", "m2")
    story.fail(6, "a", "m2", how=REFUSED)
    happened = (
        "a was failed with the message 'm1' and shows 'm2', after worker 5's fail of a, which was refused"
    )
    found = [each for each in story.violations() if each.clause == "fail/rejected-means-not-done"]
    assert found == [Violation("fail/rejected-means-not-done", happened, "a", (*begun, refused, seen))]
    assert "fail/message" not in story.blamed()


def _again(story: Story) -> None:
    story.fail(1, "a", "m2")


def _by_another(story: Story) -> None:
    story.fail(2, "a", "m2", how=LOST)


def _held_again_meanwhile(story: Story) -> None:
    at = story.now
    story.lease(1, "a", at=(at + 5, at + 6), attempts=2)
    story.fail(1, "a", "m2", at=(at + 7, at + 8))
    story.now = at


@pytest.mark.parametrize(
    ("meanwhile", "redelivers"),
    [
        (_again, True),
        (_again, False),
        (_by_another, True),
        (_by_another, False),
        (_held_again_meanwhile, True),
    ],
)  # fmt: skip
def test_the_message_may_be_that_of_another_call(
    *, meanwhile: Callable[[Story], None], redelivers: bool
) -> None:
    """A fail of a job that is ready or dead may be recorded; and an inspection takes its time."""
    story = failed()
    meanwhile(story)
    story.inspect("a", "ready" if redelivers else "dead", "m2", at=(story.now + 1, story.now + 10))
    assert "fail/message" not in story.blamed(redelivers=redelivers)


def test_a_fail_under_way_may_not_have_recorded_its_message() -> None:
    """Equal instants overlap."""
    for invoked, clauses in ((12, []), (20, []), (21, ["fail/message"])):
        story = Story()
        story.enqueue("a")
        story.lease(1, "a")
        story.fail(1, "a", "m1", at=(10, 20))
        story.inspect("a", "ready", None, at=(invoked, 30))
        assert story.blamed() == clauses


def test_another_fail_explains_a_message_if_it_may_have_come_in_time() -> None:
    """Equal instants overlap; what began after the inspection explains nothing."""
    for invoked, clauses in ((40, []), (41, ["fail/message"])):
        story = Story()
        story.enqueue("a")
        story.lease(1, "a")
        story.fail(1, "a", "m1", at=(10, 20))
        story.inspect("a", "ready", "m2", at=(30, 40))
        story.fail(2, "a", "m2", at=(invoked, 50))
        assert story.blamed() == clauses


def test_a_refused_fail_explains_no_message() -> None:
    """Nor does one that was over before the job was failed."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(1, "a", "m1")
    story.lease(1, "a", attempts=2)
    story.fail(1, "a", "m2")
    refused = story.fail(1, "a", "m3", how=REFUSED)
    seen = [story.inspect("a", "ready", message) for message in ("m1", "m3")]
    enqueue, _, _, lease, fail, *_ = story.told
    found = story.violations()
    assert [each.clause for each in found] == ["fail/rejected-means-not-done", "fail/message"]
    assert found[0].witness == (enqueue, lease, fail, refused, seen[1])
    assert found[1].witness == (enqueue, lease, fail, seen[0])


def test_a_store_that_is_not_durable_forgets_messages() -> None:
    """After a reopening any message may be shown."""
    story = failed()
    story.event("reopen")
    story.inspect("a", "ready", None)
    assert story.violations() == []
    assert story.blamed(durable=True) == ["fail/message"]
