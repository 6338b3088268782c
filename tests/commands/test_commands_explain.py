"""`explain`: a clause, its reason, something that breaks it, and how to mend that."""

from __future__ import annotations

import subprocess
import sys

import pytest

from async_contract.commands.main import main
from async_contract.contract.clauses import CLAUSES, STORE_CLAUSES
from async_contract.contract.reasons import REASONS


def test_every_clause_has_its_reason() -> None:
    """And no other."""
    assert list(REASONS) == [clause.id for clause in CLAUSES]


def test_every_clause_of_a_store_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """With a store that breaks it."""
    for clause in STORE_CLAUSES:
        assert main(["explain", clause.id]) == 0
        said = capsys.readouterr().out
        assert f'breaks = "{clause.id}"' in said
        assert said.startswith(f"{clause.id} ({clause.level}")


@pytest.mark.parametrize(
    ("clause", "noun", "begins"),
    [
        ("label/bounded", "function", "def cuts_one_late("),
        ("message/total", "function", "def "),
        ("runner/fails", "runner", "class FailsTwice("),
    ],
)
def test_a_clause_of_something_else_is_explained(
    clause: str, noun: str, begins: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a function or a runner that breaks it."""
    assert main(["explain", clause]) == 0
    told = f"A {noun} that breaks it, of those that come with this package:\n\n    {begins}"
    assert told in capsys.readouterr().out


def test_every_clause_has_something_that_breaks_it(capsys: pytest.CaptureFixture[str]) -> None:
    """None is without an example."""
    for clause in CLAUSES:
        assert main(["explain", clause.id]) == 0
        assert "that breaks it, of those that come with this package" in capsys.readouterr().out


def test_a_clause_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the one that was meant, if any is near."""
    assert main(["explain", "lease/exclusiv"]) == 2
    assert capsys.readouterr().err == "error: 'lease/exclusiv' is no clause; did you mean lease/exclusive?\n"
    assert main(["explain", "x"]) == 2
    assert (
        capsys.readouterr().err == "error: 'x' is no clause; pytest --async-contract-list prints them all\n"
    )


def test_the_module_is_a_command() -> None:
    """It says which commands there are, and refuses anything else."""
    command = [sys.executable, "-m", "async_contract"]
    told = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    assert [each for each in ("report", "judge", "explain") if each in told] == ["report", "judge", "explain"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
