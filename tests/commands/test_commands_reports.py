"""`report merge`, `report diff` and `report badge`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from async_contract.commands.main import main
from async_contract.contract.clauses import STORE_CLAUSES
from async_contract.report.document import dumps, loads
from async_contract.report.model import Report
from tests.report.reports import TARGET, broken, report, told

HALF = len(STORE_CLAUSES) // 2
FIRST = {clause.id: "" for clause in STORE_CLAUSES[HALF:]}
SECOND = {clause.id: "" for clause in STORE_CLAUSES[:HALF]}
SPENT = {
    "way": "in order",
    "programs": 1,
    "steps": 2,
    "schedules": 0,
    "distinct": 0,
    "seconds": 0.5,
    "ended": "",
    "label": "exact",
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _keep(**reports: Report) -> None:
    for name, each in reports.items():
        Path(f"{name}.json").write_text(dumps(each))


SEEN = {"fail of an unknown id": "ignored"}


def _spent(made: Report, capabilities: dict[str, object] | None = None) -> Report:
    (target,) = made.targets
    promised = target.capabilities if capabilities is None else capabilities
    return replace(made, targets=[replace(target, explored=[SPENT], observed=SEEN, capabilities=promised)])


def test_shards_are_joined(capsys: pytest.CaptureFixture[str]) -> None:
    """Only together do they have a grade; what one of them saw broken is told as it was there."""
    second = replace(report(SECOND), seeds=[0, 7], environment=[{"python": "2"}, {"python": "3"}])
    _keep(a=_spent(report({**FIRST, "lease/exclusive": "broken"}, told())), b=second)
    assert main(["report", "merge", "a.json", "b.json"]) == 0
    joined = loads(capsys.readouterr().out)
    expected = replace(_spent(broken()), seeds=[0, 7], environment=[{"python": "3"}, {"python": "2"}])
    assert replace(joined, tool_version="1.2.3") == expected
    _keep(a=report(FIRST), b=report(SECOND))
    assert main(["report", "merge", "a.json", "b.json", "--out=all.md", "--out=all.json"]) == 0
    assert capsys.readouterr().out == "mypkg.Store: keeps the contract strictly\n"
    assert (
        Path("all.md")
        .read_text()
        .startswith("# async-contract\n\n**mypkg.Store**: keeps the contract strictly\n")
    )
    assert main(["report", "merge", "a.json", "--out=one.md"]) == 0
    assert capsys.readouterr().out.startswith("mypkg.Store: incomplete: ")


def test_a_known_failure_is_joined_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Its reason is said once."""
    known = report({"lease/exclusive": "known"}, told())
    _keep(a=known)
    main(["report", "merge", "a.json"])
    assert replace(loads(capsys.readouterr().out), tool_version="1.2.3") == known


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            replace(report(SECOND), tool_version="2"),
            "differ in the version of pytest-async-contract: 1.2.3 and 2; join",
        ),
        (
            report(SECOND, strict=True),
            "differ in whether a SHOULD counts: False and True; join reports of one run",
        ),
        (
            _spent(report(SECOND), {"fifo": True}),
            "differ in the capabilities of mypkg.Store; join reports of one and the same store",
        ),
    ],
)
def test_what_is_not_one_run_is_not_joined(
    other: Report, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names both files."""
    _keep(a=report(FIRST), b=other)
    assert main(["report", "merge", "a.json", "b.json"]) == 2
    assert f"error: a.json and b.json {message}" in capsys.readouterr().err


def test_what_got_worse_and_better(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1 only on worse; a clause that is gone is worse."""
    _keep(old=report({"lease/order": "unexercised", "fail/ends": "broken"}), new=broken(), same=broken())
    assert main(["report", "diff", "old.json", "new.json"]) == 1
    assert capsys.readouterr().out == (
        "worse:\n"
        "  mypkg.Store lease/exclusive: held -> broken: job-1 was delivered twice.\n"
        "better:\n"
        "  mypkg.Store lease/order: unexercised -> held\n"
        "  mypkg.Store fail/ends: broken -> held\n"
    )
    assert main(["report", "diff", "new.json", "same.json"]) == 0
    assert capsys.readouterr().out == "nothing changed\n"
    _keep(fixed=report())
    assert main(["report", "diff", "new.json", "fixed.json"]) == 0
    assert capsys.readouterr().out == "better:\n  mypkg.Store lease/exclusive: broken -> held\n"
    _keep(other=report(target="other.Store"))
    assert main(["report", "diff", "fixed.json", "other.json"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert f"  {TARGET} lease/exclusive: held -> not run" in out[1 : out.index("better:")]


def test_a_badge() -> None:
    """As a picture, and as what shields.io reads."""
    _keep(good=report(), bad=broken())
    both = replace(
        report(), targets=[*report().targets, *report({"fail/unknown-reported": "broken"}).targets]
    )
    _keep(both=both)
    assert main(["report", "badge", "good.json", "it.svg"]) == 0
    picture = ET.fromstring(Path("it.svg").read_text())  # noqa: S314 - our own
    assert picture.get("aria-label") == "async-contract: keeps the contract strictly"
    for name, grade, colour in (("bad", "broken", "#b3261e"), ("both", "keeps the contract", "#1a6b35")):
        assert main(["report", "badge", f"{name}.json", "it.json"]) == 0
        assert json.loads(Path("it.json").read_text()) == {
            "schemaVersion": 1, "label": "async-contract", "message": grade, "color": colour,
        }  # fmt: skip


@pytest.mark.parametrize(
    "made",
    [
        report(FIRST), report({"lease/order": "skipped"}), report({"lease/order": "unexercised"}),
        replace(report(), stopped=True), report({**FIRST, "lease/exclusive": "broken"}),
    ],
)  # fmt: skip
def test_no_badge_of_a_run_that_is_not_complete(made: Report, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says how to get one."""
    _keep(it=made)
    assert main(["report", "badge", "it.json", "it.svg"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: it.json gives no badge: mypkg.Store has no grade of a complete run (")
    assert said.endswith("run the whole contract, or join the reports of its shards with report merge\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["diff", "a.json", "gone.json"], "gone.json can't be read: No such file or directory"),
        (["diff", "a.json", "bytes"], "bytes is no text in UTF-8; name a file that this package wrote"),
        (["merge", "bytes.md"], "bytes.md is no report: it is no JSON"),
        (
            ["merge", "a.json", "--out=a.txt"],
            "'a.txt' is no report; write a file that ends in .html, .json or .md",
        ),
        (["merge", "a.json", "--out=dir.md"], "dir.md can't be written: Is a directory"),
        (["badge", "a.json", "a.png"], "'a.png' is no badge; write a file that ends in .svg or .json"),
        (["badge", "a.json", "dir.svg"], "dir.svg can't be written: Is a directory"),
        (["badge", "none.json", "a.svg"], "none.json gives no badge: it has no target"),
    ],
)
def test_what_cannot_be_used_is_refused(
    command: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit status 2, and a message that says what to write."""
    _keep(a=report(), none=replace(report(), targets=[]))
    Path("bytes").write_bytes(b"\xff")
    Path("bytes.md").write_text("# hello")
    for name in ("dir.md", "dir.svg"):
        Path(name).mkdir()
    assert main(["report", *command]) == 2
    assert f"error: {message}" in capsys.readouterr().err
