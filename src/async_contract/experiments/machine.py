"""A state machine that calls a store at random, for you to add rules to."""

from __future__ import annotations

from asyncio import new_event_loop
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from operator import itemgetter
from typing import Any, ClassVar, Self

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments import strategies
from async_contract.experiments.bench import Bench, NotExercised, Settings, ShutForGood, Worker, open_bench
from async_contract.experiments.examples.lease import change
from async_contract.experiments.examples.values import STRANGERS
from async_contract.experiments.owners import promised_here
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.harness.target import harness_for
from async_contract.history.operation import Operation
from async_contract.judge.judge import Judge
from async_contract.judge.verdict import Violation
from async_contract.store import Job

_WORKERS = st.integers(1, 3)
_WHICH = st.integers(0, 15)
_LOOK_ALIKES: tuple[Callable[[str], str], ...] = (
    "{} ".format, " {}".format, "{}%".format, str.swapcase, itemgetter(slice(-1)), "{}\x00".format,
)  # fmt: skip


class BrokenClause(AssertionError):
    """A store broke a clause of its contract.

    Attributes:
        violation: What it broke.
        history: Everything that was called, and what came of it.
    """

    def __init__(self, violation: Violation, history: tuple[Operation, ...]) -> None:
        clause = CLAUSE[violation.clause]
        super().__init__(f"{clause.id} is broken: {violation.happened}\n({clause.level}: {clause.sentence})")
        self.violation = violation
        self.history = history


