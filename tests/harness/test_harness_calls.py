"""Calls of a harness: alike for plain functions and coroutine functions, their results checked."""

from __future__ import annotations

import asyncio
import enum
from types import SimpleNamespace

import pytest

from async_contract.harness.calls import (
    call_maybe_async,
    chosen_id,
    dispose,
    is_rejection,
    prepare,
    record_from,
)
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobRecord


class State(enum.StrEnum):
    """A store's own states, spelled as the toolkit's."""

    READY = "ready"


def test_a_call_awaits_what_is_awaitable_and_returns_the_rest() -> None:
    """A plain function and a coroutine function with the same result can't be told apart."""

    def plain(number: int, *, more: int = 0) -> int:
        return number + more

    async def coroutine(number: int) -> int:
        return number

    async def both() -> list[int]:
        return [await call_maybe_async(plain, 1, more=6), await call_maybe_async(coroutine, 7)]

    assert asyncio.run(both()) == [7, 7]


def test_prepare_and_dispose_get_the_sandbox_if_they_ask_for_it(sandbox: Sandbox) -> None:
    """Each is called with the sandbox where it has a parameter for it, and without otherwise."""
    called: list[object] = []

    async def create(sandbox: Sandbox) -> None:
        called.append(sandbox.name)

    harness = StoreHarness(object, prepare=create, dispose=lambda: called.append("disposed"))

    async def both() -> None:
        await prepare(harness, sandbox)
        await dispose(harness, sandbox)

    asyncio.run(both())

    assert called == ["ac_test", "disposed"]


def test_without_prepare_and_dispose_nothing_happens(sandbox: Sandbox) -> None:
    """Both are optional."""
    harness = StoreHarness(object)

    asyncio.run(prepare(harness, sandbox))
    asyncio.run(dispose(harness, sandbox))


def test_a_returned_str_is_the_id_that_the_store_chose() -> None:
    """With anything else the job keeps its own id."""
    job = Job("a", "mail")

    assert [chosen_id(result, job) for result in ("x", None, 7, True)] == ["x", "a", "a", "a"]


def test_a_record_is_made_of_whatever_has_its_attributes() -> None:
    """Any object with a state, a message and attempts gives a JobRecord of plain values; None stays None."""
    found = SimpleNamespace(state=State.READY, message="broken", attempts=2)

    record = record_from(found)

    assert record == JobRecord("ready", "broken", 2)
    assert repr(record) == "JobRecord(state='ready', message='broken', attempts=2)"  # no member of State
    assert record_from(JobRecord("dead")) == JobRecord("dead", None, 0)
    assert record_from(None) is None


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            {"state": "ready"},
            (
                "inspect returned {'state': 'ready'}; return None for an unknown job, or an object "
                "with state, message and attempts, such as JobRecord(state='ready', message=None, attempts=0)"
            ),
        ),
        (
            JobRecord("done"),  # type: ignore[arg-type]
            "inspect returned the state 'done'; return one of 'ready', 'leased', 'completed', 'dead'",
        ),
        (
            JobRecord("dead", b"x"),  # type: ignore[arg-type]
            "inspect returned the message b'x'; return the str of the latest fail, or None if there was none",
        ),
        (
            JobRecord("dead", "x", "1"),  # type: ignore[arg-type]
            (
                "inspect returned attempts='1'; return the number of deliveries, an int "
                "(0 if the store doesn't count them)"
            ),
        ),
        (
            JobRecord("dead", "x", attempts=True),
            (
                "inspect returned attempts=True; return the number of deliveries, an int "
                "(0 if the store doesn't count them)"
            ),
        ),
    ],
)
def test_what_is_no_record_is_refused_with_what_to_return(result: object, message: str) -> None:
    """A record with a value that means nothing is a fault of the harness, and the message says which."""
    with pytest.raises(HarnessError) as caught:
        record_from(result)

    assert str(caught.value) == message


def test_is_rejection_may_be_a_coroutine_function() -> None:
    """The answer of a coroutine function counts, not the truth of its coroutine."""

    async def answer(error: BaseException) -> bool:
        return isinstance(error, KeyError)

    harness = StoreHarness(object, is_rejection=answer)
    errors = (KeyError("a"), OSError("b"))

    assert [asyncio.run(is_rejection(harness, each)) for each in errors] == [True, False]


def test_an_is_rejection_without_an_answer_is_refused() -> None:
    """Neither True nor False is a fault of the harness: None would make every refusal an unknown outcome."""
    harness = StoreHarness(object, is_rejection=lambda error: None)

    with pytest.raises(HarnessError) as caught:
        asyncio.run(is_rejection(harness, OSError("gone")))

    assert str(caught.value) == (
        "is_rejection returned None for OSError; return True if the store refuses with this error and has "
        "changed nothing, False if nobody knows what happened"
    )
