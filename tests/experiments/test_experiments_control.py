"""How far the order of the workers was controlled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from async_contract.experiments.control import labelled, marked, of_explored, of_finding, of_history
from async_contract.experiments.findings import Exploration, Finding
from async_contract.experiments.ways import WAYS, Explored
from async_contract.history.operation import Operation
from async_contract.judge.verdict import ClauseVerdict, Label, Verdict, Violation

TWICE = Violation("lease/exclusive", "job-1 was delivered twice.", "job-1", ())
HELD = ClauseVerdict("lease/exclusive", Verdict.HELD, 3)
BROKEN = ClauseVerdict("lease/exclusive", Verdict.BROKEN, 3, (TWICE,))
APART = (Operation("lease", 2, 20, 30), Operation("lease", 1, 0, 10))
BESIDE = (Operation("lease", 1, 0, 30), Operation("lease", 2, 10, 20))
OPEN = (Operation("lease", 1, 0, None), Operation("lease", 2, 10, 20))


def explored(**ways: Exploration) -> Explored:
    """What some ways have shown."""
    return Explored(ways)


@pytest.mark.parametrize(
    ("history", "label"),
    [((), Label.EXACT), (APART, Label.EXACT), (OPEN, Label.EXACT), (BESIDE, Label.BEST_EFFORT)],
)
def test_one_call_after_another_leaves_nothing_to_control(
    history: tuple[Operation, ...], label: Label
) -> None:
    """Calls beside one another are in an order that nobody chose; one that never returns is beside nobody."""
    assert of_history("lease/exclusive", history) is label


def test_workers_are_killed_in_real_time() -> None:
    """Whatever their calls look like, and whatever else was explored."""
    assert of_history("durable/kill", APART) is Label.BEST_EFFORT
    held = replace(HELD, clause="durable/kill")
    assert labelled(held, APART, explored(loop=Exploration(schedules=3)), None).label == "best effort"


def test_each_way_has_its_label() -> None:
    """Nothing that happens in real time is exact."""
    assert {way.name: str(way.label) for way in WAYS} == {
        "order": "exact", "loop": "exact", "gate": "statement-exact", "races": "best effort",
        "statements": "statement-exact", "threads": "exact", "parts": "exact", "thread-races": "best effort",
        "processes": "best effort", "kill": "best effort",
    }  # fmt: skip


def test_a_finding_has_the_label_of_its_way() -> None:
    """Unless it did not show again, or says otherwise itself."""
    finding = Finding(TWICE, (), (), way="gate")
    loose = replace(finding, violation=replace(TWICE, label=Label.BEST_EFFORT))
    assert [of_finding(each) for each in (finding, loose, replace(finding, again=False))] == [
        Label.STATEMENT_EXACT, Label.BEST_EFFORT, Label.BEST_EFFORT,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ways", "label"),
    [
        ({}, None),
        ({"order": Exploration(programs=9)}, None),
        ({"loop": Exploration(schedules=9)}, Label.EXACT),
        (
            {"loop": Exploration(schedules=1, left="it left"), "races": Exploration(schedules=9)},
            "best effort",
        ),
        ({"gate": Exploration(schedules=9), "races": Exploration(schedules=9)}, Label.STATEMENT_EXACT),
        ({"gate": Exploration(schedules=9, loose=8)}, Label.STATEMENT_EXACT),
        ({"gate": Exploration(schedules=9, loose=9)}, Label.BEST_EFFORT),
    ],
)
def test_what_holds_has_the_best_label_of_the_ways(ways: dict[str, Exploration], label: Label | None) -> None:
    """Of those in which several workers were at work and the order was controlled now and then, at least."""
    assert of_explored(explored(**ways)) == label
    assert labelled(HELD, APART, explored(**ways), None).label == (label or "exact")


def test_what_is_broken_has_the_label_of_what_breaks_it() -> None:
    """A random program, or the example."""
    finding = Finding(TWICE, (), (), way="races")
    by_program = labelled(BROKEN, APART, Explored(), finding)
    by_example = labelled(BROKEN, APART, explored(races=Exploration(schedules=1)), None)
    assert [(each.label, each.violations[0].label) for each in (by_program, by_example)] == [
        ("best effort", "best effort"), ("exact", "exact"),
    ]  # fmt: skip


def test_without_a_verdict_there_is_no_label() -> None:
    """Nothing was controlled."""
    error = ClauseVerdict("lease/exclusive", Verdict.ERROR, reason="it hung")
    assert labelled(error, APART, Explored(), None) == error


def test_a_label_that_is_there_is_kept() -> None:
    """It knows better."""
    own = replace(TWICE, label="best effort")
    assert [each.label for each in marked([TWICE, own], Label.EXACT)] == ["exact", "best effort"]


def test_runs_that_were_not_controlled_are_counted() -> None:
    """Way by way."""
    counts = explored(
        order=Exploration(), loop=Exploration(left="it left"), gate=Exploration(schedules=9, loose=1),
        races=Exploration(schedules=9),
    )  # fmt: skip
    assert [each.label for each in counts.spent] == [
        "exact", "", "statement-exact; 1 run was best effort", "best effort",
    ]  # fmt: skip
    counts.ways["gate"].loose = 2
    assert counts.spent[2].label == "statement-exact; 2 runs were best effort"
