"""Stores that come to harm by a fail of what its caller does not hold, or keep quiet about it."""

from __future__ import annotations

from async_contract.mutants.mutant import BrokenStore
from async_contract.store import JobNotFound, JobNotLeased


class UnknownFailsOldest(BrokenStore):
    """A fail of an unknown id fails the job that has been on lease longest."""

    breaks = "fail/unknown-harmless"

    async def fail(self, id: str, message: str) -> None:
        rows = self.leased()
        if self.found(id) is not None or not rows:
            return await super().fail(id, message)
        return self.end_badly(rows[0], message)


class EmptyIdFailsAll(BrokenStore):
    """A fail of an empty id fails everything that is on lease."""

    breaks = "fail/unknown-harmless"

    async def fail(self, id: str, message: str) -> None:
        if id:
            return await super().fail(id, message)
        for row in self.leased():
            self.end_badly(row, message)
        return None


class UnknownFailBuriesReady(BrokenStore):
    """A fail of an unknown id buries the next ready job before it is refused."""

    breaks = "fail/unknown-harmless"

    async def fail(self, id: str, message: str) -> None:
        try:
            await super().fail(id, message)
        except JobNotFound:
            for row in self.ready()[:1]:
                row.state = "dead"
            raise


class UnknownFailSilent(BrokenStore):
    """A fail of an unknown id returns as if all were well."""

    breaks = "fail/unknown-reported"

    async def fail(self, id: str, message: str) -> None:
        if self.found(id) is not None:
            await super().fail(id, message)


class UnleasedFailSilent(BrokenStore):
    """A fail of a job that is not on lease returns and does nothing."""

    breaks = "fail/unleased-reported"

    async def fail(self, id: str, message: str) -> None:
        row = self.found(id)
        if row is None or row.state == "leased":
            await super().fail(id, message)


class FailRevivesCompleted(BrokenStore):
    """A completed job that is failed is ready again."""

    breaks = "fail/after-complete"

    async def fail(self, id: str, message: str) -> None:
        row = self.found(id)
        if row is None or row.state != "completed":
            return await super().fail(id, message)
        return self.make_ready(row)


class FailBuriesCompleted(BrokenStore):
    """A completed job that is failed is dead."""

    breaks = "fail/after-complete"

    async def fail(self, id: str, message: str) -> None:
        row = self.found(id)
        if row is None or row.state != "completed":
            return await super().fail(id, message)
        row.message, row.state = message, "dead"
        return None


class RefusedFailReleases(BrokenStore):
    """A fail by another worker than the holder is refused, and the job is ready all the same."""

    breaks = "fail/rejected-means-not-done"

    async def fail(self, id: str, message: str) -> None:
        try:
            await super().fail(id, message)
        except JobNotLeased:
            row = self.known(id)
            if row.state == "leased":
                self.make_ready(row)
            raise


class RefusedFailLeavesItsMessage(BrokenStore):
    """A fail writes down its message, and then is refused if it is not the holder's."""

    breaks = "fail/rejected-means-not-done"

    async def fail(self, id: str, message: str) -> None:
        row = self.found(id)
        if row is not None:
            row.message = message
        await super().fail(id, message)


class RefusedFailBuries(BrokenStore):
    """A fail of a ready job takes it out of the queue before it is refused."""

    breaks = "fail/rejected-means-not-done"

    async def fail(self, id: str, message: str) -> None:
        row = self.found(id)
        if row is not None and row.state == "ready" and row.message is None:
            row.state = "dead"
        await super().fail(id, message)


STORES = (
    UnknownFailsOldest,
    EmptyIdFailsAll,
    UnknownFailBuriesReady,
    UnknownFailSilent,
    UnleasedFailSilent,
    FailRevivesCompleted,
    FailBuriesCompleted,
    RefusedFailReleases,
    RefusedFailLeavesItsMessage,
    RefusedFailBuries,
)
