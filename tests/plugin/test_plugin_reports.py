"""The reports of a run: the files that were asked for, and GitHub's summary of a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from async_contract.contract.clauses import STORE_CLAUSES
from async_contract.experiments.cases import Case
from async_contract.report.document import schema
from tests.conftest import Example, Judged

TARGET = "--async-contract=mypkg.Store"
BROKEN: dict[str, dict[str, object]] = {
    "lease__exclusive": {"verdict": "broken", "others": ["lease/known"]},
    "fail__unknown_reported": {"verdict": "broken"},
    "lease__order": {"verdict": "unexercised", "count": 0, "reason": "no order"},
}


@pytest.fixture(autouse=True)
def _no_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_reports_are_written_and_named(judged: Judged, pytester: pytest.Pytester) -> None:
    """Each in the form that its name says, in directories that need not be there."""
    options = [f"--async-contract-report=out/it.{form}" for form in ("json", "md", "HTML")]
    run = judged(**BROKEN).run_pytest(TARGET, *options)
    assert run.status == 1
    assert [line for line in run.text.splitlines() if line.startswith("report: ")] == [
        "report: out/it.json", "report: out/it.md", "report: out/it.HTML",
    ]  # fmt: skip
    written = _read(pytester.path / "out" / "it.json")
    jsonschema.validate(written, schema())
    assert list(written["environment"][0]) == ["effort", "python", "platform", "pytest", "hypothesis"]
    (target,) = written["targets"]
    assert (target["grade"], target["capabilities"]["sharing"]) == ("broken", "instance")
    clauses = {each["id"]: each for each in target["clauses"]}
    assert list(clauses) == [clause.id for clause in STORE_CLAUSES]
    broken = clauses["lease/exclusive"]
    assert broken["message"] == "job-1 went wrong in lease/exclusive."
    assert broken["reproduce"].startswith("pytest --async-contract-reproduce=1.lease/exclusive.example")
    assert [each["method"] for each in broken["witness"]] == ["enqueue", "lease", "lease"]
    assert clauses["lease/known"]["message"] == "job-1 went wrong in lease/known."
    assert clauses["fail/unknown-reported"]["verdict"] == "broken"
    assert (clauses["lease/order"]["verdict"], clauses["lease/order"]["message"]) == (
        "unexercised",
        "no order",
    )
    assert (
        (pytester.path / "out" / "it.md")
        .read_text()
        .startswith("# async-contract\n\n**mypkg.Store**: broken\n")
    )
    assert (pytester.path / "out" / "it.HTML").read_text().startswith("<!doctype html>")


FIRST = "async-contract/async_contract.MemoryStore::lease::accepted"


def test_what_a_store_does_where_it_is_free_is_told(example: Example, pytester: pytest.Pytester) -> None:
    """In reports whole, in the summary whole if that is verbose, and else what could be promised."""
    run = example.run_pytest(FIRST, "-v", "--async-contract-report=it.json")
    section = run.section("async-contract")
    promise = "  seems to keep what it does not promise: fifo=True, counts_attempts=True, redelivers=True\n"
    assert (
        "  observed fail of an unknown id: rejected\n  observed attempts of a first delivery: 1\n" in section
    )
    assert promise in section
    (target,) = _read(pytester.path / "it.json")["targets"]
    assert target["observed"]["attempts of a first delivery"] == "1"
    assert promise in example.run_pytest(FIRST).section("async-contract")


TOKEN = f"--async-contract-reproduce={Case('lease/accepted').token}"


@pytest.mark.parametrize("arguments", [[FIRST.replace("accepted", "known")], [FIRST, TOKEN]])
def test_nothing_is_observed_where_something_else_was_asked_for(
    arguments: list[str], example: Example, pytester: pytest.Pytester
) -> None:
    """It takes the store some time."""
    example.run_pytest(*arguments, "--async-contract-report=it.json")
    (target,) = _read(pytester.path / "it.json")["targets"]
    assert target["observed"] == {}


def test_a_distributed_run_reports_the_same(judged: Judged, pytester: pytest.Pytester) -> None:
    """Whatever travels is the same, down to the bytes."""
    example = judged(**BROKEN)
    for name, options in (("one", []), ("two", ["-n2"])):
        example.run_pytest(TARGET, f"--async-contract-report={name}.json", *options)
    one, two = ((pytester.path / f"{name}.json").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_script_stands_in_the_report(example: Example, pytester: pytest.Pytester) -> None:
    """As it was run; a file of its own would be somewhere else."""
    keeps = "class Store:\n    def __init__(self): self.jobs = []\n"
    keeps += "    def enqueue(self, job): self.jobs.append(job)\n"
    keeps += "    def lease(self, limit): return self.jobs[:max(limit, 0)]\n"
    keeps += "    def complete(self, id): self.jobs = [job for job in self.jobs if job.id != id]\n"
    keeps += "    def fail(self, id, message): pass\n"
    example = example.having({"keeping.py": keeps})
    item = "async-contract/keeping.Store::lease::exclusive"
    example.run_pytest(item, "--async-contract-report=it.json", "--async-contract-effort=quick", cache=True)
    clauses = {each["id"]: each for each in _read(pytester.path / "it.json")["targets"][0]["clauses"]}
    script = clauses["lease/exclusive"]["script"]
    assert "from keeping import Store" in script
    assert clauses["lease/known"]["verdict"] == "not run"


def test_a_form_that_is_unknown_is_refused(example: Example) -> None:
    """With the forms there are, and the exit status of a usage error."""
    run = example.run_pytest(TARGET, "--async-contract-report=out.txt")
    assert run.status == 4
    problem = "'out.txt' is no report; write a file that ends in .html, .json or .md"
    assert f"error: argument --async-contract-report: {problem}" in run.text


def test_a_report_that_cannot_be_written_fails_the_run(judged: Judged, pytester: pytest.Pytester) -> None:
    """Nobody takes an old file for a new one; a run that failed anyway keeps its status."""
    (pytester.path / "taken.md").mkdir()
    run = judged().run_pytest(TARGET, "--async-contract-report=taken.md")
    assert run.status == 1
    problem = "no report: taken.md can't be written: Is a directory; name a file in a directory of your own"
    assert problem in run.section("async-contract").splitlines()
    (pytester.path / "test_it.py").write_text(
        "import pytest\n\ndef test_it(): pytest.exit('enough', returncode=3)"
    )
    assert judged().run_pytest(TARGET, "test_it.py", "--async-contract-report=taken.md").status == 3


def test_the_summary_of_a_step(
    judged: Judged, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is added to what stands there; one that can't be written fails the run."""
    summary = pytester.path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert judged().run_pytest(TARGET).status == 0
    assert summary.read_text().startswith(
        "before\n# async-contract\n\n**mypkg.Store**: keeps the contract strictly\n"
    )
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path))
    run = judged().run_pytest(TARGET)
    assert run.status == 1
    assert f"no report: GITHUB_STEP_SUMMARY names {pytester.path}, which can't be written" in run.text


