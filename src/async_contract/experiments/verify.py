"""One clause, one store: run what exercises the clause and have the history judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.bench import (
    Bench,
    Blocked,
    Inconclusive,
    NotApplicable,
    NotEmpty,
    NotExercised,
    ShutForGood,
    open_bench,
)
from async_contract.experiments.cases import EXAMPLE, Case
from async_contract.experiments.catalogue import CONTROLS, EXAMPLES, PLAIN, WITHOUT, Example
from async_contract.experiments.control import labelled, marked, of_finding, of_history
from async_contract.experiments.doubts import Doubts, see_out
from async_contract.experiments.examples.scene import look_back
from async_contract.experiments.findings import Finding
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.experiments.limits import Limits
from async_contract.experiments.owners import promised_here
from async_contract.experiments.waiting import may_be_told, wait_in_vain
from async_contract.experiments.ways import WAY, Explorations, Explored
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import CANCELLED, Operation, in_words
from async_contract.history.recorder import CallTimedOut
from async_contract.judge.judge import judge, kept
from async_contract.judge.verdict import ClauseVerdict, Label, Verdict, Violation
from async_contract.judge.waiting import may_wait_in_vain

BY_ITSELF = "the store breaks without what this clause is about"
"""Why a clause was not exercised."""

_CLOCK = (
    "no lease ended at all: if the store takes an instant from elsewhere than sandbox.clock, or sleeps by "
    "the event loop, leave virtual_time=True out"
)

_TOGETHER = (
    "the workers are connections of one process, which this store does not tell apart, and with "
    'sharing="process" it need not'
)

SLOW = 1_000_000_000
"""Nanoseconds after which a call is a slow one."""

TRIES = 10
"""So often a case is repeated until it breaks its clause again."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What is known of one clause after its experiments.

    Attributes:
        verdict: The verdict on the clause.
        others: What else the same history breaks.
        history: The history behind the verdict.
        finding: The random program that breaks the clause; `None` where its example does.
        faded: Those of the cases to try first that don't break the clause (any more).
        hung: Whether the store did not return from a call in time.
        hopeless: What is broken so that every other item would hang as well; `None` if nothing is.
    """

    verdict: ClauseVerdict
    others: tuple[Violation, ...] = ()
    history: tuple[Operation, ...] = ()
    finding: Finding | None = None
    faded: tuple[Case, ...] = ()
    hung: bool = False
    hopeless: ClauseVerdict | None = None


def since_broken(broken: ClauseVerdict, clause: str, harness: StoreHarness) -> ClauseVerdict:
    """The verdict on a clause that can't be put to the test, since another one is broken.

    Where that one is excused there would be nothing left to fail, so this is an error.
    """
    verdict = Verdict.ERROR if broken.clause in harness.known_failures else Verdict.UNEXERCISED
    reason = f"not tried, since {broken.clause} is broken: {broken.violations[0].happened}"
    return ClauseVerdict(clause, verdict, reason=reason)


def verify(
    harness: StoreHarness,
    clause_id: str,
    *,
    sandboxes: Sandboxes,
    limits: Limits | None = None,
    explorations: Explorations | None = None,
    first: Sequence[Case] = (),
    only: Case | None = None,
    tries: int = TRIES,
) -> Verification:
    """Put a store to the test on one clause.

    Whatever the store does comes back as a verdict: also if it hangs, raises where it may not, or
    is not empty.

    Args:
        harness: How the store is reached.
        clause_id: The clause.
        sandboxes: Where the store's private places are made.
        limits: How much this may cost.
        explorations: What random programs have shown so far, to be shared by the clauses of a run;
            without it none are carried out.
        first: Cases that broke the clause before; they are tried before new ones are looked for.
        only: The case to repeat; nothing else is carried out.
        tries: How often it is repeated until it breaks the clause again: not every race shows each time.
    """
    clause = CLAUSE[clause_id]
    if not clause.binds(harness.capabilities):
        reason = f"the store does not promise {clause.capability}"
        return Verification(ClauseVerdict(clause_id, Verdict.NOT_PROMISED, reason=reason))
    run = _Run(harness, clause_id, sandboxes, limits or Limits(), explorations)
    if only is not None and only.way != EXAMPLE:
        return run.repeated(only, tries)
    return run.verification(first)


class _Run:
    def __init__(
        self,
        harness: StoreHarness,
        clause_id: str,
        sandboxes: Sandboxes,
        limits: Limits,
        explorations: Explorations | None,
    ) -> None:
        self._harness = harness
        self._clause = CLAUSE[clause_id]
        self._sandboxes = sandboxes
        self._limits = limits
        self._explorations = explorations
        self._history: list[Operation] = []
        self._opening: list[Operation] = []
        self._capabilities = promised_here(harness)
        self._why_together = ""
        self._explored = Explored()
        self._told: tuple[str, ...] = ()
        self._label = ""
        self._verdict = Verdict.HELD
        self._reason = ""
        self._hung = False

    def repeated(self, case: Case, tries: int) -> Verification:
        """Carry out one case, again if need be."""
        for _ in range(tries):
            self._guarded(partial(self._play, case))
            found, _ = self._judged()
            if found.verdict is Verdict.BROKEN or self._verdict is not Verdict.HELD:
                break
        finding = None
        if found.verdict is Verdict.BROKEN:
            schedule = WAY[case.way].read(case.schedule)
            told = replace(found.violations[0], schedule=self._told, label=self._label)
            found = replace(found, violations=(told, *found.violations[1:]))
            finding = Finding(told, case.program, tuple(self._history), schedule, case.way)
        return self._labelled(
            Verification(self._conclude(found), history=tuple(self._history), finding=finding)
        )

    def verification(self, first: Sequence[Case]) -> Verification:
        found = self._controlled() or self._verification(first)
        waiting = self._waiting(found) if self._hung else None
        return waiting or replace(self._labelled(found), hung=self._hung)

    def _waiting(self, found: Verification) -> Verification | None:
        """What a store that hung shows of its leases, if they wait for ever where nothing is ready."""
        is_open = found.verdict.verdict is Verdict.ERROR and may_be_told(self._limits.item)
        if not is_open or not may_wait_in_vain(self._history or self._opening):
            return None
        alone = _Run(self._harness, "lease/empty", self._sandboxes, self._limits, None)
        alone._guarded(alone._wait)
        empty, _ = alone._judged()
        if empty.verdict is not Verdict.BROKEN:
            return None
        history = tuple(alone._history)
        if self._clause.id == empty.clause:
            return Verification(empty, (), history, hung=True, hopeless=empty)
        unjudged = since_broken(empty, self._clause.id, self._harness)
        return Verification(
            unjudged, (*found.others, *empty.violations[:1]), history, hung=True, hopeless=empty
        )

    def _labelled(self, found: Verification) -> Verification:
        """The same with labels: how far the order of the workers was controlled."""
        finding = found.finding
        own = finding if finding is not None and finding.violation.clause == self._clause.id else None
        verdict = labelled(found.verdict, found.history, self._explored, own)
        beside = of_finding(finding) if finding else of_history(self._clause.id, found.history)
        return replace(found, verdict=verdict, others=tuple(marked(found.others, beside)))

    def _controlled(self) -> Verification | None:
        """What is broken without what the clause is about, which then is not to blame for it."""
        control = CONTROLS.get(self._clause.id)
        return None if control is None else self._shown_by(control)

    def _without(self) -> Verification | None:
        """The same for an example that was run before, and broke its clause.

        What keeps it from being tried again, such as a hang, takes nothing back of what was seen.
        """
        control = WITHOUT.get(self._clause.id)
        if control is None:
            return None
        alone = _Run(self._harness, self._clause.id, self._sandboxes, self._limits, None)
        shown = alone._shown_by(control)
        return None if alone._verdict is Verdict.ERROR else shown

    def _shown_by(self, control: Example) -> Verification | None:
        self._guarded(partial(self._run_example, control))
        found, others = self._told_apart(*self._judged())
        if self._verdict is Verdict.ERROR:
            return Verification(self._conclude(found), others, tuple(self._history))
        self._stop(Verdict.HELD, "")  # whatever else ended the control is for the example to say
        if all(CLAUSE[each.clause].level == "SHOULD" for each in others):
            return None
        unexercised = ClauseVerdict(self._clause.id, Verdict.UNEXERCISED, reason=BY_ITSELF)
        return Verification(unexercised, others, tuple(self._history))

    def _verification(self, first: Sequence[Case]) -> Verification:
        self._guarded(partial(self._run_example, EXAMPLES[self._clause.id]))
        found, others = self._told_apart(*self._judged())
        found = self._hinted(found)
        if found.verdict is Verdict.BROKEN or found.reason == BY_ITSELF:
            without = self._without() if found.verdict is Verdict.BROKEN else None
            return (
                without or self._in_order(found, others) or Verification(found, others, tuple(self._history))
            )
        if self._explorations is None or self._verdict not in (Verdict.HELD, Verdict.UNEXERCISED):
            return Verification(self._conclude(found), others, tuple(self._history))
        for case in first:
            again = _Run(self._harness, case.clause, self._sandboxes, self._limits, None).repeated(
                case, TRIES
            )
            if again.verdict.verdict is Verdict.BROKEN:
                return again
        self._guarded(partial(self._explore, self._explorations))
        finding = self._explored.finding(self._clause.id)
        if finding is not None:
            return self._found(finding, found.count, others, first)
        besides = self._explored.besides(self._clause.id)
        if besides is not None:
            others = (*others, besides.violation)
            return Verification(self._conclude(found), others, besides.history, besides, tuple(first))
        return Verification(self._conclude(found), others, tuple(self._history), faded=tuple(first))

    def _found(
        self, finding: Finding, count: int, others: tuple[Violation, ...], first: Sequence[Case] = ()
    ) -> Verification:
        """A random program breaks the clause, which the example has put to the test so many times besides."""
        count += self._explored.count(self._clause.id)
        broken = ClauseVerdict(self._clause.id, Verdict.BROKEN, count, (finding.violation,))
        return Verification(broken, others, finding.history, finding, tuple(first))

    def _in_order(self, found: ClauseVerdict, others: tuple[Violation, ...]) -> Verification | None:
        """What the example has shown, by workers in an order that can be repeated, if a program does that.

        Calls beside one another, as some examples have them, go in an order that nobody chose; what
        breaks the clause may well do so in an order that was chosen, and then it is told with that.
        """
        clause = self._clause.id
        if self._explorations is None or clause == "durable/kill" or found.verdict is not Verdict.BROKEN:
            return None
        if of_history(clause, self._history) is not Label.BEST_EFFORT:
            return None
        self._guarded(partial(self._explore, self._explorations))
        finding = self._explored.finding(clause)
        if finding is None or of_finding(finding) is Label.BEST_EFFORT:
            return None
        return self._found(finding, found.count, others)

    def _judged(self) -> tuple[ClauseVerdict, tuple[Violation, ...]]:
        """The verdict on the clause, and what else the history breaks."""
        judgement = judge(self._history, self._capabilities, hasty=self._harness.virtual_time)
        others = tuple(each for each in judgement.violations if each.clause != self._clause.id)
        found = judgement.verdicts[self._clause.id]
        return self._of_one_process() if found.verdict is Verdict.NOT_PROMISED else found, others

    def _of_one_process(self) -> ClauseVerdict:
        """The verdict on what is promised to workers of several processes, and these are of one.

        If the store keeps it for them all the same, it tells them apart.
        """
        judgement = judge(self._history, self._harness.capabilities, hasty=self._harness.virtual_time)
        found = judgement.verdicts[self._clause.id]
        if found.verdict is not Verdict.BROKEN:
            return found
        reason = f"{_TOGETHER}: {self._why_together}" if self._why_together else _TOGETHER
        return ClauseVerdict(self._clause.id, Verdict.UNEXERCISED, reason=reason)

    def _told_apart(
        self, found: ClauseVerdict, others: tuple[Violation, ...]
    ) -> tuple[ClauseVerdict, tuple[Violation, ...]]:
        """The same, but what the store breaks by itself is laid to no call that was made besides."""
        violations = (*found.violations, *others)
        if not any(each.instead for each in violations):
            return found, others
        own = self._broken_by_itself()
        told = [
            each.instead if each.instead is not None and each.instead.clause in own else each
            for each in violations
        ]
        kept = tuple(each for each in told if each.clause == self._clause.id)
        if kept:
            found = replace(found, verdict=Verdict.BROKEN, violations=kept, reason="")
        elif found.verdict is Verdict.BROKEN:
            found = ClauseVerdict(self._clause.id, Verdict.UNEXERCISED, found.count, reason=BY_ITSELF)
        return found, tuple(each for each in told if each.clause != self._clause.id)

    def _hinted(self, found: ClauseVerdict) -> ClauseVerdict:
        """The same, with a hint where the harness seems to promise another clock than the store has."""
        if (
            self._clause.id != "expiry/returns"
            or not self._harness.virtual_time
            or _came_again(self._history)
        ):
            return found
        told = [replace(each, happened=f"{each.happened} ({_CLOCK})") for each in found.violations]
        return replace(found, violations=tuple(told))

    def _broken_by_itself(self) -> set[str]:
        """The clauses that the store breaks in the plainest scenes, with no call to blame."""
        broken = set()
        for scene in PLAIN:
            alone = _Run(self._harness, self._clause.id, self._sandboxes, self._limits, None)
            alone._guarded(partial(alone._run_example, scene))
            found, others = alone._judged()
            broken |= {each.clause for each in (*found.violations, *others) if each.instead is None}
        return broken

    def _conclude(self, found: ClauseVerdict) -> ClauseVerdict:
        """The verdict, where nothing breaks the clause; nothing is held by half a run."""
        count = found.count + self._explored.count(self._clause.id)
        if self._verdict is not Verdict.HELD:
            return ClauseVerdict(self._clause.id, self._verdict, count, reason=self._reason)
        if found.verdict is Verdict.UNEXERCISED and count >= self._clause.minimum:
            found = ClauseVerdict(self._clause.id, Verdict.HELD)
        return replace(found, count=count, reason=found.reason or self._explored.short(self._clause.id))

    def _guarded(self, run: Callable[[], None]) -> None:
        """Run an experiment; what the store does instead of letting it pass is a verdict too."""
        try:
            with time_limit(self._limits.item):
                run()
        except TimeLimitExceeded as hung:
            self._hung = True
            self._stop(Verdict.ERROR, f"it hung: stopped after {self._limits.item:g} s, {hung}{self._slow()}")
        except NotApplicable as reason:
            self._stop(Verdict.NOT_PROMISED, str(reason))
        except Blocked as reason:
            self._hung = True  # other items would take as long, and show no more
            self._stop(Verdict.UNEXERCISED, str(reason))
        except NotExercised as reason:
            self._stop(Verdict.UNEXERCISED, str(reason))
        except (NotEmpty, HarnessError, TargetError, CallTimedOut) as reason:
            self._hung = isinstance(reason, CallTimedOut)
            self._stop(Verdict.ERROR, str(reason))

    def _slow(self) -> str:
        """Which calls took long, if any did: who has waited in a driver may stand somewhere else by now."""
        if self._harness.virtual_time:
            return ""
        done = [each for each in self._history if each.returned and each.error != CANCELLED]
        over = [each for each in done if (each.returned or 0) - each.invoked >= SLOW]
        if not over:
            return ""
        last = over[-1]
        took = ((last.returned or 0) - last.invoked) / 1_000_000_000
        return (
            f"; {len(over)} of its calls took more than a second, the last one {took:.0f} s: "
            f"{in_words(last)}, {last.error or last.outcome}"
        )

    def _wait(self) -> None:
        # Whether the store is empty can't be found out by a lease.
        settings = replace(self._limits.settings, allow_nonempty=True)

        async def wait() -> None:
            async with open_bench(self._harness, self._sandboxes, settings) as bench:
                self._history = bench.history
                await wait_in_vain(bench, self._limits.item)

        with asyncio.Runner() as runner:
            runner.run(wait())

    def _run_example(self, example: Example) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._experiment(example))

    def _play(self, case: Case) -> None:
        way, settings = WAY[case.way], self._limits.exploring
        schedule = way.read(case.schedule)
        played = way.play(self._harness, self._sandboxes, settings, case.program, schedule)
        if Doubts(self._harness, settings).suspects and kept(played.history, played.capabilities):
            patient = replace(settings, waits=True)
            played = way.play(self._harness, self._sandboxes, patient, case.program, schedule)
        self._history, self._capabilities = list(played.history), played.capabilities
        self._told, self._label = played.schedule, played.label

    def _explore(self, explorations: Explorations) -> None:
        self._explored = explorations.of(self._harness, self._sandboxes, self._limits, self._clause.id)
        if self._explored.stopped:
            raise CallTimedOut(f"a random program was stopped: {self._explored.stopped}")

    def _stop(self, verdict: Verdict, reason: str) -> None:
        self._verdict = verdict
        self._reason = reason

    async def _experiment(self, example: Example) -> None:
        settings = self._limits.settings
        opening = open_bench(self._harness, self._sandboxes, settings)
        self._opening = opening.bench.history
        async with opening as bench:
            self._history = bench.history
            try:
                await self._shown(example, bench)
            except (Blocked, ShutForGood):  # the next call would wait as long, or fail, and show no more
                raise
            except Inconclusive:  # nor can what comes now be laid to the store
                return
            except (NotExercised, NotApplicable):
                # What came so far is judged too, to the end: a store that delivers nothing is broken.
                await bench.drain()
                await see_out(bench)
                raise
            await bench.drain()
            await see_out(bench)
            await look_back(bench)

    async def _shown(self, example: Example, bench: Bench) -> None:
        try:
            await example(bench)
        finally:
            self._why_together = bench.why_together
            if bench.has_processes:
                self._capabilities = self._harness.capabilities


def _came_again(history: Sequence[Operation]) -> bool:
    """Whether a job was delivered a second time that nobody had failed."""
    failed = {each.job_id for each in history if each.method == "fail"}
    ids = [str(job.id) for each in history if each.method == "lease" for job in each.jobs]
    lasting = [id for id in ids if id not in failed]
    return len(set(lasting)) < len(lasting)
