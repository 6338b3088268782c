"""Jobs that seem lost and may come yet, in real time: it is waited for them where that decides."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments import doubts, explore, interleavings, races, scheduled
from async_contract.experiments.bench import Bench, Settings, open_bench
from async_contract.experiments.cases import case_of
from async_contract.experiments.doubts import Doubts, see_out
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.findings import Exploration
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.programs import TEXTS, Kind, Program, Step
from async_contract.experiments.races import Heats, Races
from async_contract.experiments.scheduled import Effort, Scheduler
from async_contract.experiments.verify import verify
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.judge.judge import judge
from async_contract.judge.verdict import Verdict
from async_contract.store import Job, JobNotLeased

LASTS = 0.2
PROMISED = Capabilities(lease_timeout=LASTS, redelivers=True, sharing="connection")


@dataclass(slots=True)
class Broker:
    """What the connections of a sandbox share: what is ready, on lease (until when), and kept by a client."""

    ready: list[Job] = field(default_factory=list)
    leased: dict[str, tuple[Job, float]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)


BROKERS: WeakKeyDictionary[Sandbox, Broker] = WeakKeyDictionary()


class Client:
    """A connection to a correct broker in real time, which keeps nothing."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.broker = BROKERS.setdefault(sandbox, Broker())

    async def enqueue(self, job: Job) -> None:
        """Take a job in."""
        self.broker.ready.append(job)

    async def lease(self, limit: int) -> list[Job]:
        """Deliver ready jobs."""
        await asyncio.sleep(0)
        return self.taken(max(limit, 0))

    async def complete(self, id: str) -> None:
        """Record that a job is done."""
        await asyncio.sleep(0)
        self.off_lease(id)

    async def fail(self, id: str, message: str) -> None:
        """Put a job back."""
        await asyncio.sleep(0)
        self.broker.ready.append(self.off_lease(id))

    def off_lease(self, id: str) -> Job:
        """End a lease."""
        if id not in self.broker.leased:
            raise JobNotLeased(id)
        return self.broker.leased.pop(id)[0]

    def taken(self, most: int) -> list[Job]:
        """Put jobs on lease."""
        broker, now = self.broker, time.monotonic()
        for job, due in list(broker.leased.values()):
            if due <= now:
                broker.ready.append(self.off_lease(job.id))
        jobs = [broker.ready.pop(0) for _ in range(min(most, len(broker.ready)))]
        broker.leased.update((job.id, (job, now + LASTS)) for job in jobs)
        return jobs


