"""`judge`: histories from anywhere."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from async_contract.commands.main import main
from async_contract.history.jsonl import as_object
from async_contract.history.operation import Delivered, Misfit, Operation
from async_contract.report.document import loads
from async_contract.store import JobRecord
from tests.report.reports import HISTORY

HEADER: dict[str, object] = {"format": "async-contract-history", "version": 1}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _keep(operations: tuple[Operation, ...], **header: object) -> None:
    lines = [{**HEADER, **header}, *map(as_object, operations)]
    Path("it.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_a_history_that_breaks_a_clause(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each clause, the story of what is broken, exit status 1, and a report with the timeline."""
    _keep(HISTORY, capabilities={"fifo": True})
    assert main(["judge", "it.jsonl", "--lease-timeout=1", "--report=it.json", "--report=it.html"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^lease/exclusive +broken +\d+$", out, re.MULTILINE)
    assert re.search(r"^durable/kill +not promised +the store does not promise durable", out, re.MULTILINE)
    assert "\n\nlease/exclusive is broken.\n\nThe contract says (MUST): " in out
    (target,) = loads(Path("it.json").read_text()).targets
    assert target.target == "it.jsonl"
    assert target.capabilities is not None
    assert (target.capabilities["lease_timeout"], target.capabilities["fifo"]) == (1, True)
    assert Path("it.html").exists()


def test_a_history_in_which_nothing_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, and no story."""
    _keep(HISTORY[:2])
    assert main(["judge", "it.jsonl"]) == 0
    assert "is broken" not in capsys.readouterr().out


def test_a_broken_should_counts_if_strict() -> None:
    """As in pytest."""
    _keep((*HISTORY[:2], Operation("complete", 0, 8000, 9000, job_id="who")))
    assert main(["judge", "it.jsonl"]) == 0
    assert main(["judge", "it.jsonl", "--strict"]) == 1


def test_options_go_before_the_file() -> None:
    """Yes, no, none, numbers and words."""
    _keep(HISTORY, capabilities={"fifo": True, "lease_timeout": 3, "max_attempts": 2})
    given = [
        "--fifo=no",
        "--lease-timeout=none",
        "--retry-delay=0.5",
        "--max-attempts=7",
        "--sharing=process",
    ]
    main(["judge", "it.jsonl", *given, "--report=it.json"])
    (target,) = loads(Path("it.json").read_text()).targets
    assert target.capabilities is not None
    names = ("fifo", "lease_timeout", "retry_delay", "max_attempts", "sharing")
    assert [target.capabilities[each] for each in names] == [False, None, 0.5, 7, "process"]


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        (
            {"capabilities": {"fast": 1}},
            [],
            "it.jsonl is no history: line 1: 'fast' is no capability; they are lease_",
        ),
        ({"capabilities": 3}, [], "line 1: capabilities is 3; write an object with their names"),
        ({"capabilities": {"fifo": 3}}, [], "line 1: fifo=3 is neither True nor False"),
        ({"more": 3}, [], "a history begins with the line"),
        ({}, ["--fifo=maybe"], "it.jsonl: fifo='maybe' is neither True nor False"),
        ({}, ["--report=it.txt"], "'it.txt' is no report; write a file that ends in .html, .json or .md"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    header: dict[str, object], options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit status 2, the line, and what is allowed."""
    _keep(HISTORY, **header)
    assert main(["judge", "it.jsonl", *options]) == 2
    assert message in capsys.readouterr().err


def test_what_is_no_history_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A key that nobody knows, an id that is enqueued twice, bytes, and a file that is not there."""
    _keep(())
    with Path("it.jsonl").open("a") as file:
        file.write(json.dumps({**as_object(HISTORY[0]), "when": 3}))
    assert main(["judge", "it.jsonl"]) == 2
    assert (
        "it.jsonl is no history: line 2: an operation with the key 'when'; its keys are"
        in capsys.readouterr().err
    )
    _keep((HISTORY[0], HISTORY[0]))
    assert main(["judge", "it.jsonl"]) == 2
    assert capsys.readouterr().err.startswith("error: it.jsonl: ")
    Path("it.jsonl").write_bytes(b"\xff")
    assert main(["judge", "it.jsonl"]) == 2
    assert "it.jsonl is no history: 'utf-8' codec can't decode" in capsys.readouterr().err
    assert main(["judge", "gone.jsonl"]) == 2
    assert capsys.readouterr().err == "error: gone.jsonl can't be read: No such file or directory\n"


def test_the_published_schema_takes_what_is_written() -> None:
    """So says a validator that shares nothing with the reader."""
    schema = json.loads(files("async_contract.history").joinpath("history.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    odd = Delivered(Misfit("float", "1.0"), "\ud83d\ude00", "", b"\xff", 1)
    operations = (
        *HISTORY,
        Operation("lease", 1, 0, 1, value=3, jobs=(odd,)),
        Operation("inspect", 1, 2, 3, job_id="a", value=JobRecord("dead", None, 2)),
        Operation("fail", 1, 4, None, "unknown", job_id="a", value="why", error="cancelled"),
    )
    for line in (HEADER, {**HEADER, "capabilities": {}}, *map(as_object, operations)):
        jsonschema.validate(line, schema)
    for line in ({**HEADER, "more": 1}, {**as_object(HISTORY[0]), "when": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(line, schema)
