"""Opening a store again: whether it can't be opened any more, or only the machine won't have it now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from traceback import extract_tb
from weakref import WeakKeyDictionary

from async_contract.harness.calls import dispose, prepare
from async_contract.harness.connection import Connection, open_store
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import UNKNOWN, Operation
from async_contract.history.recorder import text_of
from async_contract.judge.refusals import ERRORS

PAUSES = (0.05, 0.1, 0.2)
"""Seconds of real time between the tries, in which another process may let go of a file."""

Error = tuple[str, str, int | None]
"""What kind of error it is, and where it was raised: its text may have a time in it, or a number."""

_seen: WeakKeyDictionary[StoreHarness, set[Error]] = WeakKeyDictionary()
"""By harness: the errors that kept a store shut for good. They need no patience any more."""


class Shut(Exception):
    """The store can't be opened any more.

    Attributes:
        tried: Each try, an operation.
    """

    def __init__(self, tried: list[Operation]) -> None:
        super().__init__(f"the store was closed and can't be opened any more: {tried[-1].error}")
        self.tried = tried


async def open_again(
    harness: StoreHarness,
    connect: Callable[[], Awaitable[Connection]],
    wait: Callable[[], Awaitable[None]],
    worker: int,
    now: Callable[[], int],
) -> Connection:
    """Open a store that was open before, again if that fails: errors may be transient.

    Args:
        harness: How the store is reached.
        connect: Opens it.
        wait: Lets what somebody may have locked expire.
        worker: For whom it is opened.
        now: Gives the instant.

    Raises:
        Shut: It fails with the same error each time, though leases had the time to expire, and other stores
            of the same harness can be opened meanwhile.
        Exception: It fails otherwise.
    """
    tried: list[Operation] = []
    first: Error | None = None
    known = _seen.setdefault(harness, set())
    while True:
        begun = Operation("connect", worker, now(), None, UNKNOWN)
        try:
            connection = await connect()
        except (HarnessError, TargetError):
            raise
        except Exception as error:
            kind = _kind(error)
            first = first or kind
            if kind != first:
                raise
            tried.append(begun._replace(returned=now(), error=text_of(error)))
            if len(tried) == ERRORS:
                known.add(kind)
                raise Shut(tried) from error
            if kind not in known and not await _may_try_again(harness, wait, len(tried)):
                raise
            last = error
        else:
            if len(tried) == ERRORS - 1:
                raise last  # what was opened meanwhile beside it may have emptied this one
            return connection


def _kind(error: Exception) -> Error:
    place = extract_tb(error.__traceback__)[-1]
    return type(error).__name__, place.filename, place.lineno


async def _may_try_again(harness: StoreHarness, wait: Callable[[], Awaitable[None]], tries: int) -> bool:
    """Have some patience; before the last try, look whether it is this store alone that can't be opened."""
    if tries == 1:
        await wait()
    if tries <= len(PAUSES):
        await asyncio.sleep(PAUSES[tries - 1])
        return True
    return await _another_opens(harness)


async def _another_opens(harness: StoreHarness) -> bool:
    with Sandboxes() as sandboxes:
        sandbox = sandboxes.new(harness)
        try:
            await prepare(harness, sandbox)
            try:
                await (await open_store(harness, sandbox)).close()
            finally:
                await dispose(harness, sandbox)
        except Exception:  # noqa: BLE001 - whatever it is, it is not this store's
            return False
    return True
