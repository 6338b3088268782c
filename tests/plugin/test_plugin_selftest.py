"""The toolkit put to the test with the user's settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from async_contract.contract.kinds import LABEL
from async_contract.experiments.findings import Exploration
from async_contract.experiments.limits import Limits
from async_contract.experiments.verify import Verification, verify
from async_contract.experiments.ways import Explorations, Explored
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import ClauseVerdict, Verdict, Violation
from async_contract.mutants import runner_zoo, sanitizer_zoo, zoo
from async_contract.mutants.death import Death
from async_contract.mutants.mutant import mutant
from async_contract.mutants.sanitizer import broken
from async_contract.mutants.shelves import NoLock, SlicesInOneLine
from async_contract.mutants.tables import LocksItsProcess
from async_contract.report import kills
from async_contract.suites.selftest import CORRECT, CORRECT_SHARED, death
from async_contract.suites.zoos import CORRECT_LABELS, CORRECT_MESSAGES, Broken, Zoo, judged
from tests.conftest import Example, Run

PATCH = """
import asyncio

from async_contract.mutants import runner_zoo, sanitizer_zoo, zoo
from async_contract.mutants.exclusion import MarksFirstOfBatch
from async_contract.mutants.failure_texts import says_none_for_none
from async_contract.mutants.labels import cuts_one_late
from async_contract.mutants.mutant import BrokenStore, mutant
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.harness.runner import RunnerHarness
from async_contract.mutants.runner import PlainRunner
from async_contract.mutants.safe_text import plain_label
from async_contract.mutants.sanitizer import broken
from async_contract.mutants.racing import StaggeredDoubleLease
from async_contract.suites import selftest, zoos


class Sound(BrokenStore):
    "A store that is not broken."

    breaks = "lease/distinct"
    hangs = True


class Hangs(BrokenStore):
    async def lease(self, limit):
        await asyncio.Event().wait()


