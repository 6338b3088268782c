"""Exact: is there a placing of effects that explains what was seen of one job?

The operations on one job are followed in the order of real time. A *configuration* is a state the
job may be in, together with the calls in flight that have had their effect already. An effect is
placed only when something forces it (the return of a call): placing it earlier never explains more
(Lowe, "Testing for linearizability", 2017). Of all the ways into one configuration only the
earliest instant is kept: whatever can follow the later one can follow the earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from async_contract.contract.life import ABSENT, ANYTHING, NEVER, Life, Phase, State
from async_contract.history.operation import OK, REJECTED, UNKNOWN, Operation
from async_contract.store import JobRecord

ENDINGS = ("reopen", "disconnect", "kill")
"""What may end a lease besides its holder and the clock."""

MOST_CONFIGURATIONS = 20_000
"""Where one job needs more, the judge gives up and says so."""

MOST_FOLLOWED = 20_000
"""So many in all, and `EACH_FOLLOWED` more for each operation: that takes a second or two."""

EACH_FOLLOWED = 200

MOST_COMPARED = 16
"""With so many ways into one state each further one is compared; more would cost more than it saves."""


class TooManyConfigurations(Exception):
    """One job's history allows more placings than the judge is willing to follow."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What happened around the calls on a job and may have changed it.

    Attributes:
        endings: Reopenings, closed connections, and where leases end with their connection, killed
            workers: each may end a lease that was held at an instant within it.
        erases: The first instant from which nothing the store shows is impossible; `NEVER` for a
            store that is not reopened, or is durable.
        lost: The leases of unknown outcome: any of them may have taken the job, seen by nobody.
    """

    endings: Sequence[Operation] = ()
    erases: int = NEVER
    lost: Sequence[Operation] = ()

    @property
    def unseen(self) -> int:
        """The first instant from which there may have been deliveries that nobody saw."""
        return min((each.invoked for each in self.lost), default=NEVER)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the search found.

    Attributes:
        stuck_at: The position of the first operation whose return nothing explains; `None` if
            everything is explained.
        states: The states the job may be in: at the end, or before the operation it is stuck at.
    """

    stuck_at: int | None
    states: frozenset[State]


NOTHING = Surroundings()

_LINE = ("enqueue", "lease", "complete", "fail")

# A configuration: the state, and the operations in flight that had their effect, as a bit mask.
_Configuration = tuple[State, int]


def explain(
    operations: Sequence[Operation],
    life: Life,
    around: Surroundings = NOTHING,
    *,
    forced: Operation | None = None,
) -> Explanation:
    """Look for a placing of effects that explains every operation on one job.

    Args:
        operations: The operations on one job, each lease with that job among its deliveries.
        life: What can become of a job.
        around: What happened around these operations.
        forced: An operation that must change something, even where doing nothing would be allowed.

    Raises:
        TooManyConfigurations: There are more placings than the search will follow.
    """
    if around is NOTHING or (around.erases == NEVER and not around.endings and not around.lost):
        found = _in_line(operations, life, forced)
        if found is not None:
            return found
    return _Search(operations, life, around, forced).run()


def _in_line(operations: Sequence[Operation], life: Life, forced: Operation | None) -> Explanation | None:
    """The same, for calls of which each was over before the next began; `None` if they are not.

    Then only the ends of leases by themselves have to be placed, and each effect has one place.
    """
    # What is fenced off must have no effect, and beyond the end of time anything goes: the search knows that.
    if life.fences or not _is_line(operations):
        return None
    reached: dict[State, int] = {ABSENT: -1}
    for place, operation in enumerate(operations):
        if operation.outcome == REJECTED:
            continue
        assert operation.returned is not None
        before = _with_ended(reached, life, operation.returned)
        reached = {}
        for state, instant in before.items():
            at = max(instant, operation.invoked)
            for after in _effects_in_line(state, operation, life, at):
                if operation is forced and after == state:
                    continue
                if at < reached.get(after, NEVER):
                    reached[after] = at
        if not reached:
            return Explanation(place, frozenset(before))
    return Explanation(None, frozenset(_with_ended(reached, life, NEVER - 1)))


def _is_line(operations: Sequence[Operation]) -> bool:
    """Whether one call followed another, and all did what they were asked."""
    over = -1
    for method, _, invoked, returned, outcome, *_ in operations:
        if outcome != REJECTED:
            if invoked <= over or outcome != OK or returned is None or method not in _LINE:
                return False
            over = returned
    return over < NEVER


