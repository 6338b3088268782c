"""A store that can't be opened again: for good, for a moment, or because nothing can be opened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Bench, Settings, ShutForGood, open_bench
from async_contract.experiments.limits import Limits
from async_contract.experiments.machine import BrokenClause, StoreMachine
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import Explorations
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.mutants.mutant import BackingHarness
from async_contract.mutants.plain import Backing, PlainStore, Row
from async_contract.store import Job

DURABLE = Capabilities(durable=True)


class Door:
    """Whether a store can be opened: the errors that come when it is tried, one after another.

    Attributes:
        errors: For the sandbox that was opened first, once it was; then it opens.
        elsewhere: For all other sandboxes.
        tried: How often it was tried.
    """

    def __init__(self, *errors: Exception, elsewhere: Exception | None = None) -> None:
        self.errors = list(errors)
        self.elsewhere = elsewhere
        self.tried = 0
        self._first = ""
        self._backing = Backing(lambda: 0.0)

    def connect(self, sandbox: Sandbox) -> PlainStore:
        """Open it, or don't."""
        if not self._first:
            self._first = sandbox.name
        elif sandbox.name != self._first:
            if self.elsewhere is not None:
                raise self.elsewhere
        else:
            self.tried += 1
            if self.errors:
                raise self.errors.pop(0)
        return PlainStore(self._backing)


def reopened(door: Door, capabilities: Capabilities = DURABLE) -> list[str]:
    """What stands in the history of a store that is reopened."""
    harness = StoreHarness(door.connect, capabilities=capabilities, virtual_time=True)

    async def main() -> Bench:
        with Sandboxes() as sandboxes:
            async with open_bench(harness, sandboxes, Settings()) as bench:
                with suppress(ShutForGood):
                    await bench.reopen()
                return bench

    return [f"{each.method} {each.error or each.outcome}" for each in asyncio.run(main()).history[1:]]


def torn() -> OSError:
    """An error of a store that can't be opened."""
    return OSError("torn")


def test_a_store_that_never_opens_again_is_shut_for_good() -> None:
    """Each of five tries stands in the history, after the closing."""
    assert reopened(Door(*(torn() for _ in range(9)))) == ["reopen ok", *["connect OSError: torn"] * 5]


def test_what_passes_is_no_breach() -> None:
    """Who can open it at the second or the fourth try goes on."""
    assert reopened(Door(torn())) == ["reopen ok"]
    assert reopened(Door(torn(), torn(), torn())) == ["reopen ok"]


def test_leases_have_the_time_to_expire() -> None:
    """Somebody may have locked the store for as long."""
    leasing = Capabilities(durable=True, lease_timeout=30.0)
    harness = StoreHarness(Door(torn()).connect, capabilities=leasing, virtual_time=True)

    async def main() -> float:
        with Sandboxes() as sandboxes:
            async with open_bench(harness, sandboxes, Settings()) as bench:
                before = bench.sandbox.clock()
                await bench.reopen()
                return bench.sandbox.clock() - before

    assert asyncio.run(main()) > 30.0


@pytest.mark.parametrize(
    ("door", "capabilities", "tried"),
    [
        pytest.param(lambda: Door(*(torn() for _ in range(9)), elsewhere=torn()), DURABLE, 4, id="no server"),
        pytest.param(lambda: Door(*(torn() for _ in range(4))), DURABLE, 5, id="emptied meanwhile"),
        pytest.param(lambda: Door(torn(), ValueError("torn")), DURABLE, 2, id="another error"),
        pytest.param(lambda: Door(*(torn() for _ in range(9))), Capabilities(), 1, id="not durable"),
    ],
)
def test_what_may_be_due_to_others_is_an_error(
    door: Callable[[], Door], capabilities: Capabilities, tried: int
) -> None:
    """Where no other store opens either, or this one once another was; or nothing is promised."""
    one = door()
    with pytest.raises(HarnessError, match=r"connecting to the store failed at .*: torn"):
        reopened(one, capabilities)
    assert one.tried == tried


