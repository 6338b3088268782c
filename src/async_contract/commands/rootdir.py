"""Where a project begins, as pytest sees it: there lies its directory of examples."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path


def examples(directory: Path) -> Path:
    """The directory of the examples that a run of pytest from this directory replays."""
    storage = os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", root(directory) / ".hypothesis")
    return Path(storage, "examples")


def root(directory: Path) -> Path:
    """The directory in or above this one that pytest, started without arguments, calls the root."""
    around = (directory, *directory.parents)
    configured = (each for each in around if any(is_ours(each / name) for name, is_ours in _CONFIGS.items()))
    marked = (each for name in ("pyproject.toml", "setup.py") for each in around if (each / name).is_file())
    return next(configured, None) or next(marked, directory)


def _has(section: str) -> Callable[[Path], bool]:
    header = re.compile(rf"^\[{re.escape(section)}\]", re.MULTILINE)
    return lambda file: file.is_file() and header.search(file.read_text("utf-8", "replace")) is not None


def _has_table(file: Path) -> bool:
    try:
        return "pytest" in tomllib.loads(file.read_text("utf-8")).get("tool", {})
    except (OSError, ValueError):  # not there, or not TOML: pytest says so
        return False


_CONFIGS: Mapping[str, Callable[[Path], bool]] = {
    "pytest.ini": Path.is_file, ".pytest.ini": Path.is_file, "pyproject.toml": _has_table,
    "tox.ini": _has("pytest"), "setup.cfg": _has("tool:pytest"),
}  # fmt: skip
