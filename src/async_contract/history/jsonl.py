r"""Histories as files: JSON Lines, one operation a line, for people to read and for `judge` to read again.

The first line names the format and its version; every other line is an operation:

    {"format": "async-contract-history", "version": 1}
    {"method": "lease", "worker": 1, "invoked": 3, "returned": 4, "outcome": "ok", "value": 1, "jobs": [...]}
    {"method": "complete", "worker": 1, "invoked": 5, "returned": 9, "outcome": "ok", "job_id": "a"}

The first line may say what the store promises, too: `"capabilities": {"lease_timeout": 0.5}`, by the names of
`Capabilities`.

The keys of an operation are the attributes of `Operation`, and mean what they mean there:

- `method`, `worker`, `invoked`, `returned` and `outcome` are always there. Instants are nanoseconds on the
  history's own clock; `returned` is `null` for a call that was still running at the end.
- `job_id`, `value`, `jobs` and `error` are left out where there is nothing to say. `value` is the limit of a
  lease, the message of a fail, or the record that an inspect returned, as an object with `state`, `message`
  and `attempts`.
- `jobs` is the one job given to `enqueue`, or those that a lease delivered, as objects with `id`, `kind`,
  `tenant_id`, `payload` and `attempts`.

A payload is written as text in which each character is the byte of its number (Latin-1), so that a payload
of text stays readable and any bytes can be written: `"\u0000\u00ff"` is `b"\x00\xff"`.

An attribute that is not what it should be (a payload that is no bytes, an id that is none) is an object with
the `type` of what the store delivered and its `text`: `{"type": "float", "text": "1.0"}`. Where a job has no
such attribute at all, `type` is empty.

Files are ASCII. What is outside is escaped as in JSON, and so is half of a surrogate pair, which is no text
but which a str can hold. Where two such halves meet that JSON would make one character of, the str is
written as a list of its pieces: `["\ud83d", "\ude00"]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TextIO

from async_contract.contract.capabilities import Capabilities, CapabilityError
from async_contract.history.batch import fitting
from async_contract.history.operation import Delivered, Misfit, Operation
from async_contract.history.parsing import HistoryError, operation_from, shown
from async_contract.store import JobRecord

__all__ = ["FORMAT", "VERSION", "HistoryError", "read", "read_with_capabilities", "write"]

FORMAT = "async-contract-history"
VERSION = 1

_HEADER = {"format": FORMAT, "version": VERSION}

# Between these two, JSON would see one character.
_MEETING = re.compile("(?<=[\ud800-\udbff])(?=[\udc00-\udfff])")


def write(history: Iterable[Operation], file: TextIO) -> None:
    """Write a history.

    Args:
        history: The operations, in any order.
        file: An open text file, of any encoding that has ASCII in it.
    """
    file.write(json.dumps(_HEADER) + "\n")
    file.writelines(json.dumps(as_object(operation)) + "\n" for operation in history)


def read(file: TextIO) -> list[Operation]:
    """Read a history that `write` wrote, or anybody else. Blank lines count for nothing.

    Args:
        file: An open text file.

    Returns:
        The operations, in the order of the file.

    Raises:
        HistoryError: A line is not what it should be.
    """
    return read_with_capabilities(file)[0]


def read_with_capabilities(file: TextIO) -> tuple[list[Operation], Capabilities]:
    """Read a history, and what its first line says that the store promises; by default nothing.

    Args:
        file: An open text file.

    Raises:
        HistoryError: A line is not what it should be.
    """
    lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
    number, first = next(lines, (1, ""))
    capabilities = _capabilities(number, first)
    return [operation_from(_decoded(number, line), number) for number, line in lines], capabilities


def _capabilities(number: int, first: str) -> Capabilities:
    """What the first line says, which names the format and its version."""
    header: Any = _decoded(number, first) if first else None
    if isinstance(header, dict) and header.get("format") == FORMAT and header.get("version") != VERSION:
        raise HistoryError(number, f"version {header.get('version')!r}; this release reads version {VERSION}")
    promised = header.pop("capabilities", {}) if isinstance(header, dict) else {}
    if header != _HEADER:
        seen = shown(first.strip()) if first else "an empty file"
        raise HistoryError(number, f"{seen}; a history begins with the line {json.dumps(_HEADER)}")
    if not isinstance(promised, dict):
        raise HistoryError(number, f"capabilities is {shown(promised)}; write an object with their names")
    names = [field.name for field in fields(Capabilities)]
    unknown = [each for each in promised if each not in names]
    if unknown:
        raise HistoryError(number, f"{shown(unknown[0])} is no capability; they are {', '.join(names)}")
    try:
        return Capabilities(**promised)
    except CapabilityError as error:
        raise HistoryError(number, str(error)) from None


def _decoded(number: int, line: str) -> object:
    try:
        return json.loads(line.strip())
    except (ValueError, RecursionError) as error:
        problem = str(error).replace("line 1 ", "")  # every line is the first for json
        raise HistoryError(
            number, f"{shown(line.strip())} is no JSON ({problem}); write one object a line"
        ) from None


# -- what is written ------------------------------------------------------------------------------


def as_object(operation: Operation) -> Mapping[str, object]:
    """The JSON object that stands for an operation; `parsing.operation_from` reads it."""
    method, worker, invoked, returned, outcome, job_id, value, jobs, error = operation
    written: dict[str, object] = {
        "method": method, "worker": worker, "invoked": invoked, "returned": returned, "outcome": outcome,
    }  # fmt: skip
    if job_id is not None:
        written["job_id"] = _text(job_id)
    if isinstance(value, JobRecord):
        message = None if value.message is None else _text(value.message)
        written["value"] = {"state": value.state, "message": message, "attempts": value.attempts}
    elif value is not None:
        written["value"] = _text(value) if isinstance(value, str) else value
    if jobs:
        written["jobs"] = [_job(job) for job in jobs]
    if error:
        written["error"] = _text(error)
    return written


def _job(job: Delivered) -> Mapping[str, object]:
    return {
        name: _attribute(fitting(value), right)
        for name, value, right in zip(Delivered._fields, job, (str, str, str, bytes, int), strict=True)
    }


def _attribute(value: str | bytes | int | Misfit, right: type) -> object:
    if not isinstance(value, right):
        misfit = value if isinstance(value, Misfit) else Misfit(type(value).__name__, repr(value))
        return {"type": _text(misfit.type), "text": _text(misfit.text)}
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str | list[str]:
    pieces = _MEETING.split(text)
    return pieces if len(pieces) > 1 else text
