"""The options, the header, and what the plugin costs those who don't use it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from async_contract.contract.clauses import CLAUSES, STORE_CLAUSES
from tests.conftest import Example, Judged

ALL = len(STORE_CLAUSES)
TESTS = {"test_it.py": "def test_it(): pass"}


def test_importing_the_plugin_is_cheap() -> None:
    """It imports the standard library and pytest, and nothing that runs or waits."""
    script = """
import sys, pytest, async_contract
before = set(sys.modules)
import async_contract.plugin
print(sorted(name for name in set(sys.modules) - before if name.partition(".")[0] == "async_contract"))
print([name for name in ("asyncio", "hypothesis", "faker", "async_contract.harness") if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "['async_contract.plugin']\n[]\n"


def test_without_a_target_the_plugin_is_invisible(example: Example) -> None:
    """Neither the header nor the summary shows anything of it."""
    run = example.having(TESTS).run_pytest()
    assert (run.status, run.counts) == (0, {"passed": 1})
    assert not [line for line in run.text.splitlines() if "contract" in line.replace("async-contract-", "")]


def test_the_header_names_targets_version_and_effort(judged: Judged) -> None:
    """One line for all targets."""
    example = judged().having({"other.py": "from mypkg import Store"})
    run = example.run_pytest("--async-contract=mypkg.Store", "--co")
    assert "async-contract: mypkg.Store (contract 1, effort normal, seed 0)" in run.text.splitlines()
    targets = ("--async-contract=mypkg.Store", "--async-contract=other:Store")
    run = example.run_pytest(*targets, "--async-contract-effort=quick", "--co")
    assert (
        "async-contract: mypkg.Store, other:Store (contract 1, effort quick, seed 0)" in run.text.splitlines()
    )


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("effort=fast", "'fast' is no effort; write quick, normal or thorough"),
        ("timeout=soon", "'soon' is no time limit; write a number of seconds above 0, such as 60"),
        ("timeout=0", "'0' is no time limit; write a number of seconds above 0, such as 60"),
        ("timeout=inf", "'inf' is no time limit; write a number of seconds above 0, such as 60"),
        ("timeout=nan", "'nan' is no time limit; write a number of seconds above 0, such as 60"),
    ],
)
def test_a_bad_value_is_refused(example: Example, option: str, message: str) -> None:
    """The message says what to write, and pytest ends with the status of a usage error."""
    run = example.run_pytest("--async-contract=mypkg.Store", f"--async-contract-{option}")
    assert run.status == 4
    name = option.partition("=")[0]
    assert f"error: argument --async-contract-{name}: {message}" in run.text
    assert "Traceback" not in run.text


def test_only_needs_a_target(example: Example) -> None:
    """Without one there would be nothing to run, and no word why."""
    run = example.having(TESTS).run_pytest("--async-contract-only")
    assert run.status == 4
    assert run.text.strip() == (
        "ERROR: --async-contract-only leaves nothing to run without a target; write "
        "--async-contract=mypkg.Store too, or set async_contract = mypkg.Store in the configuration"
    )


def test_the_clauses_are_listed(example: Example) -> None:
    """Id, level and sentence of every clause, and nothing is run."""
    run = example.having(TESTS).run_pytest("--async-contract-list")
    lines = run.text.strip().splitlines()
    assert run.status == 0
    assert [line.split()[0] for line in lines] == [clause.id for clause in CLAUSES]
    assert lines[0].split(maxsplit=2) == ["lease/accepted", "MUST", CLAUSES[0].sentence]
    assert any(line.split(maxsplit=3)[1:3] == ["PROMISE", "fifo"] for line in lines)


def test_limits_reach_the_experiments(judged: Judged) -> None:
    """Effort, time limit, seed and the permission for stores that hold jobs are passed on."""
    script = judged().files["conftest.py"]
    printing = script.replace("said = dict", "print(_['limits'])\n    said = dict")
    example = judged().having({"conftest.py": printing})
    item = "async-contract/mypkg.Store::lease::known"
    run = example.run_pytest(item, "-s")
    assert "Limits(item=60.0, allow_nonempty=False, effort='normal', seed=0, until='')" in run.text
    options = ("effort=thorough", "timeout=2.5", "allow-nonempty")
    given = (*(f"--async-contract-{each}" for each in options), "--hypothesis-seed=7")
    run = example.run_pytest(item, "-s", *given)
    assert "Limits(item=2.5, allow_nonempty=True, effort='thorough', seed=7, until='')" in run.text
    word = example.run_pytest(item, "-s", "--hypothesis-seed=lucky")
    assert "effort='normal', seed=591410034, until='')" in word.text


@pytest.mark.parametrize(
    ("arguments", "collected"),
    [
        ([], ["test_it.py", "async-contract/other.Store"]),
        (["--async-contract-only"], ["async-contract/other.Store"]),
        (["test_it.py"], ["test_it.py"]),
        (["test_it.py", "--async-contract-only"], ["async-contract/other.Store"]),
        (["--async-contract=mypkg.Store"], ["test_it.py", "async-contract/mypkg.Store"]),
        (["async-contract/mypkg.Store::lease::known"], ["async-contract/mypkg.Store"]),
    ],
)
def test_the_setting_names_targets(example: Example, arguments: list[str], collected: list[str]) -> None:
    """Its targets are used where the command line names neither a target nor tests."""
    setting = {"pytest.ini": "[pytest]\nasync_contract = other.Store"}
    other = {"other.py": "from mypkg import Store"}
    run = example.having({**TESTS, **setting, **other}).run_pytest(*arguments, "--co", "-q")
    ids = [line for line in run.text.splitlines() if "::" in line]
    assert list(dict.fromkeys(each.partition("::")[0] for each in ids)) == collected


def test_the_invocation_directory_is_importable_once(judged: Judged) -> None:
    """It is put on `sys.path` for a target, unless it is there already, and taken away at the end."""
    telling = "import os, sys\nfrom mypkg import Store\nprint('found', sys.path.count(os.getcwd()))"
    example = judged().having({"sub/telling.py": telling, "sub/mypkg.py": judged().files["mypkg.py"]})
    before = list(sys.path)
    run = example.run_pytest("--async-contract=telling.Store", "--co", "-s", below="sub")
    assert "found 1" in run.text
    assert sys.path == before
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(example._pytester.path / "sub"))
        run = example.run_pytest("--async-contract=telling.Store", "--co", "-s", below="sub")
    assert "found 1" in run.text
