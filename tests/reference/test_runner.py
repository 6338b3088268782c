"""The runner records every outcome once, survives every error, and asks for jobs when it should."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from async_contract.reference.memory import MemoryStore
from async_contract.reference.runner import Event, Handler, Runner
from async_contract.store import Job

Simulate = Callable[[Coroutine[Any, Any, Any]], Any]


class _Store:
    """A store in memory that writes down its calls with their instants, and raises what it is told to.

    It delivers `surplus` jobs more than it is asked for, and `junk` before the first of them.
    """

    def __init__(self, *kinds: str, redelivers: bool = True, max_attempts: int | None = None) -> None:
        self.memory = MemoryStore(redelivers=redelivers, max_attempts=max_attempts)
        self.kinds = list(kinds)
        self.errors: dict[str, list[BaseException]] = {"lease": [], "complete": [], "fail": []}
        self.surplus = 0
        self.junk: list[Any] = []
        self.leases: list[tuple[float, int]] = []
        self.recorded: list[tuple[str, ...]] = []

    async def lease(self, limit: int) -> list[Job]:
        self.leases.append((asyncio.get_running_loop().time(), limit))
        for number, kind in enumerate(self.kinds):
            await self.memory.enqueue(Job(f"j{number}", kind, payload=b"secret payload"))
        self.kinds.clear()
        await self._answer("lease")
        junk, self.junk = self.junk, []
        return junk + await self.memory.lease(limit + self.surplus)

    async def complete(self, id: str) -> None:
        self.recorded.append(("complete", id))
        await self._answer("complete")
        await self.memory.complete(id)

    async def fail(self, id: str, message: str) -> None:
        self.recorded.append(("fail", id, message))
        await self._answer("fail")
        await self.memory.fail(id, message)

    async def _answer(self, method: str) -> None:
        await asyncio.sleep(0)
        if self.errors[method]:
            raise self.errors[method].pop(0)


class _Metrics:
    """Keeps events, stops the runner at the last one that a test waits for, and raises if it is told to."""

    def __init__(self, last: int | None = None, error: BaseException | None = None) -> None:
        self.events: list[Event] = []
        self.last = last
        self.error = error
        self.runner: Runner | None = None

    def record(self, event: Event) -> None:
        self.events.append(event)
        if self.runner is not None and len(self.events) == self.last:
            self.runner.stop()
        if self.error is not None:
            raise self.error


async def _work(
    store: Any,
    handler: Handler,
    *,
    last: int | None = None,
    seconds: float | None = None,
    error: BaseException | None = None,
    **options: Any,
) -> list[tuple[str, str]]:
    """Run a runner until it told of so many outcomes, or for so many seconds; return what it told."""
    metrics = _Metrics(last, error)
    runner = metrics.runner = Runner(store, handler, metrics=metrics, **options)
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, runner.stop)
    await runner.run()
    return [(event.kind, event.outcome) for event in metrics.events]


async def _returns(job: Job) -> None:
    await asyncio.sleep(0)


async def _raises(job: Job) -> None:
    await asyncio.sleep(0)
    raise ValueError("secret text")


# What a handler does, and what is recorded of it


def test_a_handler_that_returns_is_recorded_by_one_complete(simulate: Simulate) -> None:
    """The store is told once, and so is the recorder, with the kind as a safe label."""
    store = _Store("Send Mail")
    assert simulate(_work(store, _returns, seconds=9)) == [("send_mail", "succeeded")]
    assert store.recorded == [("complete", "j0")]


def test_the_handler_sees_the_job_that_was_delivered(simulate: Simulate) -> None:
    """Nothing of it is changed on the way."""
    jobs: list[Job] = []

    async def handler(job: Job) -> None:
        jobs.append(job)

    simulate(_work(_Store(" Mail "), handler, last=1))
    assert jobs == [Job("j0", " Mail ", payload=b"secret payload", attempts=1)]


class _Mute(Exception):
    def __str__(self) -> str:
        raise SystemExit


@pytest.mark.parametrize(
    ("error", "outcome", "message"),
    [
        (ValueError(" disk\nfull "), "failed", "disk full"),
        (TimeoutError("late"), "failed", "late"),
        (_Mute(), "failed", "worker failed"),
        (SystemExit("bye"), "failed", "bye"),
        (KeyboardInterrupt(), "failed", "worker failed"),
        (GeneratorExit("gone"), "failed", "gone"),
        (StopAsyncIteration("end"), "failed", "end"),
        (asyncio.CancelledError("enough"), "canceled", "enough"),
        (ExceptionGroup("all", [ValueError("x")]), "failed", "all (1 sub-exception)"),
    ],
)
@pytest.mark.parametrize("in_thread", [False, True], ids=["async", "thread"])
def test_whatever_a_handler_raises_is_recorded_by_one_fail(
    simulate: Simulate, error: BaseException, outcome: str, message: str, *, in_thread: bool
) -> None:
    """Not even an exception that ends programs ends the runner: the next job is done."""

    def plain(job: Job) -> None:
        if job.id == "j0":
            raise error

    async def coroutine(job: Job) -> None:
        plain(job)

    store = _Store("mail", "mail", redelivers=False)
    events = simulate(_work(store, plain if in_thread else coroutine, last=2))
    assert store.recorded == [("fail", "j0", message), ("complete", "j1")]
    assert events == [("mail", outcome), ("mail", "succeeded")]


@pytest.mark.parametrize("in_thread", [False, True], ids=["async", "thread"])
def test_a_stop_iteration_is_an_error_like_any_other(simulate: Simulate, *, in_thread: bool) -> None:
    """On Python 3.11 a future that is given one never ends; a coroutine turns it into a RuntimeError."""

    def plain(job: Job) -> None:
        raise StopIteration("end")

    async def coroutine(job: Job) -> None:
        plain(job)

    store = _Store("mail", redelivers=False)
    simulate(_work(store, plain if in_thread else coroutine, last=1))
    assert store.recorded == [("fail", "j0", "end" if in_thread else "coroutine raised StopIteration")]


def test_a_handler_that_cancels_its_own_task_and_returns_is_completed(simulate: Simulate) -> None:
    """The cancellation that it leaves behind strikes nothing else."""

    async def handler(job: Job) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        task.cancel()

    store = _Store("mail", "mail")
    assert simulate(_work(store, handler, last=2)) == [("mail", "succeeded")] * 2
    assert store.recorded == [("complete", "j0"), ("complete", "j1")]


def test_a_plain_handler_runs_in_a_thread(simulate: Simulate) -> None:
    """What it returns is nobody's business, unless it can be awaited."""
    threads: list[threading.Thread] = []

    def handler(job: Job) -> str:
        threads.append(threading.current_thread())
        return "ignored"

    assert simulate(_work(_Store("mail"), handler, last=1)) == [("mail", "succeeded")]
    assert [thread is threading.main_thread() for thread in threads] == [False]


