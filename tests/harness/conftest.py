"""What the tests of the harness share: a sandbox, and modules that live for one test."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import async_contract
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox

Write = Callable[[str, str], Path]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """A sandbox in virtual time."""
    return Sandbox("ac_test", tmp_path / "sandbox", virtual=True)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a file into the directory where pytest was started, as it seems, which is importable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(async_contract, "StoreHarness", StoreHarness, raising=False)

    def write(name: str, source: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source).lstrip("\n"))
        return path

    yield write
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]
