"""The reference store keeps the contract, and every refusal has its name."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar, cast

import pytest

from async_contract.reference.memory import MemoryStore
from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord, StoreError

T = TypeVar("T")


class _Clock:
    """Time that passes when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _do(call: Coroutine[Any, Any, T]) -> T:
    """Run a call that never waits: its first step is its last."""
    try:
        call.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    call.close()
    raise AssertionError("a call of the store waited for something")


def _job(job_id: str = "a", attempts: int = 0) -> Job:
    return Job(job_id, "mail", attempts=attempts)


def _filled(store: MemoryStore, *job_ids: str) -> MemoryStore:
    for job_id in job_ids:
        _do(store.enqueue(_job(job_id)))
    return store


def _leased(store: MemoryStore, limit: int = 10) -> list[str]:
    return [job.id for job in _do(store.lease(limit))]


def test_a_job_is_delivered_as_it_was_enqueued_and_numbered() -> None:
    """All fields come back, and `attempts` is the number of deliveries."""
    store = MemoryStore()
    job = Job("a\u0301 \x00", "Mail", "tenant ", b"\x00\xff", attempts=7)
    _do(store.enqueue(job))
    assert _do(store.lease(1)) == [replace(job, attempts=1)]
    _do(store.fail(job.id, "no"))
    assert _do(store.lease(1)) == [replace(job, attempts=2)]


def test_what_the_caller_keeps_is_not_the_store_s() -> None:
    """Changing the object that was enqueued, or the batch that was delivered, changes nothing inside."""

    class Mutable:
        def __init__(self) -> None:
            self.id, self.kind, self.tenant_id, self.payload, self.attempts = "a", "mail", "t", b"p", 0

    store, mutable = MemoryStore(), Mutable()
    _do(store.enqueue(cast("Job", mutable)))
    mutable.id = mutable.kind = "changed"
    batch = _do(store.lease(1))
    assert batch == [Job("a", "mail", "t", b"p", 1)]
    batch.clear()
    assert _do(store.inspect("a")) == JobRecord("leased", None, 1)


@pytest.mark.parametrize(("limit", "ids"), [(2, ["a", "b"]), (2**31 - 1, ["a", "b", "c"]), (0, []), (-1, [])])
def test_a_lease_delivers_at_most_its_limit_in_order(limit: int, ids: list[str]) -> None:
    """The oldest jobs come first, and a limit of zero or less leaves them all ready."""
    store = _filled(MemoryStore(), "a", "b", "c")
    assert _leased(store, limit) == ids
    assert _leased(store) == ["a", "b", "c"][len(ids) :]


def test_an_empty_store_delivers_an_empty_batch() -> None:
    """Nothing ready is no error."""
    assert _do(MemoryStore().lease(1)) == []


def test_a_completed_job_is_finished_for_good() -> None:
    """It is never delivered again, and neither a second complete nor a fail touches it."""
    store = _filled(MemoryStore(), "a")
    _leased(store)
    _do(store.complete("a"))
    for call in (store.complete("a"), store.fail("a", "no")):
        with pytest.raises(JobNotLeased, match=r"^job 'a' is completed, not on lease$"):
            _do(call)
    assert _leased(store) == []
    assert _do(store.inspect("a")) == JobRecord("completed", None, 1)


def test_a_failed_job_goes_to_the_back_with_its_message() -> None:
    """It is ready again at once, behind the others, and the latest message is kept exactly."""
    store = _filled(MemoryStore(), "a", "b")
    _leased(store, 1)
    _do(store.fail("a", "  no\x00\ud800"))
    assert _do(store.inspect("a")) == JobRecord("ready", "  no\x00\ud800", 1)
    assert _leased(store) == ["b", "a"]


