"""Stores that deliver jobs of another form than a job has, or that nobody enqueued."""

from __future__ import annotations

from collections.abc import Sequence

from async_contract.mutants.loose import loose
from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing, Row
from async_contract.store import Job


class PayloadAsText(BrokenStore):
    """The payload is delivered as text."""

    breaks = "lease/well-formed"

    def delivered(self, row: Row) -> object:
        return loose(row, payload=row.job.payload.decode("latin-1"))


class PayloadAsMemoryview(BrokenStore):
    """The payload is delivered as the driver's memoryview."""

    breaks = "lease/well-formed"

    def delivered(self, row: Row) -> object:
        return loose(row, payload=memoryview(row.job.payload))


class EmptyPayloadAsNone(BrokenStore):
    """An empty payload comes back as None."""

    breaks = "lease/well-formed"

    def delivered(self, row: Row) -> object:
        return loose(row, payload=row.job.payload or None)


class EmptyTenantAsNone(BrokenStore):
    """An empty tenant comes back as None."""

    breaks = "lease/well-formed"

    def delivered(self, row: Row) -> object:
        return loose(row, tenant_id=row.job.tenant_id or None)


class AttemptsAsText(BrokenStore):
    """The number of attempts comes back as text, as from a hash in Redis."""

    breaks = "lease/well-formed"

    def delivered(self, row: Row) -> object:
        return loose(row, attempts=str(row.attempts))


class AttemptsBelowZero(BrokenStore):
    """The attempts are counted from minus two."""

    breaks = "lease/well-formed"

    def delivered(self, row: Row) -> object:
        return loose(row, attempts=row.attempts - 3)


class DeliversDicts(BrokenStore):
    """A job is delivered as a dict, without attributes."""

    breaks = "lease/well-formed"

    def delivered(self, row: Row) -> object:
        return {"id": row.job.id, "kind": row.job.kind, "payload": row.job.payload}


class DeliversItsKeys(BrokenStore):
    """A job is delivered under the key that it has in the database, not under its id."""

    breaks = "lease/known"

    def delivered(self, row: Row) -> object:
        return loose(row, id=f"queue:{row.job.id}")

    def key(self, id: str) -> str:
        return id.removeprefix("queue:")


class DeliversStopMarker(BrokenStore):
    """A worker that has emptied the queue gets a marker that tells it to stop."""

    breaks = "lease/known"

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._told = False

    def take(self, rows: Sequence[Row]) -> list[object]:
        if rows or self._told or not self.rows:
            return super().take(rows)
        self._told = True
        return [Job("stop", "stop")]


class FailInsertsUnknown(BrokenStore):
    """A fail of an unknown id inserts a job with that id."""

    breaks = "lease/known"

    async def fail(self, id: str, message: str) -> None:
        if self.found(id) is None:
            self.insert(Job(id or "none", "unknown"))
        else:
            await super().fail(id, message)


STORES = (
    PayloadAsText,
    PayloadAsMemoryview,
    EmptyPayloadAsNone,
    EmptyTenantAsNone,
    AttemptsAsText,
    AttemptsBelowZero,
    DeliversDicts,
    DeliversItsKeys,
    DeliversStopMarker,
    FailInsertsUnknown,
)
