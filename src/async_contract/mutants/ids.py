"""Stores that take one id for another."""

from __future__ import annotations

import unicodedata

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Row
from async_contract.store import Job


class IdsIgnoreCase(BrokenStore):
    """Ids are compared without regard to case."""

    breaks = "lease/identity"

    def key(self, id: str) -> str:
        return id.casefold()


class IdsReplaceAlike(BrokenStore):
    """A job whose id differs from another's only in case takes its place."""

    breaks = "lease/identity"

    def insert(self, job: Job) -> None:
        self.rows.pop(self.key(job.id), None)
        super().insert(job)

    def key(self, id: str) -> str:
        return id.casefold()


class IdsStripped(BrokenStore):
    """Blanks around an id are cut off."""

    breaks = "lease/identity"

    def key(self, id: str) -> str:
        return id.strip()


class IdsIgnoreBlanksAtEnd(BrokenStore):
    """Blanks at the end of an id make no difference, as in a column of fixed length."""

    breaks = "lease/identity"

    def insert(self, job: Job) -> None:
        self.rows.pop(self.key(job.id), None)
        super().insert(job)

    def key(self, id: str) -> str:
        return id.rstrip(" ")


class IdsNormalized(BrokenStore):
    """Ids are compared in a Unicode normal form."""

    breaks = "lease/identity"

    def insert(self, job: Job) -> None:
        self.rows.pop(self.key(job.id), None)
        super().insert(job)

    def key(self, id: str) -> str:
        return unicodedata.normalize("NFKC", id)


class IdsMatchedAsPatterns(BrokenStore):
    """The id of a complete or fail is matched by LIKE, so that % and _ stand for others."""

    breaks = "lease/identity"

    def found(self, id: str) -> Row | None:
        return next((row for row in self.rows.values() if _is_like(row.job.id, id)), None)


class IdsMatchedByPrefix(BrokenStore):
    """The id of a complete or fail is matched by its beginning."""

    breaks = "lease/identity"

    def found(self, id: str) -> Row | None:
        return next((row for key, row in self.rows.items() if id and key.startswith(id)), None)


class IdsParsedAsNumbers(BrokenStore):
    """Ids that look like numbers are compared as numbers."""

    breaks = "lease/identity"

    def insert(self, job: Job) -> None:
        self.rows.pop(self.key(job.id), None)
        super().insert(job)

    def key(self, id: str) -> str:
        try:
            return f"{float(id):g}"
        except ValueError:
            return id


class IdsCut(BrokenStore):
    """Of an id only the first 255 characters count."""

    breaks = "lease/identity"

    def insert(self, job: Job) -> None:
        self.rows.pop(self.key(job.id), None)
        super().insert(job)

    def key(self, id: str) -> str:
        return id[:255]


class IdsEndAtNul(BrokenStore):
    """An id ends at its first NUL, like a string in C."""

    breaks = "lease/identity"

    def insert(self, job: Job) -> None:
        self.rows.pop(self.key(job.id), None)
        super().insert(job)

    def key(self, id: str) -> str:
        return id.partition("\0")[0]


def _is_like(text: str, pattern: str) -> bool:
    """Whether SQL's `text LIKE pattern`, in a collation that heeds case."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_is_like(text[start:], pattern[1:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and _is_like(text[1:], pattern[1:])


STORES = (
    IdsIgnoreCase,
    IdsReplaceAlike,
    IdsStripped,
    IdsIgnoreBlanksAtEnd,
    IdsNormalized,
    IdsMatchedAsPatterns,
    IdsMatchedByPrefix,
    IdsParsedAsNumbers,
    IdsCut,
    IdsEndAtNul,
)
