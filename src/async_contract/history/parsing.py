"""An operation out of the JSON object that stands for it, or an error that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from async_contract.history.operation import OK, UNKNOWN, Delivered, Method, Misfit, Operation, Outcome
from async_contract.store import JobRecord, JobState

_METHODS: tuple[str, ...] = get_args(Method)
_OUTCOMES: tuple[str, ...] = get_args(Outcome)
_STATES: tuple[str, ...] = get_args(JobState)

_ALWAYS = ("method", "worker", "invoked", "returned", "outcome")
_LONGEST = 60
_OF_A_JOB = ("enqueue", "complete", "fail", "inspect")


class HistoryError(ValueError):
    """A file is no history: the number of the line, what was seen there, and what is allowed."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")


def operation_from(seen: object, line: int) -> Operation:
    """The operation that a line stands for.

    Args:
        seen: What the line holds.
        line: Its number, for errors.

    Raises:
        HistoryError: It is no operation, or an impossible one.
    """
    return _Line(line).operation(seen)


class _Line:
    """One line of a file. Whatever is wrong with it is raised with its number."""

    def __init__(self, number: int) -> None:
        self._number = number

    def _error(self, problem: str) -> HistoryError:
        return HistoryError(self._number, problem)

    # -- an operation and its parts -----------------------------------------------------------

    def operation(self, seen: object) -> Operation:
        values = self._object("an operation", seen, _ALWAYS, Operation._fields)
        method = self._one_of("method", values["method"], _METHODS)
        outcome = self._one_of("outcome", values["outcome"], _OUTCOMES)
        invoked = self._whole("invoked", values["invoked"])
        job_id = self._text("job_id", values["job_id"]) if "job_id" in values else None
        if job_id is None and method in _OF_A_JOB:
            raise self._error(f"{method} without a job_id; write the id of the job")
        return Operation(
            method,
            self._whole("worker", values["worker"]),
            invoked,
            self._returned(values["returned"], invoked, outcome),
            outcome,
            job_id,
            self._value(method, outcome, values.get("value")),
            self._jobs(method, outcome, values.get("jobs", [])),
            self._text("error", values.get("error", "")),
        )

    def _returned(self, seen: object, invoked: int, outcome: str) -> int | None:
        if seen is None:
            if outcome != UNKNOWN:
                raise self._error(
                    f"outcome {outcome!r} without an instant in returned; only {UNKNOWN!r} has none"
                )
            return None
        returned = self._whole("returned", seen)
        if returned < invoked:
            raise self._error(
                f"returned at {returned}, before it was invoked at {invoked}; a call takes 0 ns or more"
            )
        return returned

    def _value(self, method: str, outcome: str, seen: object) -> int | str | JobRecord | None:
        if method == "lease":
            return self._whole("value of a lease, its limit,", seen)
        if method == "fail":
            return self._text("value of a fail, its message,", seen)
        if seen is None:
            return None
        if method != "inspect" or outcome != OK:
            raise self._error(
                f"{method} of outcome {outcome!r} with a value; only a lease, a fail or an ok inspect has one"
            )
        record = self._object("a record", seen, JobRecord.__match_args__)
        message = None if record["message"] is None else self._text("message", record["message"])
        return JobRecord(
            self._one_of("state", record["state"], _STATES),
            message,
            self._whole("attempts", record["attempts"]),
        )

    def _jobs(self, method: str, outcome: str, seen: object) -> tuple[Delivered, ...]:
        if not isinstance(seen, list):
            raise self._error(f"jobs is {shown(seen)}; write a list of jobs")
        if method == "enqueue":
            if len(seen) != 1:
                raise self._error(f"enqueue with {len(seen)} jobs; write the one that was given to it")
            return (self._job(seen[0], fit=True),)
        if seen and (method != "lease" or outcome != OK):
            raise self._error(
                f"{method} of outcome {outcome!r} with jobs; only an enqueue and an ok lease have some"
            )
        return tuple([self._job(each, fit=False) for each in seen])

    def _job(self, seen: object, *, fit: bool) -> Delivered:
        """A job that was given to enqueue, or a delivered one, which may have misfits."""
        job = self._object("a job", seen, Delivered._fields)
        readers = (self._text, self._text, self._text, self._bytes, self._whole)
        return Delivered(
            *(
                reader(name, job[name]) if fit or not isinstance(job[name], dict) else self._misfit(job[name])
                for name, reader in zip(Delivered._fields, readers, strict=True)
            )
        )

    def _misfit(self, seen: object) -> Misfit:
        misfit = self._object("an attribute", seen, Misfit.__match_args__)
        return Misfit(self._text("type", misfit["type"]), self._text("text", misfit["text"]))

    # -- values -------------------------------------------------------------------------------

    def _object(
        self, what: str, seen: object, needed: Sequence[str], allowed: Sequence[str] | None = None
    ) -> Mapping[str, Any]:
        if not isinstance(seen, dict):
            raise self._error(
                f"{shown(seen)} where {what} should be; write an object with {', '.join(needed)}"
            )
        keys = ", ".join(allowed or needed)
        for key in seen:
            if key not in (allowed or needed):
                raise self._error(f"{what} with the key {shown(key)}; its keys are {keys}")
        for key in needed:
            if key not in seen:
                raise self._error(f"{what} without the key {key!r}; it needs {', '.join(needed)}")
        return seen

    def _one_of(self, name: str, seen: object, allowed: Sequence[str]) -> Any:
        if seen not in allowed:
            raise self._error(f"{name} {shown(seen)} is none of {', '.join(allowed)}")
        return seen

    def _whole(self, name: str, seen: object) -> int:
        if not isinstance(seen, int) or isinstance(seen, bool):
            raise self._error(f"{name} is {shown(seen)}; write a whole number")
        return seen

    def _text(self, name: str, seen: object) -> str:
        pieces = seen if isinstance(seen, list) else [seen]
        texts = [each for each in pieces if isinstance(each, str)]
        if not texts or len(texts) < len(pieces):
            raise self._error(f"{name} is {shown(seen)}; write a text")
        return "".join(texts)

    def _bytes(self, name: str, seen: object) -> bytes:
        try:
            return self._text(name, seen).encode("latin-1")
        except UnicodeEncodeError:
            raise self._error(
                f"{name} {shown(seen)} has a character that stands for no byte; write each byte as the "
                "character of its number, \\u0000 to \\u00ff"
            ) from None


def shown(value: object) -> str:
    """A value in ASCII, in brief."""
    text = ascii(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