def test_a_failed_job_waits_for_its_delay() -> None:
    """With a retry delay it is ready when the delay has passed, not before."""
    clock = _Clock()
    store = _filled(MemoryStore(retry_delay=5.0, clock=clock), "a", "b")
    _leased(store)
    _do(store.fail("b", "no"))
    clock.now = 1.0
    _do(store.fail("a", "no"))
    clock.now = 4.9
    assert (_leased(store), _do(store.inspect("b"))) == ([], JobRecord("ready", "no", 1))
    clock.now = 5.0
    assert _leased(store) == ["b"]
    clock.now = 6.0
    assert _leased(store) == ["a"]


def test_a_failed_job_is_dead_where_nothing_is_redelivered() -> None:
    """With `redelivers=False` a fail ends the job."""
    store = _filled(MemoryStore(redelivers=False), "a")
    _leased(store)
    _do(store.fail("a", "no"))
    assert _leased(store) == []
    assert _do(store.inspect("a")) == JobRecord("dead", "no", 1)


def test_a_job_is_dead_after_its_last_attempt() -> None:
    """The fail of the delivery number `max_attempts` ends the job, no earlier one does."""
    store = _filled(MemoryStore(max_attempts=2), "a")
    states = []
    for _ in range(2):
        _leased(store)
        _do(store.fail("a", "no"))
        states.append(_do(store.inspect("a")))
    assert states == [JobRecord("ready", "no", 1), JobRecord("dead", "no", 2)]
    assert _leased(store) == []


def test_an_expired_lease_gives_the_job_back() -> None:
    """When the timeout has passed, not before, the job is ready again, behind the others."""
    clock = _Clock()
    store = _filled(MemoryStore(lease_timeout=10.0, clock=clock), "a", "b")
    _leased(store, 1)
    clock.now = 9.9
    assert (_leased(store, 0), _do(store.inspect("a"))) == ([], JobRecord("leased", None, 1))
    clock.now = 10.0
    assert _do(store.inspect("a")) == JobRecord("ready", None, 1)
    assert [(job.id, job.attempts) for job in _do(store.lease(5))] == [("b", 1), ("a", 2)]


def test_a_worker_whose_lease_expired_is_refused() -> None:
    """It can neither complete nor fail the job, even before anybody else has taken it."""
    clock = _Clock()
    store = _filled(MemoryStore(lease_timeout=10.0, clock=clock), "a")
    _leased(store)
    clock.now = 10.0
    for call in (store.complete("a"), store.fail("a", "no")):
        with pytest.raises(JobNotLeased, match=r"^job 'a' is ready, not on lease$"):
            _do(call)
    assert _leased(store) == ["a"]


def test_a_completed_job_does_not_expire() -> None:
    """The end of a lease that was completed passes without a trace, and the next ones end in time."""
    clock = _Clock()
    store = _filled(MemoryStore(lease_timeout=10.0, clock=clock), "a", "b")
    _leased(store, 1)
    clock.now = 5.0
    _leased(store, 1)
    _do(store.complete("a"))
    clock.now = 10.0
    assert _leased(store) == []
    clock.now = 15.0
    assert _leased(store) == ["b"]


def test_expired_leases_count_as_attempts() -> None:
    """A job whose last allowed lease expires is dead, and its message is still that of the latest fail."""
    clock = _Clock()
    store = _filled(MemoryStore(lease_timeout=10.0, max_attempts=2, clock=clock), "a", "b")
    _leased(store)
    _do(store.fail("a", "no"))
    clock.now = 10.0
    assert _leased(store) == ["a", "b"]
    clock.now = 20.0
    assert _leased(store) == []
    assert [_do(store.inspect(job_id)) for job_id in "ab"] == [
        JobRecord("dead", "no", 2),
        JobRecord("dead", None, 2),
    ]


