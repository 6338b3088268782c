"""The suites are what they are said to be, and the page *Conformance* is what the matrix says."""

from __future__ import annotations

import ast
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from async_contract.contract.clauses import CLAUSE
from async_contract.harness.target import load
from contract_suites import matrix
from contract_suites.page import page
from contract_suites.suites import ROOT, SCRIPTS, Suite, left_out, suites

SUITES = suites()
LIBRARIES = [each for each in SUITES if each.library]
SCRIPT = sorted(SCRIPTS.glob("*.py"))


def test_suites_have_names_of_their_own() -> None:
    """Those that were written here are asked in CI, but for one like another, and one without a wheel."""
    assert len({each.id for each in SUITES}) == len(SUITES)
    assert [each.id for each in SUITES if not (each.library or each.ci)] == ["valkey-streams", "beanstalkd"]
    assert len([each for each in LIBRARIES if each.ci]) == 3


@pytest.mark.parametrize("suite", SUITES, ids=lambda each: each.id)
def test_a_harness_can_be_found_without_its_library(suite: Suite) -> None:
    """What is not installed is said by the items, which are skipped."""
    assert load(suite.target).found_as == suite.target
    assert suite.installs[: len(suite.requirements)] == suite.requirements
    assert len(suite.installs) == len(suite.requirements) + (suite.server not in ("", "beanstalkd"))


@pytest.mark.parametrize("suite", LIBRARIES, ids=lambda each: each.id)
def test_what_a_library_breaks_is_shown_by_a_script(suite: Suite) -> None:
    """For each library that breaks what every store must keep, or what it promises, there is one."""
    broken = [each for each in load(suite.target).known_failures if CLAUSE[each].level != "SHOULD"]
    assert not broken or [each for each in broken if suite.script(each).is_file()]


def test_every_script_shows_what_is_excused_or_left_out() -> None:
    """None is left over."""
    wanted = {suite.script(clause) for suite in SUITES for clause in load(suite.target).known_failures}
    wanted |= {SCRIPTS / f"{name}.py" for each in left_out() for name in each.scripts}
    assert set(SCRIPT) <= wanted
    assert all((SCRIPTS / f"{name}.py").is_file() for each in left_out() for name in each.scripts)


@pytest.mark.parametrize("script", SCRIPT, ids=lambda each: each.stem)
def test_a_script_is_short_and_needs_only_the_library(script: Path) -> None:
    """At most 40 lines, and nothing of this project."""
    text = script.read_text("utf-8")
    assert len(text.splitlines()) <= 40
    modules = {each.module or "" for each in ast.walk(ast.parse(text)) if isinstance(each, ast.ImportFrom)}
    modules |= {
        n.name for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Import) for n in each.names
    }
    assert not [each for each in modules if each.startswith(("async_contract", "contract_suites", "pytest"))]


# -- what is gathered ------------------------------------------------------------------------------

CLAUSES = [
    {"id": "lease/accepted", "level": "MUST", "verdict": "held", "count": 7, "message": "", "diagram": ""},
    {
        "id": "fail/after-complete", "level": "MUST", "verdict": "known", "count": 2,
        "message": "nack brings it back: 1 was given", "diagram": "ms  worker 1\n 0  lease(1) -> 1",
    },
    {
        "id": "lease/order", "level": "PROMISE", "verdict": "not promised", "count": 0,
        "message": "", "diagram": "",
    },
    {
        "id": "lease/empty", "level": "MUST", "verdict": "unexercised", "count": 1,
        "message": "few", "diagram": "",
    },
]  # fmt: skip


