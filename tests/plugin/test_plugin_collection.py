"""Which items there are, and that everything which selects, orders or distributes items sees them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from async_contract.contract.clauses import STORE_CLAUSES
from tests.conftest import Example, Judged

ALL = len(STORE_CLAUSES)
TARGET = "--async-contract=mypkg.Store"
IDS = [f"async-contract/mypkg.Store::{clause.family}::{clause.name}" for clause in STORE_CLAUSES]
TESTS = {"test_it.py": "def test_one(): pass\ndef test_two(): pass"}
LEASES = sum(clause.family == "lease" for clause in STORE_CLAUSES)


def _ids(text: str) -> list[str]:
    return [line for line in text.splitlines() if "::" in line]


def test_every_clause_is_an_item(example: Example) -> None:
    """Their ids are the target, the family and the name, in the catalogue's order."""
    run = example.run_pytest(TARGET, "--co", "-q")
    assert run.status == 0
    assert _ids(run.text) == IDS
    assert "async-contract =" not in run.text


def test_ordinary_tests_run_as_well(judged: Judged) -> None:
    """First those of the directory, then the contract; unless only that is wanted."""
    example = judged().having(TESTS)
    assert _ids(example.run_pytest(TARGET, "--co", "-q").text) == [
        "test_it.py::test_one",
        "test_it.py::test_two",
        *IDS,
    ]
    assert _ids(example.run_pytest(TARGET, "--co", "-q", "--async-contract-only").text) == IDS
    run = example.run_pytest(TARGET)
    assert (run.status, run.counts) == (0, {"passed": ALL + 2})


def test_two_targets(judged: Judged) -> None:
    """One after the other, each with a table of its own; one named twice is run once."""
    example = judged().having({"other.py": "from mypkg import Store"})
    run = example.run_pytest(TARGET, "--async-contract=other:Store", TARGET)
    assert (run.status, run.counts) == (0, {"passed": 2 * ALL})
    grades = [line for line in run.section("async-contract").splitlines() if "keeps" in line]
    assert grades == ["mypkg.Store: keeps the contract strictly", "other:Store: keeps the contract strictly"]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (["async-contract/mypkg.Store::lease::exclusive"], [IDS[5]]),
        ([TARGET, "async-contract/mypkg.Store::lease::exclusive"], [IDS[5]]),
        (["async-contract/mypkg.Store::lease"], IDS[:LEASES]),
        (["async-contract/mypkg.Store"], IDS),
        (["../async-contract/mypkg.Store::lease::known"], [IDS[2]]),
        (["./async-contract/mypkg.Store::lease::known"], [IDS[2]]),
        (["..\\async-contract\\mypkg.Store::lease::known"], [IDS[2]]),
        (
            ["async-contract/mypkg.Store::lease::empty", "async-contract/mypkg.Store::lease::known"],
            [IDS[2], IDS[9]],
        ),
        (["async-contract/mypkg:Store::lease::known"], ["async-contract/mypkg:Store::lease::known"]),
        (
            ["async-contract/mypkg.Store::lease::known", "test_it.py::test_two"],
            ["test_it.py::test_two", IDS[2]],
        ),
    ],
)
def test_a_pasted_id_runs(example: Example, asked: list[str], ids: list[str]) -> None:
    """A clause, a family or a target, as it was printed, with the option or without it."""
    run = example.having(TESTS).run_pytest(*asked, "--co", "-q")
    assert run.status == 0
    assert _ids(run.text) == ids


def test_an_id_narrows_only_its_own_target(example: Example) -> None:
    """Another target of the same command line runs as a whole."""
    run = example.having({"other.py": "from mypkg import Store"}).run_pytest(
        TARGET, "--async-contract=other.Store", IDS[2], "--co", "-q"
    )
    assert _ids(run.text) == [IDS[2], *(each.replace("mypkg", "other") for each in IDS)]


def test_a_directory_of_that_name_is_a_directory(judged: Judged) -> None:
    """Who has a directory `async-contract` can still run the tests in it."""
    run = (
        judged()
        .having({"async-contract/test_in.py": "def test_it(): pass"})
        .run_pytest("async-contract/test_in.py::test_it", "async-contract")
    )
    assert (run.status, run.counts) == (0, {"passed": 1})


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("lease::exclusiv", "did you mean lease::exclusive?"),
        ("leases", "did you mean lease?"),
        ("lease::known::more", "did you mean lease::known?"),
        ("xyz", "--async-contract-list prints the clauses"),
    ],
)
def test_an_id_of_no_clause_is_refused(example: Example, path: str, message: str) -> None:
    """The message names those that come near."""
    run = example.run_pytest(f"async-contract/mypkg.Store::{path}")
    assert run.status == 4
    assert run.text.strip() == (
        f"ERROR: {path!r}, asked for of mypkg.Store, is no clause of a store and no family of them; {message}"
    )


