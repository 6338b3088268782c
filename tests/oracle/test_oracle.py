"""The oracle, rule by rule, on histories in threes: (next to) empty, sane, and one that can't be explained.

All instants are nanoseconds. A lease of `LASTS` may expire 10,000 after it began: its timeout less the
tolerance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import TypeAlias

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import (
    OK,
    REJECTED,
    UNKNOWN,
    Delivered,
    Method,
    Operation,
    Outcome,
    instant,
)
from async_contract.store import JobRecord, JobState

from .random_histories import CAPABILITIES, job_ids, mutate, other_promises, random_history, tick
from .wing_gong import explainable

TIMEOUT = 11e-6
NOTHING = Capabilities()
LASTS = Capabilities(lease_timeout=TIMEOUT)
AGAIN = Capabilities(redelivers=True)
ONCE = Capabilities(redelivers=False)


def call(
    method: Method, worker: int, invoked: int, returned: int | None = None, outcome: Outcome = OK
) -> Operation:
    """A call on job a; without a return it took no time, unless nobody knows what came of it."""
    if returned is None and outcome != UNKNOWN:
        returned = invoked
    jobs = (Delivered("a", "k"),) if method == "lease" and outcome == OK else ()
    job_id = "a" if method in ("enqueue", "complete", "fail", "inspect") else None
    return Operation(method, worker, invoked, returned, outcome, job_id, None, jobs)


def inspect(state: JobState | None, invoked: int, returned: int | None = None) -> Operation:
    """An inspection of job a by worker 9."""
    record = None if state is None else JobRecord(state)
    return call("inspect", 9, invoked, returned)._replace(value=record)


ENQUEUE = call("enqueue", 0, 0)
LEASE = call("lease", 1, 100)
BEGUN = (ENQUEUE, LEASE)


def verdicts(capabilities: Capabilities, *histories: Iterable[Operation]) -> list[bool]:
    """Whether each of the histories can be explained, for job a."""
    return [explainable(list(history), capabilities, "a") for history in histories]


def shown(capabilities: Capabilities, *history: Operation, at: int) -> list[JobState | None]:
    """What an inspection after a history may show; `None`: that there is no such job."""
    states: tuple[JobState | None, ...] = ("ready", "leased", "completed", "dead", None)
    return [state for state in states if explainable([*history, inspect(state, at)], capabilities, "a")]


def test_only_what_was_enqueued_is_delivered() -> None:
    """A delivery needs an enqueue before it that was not refused."""
    assert verdicts(NOTHING, [], [ENQUEUE], [LEASE]) == [True, True, False]
    assert verdicts(NOTHING, [call("enqueue", 0, 0, outcome=REJECTED)], BEGUN) == [True, True]
    assert verdicts(NOTHING, [call("enqueue", 0, 0, outcome=REJECTED), LEASE]) == [False]
    assert verdicts(NOTHING, [LEASE, call("enqueue", 0, 101)]) == [False]


def test_a_call_has_its_effect_between_its_two_instants() -> None:
    """Equal instants overlap, and what is a nanosecond apart does not."""
    lease = call("lease", 1, 50, 100)
    enqueues = [call("enqueue", 0, 70, 150), call("enqueue", 0, 100, 150), call("enqueue", 0, 101, 150)]
    assert verdicts(NOTHING, *([lease, enqueue] for enqueue in enqueues)) == [True, True, False]


def test_an_enqueue_of_unknown_outcome_appears_late_or_never() -> None:
    """After its invocation the job may come at any time; it need not come, and can't come before."""
    lost = call("enqueue", 0, 50, 60, UNKNOWN)
    assert verdicts(NOTHING, [lost], [lost, LEASE], [call("lease", 1, 49), lost]) == [True, True, False]
    assert shown(NOTHING, lost, at=70) == ["ready", None]


def test_a_job_on_lease_is_delivered_to_nobody() -> None:
    """Without a timeout a lease ends by its worker's call alone."""
    again = call("lease", 2, 10_000_000)
    fail = call("fail", 1, 200)
    assert verdicts(NOTHING, BEGUN, [*BEGUN, fail, again], [*BEGUN, again]) == [True, True, False]
    assert verdicts(NOTHING, [*BEGUN, call("fail", 1, 200, outcome=REJECTED), again]) == [False]


def test_effects_are_put_in_any_order_that_the_intervals_allow() -> None:
    """The delivery that returned last may have been the first."""
    first, second = call("lease", 1, 10, 90), call("lease", 2, 20, 80)
    fail = call("fail", 1, 91)
    assert verdicts(AGAIN, [ENQUEUE, first, call("fail", 1, 95), call("lease", 2, 20, 95)]) == [True]
    assert verdicts(AGAIN, [ENQUEUE, first, second, fail, call("fail", 2, 80)]) == [True]
    assert verdicts(AGAIN, [ENQUEUE, first, second, fail, call("fail", 2, 91)]) == [False]


def test_a_job_that_stands_twice_in_a_batch_is_delivered_once() -> None:
    """That a batch has distinct jobs is another clause."""
    twice = LEASE._replace(jobs=(*LEASE.jobs, *LEASE.jobs))
    assert verdicts(NOTHING, [twice], [ENQUEUE, twice], [ENQUEUE, twice, call("lease", 2, 200)]) == [
        False, True, False,
    ]  # fmt: skip


