"""One pass over a history.

It decides what has a forced order, counts the evidence, and sets aside the jobs that need the exact
search.

A history is read in the order of `instant`. The sessions of a job in a correct store, each from
the return of the lease to the call that ends it, are disjoint and stand one after another in that
order, so for nearly every job a running maximum of invocations that never passes a return is an
explanation of all that was seen. Whatever is not of that simple shape (an outcome that is unknown,
a call by a worker that may not be the holder any more, an inspection, a reopening, a contradiction)
makes the job *doubtful*: its operations are kept and `search.explain` decides.

But not at once. A complete or fail by who does not hold the job may have done nothing, so what was explained
before it still is; and as long as the pass can go on as though it had, it has an explanation, if not the only
one. The search is asked when the pass has gone *astray*, and something was seen.

So the pass may doubt too often, at the price of time; it must never be sure wrongly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, ClassVar

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.life import NEVER, Life, Phase
from async_contract.history.operation import (
    CANCELLED,
    LEFT_OUT,
    OK,
    REJECTED,
    STUCK,
    TIMED_OUT,
    UNKNOWN,
    Delivered,
    Method,
    Operation,
    instant,
)
from async_contract.judge import batch
from async_contract.judge.search import Explanation
from async_contract.judge.verdict import Violation
from async_contract.judge.witness import only
from async_contract.store import JobRecord

Row = Any
"""An operation on its way through the pass, which unpacks it at once; its fields have the types that
its method gives them, and to make sure of that here would cost a tenth of the time."""

READY, LEASED, COMPLETED, DEAD = Phase.READY, Phase.LEASED, Phase.COMPLETED, Phase.DEAD
MOST = 2**31 - 1

# The clauses that every second call of a random program puts to the test: to put a name together takes
# longer than to look it up.
_REFUSED, _UNLEASED, _UNKNOWN, _HARMLESS = (
    {method: f"{method}/{each}" for method in ("complete", "fail")}
    for each in ("rejected-means-not-done", "unleased-reported", "unknown-reported", "unknown-harmless")
)
_REPEATED = {"complete": "complete/repeat-harmless", "fail": "fail/after-complete"}

REFUSALS = 3
"""A transient error may be retried; so many refusals in a row are not transient."""


class Live:
    """What the pass knows of a job that is not finished.

    The phase is the one that the workers' own calls suggest; it is certain unless `doubtful`.
    Defaults stand in the class, so that making one costs little.
    """

    phase: Phase = READY
    doubtful = False
    worker = 0
    former: tuple[int, ...] = ()
    """Who else was given it before."""
    since = 0
    ends = NEVER
    deliveries = 0
    attempts = -1
    last_end = ""
    expired = False
    refusals = 0
    refused = ""
    failed: Operation | None = None
    uncommon = False
    changes: tuple[Operation, ...] = ()
    explained: tuple[int, int, Explanation | None] | None = None
    """What the search has found of so many operations, with so much around them."""
    astray = False
    """Whether what the pass takes to have become of it need not explain all that was seen of it."""
    unexplained = False
    """Whether since it was last explained something was seen that may have no explanation."""
    inspected = False
    ended = False
    """Whether a call that came after its last delivery may have finished it; see `Sweep.may_be_over`."""

    def __init__(self, given: Delivered, reached: int, operation: Operation) -> None:
        self.given = given
        self.reached = reached
        """The earliest instant at which the latest effect can have happened."""
        self.operations = [operation]


class Sweep:
    """The pass, in steps as small as one likes: `read` takes the next operations.

    Attributes:
        live: The jobs that are not surely finished, by id.
        finished: `COMPLETED` or `DEAD` for the others, by id.
        violations: What breaks a clause by itself, without a look at the life of a job.
        doubted: The ids of doubtful jobs about which something new was read.
        revived: The ids of finished jobs that were seen again, whose operations must be looked up.
        unenqueued: Deliveries of ids that were not enqueued (so far), by id.
        counts: How often each clause was put to the test, but for those that nearly every operation
            puts to the test; `tally` has them all.
        endings, erases: See `search.Surroundings`.
        lost_leases: The leases of unknown outcome.
        buried: The call that made a dead job fail for good, by id.
        misquoted: Fails by the holder, each with an inspection that showed another message.
        refused: Jobs whose holder was refused again and again: the operations on each, and how many
            of them there were by then.
        early: Calls on ids that were not enqueued (so far), by id.
        consumers: The workers who leased.
        in_order: Whether the jobs were surely first delivered in the order in which they were enqueued.
        failed_leases: How many leases did not return.
        unknown: How many calls were of unknown outcome.
        gave_up: Whether a call did not return within its time limit, or never can.
        silent: Completes and fails by who did not seem to hold the job, which returned. (Of a job that is
            surely on lease to another nothing follows from that.)
        strays: Completes and fails of ids that were not enqueued (so far), which returned.
    """

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.life = Life(capabilities)
        self._expiry = NEVER if self.life.earliest_expiry is None else self.life.earliest_expiry
        self.live: dict[str, Live] = {}
        self.finished: dict[str, Phase] = {}
        self.violations: list[Violation] = []
        self.doubted: dict[str, None] = {}  # in the order of the history: so that it says the same each time
        self.revived: dict[str, None] = {}
        self.unenqueued: dict[str, list[Operation]] = {}
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.endings: list[Operation] = []
        self.erases = NEVER
        self.lost_leases: list[Operation] = []
        self.buried: dict[str, Operation] = {}
        self.misquoted: list[tuple[Operation, Operation]] = []
        self.consumers: set[int] = set()
        self.in_order = True
        self.failed_leases = 0
        self.unknown = 0
        self.gave_up = False
        self.refused: list[tuple[str, list[Operation], int]] = []
        self.early: dict[str, list[Operation]] = {}
        self.silent: list[Operation] = []
        self.strays: list[Operation] = []
        self._ready = 0
        self._held = 0
        self._newest: Live | None = None
        self._latest = -NEVER  # when the latest job was enqueued that came
        self._leases_of_one = 0
        self._leases_of_most = 0
        # What is counted for nearly every operation has a name of its own: a look into `counts` would
        # cost a tenth of the time of the pass.
        self._deliveries = 0
        self._roomy_batches = 0
        self._empty_batches = 0
        self._contended_leases = 0
        self._completes = 0
        self._completes_beside = 0

    def read(self, operations: Iterable[Row]) -> None:
        """Take the next operations, in the order of `instant`.

        Raises:
            ValueError: An id is enqueued twice.
        """
        handlers, live, finished = self._handlers, self.live, self.finished
        for operation in operations:
            method, worker, invoked, returned, outcome, id, value, jobs, error = operation
            if outcome != OK:
                if outcome == UNKNOWN:
                    self.unknown += 1
                handlers[method](self, operation)
            elif method == "lease":
                self._count_lease(worker, invoked, returned, value, len(jobs))
                if jobs or error:
                    self._lease(operation, worker, invoked, returned, value, jobs, error)
            elif method == "complete":
                # Nearly every second operation is one of these, by a worker that surely holds the job.
                job = live.get(id)
                if (
                    job is not None
                    and job.phase is LEASED
                    and job.worker == worker
                    and job.since < invoked
                    and returned < job.ends
                    and not job.doubtful
                ):
                    self._completes += 1
                    self._held -= 1
                    del live[id]
                    finished[id] = COMPLETED
                    if live:
                        self._completes_beside += 1
                else:
                    self._complete(operation)
            elif method == "enqueue":
                self._add(operation, id, invoked, jobs[0])
            else:
                handlers[method](self, operation)

    # -- enqueue ------------------------------------------------------------------------------

    def _enqueue(self, operation: Row) -> None:
        """An enqueue that did not return."""
        if operation.outcome == UNKNOWN:
            id = operation.job_id
            self._add(operation, id, operation.invoked, operation.jobs[0])
            self._doubt(id, self.live[id])
            self._may_have_disconnected(operation)

    def _add(self, operation: Row, id: str, invoked: int, given: Row) -> None:
        live = self.live
        if id in live or id in self.finished:
            raise ValueError(f"the history enqueues {id!r} twice; a job keeps its id for life")
        job = live[id] = Live(given, invoked, operation)
        self._ready += 1
        _, kind, tenant_id, payload, _ = given
        if not (kind.isascii() and tenant_id.isascii() and payload.isascii()):
            job.uncommon = True
        if self.unenqueued or self.early:
            self._recall(id, job)

    def _recall(self, id: str, job: Live) -> None:
        """What was called on a job before it was enqueued, or at the same time."""
        if id in self.unenqueued:
            leases = self.unenqueued.pop(id)
            job.operations = [*leases, *job.operations]
            job.former = tuple({each.worker for each in leases})
            self.in_order = False
            self._stray_off(id, job)
        if id in self.early:
            job.operations = sorted([*self.early.pop(id), *job.operations], key=instant)
            job.inspected = any(each.method == "inspect" for each in job.operations)
            self._stray_off(id, job)

    # -- lease --------------------------------------------------------------------------------

    def _lease(  # noqa: PLR0917 - to unpack the operation again would cost a twentieth of the time
        self,
        operation: Operation,
        worker: int,
        invoked: int,
        returned: int,
        limit: int,
        jobs: tuple[Row, ...],
        error: str,
    ) -> None:
        """A lease that returned, with jobs."""
        if len(jobs) > limit or (len(jobs) > 1 and len({each[0] for each in jobs}) < len(jobs)):
            self.violations.extend(batch.batch_violations(operation))
        if error and error != LEFT_OUT:
            self._no_batch(operation)
        live = self.live
        for delivery in jobs:
            id, kind, tenant_id, payload, attempts = delivery
            job = live.get(id) if isinstance(id, str) else None
            if job is None:
                self._stray(delivery, operation)
                continue
            if job.operations[-1] is operation:
                continue  # it stands twice in this batch, which is a breach by itself
            job.operations.append(operation)
            given = job.given
            if (
                kind == given[1]
                and payload == given[3]
                and tenant_id == given[2]
                and type(payload) is bytes
                and type(attempts) is int
                and attempts > job.attempts
            ):
                job.attempts = attempts
            else:
                self._examine(delivery, job, operation)
            if job.phase is READY and job.deliveries == 0 and not job.doubtful and job.reached <= returned:
                self._first_deliver(job, worker, invoked, returned)
            else:
                self._deliver(id, job, worker, invoked, returned)

    def _first_deliver(self, job: Live, worker: int, invoked: int, returned: int) -> None:
        """The first delivery of a job that surely is ready: what most deliveries are."""
        if job.uncommon:
            self.counts["lease/faithful"] += 1
        reached = job.reached
        if reached >= self._latest and not job.inspected:  # then it is the instant of its enqueue
            self._latest = reached
        else:
            self.in_order = False
        self._ready -= 1
        self._held += 1
        job.phase = LEASED
        job.worker = worker
        job.since = returned
        if invoked > reached:
            job.reached = reached = invoked
        job.deliveries = 1
        job.ends = reached + self._expiry
        self._newest = job

    def _deliver(self, id: str, job: Live, worker: int, invoked: int, returned: int) -> None:
        expiry = self.life.earliest_expiry
        reached = job.reached
        reached = max(reached, invoked)
        phase: Phase = job.phase
        if phase is READY:
            self._ready -= 1
            self._held += 1
            # Two leases of one job that overlap may have had their effects in either order, if the
            # first to have it can have ended before the second.
            if reached > returned or (invoked < job.since and expiry is not None):
                self._stray_off(id, job)
        elif phase is LEASED:
            if invoked < job.since or job.ends > returned or reached > returned:
                self._stray_off(id, job)
            else:
                reached = max(reached, job.ends)
                job.expired = True
                self.counts["expiry/returns"] += 1
        else:
            self._held += 1
            self._stray_off(id, job)
        if job.deliveries:
            self._count_redelivery(id, job)
            if job.worker not in job.former:
                job.former = (*job.former, job.worker)
            job.refusals = 0
            job.failed = None
        else:
            self.in_order = False  # for all one knows
            if job.uncommon:
                self.counts["lease/faithful"] += 1
        if job.doubtful:
            job.ended = False
            job.unexplained = job.astray
            self.doubted[id] = None
        job.phase = LEASED
        job.worker = worker
        job.since = returned
        job.reached = reached
        job.deliveries += 1
        job.ends = reached + self._expiry
        self._newest = job

    def _count_lease(self, worker: int, invoked: int, returned: int, limit: int, delivered: int) -> None:
        if worker not in self.consumers:  # to ask takes a third of the time that it takes to add
            self.consumers.add(worker)
        if limit == 1:
            self._leases_of_one += 1
        elif limit == MOST:
            self._leases_of_most += 1
        if limit < self._ready:
            self.counts["lease/within-limit"] += 1
            if limit < 1:
                self.counts["lease/rejected-means-not-done"] += 1
        if limit < 1:
            return
        if delivered:
            self._deliveries += delivered
            if limit > 1:
                self._roomy_batches += 1
        elif not self._ready:
            self._empty_batches += 1
        newest = self._newest
        if self._held and newest is not None and newest.phase is LEASED and newest.ends > returned:
            self._contended_leases += 1
            if newest.ends < NEVER and 2 * invoked > newest.since + newest.ends:
                self.counts["expiry/not-early"] += 1

    def _count_redelivery(self, id: str, job: Live) -> None:
        counts = self.counts
        counts["lease/attempts-steady"] += 1
        counts["lease/attempts"] += 1
        if job.last_end == "fail" and job.phase is READY:
            counts["fail/releases"] += 1
            counts["fail/redelivers"] += 1
        most = self.capabilities.max_attempts
        if most is not None and self.capabilities.expiry_counts and job.deliveries >= most:
            self._stray_off(id, job)

    def _examine(self, delivery: Delivered, job: Live, operation: Operation) -> None:
        """A delivery that is not plainly what was enqueued, with more attempts than before."""
        id = job.given.id
        wrong = batch.malformed(delivery)
        if wrong:
            self._blame("lease/well-formed", f"{id} was delivered with {wrong}", id, operation)
            return
        if self.erases != NEVER:
            return  # a store that forgets may have forgotten what the job was, and how often it was delivered
        differs = batch.differences(job.given, delivery)
        if differs:
            enqueues = [each for each in job.operations if each.method == "enqueue"]
            clause = "lease/snapshot" if job.changes else "lease/faithful"
            self._blame(clause, f"{id}: {differs}", id, *enqueues, *job.changes, operation)
        # The order of two deliveries that overlap is not known.
        if operation.invoked > job.since and delivery.attempts <= job.attempts:
            self._blame_attempts(delivery.attempts, job, operation)
        job.attempts = delivery.attempts

    def _blame_attempts(self, attempts: int, job: Live, operation: Operation) -> None:
        falls, id = attempts < job.attempts, job.given.id
        if falls or self.capabilities.counts_attempts:
            earlier = [each for each in job.operations[:-1] if _shows_attempts(each, id, job.attempts)]
            happened = f"{id} was delivered with attempts={attempts} after attempts={job.attempts}"
            clause = "lease/attempts-steady" if falls else "lease/attempts"
            self._blame(clause, happened, id, earlier[-1], operation)

    def _blame(self, clause: str, happened: str, id: str, *witness: Operation) -> None:
        self.violations.append(Violation(clause, happened, id, tuple(only(each, id) for each in witness)))

    def _stray(self, delivery: Delivered, operation: Operation) -> None:
        """A delivery of a job that is not live: finished, or never enqueued."""
        wrong = batch.malformed(delivery)
        if wrong:
            happened = f"worker {operation.worker} was given a job with {wrong}"
            self.violations.append(Violation("lease/well-formed", happened, None, (operation,)))
        if not isinstance(delivery.id, str):
            return
        if delivery.id in self.finished:
            self.revived[delivery.id] = None
        else:
            self.unenqueued.setdefault(delivery.id, []).append(operation)

    def _no_batch(self, operation: Operation) -> None:
        """A lease that returned something else than a batch of jobs."""
        clause = "lease/well-formed" if self._ready else "lease/empty"
        happened = f"worker {operation.worker}'s lease({operation.value}) {operation.error}"
        self.violations.append(Violation(clause, happened, None, (operation,)))

    def _lease_failed(self, operation: Operation) -> None:
        limit = operation.value
        assert isinstance(limit, int)
        self.failed_leases += 1
        self.consumers.add(operation.worker)
        if operation.outcome == REJECTED:
            if limit < 1 and self._ready:
                self.counts["lease/within-limit"] += 1
            if self._ready:
                self.counts["lease/rejected-means-not-done"] += 1
            return
        self._count_unknown(operation)
        self.lost_leases.append(operation)

    @property
    def delivered(self) -> int:
        """How many jobs were delivered; exact if they were so `in_order`."""
        came = len(self.finished) + len(self.unenqueued)
        for job in self.live.values():
            came += job.deliveries > 0
        return came

    @property
    def is_calm(self) -> bool:
        """Whether nothing may have happened to a job but what returned, and that its lease expired."""
        return not (self.unknown or self.endings or self.life.fences)

    def may_be_over(self, job: Live) -> bool:
        """Whether a job that did not come any more may be completed or dead; if so, it need not come.

        So it may be if it was ended by somebody of whom nobody knows whether he held it, or if it has used
        up its attempts, and nothing was seen since. That it says no means nothing.
        """
        if job.inspected or not self.is_calm:
            return False
        most = self.capabilities.max_attempts
        used_up = most is not None and job.deliveries >= most and self.life.earliest_expiry is not None
        return used_up or job.ended

    def tally(self) -> dict[str, int]:
        """How often each clause was put to the test, as far as one pass can tell."""
        counts = self.counts.copy()
        counts["lease/accepted"] = min(self._leases_of_one, self._leases_of_most)
        counts["lease/well-formed"] = counts["lease/known"] = self._deliveries
        counts["lease/distinct"] = self._roomy_batches
        counts["lease/empty"] = self._empty_batches
        counts["lease/exclusive"] = self._contended_leases
        counts["complete/accepted"] = self._completes
        counts["complete/only-that-job"] = self._completes_beside
        return counts

    # -- complete and fail --------------------------------------------------------------------

    def _complete(self, operation: Row) -> None:
        """A complete that is not plainly that of the holder; see `read`."""
        id = operation.job_id
        job = self.live.get(id)
        if job is None:
            self._end_of_stray(id, operation)
            return
        job.operations.append(operation)
        if not self._is_by_holder(job, operation):
            self._unleased_end(id, job, operation)
            return
        if operation.outcome != OK:
            self._end_failed(id, job, operation)
            return
        self._completes += 1
        if len(self.live) > 1:
            self._completes_beside += 1
        self._held -= 1
        job.last_end = "complete"
        job.refusals = 0
        job.phase = COMPLETED
        job.ended = True
        self._doubt(id, job)

    def _fail(self, operation: Operation) -> None:
        id = operation.job_id
        assert id is not None, "a fail names its job"
        message = operation.value
        assert isinstance(message, str)
        if not is_plain(message):
            self.counts["fail/hostile-message"] += 1
        job = self.live.get(id)
        if job is None:
            self._end_of_stray(id, operation)
            return
        job.operations.append(operation)
        if not self._is_by_holder(job, operation):
            self._unleased_end(id, job, operation)
            return
        if operation.outcome != OK:
            self._end_failed(id, job, operation)
            return
        self.counts["fail/accepted"] += 1
        if len(self.live) > 1:
            self.counts["fail/only-that-job"] += 1
        self._held -= 1
        job.last_end = "fail"
        job.refusals = 0
        assert operation.returned is not None
        if job.doubtful or operation.returned >= job.ends:
            job.phase = READY
            self._ready += 1
            # The lease may have expired: then the call may have done whatever a stale fail does.
            job.ended |= not job.doubtful
            job.astray = True
            self._doubt(id, job)
        else:
            self._settle_fail(id, job, operation)

    def _settle_fail(self, id: str, job: Live, operation: Operation) -> None:
        """The holder surely failed the job: it is ready again, or dead."""
        capabilities = self.capabilities
        used_up = capabilities.max_attempts is not None and job.deliveries >= capabilities.max_attempts
        job.reached = operation.invoked
        job.failed = operation
        if capabilities.redelivers is not False and not used_up:
            job.phase = READY
            self._ready += 1
            return
        if used_up:
            self.counts["fail/max-attempts"] += 1
            if capabilities.redelivers is not False and job.expired and not capabilities.expiry_counts:
                job.phase = READY
                self._ready += 1
                job.astray = True
                self._doubt(id, job)
                return
        del self.live[id]
        self.finished[id] = DEAD
        self.buried[id] = operation

    def _is_by_holder(self, job: Live, operation: Operation) -> bool:
        return job.phase is LEASED and operation.worker == job.worker and operation.invoked > job.since

    def _end_failed(self, id: str, job: Live, operation: Operation) -> None:
        """A complete or fail by the holder that did not return."""
        method = operation.method
        if operation.outcome == REJECTED:
            self.counts[_REFUSED[method]] += 1
            assert operation.returned is not None
            hostile = method == "fail" and not is_plain(str(operation.value))  # may be refused every time
            if not job.doubtful and operation.returned < job.ends and not hostile:
                job.refusals = job.refusals + 1 if job.refused == method else 1
                job.refused = method
                if job.refusals >= REFUSALS:
                    self.refused.append((id, job.operations, len(job.operations)))
            return
        self._count_unknown(operation)
        self._doubt(id, job)

    def _may_have_disconnected(self, operation: Operation) -> None:
        """A call may have failed because its connection did, and then its worker's leases end.

        Over whose connection jobs are enqueued and inspected is not said, so it may be anybody's.
        """
        if operation.outcome == UNKNOWN and self.capabilities.ends_with_connection:
            anybodys = operation.method in ("enqueue", "inspect")
            method: Method = "reopen" if anybodys else "disconnect"
            self._disconnect(operation._replace(method=method, outcome=OK, job_id=None))

    def _count_unknown(self, operation: Operation) -> None:
        self._may_have_disconnected(operation)
        if operation.error == CANCELLED:
            self.counts[f"{operation.method}/cancelled"] += 1
        self.gave_up |= operation.error in (TIMED_OUT, STUCK)

    def _unleased_end(self, id: str, job: Live, operation: Operation) -> None:
        """A complete or fail by a worker that does not seem to hold the job."""
        method, worker, _, _, outcome, *_ = operation
        counts, phase = self.counts, job.phase
        counts[_REFUSED[method]] += 1
        if phase is not LEASED:
            counts[_UNLEASED[method]] += 1
            if phase is COMPLETED:
                counts[_REPEATED[method]] += 1
        # Whether the worker was given a job that was not ended since: then its lease has ended by itself.
        if self.life.fences and not job.last_end:
            counts["expiry/fenced"] += worker in job.former or (job.deliveries > 0 and worker == job.worker)
        if outcome != REJECTED:
            if outcome != OK:
                self._count_unknown(operation)
            else:
                if phase is not LEASED or job.astray:
                    self.silent.append(operation)
                job.ended |= method == "complete" or not job.doubtful
            self._doubt(id, job)

    def _end_of_stray(self, id: str, operation: Operation) -> None:
        """A complete or fail of a job that is not live: finished, or never enqueued."""
        method, _, _, _, outcome, *_, error = operation
        if outcome == UNKNOWN:
            self._may_have_disconnected(operation)
        self.gave_up |= error in (TIMED_OUT, STUCK)
        counts = self.counts
        counts[_REFUSED[method]] += 1
        finished = self.finished.get(id)
        if finished is None:
            if outcome == OK:
                self.strays.append(operation)
            self.early.setdefault(id, []).append(operation)
            counts[_UNKNOWN[method]] += 1
            if self.live:
                counts[_HARMLESS[method]] += 1
            return
        counts[_UNLEASED[method]] += 1
        if finished is COMPLETED:
            counts[_REPEATED[method]] += 1
            if method == "fail" and outcome == OK:
                self.silent.append(operation)
                self.revived[id] = None

    # -- everything else ----------------------------------------------------------------------

    def _inspect(self, operation: Operation) -> None:
        id = operation.job_id
        self._may_have_disconnected(operation)
        if operation.outcome != OK or id is None:
            return
        record = operation.value
        assert record is None or isinstance(record, JobRecord)
        shown = None if record is None else Phase[record.state.upper()]
        job = self.live.get(id)
        if job is None:
            finished = self.finished.get(id)
            if finished is None:
                self.early.setdefault(id, []).append(operation)
            elif shown not in (None, finished):
                self.revived[id] = None
            elif finished is DEAD and record is not None:
                self._compare_message(self.buried[id], record, operation)
            return
        job.operations.append(operation)
        job.inspected = True
        if job.doubtful or shown is not job.phase or (shown is LEASED and operation.invoked >= job.ends):
            self._stray_off(id, job)
        # What was shown was so at that instant or later.
        job.reached = max(job.reached, operation.invoked)
        if record is not None and job.failed is not None and record.state in ("ready", "dead"):
            self._compare_message(job.failed, record, operation)

    def _compare_message(self, fail: Operation, record: JobRecord, operation: Operation) -> None:
        if not is_plain(str(fail.value)) or operation.invoked >= self.erases:
            return
        if record.message == fail.value:
            self.counts["fail/message"] += 1
        else:
            self.misquoted.append((fail, operation))

    def _reopen(self, operation: Operation) -> None:
        self.counts["durable/reopen"] += len(self.live) + len(self.finished)
        if self.capabilities.durable:
            self._end_leases(operation)
        self._forget(operation)

    def _forget(self, operation: Operation) -> None:
        """A store that is not durable may have forgotten anything."""
        if not self.capabilities.durable:
            self.erases = min(self.erases, operation.invoked)
            self._end_leases(operation)

    def _leave(self, operation: Operation) -> None:
        """Who closes his connection may give back what he holds, whatever was promised."""
        if self.capabilities.ends_with_connection:
            self._disconnect(operation)
            return
        self.endings.append(operation)
        for id, job in self.live.items():
            if operation.worker == job.worker or operation.worker in job.former:
                self._doubt(id, job)

    def _disconnect(self, operation: Operation) -> None:
        if self.capabilities.ends_with_connection:
            # Where all workers call one object, its connection is everybody's.
            shared = self.capabilities.sharing in ("none", "instance")
            self._end_leases(operation._replace(method="reopen") if shared else operation)

    def _kill(self, operation: Operation) -> None:
        self.counts["durable/kill"] += 1
        self._disconnect(operation)
        self._forget(operation)

    def _end_leases(self, operation: Operation) -> None:
        self.endings.append(operation)
        for id, job in self.live.items():
            self._doubt(id, job)

    def _mutate(self, operation: Operation) -> None:
        self.counts["lease/snapshot"] += 1
        job = self.live.get(operation.job_id or "")
        if job is not None:
            job.changes = (*job.changes, operation)

    def _doubt(self, id: str, job: Live) -> None:
        job.doubtful = True
        self.doubted[id] = None

    def _stray_off(self, id: str, job: Live) -> None:
        """Doubt that what is taken to have become of a job explains what was read of it."""
        job.astray = job.unexplained = True
        self._doubt(id, job)

    def _change_nothing(self, operation: Row) -> None:
        """Take in what is no call of the store, or that nothing need follow from."""

    _handlers: ClassVar[dict[str, Callable[[Sweep, Row], None]]] = {
        "lease": _lease_failed,
        "complete": _complete,
        "enqueue": _enqueue,
        "fail": _fail,
        "inspect": _inspect,
        "reopen": _reopen,
        "disconnect": _leave,
        "kill": _kill,
        "mutate": _mutate,
        **dict.fromkeys(("connect", "handle", "stop", "cancel"), _change_nothing),
    }


def _shows_attempts(operation: Operation, id: str, attempts: int) -> bool:
    return any(each.id == id and each.attempts == attempts for each in operation.jobs)


def is_plain(message: str) -> bool:
    """Whether this is a message that `safe_failure_message` can produce, for certain.

    Stricter than need be: what is in doubt counts as hostile, and a store may shorten it.
    """
    return 0 < len(message) <= 256 and _is_safe(message)


@lru_cache(maxsize=256)  # programs by the thousand have the same few messages
def _is_safe(message: str) -> bool:
    return message.isprintable() and message == message.strip() and len(message.encode()) <= 256