zoo.MUTANTS = tuple(map(mutant, ({stores})))
zoo.CONTENDED = tuple(each for each in zoo.CONTENDED if each.name == "commits-with-the-next")
selftest.CORRECT_SHARED = {{"Shared": Sound.reached()}}
sanitizer_zoo.LABELS = broken("label/bounded", cuts_one_late)
sanitizer_zoo.MESSAGES = broken("message/total", says_none_for_none)
zoos.CORRECT_LABELS = {{"plain": Sanitizer(plain_label, "label")}}
zoos.CORRECT_MESSAGES = {{}}
runner_zoo.RUNNERS = runner_zoo.RUNNERS[:1]
zoos.CORRECT_RUNNERS = {{"plain": RunnerHarness(PlainRunner)}}
"""
TAKEN_FOR_CORRECT = 'selftest.CORRECT = {{"Plain": {}.reached()}}'
OF_STORES = "zoos.CORRECT_LABELS = zoos.CORRECT_RUNNERS = {}"
"""For those who ask about stores: to find nothing against other subjects takes a while."""

ARGUMENTS = ("--async-contract-selftest", "--async-contract-effort=quick")


def _selftest(example: Example, stores: str, correct: str, *arguments: str, besides: str = OF_STORES) -> Run:
    """What it says of these mutants, and of a store that it takes for correct; in a process of its own."""
    conftest = f"{PATCH.format(stores=stores)}\n{TAKEN_FOR_CORRECT.format(correct)}\n{besides}\n"
    files = {"conftest.py": conftest, "test_it.py": "1 / 0"}
    return example.having(files).run_pytest(*ARGUMENTS, *arguments, separate=True)


def _untimed(text: str) -> list[str]:
    """The lines, without the seconds and what depends on them."""
    counts = r"\d+ (schedules|inputs)|\d+\.\d$"
    lines = [re.sub(counts, "#", line) for line in text.rstrip().splitlines()]
    return [re.sub(" +", " ", line).rstrip() for line in lines]


def test_every_mutant_is_caught(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table says by which clause and experiment, and after how much; nothing else is run or warned of."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    stores = "MarksFirstOfBatch, StaggeredDoubleLease"
    run = _selftest(example, stores, "Sound", besides="")
    assert run.status == 0
    assert _untimed(run.text) == [
        "effort quick, seed 0",
        "",
        "broken stores must be caught by caught after s",
        "marks-first-of-batch lease/exclusive by example its one scenario #",
        "staggered-double-lease lease/exclusive loop 1 programs, # (3 steps left) #",
        "Plain: nothing is held against it",
        "",
        "broken shared stores must be caught by caught after s",
        "commits-with-the-next durable/kill by example its one scenario #",
        "Shared: nothing is held against it",
        "",
        "broken labels must be caught by caught after s",
        "cuts-one-late label/bounded input # #",
        "plain: nothing is held against it",
        "",
        "broken messages must be caught by caught after s",
        "says-none-for-none message/total input 1 exceptions #",
        "",
        "broken runners must be caught by caught after s",
        "ignores-concurrency runner/bounded scene 2 batches of jobs beyond `concurrency` #",
        "plain: nothing is held against it",
        "",
        "2 of 2 broken stores were caught by their clause (1 by example, 1 loop)",
        "1 of 1 broken shared stores were caught by their clause (1 by example)",
        "1 of 1 broken labels were caught by their clause (1 input)",
        "1 of 1 broken messages were caught by their clause (1 input)",
        "1 of 1 broken runners were caught by their clause (1 scene)",
    ]


def test_a_mutant_that_survives_is_a_failure(example: Example) -> None:
    """It is named, and pytest ends as with a failed test."""
    run = _selftest(example, "Sound, MarksFirstOfBatch", "Sound")
    assert run.status == 1
    lines = _untimed(run.text)
    assert lines[3] == "sound lease/distinct NOT CAUGHT #"
    assert lines[-5] == "1 of 2 broken stores were caught by their clause (1 by example); not caught: sound"


@pytest.mark.parametrize(
    ("effort", "untried"), [("normal", "it takes --async-contract-effort=thorough"), ("thorough", "")]
)
def test_a_mutant_that_takes_thorough_effort_is_not_tried_with_less(
    monkeypatch: pytest.MonkeyPatch, effort: str, untried: str
) -> None:
    """The line says so; with thorough effort it has to be caught."""
    monkeypatch.setattr(Explorations, "of", lambda *_: Explored({"order": Exploration()}))
    with Sandboxes() as sandboxes:
        died = death(mutant(SlicesInOneLine), sandboxes, Limits(effort=effort))
    expected = Death("slices-in-one-line", "lease/exclusive", untried=untried)
    assert replace(died, seconds=0.0) == expected


def test_a_mutant_that_can_not_be_caught_here_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes processes, and none can be killed; whatever else was not caught was missed."""
    reason = "this system has no signal that ends a process at once"
    monkeypatch.setattr("async_contract.suites.selftest.obstacle", lambda harness, settings: reason)
    explored = Explored({"order": Exploration()})
    monkeypatch.setattr(Explorations, "of", lambda *_: explored)
    of_processes, of_threads = (mutant(each) for each in (LocksItsProcess, NoLock))
    with Sandboxes() as sandboxes:
        deaths = [
            replace(death(each, sandboxes, Limits()), seconds=0.0) for each in (of_processes, of_threads)
        ]
    assert deaths == [
        Death("locks-its-process", "lease/exclusive", untried=reason),
        Death("no-lock", "lease/exclusive"),
    ]
    assert [each.survived for each in deaths] == [False, True]
    lines = [" ".join(kills.line(each).split()) for each in deaths]
    assert lines == [
        f"locks-its-process lease/exclusive not tried {reason} 0.0",
        "no-lock lease/exclusive NOT CAUGHT 0.0",
    ]
    assert kills.total("stores", deaths) == (
        "0 of 2 broken stores were caught by their clause; not caught: no-lock; "
        "not tried here: locks-its-process"
    )


