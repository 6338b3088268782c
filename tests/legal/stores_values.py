"""Odd stores: batches, jobs and ids of uncommon types."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from types import SimpleNamespace
from typing import Any, NamedTuple

from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job

from .stores import PLAIN, AsyncOdd, Row, because

NO_ATTEMPTS = replace(PLAIN, counts_attempts=False)


class Tuples(AsyncOdd):
    """A batch is a tuple."""

    def batch(self, jobs: list[Any]) -> Any:
        """Make it one."""
        return tuple(jobs)


class Generators(AsyncOdd):
    """A batch is a generator that puts a job on lease when it comes to it."""

    def take(self, limit: int) -> Iterator[Job]:
        """One after another."""
        for _ in range(min(limit, len(self.rows))):
            yield from super().take(1)


class Deques(AsyncOdd):
    """A batch is a deque that is used again, so the next lease changes it."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.last: deque[Any] = deque()

    def batch(self, jobs: list[Any]) -> Any:
        """Fill it anew."""
        self.last.clear()
        self.last.extend(jobs)
        return self.last


class _Indexed:
    """Has a length and indices, and nothing else of a sequence."""

    def __init__(self, jobs: list[Any]) -> None:
        self._jobs = jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def __getitem__(self, index: int) -> Any:
        return self._jobs[index]


class Indexed(AsyncOdd):
    """A batch can be indexed, and so be iterated over, but has no iterator of its own."""

    def batch(self, jobs: list[Any]) -> Any:
        """Wrap it."""
        return _Indexed(jobs)


class DictViews(AsyncOdd):
    """A batch is a view of a dict's values, which can be neither indexed nor changed."""

    def batch(self, jobs: list[Any]) -> Any:
        """Number them."""
        return dict(enumerate(jobs)).values()


class _Tuple(NamedTuple):
    id: str
    kind: str
    tenant_id: str
    payload: bytes
    attempts: int
    enqueued_at: float


class NamedTuples(AsyncOdd):
    """A job is a tuple with names, and has more attributes than it needs."""

    def delivered(self, row: Row) -> Any:
        """One more."""
        job = row.job
        return _Tuple(job.id, job.kind, job.tenant_id, job.payload, row.deliveries, 0.0)


class _Record(dict[str, Any]):
    """A dict with attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


class Records(AsyncOdd):
    """A job is a dict whose items can be had as attributes."""

    def delivered(self, row: Row) -> Any:
        """A new one each time."""
        job = row.job
        return _Record(
            id=job.id, kind=job.kind, tenant_id=job.tenant_id, payload=job.payload, attempts=row.deliveries
        )


@dataclass
class _Copy:
    id: str
    kind: str
    tenant_id: str
    payload: bytes
    attempts: int


class Copies(AsyncOdd):
    """A job is an object that can be changed, but no more than a copy."""

    def delivered(self, row: Row) -> Any:
        """A new one each time."""
        job = row.job
        return _Copy(job.id, job.kind, job.tenant_id, job.payload, row.deliveries)


class Namespaces(AsyncOdd):
    """A job is a namespace, and the batch keeps it alive in a tuple of its own."""

    def delivered(self, row: Row) -> Any:
        """A new one each time."""
        job = row.job
        return SimpleNamespace(
            id=job.id, kind=job.kind, tenant_id=job.tenant_id, payload=job.payload, attempts=row.deliveries
        )


class _Lazy:
    """A job whose attributes are looked up when they are asked for, and can't be set."""

    def __init__(self, job: Job, attempts: int) -> None:
        self._job, self._attempts = job, attempts

    def __getattr__(self, name: str) -> Any:
        return self._attempts if name == "attempts" else getattr(self._job, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise TypeError("a job can't be changed")
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        raise TypeError("jobs can't be compared")

    __hash__ = None  # type: ignore[assignment]


class LazyJobs(AsyncOdd):
    """A job looks its attributes up, can't be changed, compared or hashed."""

    def delivered(self, row: Row) -> Any:
        """A new one each time."""
        return _Lazy(row.job, row.deliveries)


class _Text(str):
    """A text of a driver's own class."""

    __slots__ = ()


class _Bytes(bytes):
    """Bytes of a driver's own class."""

    __slots__ = ()


class _Number(int):
    """A number of a driver's own class."""


class DriversTypes(AsyncOdd):
    """Texts, bytes and numbers are of a driver's own classes."""

    def delivered(self, row: Row) -> Any:
        """Each in its class."""
        job = row.job
        return Job(
            _Text(job.id), _Text(job.kind), _Text(job.tenant_id), _Bytes(job.payload), _Number(row.deliveries)
        )


class _Try(IntEnum):
    FIRST = 1
    LATER = 2


class CountsToTwo(AsyncOdd):
    """Attempts is 1 the first time and 2 ever after, as a member of an enumeration."""

    capabilities = NO_ATTEMPTS

    def delivered(self, row: Row) -> Any:
        """The first, or a later one."""
        return replace(row.job, attempts=_Try(min(row.deliveries, 2)))


class NeverCounts(AsyncOdd):
    """Attempts is always 0."""

    capabilities = NO_ATTEMPTS

    def delivered(self, row: Row) -> Any:
        """As if it were the first."""
        return replace(row.job, attempts=0)


class CountsOnlyFails(AsyncOdd):
    """Attempts starts at 1 and counts fails: a lease that expired adds nothing."""

    capabilities = NO_ATTEMPTS

    def delivered(self, row: Row) -> Any:
        """One more than it was failed."""
        return replace(row.job, attempts=1 + row.fails)


class CountsByThousands(AsyncOdd):
    """Attempts starts at 10^12 and grows by a thousand."""

    def delivered(self, row: Row) -> Any:
        """A great number."""
        return replace(row.job, attempts=10**12 + 1000 * row.deliveries)


class _ChoosesIds(AsyncOdd):
    """The store chooses the ids."""

    inapplicable = because("the store chooses the ids", "lease/identity")

    def choose(self) -> str:
        """The next id."""
        raise NotImplementedError

    def put(self, job: Job) -> str:
        """Take it in under another id."""
        id = self.choose()
        super().put(replace(job, id=id))
        return id


class NumbersFromZero(_ChoosesIds):
    """The ids are numbers as text, and are read as numbers: what is none is refused."""

    def choose(self) -> str:
        """The number of the job."""
        return str(len(self.rows))

    def held(self, id: str) -> Row | None:
        """The row with this number."""
        return super().held(str(int(id)))


class Uuids(_ChoosesIds):
    """The ids are UUIDs."""

    def choose(self) -> str:
        """A UUID, the same in every run."""
        return str(uuid.UUID(int=len(self.rows) * 0x9E3779B97F4A7C15 + 1))


class OddIds(_ChoosesIds):
    """The ids are of one character, which a careless eye takes for nothing."""

    def choose(self) -> str:
        """Blanks and controls among others."""
        return chr(len(self.rows) + 1)
