"""A history goes in, a verdict on every clause comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import CLAUSE, STORE_CLAUSES, Clause
from async_contract.contract.life import Phase, State, nanoseconds
from async_contract.history.operation import REJECTED, UNKNOWN, Operation, in_order, instant
from async_contract.judge.drained import Drained, Owed, drained, still_leased, with_effect
from async_contract.judge.evidence import final_counts
from async_contract.judge.kept import Kept
from async_contract.judge.messages import false_messages
from async_contract.judge.naming import Case, Named, name, name_alike
from async_contract.judge.order import first_deliveries, out_of_order
from async_contract.judge.refusals import (
    dead_after_cancellation,
    failing_ends,
    in_a_row,
    refused_after_cancellation,
    refused_leases,
    shut_by_a_kill,
    stuck_after_cancellation,
    stuck_for_ever,
)
from async_contract.judge.search import Explanation, Surroundings, TooManyConfigurations, explain
from async_contract.judge.shut import shut_by_a_reopening
from async_contract.judge.sweep import REFUSALS, Live, Sweep, is_plain
from async_contract.judge.verdict import ClauseVerdict, Judgement, Verdict, Violation
from async_contract.judge.waiting import waits_in_vain
from async_contract.judge.witness import distinct, least, only

MOST_NAMED = 100
"""Of so many jobs the judge finds out which clause is broken; a store that breaks more is broken anyway."""

MOST_SHOWN = 5
"""Of each clause so many violations are kept, those with the shortest witness."""


def judge(
    history: Sequence[Operation], capabilities: Capabilities | None = None, *, hasty: bool = False
) -> Judgement:
    """Judge a history.

    Args:
        history: What happened, in any order.
        capabilities: What the store promises; by default nothing.
        hasty: Whether a job is lost that a client may have prefetched and kept, before its lease has expired.

    Returns:
        A verdict for every clause that a store owes.

    Raises:
        ValueError: The history enqueues an id twice, which the contract leaves undefined.
    """
    if not in_order(history):
        history = sorted(history, key=instant)
    one = Judge(history, capabilities, hasty=hasty)
    one.read()
    return one.judgement()


def kept(history: Sequence[Operation], capabilities: Capabilities) -> list[str]:
    """The jobs that a history ends without, and which are not lost: a client may keep them.

    They come when every lease has expired, or are lost. The arguments are those of `judge`.
    """
    one = Judge(history if in_order(history) else sorted(history, key=instant), capabilities)
    one.read()
    one.evidence()
    return one.kept


class Judge:
    """Reads a history while it grows.

    Args:
        history: The history, in the order of `async_contract.history.operation.instant`; it may
            grow between two calls of `read`. An operation that was read is never looked up again, so
            what was under way then stays of unknown outcome.
        capabilities: What the store promises; by default nothing.
        hasty: Whether a job is lost that a client may keep, before its lease has expired. That is so in
            virtual time, where no client is far from its store; in real time it is but a suspicion.

    Attributes:
        kept: The jobs that never came, and which a client may keep; known once `evidence` was asked for.
    """

    def __init__(
        self,
        history: Sequence[Operation],
        capabilities: Capabilities | None = None,
        *,
        hasty: bool = False,
    ) -> None:
        self.kept: list[str] = []
        self._hasty = hasty
        self._history = history
        self._capabilities = capabilities or Capabilities()
        self._sweep = Sweep(self._capabilities)
        self._read = 0
        self._stuck: dict[str, Violation] = {}
        self._weighed = 0  # how much of what happened around the calls was known when they were judged
        self._overload = ""
        self._given_up: Operation | None = None  # the first one on the job whose placings are too many

    def read(self) -> None:
        """Read what was added to the history since the last call.

        Raises:
            ValueError: The history enqueues an id twice.
        """
        history, read, until = self._history, self._read, len(self._history)
        # To pass over what was read would take the longer, the longer the history is.
        self._sweep.read(history[read:until] if read else islice(history, until))
        self._read = until

    def unexplained(self) -> frozenset[str]:
        """The jobs of which something was read that no correct store can have shown.

        The time this takes depends on what was read since the last call, not on the length of the
        history.
        """
        self._life_violations()
        return frozenset(self._stuck) | frozenset(self._sweep.unenqueued)

    def found(self) -> tuple[Violation, ...]:
        """What was broken so far, as far as it shows before the end.

        The time this takes depends on what was read since the last call, not on the length of the
        history.
        """
        return (*self._life_violations(), *self._batch_violations())

    def judgement(self) -> Judgement:
        """The verdicts on what was read."""
        broken, counts = self.evidence()
        return Judgement(
            {
                clause.id: self._verdict(clause, broken.get(clause.id, []), counts.get(clause.id, 0))
                for clause in STORE_CLAUSES
            }
        )

    def evidence(self) -> tuple[dict[str, list[Violation]], dict[str, int]]:
        """What a judgement is made of.

        Returns:
            The violations of each broken clause, and how often each clause was put to the test, if it was.
        """
        end = drained(self._history)
        ordered, deliveries = self._first_deliveries()
        broken: dict[str, list[Violation]] = {}
        for violation in self._violations(end, deliveries):
            broken.setdefault(violation.clause, []).append(violation)
        return broken, final_counts(self._sweep, end, ordered, self.kept)

    @property
    def overload(self) -> str:
        """Why some job could not be judged; empty if all could."""
        return self._overload

    def _violations(
        self, end: Drained | None, deliveries: Sequence[tuple[Operation, str]]
    ) -> Iterator[Violation]:
        sweep = self._sweep
        yield from self._life_violations()
        # Of most histories there is nothing of the kind, and to ask takes longer than to know.
        if sweep.violations:
            yield from self._batch_violations()
        if sweep.refused:
            yield from self._refused_ends()
        if sweep.unenqueued or sweep.strays:
            yield from self._stray_violations()
        if sweep.silent:
            yield from self._silent_violations()
        if sweep.misquoted:
            yield from self._false_messages()
        shut = list(self._shut_by_a_kill()) if sweep.counts["durable/kill"] else []
        yield from shut
        if sweep.endings and sweep.unknown and self._capabilities.durable:
            yield from shut_by_a_reopening(self._history)
        dead = dead_after_cancellation(self._history) if sweep.failed_leases and not shut else []
        yield from dead
        if sweep.failed_leases and not shut and not dead:
            yield from refused_leases(self._history)
        if sweep.gave_up:
            cancelled = list(stuck_after_cancellation(self._history))
            yield from cancelled or stuck_for_ever(self._history, sweep.life)
            yield from waits_in_vain(self._history)
        if deliveries:
            yield from out_of_order(self._history, deliveries, self._capabilities.poll_delay)
        for job in sweep.live.values() if sweep.unknown and not dead else ():
            yield from failing_ends(job.operations, sweep.life, sweep.endings, self._history)
            if not (sweep.lost_leases or sweep.endings):
                yield from refused_after_cancellation(job.operations, sweep.life)
        if end is not None and sweep.live:
            yield from self._lost(end)

    def _first_deliveries(self) -> tuple[int, Sequence[tuple[Operation, str]]]:
        """How many first deliveries have an order, and those that must be looked at."""
        sweep = self._sweep
        if not self._capabilities.fifo or len(sweep.consumers) != 1 or sweep.lost_leases:
            return 0, ()
        if sweep.in_order:
            return sweep.delivered, ()
        deliveries = first_deliveries(self._history)
        return len(deliveries), deliveries

    # -- the life of each job -----------------------------------------------------------------

    def _life_violations(self) -> list[Violation]:
        """What no placing of effects explains; only jobs of which something new was read are looked at."""
        sweep = self._sweep
        around = len(sweep.lost_leases) + len(sweep.endings)
        if around > self._weighed:
            # A lost lease and a reopening are read when they are over, and may explain what was seen before.
            sweep.doubted |= {id: None for id in self._stuck if id in sweep.live}
            self._weighed = around
        for id in sweep.doubted:
            job = sweep.live[id]
            # A complete or fail may always have done nothing: after it is explained what was before it.
            if job.unexplained or job.inspected or id in self._stuck or not sweep.is_calm:
                job.unexplained = False
                job.explained = (len(job.operations), around, self._decide(id, job.operations))
        sweep.doubted.clear()
        if sweep.revived:
            for id, operations in self._operations_on(sweep.revived).items():
                self._decide(id, operations)
        return list(self._stuck.values())

    def _decide(self, id: str, operations: Sequence[Operation]) -> Explanation | None:
        self._stuck.pop(id, None)
        found = self._explain(operations)
        if found is None or found.stuck_at is None or len(self._stuck) >= MOST_NAMED:
            return found
        case = self._case(id, operations, found.stuck_at, found.states)
        named = name(case, self._capabilities)
        witness = least(operations[: found.stuck_at + 1], id, named, self._still_shows(id, named))
        self._stuck[id] = _violation(named, id, witness)
        return found

    def _explain(
        self, operations: Sequence[Operation], forced: Operation | None = None
    ) -> Explanation | None:
        if self._given_up is not None and operations[:1] == [self._given_up]:
            return None  # it takes seconds to find out that it takes too long
        try:
            return explain(operations, self._sweep.life, self._around(), forced=forced)
        except TooManyConfigurations:
            self._given_up = operations[0]
            self._overload = (
                "the history of one job allows more placings of effects than the judge will follow; "
                "make fewer calls of unknown outcome on one job"
            )
            return None

    def _around(self) -> Surroundings:
        return Surroundings(self._sweep.endings, self._sweep.erases, self._sweep.lost_leases)

    def _case(
        self, id: str, operations: Sequence[Operation], stuck_at: int, states: frozenset[State]
    ) -> Case:
        seen = operations[stuck_at]
        return Case(
            job_id=id,
            before=operations[:stuck_at],
            seen=seen,
            states=states,
            history=[each for each in self._history if each.invoked <= seen.invoked],
            until=seen.invoked,
            enqueued=self._enqueued(),
        )

    def _still_shows(self, id: str, named: Named) -> Callable[[Sequence[Operation]], bool]:
        """Whether of fewer operations the same is to be said, at the same operation."""

        def shows(operations: Sequence[Operation]) -> bool:
            found = self._explain(operations)
            if found is None or found.stuck_at != len(operations) - 1:
                return False
            case = self._case(id, operations, found.stuck_at, found.states)
            again = name(case, self._capabilities)
            return (again.clause, again.happened) == (named.clause, named.happened)

        return shows

    def _enqueued(self) -> Sequence[str]:
        return [*self._sweep.live, *self._sweep.finished]

    def _operations_on(self, ids: Iterable[str]) -> dict[str, list[Operation]]:
        """The operations on each of these jobs, in order, from the whole history."""
        found: dict[str, list[Operation]] = {id: [] for id in ids}
        if not found:
            return found  # without a look at the history, which may be long
        for operation in self._history:
            # A change to a copy and the work of a handler are no calls on the job.
            if operation.job_id in found and operation.method not in ("mutate", "handle"):
                found[operation.job_id].append(operation)
            for delivery in operation.jobs if operation.method == "lease" else ():
                if isinstance(delivery.id, str) and delivery.id in found:
                    found[delivery.id].append(operation)
        return found

    def _batch_violations(self) -> Iterator[Violation]:
        for each in self._sweep.violations:
            if each.clause != "lease/distinct" or not self._came_back(each.job_id, each.witness[0]):
                yield each

    def _came_back(self, id: str | None, lease: Operation) -> bool:
        """Whether a job may have been given back while a lease was under way, which then took it once more.

        Somebody fails the job who holds it no more, and the store lets that take effect; or the lease lasts
        so long that what it took first has expired.
        """
        assert lease.returned is not None, "a lease is read when it is over"
        timeout = self._capabilities.lease_timeout
        if timeout is not None:
            held = lease.returned - lease.invoked
            if held >= (timeout - self._capabilities.clock_resolution) * 1_000_000_000:
                return True
        return any(
            each.method == "fail"
            and each.job_id == id
            and each.outcome != REJECTED
            and each.invoked <= lease.returned
            and (each.returned is None or each.returned >= lease.invoked)
            for each in self._history
        )

    def _refused_ends(self) -> Iterator[Violation]:
        """Holders whose completes or fails were refused again and again."""
        named_ids = set()
        for id, known, until in self._sweep.refused[:MOST_NAMED]:
            operations = known[:until]
            seen = operations[-1]
            if id in named_ids or not in_a_row(operations[-REFUSALS:], self._history):
                continue
            named_ids.add(id)
            history = [each for each in self._history if each.invoked <= seen.invoked]
            before = _before_refusals(operations)
            first = next(each for each in operations if each not in before)
            case = Case(id, before, seen, frozenset(), history, first.invoked, self._enqueued())
            named = name(case, self._capabilities)
            extra = [named.suspect] if named.suspect is not None else []
            witness = distinct([*(only(each, id) for each in operations), *extra])
            yield _violation(named, id, witness)

    # -- what concerns no job's life, or no job -----------------------------------------------

    def _stray_violations(self) -> Iterator[Violation]:
        """Deliveries, completes and fails of jobs that nobody enqueued."""
        for id, leases in self._sweep.unenqueued.items():
            if leases[0].invoked >= self._sweep.erases or self._may_be_chosen(leases[0], id):
                continue
            case = Case(id, (), leases[0], frozenset(), self._history, leases[0].invoked, self._enqueued())
            yield self._unknown_delivery(case, leases[0])
        for each in self._sweep.strays:
            known = each.job_id in self._sweep.live or each.job_id in self._sweep.unenqueued
            if not known:
                call = f"worker {each.worker}'s {each.method} of {each.job_id}"
                happened = f"{call}, which the store can't know, returned"
                yield Violation(f"{each.method}/unknown-reported", happened, each.job_id, (each,))

    def _may_be_chosen(self, lease: Operation, id: str) -> bool:
        """Whether this may be the id that the store chose for a job whose enqueue was lost."""
        contents = [each[1:4] for each in lease.jobs if each.id == id]
        return any(
            job.operations[0].outcome == UNKNOWN and not job.deliveries and job.given[1:4] in contents
            for job in self._sweep.live.values()
        )

    def _unknown_delivery(self, case: Case, lease: Operation) -> Violation:
        id = case.job_id
        changes = [each for each in self._history if each.method == "mutate" and each.invoked < lease.invoked]
        happened = f"worker {lease.worker} was given {id}, which was never enqueued"
        if changes:
            happened += f", after worker {changes[-1].worker} changed its copy of {changes[-1].job_id}"
            return Violation("lease/snapshot", happened, id, (changes[-1], only(lease, id)))
        return Violation("lease/known", happened, id, (only(lease, id),))

    def _silent_violations(self) -> Iterator[Violation]:
        """Completes and fails of a job that surely was not on lease, which returned and did nothing."""
        calls = self._sweep.silent[:MOST_NAMED]
        ids = dict.fromkeys(each.job_id for each in calls if each.job_id is not None)
        operations = self._operations_on(ids)
        for call in calls:
            assert call.job_id is not None
            own = operations[call.job_id]
            if self._did_nothing(call, own):
                happened = (
                    f"worker {call.worker}'s {call.method} of {call.job_id}, which was not on lease, "
                    "returned and changed nothing"
                )
                witness = tuple(only(each, call.job_id) for each in own)
                yield Violation(f"{call.method}/unleased-reported", happened, call.job_id, witness)

    def _did_nothing(self, call: Operation, own: Sequence[Operation]) -> bool:
        before = [each for each in own if each is not call and each.invoked <= (call.returned or 0)]
        overlapping = any(each.returned is None or each.returned >= call.invoked for each in before)
        found = self._explain(before)
        if overlapping or found is None or found.stuck_at is not None:
            return False
        phases = {state.phase for state in found.states}
        if call.method == "fail" and phases == {Phase.COMPLETED}:
            return True
        if any(each.invoked <= (call.returned or 0) for each in self._sweep.lost_leases):
            return False  # the job may be on lease, and then another worker's call may do nothing
        if phases != {Phase.READY} or (call.method == "fail" and self._capabilities.redelivers is not False):
            return False
        forced, free = self._explain(own, forced=call), self._explain(own)
        if forced is None or free is None or free.stuck_at is not None:
            return False
        return forced.stuck_at is not None

    def _false_messages(self) -> Iterator[Violation]:
        """Messages that a job was not failed with."""
        misquoted = self._sweep.misquoted[:MOST_NAMED]
        operations = self._operations_on({fail.job_id for fail, _ in misquoted if fail.job_id is not None})
        yield from false_messages(misquoted, operations)

    def _shut_by_a_kill(self) -> Iterator[Violation]:
        if CLAUSE["durable/kill"].binds(self._capabilities):
            capabilities = self._capabilities
            timeout = capabilities.lease_timeout
            expiry = None if timeout is None else nanoseconds(timeout + capabilities.expiry_delay)
            yield from shut_by_a_kill(self._history, expiry)

    # -- the end ------------------------------------------------------------------------------

    def _lost(self, end: Drained) -> Iterator[Violation]:
        lost = list(islice(self._lost_jobs(end), MOST_NAMED))
        for case, named in zip(lost, name_alike(lost, self._capabilities), strict=True):
            own = [only(each, case.job_id) for each in case.before]
            extra = [named.suspect] if named.suspect is not None else []
            witness = distinct([*own, *extra, *end.leases])
            yield _violation(named, case.job_id, witness)

    def _lost_jobs(self, end: Drained) -> Iterator[Case]:
        sweep = self._sweep
        self.kept.clear()
        missing = [
            (id, job)
            for id, job in sweep.live.items()
            if id not in self._stuck and not sweep.may_be_over(job)
        ]
        if not missing:
            return
        owed = Owed(self._capabilities, sweep.lost_leases, sweep.endings, end.since)
        clients = Kept(self._history, self._capabilities, end)
        for id, job in missing:
            states = self._states_at_end(job, end)
            if not states or not owed.owes(job.operations, states):
                continue
            if clients.may_hold(job.operations):
                self.kept.append(id)
                if not self._hasty:
                    continue
            yield Case(id, job.operations, None, states, self._history, end.since, self._enqueued())

    def _states_at_end(self, job: Live, end: Drained) -> frozenset[State]:
        """The states that a job which never came may have been in when the store was last asked."""
        operations = with_effect(job.operations, self._sweep.life)
        known = job.explained
        if operations is job.operations and known and known[:2] == (len(operations), self._weighed):
            found = known[2]  # nothing was read since that might have changed it
        else:
            found = self._explain(operations)
        if found is None or found.stuck_at is not None:
            return frozenset()
        if still_leased(operations, end):
            return frozenset(each for each in found.states if each.phase in (Phase.READY, Phase.LEASED))
        return found.states

    # -- verdicts -----------------------------------------------------------------------------

    def _verdict(self, clause: Clause, violations: list[Violation], count: int) -> ClauseVerdict:
        if not clause.binds(self._capabilities):
            reason = f"the store does not promise {clause.capability}"
            return ClauseVerdict(clause.id, Verdict.NOT_PROMISED, 0, reason=reason)
        if violations:
            shown = sorted(violations, key=lambda each: len(each.witness))[:MOST_SHOWN]
            return ClauseVerdict(clause.id, Verdict.BROKEN, max(count, 1), tuple(shown))
        if self._overload:
            return ClauseVerdict(clause.id, Verdict.ERROR, count, reason=self._overload)
        if count < clause.minimum:
            reason = f"{clause.counted}: {count}, needed: {clause.minimum}"
            return ClauseVerdict(clause.id, Verdict.UNEXERCISED, count, reason=reason)
        return ClauseVerdict(clause.id, Verdict.HELD, count)


def _before_refusals(operations: Sequence[Operation]) -> list[Operation]:
    """The operations but those that were refused again and again, of which the last is one.

    A fail with a hostile message may be refused; that the holder is refused since may be due to it.
    """
    seen = operations[-1]
    alike = [each for each in operations if each.outcome == REJECTED and each.method == seen.method]
    owed = [each for each in alike if each.method != "fail" or is_plain(str(each.value))]
    since = owed[-REFUSALS].invoked
    return [each for each in operations if each not in alike or (each not in owed and each.invoked < since)]


def _violation(named: Named, job_id: str, witness: tuple[Operation, ...]) -> Violation:
    instead = None
    if named.instead is not None:
        without = tuple(each for each in witness if each is not named.suspect)
        instead = Violation(named.instead.clause, named.instead.happened, job_id, without)
    return Violation(named.clause, named.happened, job_id, witness, instead=instead)
