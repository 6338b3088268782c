"""What stands in the repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("only a checkout knows which files are its own")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split("\0") if path]


def test_the_top_level_stays_small() -> None:
    """What a newcomer sees first is this and nothing else."""
    assert {path.partition("/")[0] for path in _tracked()} == {
        ".ci", ".gitignore", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "README.md", "benchmarks",
        "conftest.py", "contract_suites", "docs", "noxfile.py", "pyproject.toml", "src", "tests",
    }  # fmt: skip


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is the business of whoever installs them."""
    # In two parts each, or this file would name them.
    hosts = [b"pypi" + b".org", b"python" + b"hosted", b"npmjs" + b".", b"--index" + b"-url"]
    naming = [
        path
        for path in _tracked()
        if (ROOT / path).is_file() and any(host in (ROOT / path).read_bytes() for host in hosts)
    ]
    assert naming == []


def test_ci_is_executable() -> None:
    """`.ci/run` runs as it stands."""
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111 == 0o111
