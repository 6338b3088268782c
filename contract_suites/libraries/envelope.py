"""A job as the text of a message, for libraries that carry one value and choose the ids themselves."""

from __future__ import annotations

import json
from typing import Generic, TypeVar

from async_contract.store import Job, JobNotLeased

_Token = TypeVar("_Token")


def pack(job: Job) -> str:
    """The text of a job: ASCII only, so that whatever text or bytes a job has pass through everything."""
    return json.dumps([job.kind, job.tenant_id, job.payload.decode("latin-1")])


def unpack(text: str, id: str, attempts: int = 0) -> Job:
    """The job whose text this is, under the id that the library chose for it."""
    kind, tenant_id, payload = json.loads(text)
    return Job(id, kind, tenant_id, payload.encode("latin-1"), attempts)


class Receipts(Generic[_Token]):
    """What the library gave with the latest delivery of each job, and wants to see when the job is ended.

    Receipts are kept after their jobs are ended: whether a second `complete` changes anything is for
    the library to say.
    """

    def __init__(self) -> None:
        self._latest: dict[str, _Token] = {}

    def keep(self, id: str, receipt: _Token) -> None:
        """Remember the receipt of a delivery."""
        self._latest[id] = receipt

    def of(self, id: str) -> _Token:
        """The receipt of the latest delivery of a job on this connection.

        Raises:
            JobNotLeased: It was never delivered here, so there is nothing to call the library with.
        """
        try:
            return self._latest[id]
        except KeyError:
            raise JobNotLeased(f"job {id!r} was never delivered on this connection") from None
