"""The text of a script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.cases import Case
from async_contract.harness.harness import StoreHarness
from async_contract.history.operation import CANCELLED, Delivered, Operation
from async_contract.judge.verdict import Violation
from async_contract.reference.memory import MemoryStore
from async_contract.report.script import script

JOB = (Delivered("job-1", "mail", "acme", b"\x00", 0),)
MILLISECOND = 1_000_000
HISTORY = (
    Operation("enqueue", 0, 0, 1, "ok", "job-1", jobs=JOB),
    Operation("lease", 1, 2, 3, value=1, jobs=JOB),
    Operation("fail", 1, 4, 5, "ok", "job-1", 'it\'s\n"bad"'),
    Operation("lease", 1, 250 * MILLISECOND, 251 * MILLISECOND, value=1, jobs=JOB),
    Operation("complete", 1, 252 * MILLISECOND, 253 * MILLISECOND, "unknown", "job-1", error="OSError: no"),
    Operation("lease", 1, 254 * MILLISECOND, 255 * MILLISECOND, value=1),
)


def text(
    history: Sequence[Operation] = HISTORY,
    clause: str = "complete/final",
    case: Case | None = None,
    happened: str = "job-1 came back",
    store: object = MemoryStore,
    **options: object,
) -> str:
    """The script for a history whose last but one operation shows what is wrong."""
    violation = Violation(clause, happened, "job-1", tuple(history[-2:-1]))
    harness = StoreHarness(store, **options)  # type: ignore[arg-type]
    return script("mypkg.Store", harness, violation, history, case or Case(clause))  # fmt: skip


def calls(script: str) -> list[str]:
    """The lines of the story."""
    lines = script.partition("async def story(store):\n")[2].partition("\n\n")[0]
    return [line.strip() for line in lines.splitlines()]


def test_the_calls_stand_in_order_up_to_the_last_that_matters() -> None:
    """With their arguments, with what came of each, and with the time that passed."""
    assert calls(text()) == [
        "await call(store.enqueue, Job('job-1', 'mail', 'acme', b'\\x00'), gives='ok')",
        "await call(store.lease, 1, gives=['job-1'])",
        "await call(store.fail, 'job-1', 'it\\'s\\n\"bad\"', gives='ok')",
        "await asyncio.sleep(0.250)",
        "await call(store.lease, 1, gives=['job-1'])",
        "await call(store.complete, 'job-1', gives='OSError')",
    ]


def test_where_a_clause_is_about_content_all_of_it_is_compared() -> None:
    """Attempts that do not grow are nothing that an id shows."""
    assert calls(text(clause="lease/attempts"))[1] == (
        "await call(store.lease, 1, gives=[('job-1', 'mail', 'acme', b'\\x00', 0)])"
    )


def test_what_a_store_says_never_ends_the_docstring() -> None:
    """A quotation mark or a backslash in it is written otherwise."""
    head = text(happened='"""\\').partition("\n")[0]
    assert head == "\"\"\"complete/final is broken: '''/"
    compile(text(happened='"""\\'), "script", "exec")


def test_a_violation_without_a_witness_takes_the_whole_history() -> None:
    """Nothing says what of it is needed."""
    violation = Violation("lease/progress", "job-1 never came", "job-1", ())
    whole = script("mypkg.Store", StoreHarness(MemoryStore), violation, HISTORY, Case("lease/progress"))
    assert calls(whole)[-1] == "await call(store.lease, 1, gives=[])"


CANCELS = HISTORY[1]._replace(outcome="unknown", error=CANCELLED, jobs=())


@pytest.mark.parametrize(
    "history",
    [
        (HISTORY[0], CANCELS, *HISTORY[2:]),
        (HISTORY[0], HISTORY[1]._replace(returned=10), *HISTORY[2:]),
        (HISTORY[0], HISTORY[1]._replace(returned=None), *HISTORY[2:]),
        (HISTORY[0]._replace(job_id="chosen"), *HISTORY[1:]),
        (HISTORY[0], HISTORY[1]._replace(jobs=(JOB[0]._replace(attempts=None),)), *HISTORY[2:]),
        (HISTORY[0], Operation("reopen", 0, 2, 3), *HISTORY[2:]),
    ],
    ids=["cancelled", "overlapping", "without return", "ids of its own", "odd values", "reopened"],
)
def test_what_is_no_plain_call_is_repeated_by_its_token(history: Sequence[Operation]) -> None:
    """The script has the target, the token, and the clause."""
    assert "repeat('mypkg.Store', '1.complete/final.example.e7ba1e', 'complete/final', runs=10)" in text(
        history
    )


class Nested:
    """A class with a store in it."""

    class Store(MemoryStore):
        """It can't be imported by one name."""


class Entered(MemoryStore):
    """A store that has to be entered."""

    def __enter__(self) -> Self:
        return self


class Placed(MemoryStore):
    """A store that wants to know where it is."""

    def __init__(self, sandbox: object = None) -> None:
        super().__init__()


@pytest.mark.parametrize(
    "options",
    [
        {"store": Nested.Store},
        {"store": Entered},
        {"store": Placed},
        {"store": lambda: MemoryStore(max_attempts=2)},
        {"virtual_time": True},
        {"capabilities": Capabilities(sharing="connection")},
        {"enqueue": lambda store, job: store.enqueue(job)},
    ],
    ids=["nested", "entered", "placed", "function", "virtual time", "connections", "another enqueue"],
)
def test_a_store_that_is_not_just_built_is_repeated_by_its_token(options: dict[str, object]) -> None:
    """Only the harness knows how it is reached."""
    assert "repeat('mypkg.Store'" in text(**options)  # type: ignore[arg-type]


def test_a_schedule_is_repeated_by_its_token() -> None:
    """Plain calls have no say in who goes next."""
    assert "repeat('mypkg.Store'" in text(case=Case("complete/final", "loop", (), "s1_1-2-3"))
