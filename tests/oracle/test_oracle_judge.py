"""The judge and the oracle agree on random histories: of correct stores, with lies, and of other stores.

`ASYNC_CONTRACT_ORACLE_HISTORIES` says how many they are asked about, all tests together; 2,000 by default.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import REJECTED, Delivered, Operation
from async_contract.judge.judge import Judge

from .random_histories import FOCUSES, mutate, other_promises, random_history
from .wing_gong import explainable

HISTORIES = int(os.environ.get("ASYNC_CONTRACT_ORACLE_HISTORIES", "2000"))
KINDS = ("true", "with-lies", "of-another-store")
EACH = -(-HISTORIES // (len(KINDS) * len(FOCUSES)))


def disagreements(operations: Sequence[Operation], capabilities: Capabilities) -> dict[str, str]:
    """The jobs of which one of the two says what the other denies, each with what is said.

    A job that no enqueue can have made is compared only if the judge names it: that it has no explanation
    may be another clause's affair.
    """
    judge = Judge(operations, capabilities)
    judge.read()
    unexplained = judge.unexplained()
    enqueued = {
        call.job_id or "" for call in operations if call.method == "enqueue" and call.outcome != REJECTED
    }
    found = {}
    for job_id in sorted(enqueued | unexplained):
        if (job_id in unexplained) == explainable(operations, capabilities, job_id):
            says = "only the judge blames" if job_id in unexplained else "only the oracle blames"
            found[job_id] = says if job_id in enqueued else f"{says}, never enqueued"
    return found


def smallest(operations: Sequence[Operation], capabilities: Capabilities) -> list[Operation]:
    """A part of a history with the same disagreement, out of which no operation can be left."""
    job_id, says = next(iter(disagreements(operations, capabilities).items()))
    left, place = list(operations), 0
    while place < len(left):
        shorter = left[:place] + left[place + 1 :]
        if disagreements(shorter, capabilities).get(job_id) == says:
            left, place = shorter, 0
        else:
            place += 1
    return left


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("focus", FOCUSES)
def test_the_judge_and_the_oracle_agree(focus: str, kind: str) -> None:
    """On each job of each history, whatever the history is about."""
    for number in range(EACH):
        random = Random(f"{focus} {kind} {number}")
        operations, capabilities = random_history(random, focus=focus)
        if kind == "with-lies":
            operations = mutate(random, operations)
        elif kind == "of-another-store":
            capabilities = other_promises(random, capabilities, focus=focus)
        if disagreements(operations, capabilities):
            part = smallest(operations, capabilities)
            found, steps = disagreements(part, capabilities), "\n".join(map(str, part))
            pytest.fail(f"{focus}, {kind}, number {number}: {found}\n{capabilities}\n{steps}")


def test_a_disagreement_is_told_in_as_few_operations_as_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a judge that has lost its mind; where they agree there is nothing to tell."""
    job = (Delivered("a", "k"),)
    enqueue, connect = Operation("enqueue", 1, 0, 10, job_id="a", jobs=job), Operation("connect", 2, 20, 30)
    lease = Operation("lease", 1, 40, 50, value=1, jobs=job)
    history, promised = [enqueue, connect, lease, lease._replace(invoked=60, returned=70)], Capabilities()
    assert disagreements(history, promised) == {}
    monkeypatch.setattr(Judge, "unexplained", lambda _: frozenset[str]())
    assert disagreements(history, promised) == {"a": "only the oracle blames"}
    assert smallest(history, promised) == [enqueue, *history[2:]]
    monkeypatch.setattr(Judge, "unexplained", lambda _: frozenset("ab"))
    assert disagreements(history[:3], promised) == {
        "a": "only the judge blames", "b": "only the judge blames, never enqueued",
    }  # fmt: skip
