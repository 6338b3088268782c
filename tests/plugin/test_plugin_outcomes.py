"""What a verdict means to pytest, and what a failure shows."""

from __future__ import annotations

import shlex

import pytest

from async_contract.contract.clauses import STORE_CLAUSES
from tests.conftest import Example, Judged, Run

ALL = len(STORE_CLAUSES)
TARGET = "--async-contract=mypkg.Store"
KNOWN = {
    "known.py": """
from async_contract.harness.harness import StoreHarness
from mypkg import Store

harness = StoreHarness(Store, known_failures={"lease/known": "it makes jobs up"})
"""
}
EXCUSED = "--async-contract=known.harness"


def _row(run: Run, clause: str) -> str:
    """The verdict and the evidence of a clause in the table."""
    lines = run.section("async-contract").splitlines()
    return next(line.split(maxsplit=1)[1] for line in lines if line.split()[:1] == [clause])


def test_a_clause_that_held(judged: Judged) -> None:
    """It passes."""
    run = judged().run_pytest(TARGET)
    assert (run.status, run.counts) == (0, {"passed": ALL})
    assert run.section("async-contract").splitlines()[-2:] == ["mypkg.Store: keeps the contract strictly", ""]


def test_a_broken_clause_tells_its_story(judged: Judged) -> None:
    """Clause, level and sentence, what happened, the history, the command; no line of the toolkit."""
    run = judged(lease__exclusive={"verdict": "broken", "violations": 3}).run_pytest(TARGET)
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1})
    assert (
        run.section("FAILURES")
        == """\
_______________________________ lease.exclusive ________________________________
lease/exclusive is broken.

The contract says (MUST): a job on lease is delivered to nobody until it is failed or its lease ends; \
opening or closing another connection ends no lease

What happened: job-1 went wrong in lease/exclusive. (and 2 more of this clause in the same history)

   ms  worker 0                        worker 1
0.000  enqueue(job-1) -> ok
0.002  lease(1) -> job-1 [attempts=0]
0.004                                  lease(1) -> job-1 [attempts=0]

To replay just this:

    pytest --async-contract-reproduce=1.lease/exclusive.example.b2b730 --async-contract=mypkg.Store \
async-contract/mypkg.Store::lease::exclusive
"""
    )
    assert "FAILED async-contract/mypkg.Store::lease::exclusive - lease/exclusive is brok" in run.text


@pytest.mark.parametrize(
    "options", [["--tb=long", "--showlocals"], ["--tb=short"], ["--tb=native"], ["--full-trace"]]
)
def test_however_tracebacks_are_shown(judged: Judged, options: list[str]) -> None:
    """A failure is only its story."""
    run = judged(lease__exclusive={"verdict": "broken"}).run_pytest(TARGET, *options)
    assert run.counts["failed"] == 1
    lines = run.section("FAILURES").splitlines()
    assert lines[1] == "lease/exclusive is broken."
    assert not [line for line in lines if ".py" in line]


def test_a_failure_on_one_line(judged: Judged) -> None:
    """`--tb=line` shows what happened, `--tb=no` nothing."""
    example = judged(lease__exclusive={"verdict": "broken"})
    run = example.run_pytest(TARGET, "--tb=line")
    assert run.section("FAILURES").endswith(
        ": lease/exclusive is broken: job-1 went wrong in lease/exclusive.\n"
    )
    assert example.run_pytest(TARGET, "--tb=no").counts["failed"] == 1


@pytest.mark.parametrize(
    "settings",
    [
        [],
        [
            "--async-contract-effort=quick",
            "--async-contract-timeout=2.5",
            "--async-contract-allow-nonempty",
            "--async-contract-strict",
        ],
    ],
)
def test_the_command_replays_just_this(judged: Judged, settings: list[str]) -> None:
    """With the settings of the run, it runs the one clause and fails in the same way."""
    example = judged(lease__exclusive={"verdict": "broken"})
    first = example.run_pytest(TARGET, *settings)
    story = first.section("FAILURES")
    command = shlex.split(story.splitlines()[-1])
    repeats = "--async-contract-reproduce=1.lease/exclusive.example.b2b730"
    assert command == ["pytest", repeats, *settings, TARGET, "async-contract/mypkg.Store::lease::exclusive"]
    again = example.run_pytest(*command[1:])
    assert (again.status, again.counts) == (1, {"failed": 1})
    assert again.section("FAILURES") == story


