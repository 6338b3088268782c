"""Opening and closing a store, however its harness makes one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from types import SimpleNamespace, TracebackType
from typing import Self

import pytest

from async_contract.harness.connection import open_store
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox

LOG: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> Iterator[None]:
    LOG.clear()
    yield
    LOG.clear()


class Store:
    """A store that notes when it is closed."""

    def __init__(self, label: str = "plain") -> None:
        self.label = label

    def enqueue(self, job: object) -> None:
        """Nothing is kept."""

    async def lease(self, limit: int) -> list[object]:
        """Nothing is there."""
        return []

    def complete(self, id: str) -> None:
        """Nothing to do."""

    def fail(self, id: str, message: str) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Closed as by a plain function's harness."""
        LOG.append(f"close {self.label}")


class Entered(Store):
    """A store that is its own context manager, and gives another one."""

    def __enter__(self) -> Store:
        LOG.append("enter")
        return Store("entered")

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        LOG.append("exit")


class AsyncEntered(Entered):
    """A store with both kinds of entry, of which only the async one works."""

    def __enter__(self) -> Self:
        raise TypeError("use async with")

    async def __aenter__(self) -> Self:
        LOG.append("aenter")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        LOG.append("aexit")


class AsyncClosed(Store):
    """A store that is closed by a coroutine."""

    async def aclose(self) -> None:
        """Preferred to close."""
        LOG.append("aclose")


class Awaited:
    """What an async factory may return instead of a coroutine: awaiting it gives the store."""

    def __await__(self) -> Generator[object, None, Store]:
        yield from asyncio.sleep(0).__await__()
        return Store("awaited")


def function(sandbox: Sandbox) -> Store:
    """Make a store in the sandbox."""
    return Store(sandbox.name)


async def coroutine(sandbox: Sandbox) -> Store:
    """Make one while the loop goes on."""
    await asyncio.sleep(0)
    return Store("coroutine")


def generator(sandbox: Sandbox) -> Iterator[Store]:
    """Yield one, then close what is below it."""
    yield Store("generator")
    LOG.append("after the yield")


async def async_generator() -> AsyncIterator[Store]:
    """Yield one, then close what is below it."""
    yield Store("async generator")
    await asyncio.sleep(0)
    LOG.append("after the async yield")


@contextlib.contextmanager
def manager(sandbox: Sandbox) -> Iterator[Store]:
    """Yield one in a context manager."""
    yield Store("manager")
    LOG.append("left")


@contextlib.asynccontextmanager
async def async_manager(sandbox: Sandbox) -> AsyncIterator[Store]:
    """Yield one in an async context manager."""
    yield Store("async manager")
    LOG.append("async left")


async def returns_manager(sandbox: Sandbox) -> object:
    """Return a context manager from a coroutine function."""
    return async_manager(sandbox)


class Methods(StoreHarness):
    """A harness whose connect is an async generator itself."""

    async def connect(self, sandbox: Sandbox) -> AsyncIterator[Store]:
        """Yield one."""
        yield Store("method")
        LOG.append("after the method's yield")


def opened(harness: StoreHarness, sandbox: Sandbox) -> str:
    """Open and close a store, and tell its label."""

    async def main() -> str:
        connection = await open_store(harness, sandbox)
        label = str(connection.store.label)
        await connection.close()
        await connection.close()
        return label

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("connect", "label", "log"),
    [
        (Store, "plain", ["close plain"]),
        (function, "ac_test", ["close ac_test"]),
        (coroutine, "coroutine", ["close coroutine"]),
        (Awaited, "awaited", ["close awaited"]),
        (AsyncClosed, "plain", ["aclose"]),
        (Entered, "entered", ["enter", "exit"]),
        (AsyncEntered, "plain", ["aenter", "aexit"]),
        (generator, "generator", ["after the yield"]),
        (async_generator, "async generator", ["after the async yield"]),
        (manager, "manager", ["left"]),
        (async_manager, "async manager", ["async left"]),
        (returns_manager, "async manager", ["async left"]),
    ],
)
def test_a_store_is_opened_and_closed_in_the_way_it_is_made(
    connect: Callable[..., object], label: str, log: list[str], sandbox: Sandbox
) -> None:
    """Every kind of connect gives its store, and is closed once, however often close is called."""
    assert opened(StoreHarness(connect), sandbox) == label
    assert log == LOG


def test_a_connect_that_is_overridden_is_run_like_one_that_is_given(sandbox: Sandbox) -> None:
    """An async generator method yields the store and runs to its end."""
    assert opened(Methods(), sandbox) == "method"
    assert LOG == ["after the method's yield"]


def test_a_disconnect_of_ones_own_comes_before_the_exit_of_a_generator(sandbox: Sandbox) -> None:
    """What the harness defines is called in any case, and the generator ends although it fails."""

    async def disconnect(store: Store) -> None:
        LOG.append(f"disconnect {store.label}")
        raise OSError("already gone")

    with pytest.raises(OSError, match="already gone"):
        opened(StoreHarness(generator, disconnect=disconnect), sandbox)

    assert LOG == ["disconnect generator", "after the yield"]


def test_the_class_of_an_opened_store_is_remembered(sandbox: Sandbox) -> None:
    """The harness knows which errors are the store's own once it has connected one."""
    harness = StoreHarness(manager)
    labels = [opened(harness, sandbox), opened(harness, sandbox)]

    assert labels == ["manager", "manager"]
    assert harness.store_classes == {Store}