def test_an_awaitable_that_a_plain_handler_returns_is_awaited(simulate: Simulate) -> None:
    """Its errors are the handler's."""

    def handler(job: Job) -> Coroutine[Any, Any, None]:
        return _raises(job)

    store = _Store("mail", redelivers=False)
    assert simulate(_work(store, handler, last=1)) == [("mail", "failed")]
    assert store.recorded == [("fail", "j0", "secret text")]


class _Callable:
    """A handler that is an object."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    async def __call__(self, job: Job) -> None:
        self.threads.append(threading.current_thread())

    async def method(self, prefix: str, job: Job) -> None:
        self.threads.append(threading.current_thread())


@pytest.mark.parametrize("partial", [False, True])
def test_coroutine_functions_in_any_wrapping_stay_on_the_loop(simulate: Simulate, *, partial: bool) -> None:
    """Objects with an async `__call__` and partials of coroutine functions need no thread."""
    handler = _Callable()
    events = simulate(
        _work(_Store("mail"), functools.partial(handler.method, "x") if partial else handler, last=1)
    )
    assert (events, handler.threads) == ([("mail", "succeeded")], [threading.main_thread()])


def test_a_plain_store_is_called_on_the_event_loop(simulate: Simulate) -> None:
    """Its methods need not be coroutine functions."""

    class Plain:
        def __init__(self) -> None:
            self.jobs = [Job("a", "mail"), Job("b", "mail")]
            self.calls: list[tuple[object, ...]] = []

        def lease(self, limit: int) -> tuple[Job, ...]:
            batch, self.jobs = self.jobs[:limit], self.jobs[limit:]
            return tuple(batch)

        def complete(self, id: str) -> None:
            self.calls.append((id, threading.current_thread()))

        def fail(self, id: str, message: str) -> None:
            self.calls.append((id, message, threading.current_thread()))

    async def handler(job: Job) -> None:
        if job.id == "b":
            raise ValueError("no")

    store = Plain()
    assert simulate(_work(store, handler, last=2)) == [("mail", "succeeded"), ("mail", "failed")]
    assert store.calls == [("a", threading.main_thread()), ("b", "no", threading.main_thread())]


# Errors around the handler


def test_an_error_of_lease_is_observed_and_waited_out(simulate: Simulate) -> None:
    """After each the runner waits for a poll interval, and then goes on."""
    store = _Store("mail")
    store.errors["lease"] = [OSError("down"), TimeoutError(), asyncio.CancelledError(), SystemExit()]
    events = simulate(_work(store, _returns, last=5, poll_interval=2))
    assert events == [("unknown", "lease_error")] * 4 + [("mail", "succeeded")]
    assert store.leases == [(0.0, 1), (2.0, 1), (4.0, 1), (6.0, 1), (8.0, 1)]


@pytest.mark.parametrize("error", [OSError("down"), asyncio.CancelledError(), SystemExit()])
def test_an_error_of_complete_is_observed_and_no_fail_follows(
    simulate: Simulate, error: BaseException
) -> None:
    """Nobody knows whether it was recorded, so nothing else is."""
    store = _Store("mail", "mail")
    store.errors["complete"] = [error]
    events = simulate(_work(store, _returns, last=2))
    assert events == [("mail", "complete_error"), ("mail", "succeeded")]
    assert store.recorded == [("complete", "j0"), ("complete", "j1")]


@pytest.mark.parametrize("error", [OSError("down"), asyncio.CancelledError(), SystemExit()])
def test_an_error_of_fail_is_observed_and_not_repeated(simulate: Simulate, error: BaseException) -> None:
    """Nobody knows whether it was recorded."""
    store = _Store("mail", "mail", redelivers=False)
    store.errors["fail"] = [error]
    events = simulate(_work(store, _raises, last=2))
    assert events == [("mail", "fail_record_error"), ("mail", "failed")]
    assert store.recorded == [("fail", "j0", "secret text"), ("fail", "j1", "secret text")]


@pytest.mark.parametrize("error", [OSError("down"), SystemExit()])
def test_an_error_of_the_recorder_is_survived(simulate: Simulate, error: BaseException) -> None:
    """Outcomes reach the store all the same."""
    store = _Store("mail", "mail")
    store.errors["lease"] = [OSError("down")]
    events = simulate(_work(store, _returns, last=3, error=error))
    assert events == [("unknown", "lease_error"), ("mail", "succeeded"), ("mail", "succeeded")]
    assert store.recorded == [("complete", "j0"), ("complete", "j1")]


class _Malformed:
    @property
    def id(self) -> str:
        raise OSError("no connection")


def test_what_is_no_job_is_observed_and_the_rest_of_the_batch_is_done(simulate: Simulate) -> None:
    """Without an id and a kind nothing can be recorded; the jobs beside it are none the worse."""
    store = _Store("mail")
    store.junk = [None, Job("x", cast("str", 7)), _Malformed()]
    events = simulate(_work(store, _returns, last=4, concurrency=4))
    assert events == [("unknown", "lease_error")] * 3 + [("mail", "succeeded")]
    assert store.recorded == [("complete", "j0")]


@pytest.mark.parametrize("batch", [None, 7, [None]])
def test_a_store_that_delivers_no_jobs_is_not_asked_at_once_again(simulate: Simulate, batch: object) -> None:
    """A batch that is none, or holds nothing of use, counts as an error of the lease."""

    class Broken(_Store):
        async def lease(self, limit: int) -> list[Job]:
            await super().lease(limit)
            return cast("list[Job]", batch)

    store = Broken()
    events = simulate(_work(store, _returns, seconds=2.5))
    assert events == [("unknown", "lease_error")] * 3
    assert store.leases == [(0.0, 1), (1.0, 1), (2.0, 1)]


# When, and how much, it leases


def test_never_more_handlers_than_slots_run(simulate: Simulate) -> None:
    """Not even when the store delivers more than it was asked for: the surplus waits, and is done."""
    running = most = 0

    async def handler(job: Job) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1

    store = _Store(*["mail"] * 8)
    store.surplus = 3
    simulate(_work(store, handler, last=8, concurrency=2))
    assert most == 2
    assert sorted(store.recorded) == [("complete", f"j{number}") for number in range(8)]
    assert store.leases == [(0.0, 2), (2.0, 1)]


@pytest.mark.parametrize(
    ("options", "leases"),
    [
        ({"concurrency": 3}, [(0.0, 3), (1.0, 1), (2.0, 1), (4.0, 1)]),
        ({"concurrency": 3, "batch_size": 2}, [(0.0, 2), (0.0, 1), (1.0, 1), (2.0, 1), (4.0, 1)]),
        ({"concurrency": 1, "batch_size": 9}, [(0.0, 1), (1.0, 1), (3.0, 1), (7.0, 1), (15.0, 1)]),
    ],
    ids=["batch = slots", "small batches", "one slot"],
)
def test_it_leases_no_more_than_it_has_free_slots(
    simulate: Simulate, options: dict[str, Any], leases: list[tuple[float, int]]
) -> None:
    """A slot is free when the outcome is recorded, and a lease asks for the free slots, or for a batch."""

    async def handler(job: Job) -> None:
        await asyncio.sleep({"j0": 1, "j1": 2, "j2": 4, "j3": 8, "j4": 16}[job.id])

    store = _Store(*["mail"] * 5)
    simulate(_work(store, handler, last=5, poll_interval=100, **options))
    assert store.leases == leases


def test_while_jobs_are_ready_it_does_not_wait(simulate: Simulate) -> None:
    """A hundred jobs that take a second each, ten at once, take ten seconds, whatever the poll interval."""

    async def handler(job: Job) -> None:
        await asyncio.sleep(1)

    async def main() -> float:
        await _work(_Store(*["mail"] * 100), handler, last=100, concurrency=10, poll_interval=1000)
        return asyncio.get_running_loop().time()

    assert simulate(main()) == pytest.approx(10)


def test_while_none_is_ready_it_leases_once_per_poll_interval(simulate: Simulate) -> None:
    """The first lease is made at once."""
    store = _Store()
    assert simulate(_work(store, _returns, seconds=10, poll_interval=2.5, concurrency=4)) == []
    assert store.leases == [(0.0, 4), (2.5, 4), (5.0, 4), (7.5, 4)]


def test_a_job_that_failed_is_asked_for_at_once(simulate: Simulate) -> None:
    """It may be ready again, so the runner does not wait for the interval that an empty lease began."""

    async def handler(job: Job) -> None:
        await asyncio.sleep(3)
        raise ValueError

    store = _Store("mail", max_attempts=2)
    simulate(_work(store, handler, last=2, concurrency=2, poll_interval=100))
    assert store.leases == [(0.0, 2), (0.0, 1), (3.0, 2), (3.0, 1)]


def test_a_fail_that_a_lease_in_flight_may_have_missed_is_followed_by_another(simulate: Simulate) -> None:
    """An empty lease that began before the fail says nothing about the failed job."""

    class Slow(_Store):
        async def lease(self, limit: int) -> list[Job]:
            batch = await super().lease(limit)
            await asyncio.sleep(5)
            return batch

    async def handler(job: Job) -> None:
        await asyncio.sleep(3)
        raise ValueError

    store = Slow("mail", max_attempts=2)
    simulate(_work(store, handler, last=2, concurrency=2, poll_interval=100))
    assert store.leases == [(0.0, 2), (5.0, 1), (10.0, 2), (15.0, 1)]


# What it tells


def test_no_payload_and_no_error_text_reaches_a_log_record(
    simulate: Simulate, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the message, not in its arguments, not with the exception; asyncio's own debug log included."""
    caplog.set_level(logging.DEBUG)
    store = _Store("good", "bad", "bad", "good", redelivers=False)
    store.errors = {
        "lease": [OSError("secret text")],
        "complete": [OSError("secret text")],
        "fail": [OSError("secret text")],
    }

    async def handler(job: Job) -> None:
        await (_raises if job.kind == "bad" else _returns)(job)

    async def main() -> object:
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        loop.slow_callback_duration = 0.0
        return await _work(store, handler, last=5, concurrency=2, error=ValueError("secret text"))

    outcomes = {outcome for _, outcome in simulate(main())}
    assert outcomes == {"lease_error", "complete_error", "fail_record_error", "succeeded", "failed"}
    records = [record for record in caplog.records if record.name == "async_contract.runner"]
    assert len(records) == 10
    everything = "\n".join(str(vars(record)) + record.getMessage() for record in caplog.records)
    assert "secret" not in everything