class StoreMachine(RuleBasedStateMachine):
    """A Hypothesis state machine over one store; the judge reads its history after every step.

    Use it as it is, in a test file of your own:

        TestMyStore = StoreMachine.for_harness(mypkg.Store).TestCase

    or subclass it and add rules. A rule calls the store through `self.worker(n)`, whose methods are
    coroutines, with `self.run(...)`, so that what it does stands in the history.

    A MUST or PROMISE that is broken fails the test with `BrokenClause`.

    Attributes:
        harness: How the store is reached; set by `for_harness`, or in a subclass.
        bench: The store in its sandbox.
        held: By worker: the ids it was given and has not ended.
        ids: The ids of all jobs.
    """

    harness: ClassVar[StoreHarness]

    @classmethod
    def for_harness(cls, harness: object) -> type[Self]:
        """This machine for a harness, a store class, or a function that makes a store.

        Raises:
            TargetError: It can't be used; the message says what to write.
        """
        found = harness_for(harness, getattr(harness, "__name__", repr(harness)))
        made: type[Self] = type(cls.__name__, (cls,), {"harness": found, "__module__": cls.__module__})
        # Not the phase that says which lines only failing examples run: they are the judge's.
        usual = made.TestCase.settings
        phases = [each for each in usual.phases if each is not Phase.explain]
        made.TestCase.settings = settings(usual, phases=phases)
        return made

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[int, list[str]] = {}
        self.ids: list[str] = []
        self._offered: set[str] = set()
        self._broken = False
        self._workers: dict[int, Worker] = {}
        self._loop = new_event_loop()
        self._stack = AsyncExitStack()
        self._sandboxes = Sandboxes()
        try:
            self.bench: Bench = self.run(self._open())
        except BaseException:
            self._loop.close()
            raise
        self._judge = Judge(self.bench.history, promised_here(self.harness), hasty=self.harness.virtual_time)

    async def _open(self) -> Bench:
        self._stack.enter_context(self._sandboxes)
        return await self._stack.enter_async_context(open_bench(self.harness, self._sandboxes, Settings()))

    # -- for rules ----------------------------------------------------------------------------

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Carry out a coroutine on the loop of this machine and return its result."""
        return self._loop.run_until_complete(call)

    def worker(self, number: int) -> Worker:
        """The worker of this number, from 1; it connects when it is first asked for."""
        while number not in self._workers:
            self._workers[len(self._workers) + 1] = self.run(self.bench.worker())
        return self._workers[number]

    def held_by(self, number: int, which: int) -> str | None:
        """One of the jobs that a worker holds; `None` if it holds none."""
        mine = self.held.get(number)
        return mine[which % len(mine)] if mine else None

    def anyone(self, which: int) -> str:
        """The id of some job: ready, on lease, finished; or of none."""
        if which % 4 == 3 or not self.ids:
            return STRANGERS[which % len(STRANGERS)]
        return self.ids[-1 - which % len(self.ids)]

    def look_alike(self, which: int) -> str:
        """An id that is like the one of some job, and that nobody enqueued."""
        found = _LOOK_ALIKES[which % len(_LOOK_ALIKES)](self.anyone(which))
        return found if found not in self._offered else STRANGERS[0]

    def check(self) -> None:
        """Have the judge read what is new.

        Raises:
            BrokenClause: The store broke a MUST or a PROMISE.
        """
        self._judge.read()
        self._raise(self._judge.found())

    def _raise(self, violations: tuple[Violation, ...]) -> None:
        for each in violations:
            if CLAUSE[each.clause].level != "SHOULD":
                self._broken = True
                raise BrokenClause(each, tuple(self.bench.history))

    # -- rules --------------------------------------------------------------------------------

    @rule(job=strategies.jobs())
    def enqueue(self, job: Job) -> None:
        """Enqueue a job, ordinary or odd; the store may refuse it."""
        if job.id in self._offered:
            return
        self._offered.add(job.id)
        operation = self.run(self.bench.offer(job))
        if operation.outcome == "ok":
            self.ids.append(operation.job_id)
        self.check()

    @rule(worker=_WORKERS, limit=strategies.limits())
    def lease(self, worker: int, limit: int) -> None:
        """Lease jobs, with any limit."""
        jobs = self.run(self.worker(worker).lease(limit))
        self.held.setdefault(worker, []).extend(str(each.id) for each in jobs)
        self.check()

    @rule(worker=_WORKERS, limit=strategies.limits())
    def lease_and_change(self, worker: int, limit: int) -> None:
        """Lease jobs, and change every one that was delivered, and the batch."""
        jobs, batch = self.run(self.worker(worker).lease_raw(limit))
        self.held.setdefault(worker, []).extend(str(each.id) for each in jobs)
        invoked = self.bench.recorder.now()
        change(batch)
        for each in jobs:
            self.bench.recorder.note("mutate", worker, invoked, str(each.id))
        self.check()

    @rule(worker=_WORKERS, which=_WHICH)
    def complete(self, worker: int, which: int) -> None:
        """Complete a job that the worker holds."""
        job_id = self.held_by(worker, which)
        if job_id is not None:
            self.held[worker].remove(job_id)
            self.run(self.worker(worker).complete(job_id))
            self.check()

    @rule(worker=_WORKERS, which=_WHICH, message=strategies.messages())
    def fail(self, worker: int, which: int, message: str) -> None:
        """Fail a job that the worker holds."""
        job_id = self.held_by(worker, which)
        if job_id is not None:
            self.held[worker].remove(job_id)
            self.run(self.worker(worker).fail(job_id, message))
            self.check()

    @rule(worker=_WORKERS, which=_WHICH)
    def complete_anything(self, worker: int, which: int) -> None:
        """Complete any id: of a job on lease to anybody or to nobody, of a finished one, of no job."""
        self.run(self.worker(worker).complete(self.anyone(which)))
        self.check()

    @rule(worker=_WORKERS, which=_WHICH)
    def fail_anything(self, worker: int, which: int) -> None:
        """Fail any id: of a job on lease to anybody or to nobody, of a finished one, of no job."""
        self.run(self.worker(worker).fail(self.anyone(which)))
        self.check()

    @rule(worker=_WORKERS, which=_WHICH, fails=st.booleans())
    def end_look_alike(self, worker: int, which: int, fails: bool) -> None:  # noqa: FBT001 - a rule's argument
        """Complete or fail an id that is like the one of some job."""
        one, job_id = self.worker(worker), self.look_alike(which)
        self.run(one.fail(job_id) if fails else one.complete(job_id))
        self.check()

    @precondition(lambda self: self.harness.virtual_time and self.harness.capabilities.lease_timeout)
    @rule(part=st.sampled_from((0.4, 1.1)))
    def pass_time(self, part: float) -> None:
        """Let time pass: less than a lease lasts, or more."""
        timeout = self.harness.capabilities.lease_timeout
        assert timeout is not None, "there is one: see the precondition"
        self.run(self.bench.sleep(part * timeout))

    @precondition(lambda self: self.harness.capabilities.durable)
    @rule()
    def reopen(self) -> None:
        """Close the store and open it again."""
        try:
            self.run(self.bench.reopen())
        except ShutForGood:
            self._judge.read()
            self._raise(self._judge.judgement().violations)
        self.check()

    @rule()
    def drain(self) -> None:
        """Complete everything that comes, until nothing does."""
        self._drain()
        self.check()

    def _drain(self) -> None:
        try:
            self.run(self.bench.drain())
        except NotExercised:
            return  # its delays are too long to wait for

    def teardown(self) -> None:
        """Drain the store, have the whole history judged, and close everything."""
        try:
            if self._broken:
                return  # what follows has been told already, or follows from it
            if self.harness.virtual_time and self.bench.can_expire:
                self.run(self.bench.expire())
            self._drain()
            self._judge.read()
            self._raise(self._judge.judgement().violations)
        finally:
            self.run(self._stack.aclose())
            self._loop.close()