def test_a_correct_store_that_is_blamed_is_a_failure(example: Example) -> None:
    """What is held against it follows, a line each."""
    run = _selftest(example, "MarksFirstOfBatch,", "MarksFirstOfBatch")
    assert run.status == 1
    lines = run.text.splitlines()
    assert lines[4] == "Plain: WRONGLY BLAMED"
    assert re.fullmatch(r"    lease/\S+ is broken: .*", lines[5])


def test_a_correct_store_that_can_not_be_judged_is_a_failure(example: Example) -> None:
    """An error is no acquittal."""
    run = _selftest(example, "MarksFirstOfBatch,", "Hangs", "--async-contract-timeout=0.3")
    assert run.status == 1
    assert "    lease/accepted is in error: " in run.text


def _zoo(verdict: Verdict, reason: str = "") -> Zoo:
    """The zoo of a kind whose one mutant, and whose one correct subject, get this verdict on every clause."""

    def verify(subject: str, clause: str, limits: Limits) -> Verification:
        violations = (Violation(clause, f"{subject} did it", None, ()),) * (verdict is Verdict.BROKEN)
        return Verification(ClauseVerdict(clause, verdict, 3, violations, reason))

    return judged(
        "things", Limits(), by="luck", kind=LABEL, mutants=broken("label/total", str.lower),
        subject=lambda each: each.name, correct={"the good one": "it"}, verify=verify,
    )  # fmt: skip


def test_any_kind_has_a_table_of_how_its_mutants_died() -> None:
    """What caught them, and how many times their clause was put to the test for it."""
    (death,) = _zoo(Verdict.BROKEN).deaths()
    assert replace(death, seconds=0.0) == Death("lower", "label/total", "luck", counted=3)


@pytest.mark.parametrize("verdict", [Verdict.HELD, Verdict.UNEXERCISED, Verdict.ERROR])
def test_a_mutant_that_is_not_broken_was_not_caught(verdict: Verdict) -> None:
    """An error is no catch, nor is a clause that was not put to the test."""
    (death,) = _zoo(verdict).deaths()
    assert replace(death, seconds=0.0) == Death("lower", "label/total")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict.BROKEN, "is broken: it did it"),
        (Verdict.ERROR, "is in error: it hung"),
        (Verdict.HELD, None),
        (Verdict.UNEXERCISED, None),
    ],
)
def test_what_is_held_against_a_correct_subject_is_told_by_clause(verdict: Verdict, said: str | None) -> None:
    """Every clause of its kind is asked."""
    blamed = [f"{each.id} {said}" for each in LABEL.clauses] if said else []
    assert list(_zoo(verdict, "it hung").blamed()) == [("the good one", blamed)]


def test_every_name_fits_into_the_table() -> None:
    """There is a blank between it and the next column."""
    zoos: tuple[Sequence[Broken], ...] = (
        zoo.MUTANTS, zoo.CONTENDED, sanitizer_zoo.LABELS, sanitizer_zoo.MESSAGES, runner_zoo.RUNNERS,
    )  # fmt: skip
    width = kills.heading("stores").index("must")
    assert [each.name for mutants in zoos for each in mutants if len(each.name) >= width] == []


def test_the_correct_sanitizers_are_the_reference_and_what_the_mutants_are_made_of() -> None:
    """One of them promises to let no secret through, so that this clause is not for nothing."""
    assert list(CORRECT_LABELS) == ["safe_label", "plain_label"]
    promised = {name: each.redacts for name, each in CORRECT_MESSAGES.items()}
    assert promised == {"safe_failure_message": False, "plain_message": False, "discreet_message": True}
    assert [
        each.name for each in (*CORRECT_LABELS.values(), *CORRECT_MESSAGES.values()) if not each.name
    ] == []


@pytest.mark.parametrize("name", CORRECT | CORRECT_SHARED)
def test_the_correct_stores_keep_what_they_promise(name: str) -> None:
    """Those that are shared too."""
    with Sandboxes() as sandboxes:
        found = verify((CORRECT | CORRECT_SHARED)[name], "lease/progress", sandboxes=sandboxes)
    assert found.verdict.verdict is Verdict.HELD