def _with_ended(reached: dict[State, int], life: Life, latest: int) -> dict[State, int]:
    """These states, and those after a lease that has ended by itself by the instant `latest`."""
    found = dict(reached)
    for state, instant in reached.items():
        if state.phase is Phase.LEASED and state.ends <= latest:
            ended = max(instant, state.ends)
            for after in life.ended(state, unseen=False) if ended <= latest else ():
                if ended < found.get(after, NEVER):
                    found[after] = ended
    return found


def _effects_in_line(state: State, operation: Operation, life: Life, at: int) -> Sequence[State]:
    if operation.method == "lease":
        ends = NEVER if life.earliest_expiry is None else at + life.earliest_expiry
        return life.delivered(state, operation.worker, operation.returned or 0, ends)
    if operation.method == "complete":
        return life.completed(state, operation.worker, operation.invoked)
    if operation.method == "fail":
        return life.failed(state, operation.worker, operation.invoked, unseen=False)
    return (life.enqueued(state),)


def superseded(operations: Sequence[Operation], endings: Sequence[Operation] = ()) -> Sequence[Operation]:
    """The completes and fails by workers whose lease had expired and been followed by another's.

    A store that fences gives them no effect, then or later.

    Args:
        operations: The operations on one job.
        endings: What may have ended leases besides their holders and the clock.
    """
    past = _Past(operations, endings)
    return [call for call in operations if call.method in ("complete", "fail") and past.is_superseded(call)]


class _Past:
    """The leases of one job, and what may have ended them besides the clock.

    A store that fences has promised to keep out a worker whose lease has expired. It has not said what it
    does with one that never had the job, or whose lease was ended by a fail, its own or another's.
    """

    def __init__(self, operations: Sequence[Operation], endings: Sequence[Operation]) -> None:
        self._leases = [each for each in operations if each.method == "lease" and each.outcome == OK]
        self._enders = [each for each in operations if each.method == "fail" and each.outcome != REJECTED]
        self._enders.extend(endings)

    def is_superseded(self, call: Operation) -> bool:
        """Whether the job surely was another's after the caller's lease had expired, and before the call."""
        own = self._own(call)
        if own is None:
            return False
        others = [each for each in self._leases if each.worker != call.worker and _over(each) < call.invoked]
        return any(each.invoked > _over(own) and self._expired(own, _over(each), call) for each in others)

    def is_overtaken(self, call: Operation, received: int) -> bool:
        """Whether the caller's lease had expired when another received the job, at the instant `received`."""
        own = self._own(call)
        return own is not None and self._expired(own, received, call)

    def _own(self, call: Operation) -> Operation | None:
        """The latest delivery to the caller before the call."""
        own = [each for each in self._leases if each.worker == call.worker and _over(each) <= call.invoked]
        return max(own, key=_over, default=None)

    def _expired(self, own: Operation, until: int, call: Operation) -> bool:
        """Whether nothing but the clock can have ended a lease before the instant `until`."""
        return not any(
            each is not call and each.invoked <= until and _over(each) >= own.invoked for each in self._enders
        )


def _over(operation: Operation) -> int:
    return NEVER if operation.returned is None else operation.returned


