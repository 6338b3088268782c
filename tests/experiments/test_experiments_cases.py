"""Cases and their tokens."""

from __future__ import annotations

import pytest

from async_contract.experiments.cases import Case, InvalidToken, case_of, read
from async_contract.experiments.findings import Finding
from async_contract.experiments.limits import Limits
from async_contract.experiments.pauses import Pause
from async_contract.experiments.programs import Kind, Step
from async_contract.experiments.verify import verify
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import Verdict, Violation
from async_contract.reference.memory import MemoryStore
from async_contract.store import Job

PROGRAM = (Step(0, Kind.ENQUEUE), Step(1, Kind.LEASE), Step(2, Kind.LEASE, 3))
CASE = Case("lease/exclusive", "loop", PROGRAM, "s1_1-2-4")


def test_a_token_is_read_as_what_was_written() -> None:
    """Blanks around it, from a careless selection, do no harm."""
    for case in (CASE, Case("fail/ends")):
        assert read(case.token) == case
        assert read(f" {case.token}\n") == case


def test_a_token_of_a_version_is_always_the_same() -> None:
    """It is pasted into bug reports and must be good for years."""
    tokens = [CASE.token, Case("fail/ends").token]
    assert tokens == [
        "1.lease/exclusive.loop.eNpjYAACRkYgwcTIzMAAAAA5AAk.s1_1-2-4.27ace2", "1.fail/ends.example.d84971",
    ]  # fmt: skip


@pytest.mark.parametrize("cut", range(1, len(CASE.token)))
def test_a_part_of_a_token_is_refused(cut: int) -> None:
    """No part of one repeats something else."""
    with pytest.raises(InvalidToken, match="is no token, or a part of one; paste it whole"):
        read(CASE.token[:cut])


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (
            CASE._replace(clause="lease/quick"),
            "another version of pytest-async-contract; run the clause anew",
        ),
        (CASE._replace(way="magic"), "another version of pytest-async-contract; run the clause anew"),
        (CASE._replace(schedule="s9"), "can't be read: 's9' is no schedule of this version"),
    ],
)
def test_a_token_of_another_version_is_refused(case: Case, says: str) -> None:
    """Its checksum is right, and still it means nothing here."""
    with pytest.raises(InvalidToken, match=says):
        read(case.token)


def test_a_finding_gives_its_case() -> None:
    """Without a finding it is the clause's example that breaks it."""
    violation = Violation("lease/exclusive", "It went wrong.", None, ())
    finding = Finding(violation, PROGRAM, (), (Pause(1, 2, 4),), "loop")
    assert case_of("lease/exclusive", finding) == CASE
    assert case_of("fail/ends", None) == Case("fail/ends")


class Keeps(MemoryStore):
    """A store that delivers what is on lease."""

    async def lease(self, limit: int) -> list[Job]:
        """Deliver everything, for ever."""
        return [Job("job-01", "kind-0", "acme", b"0")][: max(limit, 0)] if self._entries else []


def test_a_case_is_repeated_by_itself() -> None:
    """The verdict is that of its one history: broken, held, or with too little in it."""
    in_order = CASE._replace(way="order", schedule="s1")
    nothing = in_order._replace(program=(Step(0, Kind.ENQUEUE),))
    with Sandboxes() as sandboxes:

        def repeated(harness: StoreHarness, case: Case) -> Verdict:
            found = verify(harness, case.clause, sandboxes=sandboxes, limits=Limits(), only=case)
            assert (found.finding is not None) == (found.verdict.verdict is Verdict.BROKEN)
            return found.verdict.verdict

        assert repeated(StoreHarness(Keeps), in_order) is Verdict.BROKEN
        assert repeated(StoreHarness(MemoryStore), in_order) is Verdict.HELD
        assert repeated(StoreHarness(MemoryStore), nothing) is Verdict.UNEXERCISED
