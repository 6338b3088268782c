"""Stores that are wrong now and then: late in the life of a job, with odd ids, among many jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from async_contract.mutants.loose import loose
from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing, Row
from async_contract.store import Job, JobNotLeased, JobRecord

_LEASES = 50
_PAGE = 200
_THIRD = 3


class DeliversRowNumbers(BrokenStore):
    """A job is delivered with the number of its row for an id, an int."""

    breaks = "lease/well-formed"

    def delivered(self, row: Row) -> object:
        return loose(row, id=row.place)


class IdsCutAtColon(BrokenStore):
    """An id is kept up to its first colon, where a namespace was expected."""

    breaks = "lease/known"

    def key(self, id: str) -> str:
        return id.partition(":")[0]

    def stored(self, job: Job) -> Job:
        return replace(job, id=self.key(job.id))


class IdsUnquoted(BrokenStore):
    """An id is unquoted once too often, like a part of a URL."""

    breaks = "lease/known"

    def stored(self, job: Job) -> Job:
        return replace(job, id=job.id.replace("%20", " ").replace("%25", "%"))

    def key(self, id: str) -> str:
        return id.replace("%20", " ").replace("%25", "%")


class RemembersFiftyLeases(BrokenStore):
    """There is room for fifty leases, and one more lets go of the oldest."""

    breaks = "lease/exclusive"

    def mark(self, row: Row) -> None:
        super().mark(row)
        held = self.leased()
        if len(held) > _LEASES:
            self.make_ready(held[0])


class EqualsSignsCut(BrokenStore):
    """Equals signs at the end of a payload are taken for padding of Base64."""

    breaks = "lease/faithful"

    def stored(self, job: Job) -> Job:
        return replace(job, payload=job.payload.rstrip(b"="))


class ForgetsTwoHundredth(BrokenStore):
    """Every two-hundredth job is acknowledged, and falls between two pages."""

    breaks = "lease/progress"

    def insert(self, job: Job) -> None:
        super().insert(job)
        if len(self.rows) % _PAGE == 0:
            self.known(job.id).state = "dead"


class CompletePopsThenWaits(BrokenStore):
    """A complete takes the job out of what is watched, and waits before it notes it as done."""

    breaks = "complete/cancelled"

    async def complete(self, id: str) -> None:
        self.return_expired()
        row = self.held(id)
        row.owner, row.due = 0, float("inf")
        await self.turn()
        self.end_well(row)


class FailPopsThenWaits(BrokenStore):
    """A fail takes the job out of what is watched, and waits before it puts it back."""

    breaks = "fail/cancelled"

    async def fail(self, id: str, message: str) -> None:
        self.return_expired()
        row = self.held(id)
        row.owner, row.due = 0, float("inf")
        await self.turn()
        self.end_badly(row, message)


class _UnderWay(BrokenStore):
    """Notes what is under way, so that nothing is done twice, and forgets to strike it out."""

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        self._under_way: set[str] = set()

    def begin(self, id: str) -> None:
        """Note that something is done about a job.

        Raises:
            JobNotLeased: Something is being done already.
        """
        if id in self._under_way:
            raise JobNotLeased(f"job {id!r} is being ended already")
        self._under_way.add(id)

    def end(self, id: str) -> None:
        """Note that it is done."""
        self._under_way.discard(id)


class CompleteStaysUnderWay(_UnderWay):
    """A complete that is cancelled counts as under way for ever, and every later one is refused."""

    breaks = "complete/cancelled"

    async def complete(self, id: str) -> None:
        self.begin(id)
        try:
            await super().complete(id)
        except Exception:
            self.end(id)
            raise
        self.end(id)


class FailStaysUnderWay(_UnderWay):
    """A fail that is cancelled counts as under way for ever, and every later one is refused."""

    breaks = "fail/cancelled"

    async def fail(self, id: str, message: str) -> None:
        self.begin(id)
        try:
            await super().fail(id, message)
        except Exception:
            self.end(id)
            raise
        self.end(id)


class BacksOffTooFar(BrokenStore):
    """The delay doubles with every fail, beyond what is promised."""

    breaks = "fail/redelivers"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        if row.state == "ready":
            row.due += self.retry_delay * (2 ** (row.attempts - 1) - 1)


class MessageOfLatestFail(BrokenStore):
    """The message of the latest fail, of whatever job, is shown for every failed job."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        self.backing.notes["message"] = message
        return message

    async def inspect(self, id: str) -> JobRecord | None:
        record = await super().inspect(id)
        if record is None or record.message is None:
            return record
        return replace(record, message=self.backing.notes["message"])


class MessageOfDeadIsFirst(BrokenStore):
    """A job that dies is moved with the message that it had before."""

    breaks = "fail/message"

    def end_badly(self, row: Row, message: str) -> None:
        before = row.message
        super().end_badly(row, message)
        if row.state == "dead" and before is not None:
            row.message = before


class LeasesGrowLonger(BrokenStore):
    """A lease lasts as long again with every attempt."""

    breaks = "expiry/returns"

    def mark(self, row: Row) -> None:
        super().mark(row)
        row.due += (row.attempts - 1) * (self.lease_timeout or 0)


class DeadlineInWholeSeconds(BrokenStore):
    """The end of a lease is stored in whole seconds, and the rest is cut off."""

    breaks = "expiry/not-early"

    def deadline(self) -> float:
        return int(super().deadline())


class ThirdLeaseIsShort(BrokenStore):
    """The lease of a third attempt ends a second sooner."""

    breaks = "expiry/not-early"
    max_attempts = 10

    def mark(self, row: Row) -> None:
        super().mark(row)
        if row.attempts == _THIRD:
            row.due -= 1


STORES: Sequence[type[BrokenStore]] = (
    DeliversRowNumbers,
    IdsCutAtColon,
    IdsUnquoted,
    RemembersFiftyLeases,
    EqualsSignsCut,
    ForgetsTwoHundredth,
    CompletePopsThenWaits,
    FailPopsThenWaits,
    CompleteStaysUnderWay,
    FailStaysUnderWay,
    BacksOffTooFar,
    MessageOfLatestFail,
    MessageOfDeadIsFirst,
    LeasesGrowLonger,
    DeadlineInWholeSeconds,
    ThirdLeaseIsShort,
)
