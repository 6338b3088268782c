"""A job whose attributes may be of any type, for stores that deliver something else than a `Job`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from async_contract.mutants.plain import Row


@dataclass(slots=True)
class LooseJob:
    """A job with five attributes of any type, which can be changed."""

    id: Any
    kind: Any
    tenant_id: Any
    payload: Any
    attempts: Any


def loose(row: Row, **changes: object) -> LooseJob:
    """The job of a row, with some attributes changed to whatever one likes."""
    job = row.job
    fields = {"id": job.id, "kind": job.kind, "tenant_id": job.tenant_id, "payload": job.payload}
    return LooseJob(**{**fields, "attempts": row.attempts, **changes})
