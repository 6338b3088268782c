"""Every call of a store is written down: when it was made, what came of it, and what it delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import VIRTUAL_START, Sandbox
from async_contract.history.operation import (
    CANCELLED,
    LEFT_OUT,
    OK,
    REJECTED,
    TIMED_OUT,
    UNKNOWN,
    Delivered,
    Misfit,
    Operation,
    instant,
)
from async_contract.history.prompt import PromptRecorder
from async_contract.history.recorder import CallTimedOut, Recorder
from async_contract.store import Job, JobRecord

START = VIRTUAL_START * 1_000_000_000
JOB = Job("a", "mail", "t", b"p")
GIVEN = Delivered("a", "mail", "t", b"p", 0)


class Store:
    """Does what the test says: `does[method]` is called with the arguments, and its result returned."""

    def __init__(self, **does: Callable[..., Any]) -> None:
        self.does = does

    def enqueue(self, job: Job) -> Any:
        """Take a job in."""
        return self.does["enqueue"](job) if "enqueue" in self.does else None

    def lease(self, limit: int) -> Any:
        """Deliver jobs."""
        return self.does["lease"](limit)

    def complete(self, id: str) -> Any:
        """Complete a job."""
        return self.does["complete"](id)

    def fail(self, id: str, message: str) -> Any:
        """Fail a job."""
        return self.does["fail"](id, message)

    def inspect(self, id: str) -> Any:
        """Look a job up."""
        return self.does["inspect"](id)


def later(result: Any) -> Callable[..., Awaitable[Any]]:
    """A coroutine function that waits once and then returns or raises this."""

    async def call(*_: Any) -> Any:
        await asyncio.sleep(0)
        if isinstance(result, BaseException):
            raise result
        return result

    return call


def raising(error: BaseException) -> Callable[..., Any]:
    """A plain function that raises this."""

    def call(*_: Any) -> Any:
        raise error

    return call


@pytest.fixture(params=[Recorder, PromptRecorder], autouse=True)
def kind(request: pytest.FixtureRequest) -> Iterator[type[Recorder]]:
    """The kind of recorder: what holds for the one that everybody has holds for the prompt one too."""
    KIND.append(request.param)
    yield request.param
    KIND.clear()


KIND: list[type[Recorder]] = []


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """A recorder in virtual time."""
    return make(tmp_path)


def make(path: Path, *, virtual: bool = True, **options: Any) -> Recorder:
    """A recorder of a store of the class above."""
    harness = StoreHarness(Store, capabilities=Capabilities(), virtual_time=virtual)
    return KIND[0](
        harness, Sandbox("ac_test", path / "sandbox", virtual=virtual), **{"call_limit": 10.0, **options}
    )


@pytest.mark.parametrize("returns", [lambda value: lambda *_: value, later])
def test_plain_and_coroutine_functions_are_recorded_alike(
    recorder: Recorder, returns: Callable[[Any], Callable[..., Any]]
) -> None:
    """Each call has its two instants, its arguments and its result."""
    record = JobRecord("completed", None, 1)
    batch = returns([JOB])
    store = Store(
        lease=batch, enqueue=returns(None), complete=returns(0), fail=returns(0), inspect=returns(record)
    )

    async def run() -> Any:
        await recorder.enqueue(0, store, JOB)
        _, raw = await recorder.lease(1, store, 3)
        await recorder.complete(1, store, "a")
        await recorder.fail(2, store, "b", "boom")
        await recorder.inspect(0, store, "a")
        recorder.note("mutate", 1, recorder.now(), "a", "changed")
        return raw

    assert asyncio.run(run()) == [JOB]
    times = [(START + 2 * number + 1, START + 2 * number + 2) for number in range(6)]
    assert recorder.history == [
        Operation("enqueue", 0, *times[0], OK, "a", None, (GIVEN,)),
        Operation("lease", 1, *times[1], OK, None, 3, (GIVEN,)),
        Operation("complete", 1, *times[2], OK, "a"),
        Operation("fail", 2, *times[3], OK, "b", "boom"),
        Operation("inspect", 0, *times[4], OK, "a", record),
        Operation("mutate", 1, *times[5], OK, "a", error="changed"),
    ]


@pytest.mark.parametrize("fails", [raising, later])
@pytest.mark.parametrize(
    ("error", "outcome", "text"),
    [
        (ValueError("no\nno"), REJECTED, "ValueError: no no"),
        (KeyError("a"), REJECTED, "KeyError: 'a'"),
        (RuntimeError(), UNKNOWN, "RuntimeError"),
        (OSError("x" * 400), UNKNOWN, f"OSError: {'x' * 291}"),
        (TimeoutError("of the store's own"), UNKNOWN, "TimeoutError: of the store's own"),
        (asyncio.CancelledError("by the store itself"), UNKNOWN, "CancelledError: by the store itself"),
        (SystemExit(2), UNKNOWN, "SystemExit: 2"),
    ],
)
def test_an_error_is_a_rejection_or_says_nothing(
    recorder: Recorder,
    fails: Callable[[BaseException], Callable[..., Any]],
    error: BaseException,
    outcome: str,
    text: str,
) -> None:
    """Whatever is called; a store that cancels itself cancels nobody else."""
    function = fails(error)
    store = Store(**dict.fromkeys(("enqueue", "lease", "complete", "fail", "inspect"), function))

    async def run() -> list[Operation]:
        return [
            await recorder.enqueue(0, store, JOB),
            (await recorder.lease(1, store, 1))[0],
            await recorder.complete(1, store, "a"),
            await recorder.fail(1, store, "a", "boom"),
            await recorder.inspect(0, store, "a"),
        ]

    done = asyncio.run(run())
    assert recorder.history == done
    assert [(each.outcome, each.error) for each in done] == [(outcome, text)] * 5
    assert [each.value for each in done] == [None, 1, None, "boom", None]
    assert [each.jobs for each in done] == [(GIVEN,), (), (), (), ()]


def test_an_error_without_a_text_is_recorded_by_its_type(recorder: Recorder) -> None:
    """Its `__str__` may raise."""

    class Mute(ValueError):
        def __str__(self) -> str:
            raise TypeError

    asyncio.run(recorder.complete(1, Store(complete=raising(Mute())), "a"))
    assert recorder.history[0].error == "Mute: (its text can't be had)"


def test_a_call_that_is_cancelled_stands_in_the_history(recorder: Recorder) -> None:
    """The cancellation passes through; when it came is the instant at which the call was over."""

    async def forever(*_: Any) -> None:
        await asyncio.Event().wait()

    store = Store(lease=forever, complete=forever)

    async def run() -> None:
        calls: tuple[Coroutine[Any, Any, Any], ...]
        calls = recorder.lease(1, store, 5), recorder.complete(1, store, "a")
        for call in calls:
            task = asyncio.create_task(call)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert recorder.history == [
        Operation("lease", 1, START + 1, START + 2, UNKNOWN, None, 5, (), CANCELLED),
        Operation("complete", 1, START + 3, START + 4, UNKNOWN, "a", None, (), CANCELLED),
    ]


def test_a_call_may_be_wrapped(recorder: Recorder) -> None:
    """An experiment gets the awaitable before it is awaited; a plain function has none."""
    wrapped = []

    def wrap(call: Awaitable[Any]) -> Awaitable[Any]:
        wrapped.append(call)
        return call

    async def run() -> None:
        for returns in (later([JOB]), lambda *_: [JOB]):
            store = Store(lease=returns, complete=returns, fail=returns)
            await recorder.lease(1, store, 1, wrap)
            await recorder.complete(1, store, "a", wrap)
            await recorder.fail(1, store, "a", "boom", wrap)

    asyncio.run(run())
    assert len(wrapped) == 3
    assert [each.outcome for each in recorder.history] == [OK] * 6


def test_a_call_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    """It is cancelled, and the history has it as unknown; the experiment ends there."""
    recorder = make(tmp_path, call_limit=0.001)
    cancelled = []

    async def forever(*_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    store = Store(lease=forever, fail=forever)
    calls: dict[str, Coroutine[Any, Any, Any]]
    calls = {"lease": recorder.lease(1, store, 1), "fail": recorder.fail(1, store, "a", "boom")}
    for method, call in calls.items():
        with pytest.raises(
            CallTimedOut,
            match=rf"\A{method} did not return within 0.001 s: it hung at .* in forever: await asyncio.Event",
        ):
            asyncio.run(call)
    assert cancelled == [True, True]
    assert [(each.outcome, each.error) for each in recorder.history] == [(UNKNOWN, TIMED_OUT)] * 2


def test_a_store_may_choose_the_id(recorder: Recorder) -> None:
    """The history has the job under the id that `enqueue` returned."""
    done = asyncio.run(recorder.enqueue(0, Store(enqueue=lambda job: f"srv-{job.id}"), JOB))
    expected = Operation("enqueue", 0, START + 1, START + 2, OK, "srv-a", None, (GIVEN._replace(id="srv-a"),))
    assert recorder.history == [done] == [expected]


def test_an_id_that_is_given_twice_is_the_harness_s_mistake(recorder: Recorder) -> None:
    """What `enqueue` returns may be a text that is no id."""
    store = Store(enqueue=lambda _: "ok")
    asyncio.run(recorder.enqueue(0, store, JOB))
    with pytest.raises(HarnessError) as caught:
        asyncio.run(recorder.enqueue(0, store, Job("b", "mail")))
    assert str(caught.value) == (
        "enqueue returned 'ok' for two jobs; a str that it returns is the id which the store "
        "chose: return that, or None if the job keeps its own"
    )


def test_what_is_no_record_is_the_harness_s_mistake(recorder: Recorder) -> None:
    """The call stands in the history all the same; and an error of the harness passes through."""
    with pytest.raises(HarnessError, match="inspect returned 'text'; return None for an unknown job"):
        asyncio.run(recorder.inspect(0, Store(inspect=lambda _: "text"), "a"))
    with pytest.raises(HarnessError, match="mine"):
        asyncio.run(recorder.inspect(0, Store(inspect=raising(HarnessError("mine"))), "a"))
    assert [each.outcome for each in recorder.history] == [OK, UNKNOWN]


def test_what_is_no_batch_is_recorded_as_a_fault(recorder: Recorder) -> None:
    """And a job that is none has misfits for attributes."""
    asyncio.run(recorder.lease(1, Store(lease=lambda _: None), 1))
    asyncio.run(recorder.lease(1, Store(lease=lambda _: [7]), 1))
    assert [(each.outcome, each.error) for each in recorder.history] == [
        (OK, "returned None, which is no batch of jobs"),
        (OK, ""),
    ]
    assert recorder.history[1].jobs == (Delivered(*[Misfit("", "(no such attribute)")] * 5),)


@pytest.mark.parametrize(("error", "outcome"), [(OSError("lost"), UNKNOWN), (ValueError("no"), REJECTED)])
def test_a_batch_that_raises_while_it_is_read_is_a_lease_that_failed(
    recorder: Recorder, error: Exception, outcome: str
) -> None:
    """It may be fetched row by row, and the connection break."""

    def rows(_: int) -> Iterator[Job]:
        yield JOB
        raise error

    operation, _ = asyncio.run(recorder.lease(1, Store(lease=rows), 2))
    assert (operation.outcome, operation.jobs) == (outcome, ())
    assert operation.error == f"{type(error).__name__}: {error}"


def test_jobs_of_others_can_be_left_out(tmp_path: Path) -> None:
    """Ours are those that were enqueued here, also while that goes on, under their own id or the store's."""
    recorder = make(tmp_path, leave_foreign=True)
    ours, chosen, other = JOB, Job("srv-b", "mail"), Job("c", "mail")
    batch = [ours, chosen, other, Job([], "mail")]  # type: ignore[arg-type]  # a store may deliver anything

    async def enqueue(job: Job) -> str | None:
        await recorder.lease(1, store, 5)
        return "srv-b" if job.id == "b" else None

    store = Store(enqueue=enqueue, lease=lambda _: batch)

    async def run() -> None:
        await recorder.enqueue(0, store, ours)
        await recorder.enqueue(0, store, Job("b", "mail"))
        await recorder.lease(1, store, 5)

    asyncio.run(run())
    leases = [each for each in recorder.history if each.method == "lease"]
    assert [[job.id for job in each.jobs] for each in leases] == [["a"], ["a"], ["a", "srv-b"]]
    assert {each.error for each in leases} == {LEFT_OUT}
    operation, _ = asyncio.run(recorder.lease(1, Store(lease=lambda _: batch[:2]), 5))
    assert (operation.error, len(operation.jobs)) == ("", 2)


