"""Jobs that a client may keep until their leases have expired: they are not lost before, and lost then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.judge.judge import Judge, kept

from .story import LOST, REFUSED, STOPPED, Story

EXPIRES: dict[str, Any] = {"lease_timeout": 0.5}
APART: dict[str, Any] = {**EXPIRES, "sharing": "connection"}
DURABLE: dict[str, Any] = {**APART, "sharing": "process", "durable": True}


def another_leases(story: Story) -> None:
    """A worker is given one of two jobs."""
    story.enqueue("a", "b")
    story.lease(1, "a")


def another_is_there(story: Story) -> None:
    """A job comes after a worker has only completed something."""
    story.complete(1, "z", how=REFUSED)
    story.enqueue("b")


def another_asked_for_nothing(story: Story) -> None:
    """A worker has leased in ways that take nothing; what is ready later may be handed to it all the same."""
    story.lease(1, limit=0)
    story.lease(1, how=REFUSED)
    story.enqueue("b")


def a_lease_is_cancelled(story: Story) -> None:
    """The worker that asks last leases, and a lease of nothing is cancelled, which loses its connection."""
    story.enqueue("a", "b")
    story.lease(9, "a")
    story.lease(9, limit=0, how=STOPPED)


def a_complete_is_lost(story: Story) -> None:
    """The reply to a complete is lost, and the connection with it."""
    story.enqueue("a", "b")
    story.lease(9, "a")
    story.complete(9, "a", how=LOST)


def the_store_is_reopened(story: Story) -> None:
    """The only client has leased, and is closed."""
    story.enqueue("a", "b")
    story.lease(9, "a")
    story.event("reopen")


@pytest.mark.parametrize(
    ("told", "promised"),
    [
        (another_leases, APART),
        (another_leases, {**APART, "sharing": "process"}),
        (another_is_there, APART),
        (another_asked_for_nothing, APART),
        (a_lease_is_cancelled, EXPIRES),
        (a_complete_is_lost, EXPIRES),
        (the_store_is_reopened, {**EXPIRES, "durable": True}),
    ],
)
def test_what_a_client_may_keep_is_lost_only_when_its_lease_is_over(
    told: Callable[[Story], None], promised: dict[str, Any]
) -> None:
    """Before, it is not due and known to be kept; one more drain after the timeout decides."""
    story = Story()
    told(story)
    story.drain()
    assert story.blamed(**promised) == []
    assert "b" in kept(story.history, Capabilities(**promised))
    story.wait(0.5)
    story.drain()
    assert any(each.job_id == "b" for each in story.violations(**promised))
    assert "b" not in kept(story.history, Capabilities(**promised))


@pytest.mark.parametrize(
    ("told", "promised"),
    [
        (another_leases, EXPIRES),
        (another_leases, {"sharing": "connection"}),
        (a_lease_is_cancelled, {}),
    ],
)
def test_where_no_client_can_keep_it_a_job_is_lost_at_once(
    told: Callable[[Story], None], promised: dict[str, Any]
) -> None:
    """One client for all delivers what it keeps; and where leases never expire, what is kept never comes."""
    story = Story()
    told(story)
    story.drain()
    assert [each.job_id for each in story.violations(**promised)] == ["b"]
    assert kept(story.history, Capabilities(**promised)) == []


def test_who_asks_last_has_delivered_what_it_kept() -> None:
    """Its own leases are no excuse."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(9, "a")
    story.drain()
    assert story.blamed(**APART) == ["lease/progress"]


@pytest.mark.parametrize(("times", "blames"), [(1, []), (2, []), (3, ["lease/progress"])])
def test_another_who_asks_until_nothing_comes_has_delivered_it_too(times: int, blames: list[str]) -> None:
    """Once is not enough: it may begin to fetch what it gives next; and what comes in between begins anew."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1)
    story.lease(1)
    story.lease(1, "a")
    story.complete(1, "a")
    for _ in range(times):
        story.lease(1)
    story.drain()
    assert story.blamed(**APART) == blames


def test_a_client_that_asked_while_there_were_no_jobs_loses_none_with_its_connection() -> None:
    """It was handed nothing."""
    story = Story()
    story.lease(9)
    story.enqueue("a")
    story.event("reopen")
    story.drain()
    assert story.blamed(**EXPIRES, durable=True) == ["durable/reopen"]


def test_a_lost_client_keeps_nothing_that_was_not_there_yet() -> None:
    """Nothing is handed to a connection that is lost; and before its first lease it has nothing to lose."""
    story = Story()
    story.complete(9, "z", how=LOST)
    story.enqueue("a")
    story.lease(9, "a")
    story.event("reopen")
    story.enqueue("b")
    story.drain()
    assert story.blamed(**EXPIRES, durable=True) == ["lease/progress"]


def test_what_a_killed_worker_kept_is_given_back_where_leases_end_with_him() -> None:
    """He is not a client any more; without that promise he is, until the lease has expired."""
    story = Story()
    another_leases(story)
    story.event("kill", 1)
    story.drain()
    assert {each.job_id for each in story.violations(**DURABLE, ends_with_connection=True)} == {"a", "b"}
    assert story.violations(**DURABLE) == []


def test_a_job_may_be_handed_on_until_the_last_lease_of_another() -> None:
    """The time of its lease begins then, and not with the job's own last call; a poll comes on top."""
    promised = Capabilities(**APART, poll_delay=0.1)
    story = Story()
    another_leases(story)
    story.wait(0.4)
    story.lease(2)
    story.wait(0.5)
    story.drain()
    assert "b" in kept(story.history, promised)
    story.wait(0.1)
    story.drain()
    assert kept(story.history, promised) == []


def test_a_failed_job_may_be_handed_on_after_its_retry() -> None:
    """Before, it can't be on lease again."""
    promised = Capabilities(**APART, redelivers=True, retry_delay=0.2)
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(1, "a")
    story.wait(0.6)
    story.drain()
    assert kept(story.history, promised) == ["a"]
    story.wait(0.1)
    story.drain()
    assert kept(story.history, promised) == []


def test_a_hasty_judge_suspects_what_may_come_yet() -> None:
    """It names what would be broken, and knows that it may be wrong."""
    story = Story()
    another_leases(story)
    story.drain()
    hasty = Judge(story.history, Capabilities(**APART), hasty=True)
    hasty.read()
    broken, _ = hasty.evidence()
    assert [each.job_id for found in broken.values() for each in found] == ["b"]
    assert hasty.kept == ["b"]


@pytest.mark.parametrize(("promised", "shown"), [(APART, 0), ({"sharing": "connection"}, 1)])
def test_what_is_kept_shows_nothing(promised: dict[str, Any], shown: int) -> None:
    """A failed job that did not come may be on lease, so that it was released is not shown."""
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.fail(1, "a")
    story.drain()
    one = Judge(story.history, Capabilities(**promised, redelivers=True))
    one.read()
    _, counts = one.evidence()
    assert counts["fail/releases"] == shown


def test_the_order_of_a_history_makes_no_difference() -> None:
    """As for the judge."""
    story = Story()
    another_leases(story)
    story.drain()
    assert kept(story.history[::-1], Capabilities(**APART)) == ["b"]