def test_a_broken_should_is_a_warning(judged: Judged) -> None:
    """The item passes, and what happened stands among the warnings, at the target."""
    run = judged(fail__unknown_reported={"verdict": "broken"}).run_pytest(TARGET)
    assert (run.status, run.counts) == (0, {"passed": ALL, "warnings": 1})
    assert run.section("warnings summary").startswith("""\
async-contract/mypkg.Store::fail::unknown-reported
  async-contract/mypkg.Store:1: ContractWarning: fail/unknown-reported is broken, which a store SHOULD keep: \
job-1 went wrong in fail/unknown-reported.
  (--async-contract-strict makes it a failure and shows the history)
""")
    assert _row(run, "fail/unknown-reported") == "broken (SHOULD)  5  fails of unknown ids"
    assert "mypkg.Store: keeps the contract\n" in run.text


def test_a_broken_should_is_a_failure_if_strict(judged: Judged) -> None:
    """With its story, as any other."""
    run = judged(fail__unknown_reported={"verdict": "broken"}).run_pytest(TARGET, "--async-contract-strict")
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1})
    assert "The contract says (SHOULD): failing an id the store" in run.section("FAILURES")
    assert "mypkg.Store: broken\n" in run.text


def test_a_warning_that_is_an_error(judged: Judged) -> None:
    """Who makes errors of warnings gets one here too, without a traceback."""
    run = judged(fail__unknown_reported={"verdict": "broken"}).run_pytest(TARGET, "-W", "error")
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1})
    assert (
        run.section("FAILURES")
        .partition("\n")[2]
        .startswith("""\
fail/unknown-reported is broken, which a store SHOULD keep: job-1 went wrong in fail/unknown-reported.
(--async-contract-strict makes it a failure and shows the history)

To replay just this:
""")
    )


@pytest.mark.parametrize("verdict", ["unexercised", "not promised"])
def test_a_clause_without_evidence_is_skipped(judged: Judged, verdict: str) -> None:
    """With the reason, and the target as its place."""
    run = judged(lease__order={"verdict": verdict, "count": 0, "reason": "no reason"}).run_pytest(
        TARGET, "-rs"
    )
    assert (run.status, run.counts) == (0, {"passed": ALL - 1, "skipped": 1})
    assert f"SKIPPED [1] async-contract/mypkg.Store: {verdict}: no reason" in run.text.splitlines()
    assert _row(run, "lease/order").split() == [*verdict.split(), "no", "reason"]


def test_an_error_is_a_failure(judged: Judged) -> None:
    """The reason is shown with its lines, fit for a terminal, and no clause is held or broken by it."""
    reason = "it hung\n  in mypkg.py:7\x1b[31m"
    example = judged(lease__known={"verdict": "error", "reason": reason})
    run = example.run_pytest(TARGET)
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1})
    assert (
        run.section("FAILURES")
        == """\
_________________________________ lease.known __________________________________
lease/known could not be judged.

it hung
  in mypkg.py:7\\x1b[31m

To replay just this:

    pytest --async-contract=mypkg.Store async-contract/mypkg.Store::lease::known
"""
    )
    assert _row(run, "lease/known").split(maxsplit=1) == ["error", "it hung"]
    line = "lease/known could not be judged. it hung in mypkg.py:7\\x1b[31m\n"
    assert example.run_pytest(TARGET, "--tb=line").section("FAILURES").endswith(line)
    assert f"mypkg.Store: incomplete: 1 of {ALL} clauses in error (lease/known)\n" in run.text


def test_a_fault_of_ours_has_a_traceback(judged: Judged) -> None:
    """It is nothing that the store did, so it is no verdict."""
    run = judged(lease__known={"raises": "RuntimeError('our fault')"}).run_pytest(TARGET)
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1})
    assert "E           RuntimeError: our fault" in run.section("FAILURES")
    assert "is broken" not in run.text
    assert f"mypkg.Store: incomplete: 1 of {ALL} clauses in error (lease/known)\n" in run.text


def test_a_known_failure(judged: Judged) -> None:
    """It is reported with its reason, without failing, and there is no grade but broken."""
    run = judged(lease__known={"verdict": "broken"}).having(KNOWN).run_pytest(EXCUSED, "-rx")
    assert (run.status, run.counts) == (0, {"passed": ALL - 1, "xfailed": 1})
    assert "known failure: it makes jobs up" in run.text
    assert _row(run, "lease/known") == "known  5  deliveries: it makes jobs up"
    assert "known.harness: broken (known: 1)\n" in run.text


def test_a_stale_excuse(judged: Judged) -> None:
    """A known failure that holds fails the run at its end, and says what to remove."""
    run = judged().having(KNOWN).run_pytest(EXCUSED, "-v")
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1, "xpassed": 1})
    assert "async-contract/known.harness::lease::known XPASS (known failure: it" in run.text
    assert run.section("FAILURES").splitlines()[:6] == [
        "_________________________________ lease.known __________________________________",
        "lease/known holds, but the harness excuses it as a known failure: it makes jobs up",
        "",
        'Remove "lease/known" from its known_failures. If it shows only now and then, write there',
        "",
        '    "lease/known": Intermittent("the reason")',
    ]
    assert (
        run.section("short test summary info")
        .splitlines()[0]
        .startswith("FAILED async-contract/known.harness::lease::known - lease/known holds, but th")
    )
    assert f"known.harness: incomplete: 1 of {ALL} clauses held although excused (lease/known)\n" in run.text


