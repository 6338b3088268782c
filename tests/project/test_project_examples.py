"""The examples of the documentation run, and print what the pages show."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pytestmark = pytest.mark.usefixtures("unmeasured")

SHOWN = _load(DOCS / "shown.py")
EFFORT = "--async-contract-effort=quick"
TABLE = (
    "arguments/jobtable.py", "arguments/harnesses.py", "arguments/virtual.py",
    "receipts/receiptqueue.py", "receipts/adapter.py",
)  # fmt: skip


@pytest.mark.parametrize(("output", "command", "sources", "status"), SHOWN.SHOWN)
def test_an_example_prints_what_is_shown(
    output: str, command: str, sources: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    """If not, `python docs/shown.py` writes anew what they print."""
    shown = (DOCS / "examples" / output).read_text()
    exit_status, text = SHOWN.printed(command, sources, tmp_path)
    assert SHOWN.comparable(text) == SHOWN.comparable(shown)
    assert exit_status == status


@pytest.mark.parametrize(
    "target",
    [
        "harnesses:connect", "harnesses:connect_and_close", "harnesses:harness", "harnesses.JobTableHarness",
        "virtual:harness", "adapter.ReceiptQueueHarness",
    ],
)  # fmt: skip
def test_a_target_of_the_how_to_keeps_the_contract(target: str, tmp_path: Path) -> None:
    """A page that says how to reach a store shows a way that works."""
    status, text = SHOWN.printed(f"pytest --async-contract={target} {EFFORT}", TABLE, tmp_path)
    assert (status, text) == (0, text)


def test_every_example_is_run() -> None:
    """No file among the examples is one that no test runs."""
    run = {source for shown in SHOWN.SHOWN for source in (*shown.sources, shown.output)} | set(TABLE)
    examples = DOCS / "examples"
    assert {str(path.relative_to(examples)) for path in examples.rglob("*.*") if path.is_file()} == run
