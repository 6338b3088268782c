"""Odd stores: errors, refusals, and what they say."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar, ParamSpec, TypeVar

from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job

from .stores import PLAIN, AsyncOdd, Row, because
from .stores_values import Uuids

_P = ParamSpec("_P")
_T = TypeVar("_T")


_RESTLESS = because(
    "no three leases in a row go well, so nothing is known to be all", "lease/progress", "complete/final"
)
_LOSSY = _RESTLESS | because("a lease that failed may have taken jobs out of their order", "lease/order")
_UNSEEN = because("the reply that would show the failed jobs is lost", "fail/releases", "fail/redelivers")
_ONCE = because("the second delivery is lost", "lease/attempts-steady", "lease/attempts")


class _Flaky(AsyncOdd):
    """Every third call of a method raises an error, before it has its effect or after.

    Attributes:
        pattern: For each error in turn, whether the call has had its effect.
        error: What is raised.
    """

    unexercised = _LOSSY
    pattern: ClassVar[tuple[bool, ...]] = (False,)
    error: ClassVar[type[BaseException]] = ConnectionError

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.calls: Counter[str] = Counter()

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Raise every third time."""
        self.calls[do.__name__] += 1
        errors, remainder = divmod(self.calls[do.__name__], 3)
        failing = remainder == 0
        late = self.pattern[errors % len(self.pattern)]
        if failing and not late:
            raise self.error("connection reset by peer")
        result = do(*args, **kwargs)
        if failing:
            raise self.error("connection reset by peer")
        return result


class ErrorBefore(_Flaky):
    """Every third call raises an error and has no effect."""


class ErrorAfter(_Flaky):
    """Every third reply is lost: the call has had its effect."""

    unexercised = _LOSSY | _UNSEEN
    pattern = (True,)


class ErrorEitherWay(_Flaky):
    """Every third call raises an error, and every other time it has had its effect."""

    pattern = (True, False)


class TimesOut(_Flaky):
    """Every third call times out, and every other time it has had its effect."""

    unexercised = _LOSSY
    pattern = (False, True)
    error = TimeoutError


class ErrorNeverExpires(_Flaky):
    """Every third reply is lost, and with it the jobs, since leases never end by themselves."""

    capabilities = replace(PLAIN, lease_timeout=None)
    unexercised = _LOSSY | _UNSEEN | _ONCE
    pattern = (True,)


class ErrorTwoAttempts(_Flaky):
    """Every third reply is lost, and every delivery counts: some jobs die unseen."""

    capabilities = replace(PLAIN, max_attempts=2, expiry_counts=True)
    unexercised = (
        _LOSSY
        | _UNSEEN
        | _ONCE
        | because("a delivery that was lost may have been the last", "fail/max-attempts")
        | because("it is counted where a job comes again after its lease expired", "expiry/max-attempts")
    )
    pattern = (True,)


class UuidsLost(_Flaky, Uuids):
    """Every third reply is lost: also that which told under which id a job was taken in."""

    pattern = (True,)
    unexercised = _LOSSY | _UNSEEN


class BrokenGenerators(AsyncOdd):
    """A batch is a generator, and every third breaks off with an error after putting its jobs on lease."""

    unexercised = _LOSSY

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.leases = 0

    def take(self, limit: int) -> Iterator[Job]:
        """All at once, or none."""
        self.leases += 1
        jobs = super().take(limit)
        if self.leases % 3 == 0:
            raise ConnectionError("connection reset by peer")
        yield from jobs


class CancelsItself(_Flaky):
    """Every third call is cancelled by the store itself, and every other time it has had its effect."""

    pattern = (True, False)
    error = asyncio.CancelledError


class StoreDownError(Exception):
    """The server can't be reached, or its reply was lost."""


class OwnErrorAfter(_Flaky):
    """Every third reply is lost; that is an error of the store's own, and its harness says what it means."""

    pattern = (True, False)
    error = StoreDownError

    @classmethod
    def harness(cls) -> StoreHarness:
        """Refusals are lookup and value errors alone."""

        def is_rejection(error: Exception) -> bool:
            return isinstance(error, (LookupError, ValueError))

        return StoreHarness(cls, capabilities=cls.capabilities, virtual_time=True, is_rejection=is_rejection)


class BusyError(Exception):
    """The store has too much to do: try again."""


class Busy(_Flaky):
    """Every third call of a method is refused."""

    unexercised = _RESTLESS
    error = BusyError


class BusyTwice(AsyncOdd):
    """Every lease is refused twice before it is accepted."""

    unexercised = _RESTLESS

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.leases = 0

    def take(self, limit: int) -> object:
        """The third time."""
        self.leases += 1
        if self.leases % 3:
            raise BusyError
        return super().take(limit)


class BusyForAnybody(AsyncOdd):
    """Every third call is refused, whichever it is: also one that would have been refused anyway."""

    unexercised = because("something is refused now and again", "lease/progress", "complete/final")

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.calls = 0

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Two of three times."""
        self.calls += 1
        if self.calls % 3 == 0:
            raise BusyError
        return do(*args, **kwargs)


class OnlyJson(AsyncOdd):
    """A payload that is no JSON is refused; the codec's errors come out as they are."""

    def put(self, job: Job) -> str | None:
        """Look at it first."""
        json.loads(job.payload)
        return super().put(job)


class FullSoon(AsyncOdd):
    """An enqueue is refused while twelve jobs are not finished."""

    unexercised = because("there is no room for so many jobs", "lease/progress", "fail/message")

    def put(self, job: Job) -> str | None:
        """If there is room."""
        if sum(row.state in ("ready", "leased") for row in self.rows.values()) >= 12:
            raise BusyError("full")
        return super().put(job)


