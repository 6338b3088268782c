"""Runners through pytest: as targets of the command line and in users' own test files."""

from __future__ import annotations

import json
import re

import pytest

from async_contract.contract.kinds import RUNNER
from tests.conftest import Example

ALL = len(RUNNER.clauses)
QUICK = "--async-contract-effort=quick"
ITEM = "async-contract/runner/myrunner.Runner::runner"

RUNNERS = '''
import threading

from async_contract import Runner as Reference
from async_contract import RunnerHarness
from async_contract.mutants.runner import PlainRunner


class Runner(PlainRunner):
    """Fails a job twice."""

    async def fail(self, job, error):
        await super().fail(job, error)
        await super().fail(job, error)

    def tell(self, event, error):
        pass  # so that one clause more is broken


class Threaded(PlainRunner):
    """Works in a thread."""

    async def run(self):
        threading.Thread(target=print).start()


class NoRunner:
    pass


def needs_more(store, handler, dsn, *, concurrency, poll_interval):
    pass


def takes_nothing():
    pass


def make(store, handler, **options):
    return Reference(store, handler, **options)


KNOWN = {"runner/fails": "an old one", "runner/observes": "no recorder"}
harness = RunnerHarness(Runner, known_failures=KNOWN)
stale = RunnerHarness(PlainRunner, known_failures={"runner/idle": "it polled too often"})


class MyHarness(RunnerHarness):
    def make(self, store, handler, *, concurrency, poll_interval, batch_size, metrics, logger):
        return Reference(
            store, handler, concurrency=concurrency, poll_interval=poll_interval, batch_size=batch_size,
            metrics=metrics, logger=logger,
        )
'''


@pytest.fixture
def runners(example: Example, monkeypatch: pytest.MonkeyPatch) -> Example:
    """An example with runners, for each of which few scenes are played."""
    from async_contract.experiments.runners.verify import BUDGETS, Budget  # noqa: PLC0415

    monkeypatch.setitem(BUDGETS, "quick", Budget(strikes=20, scenes=5, tries=60))
    return example.having({"myrunner.py": RUNNERS})


def _only(name: str) -> tuple[str, ...]:
    return (f"--async-contract-runner=myrunner.{name}", "--async-contract-only", QUICK)


def test_every_clause_is_an_item(runners: Example) -> None:
    """In the contract's order, below the target."""
    run = runners.run_pytest(*_only("Runner"), "--co", "-q")
    assert [line for line in run.text.splitlines() if "::" in line] == [
        f"{ITEM}::{clause.name}" for clause in RUNNER.clauses
    ]


@pytest.mark.parametrize("name", ["make", "MyHarness"])
def test_a_runner_that_keeps_the_contract(runners: Example, name: str) -> None:
    """Each clause holds, with a count of what it was put to the test by, and so there is a grade."""
    run = runners.run_pytest(*_only(name))
    assert (run.status, run.counts) == (0, {"passed": ALL})
    summary = run.section("async-contract")
    assert f"runner/myrunner.{name}: keeps the contract strictly\n" in summary
    assert len(re.findall(r"^  runner/[a-z-]+ +held +[1-9]\d*  [a-z]", summary, re.MULTILINE)) == ALL


FAILS = """\
runner/fails is broken.

The contract says (MUST): a handler that raises is recorded by exactly one fail with `safe_failure_message`, \
never by a complete too

What happened: job-1 was failed twice.

It takes this scene: concurrency=1, batch_size=1, poll_interval=10; the handler of job-1 raises

   ms  task 1
0.000  lease(1) -> job-1
0.000  handle(job-1) -> raised ValueError
0.000  fail(job-1, 'trouble-9c2e secret') -> ok
0.000  fail(job-1, 'trouble-9c2e secret') -> rejected: JobNotLeased

To replay just this:

    pytest --async-contract-effort=quick --async-contract-runner=myrunner.Runner \
async-contract/runner/myrunner.Runner::runner::fails
"""


def test_a_broken_clause_is_a_story(runners: Example) -> None:
    """The sentence, what happened, what it takes, the calls by task, and the command; each time the same."""
    first = runners.run_pytest("--async-contract-runner=myrunner.Runner", QUICK, f"{ITEM}::fails")
    assert (first.status, first.counts) == (1, {"failed": 1})
    assert first.section("FAILURES").partition("\n")[2] == FAILS
    command = FAILS.rsplit(maxsplit=1)[-1]
    again = runners.run_pytest(QUICK, "--async-contract-runner=myrunner.Runner", command, separate=True)
    assert again.status == 1
    assert again.section("FAILURES").partition("\n")[2].startswith("runner/fails is broken.")


def test_reports_tell_of_runners(runners: Example) -> None:
    """The page, the data and the text for a pull request are written for a broken runner as for a store."""
    names = ("r.html", "r.json", "r.md", "r2.json")
    reports = tuple(f"--async-contract-report={name}" for name in names)
    run = runners.run_pytest(*_only("Runner"), "--junitxml=junit.xml", *reports)
    assert (run.status, run.counts) == (1, {"failed": 2, "passed": ALL - 2 - 1, "skipped": 1})
    path = runners._pytester.path
    (target,) = json.loads((path / "r.json").read_text())["targets"]
    broken = {each["id"]: each["verdict"] for each in target["clauses"] if each["verdict"] == "broken"}
    assert broken == {"runner/fails": "broken", "runner/observes": "broken"}
    assert "It takes this scene: concurrency=1" in (path / "r.md").read_text()
    assert "handle(job-1)" in (path / "r.html").read_text()
    junit = (path / "junit.xml").read_text()
    assert 'classname="async-contract.runner.myrunner.Runner.runner" name="fails"' in junit.replace("/", ".")


