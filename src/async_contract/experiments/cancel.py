"""Cancelling a call at a chosen await."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any

from async_contract.history.awaiting import begin, follow


class CancelAt:
    """An awaitable that has its task cancelled while it is suspended for the `step`-th time.

    Step 0 is before the call has begun: a task that is cancelled then never runs at all.

    Attributes:
        struck: Whether the call lasted long enough to be cancelled.
    """

    def __init__(self, call: Awaitable[Any], step: int) -> None:
        self._call = call
        self._step = step
        self._suspended = 0
        self.struck = False

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._step == 0 and not self._is_over():
            self._strike()
            try:
                yield
            finally:
                self._never_begin()
        steps = begin(self._call)
        try:
            waits_for = next(steps)
        except StopIteration as done:
            return done.value
        return (yield from follow(steps, waits_for, self._count))

    def _is_over(self) -> bool:
        """Whether there is nothing left to cancel: a future that is done, cancelled by nobody any more."""
        return isinstance(self._call, asyncio.Future) and self._call.done()

    def _never_begin(self) -> None:
        if isinstance(self._call, asyncio.Future):
            self._call.cancel()  # as whoever awaits it would, when cancelled
        # A coroutine, or whatever keeps one, is never begun on purpose: that needs no warning.
        close = getattr(self._call.__await__(), "close", None)
        if close is not None:
            close()

    def _count(self) -> None:
        self._suspended += 1
        if self._suspended == self._step:
            self._strike()

    def _strike(self) -> None:
        self.struck = True
        task = asyncio.current_task()
        assert task is not None, "a call is made in a task"
        # Not at once: the cancellation must find the task suspended.
        asyncio.get_running_loop().call_soon(task.cancel)
