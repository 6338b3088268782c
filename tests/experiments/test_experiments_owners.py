"""A store may know its workers by their process, where each has one of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Settings
from async_contract.experiments.limits import Limits
from async_contract.experiments.owners import promised_here
from async_contract.experiments.programs import Kind, Step
from async_contract.experiments.verify import Verification, verify
from async_contract.experiments.ways import WAY
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.judge import judge
from async_contract.judge.verdict import Label, Verdict
from async_contract.mutants.crashing import FiledStore
from tests.experiments.crash_stores import Dying, DyingLater, OfNobody, OfProcesses, Unopened

TOGETHER = (
    "the workers are connections of one process, which this store does not tell apart, and with "
    'sharing="process" it need not'
)
WAYS = ("order", "loop")
NOT_BY_NAME = (
    "a worker in another process finds the store by the name of its target, and this one was given as an "
    "object; name it as pkg.mod:harness"
)


def fenced(harness: StoreHarness) -> Verification:
    """What the example finds of `expiry/fenced`."""
    with Sandboxes() as sandboxes:
        return verify(harness, "expiry/fenced", sandboxes=sandboxes)


def as_object(store: type[FiledStore]) -> StoreHarness:
    """A harness that another process does not find."""
    harness = store.reached()
    harness.found_as = ""
    return harness


@pytest.mark.parametrize("store", [FiledStore, OfProcesses])
def test_workers_are_fenced_off_in_processes_of_their_own(store: type[FiledStore]) -> None:
    """Whether the store names its connections or their processes."""
    found = fenced(store.reached())
    assert (found.verdict.verdict, found.verdict.label, found.others) == (Verdict.HELD, Label.EXACT, ())
    steps = [f"{each.worker} {each.method} {each.outcome}" for each in found.history if each.worker > 1]
    assert steps[:3] == ["2 connect ok", "3 connect ok", "2 lease ok"]
    assert steps[-2:] == ["2 disconnect ok", "3 disconnect ok"]


def test_a_store_that_does_not_fence_processes_is_caught() -> None:
    """It lets one process end the lease of another."""
    found = fenced(OfNobody.reached())
    assert found.verdict.verdict is Verdict.BROKEN
    assert found.verdict.violations[0].happened == (
        "job-03 was on lease to worker 2 and is shown as ready, after worker 1's fail of job-03"
    )


def test_random_programs_of_one_process_do_not_blame_a_store_that_knows_processes() -> None:
    """In whatever way they are carried out, and nothing of them is evidence that it fences."""
    limits = Limits(effort="quick", seed=1)
    for store, exercised in ((OfProcesses, False), (FiledStore, True)):
        with Sandboxes() as sandboxes:
            ways = [WAY[name].explore(store.reached(), sandboxes, limits, frozenset()) for name in WAYS]
        assert [each.findings for each in ways] == [{}, {}]
        assert any(each.counts["expiry/fenced"] for each in ways) is exercised


def test_a_program_of_one_process_is_judged_by_what_is_promised_there() -> None:
    """Also when it is carried out alone, to be shown again."""
    stale = (
        Step(1, Kind.ENQUEUE), Step(1, Kind.LEASE), Step(1, Kind.SLEEP, 3), Step(2, Kind.LEASE),
        Step(1, Kind.COMPLETE), Step(2, Kind.SLEEP, 3),
    )  # fmt: skip
    for store, fences in ((OfProcesses, False), (FiledStore, True)):
        for name in WAYS:
            harness = store.reached()
            with Sandboxes() as sandboxes:
                played = WAY[name].play(harness, sandboxes, Settings(), stale, ())
            assert played.capabilities == replace(harness.capabilities, fences=fences)
            assert judge(played.history, played.capabilities).broken == ()


def test_only_a_store_that_tells_connections_apart_promises_to_fence_those_of_one_process() -> None:
    """It is tried once, and in virtual time."""
    harness = FiledStore.reached()
    assert promised_here(harness) is harness.capabilities
    together = OfProcesses.reached()
    assert promised_here(together) == replace(together.capabilities, fences=False)
    assert promised_here(together) is promised_here(together)
    real = FiledStore.reached()
    real.virtual_time = False
    assert promised_here(real) == replace(real.capabilities, fences=False)


def test_other_promises_hold_wherever_the_workers_are() -> None:
    """A store of connections fences those; and one that does not fence has promised nothing more."""
    for promised in (
        Capabilities(lease_timeout=1.0, fences=True, sharing="connection"),
        Capabilities(lease_timeout=1.0, sharing="process"),
    ):
        assert promised_here(StoreHarness(FiledStore.on_file, capabilities=promised)) is promised


def refusing(sandbox: Sandbox) -> FiledStore:
    """Refuse to be connected to."""
    raise OSError("no server")


def test_a_store_that_can_not_be_opened_promises_nothing_here() -> None:
    """Why it can't others tell."""
    promised = Capabilities(lease_timeout=1.0, fences=True, sharing="process")
    harness = StoreHarness(refusing, capabilities=promised, virtual_time=True)
    assert promised_here(harness) == replace(promised, fences=False)


def test_without_other_processes_a_store_that_tells_connections_apart_is_held() -> None:
    """If it is given as an object, or can't be opened there."""
    for harness in (as_object(FiledStore), Unopened.reached(), Dying.reached()):
        found = fenced(harness)
        assert found.verdict.verdict is Verdict.HELD
        assert not any(each.method == "disconnect" for each in found.history)


def test_without_other_processes_one_that_knows_processes_is_not_exercised() -> None:
    """It says why there are none, and what follows from that."""
    verdict = fenced(as_object(OfProcesses)).verdict
    assert (verdict.verdict, verdict.reason) == (Verdict.UNEXERCISED, f"{TOGETHER}: {NOT_BY_NAME}")


def test_a_worker_that_dies_of_a_call_exercises_nothing() -> None:
    """It is told what it was doing."""
    verdict = fenced(DyingLater.reached()).verdict
    assert verdict.verdict is Verdict.UNEXERCISED
    assert verdict.reason == "a worker in another process ended when it had to lease"