def report(**more: Any) -> dict[str, Any]:
    """A report as a run writes it, as far as it is read."""
    target = {"grade": "broken (known: 1)", "capabilities": {}, "observed": {}, "clauses": CLAUSES, **more}
    return {
        "tool_version": "0.1.0", "contract_version": 1, "targets": [target], "seeds": [3],
        "environment": [{"python": "CPython 3.13.0"}],
    }  # fmt: skip


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A directory with the reports of two suites."""
    for name, library in (("memory", "pytest"), ("persist-queue", "persist-queue")):
        more = {"observed": {"a late complete": "ignored"}} if name == "memory" else {}
        tmp_path.joinpath(f"{name}.json").write_text(json.dumps(report(**more)), "utf-8")
        tmp_path.joinpath(f"{name}.versions.json").write_text(json.dumps({library: "1.1.0"}), "utf-8")
    return tmp_path


def test_what_the_runs_have_found_is_gathered(reports: Path) -> None:
    """Suites that were not run are left out; only what is broken has its story and its script."""
    data = matrix.gathered(reports)
    assert [each["id"] for each in data["suites"]] == ["memory", "persist-queue"]
    assert data["suites"][1] == {
        "id": "persist-queue", "target": "contract_suites.libraries.persistqueue:harness",
        "library": "persist-queue", "engine": "SQLite", "versions": {"persist-queue": "1.1.0"},
        "grade": "broken (known: 1)", "seeds": [3], "environment": [{"python": "CPython 3.13.0"}],
        "capabilities": {}, "observed": {},
        "clauses": [
            {"id": "lease/accepted", "level": "MUST", "verdict": "held", "count": 7, "message": ""},
            {
                **CLAUSES[1],
                "script": "contract_suites/libraries/scripts/persist_queue_fail_after_complete.py",
            },
            {"id": "lease/order", "level": "PROMISE", "verdict": "not promised", "count": 0, "message": ""},
            {"id": "lease/empty", "level": "MUST", "verdict": "unexercised", "count": 1, "message": "few"},
        ],
    }  # fmt: skip
    assert data["suites"][0]["clauses"][1]["script"] == ""


def test_the_page_shows_what_was_gathered(reports: Path) -> None:
    """The releases, every clause with its count, the story of what is broken, and its script."""
    text = page(matrix.gathered(reports))
    figures = "| 1 | 1 | 1 | 1 | 3 | CPython 3.13.0 |"
    for line in (
        f"| [memory](#conformance-memory) | written here | memory {figures}",
        f"| [persist-queue](#conformance-persist-queue) | persist-queue 1.1.0 | SQLite {figures}",
        "### On SQLite",
        "| clause | persist-queue |",
        "| {clause}`lease/accepted` | ✓ 7 |",
        "| {clause}`fail/after-complete` | **✗** 2 |",
        "| {clause}`lease/order` | - |",
        "| {clause}`lease/empty` | ? 1 |",
        "- {clause}`fail/after-complete` (MUST): nack brings it back: 1 was given.",
        "   0  lease(1) -> 1",
        "  ```{literalinclude} ../../contract_suites/libraries/scripts/persist_queue_fail_after_complete.py",
        "### Seen on memory",
        "| what | memory |",
        "| a late complete | ignored |",
    ):
        assert f"\n{line}\n" in text
    assert text.count("### Seen on") == 1


def test_what_was_shown_is_no_markup(reports: Path) -> None:
    """An id of a library may look like markup."""
    clauses = [{**CLAUSES[1], "message": "worker 1 was given 17_<built-in>*"}]
    reports.joinpath("memory.json").write_text(json.dumps(report(clauses=clauses)), "utf-8")
    assert r"worker 1 was given 17\_\<built-in\>\*." in page(matrix.gathered(reports))


def test_the_versions_of_what_is_installed_are_noted(tmp_path: Path) -> None:
    """Without the extras; what is missing has none."""
    suite = Suite("a", "a:b", "memory", requirements=["pytest[dev]", "no-such-package"])
    matrix.note(suite, tmp_path)
    found = json.loads(tmp_path.joinpath("a.versions.json").read_text("utf-8"))
    assert found == {"pytest": version("pytest"), "no-such-package": ""}


def test_the_commands_note_and_write(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anything else is answered with how it is done."""
    monkeypatch.setattr(matrix, "DATA", reports / "data.json")
    monkeypatch.setattr(matrix, "PAGE", reports / "page.md")
    assert matrix.main(["note", "memory", str(reports)]) == 0
    assert json.loads(reports.joinpath("memory.versions.json").read_text("utf-8")) == {}
    assert matrix.main(["write", str(reports)]) == 0
    data = json.loads(reports.joinpath("data.json").read_text("utf-8"))
    assert data == matrix.gathered(reports)
    assert reports.joinpath("page.md").read_text("utf-8") == page(data)
    assert matrix.main(["read"]) == 2
    assert "python -m contract_suites.matrix write DIRECTORY" in capsys.readouterr().err


def test_the_page_in_the_documentation_is_that_of_its_data() -> None:
    """Every suite stands there, and everything broken is excused by its harness, if it is no SHOULD."""
    data = json.loads(matrix.DATA.read_text("utf-8"))
    assert matrix.PAGE.read_text("utf-8") == page(data)
    assert [each["id"] for each in data["suites"]] == [each.id for each in SUITES]
    for entry in data["suites"]:
        known = load(entry["target"]).known_failures
        broken = [each for each in entry["clauses"] if each["verdict"] in ("broken", "known")]
        assert {each["id"] for each in broken if each["level"] != "SHOULD"} <= known.keys()
        assert all((ROOT.parent / each["script"]).exists() for each in broken)
        assert not [each["id"] for each in entry["clauses"] if each["verdict"] in ("error", "not run")]
