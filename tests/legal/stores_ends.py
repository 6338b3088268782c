"""Odd stores: who can end a lease, and what becomes of the job."""

from __future__ import annotations

from dataclasses import replace

from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, JobNotLeased, JobRecord

from .stores import PLAIN, AsyncOdd, Row, because

_MANY = replace(PLAIN, sharing="connection")
_FIRST_IS_LAST = because("the first fail is the last", "fail/redelivers")
NEVER_AGAIN = (
    because("a job is delivered once", "lease/attempts-steady", "lease/attempts", "expiry/returns")
    | because("it is counted where a job comes again after its lease expired", "expiry/max-attempts")
    | _FIRST_IS_LAST
)
"""What a store that delivers each job once leaves unexercised."""


class DeadLetters(AsyncOdd):
    """A fail ends the job."""

    capabilities = replace(PLAIN, redelivers=False)


class OneAttempt(AsyncOdd):
    """A job is delivered once more only if its lease expires."""

    capabilities = replace(PLAIN, max_attempts=1)
    unexercised = _FIRST_IS_LAST


class TwoAttempts(AsyncOdd):
    """The second fail is the last."""

    capabilities = replace(PLAIN, max_attempts=2)


class FiveAttempts(AsyncOdd):
    """The fifth fail is the last."""

    capabilities = replace(PLAIN, max_attempts=5)


class OneAttemptAtAll(AsyncOdd):
    """A job is delivered once, and dead if that came to nothing."""

    capabilities = replace(PLAIN, max_attempts=1, expiry_counts=True)
    unexercised = NEVER_AGAIN


class TwoAttemptsAtAll(AsyncOdd):
    """A job is delivered twice at most."""

    capabilities = replace(PLAIN, max_attempts=2, expiry_counts=True)


class EitherWay(AsyncOdd):
    """Every other fail ends the job."""

    capabilities = replace(PLAIN, redelivers=None)

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.fails = 0

    def is_last(self, row: Row) -> bool:
        """Every other time."""
        self.fails += 1
        return self.fails % 2 == 0


class CountsFails(AsyncOdd):
    """The third fail is the last, however often the job was delivered, and whoever it was that failed it."""

    capabilities = replace(PLAIN, max_attempts=3)

    def may_end(self, row: Row) -> bool:
        """Whatever is not finished."""
        return row.state in ("ready", "leased")

    def is_last(self, row: Row) -> bool:
        """The third."""
        return row.fails >= 3


class CountsFailsOfHolders(AsyncOdd):
    """The third fail is the last, however often the job was delivered."""

    capabilities = replace(PLAIN, max_attempts=3)

    def is_last(self, row: Row) -> bool:
        """The third."""
        return row.fails >= 3


class ForgetsTheFinished(AsyncOdd):
    """A job that is completed or dead is deleted."""

    capabilities = replace(PLAIN, max_attempts=3)

    def finish(self, id: str) -> None:
        """Delete it."""
        super().finish(id)
        del self.rows[id]

    def give_up(self, id: str, message: str) -> None:
        """Delete it if this was the last attempt."""
        super().give_up(id, message)
        if self.rows[id].state == "dead":
            del self.rows[id]


class CompletesAnything(AsyncOdd):
    """A complete deletes the row, whatever state it is in and whoever calls; nobody is told of anything."""

    capabilities = replace(PLAIN, max_attempts=3)
    warned = ("complete/unknown-reported",)

    def finish(self, id: str) -> None:
        """Delete it."""
        self.rows.pop(id, None)


class FailsAnything(AsyncOdd):
    """A fail takes effect on whatever is not completed, whoever calls: also on the dead, who come back."""

    capabilities = replace(PLAIN, redelivers=None)

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.fails = 0

    def is_last(self, row: Row) -> bool:
        """Every other time."""
        self.fails += 1
        return self.fails % 2 == 0

    def give_up(self, id: str, message: str) -> None:
        """Fail it unless it is completed."""
        row = self.rows.get(id)
        if row is not None and row.state == "dead":
            row.state = "leased"
        super().give_up(id, message)

    def may_end(self, row: Row) -> bool:
        """Whatever is not finished."""
        return row.state in ("ready", "leased")