def yields_nothing() -> Iterator[Store]:
    """Yield nothing at all."""
    yield from ()


def yields_twice() -> Iterator[Store]:
    """Yield one too many."""
    yield Store()
    try:
        yield Store()
    finally:
        LOG.append("closed")


async def yields_twice_async() -> AsyncIterator[Store]:
    """Yield one too many."""
    yield Store()
    try:
        yield Store()
    finally:
        LOG.append("closed")


def test_a_generator_that_yields_nothing_is_refused(sandbox: Sandbox) -> None:
    """A connect without a yield that is reached is told so."""
    with pytest.raises(HarnessError) as caught:
        opened(StoreHarness(yields_nothing), sandbox)

    assert str(caught.value) == (
        "yields_nothing yielded nothing; a connect that is a generator yields the store, once"
    )


@pytest.mark.parametrize("connect", [yields_twice, yields_twice_async])
def test_a_generator_that_yields_twice_is_closed_and_refused(
    connect: Callable[..., object], sandbox: Sandbox
) -> None:
    """A second yield is told as soon as the store is closed, and what comes after it still runs."""
    with pytest.raises(HarnessError) as caught:
        opened(StoreHarness(connect), sandbox)

    assert str(caught.value) == (
        f"{connect.__name__} yielded a second time; a connect that is a generator yields the store once, "
        "and closes it after the yield"
    )
    assert LOG == ["closed"]


class Queue:
    """Something that is nearly a store."""

    async def push(self, job: object) -> None:
        """Take a job in."""

    async def lease(self, limit: int) -> list[object]:
        """Nothing is there."""
        return []

    def complete(self, id: str) -> None:
        """Nothing to do."""

    def fail(self, id: str, message: str) -> None:
        """Nothing to do."""


class BrokenQueue(Queue):
    """Something further from a store, which can't even be closed."""

    lease = None  # type: ignore[assignment]

    def close(self) -> None:
        """Fail to close."""
        raise OSError("no such connection")


def makes_queue(sandbox: Sandbox) -> Queue:
    """Make what lacks enqueue."""
    return Queue()


def makes_broken(sandbox: Sandbox) -> BrokenQueue:
    """Make what lacks more."""
    return BrokenQueue()


def makes_nothing(sandbox: Sandbox) -> None:
    """Forget to return the store."""
    Store()


class QueueHarness(StoreHarness):
    """A harness whose stores lack enqueue."""

    def connect(self, sandbox: Sandbox) -> Queue:
        """Make one."""
        return Queue()


HERE = __name__

LACKS_ENQUEUE = f"""\
what makes_queue makes can't be called as a store
Found: an object of the class {HERE}.Queue
Missing: enqueue(job)
Write: a harness, for example in contract_harness.py, and name contract_harness.harness as the target:

    from async_contract import StoreHarness
    from {HERE} import makes_queue


    async def enqueue(store, job):
        await store.push(job)  # however it takes in job.id, job.kind, job.tenant_id, job.payload


    harness = StoreHarness(makes_queue, enqueue=enqueue)"""

LACKS_ENQUEUE_IN_A_HARNESS = f"""\
what QueueHarness.connect makes can't be called as a store
Found: an object of the class {HERE}.Queue
Missing: enqueue(job)
Write: an enqueue beside the connect:

    class QueueHarness(StoreHarness):
        # connect and the rest as they are

        async def enqueue(self, store, job):
            await store.push(job)  # however it takes in job.id, job.kind, job.tenant_id, job.payload"""

LACKS_MORE = f"""\
what makes_broken makes can't be called as a store
Found: an object of the class {HERE}.BrokenQueue
Missing: enqueue(job)
Missing: lease(limit) as a method; here it is None
Write: an adapter, and return Adapter(store) from makes_broken instead of the store itself:

    class Adapter:
        def __init__(self, inner):
            self.inner = inner

        async def enqueue(self, job):
            await self.inner.push(job)

        async def lease(self, limit):
            # a list of jobs, which have id, kind, tenant_id, payload and attempts
            return await self.inner.claim(limit)  # or whatever it is called there

        async def complete(self, id):
            self.inner.complete(id)

        async def fail(self, id, message):
            self.inner.fail(id, message)"""

RETURNS_NOTHING = """\
what makes_nothing makes can't be called as a store
Found: None
Missing: a store
Write: as the last line of makes_nothing:

    return store  # in a generator: yield store; in __enter__: return self"""


@pytest.mark.parametrize(
    ("harness", "message"),
    [
        (StoreHarness(makes_queue), LACKS_ENQUEUE),
        (QueueHarness(), LACKS_ENQUEUE_IN_A_HARNESS),
        (StoreHarness(makes_broken), LACKS_MORE),
        (StoreHarness(makes_nothing), RETURNS_NOTHING),
    ],
)
def test_what_is_no_store_is_told_when_it_is_made(
    harness: StoreHarness, message: str, sandbox: Sandbox
) -> None:
    """What a factory makes is only seen when it is called; the message is told each time."""
    for _ in range(2):
        with pytest.raises(TargetError) as caught:
            opened(harness, sandbox)
        assert str(caught.value) == message


def test_an_enqueue_of_the_harness_replaces_that_of_the_store(sandbox: Sandbox) -> None:
    """A store without an enqueue is complete with a harness that has one."""
    store = SimpleNamespace(label="bare", lease=list, complete=str, fail=lambda *args: None)

    assert opened(StoreHarness(lambda: store, enqueue=lambda store, job: None), sandbox) == "bare"