def test_a_dead_job_can_be_requeued() -> None:
    """It has `max_attempts` deliveries more, its attempts never fall, and its message stays."""
    store = _filled(MemoryStore(max_attempts=2), "a")
    records = []
    for _ in range(2):
        for _ in range(2):
            _leased(store)
            _do(store.fail("a", "no"))
            records.append(_do(store.inspect("a")))
        _do(store.requeue("a"))
        records.append(_do(store.inspect("a")))
    assert records == [
        JobRecord("ready", "no", 1), JobRecord("dead", "no", 2), JobRecord("ready", "no", 2),
        JobRecord("ready", "no", 3), JobRecord("dead", "no", 4), JobRecord("ready", "no", 4),
    ]  # fmt: skip


def test_only_a_dead_job_can_be_requeued() -> None:
    """A job in any other state stays in it."""
    store = _filled(MemoryStore(), "a")
    with pytest.raises(StoreError, match=r"^job 'a' is ready; only a dead job can be requeued$"):
        _do(store.requeue("a"))
    assert _leased(store) == ["a"]


def test_an_id_is_enqueued_once() -> None:
    """An id that is here, in whatever state, or remembered as finished, is refused."""
    store = _filled(MemoryStore(redelivers=False), "done", "dead", "leased", "ready")
    _leased(store, 3)
    _do(store.complete("done"))
    _do(store.fail("dead", "no"))
    for job_id in ("done", "dead", "leased", "ready"):
        with pytest.raises(
            JobExists, match=f"^job '{job_id}' was enqueued before; every job needs an id of its own$"
        ):
            _do(store.enqueue(_job(job_id)))
    assert _leased(store) == ["ready"]


def test_an_unknown_id_is_refused_by_name() -> None:
    """Nothing is known of it, and nothing else changes."""
    store = _filled(MemoryStore(), "a")
    _leased(store)
    assert _do(store.inspect("A")) is None
    for call in (store.complete("A"), store.fail("A", "no"), store.requeue("A")):
        with pytest.raises(JobNotFound, match=r"^no job 'A' is known here$"):
            _do(call)
    assert _do(store.inspect("a")) == JobRecord("leased", None, 1)


def test_the_oldest_finished_jobs_are_forgotten() -> None:
    """As many completed and as many dead jobs are remembered as the limit says; older ids are free."""
    store = _filled(MemoryStore(max_attempts=1, finished_limit=2), *"abcdef")
    _leased(store)
    for job_id in "abc":
        _do(store.complete(job_id))
    for job_id in "def":
        _do(store.fail(job_id, "no"))
    assert [_do(store.inspect(job_id)) for job_id in "abcdef"] == [
        None, JobRecord("completed", None, 1), JobRecord("completed", None, 1),
        None, JobRecord("dead", "no", 1), JobRecord("dead", "no", 1),
    ]  # fmt: skip
    _filled(store, "a", "d")
    assert _leased(store) == ["a", "d"]


def test_nothing_is_kept_of_a_hundred_thousand_finished_jobs() -> None:
    """With a limit of zero the store is as empty as at first."""
    clock = _Clock()
    store = MemoryStore(lease_timeout=1e9, retry_delay=1.0, max_attempts=2, finished_limit=0, clock=clock)
    for number in range(100_000):
        _filled(store, str(number))
        _leased(store)
        if number % 2:
            _do(store.complete(str(number)))
        else:
            _do(store.fail(str(number), "no"))
        clock.now += 1.0
        for job_id in _leased(store):
            _do(store.fail(job_id, "no"))
    held = (store._ready, store._delayed, store._leased, store._completed, store._dead, store._entries)
    assert [len(part) for part in held] == [0] * 6


