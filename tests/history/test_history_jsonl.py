"""Histories as files: what is written is read again, and what can't be is refused with its line."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from async_contract.history.jsonl import HistoryError, read, write
from async_contract.history.operation import (
    CANCELLED,
    OK,
    REJECTED,
    UNKNOWN,
    Delivered,
    Method,
    Misfit,
    Operation,
)
from async_contract.judge.judge import judge
from async_contract.store import JobRecord

HEADER = '{"format": "async-contract-history", "version": 1}'
COMPLETE = {"method": "complete", "worker": 1, "invoked": 5, "returned": 9, "outcome": "ok", "job_id": "a"}
LEASE = {"method": "lease", "worker": 1, "invoked": 5, "returned": 9, "outcome": "ok", "value": 1}
JOB = {"id": "a", "kind": "mail", "tenant_id": "", "payload": "p", "attempts": 1}


def written(*operations: Operation) -> str:
    """The text of a file."""
    file = io.StringIO()
    write(operations, file)
    return file.getvalue()


def again(*operations: Operation) -> list[Operation]:
    """The operations, written and read."""
    return read(io.StringIO(written(*operations)))


def test_an_empty_history_is_its_first_line() -> None:
    """Format and version, whatever follows."""
    assert written() == HEADER + "\n"
    assert again() == []


def test_a_history_is_written_one_operation_a_line() -> None:
    """What there is nothing to say of is left out."""
    job = Delivered("a", "mail", "t\u00e9", b"\x00p\xff", 0)
    history = [
        Operation("enqueue", 0, 1, 2, OK, "a", None, (job,)),
        Operation("lease", 1, 3, 4, OK, None, 1, (job._replace(attempts=1),)),
        Operation("fail", 1, 5, 6, OK, "a", "boom"),
        Operation("inspect", 0, 7, 8, OK, "a", JobRecord("ready", "boom", 1)),
        Operation("complete", 2, 9, None, UNKNOWN, "a", error=CANCELLED),
        Operation("reopen", 0, 10, 11),
    ]
    head = '{"method": "%s", "worker": %d, "invoked": %d, "returned": %s, "outcome": "%s"'
    of_job = '"id": "a", "kind": "mail", "tenant_id": "t\\u00e9", "payload": "\\u0000p\\u00ff", "attempts"'
    record = '{"state": "ready", "message": "boom", "attempts": 1}'
    assert written(*history).splitlines() == [
        HEADER,
        head % ("enqueue", 0, 1, 2, "ok") + f', "job_id": "a", "jobs": [{{{of_job}: 0}}]}}',
        head % ("lease", 1, 3, 4, "ok") + f', "value": 1, "jobs": [{{{of_job}: 1}}]}}',
        head % ("fail", 1, 5, 6, "ok") + ', "job_id": "a", "value": "boom"}',
        head % ("inspect", 0, 7, 8, "ok") + f', "job_id": "a", "value": {record}}}',
        head % ("complete", 2, 9, "null", "unknown") + ', "job_id": "a", "error": "cancelled"}',
        head % ("reopen", 0, 10, 11, "ok") + "}",
    ]
    assert again(*history) == history


def test_a_file_on_disk_is_read_whatever_its_encoding() -> None:
    """It is ASCII; blank lines count for nothing."""
    history = [Operation("fail", 1, 5, 6, OK, "\u00e9\ud800", "\u2028")]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "history.jsonl")
        with path.open("w", encoding="latin-1") as file:
            write(history, file)
            file.write("\n  \n")
        with path.open(encoding="ascii") as file:
            assert read(file) == history


def test_what_a_broken_store_delivered_is_still_malformed() -> None:
    """An attribute of another type, and one that is not there, come back as misfits of that type."""
    missing = Misfit("", "(no such attribute)")
    job = Delivered("a", 7, None, "text", 1.0)
    operation = Operation("lease", 1, 3, 4, OK, None, 1, (job, Delivered(b"b", "mail", missing, b"", 1)))
    kind, tenant_id = Misfit("int", "7"), Misfit("NoneType", "None")
    first = Delivered("a", kind, tenant_id, Misfit("str", "'text'"), Misfit("float", "1.0"))
    second = Delivered(Misfit("bytes", "b'b'"), "mail", missing, b"", 1)
    expected = operation._replace(jobs=(first, second))
    assert again(operation) == [expected] == again(expected)
    wrong = (
        "kind 7, an int and tenant_id None, a NoneType and payload 'text', a str and attempts 1.0, a float"
    )
    happened = [
        f"worker 1 was given a job with {wrong}",
        "worker 1 was given a job with id b'b', a bytes and no tenant_id",
    ]
    for history in ([operation], [expected]):
        found = [each.happened for each in judge(history).violations if each.clause == "lease/well-formed"]
        assert found == happened


def test_two_halves_of_a_surrogate_pair_do_not_become_one_character() -> None:
    """Where they meet, the text is written in pieces; the character itself is not."""
    halves, character = "a\ud83d" + "\ude00b", "a\U0001f600b"
    history = [Operation("complete", 1, 5, 6, OK, text) for text in (halves, character)]
    lines = written(*history).splitlines()
    assert '"job_id": ["a\\ud83d", "\\ude00b"]' in lines[1]
    assert '"job_id": "a\\ud83d\\ude00b"' in lines[2]
    assert [each.job_id for each in again(*history)] == [halves, character]


# Half of a surrogate pair, and two halves that JSON would take for one character, among others.
TEXTS = st.text(st.characters() | st.sampled_from("\ud800\udbff\udc00\udfff\x00\u2028"), max_size=6)
INTEGERS = st.integers(-(2**70), 2**70)
MISFITS = st.builds(Misfit, TEXTS, TEXTS)
FIT = st.builds(Delivered, TEXTS, TEXTS, TEXTS, st.binary(max_size=4), INTEGERS)
DELIVERED = FIT | st.builds(
    Delivered, TEXTS | MISFITS, MISFITS, TEXTS | MISFITS, st.binary(max_size=4) | MISFITS, INTEGERS | MISFITS
)
RECORDS = st.builds(
    JobRecord, st.sampled_from(["ready", "leased", "completed", "dead"]), st.none() | TEXTS, INTEGERS
)
METHODS: tuple[Method, ...] = get_args(Method)


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """Any operation that is possible by itself."""
    method = draw(st.sampled_from(METHODS))
    outcome = draw(st.sampled_from([OK, REJECTED, UNKNOWN]))
    invoked, took = draw(INTEGERS), draw(st.integers(0, 2**40))
    returned = draw(st.none() | st.just(invoked + took)) if outcome == UNKNOWN else invoked + took
    of_a_job = method in ("enqueue", "complete", "fail", "inspect")
    jobs: tuple[Delivered, ...] = ()
    value: Any = None
    if method == "enqueue":
        jobs = (draw(FIT),)
    elif method == "lease":
        value = draw(INTEGERS)
        jobs = tuple(draw(st.lists(DELIVERED, max_size=2))) if outcome == OK else ()
    elif method == "fail":
        value = draw(TEXTS)
    elif method == "inspect" and outcome == OK:
        value = draw(st.none() | RECORDS)
    job_id = draw(TEXTS if of_a_job else st.none() | TEXTS)
    return Operation(method, draw(INTEGERS), invoked, returned, outcome, job_id, value, jobs, draw(TEXTS))


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.lists(operations(), max_size=3))
def test_what_is_written_is_read(history: list[Operation]) -> None:
    """Every operation comes back as it was, one line each, in ASCII."""
    text = written(*history)
    assert text.isascii()
    assert text.count("\n") == len(history) + 1
    assert read(io.StringIO(text)) == history


def line(of: dict[str, Any], /, **changes: Any) -> str:
    """A line with some keys changed; `...` leaves one out."""
    return json.dumps({key: value for key, value in {**of, **changes}.items() if value is not ...})


def delivery(**changes: Any) -> str:
    """A line with a lease that delivered a job of which something is changed."""
    return line(LEASE, jobs=[json.loads(line(JOB, **changes))])


def inspection(record: object) -> str:
    """A line with an inspection that showed this."""
    return line(COMPLETE, method="inspect", value=record)


def enqueue(**changes: Any) -> str:
    """A line with an enqueue of a job of which something is changed."""
    return line(COMPLETE, method="enqueue", jobs=[json.loads(line(JOB, **changes))])


@pytest.mark.parametrize(
    ("text", "line", "seen"),
    [
        ("", 1, "an empty file"),
        ("[]", 1, "'[]'"),
        ('\n{"method": "kill"}', 2, """'{"method": "kill"}'"""),
        ('{"format": "jsonl", "version": 1}', 1, """'{"format": "jsonl", "version": 1}'"""),
    ],
)
def test_a_file_that_begins_otherwise_is_no_history(text: str, line: int, seen: str) -> None:
    """The error says which line should be there."""
    with pytest.raises(HistoryError) as caught:
        read(io.StringIO(text))
    assert str(caught.value) == f"line {line}: {seen}; a history begins with the line {HEADER}"


def test_a_file_of_another_version_is_not_read() -> None:
    """The error says which version is."""
    with pytest.raises(HistoryError, match=r"\Aline 1: version 2; this release reads version 1\Z"):
        read(io.StringIO(HEADER.replace("1", "2")))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("oops", "Expecting value: column 1 (char 0)"),
        ('{"a": 1', "Expecting ',' delimiter: column 8 (char 7)"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
    ],
    ids=["no-value", "no-end", "too-deep"],
)
def test_a_line_that_is_no_json_is_refused(text: str, problem: str) -> None:
    """It is shown in brief, with the place in it where it goes wrong."""
    with pytest.raises(HistoryError) as caught:
        read(io.StringIO(f"{HEADER}\n{text}\n"))
    shown = f"'{text}'" if len(text) < 60 else f"'{text[:56]}..."
    assert str(caught.value).startswith(f"line 2: {shown} is no JSON ({problem}")
    assert str(caught.value).endswith("; write one object a line")


NEEDED = "method, worker, invoked, returned, outcome"
KEYS = f"{NEEDED}, job_id, value, jobs, error"
OF_JOB = "id, kind, tenant_id, payload, attempts"
METHOD_NAMES = (
    "enqueue, lease, complete, fail, inspect, reopen, connect, disconnect, kill, mutate, handle, stop, cancel"
)
ONLY_JOBS = "only an enqueue and an ok lease have some"
ONLY_VALUE = "only a lease, a fail or an ok inspect has one"
NO_BYTE = (
    "has a character that stands for no byte; write each byte as the character of its number, "
    "\\u0000 to \\u00ff"
)
RECORD = {"state": "dead", "message": None, "attempts": 1}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("7", f"7 where an operation should be; write an object with {NEEDED}"),
        (line(LEASE, limit=3), f"an operation with the key 'limit'; its keys are {KEYS}"),
        (line(LEASE, worker=...), f"an operation without the key 'worker'; it needs {NEEDED}"),
        (line(LEASE, method="peek"), f"method 'peek' is none of {METHOD_NAMES}"),
        (line(LEASE, outcome=["ok"]), "outcome ['ok'] is none of ok, rejected, unknown"),
        (line(LEASE, worker="one"), "worker is 'one'; write a whole number"),
        (line(LEASE, invoked=1.5), "invoked is 1.5; write a whole number"),
        (line(LEASE, returned=True), "returned is True; write a whole number"),
        (line(LEASE, returned=4), "returned at 4, before it was invoked at 5; a call takes 0 ns or more"),
        (line(LEASE, returned=None), "outcome 'ok' without an instant in returned; only 'unknown' has none"),
        (line(LEASE, value="1"), "value of a lease, its limit, is '1'; write a whole number"),
        (line(LEASE, value=...), "value of a lease, its limit, is None; write a whole number"),
        (line(LEASE, error=5), "error is 5; write a text"),
        (line(LEASE, jobs="a"), "jobs is 'a'; write a list of jobs"),
        (line(LEASE, outcome="unknown", jobs=[JOB]), f"lease of outcome 'unknown' with jobs; {ONLY_JOBS}"),
        (line(LEASE, jobs=["a"]), f"'a' where a job should be; write an object with {OF_JOB}"),
        (delivery(id=7), "id is 7; write a text"),
        (delivery(id=[]), "id is []; write a text"),
        (delivery(kind=["a", 7]), "kind is ['a', 7]; write a text"),
        (delivery(id={"type": "int"}), "an attribute without the key 'text'; it needs type, text"),
        (delivery(payload="\u0100"), f"payload '\\u0100' {NO_BYTE}"),
        (line(COMPLETE, job_id=...), "complete without a job_id; write the id of the job"),
        (line(COMPLETE, job_id=7), "job_id is 7; write a text"),
        (line(COMPLETE, value=1), f"complete of outcome 'ok' with a value; {ONLY_VALUE}"),
        (line(COMPLETE, jobs=[JOB]), f"complete of outcome 'ok' with jobs; {ONLY_JOBS}"),
        (line(COMPLETE, method="fail"), "value of a fail, its message, is None; write a text"),
        (
            inspection("dead"),
            "'dead' where a record should be; write an object with state, message, attempts",
        ),
        (inspection({**RECORD, "state": "gone"}), "state 'gone' is none of ready, leased, completed, dead"),
        (inspection({**RECORD, "message": 1}), "message is 1; write a text"),
        (line(COMPLETE, method="enqueue"), "enqueue with 0 jobs; write the one that was given to it"),
        (enqueue(attempts="1"), "attempts is '1'; write a whole number"),
        (
            enqueue(payload={"type": "int", "text": "1"}),
            "payload is {'type': 'int', 'text': '1'}; write a text",
        ),
    ],
)
def test_a_line_that_is_no_operation_is_refused(text: str, problem: str) -> None:
    """The error names the line, what was seen there, and what is allowed."""
    with pytest.raises(HistoryError) as caught:
        read(io.StringIO(f"{HEADER}\n\n{line(COMPLETE)}\n{text}\n"))
    assert str(caught.value) == f"line 4: {problem}"
    assert isinstance(caught.value, ValueError)
