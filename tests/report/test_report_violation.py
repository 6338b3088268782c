"""A broken clause is told in full: what it says, what happened, the history, and the command."""

from __future__ import annotations

from dataclasses import replace

from async_contract.contract.clauses import CLAUSE
from async_contract.history.jsonl import as_object
from async_contract.history.operation import Delivered, Operation
from async_contract.judge.verdict import Violation
from async_contract.report.story import story
from async_contract.report.violation import headline, level, one_line, stories, with_replay

JOB = (Delivered("job-1", "mail"),)
WITNESS = (Operation("lease", 0, 0, 1000, value=1, jobs=JOB),)
OWN = Violation("lease/known", "job-1 came \u202efrom\nnowhere.", "job-1", WITNESS)
OTHER = Violation("fail/ends", "job-2 came back.", "job-2", ())


def test_a_story() -> None:
    """Of several violations of one clause the first is told; other clauses say where they were seen."""
    assert (
        stories([OWN, OWN, OWN, OTHER], exercised="lease/known", replay="pytest this")
        == """\
lease/known is broken.

The contract says (MUST): only jobs that were enqueued are delivered, under the id they were enqueued with

What happened: job-1 came \\u202efrom\\nnowhere. (and 2 more of this clause in the same history)

   ms  worker 0
0.000  lease(1) -> job-1


fail/ends is broken (seen while exercising lease/known).

The contract says (PROMISE redelivers=False): a failed job is never delivered again

What happened: job-2 came back.

(no operations)

To replay just this:

    pytest this"""
    )


def test_how_exactly_it_can_be_repeated() -> None:
    """Where that is known, it stands beside the command."""
    text = stories([replace(OWN, label="best effort")], exercised="lease/known", replay="pytest this")
    assert text.endswith("\n\nTo replay just this (best effort):\n\n    pytest this")


def test_a_headline_is_one_line() -> None:
    """Where there is room for one line, it names the clause and says what happened."""
    assert headline(OWN) == "lease/known is broken: job-1 came \\u202efrom\\nnowhere."


def test_any_text_is_made_fit_for_a_terminal() -> None:
    """A reason may quote the store: its controls are escaped, its lines stay."""
    assert with_replay("hung\n  at \x1b[31m", "pytest this") == (
        "hung\n  at \\x1b[31m\n\nTo replay just this:\n\n    pytest this"
    )


def test_a_text_on_one_line() -> None:
    """Its lines are joined by blanks."""
    assert (
        one_line("it could not be judged.\n\nit hung\n  here\x07")
        == "it could not be judged. it hung here\\x07"
    )


def test_the_level_of_a_promise_names_the_capability() -> None:
    """So that a reader knows what was promised."""
    clauses = ("lease/known", "fail/unknown-reported", "fail/ends")
    assert [level(CLAUSE[each]) for each in clauses] == ["MUST", "SHOULD", "PROMISE redelivers=False"]


def _calls(count: int) -> list[Operation]:
    """A job, so many leases in vain, and the one that shows what is wrong."""
    enqueue = Operation("enqueue", 0, 2, 3, job_id="job-1", jobs=JOB)
    leases = [Operation("lease", 1, 2 * each, 2 * each + 1, value=1) for each in range(2, count + 2)]
    seen = Operation("lease", 0, 2 * count + 4, 2 * count + 5, value=1, jobs=JOB)
    return [Operation("lease", 1, 0, 1, value=1), enqueue, *leases, seen, seen._replace(invoked=99)]


def test_what_was_seen_in_another_history_is_shown_by_itself() -> None:
    """Two runs are not told as one: what an example has shown stands beside what a program has."""
    history = _calls(2)
    seen = history[-2]._replace(invoked=10_000, returned=10_001)
    found = Violation("lease/known", "it came", "job-1", (seen,))
    alone = "   ms  worker 0\n0.000  lease(1) -> job-1"
    assert alone in stories([found], exercised="lease/exclusive", replay="pytest this", history=history)
    assert (story(found, history).witness, story(found, history).history) == ([as_object(seen)],) * 2
    own = replace(found, witness=(history[-2],))
    assert story(own, history).history == [as_object(each) for each in history]


def test_a_short_history_is_shown_from_the_first_job_to_what_is_wrong() -> None:
    """What led to it, and not only what proves it; a long one is left out."""
    shown = {}
    for count in (2, 20):
        history = _calls(count)
        found = Violation("lease/known", "it came", "job-1", (history[-2],))
        text = stories([found], exercised="lease/known", replay="pytest this", history=history)
        shown[count] = [
            line.split("  ", 1)[1].strip()
            for line in text.splitlines()
            if "  lease" in line or "  enq" in line
        ]
    assert shown == {
        2: ["enqueue(job-1) -> ok", "lease(1) -> (no job)", "lease(1) -> (no job)", "lease(1) -> job-1"],
        20: ["lease(1) -> job-1"],
    }
