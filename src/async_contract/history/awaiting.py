"""Awaiting a call step by step."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from async_contract.history.places import users_place

Steps = Generator[Any, Any, Any]
"""A call under way: each value that it yields is what it waits for."""


class TimeIsUp(Exception):
    """A call did not return within its time limit, and was cancelled.

    Its text says where the call stood.
    """


def begin(call: Awaitable[Any]) -> Steps:
    """The steps of a call that has not begun yet."""
    return (yield from call.__await__())


def follow(
    steps: Steps | Coroutine[Any, Any, Any], waits_for: Any, suspended: Callable[[], None] = lambda: None
) -> Steps:
    """Carry out the rest of a call, which waits for something; `suspended` is told before each wait."""
    resume: Callable[[Any], Any]
    while True:
        suspended()
        try:
            value = yield waits_for
        except BaseException as error:
            resume, value = steps.throw, error
        else:
            resume = steps.send
        try:
            waits_for = resume(value)
        except StopIteration as done:
            return done.value


class Rest:
    """The rest of a call that has begun and waits for something."""

    def __init__(self, steps: Steps | Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Steps:
        return follow(self._steps, self._waits_for)


async def within(seconds: float | None, call: Awaitable[Any]) -> Any:
    """Await a call, and cancel it when its time is up.

    A call that never waits needs no timer, and most calls of a store in memory never do.

    Args:
        seconds: The time it has; `None`: as long as it takes.
        call: The call.

    Raises:
        TimeIsUp: Its time is up.
    """
    steps = begin(call)
    try:
        waits_for = next(steps)
    except StopIteration as done:
        return done.value
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await Rest(steps, waits_for)
    except TimeoutError as error:
        if not limit.expired():
            raise
        # The cancellation went through the call from the line where it stood.
        cancelled = error.__cause__ or error
        raise TimeIsUp(users_place(traceback.extract_tb(cancelled.__traceback__))) from None
