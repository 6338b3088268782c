"""Where a project begins, as pytest sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from async_contract.commands.rootdir import examples, root
from tests.measuring import unmeasured

LAYOUTS: dict[str, dict[str, str]] = {
    "nothing": {},
    "an empty pytest.ini": {"pytest.ini": ""},
    "an empty .pytest.ini": {".pytest.ini": ""},
    "a table in pyproject.toml": {"pyproject.toml": "[tool.pytest.ini_options]\n"},
    "a pyproject.toml without one": {"pyproject.toml": "[project]\n"},
    "a tox.ini": {"tox.ini": "[tox]\n[pytest]\n"},
    "a tox.ini of something else": {"tox.ini": "[tox]\n"},
    "a setup.cfg": {"setup.cfg": "[tool:pytest]\n"},
    "a setup.py": {"setup.py": ""},
    "a setup.py above a pyproject.toml": {"setup.py": "", "sub/pyproject.toml": "[project]\n"},
    "a table above a pyproject.toml": {"pytest.ini": "", "sub/pyproject.toml": "[project]\n"},
    "the nearer of two": {"pytest.ini": "", "sub/pyproject.toml": "[tool.pytest.ini_options]\n"},
}


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS)
def test_it_is_the_directory_that_pytest_finds(files: dict[str, str], tmp_path: Path) -> None:
    """Whatever a project is configured with, and from wherever below it the command is given."""
    below = tmp_path / "sub" / "tests"
    below.mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    asked = (
        "import pytest, sys\n"
        "class Asking:\n"
        "    def pytest_report_header(self, config): print('root:', config.rootpath)\n"
        "pytest.main(['-p', 'no:cacheprovider', '--collect-only'], plugins=[Asking()])\n"
    )
    with unmeasured():
        bare = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        said = subprocess.run(
            [sys.executable, "-c", asked], cwd=below, env=bare, capture_output=True, text=True, check=True
        )
    assert f"root: {root(below)}" in said.stdout.splitlines()


def test_a_table_that_can_not_be_read_is_none(tmp_path: Path) -> None:
    """What pytest refuses to start with is passed over."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest")
    assert root(tmp_path) == tmp_path


def test_examples_lie_below_the_root_or_where_hypothesis_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment goes first, as in a run of pytest."""
    monkeypatch.delenv("HYPOTHESIS_STORAGE_DIRECTORY", raising=False)
    (tmp_path / "pytest.ini").touch()
    assert examples(tmp_path / "tests") == tmp_path / ".hypothesis" / "examples"
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(tmp_path / "kept"))
    assert examples(tmp_path) == tmp_path / "kept" / "examples"
