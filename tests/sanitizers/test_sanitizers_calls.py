"""Calls of a function, sync or async, and what comes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from async_contract.experiments.limit import TimeLimitExceeded
from async_contract.experiments.sanitizers.calls import Call, Calls
from async_contract.experiments.sanitizers.errors import Text


class _Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise AssertionError("nobody asks a subclass")


async def _lowered(text: str) -> str:
    await asyncio.sleep(0)
    return text.lower()


class _Awaitable:
    def __await__(self) -> Generator[Any, Any, str]:
        yield from asyncio.sleep(0).__await__()
        return "given"


def test_a_plain_function() -> None:
    """What it gives, what it was given last, and how often it was called."""
    with Calls(str.lower) as calls:
        assert (calls("A"), calls("B")) == (Call("A", "a"), Call("B", "b"))
        assert (calls.given, calls.made) == ("B", 2)


def test_a_coroutine_function_is_awaited_on_one_loop() -> None:
    """Whatever can be awaited is."""
    loops = set()

    async def which(text: str) -> str:
        loops.add(asyncio.get_running_loop())
        return text

    with Calls(which) as calls:
        assert [calls(each).text for each in "ab"] == ["a", "b"]
    assert len(loops) == 1
    assert all(each.is_closed() for each in loops)
    with Calls(_lowered) as calls:
        assert calls("A") == Call("A", "a")
    with Calls(lambda _: _Awaitable()) as calls:
        assert calls("A") == Call("A", "given")


def test_a_subclass_of_str_is_taken_for_its_text() -> None:
    """It could override whatever the rules ask of it."""
    for kind in (Text, _Loud):
        with Calls(kind) as calls:
            text = calls("A").text
        assert (text, type(text)) == ("A", str)


def test_what_is_no_str_is_kept_apart() -> None:
    """None, bytes, a generator."""
    with Calls(lambda given: given) as calls:
        assert [calls(each) for each in (None, b"a", 7)] == [
            Call(None), Call(b"a", value=b"a"), Call(7, value=7),
        ]  # fmt: skip


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), asyncio.CancelledError(), MemoryError()])
def test_what_it_raises_is_noted(error: BaseException) -> None:
    """Whatever it is, also what would end the run; sync or async."""

    def raising(_: object) -> object:
        raise error

    async def coroutine(_: object) -> object:
        raise error

    for function in (raising, coroutine):
        with Calls(function) as calls:
            assert calls("a") == Call("a", error=error)


def test_ctrl_c_goes_through_unless_the_function_was_given_it() -> None:
    """Somebody wants to stop; but a function may raise the very exception that it should put in words."""

    def raising(error: BaseException) -> str:
        raise error if isinstance(error, KeyboardInterrupt) else KeyboardInterrupt

    given = KeyboardInterrupt("given")
    with Calls(raising) as calls:
        assert calls(given) == Call(given, error=given)
        with pytest.raises(KeyboardInterrupt):
            calls("a")


def test_the_end_of_the_time_goes_through() -> None:
    """It is no error of the function's."""

    def slow(_: object) -> str:
        raise TimeLimitExceeded("here")

    with Calls(slow) as calls, pytest.raises(TimeLimitExceeded, match="here"):
        calls("a")
