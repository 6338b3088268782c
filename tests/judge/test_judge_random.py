"""Long random histories of a correct store with every delay that there is; and with lies in them."""

from __future__ import annotations

from random import Random

from async_contract.contract.clauses import STORE_CLAUSES
from async_contract.history.operation import OK, REJECTED, UNKNOWN, Operation, instant
from async_contract.judge.judge import Judge, judge
from async_contract.judge.search import Surroundings, TooManyConfigurations, explain
from async_contract.judge.verdict import Verdict

from .simulated_store import SECOND
from .simulated_workers import simulated

HISTORIES = 120

RARE = {"lease/accepted", "lease/identity", "expiry/fenced", "expiry/max-attempts"}
"""The clauses that need what hardly happens by chance."""


def test_no_correct_store_is_blamed() -> None:
    """Whatever it promises, and however often replies get lost; nearly every clause is put to the test."""
    held: set[str] = set()
    for seed in range(HISTORIES):
        history, capabilities = simulated(seed)
        verdicts = judge(history, capabilities).verdicts
        broken = [each for found in verdicts.values() for each in found.violations]
        assert broken == [], f"seed {seed}"
        held |= {found.clause for found in verdicts.values() if found.verdict is Verdict.HELD}
    assert {clause.id for clause in STORE_CLAUSES} - held <= RARE


def with_lies(random: Random, history: list[Operation]) -> list[Operation]:
    """The history with some lies in it about calls that returned."""
    told = list(history)
    for _ in range(1 + len(told) // 12):
        served = [
            place for place, each in enumerate(told) if each.outcome == OK and (each.jobs or each.job_id)
        ]
        if not served:
            break
        place = random.choice(served)
        operation = told[place]
        lie = random.choice(("forget", "outcome", "worker", "time", "again"))
        if lie == "forget":
            del told[place]
        elif lie == "outcome" and operation.method in ("complete", "fail"):
            told[place] = operation._replace(outcome=random.choice((OK, REJECTED, UNKNOWN)))
        elif lie == "worker":
            told[place] = operation._replace(worker=random.randint(1, 4))
        elif lie == "time":
            invoked = random.choice(told).invoked
            took = (operation.returned or operation.invoked) - operation.invoked
            told[place] = operation._replace(invoked=invoked, returned=invoked + took)
        elif lie == "again" and operation.jobs and operation.method == "lease":
            invoked = operation.invoked + random.randint(0, SECOND)
            worker = random.randint(1, 4)
            told.append(operation._replace(worker=worker, invoked=invoked, returned=invoked + SECOND))
    return sorted(told, key=instant)


def stuck(reader: Judge) -> set[str]:
    """The jobs of which the exact search says that nothing explains what was seen."""
    sweep = reader._sweep
    around = Surroundings(sweep.endings, sweep.erases, sweep.lost_leases)
    ids = [*sweep.live, *sweep.finished]
    return {
        id
        for id, operations in reader._operations_on(ids).items()
        if explain(operations, sweep.life, around).stuck_at is not None
    }


def test_the_pass_is_never_sure_where_the_search_says_otherwise() -> None:
    """What the one pass over a history decides by itself is what the search would have decided."""
    lies = 0
    for seed in range(HISTORIES):
        history, capabilities = simulated(seed)
        told = with_lies(Random(seed), history)
        reader = Judge(told, capabilities)
        reader.read()
        try:
            expected = stuck(reader)
        except TooManyConfigurations:
            continue
        found = set(reader.unexplained()) - set(reader._sweep.unenqueued)
        assert found == expected, f"seed {seed}"
        broken = judge(told, capabilities).broken
        assert broken or not found, f"seed {seed}: {found} breaks no clause"
        lies += bool(broken)
    assert lies > HISTORIES / 4
