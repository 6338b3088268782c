"""A store that is correct and otherwise unpredictable, its workers, and the history they record.

One effect follows another, and wherever the contract leaves open what a store does, chance decides. Then
every call is made longer than its effect, so that calls overlap. All instants are multiples of one tick: many
are equal, and leases expire to the tick.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Literal, NamedTuple, TypeAlias

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import (
    CANCELLED,
    OK,
    REJECTED,
    UNKNOWN,
    Delivered,
    Method,
    Operation,
    Outcome,
    instant,
)
from async_contract.store import JobRecord, JobState

End: TypeAlias = Literal["complete", "fail"]

IDS = ("a", "b")

# A cancelled call, and one that the store refused.
_ERRORS: dict[Outcome, str] = {OK: "", UNKNOWN: CANCELLED, REJECTED: "ValueError: no"}


class Habits(NamedTuple):
    """What the workers of a simulation are apt to do.

    Attributes:
        jobs: How many jobs there are at most.
        size: How many calls there are at least and at most.
        waits: How many ticks may lie between one effect and the next.
        overlap: The part of the calls that are made longer than their effect.
        enqueue: The chance that a worker enqueues, while there is something to enqueue.
        end: The chance that it ends a job that it was given, if it has one.
        lease: How often it leases otherwise, as weighed against the three that follow.
        stale: How often it ends any job at all.
        look: How often it inspects.
        trouble: How often a connection is closed, a worker killed or the store reopened.
        fails: The part of the ends that are fails; the others are completes.
        lost: The part of the leases that are cancelled.
    """

    jobs: int = 2
    size: tuple[int, int] = (3, 12)
    waits: tuple[int, ...] = (0, 0, 0, 1, 1, 2, 3)
    overlap: float = 0.5
    enqueue: float = 0.5
    end: float = 0.55
    lease: int = 25
    stale: int = 6
    look: int = 7
    trouble: int = 7
    fails: float = 0.67
    lost: float = 0.14


class Call(NamedTuple):
    """What a worker asks: a method, what came of it, and what went in and out."""

    method: Method
    outcome: Outcome = OK
    job_id: str | None = None
    value: int | str | JobRecord | None = None
    jobs: tuple[Delivered, ...] = ()


class Caller:
    """A worker: its calls follow one another, and it knows what it was given."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.free = 0  # the instant at which its last call but one returned
        self.last: Operation | None = None  # its last call; `returned` is the instant of its effect so far
        self.holds: list[str] = []
        self.connected = True


class SimulatedJob:
    """A job as the store sees it."""

    def __init__(self) -> None:
        self.asked = False  # whether it was given to enqueue
        self.phase: JobState | None = None
        self.worker: int | None = None  # whose lease it is; None: nobody can know
        self.lease = 0  # the number of its latest lease, those that nobody received included
        self.received = False
        self.given: set[int] = set()  # the workers who received it at some time
        self.ends: int | None = None  # the earliest instant at which the lease may end by itself
        self.deliveries = 0
        self.expired = False  # whether a lease that somebody had received ended by itself


