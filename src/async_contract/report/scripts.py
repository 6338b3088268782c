"""The scripts of a run: written where pytest keeps its cache, and run once before they are shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

LONGEST = 20.0
"""Seconds after which a script is not worth showing."""

_RESULT = re.compile(r"in (\d+) of (\d+) runs")


class Tried(NamedTuple):
    """A script that was run.

    Attributes:
        path: Where it is, as seen from where pytest was started.
        failed: In how many of its runs the clause was broken again.
        runs: How many runs it made.
        text: What stands in it.
    """

    path: str
    failed: int
    runs: int
    text: str = ""


def keep(config: pytest.Config, name: str, text: str) -> Tried | None:
    """Write a script and run it; `None` if there is no cache directory, or it shows nothing.

    Args:
        config: Of this run.
        name: What it shows: a target and a clause.
        text: The script.
    """
    if not text or not config.pluginmanager.hasplugin("cacheprovider"):
        return None
    assert config.cache is not None, "the plugin that makes it is there"
    file = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
    try:
        path = config.cache.mkdir("async-contract") / f"{file}.py"
        path.write_text(text, encoding="utf-8")
    except OSError:
        return None  # a project that nobody may write to
    tried = _tried(path, config.invocation_params.dir)
    return tried and tried._replace(text=text)


def _tried(path: Path, directory: Path) -> Tried | None:
    try:
        done = subprocess.run(  # noqa: S603 - a script that we wrote ourselves
            [sys.executable, str(path)], cwd=directory, capture_output=True, text=True, errors="replace",
            timeout=LONGEST, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    last = done.stdout.splitlines()[-1:] or [""]
    found = _RESULT.search(last[0])
    if found is None or found[1] == "0":
        return None
    return Tried(os.path.relpath(path, directory), int(found[1]), int(found[2]))
