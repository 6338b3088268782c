"""What is recorded at full speed is what everybody else would have recorded."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.history.operation import LEFT_OUT, OK, REJECTED, UNKNOWN, Delivered, Operation
from async_contract.history.prompt import PromptRecorder, never_waits
from async_contract.history.recorder import Recorder
from async_contract.store import Job

JOB = Job("a", "mail", "t", b"p")
GIVEN = Delivered("a", "mail", "t", b"p", 0)


class Waiting:
    """Suspends in the midst of every call, and counts what has begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    async def enqueue(self, job: Job) -> str:
        """Take a job in, under an id of its own."""
        self.begun.append("enqueue")
        await asyncio.sleep(0)
        return f"{job.id}!"

    async def lease(self, limit: int) -> list[Job]:
        """Deliver a job."""
        self.begun.append("lease")
        await asyncio.sleep(0)
        return [JOB]

    async def complete(self, id: str) -> None:
        """Refuse, after a while."""
        self.begun.append("complete")
        await asyncio.sleep(0)
        raise KeyError(id)


def made(path: Path, **options: Any) -> PromptRecorder:
    """A recorder in virtual time."""
    harness = StoreHarness(Waiting, virtual_time=True, **options)
    return PromptRecorder(harness, Sandbox("ac_test", path, virtual=True), call_limit=10.0)


def test_a_call_that_waits_is_made_once_and_recorded_from_its_beginning(tmp_path: Path) -> None:
    """It goes on where it stood; its first instant is the one before it was made."""
    recorder, store = made(tmp_path), Waiting()

    async def run() -> None:
        await recorder.enqueue(1, store, JOB)
        operation, raw = await recorder.lease(1, store, 3)
        assert (operation.jobs, raw) == ((GIVEN,), [JOB])
        await recorder.complete(1, store, "a")

    asyncio.run(run())
    assert store.begun == ["enqueue", "lease", "complete"]
    first = recorder.history[0].invoked
    given = GIVEN._replace(id="a!")
    assert recorder.history == [
        Operation("enqueue", 1, first, first + 1, OK, "a!", None, (given,)),
        Operation("lease", 1, first + 2, first + 3, OK, None, 3, (GIVEN,)),
        Operation("complete", 1, first + 4, first + 5, REJECTED, "a", error="KeyError: 'a'"),
    ]


class Prompt:
    """Answers at once: by coroutine functions with and without an await, and a plain one."""

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""

    async def lease(self, limit: int) -> list[Job]:
        """Deliver a job."""
        return await self.jobs()

    async def jobs(self) -> list[Job]:
        """A job."""
        return [JOB]

    def complete(self, id: str) -> None:
        """Refuse."""
        raise LookupError(id)

    async def fail(self, id: str, message: str) -> None:
        """Refuse."""
        raise LookupError(id)


def test_a_call_that_is_over_at_once_is_recorded_when_it_is_over(tmp_path: Path) -> None:
    """What the recorder that everybody has would have written down, refusals too."""
    recorder = made(tmp_path)

    async def run(recorder: Recorder) -> list[Operation]:
        store = Prompt()
        await recorder.enqueue(0, store, JOB)
        await recorder.lease(1, store, 3)
        await recorder.complete(1, store, "a")
        await recorder.fail(1, store, "a", "boom")
        return recorder.history

    seen = asyncio.run(run(recorder))
    plain = Recorder(recorder._harness, recorder._sandbox, call_limit=10.0)
    assert seen == asyncio.run(run(plain))
    assert [each.outcome for each in seen] == [OK, OK, REJECTED, REJECTED]


def test_what_is_awaited_need_not_be_a_coroutine(tmp_path: Path) -> None:
    """A store may return a task; that its enqueue does says nothing of its other methods."""

    class Tasks(Waiting):
        """Makes a task of every enqueue and lease."""

        def enqueue(self, job: Job) -> Any:
            """Take a job in, in a task."""
            return asyncio.create_task(super().enqueue(job))

        def lease(self, limit: int) -> Any:
            """Deliver a job, in a task."""
            return asyncio.create_task(super().lease(limit))

    recorder = made(tmp_path)
    awaited = []

    async def run() -> Operation:
        await recorder.enqueue(1, Tasks(), JOB)
        awaited.append(recorder._harness.awaited)
        done, _ = await recorder.lease(1, Tasks(), 3)
        awaited.append(recorder._harness.awaited)
        return done

    assert asyncio.run(run()).jobs == (GIVEN,)
    assert [each.method for each in recorder.history] == ["enqueue", "lease"]
    assert awaited == [False, True]