class DriversErrors(AsyncOdd):
    """Refusals are the driver's: nobody can tell them from a lost connection."""

    def unknown(self, id: str) -> None:
        """An error that says nothing."""
        raise sqlite3.IntegrityError("no such row")

    def unleased(self, row: Row) -> None:
        """An error that says nothing."""
        raise sqlite3.IntegrityError("no such row")


class ErrorGroups(AsyncOdd):
    """Refusals come in groups, as from a task group."""

    def unknown(self, id: str) -> None:
        """A group of one."""
        raise ExceptionGroup("unhandled errors", [KeyError(id)])

    def unleased(self, row: Row) -> None:
        """A group of one."""
        raise ExceptionGroup("unhandled errors", [ValueError(row.job.id)])


class ErrorsEverywhere(_Flaky):
    """Every third reply is lost, and refusals are the driver's."""

    pattern = (True, False)

    def unknown(self, id: str) -> None:
        """An error that says nothing."""
        raise sqlite3.IntegrityError("no such row")

    def unleased(self, row: Row) -> None:
        """An error that says nothing."""
        raise sqlite3.IntegrityError("no such row")


class RefusalError(Exception):
    """What this store refuses with; it has nothing in common with Python's own errors."""

    def __str__(self) -> str:
        """Can't be had."""
        raise RuntimeError("this error can't be shown")


class OwnRefusals(AsyncOdd):
    """Refusals are of a class of which only the harness knows, as a coroutine function."""

    @classmethod
    def harness(cls) -> StoreHarness:
        """Nothing else is a refusal."""

        async def is_rejection(error: Exception) -> bool:
            return isinstance(error, RefusalError)

        return StoreHarness(cls, capabilities=cls.capabilities, virtual_time=True, is_rejection=is_rejection)

    def unknown(self, id: str) -> None:
        """Refuse."""
        raise RefusalError

    def unleased(self, row: Row) -> None:
        """Refuse."""
        raise RefusalError


class RefusesOddJobs(AsyncOdd):
    """NUL, kinds beyond ASCII, payloads over 1 KiB and ids with blanks are refused."""

    def put(self, job: Job) -> None:
        """Refuse or take in."""
        texts = (job.id, job.kind, job.tenant_id)
        if any("\0" in each for each in texts) or not job.kind.isascii() or " " in job.id:
            raise ValueError("no such text here")
        if len(job.payload) > 1024:
            raise ValueError("too long a payload")
        super().put(job)


class RefusesOddJobsByDriver(AsyncOdd):
    """NUL, and payloads over 1 KiB, are refused by the driver: nobody can tell whether they were taken in."""

    def put(self, job: Job) -> None:
        """Refuse or take in."""
        if any("\0" in each for each in (job.id, job.kind, job.tenant_id)) or len(job.payload) > 1024:
            raise sqlite3.DataError("can't be stored")
        super().put(job)


class RefusesNoLimit(AsyncOdd):
    """A limit of zero or less is refused."""

    def take(self, limit: int) -> object:
        """Refuse or deliver."""
        if limit <= 0:
            raise ValueError("a limit is at least 1")
        return super().take(limit)


class LimitsOf32Bits(AsyncOdd):
    """A limit that the driver can't encode is an error of the driver."""

    def take(self, limit: int) -> object:
        """Encode the limit."""
        if not -(2**31) <= limit < 2**31:
            raise OverflowError("int too large to convert")
        if limit < 0:
            raise sqlite3.OperationalError("LIMIT must not be negative")
        return super().take(limit)


def _is_hostile(message: str) -> bool:
    return len(message) > 256 or not message.isprintable() or not message.strip()


class ShortensMessages(AsyncOdd):
    """A message is cut to 256 characters, and what can't be printed is left out."""

    def give_up(self, id: str, message: str) -> None:
        """Cut it."""
        super().give_up(id, "".join(filter(str.isprintable, message))[:256])


class RefusesMessages(AsyncOdd):
    """A message that is long or can't be printed is refused."""

    def give_up(self, id: str, message: str) -> None:
        """Refuse it."""
        if _is_hostile(message):
            raise ValueError("write a message of one line")
        super().give_up(id, message)


class RefusesMessagesByDriver(AsyncOdd):
    """A message that is long or can't be printed is an error of the driver's, without an effect."""

    def give_up(self, id: str, message: str) -> None:
        """Refuse it."""
        if _is_hostile(message):
            raise sqlite3.DataError("can't be stored")
        super().give_up(id, message)


class ChokesOnMessagesAndSaysNothing(DriversErrors):
    """The same, and a second fail is an error of the driver's too, since the job is not on lease."""

    def give_up(self, id: str, message: str) -> None:
        """Fail it without a message."""
        if _is_hostile(message):
            super().give_up(id, "")
            raise sqlite3.DataError("can't be stored")
        super().give_up(id, message)


class ChokesOnMessages(AsyncOdd):
    """A message that is long or can't be printed is an error of the driver's, and yet the job is failed."""

    def give_up(self, id: str, message: str) -> None:
        """Fail it without a message."""
        if _is_hostile(message):
            super().give_up(id, "")
            raise sqlite3.DataError("can't be stored")
        super().give_up(id, message)


class CutShort(_Flaky):
    """Every third reply is cut short on its way, and can't be decoded: the call has had its effect."""

    unexercised = _LOSSY | _UNSEEN

    async def call(self, do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Decode what came, which is no matter here but that it may fail."""
        self.calls[do.__name__] += 1
        result = do(*args, **kwargs)
        json.loads('{"ok": true' + "}" * (self.calls[do.__name__] % 3 > 0))
        return result