@pytest.mark.parametrize("error", [HarnessError("yielded nothing"), TargetError("no store")])
def test_what_the_harness_does_wrong_is_no_matter_of_patience(error: Exception) -> None:
    """It is told at once."""
    door = Door(error)
    with pytest.raises(type(error), match=str(error)):
        reopened(door)
    assert door.tried == 1


def test_a_store_that_was_shut_before_needs_no_patience() -> None:
    """Neither time nor another store is spent on the same error of the same harness."""

    class Counted(BackingHarness):
        connected = 0

        def connect(self, sandbox: Sandbox) -> PlainStore:
            self.connected += 1
            return super().connect(sandbox)

    harness = Counted(Lined)
    counts = []
    for _ in range(2):
        with Sandboxes() as sandboxes:
            found = verify(harness, "durable/reopen", sandboxes=sandboxes)
        assert found.verdict.verdict is Verdict.BROKEN
        counts.append(harness.connected)
    assert counts[1] - counts[0] == counts[0] - 1


class Lined(PlainStore):
    """A message with a line break can't be read again."""

    def __init__(self, backing: Backing) -> None:
        super().__init__(backing)
        if "torn" in backing.notes:
            raise ValueError("torn")

    def recorded(self, row: Row, message: str) -> str | None:
        """Keep in mind what can't be read."""
        if "\n" in message:
            self.backing.notes["torn"] = message
        return message


class LinedLast(Lined):
    """The same, for a message that no example has."""

    def recorded(self, row: Row, message: str) -> str | None:
        """Keep in mind what can't be read."""
        return super().recorded(row, "" if message.startswith("it failed") else message)


def test_the_example_says_after_which_message() -> None:
    """And nothing that is closed is called any more."""
    with Sandboxes() as sandboxes:
        found = verify(BackingHarness(Lined), "durable/reopen", sandboxes=sandboxes)
    (violation,) = found.verdict.violations
    assert found.others == ()
    assert violation.happened == (
        "the store was closed after worker 1's fail of job-01, and can't be opened any more: ValueError: torn"
    )
    methods = [each.method for each in violation.witness]
    assert methods == ["enqueue", "lease", "fail", "reopen", *["connect"] * 5]


def test_a_message_that_is_refused_is_followed_by_another() -> None:
    """So that the job goes on all the same."""

    class Refusing(PlainStore):
        def recorded(self, row: Row, message: str) -> str | None:
            if "\n" in message:
                raise ValueError("no lines")
            return message

    with Sandboxes() as sandboxes:
        found = verify(BackingHarness(Refusing), "durable/reopen", sandboxes=sandboxes)
    assert (found.verdict.verdict, found.others) == (Verdict.HELD, ())
    fails = [each.value for each in found.history if each.method == "fail"]
    assert fails[:2] == ["it failed\n\tand says why", "boom"]


def test_a_random_program_ends_there_and_is_made_smaller() -> None:
    """All others are carried out as before."""
    explorations = Explorations()
    harness = BackingHarness(LinedLast)
    with Sandboxes() as sandboxes:
        found = verify(
            harness,
            "durable/reopen",
            sandboxes=sandboxes,
            limits=Limits(effort="quick"),
            explorations=explorations,
        )
    assert found.finding is not None
    assert [each.kind.name for each in found.finding.program] == ["ENQUEUE", "LEASE", "FAIL", "REOPEN"]
    assert found.finding.again
    done = explorations.done(harness)
    assert done is not None
    assert set(done.ways["order"].findings) == {"durable/reopen"}
    assert (done.ways["order"].left, done.ways["order"].stopped) == ("", "")


def test_a_state_machine_ends_there() -> None:
    """With the clause, as with any other breach."""
    machine = StoreMachine.for_harness(BackingHarness(Lined))()
    machine.enqueue(job=Job("a", "mail"))
    machine.lease(worker=1, limit=1)
    machine.fail(worker=1, which=0, message="two\nlines")
    with pytest.raises(BrokenClause, match=r"^durable/reopen is broken: the store was closed after") as told:
        machine.reopen()
    machine.teardown()
    assert told.value.history[-1].method == "connect"
