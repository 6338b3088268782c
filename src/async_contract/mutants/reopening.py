"""Stores that do not keep, over closing and opening, what they have acknowledged."""

from __future__ import annotations

import math

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing, Row


class ReadyJobsInMemory(BrokenStore):
    """Ready jobs are kept in memory, and are gone when the store is closed."""

    breaks = "durable/reopen"

    async def close(self) -> None:
        for key in [key for key, row in self.rows.items() if row.state == "ready"]:
            del self.rows[key]


class LeasedJobsInMemory(BrokenStore):
    """A job on lease is out of the database, and is gone when the store is closed."""

    breaks = "durable/reopen"

    async def close(self) -> None:
        for key in [key for key, row in self.rows.items() if row.state == "leased"]:
            del self.rows[key]


class OutcomesInMemory(BrokenStore):
    """That a job is completed is known only until the store is closed."""

    breaks = "durable/reopen"

    async def close(self) -> None:
        for row in self.rows.values():
            if row.state == "completed":
                self.make_ready(row)


class DeathsInMemory(BrokenStore):
    """That a job is dead is known only until the store is closed."""

    breaks = "durable/reopen"

    async def close(self) -> None:
        for row in self.rows.values():
            if row.state == "dead":
                self.make_ready(row)


class TimersInMemory(BrokenStore):
    """The timers of the leases are gone when the store is closed, and the leases last for ever."""

    breaks = "durable/reopen"

    async def close(self) -> None:
        for row in self.leased():
            row.due = math.inf


class CloseBuriesLeased(BrokenStore):
    """A job that is on lease when the store is closed is taken for failed, without another attempt."""

    breaks = "durable/reopen"

    async def close(self) -> None:
        for row in self.leased():
            row.state = "dead"


class LastOutcomeUnwritten(BrokenStore):
    """The latest outcome stays in a buffer that is not written when the store is closed."""

    breaks = "durable/reopen"

    def end_well(self, row: Row) -> None:
        super().end_well(row)
        self.backing.notes["latest"] = row

    async def close(self) -> None:
        row = self.backing.notes.pop("latest", None)
        if row is not None:
            self.make_ready(row)


class LastJobUnwritten(BrokenStore):
    """The latest job stays in a buffer that is not written when the store is closed."""

    breaks = "durable/reopen"

    async def close(self) -> None:
        for row in self.ready()[-1:]:
            del self.rows[self.key(row.job.id)]


class MessagesInLines(BrokenStore):
    """Every event is a line of a file, which a failure message with a line break makes unreadable."""

    breaks = "durable/reopen"

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        if "torn" in backing.notes:
            raise ValueError(f"the file can't be read: {backing.notes['torn']!r} is no event")

    def recorded(self, row: Row, message: str) -> str | None:
        if "\n" in message:
            self.backing.notes["torn"] = message.split("\n")[1]
        return super().recorded(row, message)


class CloseFreesLeased(BrokenStore):
    """Whoever closes its connection gives back all jobs that are on lease, and not its own alone."""

    breaks = "lease/exclusive"

    async def close(self) -> None:
        for row in self.leased():
            self.make_ready(row)


STORES = (
    ReadyJobsInMemory,
    LeasedJobsInMemory,
    OutcomesInMemory,
    DeathsInMemory,
    TimersInMemory,
    CloseBuriesLeased,
    CloseFreesLeased,
    LastOutcomeUnwritten,
    LastJobUnwritten,
    MessagesInLines,
)