def test_other_jobs_do_not_matter() -> None:
    """What is done to job b neither helps nor harms job a."""
    enqueue = call("enqueue", 3, 0)._replace(job_id="b")
    lease = call("lease", 3, 200)._replace(jobs=(Delivered("b", "k"),))
    end = call("fail", 1, 300)._replace(job_id="b")
    seen = inspect("dead", 400)._replace(job_id="b")
    others, again = [enqueue, lease, end, seen], call("lease", 2, 500)
    assert verdicts(NOTHING, others, [*BEGUN, *others], [*BEGUN, *others, again]) == [True, True, False]
    assert verdicts(NOTHING, [*others, LEASE]) == [False]
    assert shown(AGAIN, *BEGUN, *others, at=500) == ["leased"]


def test_an_id_that_is_enqueued_twice_is_the_same_job() -> None:
    """The second time changes nothing, so it brings nothing back."""
    twice = [ENQUEUE, call("enqueue", 0, 150)]
    assert verdicts(NOTHING, twice, [*twice, LEASE], [*twice, LEASE, call("lease", 2, 200)]) == [
        True, True, False,
    ]  # fmt: skip


def test_a_lease_expires_when_its_timeout_has_passed() -> None:
    """Not before the timeout, less the tolerance, counted from the earliest instant of the delivery."""
    early, timely = call("lease", 2, 500, 10_099), call("lease", 2, 500, 10_100)
    assert verdicts(LASTS, BEGUN, [*BEGUN, timely], [*BEGUN, early]) == [True, True, False]
    longer = call("lease", 1, 99, 5_000)
    assert verdicts(LASTS, [ENQUEUE, longer, early]) == [True]
    assert verdicts(NOTHING, [*BEGUN, timely]) == [False]


def test_a_lease_may_end_early_by_the_resolution_of_the_clock() -> None:
    """The resolution is taken off the timeout, besides the tolerance."""
    coarse = Capabilities(lease_timeout=TIMEOUT, clock_resolution=4e-6)
    early, timely = call("lease", 2, 6_099), call("lease", 2, 6_100)
    assert verdicts(coarse, BEGUN, [*BEGUN, timely], [*BEGUN, early]) == [True, True, False]


def test_a_lease_may_last_longer_than_its_timeout() -> None:
    """Expiry is allowed from then on, never owed: safety knows no *too late*."""
    assert shown(LASTS, *BEGUN, at=10_099) == ["leased"]
    assert shown(LASTS, *BEGUN, at=1_000_000) == ["ready", "leased"]


def test_a_completed_job_is_never_delivered_again() -> None:
    """A complete by the holder that returned did happen, whatever comes after."""
    complete, again = call("complete", 1, 200, 300), call("lease", 2, 10_000, 20_000)
    assert verdicts(LASTS, BEGUN, [*BEGUN, complete], [*BEGUN, complete, again]) == [True, True, False]
    assert shown(LASTS, *BEGUN, complete, at=301) == ["completed", None]
    # At the last instant of the complete the lease had run out, so it was no holder's any more.
    late = call("complete", 1, 200, 10_100)
    assert verdicts(LASTS, [*BEGUN, late, again]) == [True]


def test_a_complete_that_was_refused_or_lost_may_have_done_nothing() -> None:
    """Rejected: the job is still on lease. Unknown: it is, or is completed, now or later."""
    refused, lost = call("complete", 1, 200, outcome=REJECTED), call("complete", 1, 200, 250, UNKNOWN)
    again = call("lease", 2, 20_000)
    assert verdicts(LASTS, [refused], [*BEGUN, refused, again], [*BEGUN, lost, again]) == [True, True, True]
    assert shown(NOTHING, *BEGUN, refused, at=300) == ["leased"]
    assert shown(NOTHING, *BEGUN, lost, at=300) == ["leased", "completed", None]
    assert verdicts(NOTHING, [*BEGUN, lost, inspect("leased", 300), inspect("completed", 400)]) == [True]
    assert verdicts(NOTHING, [*BEGUN, lost, inspect("completed", 300), inspect("leased", 400)]) == [False]


def test_a_fail_that_was_lost_may_have_released_the_job() -> None:
    """It can come at any instant after its invocation, and not before."""
    lost, again = call("fail", 1, 200, 250, UNKNOWN), call("lease", 2, 300)
    early = call("lease", 2, 150, 199)
    assert verdicts(AGAIN, [lost], [*BEGUN, lost, again], [*BEGUN, early, lost]) == [True, True, False]


def test_the_holder_is_who_had_received_the_job_when_it_called() -> None:
    """A fail that was called before the lease returned is a stale one, and may do anything."""
    lease, again = call("lease", 1, 1, 100), call("lease", 2, 200)
    assert verdicts(ONCE, [ENQUEUE, lease, call("fail", 1, 100, 150), again]) == [True]
    assert verdicts(ONCE, [ENQUEUE, lease, call("fail", 1, 101, 150), again]) == [False]


