"""Repeating what broke a clause: tokens on the command line, and what is remembered between runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hypothesis.database import DirectoryBasedExampleDatabase

from async_contract.experiments.cases import read
from tests.conftest import Example, Run

TARGET = "--async-contract=mypkg.Store"
QUICK = "--async-contract-effort=quick"
EXCLUSIVE = "async-contract/mypkg.Store::lease::exclusive"

STAGGERED = '''
import asyncio


class Store:
    """Two workers see the same job, but never in asyncio's own order: the calls start staggered."""

    def __init__(self):
        self.ready, self.leased, self.calls = [], {}, 0

    async def enqueue(self, job):
        self.ready.append(job)

    async def lease(self, limit):
        self.calls += 1
        for _ in range(3 * self.calls):
            await asyncio.sleep(0)
        jobs = self.ready[: max(limit, 0)]
        await asyncio.sleep(0)
        self.ready = [job for job in self.ready if job not in jobs]
        self.leased.update((job.id, job) for job in jobs)
        return jobs

    async def complete(self, id):
        del self.leased[id]

    async def fail(self, id, message):
        self.ready.append(self.leased.pop(id))
'''
FIXED = STAGGERED.replace("        await asyncio.sleep(0)\n        self.ready =", "        self.ready =")


def _command(run: Run) -> list[str]:
    return shlex.split(run.section("FAILURES").splitlines()[-1])[1:]


@pytest.fixture
def staggered(example: Example) -> Example:
    """A store that breaks `lease/exclusive` under a schedule."""
    return example.having({"mypkg.py": STAGGERED})


def test_a_schedule_is_repeated_by_its_token(staggered: Example) -> None:
    """The command that is printed runs the one program and tells the same story."""
    first = staggered.run_pytest(EXCLUSIVE, QUICK)
    assert "It takes this schedule: pause worker " in first.section("FAILURES")
    again = staggered.run_pytest(*_command(first))
    assert (again.status, again.counts) == (1, {"failed": 1})
    assert again.section("FAILURES") == first.section("FAILURES")
    assert "explored" not in again.section("async-contract")


def test_a_token_alone_selects_its_clause(staggered: Example) -> None:
    """Everything else is deselected: other clauses, and tests of the user's own."""
    staggered = staggered.having({"test_it.py": "def test_it(): raise ValueError\n"})
    token = _command(staggered.run_pytest(EXCLUSIVE, QUICK))[0]
    again = staggered.run_pytest(TARGET, token)
    assert (again.status, again.counts) == (1, {"failed": 1, "deselected": 45})


def test_a_token_that_breaks_no_more_passes(staggered: Example) -> None:
    """The store is fixed; what the one program shows is held, and nothing more is claimed."""
    command = _command(staggered.run_pytest(EXCLUSIVE, QUICK))
    again = staggered.having({"mypkg.py": FIXED}).run_pytest(*command)
    assert (again.status, again.counts) == (0, {"passed": 1})
    assert "incomplete: 44 of 45 clauses not selected" in again.text


def test_a_token_that_is_none_is_refused(example: Example) -> None:
    """The message says what to do."""
    run = example.run_pytest(TARGET, "--async-contract-reproduce=1.lease/exclusive.loop")
    assert run.status == 4
    assert "is no token, or a part of one; paste it whole, as it was printed" in run.text


def test_what_broke_is_remembered_and_tried_first(staggered: Example, tmp_path: Path) -> None:
    """Nothing is explored where it breaks again; once it does not, it is forgotten."""
    first = staggered.run_pytest(EXCLUSIVE, QUICK)
    assert "explored on the simulated loop" in first.section("async-contract")
    second = staggered.run_pytest(EXCLUSIVE, QUICK)
    assert second.section("FAILURES") == first.section("FAILURES")
    assert "explored" not in second.section("async-contract")
    fixed = staggered.having({"mypkg.py": FIXED})
    assert fixed.run_pytest(EXCLUSIVE, QUICK).counts == {"passed": 1}
    third = staggered.run_pytest(EXCLUSIVE, QUICK)
    assert "explored on the simulated loop" in third.section("async-contract")


def test_a_chosen_profile_says_where_to_remember(
    staggered: Example, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    """A profile without a database remembers nothing; without a profile there is a directory."""
    conftest = "from hypothesis import settings\nsettings.register_profile('forgetful', database=None)\n"
    forgetful = staggered.having({"conftest.py": conftest})
    forgetful.run_pytest(EXCLUSIVE, QUICK, "--hypothesis-profile=forgetful", separate=True)
    assert not (pytester.path / ".hypothesis" / "examples").exists()
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(pytester.path / "elsewhere"))
    staggered.run_pytest(EXCLUSIVE, QUICK)
    assert (pytester.path / "elsewhere" / "examples").exists()


def test_what_another_version_remembered_is_dropped(staggered: Example, pytester: pytest.Pytester) -> None:
    """It is no reason to fail."""
    database = DirectoryBasedExampleDatabase(pytester.path / ".hypothesis" / "examples")
    key = b"async-contract:mypkg.Store:lease/exclusive"
    database.save(key, b"0.another.version")
    database.save(key, b"\xff")
    assert "lease/exclusive is broken" in staggered.run_pytest(EXCLUSIVE, QUICK).text
    (kept,) = database.fetch(key)
    assert read(kept.decode()).clause == "lease/exclusive"


def test_the_summary_says_what_was_spent(staggered: Example) -> None:
    """Programs, steps, schedules, how many of those differ, and the time; once for each way and target."""
    section = staggered.having({"mypkg.py": FIXED}).run_pytest(TARGET, QUICK).section("async-contract")
    spent = [line for line in section.splitlines() if line.startswith("  explored ")]
    tried = r"\d+ programs under \d+ schedules, \d+ of them distinct, in \d+\.\d s \(exact\)"
    patterns = (
        r"  explored in order: \d+ programs of \d+ steps, in \d+\.\d s \(exact\)",
        rf"  explored on the simulated loop: {tried}",
    )
    assert [bool(re.fullmatch(pattern, line)) for pattern, line in zip(patterns, spent, strict=True)] == [
        True, True,
    ]  # fmt: skip
    quiet = staggered.having({"mypkg.py": FIXED}).run_pytest(TARGET, QUICK, "-q")
    assert "explored" not in quiet.text


def test_the_summary_says_where_a_store_left_the_loop(example: Example) -> None:
    """It is judged in order all the same."""
    leaving = STAGGERED.replace("    async def lease(self, limit):\n", LEAVES)
    section = example.having({"mypkg.py": leaving}).run_pytest(EXCLUSIVE, QUICK).section("async-contract")
    assert (
        "  explored on the simulated loop: ended after 1 programs: time.sleep was called by mypkg" in section
    )


LEAVES = """
    async def lease(self, limit):
        import time
        time.sleep(0)
"""