def test_a_run_that_only_collects_reports_nothing(judged: Judged, pytester: pytest.Pytester) -> None:
    """There are no verdicts in it."""
    judged().run_pytest(TARGET, "--collect-only", "--async-contract-report=it.md")
    assert not (pytester.path / "it.md").exists()


def test_junit_has_the_verdict_but_no_history(judged: Judged, pytester: pytest.Pytester) -> None:
    """Clause, verdict and count are properties; what reports are made of is none."""
    judged(**BROKEN).run_pytest(TARGET, "--junitxml=it.xml")
    text = (pytester.path / "it.xml").read_text()
    for name, value in (("clause", "lease/exclusive"), ("verdict", "broken"), ("count", "5")):
        assert f'<property name="async_contract_{name}" value="{value}"' in text
    assert "invoked" not in text


def test_a_store_that_delivers_numbers_for_ids_is_reported_like_any_other(pytester: pytest.Pytester) -> None:
    """The workers get back to it with what they were given, and so there are numbers in what is reported."""
    pytester.makepyfile(
        mypkg="""
        from async_contract.mutants.zoo import MUTANTS

        harness = next(each.harness for each in MUTANTS if each.name == "delivers-row-numbers")
        """
    )
    options = ["--async-contract=mypkg:harness", "--async-contract-report=it.json", "-k", "well-formed"]
    run = pytester.runpytest_subprocess(*options)
    run.assert_outcomes(failed=1, deselected=len(STORE_CLAUSES) - 1)
    (target,) = _read(pytester.path / "it.json")["targets"]
    verdicts = {each["id"]: each["verdict"] for each in target["clauses"] if each["verdict"] != "not run"}
    assert verdicts == {"lease/well-formed": "broken", "lease/progress": "broken"}