def test_a_call_stands_where_it_was_invoked_and_a_lease_where_it_returned(recorder: Recorder) -> None:
    """So the history is in the order of `instant`, however the calls overlap."""

    async def slowly(*_: Any) -> list[Job]:
        for _turn in range(5):
            await asyncio.sleep(0)
        return [JOB]

    store = Store(lease=slowly, complete=slowly, fail=later(None))

    async def run() -> None:
        await asyncio.gather(
            recorder.lease(1, store, 1),
            recorder.complete(2, store, "a"),
            recorder.fail(3, store, "a", "boom"),
        )

    asyncio.run(run())
    assert [each.method for each in recorder.history] == ["complete", "fail", "lease"]
    assert recorder.history == sorted(recorder.history, key=instant)


def test_instants_never_repeat_and_never_shrink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a virtual clock stands still they go on by a nanosecond; what is added stays when it moves."""
    recorder = make(tmp_path)
    first, second = recorder.now(), recorder.now()
    recorder._sandbox.advance(0.5)
    assert (first, second, recorder.now()) == (START + 1, START + 2, START + 500_000_003)
    readings = iter((10, 10, 7, 20))
    monkeypatch.setattr(Sandbox, "now_ns", lambda _: next(readings))
    real = make(tmp_path, virtual=False)
    assert [real.now() for _ in range(4)] == [10, 11, 12, 20]


def test_it_is_noted_whether_the_store_has_to_be_awaited(tmp_path: Path) -> None:
    """By what a lease, complete or fail gives, not by what the method looks like, nor by an enqueue."""

    async def soon(*_: object) -> list[Job]:
        return []

    async def main() -> list[bool]:
        harness = StoreHarness(Store)
        recorder = Recorder(harness, Sandbox("name", tmp_path), call_limit=None)
        store = Store(enqueue=soon, complete=print, lease=soon)
        found = []
        for call in (
            lambda: recorder.enqueue(0, store, JOB),
            lambda: recorder.complete(1, store, "a"),
            lambda: recorder.lease(1, store, 1),
            lambda: recorder.complete(1, store, "a"),
        ):
            await call()
            found.append(harness.awaited)
        return found

    assert asyncio.run(main()) == [False, False, True, True]


def test_what_is_no_error_of_the_store_passes_through(recorder: Recorder) -> None:
    """Such as the end of the time limit; the history has the call as one that nobody waited for."""

    class TimeIsUp(BaseException):
        pass

    calls: tuple[Coroutine[Any, Any, Any], ...]
    store = Store(lease=raising(TimeIsUp()), complete=raising(TimeIsUp()))
    calls = recorder.lease(1, store, 5), recorder.complete(1, store, "a")
    for call in calls:
        with pytest.raises(TimeIsUp):
            call.send(None)
    assert recorder.history == [
        Operation("lease", 1, START + 1, START + 2, UNKNOWN, None, 5, (), CANCELLED),
        Operation("complete", 1, START + 3, START + 4, UNKNOWN, "a", None, (), CANCELLED),
    ]


def test_calls_may_begin_elsewhere(tmp_path: Path) -> None:
    """A recorder of another kind says where; what comes of them is recorded alike."""
    begun = []

    class Elsewhere(Recorder):
        async def _begin(self, function: Callable[..., Any], *arguments: Any) -> Any:
            begun.append(arguments)
            return function(*arguments)

    made = make(tmp_path)
    recorder = Elsewhere(made._harness, made._sandbox, call_limit=10.0)
    store = Store(lease=lambda _: [JOB], complete=raising(RuntimeError("lost")))

    async def run() -> None:
        await recorder.lease(1, store, 3)
        await recorder.complete(1, store, "a")

    asyncio.run(run())
    assert begun == [(3,), ("a",)]
    assert [(each.outcome, each.jobs) for each in recorder.history] == [(OK, (GIVEN,)), (UNKNOWN, ())]


@pytest.mark.parametrize("job_id", [7, None, b"a"])
def test_an_id_that_is_no_str_is_recorded_as_text(recorder: Recorder, job_id: Any) -> None:
    """Only a broken store delivers one. It gets it back as it is."""
    called: list[object] = []
    store = Store(
        complete=called.append, fail=lambda given, _message: called.append(given), inspect=called.append
    )
    done = [
        asyncio.run(recorder.complete(1, store, job_id)),
        asyncio.run(recorder.fail(1, store, job_id, "boom")),
        asyncio.run(recorder.inspect(1, store, job_id)),
    ]
    assert called == [job_id] * 3
    assert [each.job_id for each in done] == [str(job_id)] * 3
