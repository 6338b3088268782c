"""The documentation says what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import CLAUSES

DOCS = Path(__file__).parents[2] / "docs"


def test_every_option_is_documented() -> None:
    """The page of options has a heading for each option of the plugin, and for no other."""
    asked = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, check=True, cwd=DOCS
    )
    options = set(re.findall(r"^  (--async-contract[a-z-]*)", asked.stdout, re.MULTILINE))
    assert "--async-contract" in options
    page = (DOCS / "reference" / "options.md").read_text()
    assert set(re.findall(r"^## `(--async-contract[a-z-]*)", page, re.MULTILINE)) == options


def test_no_page_uses_an_option_that_does_not_exist() -> None:
    """What a page tells to write on a command line is an option of the plugin."""
    options = re.findall(
        r"^## `(--async-contract[a-z-]*)", (DOCS / "reference" / "options.md").read_text(), re.MULTILINE
    )
    used = {
        (path.name, option)
        for path in DOCS.glob("*/*.md")
        for option in re.findall(r"(--async-contract[a-z-]*[a-z])", path.read_text())
    }
    assert {(path, option) for path, option in used if option not in options} == set()


def test_every_family_is_on_the_contract_page() -> None:
    """The page of the contract has the clauses of each family."""
    page = (DOCS / "contract.md").read_text()
    families = list(dict.fromkeys(clause.family for clause in CLAUSES))
    assert re.findall(r"^```\{clauses\} (\w+)$", page, re.MULTILINE) == families


def test_every_capability_is_explained_with_its_default() -> None:
    """The table of capabilities has each field of `Capabilities`, in order, with its default."""
    page = (DOCS / "explanation" / "contract-meaning.md").read_text()
    table = re.findall(r"^\| `(\w+)` \|.*\| `([^`]+)` \|$", page, re.MULTILINE)
    expected = [(field.name, repr(field.default).replace("'", '"')) for field in fields(Capabilities)]
    assert table == expected
