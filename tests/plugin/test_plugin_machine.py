"""A `StoreMachine` in a user's own test file, as the documentation shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Example

DOCS = Path(__file__).parents[2] / "docs" / "examples"
FEW = """
from hypothesis import settings

settings.register_profile(
    "few", max_examples=40, stateful_step_count=15, derandomize=True, database=None, print_blob=False
)
settings.load_profile("few")
"""
BROKEN = """lease/exclusive is broken.

The contract says (MUST): a job on lease is delivered to nobody until it is failed or its lease ends; \
opening or closing another connection ends no lease

What happened: worker 1 was given job-0, which was on lease to worker 1
"""
STEPS = """Failing test case: <state machine>
state = Machine()
state.enqueue(job=Job(id='job-0', kind='plain', tenant_id='plain', payload=b''))
state.lease("""


@pytest.fixture
def documented(example: Example) -> Example:
    """The subclass of the documentation, with few examples."""
    return example.having(
        {"conftest.py": FEW, "test_machine.py": (DOCS / "state_machine" / "test_machine.py").read_text()}
    )


def _store(name: str) -> dict[str, str]:
    return {"mypkg.py": (DOCS / "tutorial" / name / "mypkg.py").read_text()}


def test_a_store_that_keeps_the_contract(documented: Example) -> None:
    """The documented subclass passes."""
    run = documented.having(_store("fixed")).run_pytest(separate=True)
    assert (run.status, run.counts) == (0, {"passed": 1})


def test_a_broken_store_is_told_as_by_the_suite(documented: Example) -> None:
    """The clause, what happened, the diagram, and the steps that Hypothesis found; no line of ours."""
    run = documented.having(_store("broken")).run_pytest(separate=True)
    assert (run.status, run.counts) == (1, {"failed": 1})
    told = run.section("FAILURES")
    assert BROKEN in told
    assert "enqueue(job-0) -> ok" in told
    assert STEPS in told
    assert "Traceback" not in told
    assert "Explanation" not in told
    assert "test_machine.py::TestStore::runTest - lease/exclusive is broken" in run.text


def test_any_other_failure_is_left_to_pytest(documented: Example) -> None:
    """A rule of one's own that raises is shown as ever."""
    rule = "    def complete_everything(self):\n"
    wrong = documented.files["test_machine.py"].replace(rule, f"{rule}        raise OSError('mine')\n")
    run = documented.having({**_store("fixed"), "test_machine.py": wrong}).run_pytest(separate=True)
    assert (run.status, run.counts) == (1, {"failed": 1})
    assert "OSError: mine" in run.section("FAILURES")