class _Search:
    def __init__(
        self, operations: Sequence[Operation], life: Life, around: Surroundings, forced: Operation | None
    ) -> None:
        self._operations = [op for op in operations if op.outcome != REJECTED]
        self._places = [place for place, op in enumerate(operations) if op.outcome != REJECTED]
        self._life = life
        self._erases = around.erases
        self._unseen = around.unseen
        self._forced = forced
        self._pending: list[int] = []
        self._left = MOST_FOLLOWED + EACH_FOLLOWED * len(operations)
        self._past = _Past(self._operations, around.endings) if life.fences else None
        self._superseded = superseded(self._operations, around.endings) if life.fences else ()
        if any(each.method == "inspect" for each in self._operations):
            # To be on lease to nobody explains no delivery, but it explains being shown as leased.
            self._operations.extend(around.lost)
        self._operations.extend(around.endings)
        self._elders = self._like_ones()
        self._optional = sum(
            1 << index
            for index, op in enumerate(self._operations)
            if op.outcome == UNKNOWN or op.method in ENDINGS
        )

    def _like_ones(self) -> dict[int, int]:
        """For a call of unknown outcome, the one before it that could do the same at the same time or sooner.

        Of many lost calls it does not matter which had its effect: so the oldest goes first, and the number
        of placings does not double with each of them.
        """
        elders: dict[int, int] = {}
        latest: dict[tuple[object, ...], int] = {}
        places = sorted(range(len(self._operations)), key=lambda index: self._operations[index].invoked)
        for index in places:
            each = self._operations[index]
            if each.outcome == UNKNOWN and each.method != "enqueue":
                kind = self._kind(each)
                if kind in latest:
                    elders[index] = latest[kind]
                latest[kind] = index
        return elders

    def _kind(self, call: Operation) -> tuple[object, ...]:
        """What calls share that can do the same: whose they are is part of it only where it matters."""
        nobodys = {
            "lease": True,
            "complete": not self._life.fences,
            "fail": self._life.anybodys_fail,
        }.get(call.method, False)
        return (call.method,) if nobodys else (call.method, call.worker, call in self._superseded)

    def _waits_for_elder(self, index: int, done: int) -> bool:
        elder = self._elders.get(index)
        if elder is not None:
            return not done >> elder & 1
        call = self._operations[index]
        if call.method not in ENDINGS:
            return False
        # Of two that can end the same lease, the one that is over first: the other can still do it then.
        return any(
            each != index
            and not done >> each & 1
            and self._operations[each].method == call.method
            and (call.method == "reopen" or self._operations[each].worker == call.worker)
            and (_over(self._operations[each]), each) < (_over(call), index)
            for each in self._pending
        )

    def run(self) -> Explanation:
        reached: dict[_Configuration, int] = {(ABSENT, 0): -1}
        for at, returns, index in self._events():
            if at >= self._erases:
                return Explanation(None, frozenset({ANYTHING}))
            if not returns:
                self._pending.append(index)
                continue
            before = reached
            reached = self._settle(before, index, at)
            if not reached:  # never where the operation is one that may but need not end a lease
                states = frozenset(state for (state, _), _ in self._closure(before, at, index))
                return Explanation(self._places[index], states)
            self._pending.remove(index)
        return Explanation(None, self._final(reached))

    def _events(self) -> Iterator[tuple[int, bool, int]]:
        """Invocations and returns in real time.

        At one instant invocations come first, so that equal instants count as overlap.
        """
        events = []
        for index, operation in enumerate(self._operations):
            events.append((operation.invoked, False, index))
            if operation.outcome == OK and operation.returned is not None:
                events.append((operation.returned, True, index))
        return iter(sorted(events))

    def _settle(self, before: dict[_Configuration, int], index: int, at: int) -> dict[_Configuration, int]:
        """The configurations in which the operation that now returns has had its effect."""
        bit = 1 << index
        settled: dict[_Configuration, int] = {}
        for (state, done), instant in self._closure(before, at, index):
            if done & bit or self._operations[index].method in ENDINGS:
                key = (state, done & ~bit)
                if instant < settled.get(key, NEVER):
                    settled[key] = instant
        return settled

    def _final(self, reached: dict[_Configuration, int]) -> frozenset[State]:
        return frozenset(state for (state, _), _ in self._closure(reached, NEVER - 1, None))

    def _closure(
        self, start: dict[_Configuration, int], latest: int, until: int | None
    ) -> list[tuple[_Configuration, int]]:
        """Everything reachable by effects placed not later than `latest`.

        Nothing is placed after the operation `until`: it can wait for its own turn.
        """
        found = dict(start)
        spent: dict[tuple[State, int], list[tuple[int, int]]] = {}
        for configuration, instant in start.items():
            self._is_dominated(spent, configuration, instant)
        work = list(start.items())
        stop = 0 if until is None or self._operations[until].method in ENDINGS else 1 << until
        while work:
            configuration, instant = work.pop()
            if found[configuration] < instant or configuration[1] & stop:
                continue
            for reached, when in self._steps(configuration, instant, latest):
                if when < found.get(reached, NEVER) and not self._is_dominated(spent, reached, when):
                    found[reached] = when
                    work.append((reached, when))
            if len(found) > MOST_CONFIGURATIONS or len(found) > self._left:
                raise TooManyConfigurations
        self._left -= len(found)
        return list(found.items())

    def _is_dominated(
        self, spent: dict[tuple[State, int], list[tuple[int, int]]], reached: _Configuration, when: int
    ) -> bool:
        """Whether the same state was reached not later with fewer of the calls that need not have an effect.

        Those are of unknown outcome, or may end a lease and need not. Whatever follows here can follow there.
        """
        state, done = reached
        optional = done & self._optional
        others = spent.setdefault((state, done & ~self._optional), [])
        if any(at <= when and used & ~optional == 0 for used, at in others):
            return True
        if len(others) < MOST_COMPARED:
            others.append((optional, when))
        return False

    def _steps(
        self, configuration: _Configuration, instant: int, latest: int
    ) -> Iterator[tuple[_Configuration, int]]:
        state, done = configuration
        if state.phase is Phase.LEASED and state.ends <= latest:
            ended = max(instant, state.ends)
            for at in {ended, max(ended, self._unseen)}:
                if at <= latest:
                    for after in self._life.ended(state, unseen=at >= self._unseen):
                        yield (after, done), at
        for index in self._pending:
            bit = 1 << index
            if done & bit:
                continue
            operation = self._operations[index]
            if operation.method in ENDINGS and not _may_end(operation, state):
                continue
            waits = self._waits_for_elder(index, done)
            if waits and not self._is_held_up(index, done, state):
                continue
            when = max(instant, operation.invoked)
            for at in self._instants(state, operation, when, latest):
                for after in self._effects(state, operation, at):
                    # The holder's fail may not make a job dead, where another's may: for that none waits.
                    if waits and after.phase is not Phase.DEAD:
                        continue
                    # What is of unknown outcome need not have happened: placed, it must change something.
                    if operation.outcome != UNKNOWN or after != state:
                        yield (after, done | bit), at

    def _is_held_up(self, index: int, done: int, state: State) -> bool:
        """Whether a fail waits for one that the holder made, which can do less than another's."""
        fails = self._operations[index].method == "fail" and self._life.anybodys_fail
        if not fails or state.phase is not Phase.LEASED:
            return False
        while (elder := self._elders.get(index)) is not None and not done >> elder & 1:
            index = elder
        return state.holder == self._operations[index].worker

    def _instants(self, state: State, operation: Operation, when: int, latest: int) -> Iterator[int]:
        """The instants worth trying for an effect.

        They are the earliest; the one from which a fail is excused, because deliveries that nobody saw may
        have used up the attempts; and the one from which a lease may be shown as run out.
        """
        yield when
        if operation.method == "fail" and when < self._unseen <= latest:
            yield self._unseen
        if operation.method == "inspect" and when < state.ends <= latest:
            yield state.ends

    def _effects(self, state: State, operation: Operation, when: int) -> Sequence[State]:
        life, worker = self._life, operation.worker
        if operation.method == "lease":
            ends = NEVER if life.earliest_expiry is None else when + life.earliest_expiry
            if operation.outcome == UNKNOWN:
                return life.taken(state, when)
            return life.delivered(state, worker, operation.returned or 0, ends)
        if operation.method in ("complete", "fail") and self._is_kept_out(operation, state):
            return (state,)
        if operation.method == "complete":
            after = life.completed(state, worker, operation.invoked)
        elif operation.method == "fail":
            after = life.failed(state, worker, operation.invoked, unseen=when >= self._unseen)
        elif operation.method == "inspect":
            assert operation.value is None or isinstance(operation.value, JobRecord)
            shown = None if operation.value is None else operation.value.state
            return (state,) if life.shown(state, shown, when) else ()
        elif operation.method in ENDINGS:
            return self._loosened(state, operation, when)
        else:
            return (life.enqueued(state),)
        if operation is self._forced:
            return [each for each in after if each != state]
        return after

    def _is_kept_out(self, call: Operation, state: State) -> bool:
        """Whether a store that fences keeps out this complete or fail, however late it has its effect."""
        if self._past is None:
            return False
        if call in self._superseded:
            return True
        anothers = state.phase is Phase.LEASED and state.holder not in (0, call.worker)
        return anothers and self._past.is_overtaken(call, state.since)

    def _loosened(self, state: State, operation: Operation, when: int) -> Sequence[State]:
        """The states after something that may end a lease that is held, now or later."""
        return (state._replace(ends=when),) if when < state.ends else ()


def _may_end(ending: Operation, state: State) -> bool:
    """Whether the job is held by somebody whose lease this may end."""
    return state.phase is Phase.LEASED and (ending.method == "reopen" or state.holder == ending.worker)