def test_a_lost_call_can_arrive_in_a_later_session_of_its_worker() -> None:
    """There it is stale: it may end that session, in a way that the holder's own call could not."""
    lost = call("fail", 1, 200, 300, UNKNOWN)
    ends = Capabilities(lease_timeout=TIMEOUT, redelivers=False)
    session, again = call("lease", 1, 10_100), call("lease", 2, 10_200)
    assert verdicts(ends, [lost], [*BEGUN, lost, session], [*BEGUN, lost, session, again]) == [
        True,
        True,
        True,
    ]
    assert verdicts(ends, [*BEGUN, session, call("fail", 1, 10_150, 10_160, UNKNOWN), again]) == [False]


def test_what_a_fail_does_is_what_the_store_promised() -> None:
    """Ready again, dead, or either."""
    fail = call("fail", 1, 200)
    assert shown(AGAIN, *BEGUN, fail, at=300) == ["ready"]
    assert shown(ONCE, *BEGUN, fail, at=300) == ["dead", None]
    assert shown(NOTHING, *BEGUN, fail, at=300) == ["ready", "dead", None]


def failed(*, times: int) -> list[Operation]:
    """A job that was delivered and failed some times."""
    steps: list[Operation] = [ENQUEUE]
    for number in range(times):
        steps += [call("lease", 1, 100 + 20 * number), call("fail", 1, 110 + 20 * number)]
    return steps


@pytest.mark.parametrize("redelivers", [True, None])
def test_the_fail_that_uses_up_the_attempts_makes_the_job_dead(*, redelivers: bool | None) -> None:
    """On the second delivery of two and not on the first, also where that is all that is promised."""
    twice = Capabilities(redelivers=redelivers, max_attempts=2)
    assert [shown(twice, *failed(times=times), at=300) for times in (0, 1, 2)] == [
        ["ready"], ["ready"], ["dead", None],
    ]  # fmt: skip
    assert verdicts(twice, failed(times=3)) == [False]


def test_a_store_that_never_redelivers_counts_nothing() -> None:
    """A fail ends the job, whatever the number of its deliveries, and nothing excuses it."""
    thrice = Capabilities(redelivers=False, max_attempts=3, lease_timeout=TIMEOUT)
    expired = [*BEGUN, call("lease", 2, 10_100), call("fail", 2, 10_200)]
    assert shown(thrice, *failed(times=1), at=300) == ["dead", None]
    assert shown(thrice, *expired, at=10_300) == ["dead", None]


EITHER: list[JobState | None] = ["ready", "dead", None]
READY: list[JobState | None] = ["ready"]
DEAD: list[JobState | None] = ["dead", None]


def by_count(most: int, *, counts: bool = False) -> Capabilities:
    """A store whose leases end by themselves in every way that there is, and that counts deliveries."""
    return Capabilities(
        max_attempts=most, lease_timeout=TIMEOUT, expiry_counts=counts, ends_with_connection=True,
        durable=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "event",
    [[], [call("reopen", 0, 150)], [call("disconnect", 1, 150)], [call("kill", 1, 150)]],
    ids=["expiry", "reopen", "disconnect", "kill"],
)
def test_a_lease_that_ended_by_itself_may_be_counted_or_not(event: list[Operation]) -> None:
    """So that the store's count need not be the workers' any more; with *expiry counts* it must be."""
    at = 300 if event else 20_000
    failed = [*BEGUN, *event, call("lease", 2, at), call("fail", 2, at + 10)]
    assert [shown(by_count(most), *failed, at=at + 20) for most in (2, 3)] == [EITHER, EITHER]
    assert [shown(by_count(most, counts=True), *failed, at=at + 20) for most in (2, 3)] == [DEAD, READY]
    # What comes after a fail is no excuse for it.
    assert shown(by_count(2), *BEGUN, call("fail", 1, 140), *event, at=at) == READY


@pytest.mark.parametrize("event", [call("reopen", 0, 150), call("disconnect", 1, 150), call("kill", 1, 150)])
def test_a_lease_that_ended_by_itself_may_end_the_job(event: Operation) -> None:
    """Whatever ended it, and whether or not the store says that expiry counts, if leases expire at all."""
    ended = [*BEGUN, event]
    for counts in (True, False):
        assert shown(by_count(1, counts=counts), *ended, at=200) == ["ready", "leased", "dead", None]
    lasting = replace(by_count(1), lease_timeout=None)
    assert shown(lasting, *ended, at=200) == ["ready", "leased"]
    # Not the first of two: it is delivered once more.
    assert shown(by_count(2, counts=True), *ended, at=200) == ["ready", "leased"]


def test_a_lost_lease_may_have_used_up_what_an_expiry_ends() -> None:
    """From its invocation on: the first delivery that anybody saw may have been the second."""
    lost = call("lease", 2, 15_000, 15_010, UNKNOWN)
    twice = by_count(2, counts=True)
    early, late = [*BEGUN, inspect("dead", 14_000, 14_999)], [*BEGUN, inspect("dead", 14_000, 15_000)]
    assert verdicts(twice, [*BEGUN, lost], [*late, lost], [*early, lost]) == [True, True, False]
    before = [ENQUEUE, lost._replace(invoked=50, returned=60), LEASE]
    assert [shown(twice, *before, at=at) for at in (10_099, 10_100)] == [
        ["leased"], ["ready", "leased", "dead", None],
    ]  # fmt: skip