def test_another_logger_can_be_given(simulate: Simulate, caplog: pytest.LogCaptureFixture) -> None:
    """The default one stays silent."""
    caplog.set_level(logging.DEBUG)
    simulate(_work(_Store("mail"), _returns, last=1, logger=logging.getLogger("mine")))
    assert [(record.name, record.getMessage()) for record in caplog.records if record.name != "asyncio"] == [
        ("mine", "job 'j0' of kind mail: succeeded (none)")
    ]


# How it is made


_NO_HANDLER = (
    "a handler is a function of a job, not NoneType; write async def handle(job): ..., and pass handle"
)
_NO_STORE = "a store has lease(limit), complete(id) and fail(id, message)"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"store": object()},
            TypeError,
            f"object has no method lease and no complete and no fail; {_NO_STORE}",
        ),
        (
            {"handler": None},
            TypeError,
            _NO_HANDLER,
        ),
        ({"concurrency": 0}, ValueError, "concurrency=0 is no whole number from 1; write concurrency=10"),
        (
            {"concurrency": True},
            ValueError,
            "concurrency=True is no whole number from 1; write concurrency=10",
        ),
        ({"batch_size": 1.5}, ValueError, "batch_size=1.5 is no whole number from 1; write batch_size=10"),
        (
            {"poll_interval": 0},
            ValueError,
            "poll_interval=0 would poll without a pause; write poll_interval=0.1, say",
        ),
        (
            {"poll_interval": float("inf")},
            ValueError,
            "poll_interval=inf is no number of seconds; write poll_interval=5.0",
        ),
        (
            {"poll_interval": "1"},
            ValueError,
            "poll_interval='1' is no number of seconds; write poll_interval=5.0",
        ),
        (
            {"shutdown_timeout": -1},
            ValueError,
            "shutdown_timeout=-1 is no number of seconds; write shutdown_timeout=5.0",
        ),
        (
            {"shutdown_timeout": True},
            ValueError,
            "shutdown_timeout=True is no number of seconds; write shutdown_timeout=5.0",
        ),
    ],
)
def test_bad_arguments_are_told_what_to_write(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Every argument out of range is refused with what was seen and what would do."""
    with pytest.raises(error) as refusal:
        Runner(**{"store": MemoryStore(), "handler": _returns, **arguments})
    assert str(refusal.value) == message


def test_a_runner_runs_once(simulate: Simulate) -> None:
    """A second run() is told what to do instead."""

    async def main() -> None:
        runner = Runner(MemoryStore(), _returns)
        runner.stop()
        await runner.run()
        await runner.run()

    with pytest.raises(RuntimeError) as refusal:
        simulate(main())
    assert str(refusal.value) == "this Runner has been run before; make a new one for every run()"
