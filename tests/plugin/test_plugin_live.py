"""What is told while an item runs, and as soon as it has ended."""

from __future__ import annotations

import re

import pytest

from async_contract.experiments import progress
from async_contract.experiments.findings import Exploration
from async_contract.experiments.progress import Progress
from async_contract.report.live import Live
from async_contract.report.row import in_a_word
from tests.conftest import Example, Judged

TARGET = "--async-contract=mypkg.Store"
FAR = Progress("in order", 50, 1000, 2.0, 10.0, 0)


def _shown(instants: list[float], *, in_place: bool) -> str:
    """What is written of progress at these instants, the first one that of the beginning."""
    texts: list[str] = []
    clock = iter(instants)
    shown = Live(texts.append, in_place=in_place, clock=lambda: next(clock))
    for _ in instants[1:]:
        shown(FAR)
    shown.end()
    return "".join(texts)


LINE = "  in order: 50 of 1000 programs, 25/s, at most 8 s left"


def test_a_line_on_a_terminal_is_renewed_in_place() -> None:
    """After the first second, five times a second at most, and then it is gone."""
    shown = _shown([0.0, 0.5, 1.0, 1.1, 1.25], in_place=True)
    assert shown == f"\n{LINE}\x1b[K\r{LINE}\x1b[K\r\x1b[K"


def test_where_no_line_can_be_renewed_there_is_one_now_and_then() -> None:
    """Each quarter of a minute, and none of what takes less."""
    assert _shown([0.0, 14.0, 15.5, 20.0, 31.0], in_place=False) == f"\n{LINE}\n{LINE}\n"
    assert _shown([0.0, 3.0], in_place=False) == ""


def test_progress_in_words() -> None:
    """With a rate, the time that is left, and what was found; of a sweep nobody knows how many there are."""
    assert str(FAR._replace(done=500, broken=2)) == (
        "in order: 500 of 1000 programs, 250/s, at most 2 s left, 2 broken"
    )
    assert str(FAR._replace(most=0, passed=11.0)) == "in order: 50 programs, 4.55/s, at most 0 s left"


def test_progress_is_told_to_who_listens() -> None:
    """And to nobody afterwards."""
    heard: list[Progress] = []
    done = Exploration(programs=3, began=0.0)
    progress.tell(done, 10, 4.0)
    with progress.listening(heard.append):
        progress.tell(done, 10, 4.0)
        with progress.on_the_way("in order"):
            progress.tell(done, 10, 4.0)
    progress.tell(done, 10, 4.0)
    assert [each._replace(passed=0.0) for each in heard] == [
        Progress("exploring", 3, 10, 0.0, 4.0, 0),
        Progress("in order", 3, 10, 0.0, 4.0, 0),
    ]


CONFTEST = """\
import pytest

from async_contract.experiments import progress
from async_contract.experiments.findings import Exploration
from async_contract.experiments.verify import Verification
from async_contract.judge.verdict import ClauseVerdict, Verdict
from async_contract.report import live
from async_contract.suites import run


def verify(harness, clause_id, **_):
    print("an output of the test's")
    progress.tell(Exploration(programs=1), 150, 10.0)
    return Verification(ClauseVerdict(clause_id, Verdict.HELD, 1))


def pytest_configure(config):
    patch = pytest.MonkeyPatch()
    patch.setattr(run, "verify", verify)
    patch.setattr(live, "REPEATED", 0.0)
    config.add_cleanup(patch.undo)
"""


def _told(example: Example, *arguments: str) -> int:
    run = example.having({"conftest.py": CONFTEST}).run_pytest(TARGET, "-k", "empty", *arguments)
    pattern = r"^  exploring: 1 of 150 programs, .*/s, at most \d+ s left$"
    return len(re.findall(pattern, run.text, re.MULTILINE))


@pytest.mark.parametrize("arguments", [[], ["-v"], ["-s"], ["-p", "no:capture"]], ids=" ".join)
def test_a_long_item_says_how_far_it_is(arguments: list[str], example: Example) -> None:
    """It is no output of the test's, and seen although that is captured."""
    assert _told(example, *arguments) == 1


@pytest.mark.parametrize("arguments", [["-q"], ["-n1"], ["-p", "no:terminal"]], ids=" ".join)
def test_where_nobody_looks_nothing_is_told(arguments: list[str], example: Example) -> None:
    """A quiet run is quiet, and a worker of a distributed one has no terminal."""
    assert _told(example, *arguments) == 0


def test_a_verbose_run_says_each_verdict_as_it_is_decided(judged: Judged) -> None:
    """With how often it was put to the test, where it is held; the rest has pytest's word."""
    run = judged(
        lease__exclusive={"verdict": "broken"},
        fail__unknown_reported={"verdict": "broken"},
        lease__order={"verdict": "unexercised", "count": 0, "reason": "no order"},
        lease__empty={"verdict": "error", "reason": "it hung"},
    ).run_pytest(TARGET, "-v")
    found = dict(re.findall(r"^async-contract/mypkg\.Store::(\S+) (.*?) +\[", run.text, re.MULTILINE))
    assert {clause: found[clause] for clause in (
        "lease::known", "lease::exclusive", "lease::order", "lease::empty", "fail::unknown-reported",
    )} == {
        "lease::known": "HELD 5",
        "lease::exclusive": "FAILED",
        "lease::order": "SKIPPED (unexercised: no order)",
        "lease::empty": "FAILED",
        "fail::unknown-reported": "BROKEN (SHOULD)",
    }  # fmt: skip


def test_what_bears_no_verdict_has_pytests_word() -> None:
    """A setup, and an item that was skipped before its clause was put to the test."""
    item = [("async_contract_target", "mypkg.Store"), ("async_contract_clause", "lease/order")]
    assert in_a_word(item, "setup", "passed") == ""
    assert in_a_word(item, "call", "skipped") == ""
    assert in_a_word(item, "call", "passed") == ""