def test_a_lost_lease_that_came_back_is_no_excuse_for_counting_too_little() -> None:
    """The store's count can be higher by it than the workers', never lower, unless another one expired."""
    lost = [call("lease", 2, 15_000, 15_010, UNKNOWN), inspect("leased", 15_020)]
    end = [call("lease", 3, 30_000), call("fail", 3, 30_010), inspect("ready", 30_020)]
    came_back, expired = [ENQUEUE, *lost, *end], [*BEGUN, *lost, *end]
    assert verdicts(by_count(1), [ENQUEUE, *lost], expired, came_back) == [True, True, False]
    assert verdicts(by_count(2), expired, came_back) == [True, True]
    # Nor does it take back the excuse of a lease that expired before it.
    before = [*BEGUN, call("lease", 2, 14_000), call("fail", 2, 14_010)]
    assert verdicts(by_count(3), [*before, *lost], [*before, *lost, *end]) == [True, True]


def test_a_lost_lease_may_have_been_counted() -> None:
    """A delivery that nobody saw may use up the attempts; or it comes after the fail, and takes the job."""
    lost = [ENQUEUE, call("lease", 2, 50, 60, UNKNOWN), *failed(times=1)[1:]]
    anything: list[JobState | None] = ["ready", "leased", "dead", None]
    assert [shown(by_count(2, counts=counts), *lost, at=300) for counts in (False, True)] == [anything] * 2
    # What is used up stays so, whether or not the lost lease was one that came back.
    assert [shown(by_count(1, counts=counts), *lost, at=300) for counts in (False, True)] == [DEAD, DEAD]
    # This one can't have taken the job, but who knows whether the store counts by deliveries or by calls?
    held = [*BEGUN, call("lease", 2, 105, 106, UNKNOWN), call("fail", 1, 110)]
    assert [shown(by_count(most), *held, at=300) for most in (1, 2)] == [DEAD, anything]


def test_a_lease_lost_after_the_fail_excuses_nothing() -> None:
    """It excuses from its invocation on, so a fail that may have come as late is excused."""
    twice = Capabilities(redelivers=True, max_attempts=2)
    histories = [
        [*BEGUN, call("fail", 1, 200, until), call("lease", 2, 300, 400, UNKNOWN)] for until in (299, 300)
    ]
    assert [shown(twice, *history, at=500) for history in histories] == [
        ["ready", "leased"], ["ready", "leased", "dead", None],
    ]  # fmt: skip


def test_where_expiry_counts_no_job_is_delivered_too_often() -> None:
    """The delivery after the last one is impossible, and the expiry of a lease may end the job."""
    twice = Capabilities(lease_timeout=TIMEOUT, max_attempts=2, expiry_counts=True)
    plain = Capabilities(lease_timeout=TIMEOUT, max_attempts=2)
    second, third = call("lease", 2, 20_000), call("lease", 1, 40_000)
    histories = BEGUN, [*BEGUN, second], [*BEGUN, second, third]
    assert verdicts(twice, *histories) == [True, True, False]
    assert verdicts(plain, *histories) == [True, True, True]
    assert shown(twice, *BEGUN, second, at=30_001) == ["ready", "leased", "dead", None]
    # Who doesn't say that expiry counts has not said that it doesn't; only that there may be a third.
    assert shown(plain, *BEGUN, second, at=30_001) == ["ready", "leased", "dead", None]
    assert shown(plain, *BEGUN, at=20_000) == ["ready", "leased"]


