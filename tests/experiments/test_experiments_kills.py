"""A worker that is killed at a chosen instant, and the look at the store afterwards."""

from __future__ import annotations

import asyncio

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Bench, Settings, open_bench
from async_contract.experiments.kills import CHILD, PARENT, Kill, crash, decode, encode, obstacle, settling
from async_contract.experiments.processes.host import Host
from async_contract.experiments.programs import Kind, Program, Step
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.history.operation import Operation
from async_contract.judge.judge import judge
from async_contract.mutants.crashing import FiledStore
from async_contract.reference.memory import MemoryStore
from tests.experiments.crash_stores import Endless, Torn, TornForAll

TO_COMPLETE = (Step(PARENT, Kind.ENQUEUE), Step(CHILD, Kind.ENQUEUE), Step(CHILD, Kind.LEASE))
COMPLETED = (*TO_COMPLETE, Step(CHILD, Kind.COMPLETE))


def crashed(
    store: type[FiledStore], program: Program, kill: Kill
) -> tuple[list[Operation], dict[str, float]]:
    """The history of a program whose worker was killed, and how long its calls took."""
    harness = store.reached()

    async def main() -> tuple[Bench, dict[str, float]]:
        with Sandboxes() as sandboxes:
            async with open_bench(harness, sandboxes, Settings()) as bench, Host(harness, 20) as host:
                return bench, await crash(bench, host, program, kill)

    bench, latencies = asyncio.run(main())
    return bench.history, latencies


def told(history: list[Operation]) -> list[str]:
    """Who did what, and what came of it, from the connection of the worker on."""
    told = [f"{each.worker} {each.method} {each.error or each.outcome}" for each in history]
    return [each for each in told[told.index("2 connect ok") :] if "inspect" not in each]


@pytest.mark.parametrize("kill", [Kill("after"), Kill("in", 250), Kill("at", 3)])
def test_a_kill_is_written_down_and_read(kill: Kill) -> None:
    """As a word for a token."""
    assert decode(encode((kill,))) == (kill,)


def test_what_is_no_kill_is_not_read() -> None:
    """A part of one, or another way's schedule."""
    for text in ("", "k1_", "k1_in", "k1_on-3", "s1_2-3-7"):
        with pytest.raises(ValueError, match="says no instant of a kill; paste it whole"):
            decode(text)


def test_a_kill_says_when_it_is() -> None:
    """In words, for the story; what depends on the machine is said to."""
    assert str(Kill("after")) == "kill the worker when its last call has returned"
    assert str(Kill("in", 250)) == "kill the worker 250 microseconds into its last call (best effort)"
    assert str(Kill("at", 3)) == "kill the worker in its last call, at boundary 3"
    assert str(Kill("at", 3, "the statement COMMIT")) == (
        "kill the worker in its last call, at boundary 3, before the statement COMMIT"
    )


def test_a_worker_is_killed_when_its_last_call_has_returned() -> None:
    """A newcomer is given what was not on lease, and in the end nothing that was completed."""
    history, latencies = crashed(FiledStore, COMPLETED, Kill("after"))
    assert told(history) == [
        "2 connect ok", "0 enqueue ok", "2 enqueue ok", "2 lease ok", "2 complete ok",
        "2 kill ok", "3 connect ok", "3 lease ok", "3 complete ok", *["3 lease ok"] * 3,
    ]  # fmt: skip
    assert list(latencies) == ["enqueue", "lease", "complete"]
    assert judge(history, FiledStore.promises()).broken == ()


def test_a_worker_is_killed_inside_its_last_call() -> None:
    """Of which then nobody knows what came; that the store is shut since then is the kill's doing."""
    history, latencies = crashed(Torn, COMPLETED, Kill("in", 100_000))
    error = "EOFError: Ran out of input"
    assert told(history) == [
        "2 connect ok", "0 enqueue ok", "2 enqueue ok", "2 lease ok", "2 complete killed",
        "2 kill ok", "3 connect ok", *[f"3 lease {error}"] * 20,
    ]  # fmt: skip
    assert list(latencies) == ["enqueue", "lease"]
    (found,) = judge(history, Torn.promises()).violations
    assert found.happened == (
        f"since worker 2 was killed inside its complete of job-01, every lease fails: {error}"
    )


