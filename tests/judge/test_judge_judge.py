"""The judge as a whole: what it takes, how it reads, and what its verdicts are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from random import Random

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import STORE_CLAUSES
from async_contract.history.operation import Operation
from async_contract.judge.judge import MOST_SHOWN, Judge, judge
from async_contract.judge.verdict import ClauseVerdict, Verdict, Violation

from .story import LOST, REFUSED, Story


def test_of_an_empty_history_nothing_is_known() -> None:
    """Every clause of a store has its verdict, in the catalogue's order: not promised, or unexercised."""
    judgement = judge([])
    assert list(judgement.verdicts) == [clause.id for clause in STORE_CLAUSES]
    assert judgement.verdicts["lease/order"] == ClauseVerdict(
        "lease/order", Verdict.NOT_PROMISED, reason="the store does not promise fifo"
    )
    assert judgement.verdicts["lease/distinct"] == ClauseVerdict(
        "lease/distinct", Verdict.UNEXERCISED, reason="batches with room for a job twice: 0, needed: 1"
    )
    verdicts = {found.verdict for found in judgement.verdicts.values()}
    assert verdicts == {Verdict.NOT_PROMISED, Verdict.UNEXERCISED}
    assert (judgement.broken, judgement.violations) == ((), ())


def test_a_sane_history_is_held_where_it_puts_a_clause_to_the_test() -> None:
    """With how often it did."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "a", "b", limit=3)
    story.complete(1, "a")
    story.complete(1, "b")
    verdicts = judge(story.history).verdicts
    held = {found.clause: found.count for found in verdicts.values() if found.verdict is Verdict.HELD}
    assert held == {
        "lease/well-formed": 2,
        "lease/known": 2,
        "lease/distinct": 1,
        "complete/accepted": 2,
        "complete/only-that-job": 1,
    }


def test_a_broken_clause_has_its_violations() -> None:
    """It counts as put to the test, and the judgement names it."""
    story = Story()
    enqueue = story.enqueue("a")
    first, second = story.lease(1, "a"), story.lease(2, "a")
    happened = "worker 2 was given a, which was on lease to worker 1"
    violation = Violation("lease/exclusive", happened, "a", (enqueue, first, second))
    judgement = judge(story.history)
    assert judgement.verdicts["lease/exclusive"] == ClauseVerdict(
        "lease/exclusive", Verdict.BROKEN, 1, (violation,)
    )
    assert judgement.broken == ("lease/exclusive",)
    assert judgement.violations == (violation,)


def test_of_many_violations_those_with_the_shortest_witness_are_kept() -> None:
    """Nobody reads a hundred of them."""
    story = Story()
    for number in range(MOST_SHOWN + 2):
        story.enqueue(f"a{number}")
        story.lease(1, f"a{number}")
        story.lease(2, f"a{number}")
    story.lease(3, "b")
    story.lease(3, "c")
    judgement = judge(story.history)
    assert len(judgement.verdicts["lease/exclusive"].violations) == MOST_SHOWN
    assert judgement.verdicts["lease/exclusive"].violations[0].job_id == "a0"
    assert judgement.broken == ("lease/known", "lease/exclusive")


def test_the_order_of_the_operations_does_not_matter() -> None:
    """They are put in that of their instants."""
    story = Story()
    story.enqueue("a", "b")
    story.lease(1, "a", "b", limit=2, at=(3, 10))
    story.fail(1, "a")
    story.lease(2, "a", attempts=2)
    story.lease(3, "a", attempts=2)
    expected = judge(story.history)
    assert expected.broken == ("lease/exclusive",)
    shuffled = story.history
    for seed in range(5):
        Random(seed).shuffle(shuffled)
        assert judge(shuffled) == expected


def test_an_id_is_enqueued_once() -> None:
    """What happens otherwise the contract leaves undefined; refused it was not enqueued."""
    story = Story()
    story.enqueue("a", how=("rejected", "ValueError: no"))
    story.enqueue("a")
    assert judge(story.history).broken == ()
    story.enqueue("a")
    with pytest.raises(ValueError, match="the history enqueues 'a' twice; a job keeps its id for life"):
        judge(story.history)
    story = Story()
    story.enqueue("a")
    story.lease(1, "a")
    story.complete(1, "a")
    story.enqueue("a")
    with pytest.raises(ValueError, match="twice"):
        judge(story.history)


def test_a_history_can_be_read_while_it_grows() -> None:
    """After each step the judge says which jobs have no explanation; in the end it finds the same as ever."""
    story = Story()
    reader = Judge(story.told, Capabilities(redelivers=True))
    found = []
    steps: list[Callable[[], object]] = [
        lambda: story.enqueue("a", "b"),
        lambda: story.lease(1, "a", "b", "c", limit=3),
        lambda: story.complete(1, "a"),
        lambda: story.lease(2, "b", attempts=2),
        lambda: story.lease(2, "a", attempts=2),
    ]
    for step in steps:
        step()
        reader.read()
        found.append(sorted(reader.unexplained()))
    assert found == [[], ["c"], ["c"], ["b", "c"], ["a", "b", "c"]]
    assert [each.clause for each in reader.found()] == ["complete/only-that-job", "complete/final"]
    assert reader.judgement() == judge(story.history, Capabilities(redelivers=True))


def test_what_was_read_is_not_passed_over_again() -> None:
    """So a step takes as long in a long history as in a short one."""
    passed: list[Operation] = []

    class Watched(list[Operation]):
        def __iter__(self) -> Iterator[Operation]:
            for each in super().__iter__():
                passed.append(each)
                yield each

    history = Watched()
    reader, story = Judge(history), Story()
    history.append(story.enqueue("a"))
    reader.read()
    history.append(story.lease(1, "b"))
    reader.read()
    assert passed == history[:1]
    assert reader.unexplained() == {"b"}


def test_what_is_read_later_may_explain_what_was_seen_before() -> None:
    """A lost lease stands in a history where it was over, but it may have taken the job at once."""
    story = Story()
    reader = Judge(story.told)
    story.enqueue("a")
    story.inspect("a", "leased", at=(100, 110))
    reader.read()
    assert reader.unexplained() == {"a"}
    story.lease(1, how=LOST, at=(10, 150))
    reader.read()
    assert reader.unexplained() == frozenset()
    assert reader.judgement().broken == ()


@pytest.mark.parametrize("method", ["complete", "fail", "lease"])
@pytest.mark.parametrize("promised", [{}, {"ends_with_connection": True}, {"redelivers": True}])
def test_lost_replies_of_many_workers_are_no_reason_to_give_up(
    method: str, promised: dict[str, bool]
) -> None:
    """It does not matter whose call had its effect, so their number is no power of two."""
    story = Story()
    story.enqueue("a")
    for worker in range(1, 60):
        now = story.now
        if method == "lease":
            story.lease(worker, how=LOST, at=(now + 1, now + 200 - worker))
        else:
            getattr(story, method)(worker, "a", how=LOST, at=(now + 1, now + 200 - worker))
        story.now = now + 2
    story.now += 300
    story.inspect("a", "ready")
    for worker in range(1, 6):
        story.lease(worker, "a")
    reader = Judge(story.history, Capabilities(sharing="connection", **promised))
    reader.read()
    assert reader.overload == ""
    # A connection that broke while its worker held nothing has ended no lease.
    assert reader.unexplained() == (frozenset() if method == "fail" else {"a"})


def test_a_judge_that_gives_up_says_so() -> None:
    """The clauses of which nothing broken was found are an error, never held."""
    story = Story()
    story.enqueue("a", "b", "c")
    for worker in range(1, 30):
        story.complete(worker, "a", how=LOST)
        story.fail(worker, "a", how=LOST)
        story.lease(worker, how=LOST)
    story.inspect("a", "leased")
    story.inspect("a", "dead")
    story.lease(1, "b", "c", limit=1)
    history = list(story.history)
    reader = Judge(history, Capabilities(lease_timeout=1e-9, max_attempts=9, expiry_counts=True))
    reader.read()
    assert reader.unexplained() == frozenset()
    history.append(story.inspect("a", "ready"))
    reader.read()
    assert reader.unexplained() == frozenset()
    verdicts = reader.judgement().verdicts
    reason = (
        "the history of one job allows more placings of effects than the judge will follow; "
        "make fewer calls of unknown outcome on one job"
    )
    assert verdicts["lease/exclusive"] == ClauseVerdict("lease/exclusive", Verdict.ERROR, 0, reason=reason)
    assert verdicts["lease/within-limit"].verdict is Verdict.BROKEN
    assert verdicts["lease/order"].verdict is Verdict.NOT_PROMISED
    assert reader.overload == reason


def test_nothing_is_searched_for_where_the_calls_in_doubt_need_have_done_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Calls by others, refusals, an end that came too late: leases that expire explain the rest."""
    asked: list[list[Operation]] = []
    monkeypatch.setattr(
        sys.modules[Judge.__module__], "explain", lambda operations, *_, **__: asked.append(operations)
    )
    story = Story()
    promised = Capabilities(lease_timeout=10, max_attempts=2, expiry_counts=True, redelivers=True)
    story.enqueue("a", "b", "c", "d")
    story.complete(2, "a", how=REFUSED)
    story.lease(1, "a", "b", "c", "d", limit=9)
    story.complete(2, "a")
    story.fail(2, "b")
    story.fail(1, "c", how=REFUSED)
    story.wait(20)
    story.complete(1, "d")
    story.lease(2, "a", "b", "c", attempts=2, limit=9)
    story.complete(1, "a")
    story.fail(1, "b")
    story.wait(20)
    story.fail(2, "b")
    story.drain()
    assert judge(story.history, promised).broken == ()
    assert asked == []
    story.lease(2, "a", attempts=3)
    judge(story.history, promised)
    [operations] = asked
    assert operations == [
        each for each in story.told if each.job_id == "a" or "a" in [job.id for job in each.jobs[:1]]
    ]