@pytest.mark.parametrize("distributed", [(), ("-n", "2")])
def test_a_target_that_cannot_be_used(example: Example, distributed: tuple[str, ...]) -> None:
    """One message, before anything is collected, and no traceback; also if the run is distributed."""
    run = example.having(TESTS).run_pytest("--async-contract=mypkg.Stor", *distributed)
    assert run.status == 4
    assert run.text.strip().startswith("ERROR: ")
    assert "mypkg.Stor" in run.text
    assert "Traceback" not in run.text
    assert "test session starts" not in run.text


@pytest.mark.parametrize(
    ("selection", "passed"),
    [
        (["-k", "exclusive"], 1),
        (["-k", "lease/exclusive or fail/ends"], 2),
        (["-k", "lease/ and not exclusive"], LEASES - 1),
        (["-k", "test_one"], 1),
        (["-m", "async_contract"], ALL),
        (["-m", "not async_contract"], 2),
        (["--deselect", IDS[0]], ALL + 1),
        (["--deselect", "async-contract/mypkg.Store::lease"], ALL - LEASES + 2),
    ],
)
def test_items_are_selected_as_others_are(judged: Judged, selection: list[str], passed: int) -> None:
    """By `-k`, `-m` and `--deselect`; and fewer clauses never give a grade."""
    run = judged().having(TESTS).run_pytest(TARGET, "--strict-markers", *selection)
    assert (run.status, run.counts) == (0, {"passed": passed, "deselected": ALL + 2 - passed})
    kept = "keeps the contract" in run.section("async-contract")
    assert kept is (selection == ["-m", "async_contract"])
    assert kept or "mypkg.Store: incomplete: " in run.section("async-contract")


def test_the_run_stops_at_the_first_failure(judged: Judged) -> None:
    """With `-x` what is broken is broken, and what is only incomplete has no grade."""
    run = judged(lease__known={"verdict": "broken"}).run_pytest(TARGET, "-x")
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": 2})
    assert "mypkg.Store: broken\n" in run.section("async-contract")
    run = judged(lease__known={"verdict": "error", "reason": "hung"}).run_pytest(TARGET, "-x")
    assert (
        f"mypkg.Store: incomplete: {ALL - 3} of {ALL} clauses not run, the run stopped early "
        f"(lease/within-limit, lease/distinct, lease/exclusive and {ALL - 6} more); "
        f"1 of {ALL} clauses in error (lease/known)\n"
    ) in run.section("async-contract")


def test_an_interrupted_run_has_no_grade(judged: Judged) -> None:
    """After Ctrl-C the clauses that did not run say so."""
    run = judged(lease__known={"raises": "KeyboardInterrupt()"}).run_pytest(TARGET, separate=True)
    assert run.status == 2
    assert f"incomplete: {ALL - 2} of {ALL} clauses not run, the run stopped early" in run.section(
        "async-contract"
    )


def test_nothing_is_selected(judged: Judged) -> None:
    """A target has its line even if none of its clauses ran; it stopped early only if it did."""
    run = judged().run_pytest(TARGET, "-k", "nothing_like_it")
    assert run.status == 5
    assert f"mypkg.Store: incomplete: {ALL} of {ALL} clauses not selected (" in run.section("async-contract")
    run = judged().having({"test_it.py": "import missing"}).run_pytest(TARGET)
    assert run.status == 2
    assert f"{ALL} of {ALL} clauses not run, the run stopped early (" in run.section("async-contract")


def test_a_worker_crashes(judged: Judged) -> None:
    """The clause in which it crashed is in error; the others run in the next worker."""
    run = judged(lease__known={"raises": "__import__('os')._exit(7)"}).run_pytest(TARGET, "-n", "1")
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1})
    assert "lease/known                       error     its worker crashed" in run.text
    assert f"mypkg.Store: incomplete: 1 of {ALL} clauses in error (lease/known)" in run.text