class Keeps(Client):
    """Another job is handed out with each batch, and kept for the next one."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.kept: list[tuple[Job, float]] = []  # the leases themselves, as the broker has them

    async def lease(self, limit: int) -> list[Job]:
        """Deliver what was kept, if it still is, and ready jobs."""
        if limit < 1:
            return []
        now, leased = time.monotonic(), self.broker.leased
        kept = [each[0] for each in self.kept if leased.get(each[0].id) is each and each[1] > now]
        jobs = [*kept, *self.taken(limit + 1 - len(kept))]
        self.kept = [leased[job.id] for job in jobs[limit:]]
        leased.update((job.id, (job, now + LASTS)) for job in jobs[:limit])
        self.broker.kept -= {job.id for job in jobs[:limit]}
        self.broker.kept |= {job.id for job in jobs[limit:]}
        return jobs[:limit]


class Loses(Client):
    """Of a batch that leaves a job behind, that one is lost for ever."""

    async def lease(self, limit: int) -> list[Job]:
        """Deliver ready jobs, and lose one."""
        await asyncio.sleep(0)
        jobs = self.taken(max(limit, 0))
        if jobs and self.broker.ready:
            del self.broker.ready[0]
        return jobs


class Forgets(Keeps):
    """What is kept is lost when its lease expires, in the first waits; later it comes.

    Attributes:
        left: In so many waits.
        forgets: Whether it is lost now.
    """

    left = 0
    forgets = False

    def taken(self, most: int) -> list[Job]:
        """Forget what has expired and was kept, and put jobs on lease."""
        broker, now = self.broker, time.monotonic()
        for job, due in list(broker.leased.values()):
            if due <= now and job.id in broker.kept and Forgets.forgets:
                del broker.leased[job.id]
        return super().taken(most)


def harness(store: Callable[[Sandbox], object], capabilities: Capabilities = PROMISED) -> StoreHarness:
    """A harness in real time."""
    return StoreHarness(store, capabilities=capabilities)


@pytest.fixture
def sandboxes() -> Iterator[Sandboxes]:
    """Where the stores' private places are made."""
    with Sandboxes() as made:
        yield made


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited for leases to expire, in all ways of doing so."""
    waited: list[float] = []
    expire, let_pass = Bench.expire, interleavings._let_pass

    def noted(seconds: float) -> None:
        waited.append(seconds)
        Forgets.forgets = len(waited) <= Forgets.left

    async def expired(bench: Bench) -> None:
        if not bench.sandbox.virtual:
            noted(LASTS)
        await expire(bench)

    def passed(seconds: float) -> None:
        noted(seconds)
        let_pass(seconds)

    monkeypatch.setattr(Bench, "expire", expired)
    monkeypatch.setattr(interleavings, "_let_pass", passed)
    return waited


# -- whether to suspect ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("harness", "suspects"),
    [
        (harness(Client), True),
        (harness(Client, replace(PROMISED, lease_timeout=6.0)), False),
        (harness(Client, replace(PROMISED, lease_timeout=4.0, expiry_delay=2.0)), False),
        (harness(Client, Capabilities()), False),
        (StoreHarness(Client, capabilities=PROMISED, virtual_time=True), False),
    ],
)
def test_a_job_that_may_come_yet_is_suspected_where_it_can_be_waited_for(
    harness: StoreHarness, *, suspects: bool
) -> None:
    """In real time, if leases expire, and soon enough."""
    assert Doubts(harness, Settings(longest_wait=5.0)).suspects is suspects


def test_it_is_not_waited_in_vain_for_long() -> None:
    """The first time goes without saying; then for half of the time that there is."""
    one = Doubts(harness(Client, replace(PROMISED, lease_timeout=1.0)), Settings())
    one.was_wrong(8.0)
    one.was_wrong(8.0)
    assert one.suspects
    one.was_wrong(8.0)
    assert not one.suspects


@pytest.mark.parametrize(
    ("store", "longest", "came", "lost"),
    [
        (Keeps, 5.0, True, []),
        (Loses, 5.0, False, ["job-02"]),
        (Client, 5.0, False, []),
        (Keeps, 0.01, False, []),
    ],
)
def test_what_is_missing_is_waited_for(
    store: type[Client], longest: float, *, came: bool, lost: list[str], sandboxes: Sandboxes
) -> None:
    """Then it has come or is lost; where it takes too long it is neither."""

    async def played() -> tuple[bool, list[str | None]]:
        async with open_bench(harness(store), sandboxes, Settings(longest_wait=longest)) as bench:
            await bench.first_worker()
            other = (await bench.workers(2))[1]
            await bench.enqueue(2)
            await other.complete(str((await other.lease(1))[0].id))
            await bench.drain()
            answer = await see_out(bench)
        return answer, [each.job_id for each in judge(bench.history, PROMISED).violations]

    assert asyncio.run(played()) == (came, lost)


def test_a_store_whose_delays_are_too_long_is_not_asked_again(sandboxes: Sandboxes) -> None:
    """What its leases had is over, and its retries can't be waited for."""

    async def played() -> int:
        slow = harness(Client, replace(PROMISED, retry_delay=60.0))
        async with open_bench(slow, sandboxes, Settings()) as bench:
            before = len(bench.history)
            await doubts.outlast(bench)
            return len(bench.history) - before

    assert asyncio.run(played()) == 0


# -- in order -------------------------------------------------------------------------------------

BUDGET = Budget(programs=60, seconds=30.0, patience=60.0)


def in_order(store: type[Client], sandboxes: Sandboxes) -> Exploration:
    """What random programs show, one step after another."""
    return asyncio.run(Explorer(harness(store), sandboxes, Settings(), 7).explore(BUDGET))


def test_a_lost_job_is_proved_and_the_program_made_small_without_waiting(
    sandboxes: Sandboxes, waits: list[float]
) -> None:
    """Hundreds of programs are tried, and a few of them waited for."""
    found = in_order(Loses, sandboxes)
    finding = found.findings["lease/progress"]
    assert finding.again
    assert len(finding.program) <= 4
    assert "lease/progress" in {each.clause for each in judge(finding.history, PROMISED).violations}
    assert 0 < len(waits) <= 20