def test_items_are_selected_as_any_others(runners: Example) -> None:
    """By -k, by what failed last, and in a distributed run, with the same verdicts."""
    run = runners.run_pytest(*_only("Runner"), "-k", "runner/idle or runner/fails", cache=True)
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": 1, "deselected": ALL - 2})
    last = runners.run_pytest(*_only("Runner"), "--lf", "--co", "-q", cache=True)
    assert [line for line in last.text.splitlines() if "::" in line][:1] == [f"{ITEM}::fails"]
    spread = runners.run_pytest(*_only("Runner"), "-n", "2", "-k", "runner/idle or runner/fails")
    assert (spread.status, spread.counts) == (1, {"failed": 1, "passed": 1})
    # The processes play more scenes than this one, which was told to play few.
    both = (re.sub(r" +\d+ +", " ", each.section("async-contract")) for each in (run, spread))
    assert next(both) == next(both)


def test_a_runner_that_leaves_the_loop(runners: Example) -> None:
    """Nothing is held and nothing broken, and the reason says what to write."""
    run = runners.run_pytest(*_only("Threaded"), "-rs")
    assert (run.status, run.counts) == (0, {"skipped": ALL})
    assert "unexercised: the runner leaves the event loop: " in run.text
    assert "write a RunnerHarness whose runner stays on the loop" in run.text
    assert "runner/myrunner.Threaded: incomplete" in run.section("async-contract")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("NoRunner", "async run(), which works until it is told to stop"),
        ("needs_more", "missing a required argument: 'dsn'"),
        ("takes_nothing", "concurrency, poll_interval"),
        ("nothing", "nothing"),
        ("RUNNERS", "RUNNERS"),
    ],
)
def test_a_bad_target(runners: Example, name: str, found: str) -> None:
    """One message and exit status 4, before anything is collected."""
    run = runners.run_pytest(*_only(name))
    assert (run.status, run.counts) == (4, {})
    assert found in run.text
    assert "Traceback" not in run.text
    assert "INTERNALERROR" not in run.text


def test_a_path_that_leads_to_no_clause(runners: Example) -> None:
    """It is told what is near."""
    run = runners.run_pytest(*_only("Runner"), f"{ITEM}::fail")
    assert run.status == 4
    assert "'runner::fail', asked for of myrunner.Runner, is no clause of a runner" in run.text


def test_known_failures_of_a_runner(runners: Example) -> None:
    """They are reported, and fail nothing; one that holds after all does."""
    run = runners.run_pytest("--async-contract-runner=myrunner:harness", QUICK, "--async-contract-only")
    assert (run.status, run.counts) == (0, {"passed": ALL - 3, "xfailed": 2, "skipped": 1})
    assert "runner/myrunner:harness: incomplete" in run.section("async-contract") or (
        "broken (known: 2)" in run.section("async-contract")
    )
    stale = runners.run_pytest("--async-contract-runner=myrunner:stale", QUICK, "--async-contract-only")
    assert (stale.status, stale.counts["failed"], stale.counts["xpassed"]) == (1, 1, 1)
    assert (
        "runner/idle holds, but the harness excuses it as a known failure: it polled too often" in stale.text
    )


MINE = """
from async_contract import RunnerContract
from myrunner import Runner, make

class TestMine(RunnerContract):
    runner = {runner}
"""


def test_a_class_of_ones_own(runners: Example) -> None:
    """A method for each clause; a function as an attribute needs no staticmethod."""
    run = runners.having({"test_mine.py": MINE.format(runner="make")}).run_pytest(QUICK)
    assert (run.status, run.counts) == (0, {"passed": ALL})
    run = runners.having({"test_mine.py": MINE.format(runner="Runner")}).run_pytest(QUICK, "-k", "fails")
    assert (run.status, run.counts) == (1, {"failed": 1, "deselected": ALL - 1})
    assert "test_mine.py::TestMine::test_runner_fails" in run.section("FAILURES")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (MINE.format(runner="7"), "test_mine:TestMine.runner"),
        (MINE.replace("    runner = {runner}\n", "    pass\n"), "TestMine has no runner; write in it"),
        (
            f"{MINE.format(runner='make')}    test_runner_idle = None\n",
            'runner = RunnerHarness(MyRunner, known_failures={"runner/prompt": "the reason"})',
        ),
    ],
)
def test_a_class_that_cannot_be_used(runners: Example, body: str, said: str) -> None:
    """An error of the collection, in one message."""
    run = runners.having({"test_mine.py": body}).run_pytest(QUICK)
    assert (run.status, run.counts) == (2, {"errors": 1})
    assert said in run.section("ERRORS")
    assert "Traceback" not in run.text