def test_failures_run_again(judged: Judged) -> None:
    """`--lf` runs what failed last, `--ff` runs it first; neither gives a better grade."""
    broken = judged(lease__known={"verdict": "broken"}, fail__ends={"verdict": "broken"}).having(TESTS)
    broken.run_pytest(TARGET, cache=True)
    run = judged().having(TESTS).run_pytest(TARGET, "--ff", "-v", cache=True)
    first = [line.split()[0] for line in run.text.splitlines() if {"HELD", "PASSED"} & set(line.split())][:3]
    assert first == [IDS[2], "async-contract/mypkg.Store::fail::ends", "test_it.py::test_one"]
    broken.run_pytest(TARGET, cache=True)
    run = judged().having(TESTS).run_pytest(TARGET, "--lf", cache=True)
    assert (run.status, run.counts) == (0, {"passed": 2, "deselected": ALL})
    assert f"incomplete: {ALL - 2} of {ALL} clauses not selected" in run.section("async-contract")


def test_a_distributed_run(judged: Judged) -> None:
    """Every worker collects the same items, and the table and the exit status are those of one process."""
    example = judged(lease__known={"verdict": "broken"}, fail__ends={"others": ["lease/empty"]}).having(TESTS)
    run = example.run_pytest(TARGET, "-n", "2", "-p", "no:cacheprovider")
    assert (run.status, run.counts) == (1, {"failed": 2, "passed": ALL})
    assert run.section("async-contract") == example.run_pytest(TARGET).section("async-contract")
    assert "INTERNALERROR" not in run.text


ONLY_ONCE = """
import pathlib
from mypkg import Store

pathlib.Path("imported").mkdir()
"""


def test_a_target_that_only_a_worker_cannot_load(judged: Judged) -> None:
    """It is an error of collection there: a usage error in a worker looks like a crash."""
    run = judged().having({"odd.py": ONLY_ONCE}).run_pytest("--async-contract=odd.Store", "-n", "1")
    assert run.status == 1
    assert "FileExistsError" in run.text
    assert "ERROR async-contract/odd.Store" in run.text
    assert f"odd.Store: incomplete: {ALL} of {ALL} clauses not" in run.section("async-contract")


def test_random_order(judged: Judged) -> None:
    """A plugin that shuffles items shuffles these."""
    pytest.importorskip("pytest_randomly")
    run = judged().run_pytest(TARGET, "-p", "randomly", "-p", "no:xdist", "-v")
    order = [line.split()[0] for line in run.text.splitlines() if {"HELD", "PASSED"} & set(line.split())]
    assert sorted(order) == sorted(IDS)
    assert run.status == 0


def test_junit(judged: Judged, pytester: pytest.Pytester) -> None:
    """Every test case has its clause, its verdict and its count among the properties."""
    example = judged(
        lease__known={"verdict": "broken"}, fail__ends={"verdict": "not promised", "reason": "no promise"}
    )
    example.run_pytest(TARGET, "--junitxml=report.xml")
    cases = ET.parse(Path(pytester.path, "report.xml")).findall("testsuite/testcase")  # noqa: S314 - our own
    found = {f"{case.get('classname')}.{case.get('name')}": case for case in cases}
    assert list(found) == [each.replace("/", ".", 1).replace("::", ".") for each in IDS]
    case = found["async-contract.mypkg.Store.lease.known"]
    assert {each.get("name"): each.get("value") for each in case.findall("properties/property")} == {
        "async_contract_target": "mypkg.Store",
        "async_contract_clause": "lease/known",
        "async_contract_verdict": "broken",
        "async_contract_count": "5",
    }
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "lease/known is broken: job-1 went wrong in lease/known."
    assert failure.text
    assert failure.text.startswith("lease/known is broken.\n\nThe contract says (MUST):")
    skipped = found["async-contract.mypkg.Store.fail.ends"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "not promised: no promise"


def test_started_below_the_root(judged: Judged) -> None:
    """The store is found where pytest was started, and the ids that are printed run from there."""
    example = judged(lease__known={"verdict": "broken"}).having(
        {"pytest.ini": "[pytest]", "sub/mypkg.py": judged().files["mypkg.py"]}
    )
    run = example.run_pytest(TARGET, below="sub")
    found = re.search(r"^FAILED (\S+)", run.text, re.MULTILINE)
    assert found
    again = example.run_pytest(found[1], below="sub")
    assert (again.status, again.counts) == (1, {"failed": 1})
