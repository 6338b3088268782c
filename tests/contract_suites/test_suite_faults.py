"""Stores on a server whose wire is cut or stalled, or which is killed and started again: nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import pytest

from async_contract.experiments.bench import Bench, Settings, Worker, open_bench
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import REJECTED, UNKNOWN, Operation
from async_contract.judge.judge import judge
from async_contract.store import Job, JobRecord
from contract_suites import nats as nats_suite
from contract_suites import postgres as postgres_suite
from contract_suites import valkey as valkey_suite
from contract_suites import valkey_streams as streams_suite
from contract_suites.servers import nats, postgres, valkey
from contract_suites.servers.server import Server
from contract_suites.servers.wire import Fault, Wire

SUITES: dict[str, tuple[Any, Any]] = {
    "postgres": (postgres, postgres_suite),
    "valkey": (valkey, valkey_suite),
    "valkey_streams": (valkey, streams_suite),
    "nats": (nats, nats_suite),
}
SEEDS = range(int(os.environ.get("ASYNC_CONTRACT_FAULT_SEEDS", "3")))
FORGETFUL = {"nats"}
"""JetStream writes down with a delay to whom it has delivered what; killed, it forgets the latest."""
FOR_EVER = Settings(call_limit=None, longest_wait=60.0)
LEASE_TIMEOUT = 3.0
"""Seconds; on a busy machine a few calls must not take longer."""

# nats-py leaves a connection unclosed when it can't connect again.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning")


class Place(NamedTuple):
    """A server, the wire to it, and a store at the end of that."""

    name: str
    server: Server
    wire: Wire
    harness: StoreHarness


@pytest.fixture(params=list(SUITES))
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """One store after the other, each with a server of its own."""
    name: str = request.param
    module, suite = SUITES[name]
    server = module.start()
    try:
        with Wire(server.port) as wire:
            harness = suite.harness_at(lambda: wire.through(module.url_of(server)), LEASE_TIMEOUT)
            yield Place(name, server, wire, harness)
    finally:
        server.close()


def run(place: Place, story: Callable[[Bench], Awaitable[None]]) -> list[Operation]:
    """Has a story happen on a bench, and nothing more after that; gives the history."""

    async def told() -> list[Operation]:
        with Sandboxes() as sandboxes:
            async with open_bench(place.harness, sandboxes, FOR_EVER) as bench:
                await _warm_up(bench)
                began = len(bench.history)
                await story(bench)
                place.wire.release()
                # Nothing of the warming up lasts, so what comes after it is a history of its own.
                return bench.history[began:]

    history = asyncio.run(told())
    gc.collect()  # what nats-py has left unclosed is to be complained about here, where that is ignored
    return history


async def _warm_up(bench: Bench) -> None:
    """Has every call made once, so that scripts are loaded and connections open."""
    worker = await bench.first_worker()
    await bench.offer(Job("warm", "kind"), worker)
    for _ in range(2):
        await worker.ask(1)
        await worker.fail("warm")
        await bench.settle()
    await worker.ask(1)
    await worker.finish("warm")


def broken(place: Place, history: list[Operation], *, killed: bool = False) -> dict[str, str]:
    """What a history shows to be broken, by clause."""
    capabilities = place.harness.capabilities
    if killed and place.name in FORGETFUL:
        capabilities = replace(capabilities, counts_attempts=False, expiry_counts=False, max_attempts=None)
    return {each.clause: each.happened for each in judge(history, capabilities).violations}


def deliveries(history: list[Operation]) -> dict[str, list[int]]:
    """The jobs that arrived, with the number of each delivery."""
    found: dict[str, list[int]] = {}
    for operation in history:
        if operation.method == "lease":
            for job in operation.jobs:
                found.setdefault(job.id, []).append(job.attempts)
    return dict(sorted(found.items()))


async def the_end(bench: Bench) -> None:
    """Waits until every lease has expired, and takes all that comes."""
    await bench.expire()
    await bench.drain()


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_WITHIN, Fault.CUT_AFTER])
def test_a_cut_makes_an_outcome_unknown_and_loses_nothing(place: Place, fault: Fault) -> None:
    """What the server was told took effect, once; what it was not told did not; every job comes."""
    outcomes: dict[str, str] = {}
    record: list[JobRecord | None] = []

    async def story(bench: Bench) -> None:
        worker = await bench.first_worker()
        await bench.enqueue(3)
        first, second = await bench.obtain(worker, 2)
        for call in (
            lambda: bench.offer(Job("struck", "kind"), worker),
            lambda: worker.complete(first),
            lambda: worker.fail(second),
            lambda: worker.lease(1),
        ):
            place.wire.arm(fault)
            await call()
            done = bench.history[-1]
            outcomes[done.method] = done.outcome
            if done.outcome != REJECTED:  # at once, for the lease may be over: nothing was sent
                assert await asyncio.to_thread(place.wire.struck.wait, 60)
            place.wire.release()
            await bench.inspect(first)  # whoever was cut off connects again here, if it can
        await the_end(bench)
        if bench.harness.inspects(worker.store):
            seen = await bench.inspect(second)
            assert seen is not None
            assert not isinstance(seen.value, (int, str))
            record.append(seen.value)

    history = run(place, story)
    assert broken(place, history) == {}
    if place.name == "nats":
        # It connects again by itself, and then sends what it could not send before.
        assert {"job-01", "job-02", "job-03"} <= deliveries(history).keys() <= {
            "job-01", "job-02", "job-03", "struck",
        }  # fmt: skip
        return
    assert outcomes == dict.fromkeys(["enqueue", "complete", "fail", "lease"], UNKNOWN)
    if fault is Fault.CUT_AFTER:
        assert deliveries(history) == {"job-01": [1], "job-02": [1, 2], "job-03": [2], "struck": [1]}
        assert record == [JobRecord("completed", "boom", 2)]
    else:
        assert deliveries(history) == {"job-01": [1, 2], "job-02": [1, 2], "job-03": [1]}
        assert record == [JobRecord("completed", None, 2)]


@pytest.mark.parametrize("fault", [Fault.STALL_BEFORE, Fault.STALL_AFTER])
def test_an_end_that_is_stalled_counts_when_the_server_gets_it(place: Place, fault: Fault) -> None:
    """Late, it finds the job on lease to another, and a fence keeps it out. With a late answer, it counts."""

    async def story(bench: Bench) -> None:
        worker, another = await bench.workers(2)
        (job,) = await bench.enqueue()
        await bench.obtain(worker, 1)
        place.wire.arm(fault)
        late = asyncio.create_task(worker.complete(job))
        assert await asyncio.to_thread(place.wire.struck.wait, 60)
        await bench.expire()
        await another.ask(1)
        place.wire.release()
        await late
        await the_end(bench)

    history = run(place, story)
    assert broken(place, history) == {}
    (late,) = [each for each in history if each.method == "complete" and each.worker == 1][:1]
    if fault is Fault.STALL_AFTER:
        assert late.outcome != REJECTED  # nats-py may have given up waiting
        assert deliveries(history) == {"job-01": [1]}
    elif place.harness.capabilities.fences:
        assert (late.outcome, deliveries(history)) == (REJECTED, {"job-01": [1, 2, 3]})


def test_a_server_that_is_killed_keeps_what_it_has_acknowledged(place: Place) -> None:
    """It is killed during a call and starts again on its data; no job is lost, and no outcome."""

    async def story(bench: Bench) -> None:
        worker = await bench.first_worker()
        await bench.enqueue(5)
        first, second, third, _ = await bench.obtain(worker, 4)
        await worker.finish(first)
        await worker.give_up(second)
        place.wire.arm(Fault.STALL_AFTER)
        during = asyncio.create_task(worker.complete(third))
        assert await asyncio.to_thread(place.wire.struck.wait, 60)
        await asyncio.to_thread(place.server.kill)
        place.wire.release()
        await asyncio.to_thread(place.server.restart)
        await during
        await the_end(bench)

    history = run(place, story)
    assert broken(place, history, killed=True) == {}
    found = deliveries(history)
    assert found.keys() == {f"job-{number:02}" for number in range(1, 6)}
    assert found["job-01"] == found["job-03"] == [1]  # the server had answered before it was killed


@pytest.mark.parametrize("seed", SEEDS)
def test_random_faults_lose_nothing(place: Place, seed: int) -> None:
    """Two workers do what they like, the wire is cut and stalled, the server killed; nothing is broken."""
    random = Random(seed)

    async def story(bench: Bench) -> None:
        workers = await bench.workers(2)
        held: dict[int, list[str]] = {worker.number: [] for worker in workers}
        for step in range(25):
            worker = random.choice(workers)
            if random.random() < 0.06 and place.name not in FORGETFUL:
                await asyncio.to_thread(place.server.kill)
                await asyncio.to_thread(place.server.restart)
            elif random.random() < 0.5:
                place.wire.arm(random.choice(list(Fault)), random.randrange(2))
            releasing = asyncio.create_task(_release(place.wire, random.choice([0.01, 0.05, 0.2])))
            await _step(bench, worker, held[worker.number], f"job {step}", random)
            await releasing
        await the_end(bench)

    assert broken(place, run(place, story)) == {}


async def _release(wire: Wire, seconds: float) -> None:
    await asyncio.sleep(seconds)
    wire.release()


async def _step(bench: Bench, worker: Worker, held: list[str], name: str, random: Random) -> None:
    match random.choice(["enqueue", "enqueue", "lease", "lease", "complete", "fail"]):
        case "enqueue":
            await bench.offer(Job(name, "kind", payload=name.encode()), worker)
        case "lease":
            held.extend(str(job.id) for job in await worker.lease(random.choice([1, 2, 10])))
        case "complete" if held:
            await worker.complete(random.choice(held))
        case "fail" if held:
            await worker.fail(random.choice(held))