def test_a_broker_has_time_to_hear_that_a_connection_is_closed() -> None:
    """Before that it can't give back what the dead worker held, and an empty lease is no fault of its."""
    capabilities = (Capabilities(), Capabilities(ends_with_connection=True))
    assert [settling(each) for each in capabilities] == [0.01, 0.25]


def test_a_store_that_can_not_be_opened_any_more_is_tried_time_and_again() -> None:
    """Also when the dead worker's lease has expired."""
    history, _ = crashed(TornForAll, COMPLETED, Kill("in", 100_000))
    error = "EOFError: Ran out of input"
    assert told(history)[-6:] == [f"3 connect {error}"] * 6
    (found,) = judge(history, TornForAll.promises()).violations
    assert found.happened == (
        f"since worker 2 was killed inside its complete of job-01, the store can't be opened: {error}"
    )


def test_a_job_on_a_lease_without_an_end_may_be_stranded() -> None:
    """Nobody waits for it, and nobody is to blame."""
    history, _ = crashed(Endless, TO_COMPLETE, Kill("after"))
    assert told(history)[-4:] == ["3 complete ok", *["3 lease ok"] * 3]
    assert judge(history, Endless.promises()).broken == ()


@pytest.mark.parametrize(
    ("options", "settings", "can_kill", "reason"),
    [
        ({}, Settings(), True, ""),
        ({}, Settings(), False, "this system has no signal that ends a process at once"),
        ({}, Settings(allow_nonempty=True), True, "the store may hold jobs of others"),
        ({"found_as": ""}, Settings(), True, "finds the store by the name of its target"),
    ],
)
def test_why_no_worker_can_be_killed(
    options: dict[str, str],
    settings: Settings,
    can_kill: bool,  # noqa: FBT001
    reason: str,
) -> None:
    """In plain words."""
    harness = FiledStore.reached()
    harness.found_as = options.get("found_as", harness.found_as)
    found = obstacle(harness, settings, can_kill=can_kill)
    assert reason in found
    assert bool(reason) == bool(found)


# -- whoever comes after ----------------------------------------------------------------------------


class Shut(StoreHarness):
    """A store that can be opened for the first time, and then again after so many tries."""

    def __init__(self, tries: int, error: Exception, **capabilities: object) -> None:
        super().__init__(MemoryStore, virtual_time=True)
        self.left = [None, *[error] * tries]

    def connect(self, sandbox: Sandbox) -> MemoryStore:
        """Connect, or fail to."""
        error = self.left.pop(0) if self.left else None
        if error is not None:
            raise error
        return MemoryStore()


def newcomers(harness: StoreHarness) -> list[tuple[str, str]]:
    """What came of it when a newcomer connected to the store."""

    async def main() -> Bench:
        with Sandboxes() as sandboxes:
            async with open_bench(harness, sandboxes, Settings()) as bench:
                first, newcomer = await bench.first_worker(), await bench.newcomer()
                assert await bench.first_worker() is (newcomer or first)
                return bench

    history = asyncio.run(main()).history
    return [(each.outcome, each.error) for each in history if each.method == "connect"]


def test_a_newcomer_tries_again() -> None:
    """What is shut now and then is open in between."""
    shut = ("unknown", "OSError: locked")
    assert newcomers(Shut(2, OSError("locked"))) == [shut, shut, ("ok", "")]


def test_a_newcomer_gives_up_in_the_end() -> None:
    """The judge reads how often it was tried."""
    assert newcomers(Shut(9, OSError("locked"))) == [("unknown", "OSError: locked")] * 6


def test_a_newcomer_does_not_hide_what_is_wrong_with_the_harness() -> None:
    """That is no matter of the store."""
    with pytest.raises(HarnessError, match="no store at all"):
        newcomers(Shut(1, HarnessError("no store at all")))