class Simulation:
    """The store, the workers and the clock."""

    def __init__(self, random: Random, capabilities: Capabilities, tick: int, habits: Habits) -> None:
        self.random = random
        self.may = capabilities
        self.habits = habits
        self.tick = tick
        self.now = tick
        self.lasts: int | None = None
        if capabilities.lease_timeout is not None:
            self.lasts = round((capabilities.lease_timeout - capabilities.clock_resolution) * 1e9) - 1_000
        self.jobs = {job_id: SimulatedJob() for job_id in IDS[: random.randint(1, habits.jobs)]}
        self.callers = [Caller(number) for number in range(1, random.randint(2, 3) + 1)]
        self.lost_lease = False
        self.late: list[Callable[[], object]] = []  # effects of lost calls that have not come yet
        self.numbered = random.random() < 0.7  # whether deliveries are numbered, or the number is frozen
        self.done: list[Operation] = []

    def run(self) -> list[Operation]:
        """A history in the order of `instant`; long ones are more frequent than short ones."""
        size = max(self.random.randint(*self.habits.size), self.random.randint(*self.habits.size))
        for left in range(size, 0, -1):
            self._pass_time()
            # What the calls before made of the job shows at the end, if at all.
            self._call(self.random.choice(self.callers), to_look=left < 3 and self.random.random() < 0.5)
        for caller in self.callers:
            last = caller.last
            if last is not None and last.outcome == UNKNOWN and self.random.random() < 0.3:
                self.done.append(last._replace(returned=None))
            else:
                self._return(caller, self.now + 2 * self.tick)
        self.done.sort(key=instant)
        return self.done

    # The clock and what happens by itself.

    def _pass_time(self) -> None:
        chance = self.random.random
        self.now += self.tick * self.random.choice(self.habits.waits)
        if self.late and chance() < 0.4:
            self.late.pop()()
        for job in self.jobs.values():
            if chance() < 0.1:
                self._lapse(job)

    def _lapse(self, job: SimulatedJob) -> None:
        """End a lease if it may end by itself."""
        if job.phase == "leased" and job.ends is not None and job.ends <= self.now:
            job.expired = job.expired or job.received
            job.phase = "dead" if self._may_be_the_last(job) and self.random.random() < 0.3 else "ready"

    def _may_be_the_last(self, job: SimulatedJob) -> bool:
        """Whether the job's latest delivery is the last one allowed, however its lease ends.

        A delivery that nobody saw counts too, and who knows whether a lost lease was one?
        """
        used_up = job.deliveries >= (self.may.max_attempts or 0)
        return self.may.expiry_counts and (used_up or self.lost_lease)

    def _effect(self, outcome: Outcome, effect: Callable[[], object]) -> None:
        """Let the effect of a call happen: now, later or never, as its outcome allows."""
        chance = self.random.random()
        if outcome == OK or (outcome == UNKNOWN and chance < 0.35):
            effect()
        elif outcome == UNKNOWN and chance < 0.65:
            self.late.append(effect)

    # Workers.

    def _call(self, caller: Caller, *, to_look: bool) -> None:
        """One worker makes one call, mostly one that makes sense."""
        chance = self.random.random
        fresh = [job_id for job_id, job in self.jobs.items() if not job.asked]
        if not caller.connected:
            caller.connected = True
            self._record(caller, Call("connect"))
        elif to_look:
            self._inspect(caller, self.random.choice(list(self.jobs)))
        elif fresh and chance() < self.habits.enqueue:
            self._enqueue(caller, fresh[0])
        elif caller.holds and chance() < self.habits.end:
            self._end(caller, self.random.choice(caller.holds))
        else:
            self._turn(caller)

    def _turn(self, caller: Caller) -> None:
        """What a worker does that has nothing to end, or lets it wait."""
        habits, job_id = self.habits, self.random.choice(list(self.jobs))
        weights = (habits.lease, habits.stale, habits.look, habits.trouble)
        match self.random.choices(("lease", "stale", "look", "trouble"), weights)[0]:
            case "lease":
                self._lease(caller)
            case "stale":
                self._end(caller, job_id)
            case "look":
                self._inspect(caller, job_id)
            case _:
                self._trouble(caller)

    def _record(self, caller: Caller, call: Call) -> None:
        """Note a call whose effect is now; when it returned is settled when its worker goes on."""
        self._return(caller, self.now)
        caller.last = Operation(
            call.method, caller.number, self._between(self.now, caller.free), self.now,
            call.outcome, call.job_id, call.value, call.jobs, _ERRORS[call.outcome],
        )  # fmt: skip

    def _return(self, caller: Caller, by: int) -> None:
        if caller.last is not None and caller.last.returned is not None:
            caller.free = self._between(caller.last.returned, by)
            self.done.append(caller.last._replace(returned=caller.free))
            caller.last = None

    def _between(self, near: int, far: int) -> int:
        """An instant between two, often the nearer one."""
        if near == far or self.random.random() >= self.habits.overlap:
            return near
        away = self.random.randint(0, min(4, abs(far - near) // self.tick)) * self.tick
        return near + away if far > near else near - away

    def _outcome(self, lost: float = 0.14) -> Outcome:
        chance = self.random.random()
        return REJECTED if chance < 0.06 else UNKNOWN if chance < 0.06 + lost else OK

    # The store.

    def _enqueue(self, caller: Caller, job_id: str) -> None:
        job, outcome = self.jobs[job_id], self._outcome()
        job.asked = True

        def appear() -> None:
            job.phase = "ready"

        self._record(caller, Call("enqueue", outcome, job_id, jobs=(Delivered(job_id, "k"),)))
        self._effect(outcome, appear)

    def _lease(self, caller: Caller) -> None:
        outcome, limit = self._outcome(self.habits.lost), self.random.choice((1, 1, 2))
        self.lost_lease = self.lost_lease or outcome == UNKNOWN
        if outcome != OK:
            self._record(caller, Call("lease", outcome, value=limit))
            for job in self.jobs.values():
                self._effect(outcome, partial(self._put_on_lease, job, None))
            return
        batch: list[Delivered] = []
        for job_id, job in self.jobs.items():
            if self.random.random() < 0.8:
                self._lapse(job)
            if len(batch) < limit and self.random.random() < 0.9 and self._put_on_lease(job, caller.number):
                job.received = True
                job.given.add(caller.number)
                job.deliveries += 1
                batch.append(Delivered(job_id, "k", attempts=job.deliveries if self.numbered else 0))
        caller.holds = [*caller.holds, *(job.id for job in batch if job.id not in caller.holds)]
        self._record(caller, Call("lease", value=limit, jobs=tuple(batch)))

    def _put_on_lease(self, job: SimulatedJob, worker: int | None) -> bool:
        """Lease the job out, if it is ready and may be delivered once more; whether it was.

        If the call of the lease was lost it is nobody's, and may end at once.
        """
        used_up = self.may.expiry_counts and job.deliveries >= (self.may.max_attempts or 0)
        if job.phase != "ready" or used_up:
            return False
        job.phase, job.worker, job.received = "leased", worker, False
        job.lease += 1
        lasts = 0 if worker is None else self.lasts
        job.ends = None if lasts is None else self.now + lasts
        return True

    def _end(self, caller: Caller, job_id: str) -> None:
        """A complete or a fail, by the holder or by another."""
        method: End = "fail" if self.random.random() < self.habits.fails else "complete"
        outcome = self._outcome()
        if outcome != REJECTED and job_id in caller.holds:
            caller.holds = [held for held in caller.holds if held != job_id]
        message = "m" if method == "fail" else None
        self._record(caller, Call(method, outcome, job_id, message))
        job = self.jobs[job_id]
        if not (self.may.fences and self._is_superseded(caller, job_id)):
            self._effect(outcome, partial(self._arrive, method, caller.number, job, job.lease))

    def _is_superseded(self, caller: Caller, job_id: str) -> bool:
        """Whether the job went to another after the caller's latest delivery, in full view of the caller.

        Where it is not settled yet when the other's lease returned, it counts as if it had at once.
        """
        invoked = self.now if caller.last is None else caller.last.invoked
        seen = [*self.done, *(other.last for other in self.callers if other.last is not None)]
        deliveries = [
            (call.worker, call.invoked, call.returned)
            for call in seen
            if call.returned is not None and call.method == "lease"
            and any(job.id == job_id for job in call.jobs)
        ]  # fmt: skip
        own = [returned for worker, _, returned in deliveries if worker == caller.number]
        return own != [] and any(
            worker != caller.number and max(own) < start and returned < invoked
            for worker, start, returned in deliveries
        )

    def _arrive(self, method: End, worker: int, job: SimulatedJob, lease: int) -> None:
        """The effect of a complete or a fail that was called when the job's latest lease was `lease`."""
        if job.phase in (None, "completed"):
            return
        leased = job.phase == "leased"
        if leased and job.worker == worker and job.received and job.lease <= lease:
            job.phase = "completed" if method == "complete" else self._after_fail(job)
        elif self.random.random() < 0.5 and not (
            leased and self.may.fences and worker in job.given and job.worker not in (None, worker)
        ):
            if method == "complete":
                job.phase = "completed"
            elif job.phase != "dead":
                job.phase = self.random.choice(("ready", "dead"))

    def _after_fail(self, job: SimulatedJob) -> JobState:
        """What the holder's fail makes of the job."""
        may, chance = self.may, self.random.random()
        if may.redelivers is False:
            return "dead"
        if may.max_attempts is None:
            return "dead" if may.redelivers is None and chance < 0.5 else "ready"
        used_up = job.deliveries >= may.max_attempts
        miscounted = job.expired and not may.expiry_counts
        if chance < 0.4 and (miscounted or (self.lost_lease and not used_up)):
            used_up = not used_up
        return "dead" if used_up else "ready"

    def _inspect(self, caller: Caller, job_id: str) -> None:
        """What the store shows; what is finished may be gone, and what has run out may show as ready."""
        job, outcome = self.jobs[job_id], self._outcome()
        shown = job.phase
        if shown in ("completed", "dead") and self.random.random() < 0.3:
            shown = None
        elif shown == "leased" and job.ends is not None and job.ends <= self.now:
            shown = self.random.choice(("ready", "leased"))
        record = None if shown is None or outcome != OK else JobRecord(shown, None, job.deliveries)
        self._record(caller, Call("inspect", outcome, job_id, record))

    def _trouble(self, caller: Caller) -> None:
        """What happens around the calls."""
        method: Method = self.random.choice(("reopen", "reopen", "disconnect", "kill", "mutate"))
        self._record(caller, Call(method))
        if method == "mutate":
            return
        if method != "reopen":
            caller.connected = False
        for job in self.jobs.values():
            if method != "disconnect" and not self.may.durable:
                # It may remember anything of a job that it had, but it makes up no job.
                if job.phase is not None:
                    job.phase = self.random.choice((None, "ready", "leased", "completed", "dead"))
            elif method == "reopen" or (
                job.worker == caller.number and (method == "disconnect" or self.may.ends_with_connection)
            ):
                job.ends = self.now if job.ends is None else min(job.ends, self.now)
