"""A store that was closed and can't be opened any more is not durable."""

from __future__ import annotations

import pytest

from async_contract.history.operation import (
    KILLED,
    OK,
    REJECTED,
    STUCK,
    TIMED_OUT,
    UNKNOWN,
    Operation,
    Outcome,
)
from async_contract.judge.verdict import Violation

from .story import REFUSED, Story

TORN = (UNKNOWN, "ValueError: line 3 is no event")


def failed() -> tuple[Story, list[Operation]]:
    """A job that was failed, beside another that was leased with it."""
    story = Story()
    enqueued = story.enqueue("a")
    story.enqueue("b")
    leased = story.lease(1, "a", "b", limit=2)
    alone = leased._replace(jobs=leased.jobs[:1])
    return story, [enqueued, alone, story.fail(1, "a", "two\nlines")]


def shut(story: Story, times: int = 5) -> list[Operation]:
    """The store is closed, and fails to open so many times."""
    return [story.event("reopen"), *(story.call("connect", 1, how=TORN) for _ in range(times))]


def test_a_store_that_can_not_be_opened_is_told_with_the_call_before() -> None:
    """Five tries with the same error are enough; that error is told, and what was called on the job."""
    story, own = failed()
    tried = shut(story, 4)
    assert story.violations(durable=True) == []
    tried.append(story.call("connect", 1, how=(UNKNOWN, "ValueError: line 3 is no event, at 9:31")))
    story.call("connect", 1, how=TORN)
    happened = (
        "the store was closed after worker 1's fail of a, and can't be opened any more: ValueError: line 3 "
        "is no event, at 9:31"
    )
    assert story.violations(durable=True) == [Violation("durable/reopen", happened, "a", (*own, *tried))]
    assert story.blamed() == []


def test_the_call_before_is_the_last_that_may_have_written_something() -> None:
    """Not one that looks, nor a lease that came back empty; but one that was refused may have."""

    def told(*calls: tuple[str, Outcome]) -> str:
        story, _ = failed()
        for method, outcome in calls:
            if method == "lease":
                story.lease(2, how=(outcome, "" if outcome == OK else "OSError: full"))
            elif method == "inspect":
                story.inspect("a", "ready")
            elif method == "enqueue":
                story.enqueue("c", how=(outcome, "" if outcome == OK else "ValueError: no"))
            else:
                story.complete(1, "b", how=(outcome, "" if outcome == OK else "ValueError: no"))
        shut(story)
        (found,) = (each for each in story.violations(durable=True) if each.clause == "durable/reopen")
        return found.happened.partition(", and can't")[0]

    after = "the store was closed after"
    assert told(("lease", OK), ("inspect", OK)) == f"{after} worker 1's fail of a"
    assert told(("lease", UNKNOWN)) == f"{after} worker 2's lease(1)"
    assert told(("complete", OK)) == f"{after} worker 1's complete of b"
    assert told(("complete", REJECTED)) == f"{after} worker 1's complete of b, which was rejected"
    assert told(("enqueue", OK)) == f"{after} the enqueue of c"
    assert told(("enqueue", REJECTED)) == f"{after} the enqueue of c, which was rejected"


def test_a_store_in_which_nothing_was_done_may_be_shut_too() -> None:
    """It was opened once, and was empty."""
    story = Story()
    tried = shut(story)
    happened = "the store was closed, and can't be opened any more: ValueError: line 3 is no event"
    assert story.violations(durable=True) == [Violation("durable/reopen", happened, None, tuple(tried))]


@pytest.mark.parametrize(
    "how", [(OK, ""), REFUSED, (UNKNOWN, TIMED_OUT), (UNKNOWN, STUCK), (UNKNOWN, KILLED),
            (UNKNOWN, "OSError: busy")],
)  # fmt: skip
def test_a_store_that_opens_now_and_then_is_not_shut(how: tuple[Outcome, str]) -> None:
    """Nor one that does not answer, or fails in different ways."""
    story, _ = failed()
    shut(story, 4)
    story.call("connect", 1, how=how)
    for _ in range(3):
        story.call("connect", 1, how=TORN)
    assert "durable/reopen" not in story.blamed(durable=True)


def test_what_answers_after_it_was_reopened_is_open() -> None:
    """Whoever can't connect later can't for another reason, such as too many connections."""
    story, _ = failed()
    story.event("reopen")
    story.lease(1, "a")
    for _ in range(5):
        story.call("connect", 2, how=TORN)
    assert "durable/reopen" not in story.blamed(durable=True)


def test_the_first_that_shuts_it_is_told() -> None:
    """Whether it is opened again later or not."""
    story, _ = failed()
    story.event("reopen")
    story.lease(1, "a")
    shut(story)
    shut(story)
    assert len(story.violations(durable=True)) == 1