@pytest.mark.parametrize("options", [[], ["-n2"]])
def test_an_excuse_that_another_item_has_need_of_is_not_stale(judged: Judged, options: list[str]) -> None:
    """Also if that comes later, or in another process."""
    example = judged(lease__empty={"others": ["lease/known"]}, durable__kill={"others": ["lease/known"]})
    run = example.having(KNOWN).run_pytest(EXCUSED, *options, separate=bool(options))
    assert (run.status, run.counts.get("failed")) == (0, None)
    assert _row(run, "lease/known") == "known  5  deliveries: it makes jobs up"
    assert "known.harness: broken (known: 1)\n" in run.text


def test_a_stale_excuse_is_found_in_other_processes(judged: Judged) -> None:
    """By the one that has all their reports; and in whatever order the items ran."""
    run = judged().having(KNOWN).run_pytest(EXCUSED, "-n2", separate=True)
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1, "xpassed": 1})
    backwards = {"backwards.py": "def pytest_collection_modifyitems(items):\n    items.reverse()\n"}
    run = judged().having({**KNOWN, **backwards}).run_pytest(EXCUSED, "-p", "backwards", separate=True)
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1, "xpassed": 1})


@pytest.mark.parametrize(
    ("script", "options"),
    [({}, ["-k", "lease/known"]), ({"durable__kill": {"verdict": "error"}}, [])],
)
def test_a_part_of_a_run_finds_no_excuse_stale(
    judged: Judged, script: dict[str, dict[str, object]], options: list[str]
) -> None:
    """What did not run, or could not be judged, might have shown what is known."""
    run = judged(**script).having(KNOWN).run_pytest(EXCUSED, *options)
    assert run.counts["xpassed"] == 1
    assert "holds, but the harness excuses it" not in run.text


SELDOM = {
    "seldom.py": """
from async_contract import Intermittent, StoreHarness
from mypkg import Store

harness = StoreHarness(Store, known_failures={"lease/known": Intermittent("it makes jobs up now and then")})
"""
}


@pytest.mark.parametrize(
    ("script", "note"),
    [
        ({}, "(not seen in this run) it makes jobs up now and then"),
        ({"lease__known": {"verdict": "broken"}}, "it makes jobs up now and then"),
    ],
)
def test_a_known_failure_need_not_show_in_each_run(
    judged: Judged, script: dict[str, dict[str, object]], note: str
) -> None:
    """It is known all the same, and the contract broken; whether it showed is told."""
    run = judged(**script).having(SELDOM).run_pytest("--async-contract=seldom.harness", "-rx")
    assert (run.status, run.counts) == (0, {"passed": ALL - 1, "xfailed": 1})
    assert _row(run, "lease/known") == f"known  5  deliveries: {note}"
    assert f"known failure: {note}" in run.text
    assert "seldom.harness: broken (known: 1)\n" in run.text


@pytest.mark.parametrize(
    ("verdict", "counts"),
    [
        ("unexercised", {"passed": ALL - 1, "skipped": 1}),
        ("not promised", {"passed": ALL - 1, "skipped": 1}),
        ("error", {"passed": ALL - 1, "failed": 1}),
    ],
)
def test_an_excuse_covers_only_what_is_broken(judged: Judged, verdict: str, counts: dict[str, int]) -> None:
    """What was not put to the test, or could not be, is neither known nor stale."""
    run = judged(lease__known={"verdict": verdict}).having(KNOWN).run_pytest(EXCUSED)
    assert run.counts == counts


def test_no_excuse_counts_if_pytest_is_told_so(judged: Judged) -> None:
    """`--runxfail` runs known failures as if nothing were known of them."""
    broken = judged(lease__known={"verdict": "broken"}).having(KNOWN).run_pytest(EXCUSED, "--runxfail")
    assert (broken.status, broken.counts) == (1, {"failed": 1, "passed": ALL - 1})
    held = judged().having(KNOWN).run_pytest(EXCUSED, "--runxfail")
    assert (held.status, held.counts) == (0, {"passed": ALL})


