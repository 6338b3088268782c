"""A call of a store, and what came of it, in a few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from async_contract.history.operation import CANCELLED, Delivered, Operation
from async_contract.report.escape import clip, inline, literal
from async_contract.store import JobRecord

_MOST_JOBS = 6
_LONGEST_ERROR = 60
_DONE = {"complete": "ok", "fail": "ok", "handle": "returned", "stop": "told", "cancel": "told"}
_CONTENT = ("kind", "tenant_id", "payload")


class Calls:
    """Puts the calls of one history into words.

    A job is its id. What else it holds is shown only where it tells something: its attempts where
    the history delivers it twice, a field where a delivery differs from what was enqueued, and
    whatever is not what a job may hold.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        delivered = [job for each in operations if each.method == "lease" for job in each.jobs]
        self._enqueued = {
            _known_as(each, job): job for each in operations if each.method == "enqueue" for job in each.jobs
        }
        times = Counter(literal(job.id) for job in delivered)
        self._repeated = {id_ for id_, count in times.items() if count > 1}
        self._changed: dict[str, set[str]] = {}
        for job in delivered:
            self._changed.setdefault(literal(job.id), set()).update(self._differences(job))

    def call(self, operation: Operation) -> str:
        """The method with its arguments."""
        match operation.method:
            case "enqueue":
                taken = [self._taken_in(_known_as(operation, job), job) for job in operation.jobs]
                return f"enqueue({', '.join(taken)})"
            case "lease":
                return f"lease({literal(operation.value)})"
            case "fail":
                return f"fail({literal(operation.job_id)}, {_text(operation.value)})"
            case method if operation.job_id is not None:
                return f"{method}({literal(operation.job_id)})"
            case event:
                return event

    def result(self, operation: Operation) -> str:
        """What the method returned, or why it did not."""
        if operation.outcome != "ok":
            return _failure(operation)
        match operation.method:
            case "enqueue":
                return self._id_given(operation)
            case "lease":
                wrong = f" ({_error(operation)})" if operation.error else ""
                return self._batch(operation.jobs) + wrong
            case "inspect":
                return _record(operation.value)
            case method:
                return _DONE.get(method, "done")

    def _taken_in(self, known_as: str, job: Delivered) -> str:
        names = [name for name in _CONTENT if name in self._changed.get(literal(known_as), ())]
        return _job(job, names)

    def _id_given(self, operation: Operation) -> str:
        given = operation.job_id
        same = given is None or all(job.id == given for job in operation.jobs)
        return "ok" if same else f"ok, as {literal(given)}"

    def _batch(self, jobs: Sequence[Delivered]) -> str:
        if not jobs:
            return "(no job)"
        shown = ", ".join(map(self._delivered, jobs[:_MOST_JOBS]))
        rest = len(jobs) - _MOST_JOBS
        return f"{shown} and {rest} more" if rest > 0 else shown

    def _delivered(self, job: Delivered) -> str:
        names = self._differences(job)
        if literal(job.id) in self._repeated or not _is_count(job.attempts):
            names.append("attempts")
        return _job(job, names)

    def _differences(self, job: Delivered) -> list[str]:
        enqueued = self._enqueued.get(job.id) if isinstance(job.id, str) else None
        return [
            name
            for name, wanted in zip(_CONTENT, (str, str, bytes), strict=True)
            if not isinstance(getattr(job, name), wanted)
            or (name == "kind" and not job.kind)
            or (enqueued is not None and getattr(job, name) != getattr(enqueued, name))
        ]


def _known_as(enqueue: Operation, job: Delivered) -> str:
    return job.id if enqueue.job_id is None else enqueue.job_id


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _job(job: Delivered, names: Sequence[str]) -> str:
    shown = " ".join(f"{name}={literal(getattr(job, name))}" for name in names)
    return f"{literal(job.id)} [{shown}]" if shown else literal(job.id)


def _text(value: object) -> str:
    # A message is quoted even where it has the form of an id.
    text = literal(value)
    return f"'{text}'" if value == text else text


def _record(value: object) -> str:
    if not isinstance(value, JobRecord):
        return "(no record)" if value is None else literal(value)
    message = "" if value.message is None else f" message={_text(value.message)}"
    return f"{literal(value.state)}{message} attempts={literal(value.attempts)}"


def _failure(operation: Operation) -> str:
    if operation.error == CANCELLED:
        return "cancelled"
    if operation.returned is None and not operation.error:
        return "has not returned"
    if operation.method == "handle":
        return f"raised {_error(operation)}"
    return f"{operation.outcome}: {_error(operation)}" if operation.error else operation.outcome


def _error(operation: Operation) -> str:
    return clip(inline(operation.error[: 2 * _LONGEST_ERROR]), _LONGEST_ERROR)