def test_calls_that_overlap_keep_their_own_beginnings_and_places(tmp_path: Path) -> None:
    """What one call learns when it goes on is never written down as another's."""
    recorder, store = made(tmp_path), Waiting()

    async def run() -> None:
        await asyncio.gather(recorder.lease(1, store, 3), recorder.complete(2, store, "a"))

    asyncio.run(run())
    first = recorder.history[0].invoked
    assert recorder.history == [
        Operation("complete", 2, first, first + 2, REJECTED, "a", error="KeyError: 'a'"),
        Operation("lease", 1, first - 1, first + 1, OK, None, 3, (GIVEN,)),
    ]


def test_an_is_rejection_of_the_users_own_is_asked_once_for_each_error(tmp_path: Path) -> None:
    """It may be a coroutine function."""
    asked: list[BaseException] = []

    async def is_rejection(error: BaseException) -> bool:
        asked.append(error)
        return isinstance(error, OSError)

    class Refusing(Waiting):
        """Refuses in a way of its own."""

        async def complete(self, id: str) -> None:
            """Refuse."""
            raise OSError

        async def fail(self, id: str, message: str) -> None:
            """Break."""
            raise KeyError

    recorder = made(tmp_path, is_rejection=is_rejection)

    async def run() -> None:
        await recorder.complete(1, Refusing(), "a")
        await recorder.fail(1, Refusing(), "a", "boom")

    asyncio.run(run())
    assert [each.outcome for each in recorder.history] == [REJECTED, UNKNOWN]
    assert [type(each) for each in asked] == [OSError, KeyError]


def test_jobs_of_others_are_left_out_here_too(tmp_path: Path) -> None:
    """As they are where a store need not be empty."""
    harness = StoreHarness(Waiting, virtual_time=True)
    sandbox = Sandbox("ac_test", tmp_path, virtual=True)
    recorder = PromptRecorder(harness, sandbox, call_limit=10.0, leave_foreign=True)

    class Shared(Waiting):
        """Has jobs of others."""

        async def lease(self, limit: int) -> list[Job]:
            """Deliver what was there before."""
            return [JOB]

    operation, _ = asyncio.run(recorder.lease(1, Shared(), 1))
    assert (operation.jobs, operation.error) == ((), LEFT_OUT)


class Awaiting:
    """Coroutine functions, with and without an await."""

    async def nothing(self) -> None:
        """Await nothing."""

    async def something(self) -> None:
        """Await something."""
        await asyncio.sleep(0)

    async def with_manager(self, manager: Callable[[], Any]) -> None:
        """Await where nothing says so."""
        async with manager():
            pass

    async def with_items(self, items: AsyncIterator[int]) -> list[int]:
        """Await where nothing says so."""
        return [each async for each in items]

    def plain(self) -> None:
        """Be no coroutine function."""


@asynccontextmanager
async def manager() -> AsyncIterator[None]:
    """Wait at the entry."""
    await asyncio.sleep(0)
    yield


@pytest.mark.parametrize(
    ("function", "never"),
    [
        (Awaiting().nothing, True),
        (Awaiting.nothing, True),
        (Awaiting().something, False),
        (Awaiting().with_manager, False),
        (Awaiting().with_items, False),
        (Awaiting().plain, False),
        (functools.partial(Awaiting().nothing), False),
        (manager, False),
        (len, False),
    ],
)
def test_a_function_without_an_await_is_told_by_its_code(
    function: Callable[..., Any], *, never: bool
) -> None:
    """Of whatever else there is nobody can be sure that a call of it can't be cancelled."""
    assert never_waits(function) is never
