"""One call of a store and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from async_contract.store import JobRecord

Method = Literal[
    "enqueue", "lease", "complete", "fail", "inspect",
    # What happens around the calls and changes what they may show:
    "reopen", "connect", "disconnect", "kill", "mutate",
    # What a runner does with a job, and what it is told: no calls of the store.
    "handle", "stop", "cancel",
]  # fmt: skip
Outcome = Literal["ok", "rejected", "unknown"]

OK: Outcome = "ok"
REJECTED: Outcome = "rejected"
UNKNOWN: Outcome = "unknown"

CANCELLED = "cancelled"
"""The `error` of an operation that its caller cancelled."""

KILLED = "killed"
"""The `error` of an operation whose worker was killed before it returned."""

LEFT_OUT = "delivered jobs of others, which are left out"
"""The `error` of a lease that was ok, but delivered jobs that were there before the history began."""

TIMED_OUT = "timed out"
"""The `error` of an operation that had not returned within the time limit of a call."""

BLOCKED = 1_000_000_000
"""Nanoseconds after which a call that fails has waited for something that does not come."""

STUCK = "never returns: everybody waits for somebody else"
"""The `error` of an operation that can't return any more: nobody who could let it go on can go on."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """Stands in a history for a value of a type that no attribute of a job has.

    A history keeps no object of the store's own: it might change, or do anything when it is looked at.

    Attributes:
        type: The name of the value's type; empty if the job has no such attribute.
        text: The beginning of what `repr` says of it.
    """

    type: str
    text: str

    def __repr__(self) -> str:
        return self.text


class Delivered(NamedTuple):
    """A job as it was given to `enqueue` or delivered by `lease`, copied when it was seen.

    That the fields are text, bytes and a number is a clause of the contract, and for the judge to
    say: where they are not, the recorder puts a `Misfit`.
    """

    id: Any
    kind: Any
    tenant_id: Any = ""
    payload: Any = b""
    attempts: Any = 0


class Operation(NamedTuple):
    """One call, or one event around the calls.

    Attributes:
        method: What was called.
        worker: Who called, a small number; each worker makes one call at a time.
        invoked: The instant before the call, in nanoseconds on the history's own clock.
        returned: The instant after it; `None` if it was still running at the end of the history.
        outcome: `"ok"`: it returned, and its effect lies between the two instants.
            `"rejected"`: the store refused, there was no effect. `"unknown"`: anything else, the
            effect came at some instant after the invocation, or never.
        job_id: The job that was enqueued (under the id the store gave it), completed, failed or
            inspected; `None` for the rest.
        value: The limit of a `lease`, the message of a `fail`, the record an `inspect` returned.
        jobs: The job given to `enqueue`, or the jobs that a `lease` delivered.
        error: Why the outcome is not `"ok"`: `CANCELLED`, `TIMED_OUT`, `STUCK`, `KILLED`, or the error's
            type and text. On an `ok` lease: what is wrong with the batch as a whole.
    """

    method: Method
    worker: int
    invoked: int
    returned: int | None
    outcome: Outcome = OK
    job_id: str | None = None
    value: int | str | JobRecord | None = None
    jobs: tuple[Delivered, ...] = ()
    error: str = ""


def instant(operation: Operation) -> int:
    """The instant by which a history is ordered: a lease's return, anything else's invocation.

    In this order a worker's end of a lease never stands before the delivery it answers, and
    the sessions of a correct store's job stand one after another, however the calls overlap.
    """
    if operation.method == "lease" and operation.returned is not None:
        return operation.returned
    return operation.invoked


def in_order(history: Iterable[Operation]) -> bool:
    """Whether the operations stand in the order of `instant`."""
    before = -(1 << 62)
    for operation in history:
        # As `instant` says; a call of it for each of a million operations would take longer than all else.
        at = operation[3] if operation[0] == "lease" and operation[3] is not None else operation[2]
        if at < before:
            return False
        before = at
    return True


def in_words(call: Operation) -> str:
    """A call in a few words: whose it is, and on which job."""
    what = f"worker {call.worker}'s {call.method}"
    return f"{what} of {call.job_id!a}" if call.job_id else what


def is_blocked(call: Operation) -> bool:
    """Whether a call failed after it had waited for long."""
    over = call.returned
    return call.outcome == UNKNOWN and over is not None and over - call.invoked >= BLOCKED
