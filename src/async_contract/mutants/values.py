"""Stores that deliver other values than they were given, or let workers change what they keep."""

from __future__ import annotations

import base64
import html
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import replace

from async_contract.mutants.loose import LooseJob, loose
from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing, Row
from async_contract.store import Job


class PayloadThroughText(BrokenStore):
    """The payload is decoded as UTF-8 and encoded again, with a mark for what is none."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, payload=job.payload.decode(errors="replace").encode())


class PayloadEndsAtNul(BrokenStore):
    """The payload ends at its first NUL, like a string in C."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, payload=job.payload.partition(b"\0")[0])


class PayloadPaddingCut(BrokenStore):
    """Blanks and NULs at the end of the payload are taken for padding."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, payload=job.payload.rstrip(b" \0"))


class PayloadCut(BrokenStore):
    """The payload is cut at 65,535 bytes."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, payload=job.payload[:65_535])


class LineBreaksTranslated(BrokenStore):
    """Line breaks in the payload are translated, as by a file opened as text."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, payload=job.payload.replace(b"\r\n", b"\n"))


class PayloadUnpacked(BrokenStore):
    """Long payloads are kept compressed, and any that looks compressed is unpacked when it is delivered."""

    breaks = "lease/faithful"
    long = 1000

    def stored(self, job: Job) -> Job:
        return replace(job, payload=zlib.compress(job.payload)) if len(job.payload) > self.long else job

    def delivered(self, row: Row) -> object:
        payload = row.job.payload
        if payload.startswith(b"x\x9c"):
            payload = zlib.decompress(payload)
        return loose(row, payload=payload)


class PayloadUnmarked(BrokenStore):
    """Payloads that are no text are kept in base64 behind a mark, and whatever begins with it is decoded."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        try:
            job.payload.decode()
        except UnicodeDecodeError:
            return replace(job, payload=b"b64:" + base64.b64encode(job.payload))
        return job

    def delivered(self, row: Row) -> object:
        payload = row.job.payload
        return loose(row, payload=base64.b64decode(payload[4:]) if payload.startswith(b"b64:") else payload)


class PayloadSharedByKind(BrokenStore):
    """The payload is looked up in a cache by the job's kind."""

    breaks = "lease/faithful"

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._payloads: dict[str, bytes] = {}

    def delivered(self, row: Row) -> object:
        payload = self._payloads.setdefault(row.job.kind, row.job.payload)
        return loose(row, payload=payload)


class KindStripped(BrokenStore):
    """Blanks around the kind are cut off."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, kind=job.kind.strip())


class KindLowerCased(BrokenStore):
    """The kind is lower-cased."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, kind=job.kind.lower())


class KindCut(BrokenStore):
    """The kind is cut at 255 characters."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, kind=job.kind[:255])


class TextEndsAtNul(BrokenStore):
    """A kind or tenant ends at its first NUL, like a string in C."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        kind, tenant = job.kind.partition("\0")[0], job.tenant_id.partition("\0")[0]
        return replace(job, kind=kind, tenant_id=tenant)


class TextNormalized(BrokenStore):
    """Kind and tenant are brought into a Unicode normal form."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        kind, tenant = (unicodedata.normalize("NFC", each) for each in (job.kind, job.tenant_id))
        return replace(job, kind=kind, tenant_id=tenant)


class TextInAscii(BrokenStore):
    """What is not ASCII in a kind becomes a question mark."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, kind=job.kind.encode("ascii", "replace").decode())


class TextEscaped(BrokenStore):
    """Kind and tenant are escaped for HTML and never unescaped."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, kind=html.escape(job.kind), tenant_id=html.escape(job.tenant_id))


class NumbersParsed(BrokenStore):
    """A tenant that looks like a number is stored as one and comes back in another spelling."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        try:
            return replace(job, tenant_id=f"{float(job.tenant_id):g}")
        except ValueError:
            return job


class TenantDefaulted(BrokenStore):
    """An empty tenant comes back as the default one."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, tenant_id=job.tenant_id or "default")


class ColumnsSwapped(BrokenStore):
    """Kind and tenant come back in each other's place."""

    breaks = "lease/faithful"

    def delivered(self, row: Row) -> object:
        return loose(row, kind=row.job.tenant_id or row.job.kind, tenant_id=row.job.kind)


class DeliversItsOwnJobs(BrokenStore):
    """The worker gets the very object that the store keeps, and can change it."""

    breaks = "lease/snapshot"

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._jobs: dict[int, LooseJob] = {}

    def delivered(self, row: Row) -> object:
        job = self._jobs.setdefault(id(row), loose(row))
        job.attempts = row.attempts
        return job


class DeliversItsOwnList(BrokenStore):
    """The worker gets the list by which the store knows what to take back when the time is over."""

    breaks = "lease/snapshot"

    def take(self, rows: Sequence[Row]) -> list[object]:
        batch = super().take(rows)
        self.backing.notes.setdefault("batches", []).append(batch)
        return batch

    def is_over(self, row: Row) -> bool:
        batches: list[list[Job]] = self.backing.notes["batches"]
        watched = {job.id for batch in batches for job in batch}
        return row.job.id in watched and super().is_over(row)


STORES = (
    PayloadThroughText,
    PayloadEndsAtNul,
    PayloadPaddingCut,
    PayloadCut,
    LineBreaksTranslated,
    PayloadUnpacked,
    PayloadUnmarked,
    PayloadSharedByKind,
    KindStripped,
    KindLowerCased,
    KindCut,
    TextEndsAtNul,
    TextNormalized,
    TextInAscii,
    TextEscaped,
    NumbersParsed,
    TenantDefaulted,
    ColumnsSwapped,
    DeliversItsOwnJobs,
    DeliversItsOwnList,
)
