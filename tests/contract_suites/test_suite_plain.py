"""Stores of plain functions on real servers, ordered statement by statement."""

from __future__ import annotations

import re
import shlex
import signal

import pytest

from async_contract.experiments.bench import Settings
from async_contract.experiments.cases import case_of, read
from async_contract.experiments.findings import Exploration
from async_contract.experiments.scheduled import Effort
from async_contract.experiments.thread_gate import StatementStage
from async_contract.experiments.verify import verify
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import Label
from contract_suites.servers import postgres, valkey
from tests.conftest import Example
from tests.contract_suites.plain_stores import BROKEN, CORRECT

CLAUSE = "lease/exclusive"
pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="the keeper is written for POSIX systems"
)


@pytest.fixture(autouse=True)
def servers() -> None:
    """The servers, started before anything is explored; skipped where one is not installed."""
    postgres.url()
    valkey.url()


def explored(harness: StoreHarness, sandboxes: Sandboxes, until: str = "") -> Exploration:
    """What programs in threads show of a store."""
    effort = Effort(programs=4, schedules=12, seconds=300.0, tries=60, patience=300.0, until=until)
    return StatementStage(harness, sandboxes, Settings()).explore(effort, 0)


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_store_is_blamed_for_nothing(name: str) -> None:
    """Whether its workers pass over what others have locked, wait for them, or try again."""
    with Sandboxes() as sandboxes:
        done = explored(CORRECT[name], sandboxes)
    assert (done.findings, done.left, done.stopped, done.programs) == ({}, "", "", 4)


@pytest.mark.parametrize("name", BROKEN)
def test_a_look_that_is_apart_from_its_effect_is_found_and_replayed(name: str) -> None:
    """The same calls in the same order, each time, and so the same history."""
    with Sandboxes() as sandboxes:
        finding = explored(BROKEN[name], sandboxes, CLAUSE).findings[CLAUSE]
        case, again = read(case_of(CLAUSE, finding).token), []
        for _ in range(3):
            found = verify(BROKEN[name], CLAUSE, sandboxes=sandboxes, only=case, tries=1)
            violation = found.verdict.violations[0]
            again.append((found.verdict.label, violation.happened, violation.schedule, found.history))
    seen = finding.violation
    assert again == [(Label.STATEMENT_EXACT, seen.happened, seen.schedule, finding.history)] * 3
    assert re.fullmatch(r"worker \d was given job-01, which was on lease to worker \d", seen.happened)
    assert [step.kind.name for step in finding.program] == ["ENQUEUE", "LEASE", "LEASE"]
    assert seen.schedule[-1].startswith("so they come in this order: worker ")


# -- as a user would --------------------------------------------------------------------------------

STORE = """
from tests.contract_suites.plain_stores import BROKEN, CORRECT

broken, correct = BROKEN[{name!r}], CORRECT[{name!r}]
"""
OPTIONS = ("--async-contract-effort=normal", "--async-contract-timeout=300", "-p", "no:randomly")


@pytest.mark.parametrize("name", ["psycopg", "redis"])
def test_the_plugin_tells_how_to_repeat_it(name: str, example: Example) -> None:
    """The command runs the same program, with the same statements, and says how exactly."""
    example = example.having({"mypkg.py": STORE.format(name=name)})
    first = example.run_pytest(f"async-contract/mypkg:broken::{CLAUSE.replace('/', '::')}", *OPTIONS)
    assert first.counts == {"failed": 1}
    *_, command = first.section("FAILURES").splitlines()
    again = example.run_pytest(*shlex.split(command)[1:])
    assert (again.counts, again.section("FAILURES")) == ({"failed": 1}, first.section("FAILURES"))
    assert "statement-exact" in first.section("FAILURES")
