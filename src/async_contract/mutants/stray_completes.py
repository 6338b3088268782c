"""Stores that come to harm by a complete of what its caller does not hold, or keep quiet about it."""

from __future__ import annotations

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Row
from async_contract.store import JobNotFound, JobNotLeased


class UnknownCompletesOldest(BrokenStore):
    """A complete of an unknown id completes the job that has been on lease longest."""

    breaks = "complete/unknown-harmless"

    def known(self, id: str) -> Row:
        if self.found(id) is None and self.mine():
            return self.mine()[0]
        return super().known(id)


class EmptyIdCompletesAll(BrokenStore):
    """A complete of an empty id completes everything that is on lease."""

    breaks = "complete/unknown-harmless"

    async def complete(self, id: str) -> None:
        if id:
            return await super().complete(id)
        for row in self.leased():
            self.end_well(row)
        return None


class UnknownCompleteReleases(BrokenStore):
    """A complete of an unknown id gives back everything that the worker holds."""

    breaks = "complete/unknown-harmless"

    async def complete(self, id: str) -> None:
        try:
            await super().complete(id)
        except JobNotFound:
            for row in self.mine():
                self.make_ready(row)
            raise


class UnknownCompleteSilent(BrokenStore):
    """A complete of an unknown id returns as if all were well."""

    breaks = "complete/unknown-reported"

    async def complete(self, id: str) -> None:
        if self.found(id) is not None:
            await super().complete(id)


class UnleasedCompleteSilent(BrokenStore):
    """A complete of a job that is not on lease returns and does nothing."""

    breaks = "complete/unleased-reported"

    async def complete(self, id: str) -> None:
        row = self.found(id)
        if row is None or row.state == "leased":
            await super().complete(id)


class RefusesAfterCompleting(BrokenStore):
    """A complete by another worker than the holder is refused, after it has taken effect."""

    breaks = "complete/rejected-means-not-done"

    def held(self, id: str) -> Row:
        row = self.known(id)
        if row.state == "leased" and row.owner != self.owner:
            self.end_well(row)
        return super().held(id)


class RefusedCompleteReleases(BrokenStore):
    """A complete that is refused makes the job ready."""

    breaks = "complete/rejected-means-not-done"

    async def complete(self, id: str) -> None:
        try:
            await super().complete(id)
        except JobNotLeased:
            row = self.known(id)
            if row.state == "leased":
                self.make_ready(row)
            raise


class RefusedCompleteRemoves(BrokenStore):
    """A complete of a ready job takes it out of the queue before it is refused."""

    breaks = "complete/rejected-means-not-done"

    async def complete(self, id: str) -> None:
        row = self.found(id)
        if row is not None and row.state == "ready":
            row.state = "dead"
        await super().complete(id)


class SecondCompleteRevives(BrokenStore):
    """Completing a job a second time undoes the first."""

    breaks = "complete/repeat-harmless"

    async def complete(self, id: str) -> None:
        row = self.found(id)
        if row is None or row.state != "completed":
            return await super().complete(id)
        return self.make_ready(row)


class SecondCompleteTakesNext(BrokenStore):
    """Completing a job a second time completes another one that the worker holds."""

    breaks = "complete/repeat-harmless"

    def held(self, id: str) -> Row:
        row = self.known(id)
        if row.state == "completed" and self.mine():
            return self.mine()[0]
        return super().held(id)


STORES = (
    UnknownCompletesOldest,
    EmptyIdCompletesAll,
    UnknownCompleteReleases,
    UnknownCompleteSilent,
    UnleasedCompleteSilent,
    RefusesAfterCompleting,
    RefusedCompleteReleases,
    RefusedCompleteRemoves,
    SecondCompleteRevives,
    SecondCompleteTakesNext,
)
