"""What an item tells beside its row, in a form that travels with its report: the story of what is broken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from async_contract.history.jsonl import as_object
from async_contract.history.operation import Operation
from async_contract.judge.verdict import Violation
from async_contract.judge.witness import is_of
from async_contract.report.escape import inline
from async_contract.report.sequence import render

Objects = list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Story:
    """How a clause was broken; all of it builtins.

    Attributes:
        clause: The clause's id.
        exercised: The id of the clause that was being exercised.
        message: What happened, in one sentence.
        schedule: Who has to be late for it to happen.
        diagram: The witness as a sequence diagram in text.
        witness: Its operations, as in a history's file.
        history: Everything that was called, likewise.
        reproduce: The command that repeats it.
        script: The text of a script that shows it without pytest; empty if there is none.
        label: How exactly it can be repeated.
    """

    clause: str
    exercised: str
    message: str
    schedule: list[str]
    diagram: str
    witness: Objects
    history: Objects
    reproduce: str = ""
    script: str = ""
    label: str = ""


def story(
    violation: Violation,
    history: Sequence[Operation],
    *,
    exercised: str = "",
    reproduce: str = "",
    script: str = "",
) -> Story:
    """The story of a violation.

    Args:
        violation: What was broken.
        history: In which history; if it is another one, there is none but the witness.
        exercised: The id of the clause that was being exercised, if it was another one.
        reproduce: The command that repeats it.
        script: The text of a script that does.
    """
    return Story(
        violation.clause,
        exercised or violation.clause,
        inline(violation.happened),
        [inline(each) for each in violation.schedule],
        violation.shown or render(violation.witness),
        [as_object(each) for each in violation.witness],
        [as_object(each) for each in (history if is_of(violation.witness, history) else violation.witness)],
        reproduce,
        script,
        str(violation.label),
    )


def pack(target: str, subject: object, stories: Sequence[Story]) -> str:
    """What an item tells, as a text: what its target promises, and the stories of what is broken."""
    promised = getattr(subject, "capabilities", None)
    assert promised is None or is_dataclass(promised)
    capabilities = None if promised is None or isinstance(promised, type) else asdict(promised)
    told = {"target": target, "capabilities": capabilities, "stories": [asdict(each) for each in stories]}
    return json.dumps(told)


def unpack(text: str) -> tuple[str, Mapping[str, Any] | None, list[Story]]:
    """The target, what it promises (`None` if its kind has no capabilities), and the stories."""
    told = json.loads(text)
    return told["target"], told["capabilities"], [Story(**each) for each in told["stories"]]
