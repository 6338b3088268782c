"""Stores of plain functions with a thread of their own for their changes: nobody steps through them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from async_contract.mutants.shelves import ShelfStore
from async_contract.store import Job

_Task = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...]]


class DeskStore(ShelfStore):
    """A store whose calls are carried out by a thread of its own, one after another."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Have the thread call a function, and wait for what comes of it."""
        future: Future[Any] = Future()
        self._tasks.put((future, function, arguments))
        return future.result()

    def _work(self) -> None:
        while task := self._tasks.get():
            future, function, arguments = task
            try:
                future.set_result(function(*arguments))
            except Exception as error:  # noqa: BLE001 - it is for whoever asked
                future.set_exception(error)

    def enqueue(self, job: Job) -> None:
        self.ask(super().enqueue, job)

    def lease(self, limit: int) -> Sequence[Job]:
        jobs: Sequence[Job] = self.ask(super().lease, limit)
        return jobs

    def complete(self, id: str) -> None:
        self.ask(super().complete, id)

    def fail(self, id: str, message: str) -> None:
        self.ask(super().fail, id, message)

    def close(self) -> None:
        """End the thread."""
        self._tasks.put(None)


class AsksTwice(DeskStore):
    """The thread is asked for the ready jobs, and then to put them on lease."""

    breaks = "lease/exclusive"

    def lease(self, limit: int) -> Sequence[Job]:
        jobs: Sequence[Job] = self.ask(self.chosen, limit)
        self.ask(self.take, jobs)
        return jobs


STORES = (AsksTwice,)
