"""Cancelling a call at a chosen await."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from async_contract.experiments.cancel import CancelAt


def strike(step: int, *, swallows: bool = False) -> tuple[list[str], bool, bool]:
    """Call something with two awaits: what it did, whether it was struck, whether that got through."""
    done: list[str] = []

    async def call() -> str:
        done.append("begun")
        with contextlib.suppress(*([asyncio.CancelledError] if swallows else [])):
            await asyncio.sleep(0)
        done.append("first")
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        done.append("second")
        return "result"

    async def main() -> tuple[bool, bool]:
        struck = CancelAt(call(), step)

        async def make() -> None:
            assert await struck == "result"

        try:
            await asyncio.create_task(make())
        except asyncio.CancelledError:
            return struck.struck, True
        return struck.struck, False

    return done, *asyncio.run(main())


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (0, ([], True, True)),
        (1, (["begun"], True, True)),
        (2, (["begun", "first"], True, True)),
        (3, (["begun", "first", "second"], False, False)),
    ],
)
def test_a_call_is_cancelled_at_the_chosen_await(step: int, found: object) -> None:
    """Step 0 is before the call begins; a call that has fewer awaits goes through."""
    assert strike(step) == found


def test_a_call_that_swallows_its_cancellation_goes_on() -> None:
    """What the call does about the cancellation is its own affair."""
    assert strike(1, swallows=True) == (["begun", "first", "second"], True, False)


def test_a_call_that_never_waits_can_only_be_cancelled_before_it_begins() -> None:
    """Without an await nothing can strike."""

    async def call() -> int:
        return 1

    async def main() -> tuple[int, bool]:
        cancel = CancelAt(call(), 1)
        return await cancel, cancel.struck

    assert asyncio.run(main()) == (1, False)


def test_a_future_that_is_done_cannot_be_cancelled_before_it_begins() -> None:
    """Whoever awaits it gets what is in it at once; there is no instant at which nobody would."""

    async def main() -> tuple[object, bool]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        future.set_result("result")
        call = CancelAt(future, 0)
        return await call, call.struck

    assert asyncio.run(main()) == ("result", False)