@pytest.mark.parametrize(
    ("before", "complete", "fail"),
    [
        pytest.param([], [None], [None], id="absent"),
        pytest.param(
            [ENQUEUE], ["ready", "completed", None], ["ready", "dead", None], id="never leased"
        ),
        pytest.param(
            BEGUN, ["leased", "completed", None], ["ready", "leased", "dead", None], id="held by another"
        ),
        pytest.param(
            [*BEGUN, call("complete", 1, 110)], ["completed", None], ["completed", None], id="completed"
        ),
        pytest.param(
            [*BEGUN, call("fail", 1, 110)], ["completed", "dead", None], ["dead", None], id="dead"
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("outcome", [OK, UNKNOWN])
def test_a_stale_call_takes_effect_or_does_nothing(
    before: list[Operation], complete: list[JobState | None], fail: list[JobState | None], outcome: Outcome
) -> None:
    """By a worker who does not hold the job; it never brings a finished job back."""
    late = [call(method, 2, 200, 250, outcome) for method in ("complete", "fail")]
    assert [shown(ONCE, *before, end, at=300) for end in late] == [complete, fail]


def test_a_stale_call_ends_the_lease_of_another() -> None:
    """What follows from that is no breach: the job is ready, and its holder's complete is a stale one."""
    stale, again = call("fail", 3, 200), call("lease", 2, 300)
    early = call("lease", 2, 100, 199)
    assert verdicts(NOTHING, [stale], [*BEGUN, stale, again], [*BEGUN, early, stale]) == [True, True, False]
    late = call("complete", 1, 400)
    assert shown(NOTHING, *BEGUN, stale, again, late, at=500) == ["leased", "completed", None]


def test_a_fenced_store_ignores_a_worker_while_another_holds_the_job() -> None:
    """Its own leases, and a job that is ready, are not fenced."""
    fences = Capabilities(lease_timeout=TIMEOUT, fences=True)
    expired = [*BEGUN, call("lease", 2, 10_100)]
    late = [call("complete", 1, 10_200), call("fail", 1, 10_200)]
    assert [shown(fences, *expired, end, at=10_300) for end in late] == [["leased"], ["leased"]]
    assert shown(LASTS, *expired, late[0], at=10_300) == ["leased", "completed", None]
    never = [ENQUEUE, *late]
    assert verdicts(fences, late, [*never, inspect("completed", 10_300)]) == [True, True]
    early = [ENQUEUE, call("lease", 1, 50, 100), call("complete", 1, 99, 150)]
    assert shown(fences, *early, at=300) == ["leased", "completed", None]


def test_a_superseded_worker_can_do_nothing_in_a_fenced_store() -> None:
    """Not even when the one who superseded it is done, until it is given the job again."""
    fences = Capabilities(lease_timeout=TIMEOUT, fences=True)
    released = [*BEGUN, call("lease", 2, 20_000), call("fail", 2, 20_100), inspect("ready", 20_110)]
    late = [call(method, 1, 20_200) for method in ("complete", "fail")]
    assert [shown(fences, *released, end, at=20_300) for end in late] == [["ready"], ["ready"]]
    assert [shown(LASTS, *released, end, at=20_300) for end in late] == [
        ["ready", "completed", None], ["ready", "dead", None],
    ]  # fmt: skip
    lost = late[0]._replace(outcome=UNKNOWN, returned=None)
    assert shown(fences, *released, lost, at=20_300) == ["ready"]
    # A worker that was never given the job was not superseded, and one that has it again is its holder.
    assert shown(fences, *released, late[0]._replace(worker=3), at=20_300) == ["ready", "completed", None]
    again = call("lease", 1, 20_150)
    assert shown(fences, *released, again, late[0], at=20_300) == ["completed", None]


@pytest.mark.parametrize(
    ("second", "complete", "superseded"),
    [
        pytest.param((101, 20_000), 20_001, True, id="after-the-first-before-the-call"),
        pytest.param((100, 20_000), 20_001, False, id="invoked-when-the-first-returned"),
        pytest.param((101, 20_001), 20_001, False, id="returned-when-the-call-was-invoked"),
    ],
)
def test_a_worker_is_superseded_by_what_surely_came_in_between(
    second: tuple[int, int], complete: int, *, superseded: bool
) -> None:
    """Deliveries that overlap may have come the other way round."""
    fences = Capabilities(lease_timeout=TIMEOUT, fences=True)
    steps = [
        ENQUEUE, call("lease", 1, 50, 100), call("lease", 2, *second), call("fail", 2, 20_002),
        call("complete", 1, complete, complete + 10), inspect("completed", 30_000),
    ]  # fmt: skip
    assert verdicts(LASTS, steps) == [True]
    assert verdicts(fences, steps) == [not superseded]


@pytest.mark.parametrize(("method", "end"), [("complete", "completed"), ("fail", "dead")])
def test_a_worker_that_calls_the_instant_it_is_given_the_job_again_is_its_holder(
    method: Method, end: JobState
) -> None:
    """A worker makes one call at a time, so of two that meet the delivery is the earlier one."""
    fences = Capabilities(lease_timeout=TIMEOUT, fences=True)
    steps = [*BEGUN, call("lease", 2, 20_000), call("lease", 1, 40_000), call(method, 1, 40_000)]
    assert verdicts(fences, [*steps, inspect(end, 50_000)]) == [True]


def test_a_worker_is_superseded_after_its_latest_delivery_only() -> None:
    """What overlaps the latest one may have come before it, whatever stands before both."""
    fences = Capabilities(lease_timeout=TIMEOUT, fences=True)
    again, complete = call("lease", 1, 25_000, 30_000), call("complete", 1, 50_000)
    others = [call("lease", 2, 11_000, 40_000), call("lease", 2, 30_001, 45_000)]
    assert [shown(fences, *BEGUN, again, other, complete, at=60_000) for other in others] == [
        ["ready", "leased", "completed", None], ["ready", "leased"],
    ]  # fmt: skip


def test_leases_last_over_a_reopening_or_end() -> None:
    """In a durable store nothing else changes, and leases that begin later are none of its business."""
    durable = Capabilities(durable=True)
    reopen, again = call("reopen", 0, 200, 300), call("lease", 2, 400)
    # The reopening was over when the second lease began.
    twice = [*BEGUN, reopen, again, call("lease", 1, 500)]
    assert verdicts(durable, [reopen], [*BEGUN, reopen, again], twice) == [True, True, False]
    assert shown(durable, *BEGUN, reopen, at=400) == ["ready", "leased"]
    assert shown(durable, *BEGUN, call("complete", 1, 150), reopen, at=400) == ["completed", None]
    assert shown(durable, ENQUEUE, reopen, at=400) == ["ready"]
    assert verdicts(durable, [*BEGUN, call("lease", 2, 150, 199), reopen]) == [False]
    assert verdicts(durable, [*BEGUN, reopen, inspect("leased", 400), call("lease", 2, 500)]) == [True]
    # But a lease that began while it went on may be one of those that it ended.
    leases = [call("lease", 1, invoked, 350) for invoked in (300, 301)]
    assert verdicts(durable, *([ENQUEUE, reopen, lease, again] for lease in leases)) == [True, False]


def test_a_reopening_that_fails_may_end_leases_later() -> None:
    """Of unknown outcome it has no last instant; rejected it did not happen."""
    durable = Capabilities(durable=True)
    rest = [call("lease", 1, 400), call("lease", 2, 500)]
    reopens = [call("reopen", 0, 200, 300, outcome) for outcome in (UNKNOWN, REJECTED, OK)]
    assert verdicts(durable, *([ENQUEUE, reopen, *rest] for reopen in reopens)) == [True, False, False]


@pytest.mark.parametrize("method", ["reopen", "kill"])
def test_a_store_that_is_not_durable_may_forget_everything(method: Method) -> None:
    """Once it was reopened, or a worker killed, nothing that returns from then on is judged."""
    event, over = call(method, 1, 200, 300), call("lease", 2, 150, 199)
    impossible = [call("lease", worker, 200) for worker in (2, 3)]
    completed = [*BEGUN, call("complete", 1, 150), event]
    assert verdicts(AGAIN, [event], [*completed, *impossible], [*BEGUN, over, event]) == [True, True, False]
    assert shown(AGAIN, *completed, at=400) == ["ready", "leased", "completed", "dead", None]
    # It may have had its effect when it was invoked, so what returns then may show it.
    returns = [call("lease", 2, 150, until) for until in (199, 200)]
    assert verdicts(AGAIN, *([*BEGUN, lease, event] for lease in returns)) == [False, True]
    # In a durable store nothing is forgotten.
    assert verdicts(Capabilities(durable=True), [*completed, *impossible]) == [False]


@pytest.mark.parametrize("method", ["reopen", "kill"])
def test_a_store_that_is_not_durable_makes_up_no_jobs(method: Method) -> None:
    """A delivery needs an enqueue of its id that was not refused, whatever happened before it."""
    event, lease = call(method, 1, 200, 300), call("lease", 2, 400)
    refused = call("enqueue", 0, 0, outcome=REJECTED)
    lost = call("enqueue", 0, 0, outcome=UNKNOWN)
    assert verdicts(NOTHING, [event, lease], [refused, event, lease], [lost, event, lease]) == [
        False, False, True,
    ]  # fmt: skip
    # A lease that was lost, and a complete, deliver nothing.
    assert verdicts(NOTHING, [event, lease._replace(outcome=UNKNOWN, jobs=()), call("complete", 2, 500)]) == [
        True
    ]


def test_a_call_that_is_not_judged_may_have_happened() -> None:
    """It returned after the reopening, but may have had its effect before, and been seen then."""
    enqueue, reopen = call("enqueue", 0, 0, 250), call("reopen", 3, 200, 300)
    lease = call("lease", 1, 100, 250)
    assert verdicts(NOTHING, [enqueue, reopen], [enqueue, LEASE, reopen], [LEASE, reopen]) == [
        True, True, False,
    ]  # fmt: skip
    leased = inspect("leased", 150)
    assert verdicts(NOTHING, [ENQUEUE, lease, leased, reopen], [ENQUEUE, leased, reopen]) == [True, False]


def test_a_reopening_that_fails_may_have_forgotten_everything() -> None:
    """The store was closed, whatever came of opening it again."""
    twice = [call("lease", 2, 300), call("lease", 3, 310)]
    histories = [
        [*BEGUN, call("reopen", 0, 200, 210, outcome), *twice] for outcome in (UNKNOWN, REJECTED, OK)
    ]
    assert verdicts(NOTHING, *histories) == [True, True, True]


@pytest.mark.parametrize("method", ["disconnect", "kill"])
def test_leases_end_with_their_worker_s_connection(method: Method) -> None:
    """If that is how the store works; at once or later, and only the leases of that worker.

    Who closes his connection may give back what he holds wherever he works; who is killed gives back nothing.
    """
    bound = Capabilities(ends_with_connection=True, durable=True)
    gone, again = call(method, 1, 200), call("lease", 2, 300)
    assert verdicts(bound, [gone], [*BEGUN, gone, again], [*BEGUN, gone._replace(worker=2), again]) == [
        True, True, False,
    ]  # fmt: skip
    assert verdicts(Capabilities(durable=True), [*BEGUN, gone, again]) == [method == "disconnect"]
    assert shown(bound, *BEGUN, gone, at=300) == ["ready", "leased"]
    assert verdicts(bound, [ENQUEUE, gone, call("lease", 1, 250), again]) == [False]
    assert verdicts(bound, [ENQUEUE, gone]) == [True]


def test_a_closed_connection_is_no_killed_worker() -> None:
    """A store that is not durable forgets nothing because a worker left."""
    bound = Capabilities(ends_with_connection=True)
    gone, again = call("disconnect", 1, 200), call("lease", 2, 300)
    histories = [[*BEGUN, gone], [*BEGUN, gone, again], [*BEGUN, gone, again, call("lease", 3, 400)]]
    assert verdicts(bound, *histories) == [True, True, False]
    assert verdicts(NOTHING, *histories) == [True, True, False]


def test_connecting_ends_no_lease() -> None:
    """Nor does a worker that changes what it was given."""
    for method in ("connect", "mutate"):
        other = call(method, 1, 200)
        assert verdicts(
            Capabilities(ends_with_connection=True, durable=True),
            [other], [*BEGUN, other, inspect("leased", 300)], [*BEGUN, other, call("lease", 2, 300)],
        ) == [True, True, False]  # fmt: skip


def test_a_lost_lease_may_have_taken_the_job() -> None:
    """Nobody holds it then, and it comes back whenever it likes; or it took nothing."""
    lost = call("lease", 1, 100, 150, UNKNOWN)
    assert shown(LASTS, lost, at=200) == [None]
    assert shown(LASTS, ENQUEUE, lost, at=200) == ["ready", "leased"]
    assert shown(LASTS, ENQUEUE, lost, at=1_000_000) == ["ready", "leased"]
    assert shown(LASTS, ENQUEUE, lost._replace(outcome=REJECTED), at=200) == ["ready"]
    taken, again = [ENQUEUE, lost, inspect("leased", 200)], call("lease", 2, 200)
    for capabilities in (LASTS, NOTHING):
        assert verdicts(capabilities, taken, [*taken, again], [*taken, again, inspect("ready", 300)]) == [
            True, True, False,
        ]  # fmt: skip
    assert verdicts(NOTHING, [*BEGUN, lost._replace(worker=2), call("lease", 3, 300)]) == [False]


def test_a_lost_lease_takes_a_job_once() -> None:
    """What came back is ready until somebody else takes it."""
    lost = call("lease", 1, 100, 150, UNKNOWN)
    states: tuple[JobState, ...] = ("leased", "ready", "leased")
    shows = [inspect(state, 200 + number) for number, state in enumerate(states)]
    assert verdicts(NOTHING, [ENQUEUE, lost, *shows[:2]], [ENQUEUE, lost, lost, *shows]) == [True, True]
    # A store that compares clocks when it is asked shows a lease that has run out as ready.
    assert verdicts(NOTHING, [ENQUEUE, lost, *shows]) == [True]
    assert verdicts(NOTHING, [*BEGUN, call("fail", 1, 110), lost, *shows]) == [True]


def test_a_lost_lease_is_nobody_s() -> None:
    """A complete may end it or do nothing, and no fence keeps it out: nobody else holds the job."""
    fences = Capabilities(lease_timeout=TIMEOUT, fences=True)
    taken = [ENQUEUE, call("lease", 1, 100, 150, UNKNOWN), inspect("leased", 200)]
    for worker in (1, 2):
        assert shown(fences, *taken, call("complete", worker, 300), at=400) == [
            "ready", "leased", "completed", None,
        ]  # fmt: skip


def test_a_lost_lease_may_have_been_the_last_that_is_allowed() -> None:
    """Where expiry counts, a job that nobody saw may be dead."""
    once = Capabilities(lease_timeout=TIMEOUT, max_attempts=1, expiry_counts=True)
    lost = call("lease", 1, 100, 150, UNKNOWN)
    assert shown(once, ENQUEUE, lost, at=200) == ["ready", "leased", "dead", None]
    assert shown(once, ENQUEUE, at=200) == ["ready"]


def test_an_inspection_shows_the_state_at_some_instant_of_its_own() -> None:
    """One that overlaps a change may show either side of it."""
    complete = call("complete", 1, 200, 300)
    during, after = (250, 400), (301, 400)
    assert [
        [
            state
            for state in ("leased", "completed")
            if verdicts(NOTHING, [*BEGUN, complete, inspect(state, *when)])[0]
        ]
        for when in (during, after)
    ] == [["leased", "completed"], ["completed"]]
    assert shown(NOTHING, at=0) == [None]
    untils = (10_099, 10_100)
    assert verdicts(LASTS, *([*BEGUN, inspect("ready", 200, until)] for until in untils)) == [False, True]


def test_a_lease_that_has_run_out_may_show_as_ready() -> None:
    """It is its holder's all the same: a later inspection may find it on lease, and a fail ends it."""
    ready, leased, early = inspect("ready", 10_100), inspect("leased", 10_200), inspect("ready", 150)
    assert verdicts(LASTS, [], [*BEGUN, ready, leased], [*BEGUN, early, leased]) == [True, True, False]


def test_an_inspection_that_did_not_return_says_nothing() -> None:
    """Nor does one that the store refused, or a value that is no record."""
    lost = inspect("dead", 200)
    assert verdicts(
        NOTHING, [lost._replace(outcome=UNKNOWN)], [*BEGUN, lost._replace(outcome=REJECTED)], [*BEGUN, lost]
    ) == [True, True, False]
    assert verdicts(NOTHING, [*BEGUN, lost._replace(value="dead")]) == [False]


def seeded(seed: int) -> Random:
    """Chance that repeats itself."""
    return Random(seed)


def well_formed(operations: list[Operation]) -> bool:
    """Whether a history is in order, and each worker makes one call at a time."""
    by_worker = [[step for step in operations if step.worker == worker] for worker in range(1, 4)]
    return operations == sorted(operations, key=instant) and all(
        first.returned is not None and first.invoked <= first.returned <= second.invoked
        for steps in by_worker
        for first, second in pairwise(steps)
    )


def test_the_history_of_a_correct_store_can_be_explained() -> None:
    """All of 2,000 random ones can, and they have what makes histories hard."""
    sizes, seen = set(), Counter[tuple[str, str]]()
    for seed in range(2_000):
        operations, capabilities = random_history(seeded(seed))
        assert well_formed(operations), seed
        assert all(explainable(operations, capabilities, job_id) for job_id in job_ids(operations)), seed
        sizes.add(len(operations))
        seen.update((step.method, step.outcome) for step in operations)
    assert sizes == set(range(3, 13))
    calls = [(method, outcome) for method in ("enqueue", "lease", "complete", "fail", "inspect")
             for outcome in (OK, UNKNOWN, REJECTED)]  # fmt: skip
    events = [(method, OK) for method in ("reopen", "connect", "disconnect", "kill", "mutate")]
    assert sorted(seen) == sorted(calls + events)
    assert min(seen.values()) > 40


def test_many_histories_with_a_lie_cannot_be_explained() -> None:
    """About half of 2,000, all of them well formed."""
    broken = 0
    for seed in range(2_000):
        random = seeded(seed)
        operations, capabilities = random_history(random)
        lie = mutate(random, operations)
        assert well_formed(lie), seed
        broken += not all(explainable(lie, capabilities, job_id) for job_id in job_ids(lie))
    assert 800 < broken < 1_200


def test_where_hardly_a_lie_can_be_told_a_history_may_stay_as_it_is() -> None:
    """With one call of no effect there is little to change, and it is never made ill-formed."""
    connect = [call("connect", 1, 100)]
    lies = [mutate(seeded(seed), connect) for seed in range(500)]
    assert all(well_formed(lie) for lie in lies)
    assert connect in lies
    assert not all(lie == connect for lie in lies)


def test_a_history_can_be_asked_for_with_certain_promises() -> None:
    """The same chance gives the same history, and its instants are ticks of the lease timeout."""
    capabilities = Capabilities(lease_timeout=0.3, durable=True)
    histories = [random_history(seeded(seed), capabilities) for seed in range(20)]
    assert histories == [random_history(seeded(seed), capabilities) for seed in range(20)]
    assert {kept for _, kept in histories} == {capabilities}
    assert tick(capabilities) == tick(NOTHING) == 100_000_000
    steps = [step for operations, _ in histories for step in operations]
    assert {step.invoked % tick(capabilities) for step in steps} == {0}
    assert len(set(CAPABILITIES)) == 720


def without(*methods: Method, outcomes: Iterable[Outcome] = (OK, UNKNOWN)) -> Rule:
    """The history without such calls."""
    return lambda operations, capabilities: (
        [step for step in operations if step.method not in methods or step.outcome not in outcomes],
        capabilities,
    )


def uncounted(operations: list[Operation], capabilities: Capabilities) -> Asked:
    """The history where no number of deliveries is promised."""
    return operations, replace(capabilities, max_attempts=None, expiry_counts=False)


def unfenced(operations: list[Operation], capabilities: Capabilities) -> Asked:
    """The history where nobody is fenced off."""
    return operations, replace(capabilities, fences=False)


Asked: TypeAlias = tuple[list[Operation], Capabilities]
Rule: TypeAlias = Callable[[list[Operation], Capabilities], Asked]


def decided(rule: Rule, focus: str) -> int:
    """Of how many out of 900 histories the verdict is another where the rule has nothing to say."""
    count = 0
    for seed in range(900):
        random = seeded(seed)
        operations, capabilities = random_history(random, focus=focus)
        promised = other_promises(random, capabilities, focus=focus)
        ids = job_ids(operations)
        with_it, without_it = (
            [explainable(*history, job_id) for job_id in ids]
            for history in ((operations, promised), rule(operations, promised))
        )
        count += with_it != without_it
    return count


@pytest.mark.parametrize(
    ("focus", "rule"),
    [
        pytest.param("attempts", uncounted, id="attempts"),
        pytest.param("lost attempts", without("lease", outcomes=[UNKNOWN]), id="lost-attempts"),
        pytest.param("lost leases", without("lease", outcomes=[UNKNOWN]), id="lost-leases"),
        pytest.param("fences", unfenced, id="fences"),
        pytest.param("reopenings", without("reopen", "kill"), id="reopenings"),
    ],
)
def test_a_focus_puts_its_rule_to_the_test(focus: str, rule: Rule) -> None:
    """More than twice as often as histories that are about everything."""
    assert decided(rule, focus) > 2 * decided(rule, "everything")