@pytest.mark.parametrize("store", [Keeps, Client])
def test_what_comes_when_leases_are_over_is_not_lost_in_any_program(
    store: type[Client], sandboxes: Sandboxes
) -> None:
    """It is waited for until it is clear that this store keeps jobs."""
    assert in_order(store, sandboxes).findings == {}


def test_no_more_is_waited_for_a_store_that_keeps_jobs(
    sandboxes: Sandboxes, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here not after the first time, so little of the time there is for that."""
    monkeypatch.setattr(doubts, "SHARE", 0.0)
    assert in_order(Keeps, sandboxes).findings == {}
    assert len(waits) == 1


HOSTILE = len(TEXTS) - 4  # the first message that need not be stored

REFUSED: Program = (*[Step(0, Kind.ENQUEUE)] * 3, Step(1, Kind.FAIL, 0, HOSTILE), Step(2, Kind.LEASE))
"""One worker is refused, and another keeps a job, which the message of the first seems to have lost."""

SHARES = pytest.mark.parametrize(("share", "left"), [(0.5, 1), (0.5, 2), (0.0, 2)])
"""What part of the time may be waited in vain, and in how many waits what is kept is lost."""


@SHARES
@pytest.mark.usefixtures("waits")
def test_what_was_proved_stands_if_no_smaller_program_proves_it(
    share: float, left: int, sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the store gives back what it keeps from then on, whether that is waited for or not."""
    monkeypatch.setattr(Forgets, "left", left)
    monkeypatch.setattr(doubts, "SHARE", share)
    monkeypatch.setattr(explore, "generate", lambda random, menu: REFUSED)
    one = Explorer(harness(Forgets), sandboxes, Settings(), 7)
    (finding,) = asyncio.run(one.explore(replace(BUDGET, programs=1))).findings.values()
    assert finding.violation.clause == "fail/hostile-message"
    assert finding.again is (left == 2)
    assert finding.violation.clause in {each.clause for each in judge(finding.history, PROMISED).violations}


def test_a_program_that_shows_it_is_repeated_with_the_wait(sandboxes: Sandboxes) -> None:
    """So what was found is found again by its token."""
    finding = in_order(Loses, sandboxes).findings["lease/progress"]
    again = verify(
        harness(Loses),
        "lease/progress",
        sandboxes=sandboxes,
        only=case_of("lease/progress", finding),
        tries=1,
    )
    assert again.verdict.verdict is Verdict.BROKEN
    kept = verify(
        harness(Keeps),
        "lease/progress",
        sandboxes=sandboxes,
        only=case_of("lease/progress", finding),
        tries=1,
    )
    assert kept.verdict.verdict is not Verdict.BROKEN


def test_a_token_is_repeated_with_a_wait_where_another_client_may_keep_what_is_missing(
    sandboxes: Sandboxes, waits: list[float]
) -> None:
    """Without it nothing would be proved."""
    finding = replace(
        in_order(Loses, sandboxes).findings["lease/progress"],
        program=(*[Step(0, Kind.ENQUEUE)] * 4, Step(1, Kind.LEASE), Step(2, Kind.LEASE)),
    )
    waits.clear()
    case = case_of("lease/progress", finding)
    again = verify(harness(Loses), "lease/progress", sandboxes=sandboxes, only=case, tries=1)
    assert (again.verdict.verdict, bool(waits)) == (Verdict.BROKEN, True)


# -- at the same time -----------------------------------------------------------------------------


def on_the_loop(store: type[Client], sandboxes: Sandboxes) -> Exploration:
    """What concurrent programs show, on the simulated loop."""
    stage = LoopStage(harness(store), sandboxes, Settings())
    return Scheduler(stage, 3).explore(Effort(programs=8, schedules=8, seconds=30.0, patience=60.0))


def test_a_lost_job_is_proved_on_the_simulated_loop(sandboxes: Sandboxes, waits: list[float]) -> None:
    """The store's own time is waited for; that of the loop is set."""
    finding = on_the_loop(Loses, sandboxes).findings["lease/progress"]
    assert finding.again
    assert 0 < len(waits) <= 20
    again = verify(
        harness(Loses),
        "lease/progress",
        sandboxes=sandboxes,
        only=case_of("lease/progress", finding),
        tries=1,
    )
    assert again.verdict.verdict is Verdict.BROKEN


def test_a_kept_job_is_not_lost_on_the_simulated_loop(sandboxes: Sandboxes) -> None:
    """Whatever the schedule."""
    assert on_the_loop(Keeps, sandboxes).findings == {}


@SHARES
@pytest.mark.usefixtures("waits")
def test_what_was_proved_on_the_simulated_loop_stands(
    share: float, left: int, sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the store gives back what it keeps from then on, whether that is waited for or not."""
    monkeypatch.setattr(Forgets, "left", left - 1)
    monkeypatch.setattr(doubts, "SHARE", share)
    monkeypatch.setattr(scheduled, "openings", lambda menu: (REFUSED,))
    stage = LoopStage(harness(Forgets), sandboxes, Settings())
    found = Scheduler(stage, 3).explore(Effort(programs=1, schedules=1, seconds=60.0, patience=60.0)).findings
    assert [(each, found[each].again) for each in found] == [("fail/hostile-message", False)][: left - 1]


HEATS = Heats(programs=6, repeats=3, seconds=30.0, tries=20, patience=60.0, again=3)


def test_a_lost_job_is_proved_in_a_race(sandboxes: Sandboxes) -> None:
    """Its history shows that it did not come when every lease was over."""
    finding = Races(harness(Loses), sandboxes, Settings()).explore(HEATS, 3).findings["lease/progress"]
    assert "lease/progress" in {each.clause for each in judge(finding.history, PROMISED).violations}


@pytest.mark.usefixtures("waits")
def test_what_was_proved_in_a_race_stands(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the store gives back what it keeps from then on, which a smaller program seems to lose."""
    monkeypatch.setattr(Forgets, "left", 1)
    monkeypatch.setattr(races, "numbered", lambda seed, number, menu: REFUSED)
    one = Races(harness(Forgets), sandboxes, Settings())
    (finding,) = one.explore(replace(HEATS, programs=1), 3).findings.values()
    assert not finding.again
    assert finding.violation.schedule
    assert finding.violation.clause in {each.clause for each in judge(finding.history, PROMISED).violations}


def test_no_race_is_waited_for_in_vain_for_long(
    sandboxes: Sandboxes, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that leases once, beside one that does not, keeps a job: it comes, and that is known then."""
    monkeypatch.setattr(doubts, "SHARE", 0.0)
    one = Races(harness(Keeps), sandboxes, Settings())
    for heat in range(3):
        assert judge(one.race(REFUSED, heat), PROMISED).violations == ()
    assert len(waits) == 1


def test_a_kept_job_is_not_lost_in_a_race(sandboxes: Sandboxes) -> None:
    """However late everybody is."""
    assert Races(harness(Keeps), sandboxes, Settings()).explore(HEATS, 3).findings == {}


def test_a_run_that_lasts_as_long_as_a_lease_shows_nothing(sandboxes: Sandboxes) -> None:
    """The store's leases may have expired, in a time that the simulated loop does not know of."""

    class Slow(Client):
        async def lease(self, limit: int) -> list[Job]:
            """Deliver ready jobs, after their leases have expired that were held before."""
            over = time.monotonic() + LASTS
            while time.monotonic() < over:  # it holds up the whole loop, which would not let it sleep
                pass
            return await super().lease(limit)

    stage = LoopStage(harness(Slow), sandboxes, Settings())
    found = Scheduler(stage, 3).explore(Effort(programs=2, schedules=2))
    assert (found.findings, sum(found.counts.values())) == ({}, 0)


# -- where leases last too long to wait for -------------------------------------------------------


@pytest.mark.parametrize(("store", "loses"), [(Loses, True), (Keeps, False)])
def test_the_other_clients_are_asked_where_leases_last_too_long(
    store: type[Client], *, loses: bool, sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What none of them delivers is lost, and found without a wait."""
    monkeypatch.setattr(sys.modules[__name__], "LASTS", 60.0)
    one = Explorer(harness(store, replace(PROMISED, lease_timeout=60.0)), sandboxes, Settings(), 7)
    assert bool(asyncio.run(one.explore(BUDGET)).findings) is loses
