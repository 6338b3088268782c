"""Calling a handler, so that whatever it raises is what came of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from async_contract.store import Job

Handler = Callable[[Job], object | Awaitable[object]]
"""Does a job: a coroutine function, or a plain function, which is run in a thread."""

Attempt = Callable[[Job], Coroutine[Any, Any, BaseException | None]]
"""A handler that returns what it raised, or `None`, and never raises."""


def attempt_of(handler: Handler) -> Attempt:
    """Return the handler as a coroutine function that returns what it raised and never raises.

    A plain function is run in a thread; if it returns an awaitable, that is awaited on the loop.

    Raises:
        TypeError: The handler cannot be called.
    """
    _check_callable(handler)
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        return partial(raised, handler)
    return partial(_raised_in_thread, handler)


def captured(function: Callable[..., object], *arguments: object) -> tuple[object, BaseException | None]:
    """Call a function, and return its value and what it raised.

    It may be any exception. One that got out of a task would be logged with its text, and
    SystemExit and KeyboardInterrupt would stop the loop while outcomes wait to be recorded.
    (In asyncio.run(), Ctrl-C arrives as a cancellation of the main task.)
    """
    try:
        return function(*arguments), None
    except BaseException as error:  # noqa: BLE001 - see above
        return None, error


async def raised(function: Callable[..., object], *arguments: object) -> BaseException | None:
    """Call a plain or a coroutine function to its end, and return what it raised."""
    value, error = captured(function, *arguments)
    if error is None and inspect.isawaitable(value):
        try:
            await value
        except BaseException as caught:  # noqa: BLE001 - as in captured()
            return caught
    return error


async def _raised_in_thread(handler: Handler, job: Job) -> BaseException | None:
    # What comes of the call stays outside the future: on Python 3.11 a future that is given a
    # StopIteration never ends, and a cancellation may strike when the thread has ended already.
    ended: list[tuple[object, BaseException | None]] = []

    def call() -> None:
        ended.append(captured(handler, job))

    trouble = await raised(asyncio.to_thread, call)
    if not ended:
        return trouble
    value, error = ended[0]
    return await raised(lambda: value) if error is None else error


def _check_callable(handler: object) -> None:
    if not callable(handler):
        raise TypeError(
            f"a handler is a function of a job, not {type(handler).__name__}; "
            "write async def handle(job): ..., and pass handle"
        )