def test_a_completed_job_keeps_no_payload() -> None:
    """What is only remembered takes no room for what nobody reads again."""
    store = MemoryStore()
    _do(store.enqueue(Job("a", "mail", payload=bytes(1_000))))
    _leased(store)
    _do(store.complete("a"))
    assert store._completed["a"].job == Job("a", "mail")


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"id": ""}, ValueError, "job '' of kind 'mail': neither the id nor the kind may be empty"),
        ({"kind": ""}, ValueError, "job 'a' of kind '': neither the id nor the kind may be empty"),
        ({"id": 7}, TypeError, "a job's id is str, not int"),
        ({"kind": None}, TypeError, "a job's kind is str, not NoneType"),
        ({"tenant_id": None}, TypeError, "a job's tenant_id is str, not NoneType"),
        ({"payload": bytearray()}, TypeError, "a job's payload is bytes, not bytearray"),
    ],
)
def test_what_is_no_job_is_refused(fields: dict[str, Any], error: type[Exception], message: str) -> None:
    """A field of the wrong type, or an empty id or kind, is named, and nothing is taken in."""
    store = MemoryStore()
    with pytest.raises(error) as refusal:
        _do(store.enqueue(replace(_job(), **fields)))
    assert str(refusal.value) == message
    assert _leased(store) == []


def test_a_message_that_is_no_str_is_refused() -> None:
    """The job stays on lease, and can be failed with a proper message."""
    store = _filled(MemoryStore(), "a")
    _leased(store)
    with pytest.raises(TypeError) as refusal:
        _do(store.fail("a", cast("str", ValueError("no"))))
    assert str(refusal.value) == (
        "a failure message is a str, not ValueError; write safe_failure_message(error)"
    )
    _do(store.fail("a", "no"))
    assert _do(store.inspect("a")) == JobRecord("ready", "no", 1)


SECONDS = (
    "is no positive number of seconds; write lease_timeout=30.0, or None if leases never end by themselves"
)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"lease_timeout": 0}, ValueError, f"lease_timeout=0 {SECONDS}"),
        ({"lease_timeout": -1.5}, ValueError, f"lease_timeout=-1.5 {SECONDS}"),
        ({"lease_timeout": True}, ValueError, f"lease_timeout=True {SECONDS}"),
        ({"lease_timeout": "1"}, ValueError, f"lease_timeout='1' {SECONDS}"),
        ({"lease_timeout": float("inf")}, ValueError, f"lease_timeout=inf {SECONDS}"),
        ({"redelivers": None}, TypeError, "redelivers=None is neither True nor False"),
        (
            {"max_attempts": 0},
            ValueError,
            "max_attempts=0 is no whole number from 1; write max_attempts=3, or None",
        ),
        (
            {"max_attempts": 1.5},
            ValueError,
            "max_attempts=1.5 is no whole number from 1; write max_attempts=3, or None",
        ),
        (
            {"retry_delay": float("nan")},
            ValueError,
            "retry_delay=nan is no number of seconds from 0; write retry_delay=5.0",
        ),
        (
            {"retry_delay": 1.0, "redelivers": False},
            ValueError,
            "retry_delay=1.0 contradicts redelivers=False: nothing is retried; leave one out",
        ),
        (
            {"finished_limit": -1},
            ValueError,
            "finished_limit=-1 is no whole number from 0; write finished_limit=10_000",
        ),
        (
            {"finished_limit": True},
            ValueError,
            "finished_limit=True is no whole number from 0; write finished_limit=10_000",
        ),
        ({"clock": 5.0}, TypeError, "clock=5.0 cannot be called; write clock=time.monotonic"),
    ],
)
def test_bad_arguments_are_told_what_to_write(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Every argument out of range is refused with what was seen and what would do."""
    with pytest.raises(error) as refusal:
        MemoryStore(**arguments)
    assert str(refusal.value) == message


def test_the_default_clock_is_the_system_s() -> None:
    """Without an injected clock a long lease holds, and tasks of one loop share the store."""

    async def main() -> tuple[list[Job], list[Job]]:
        store = MemoryStore(lease_timeout=3600.0)
        await store.enqueue(_job())
        first, second = await asyncio.gather(store.lease(1), store.lease(1))
        return first, second

    assert asyncio.run(main()) == ([_job(attempts=1)], [])