class SaysNothing(AsyncOdd):
    """A complete or fail of an unknown job, or of one that is not on lease, does nothing."""

    warned = (
        "complete/unknown-reported",
        "complete/unleased-reported",
        "fail/unknown-reported",
        "fail/unleased-reported",
    )

    def unknown(self, id: str) -> None:
        """Nothing."""

    def unleased(self, row: Row) -> None:
        """Nothing."""


class StaleTakesEffect(AsyncOdd):
    """Whoever completes or fails a job that is on lease or ready, ends it."""

    capabilities = _MANY

    def may_end(self, row: Row) -> bool:
        """Whatever is not finished."""
        return row.state in ("ready", "leased")


class OnlyTheHolder(AsyncOdd):
    """Whoever does not hold a job is refused."""

    capabilities = replace(_MANY, fences=True)

    def may_end(self, row: Row) -> bool:
        """The holder may."""
        return row.state == "leased" and row.owner is self


class OnlyNoFormerHolder(AsyncOdd):
    """Whoever's lease has expired is refused; one who never had the job ends another's lease.

    So it does what it promises, which is to keep out those who think that they hold a job.
    """

    capabilities = replace(_MANY, fences=True)

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.had: set[str] = set()

    def delivered(self, row: Row) -> Job:
        """Keep in mind what was had."""
        self.had.add(row.job.id)
        job: Job = super().delivered(row)
        return job

    def may_end(self, row: Row) -> bool:
        """The holder may, and a stranger."""
        return row.state == "leased" and (row.owner is self or row.job.id not in self.had)


class OnlyItsProcess(AsyncOdd):
    """All connections of a process are one owner; whoever does not hold a job is refused."""

    capabilities = replace(PLAIN, sharing="process", fences=True)
    unexercised = because("all are of one process", "expiry/fenced")

    def may_end(self, row: Row) -> bool:
        """The process that holds it may."""
        return row.state == "leased"


class CountsExpirySilently(AsyncOdd):
    """A job whose lease expires the third time is dead, which is more than is promised."""

    capabilities = replace(PLAIN, max_attempts=3)

    def end(self, row: Row, now: float) -> None:
        """It was the last, or it comes back."""
        if row.deliveries >= 3:
            row.state = "dead"
        else:
            super().end(row, now)


class OnlyTheHolderIsHeard(AsyncOdd):
    """Whoever does not hold a job is not heard, and not told so."""

    capabilities = replace(_MANY, fences=True)
    warned = ("complete/unleased-reported", "fail/unleased-reported")

    def may_end(self, row: Row) -> bool:
        """The holder may."""
        return row.state == "leased" and row.owner is self

    def unleased(self, row: Row) -> None:
        """Nothing."""


class Receipts(AsyncOdd):
    """A delivery has a receipt, which the connection keeps, and with which the job is completed or failed."""

    capabilities = replace(_MANY, fences=True)

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.receipts: dict[str, int] = {}

    def delivered(self, row: Row) -> Job:
        """Keep the number of the delivery."""
        self.receipts[row.job.id] = row.deliveries
        job: Job = super().delivered(row)
        return job

    def held(self, id: str) -> Row | None:
        """The job, if it has not been delivered since."""
        receipt = self.receipts.pop(id)
        row = super().held(id)
        if row is not None and row.deliveries != receipt:
            raise JobNotLeased(id)
        return row


class StaleGoesToTheBack(AsyncOdd):
    """Whoever fails a job that is on lease or ready, sends it to the back for five seconds."""

    capabilities = replace(PLAIN, retry_delay=5.0)

    def may_end(self, row: Row) -> bool:
        """Whatever is not finished."""
        return row.state in ("ready", "leased")

    def give_up(self, id: str, message: str) -> None:
        """Fail it and move it."""
        super().give_up(id, message)
        self.rows[id] = self.rows.pop(id)


class InspectRaises(AsyncOdd):
    """An inspect of an unknown job is refused, and so is that of a finished one."""

    def look(self, id: str) -> JobRecord:
        """Refuse or show."""
        record = super().look(id)
        if record is None or record.state in ("completed", "dead"):
            raise KeyError(id)
        return record


class KeepsAHistory(AsyncOdd):
    """What is on lease is shown as ready when its time has run out, and the message goes with the lease."""

    def look(self, id: str) -> JobRecord | None:
        """Compare the clocks, change nothing."""
        row = self.rows[id]
        state = "ready" if row.state == "leased" and row.due <= self.clock() else row.state
        return JobRecord(state, None if row.state == "leased" else row.message, row.fails)