def test_another_clause_is_seen_broken(judged: Judged) -> None:
    """Its violation is told once, by the item that saw it first; the table has both verdicts."""
    run = judged(
        lease__known={"others": ["fail/ends", "fail/ends"]}, lease__empty={"others": ["fail/ends"]}
    ).run_pytest(TARGET)
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": ALL - 1})
    assert run.section("FAILURES").splitlines()[:2] == [
        "_________________________________ lease.known __________________________________",
        "fail/ends is broken (seen while exercising lease/known).",
    ]
    assert run.section("FAILURES").endswith(
        "pytest --async-contract-reproduce=1.lease/known.example.1bad06 --async-contract=mypkg.Store "
        "async-contract/mypkg.Store::lease::known\n"
    )
    assert _row(run, "lease/known").split()[0] == "held"
    assert _row(run, "fail/ends") == (
        "broken  5  failed jobs that a drained store did not deliver: seen while exercising lease/known"
    )


def test_another_clause_beside_ones_own(judged: Judged) -> None:
    """Whatever the item's own verdict is, the violation of another clause is told, and fails."""
    run = judged(
        lease__known={"verdict": "broken", "others": ["fail/ends"]},
        lease__order={"verdict": "not promised", "others": ["fail/releases"]},
        lease__empty={"verdict": "error", "others": ["lease/known", "fail/message"]},
    ).run_pytest(TARGET)
    assert (run.status, run.counts) == (1, {"failed": 3, "passed": ALL - 3})
    told = [line for line in run.section("FAILURES").splitlines() if " is broken" in line]
    assert told == [
        "lease/known is broken.",
        "fail/ends is broken (seen while exercising lease/known).",
        "fail/message is broken (seen while exercising lease/empty).",
        "fail/releases is broken (seen while exercising lease/order).",
    ]
    assert _row(run, "lease/order").split()[:2] == ["not", "promised"]


def test_a_should_that_is_seen_broken(judged: Judged) -> None:
    """It fails another clause's item only if strict."""
    example = judged(lease__known={"others": ["fail/unknown-reported"]})
    assert example.run_pytest(TARGET).status == 0
    assert example.run_pytest(TARGET, "--async-contract-strict").counts == {"failed": 1, "passed": ALL - 1}


def test_a_known_failure_that_another_item_saw(judged: Judged) -> None:
    """It fails nobody, and its excuse is not stale, though its own item saw nothing."""
    run = judged(lease__accepted={"others": ["lease/known"]}).having(KNOWN).run_pytest(EXCUSED)
    assert (run.status, run.counts) == (0, {"passed": ALL - 1, "xfailed": 1})
    assert "known.harness: broken (known: 1)\n" in run.text


def test_a_quiet_run(judged: Judged) -> None:
    """`-q` shows what is broken, and the grade."""
    run = judged(lease__known={"verdict": "broken"}).run_pytest(TARGET, "-q", "--tb=no")
    assert run.section("async-contract") == "  lease/known  broken  5  deliveries\nmypkg.Store: broken\n"


MARKED = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        if item.name == "known":
            item.add_marker(pytest.mark.{mark})
"""


@pytest.mark.parametrize(
    ("mark", "status", "grade"),
    [
        ("skip(reason='not now')", 0, f"incomplete: 1 of {ALL} clauses skipped (lease/known)"),
        ("xfail(reason='never mind')", 1, "broken"),
    ],
)
def test_a_mark_gives_no_grade(judged: Judged, mark: str, status: int, grade: str) -> None:
    """Skipped clauses are missing, and a clause that is broken fails the run whatever is made of it."""
    broken = judged(lease__known={"verdict": "broken"})
    conftest = broken.files["conftest.py"] + MARKED.format(mark=mark)
    run = broken.having({"conftest.py": conftest}).run_pytest(TARGET)
    assert run.status == status
    assert f"mypkg.Store: {grade}\n" in run.text


AROUND = """
@pytest.fixture(autouse=True)
def around(request):
    fails = "{when}" if request.node.name == "known" else ""
    assert fails != "setup"
    yield
    assert fails != "teardown"
"""


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_what_fails_around_a_clause_is_an_error(judged: Judged, when: str) -> None:
    """There is no grade, for nobody knows what the clause would have been, or what is left behind."""
    conftest = judged().files["conftest.py"] + AROUND.format(when=when)
    run = judged().having({"conftest.py": conftest}).run_pytest(TARGET)
    assert (run.status, run.counts["errors"]) == (1, 1)
    assert _row(run, "lease/known").split() == ["error", "its", when, "failed"]
    assert f"mypkg.Store: incomplete: 1 of {ALL} clauses in error (lease/known)\n" in run.text


def test_sandboxes_go_with_pytest(example: Example) -> None:
    """A real run leaves no directory behind."""
    printing = """
import pathlib
from mypkg import Store

def store(sandbox):
    pathlib.Path("where").write_text(str(sandbox.path))
    return Store()
"""
    run = example.having({"where_it_is.py": printing}).run_pytest(
        "async-contract/where_it_is.store::lease::known", "--async-contract-effort=quick"
    )
    assert (run.status, run.counts) == (0, {"passed": 1})
    assert not (example._pytester.path / (example._pytester.path / "where").read_text()).exists()
