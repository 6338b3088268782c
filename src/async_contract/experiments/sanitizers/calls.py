"""Calling a function that makes text safe, sync or async, and noting what came of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

from async_contract.experiments.limit import TimeLimitExceeded


class Call(NamedTuple):
    """One call.

    Attributes:
        given: What the function was given.
        text: The str that it gave; `None` if it gave none.
        error: What it raised.
        value: What it gave instead of a str.
    """

    given: Any
    text: str | None = None
    error: BaseException | None = None
    value: object = None


class Calls:
    """Calls of one function, on one event loop if it needs one.

    Attributes:
        given: What it was given last, to be told should it not return.
        made: How often it was called.
    """

    def __init__(self, function: Callable[[Any], object]) -> None:
        self._function = function
        self._runner: asyncio.Runner | None = None
        self.given: object = None
        self.made = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            self._runner.close()

    def __call__(self, given: Any) -> Call:
        """What the function makes of this."""
        self.given = given
        self.made += 1
        try:
            value = self.raw(given)
        except TimeLimitExceeded:
            raise
        except BaseException as error:
            # Somebody pressed Ctrl-C, unless the function raised what it was given.
            if isinstance(error, KeyboardInterrupt) and error is not given:
                raise
            return Call(given, error=error)
        if not isinstance(value, str):
            return Call(given, value=value)
        # An exact str: a subclass may override whatever the rules ask of it.
        return Call(given, str.__str__(value))

    def raw(self, given: Any) -> object:
        """The same without any care, as quickly as can be."""
        value = self._function(given)
        return self._awaited(value) if inspect.isawaitable(value) else value

    def _awaited(self, value: Awaitable[object]) -> object:
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(_result(value))


async def _result(value: Awaitable[object]) -> object:
    return await value
