"""Opening and closing a store, in whatever way its harness makes one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from functools import partial
from typing import Any

from async_contract.harness.advice import no_store
from async_contract.harness.arguments import call_with_sandbox
from async_contract.harness.calls import call_maybe_async
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import AnyStore, StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.harness.shape import METHODS, faults

_AnyManager = AbstractAsyncContextManager[Any] | AbstractContextManager[Any]
_AnyGenerator = Generator[Any, Any, Any] | AsyncGenerator[Any, Any]


class Connection:
    """A store that is open.

    Attributes:
        store: What the workers call.
    """

    def __init__(self, store: AnyStore, close: Callable[[], Awaitable[object]]) -> None:
        self.store = store
        self._close: Callable[[], Awaitable[object]] | None = close

    async def close(self) -> None:
        """Close the store as its harness says; a second call does nothing.

        A generator or context manager is left in the task that closes: let the task that opened
        the store close it, some context managers insist on that.
        """
        close, self._close = self._close, None
        if close is not None:
            await close()


async def open_store(harness: StoreHarness, sandbox: Sandbox) -> Connection:
    """Connect to the store of `harness`.

    Closing the connection calls the harness's `disconnect` if a plain function made the store, or if
    the harness defines one of its own, and then leaves the generator or the context manager, if any.

    Raises:
        HarnessError: A generator yielded no store; when closing: it yielded a second time.
        TargetError: What was made is no store.
    """
    made = await call_maybe_async(call_with_sandbox, harness.connect, sandbox)
    manager = _context_manager(made, harness)
    if manager is None:
        connection = Connection(made, partial(call_maybe_async, harness.disconnect, made))
    else:
        connection = await _entered(manager, harness)
    store = connection.store
    if type(store) not in harness.store_classes:  # once is enough: there are many examples
        await _check(harness, connection)
        harness.store_classes.add(type(store))
    return connection


async def _entered(manager: _AnyManager, harness: StoreHarness) -> Connection:
    async with AsyncExitStack() as stack:
        store = await _enter(stack, manager)
        if harness.customizes("disconnect"):
            stack.push_async_callback(call_maybe_async, harness.disconnect, store)
        return Connection(store, stack.pop_all().aclose)


async def _check(harness: StoreHarness, connection: Connection) -> None:
    methods = [each for each in METHODS if each != "enqueue" or not harness.customizes("enqueue")]
    found = faults(connection.store, methods)
    if found:
        # What is no store may well fail to close too; what it lacks is the news.
        with contextlib.suppress(Exception):
            await connection.close()
        raise TargetError(no_store(harness.maker, connection.store, found))


async def _enter(stack: AsyncExitStack, manager: _AnyManager) -> AnyStore:
    # An object with both kinds of entry often has the plain one only to say that it can't be used.
    if isinstance(manager, AbstractAsyncContextManager):
        return await stack.enter_async_context(manager)
    return stack.enter_context(manager)


def _context_manager(made: object, harness: StoreHarness) -> _AnyManager | None:
    """What has to be entered to get the store; `None` if `made` is the store."""
    if isinstance(made, (Generator, AsyncGenerator)):
        return _single(made, getattr(harness.maker, "__qualname__", repr(harness.maker)))
    if isinstance(made, (AbstractAsyncContextManager, AbstractContextManager)):
        return made
    return None


@contextlib.asynccontextmanager
async def _single(generator: _AnyGenerator, name: str) -> AsyncIterator[Any]:
    """The only value that a generator yields; at the exit the generator runs to its end."""
    first = await _next(generator)
    if not first:
        raise HarnessError(f"{name} yielded nothing; a connect that is a generator yields the store, once")
    try:
        yield first[0]
    finally:
        if await _next(generator):
            await _close(generator)
            raise HarnessError(
                f"{name} yielded a second time; a connect that is a generator yields the store once, "
                "and closes it after the yield"
            )


async def _next(generator: _AnyGenerator) -> tuple[Any, ...]:
    """The next value of a generator, in a tuple; an empty tuple at its end."""
    try:
        if isinstance(generator, AsyncGenerator):
            return (await anext(generator),)
        return (next(generator),)
    except (StopIteration, StopAsyncIteration):
        return ()


async def _close(generator: _AnyGenerator) -> None:
    if isinstance(generator, AsyncGenerator):
        await generator.aclose()
    else:
        generator.close()
