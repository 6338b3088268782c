"""The scripts that show a broken clause again: written, run, and run by the reader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from async_contract.report import scripts
from tests.conftest import Example, Judged

EXCLUSIVE = "lease::exclusive"

KEEPS = """
class Store:
    def __init__(self):
        self.ready = []

    def enqueue(self, job):
        self.ready.append(job)

    def lease(self, limit):
        return self.ready[: max(limit, 0)]

    def complete(self, id):
        self.ready = [job for job in self.ready if job.id != id]

    def fail(self, id, message):
        pass


def harness(sandbox):
    return Store()
"""
MENDED = KEEPS.replace(
    "        return self.ready[: max(limit, 0)]\n",
    "        most = max(limit, 0)\n"
    "        jobs, self.ready = self.ready[:most], self.ready[most:]\n"
    "        return jobs\n",
)
SHOWN = "or, without pytest, by a script that failed in 10 of 10 runs just now:\n\n    python "


class Done(NamedTuple):
    """What a script did."""

    status: int
    last: str
    text: str


def run_script(story: str, directory: Path) -> Done:
    """Run the script that a failure names, where pytest ran."""
    path = story.partition(SHOWN)[2].splitlines()[0]
    done = subprocess.run(
        [sys.executable, path], cwd=directory, capture_output=True, text=True, check=False
    )  # fmt: skip
    return Done(done.returncode, done.stdout.splitlines()[-1], (directory / path).read_text())


def test_a_story_is_a_script_of_plain_calls(example: Example, pytester: pytest.Pytester) -> None:
    """It needs the store and nothing of the toolkit but the job; a mended store passes it."""
    keeps = example.having({"mypkg.py": KEEPS})
    run = keeps.run_pytest(f"async-contract/mypkg.Store::{EXCLUSIVE}", cache=True)
    done = run_script(run.text, pytester.path)
    assert (done.status, done.last) == (1, "the same came of it in 10 of 10 runs")
    assert done.text.startswith(
        '"""lease/exclusive is broken: worker 1 was given job-01, which was on lease to'
    )
    assert "from async_contract import Job\nfrom mypkg import Store\n" in done.text
    assert "    await call(store.lease, 1, gives=['job-01'])\n" in done.text
    assert done.text.count("async_contract") == 1
    keeps.having({"mypkg.py": MENDED}).run_pytest("--co", "--async-contract=mypkg.Store")  # writes the file
    done = run_script(run.text, pytester.path)
    assert (done.status, done.last) == (0, "the same came of it in 0 of 10 runs")


def test_what_plain_calls_can_not_say_is_repeated(example: Example, pytester: pytest.Pytester) -> None:
    """A store that has to be connected to is reached as the target says."""
    keeps = example.having({"mypkg.py": KEEPS})
    run = keeps.run_pytest(f"async-contract/mypkg.harness::{EXCLUSIVE}", cache=True)
    done = run_script(run.text, pytester.path)
    assert (done.status, done.last) == (1, "lease/exclusive was broken in 10 of 10 runs")
    assert "repeat(\n" not in done.text
    assert (
        "repeat('mypkg.harness', '1.lease/exclusive.example.b2b730', 'lease/exclusive', runs=10)" in done.text
    )
    keeps.having({"mypkg.py": MENDED}).run_pytest("--co", "--async-contract=mypkg.Store")
    done = run_script(run.text, pytester.path)
    assert (done.status, done.last) == (0, "lease/exclusive was broken in 0 of 10 runs")


@pytest.mark.parametrize("cache", [False, True])
def test_a_script_that_shows_nothing_is_not_shown(judged: Judged, *, cache: bool) -> None:
    """Its verdict was settled beforehand, so that the calls give something else."""
    run = judged(lease__exclusive={"verdict": "broken"}).run_pytest(
        f"async-contract/mypkg.Store::{EXCLUSIVE}", cache=cache
    )
    assert "lease/exclusive is broken" in run.text
    assert "by a script" not in run.text


def test_a_script_that_takes_too_long_is_not_shown(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader would not wait for it either."""
    monkeypatch.setattr(scripts, "LONGEST", 0.0)
    run = example.having({"mypkg.py": KEEPS}).run_pytest(
        f"async-contract/mypkg.Store::{EXCLUSIVE}", cache=True
    )
    assert "lease/exclusive is broken" in run.text
    assert "by a script" not in run.text


def test_a_cache_that_can_not_be_written_to(example: Example, pytester: pytest.Pytester) -> None:
    """There is no script, and the failure is told all the same."""
    (pytester.path / "no_directory").write_text("")
    settings = {"mypkg.py": KEEPS, "pytest.ini": "[pytest]\ncache_dir = no_directory\n"}
    run = example.having(settings).run_pytest(f"async-contract/mypkg.Store::{EXCLUSIVE}", cache=True)
    assert "lease/exclusive is broken" in run.text
    assert "by a script" not in run.text


def test_a_class_in_a_test_file_has_no_script_where_it_must_be_connected_to(example: Example) -> None:
    """A test file is pytest's to import."""
    tests = (
        "from async_contract import StoreContract\nfrom mypkg import Store, harness\n\n\n"
        "class TestPlain(StoreContract):\n    harness = Store\n\n\n"
        "class TestMine(StoreContract):\n    harness = staticmethod(harness)\n"
    )
    mine = example.having({"mypkg.py": KEEPS, "test_mine.py": tests})
    plain = mine.run_pytest("test_mine.py::TestPlain::test_lease_exclusive", cache=True)
    assert SHOWN in plain.text
    connected = mine.run_pytest("test_mine.py::TestMine::test_lease_exclusive", cache=True)
    assert "lease/exclusive is broken" in connected.text
    assert SHOWN not in connected.text
