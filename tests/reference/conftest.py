"""Virtual time for asyncio: nothing waits, and the clock jumps to the next timer when nothing is ready."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
Simulate = Callable[[Coroutine[Any, Any, T]], T]


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for a timer it moves the clock; it really waits only for a thread."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.now += timeout
        events = super().select(10 if timeout is None else 0)
        assert events or timeout is not None, "nothing is ready, and no timer is set: a deadlock"
        return events


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time starts at zero and passes only when every task waits."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._jumping.now

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait for the threads without a time limit, which would be over at once."""
        await super().shutdown_default_executor()


@pytest.fixture
def simulate() -> Simulate[Any]:
    """Run a coroutine to its end on a loop in virtual time."""

    def run(main: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
            return runner.run(main)

    return run
