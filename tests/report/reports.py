"""Reports made by hand, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from async_contract.contract.clauses import STORE_CLAUSES
from async_contract.history.operation import Delivered, Operation
from async_contract.judge.verdict import Label, Violation
from async_contract.report.grade import Results
from async_contract.report.model import Report, report_of
from async_contract.report.row import Row
from async_contract.report.story import Story, story

TARGET = "mypkg.Store"
JOB = Delivered("job-1", "mail", "", b"\x00\xff")
HISTORY = (
    Operation("enqueue", 0, 0, 1000, job_id="job-1", jobs=(JOB,)),
    Operation("lease", 0, 2000, 3000, value=1, jobs=(JOB,)),
    Operation("lease", 1, 4000, 5000, value=1, jobs=(JOB,)),
    Operation("complete", 0, 6000, 7000, job_id="job-1"),
)
TWICE = Violation(
    "lease/exclusive", "job-1 was delivered twice.", "job-1", HISTORY[1:3], ("worker 1 is late",),
    label=Label.STATEMENT_EXACT,
)  # fmt: skip
COMMAND = "pytest --async-contract=mypkg.Store 'async-contract/mypkg.Store::lease::exclusive'"


def told(violation: Violation = TWICE, history: Sequence[Operation] = HISTORY) -> Story:
    """The story of a violation, with a command and a script."""
    return story(violation, history, reproduce=COMMAND, script="print('again')\n")


def results(
    changed: Mapping[str, str] | None = None, *stories: Story, target: str = TARGET, strict: bool = False
) -> Results:
    """A target that keeps everything, but for these verdicts; an empty one leaves the clause out."""
    verdicts = {clause.id: "held" for clause in STORE_CLAUSES} | dict(changed or {})
    found = Results([target], strict=strict)
    found.promise(target, {"lease_timeout": 0.5, "fifo": False})
    for clause, verdict in verdicts.items():
        if verdict:
            found.add(target, Row(clause, verdict, 5, "" if verdict == "held" else f"why {verdict}"))
    for each in stories:
        found.tell(target, each)
    return found


def report(changed: Mapping[str, str] | None = None, *stories: Story, **how: Any) -> Report:
    """The report of such a target."""
    made = report_of(results(changed, *stories, **how), seeds=[0], environment=[{"python": "3"}])
    return replace(made, tool_version="1.2.3")


def broken(**how: Any) -> Report:
    """The report of a store that delivers a job twice, and does nothing else wrong."""
    return report({"lease/exclusive": "broken"}, told(), **how)
