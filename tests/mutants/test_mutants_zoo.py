"""Every mutant is caught by the clause that it names; what follows from its defect besides is known."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from contextlib import nullcontext

import pytest

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.bench import Settings
from async_contract.experiments.catalogue import EXAMPLES
from async_contract.experiments.explore import Budget, Explorer
from async_contract.experiments.findings import Finding
from async_contract.experiments.interleavings import LoopStage
from async_contract.experiments.limits import Limits
from async_contract.experiments.scheduled import Effort, Scheduler
from async_contract.experiments.verify import Verification, verify
from async_contract.harness.sandbox import Sandboxes
from async_contract.judge.verdict import Verdict
from async_contract.mutants import mutant as making
from async_contract.mutants import racing
from async_contract.mutants.mutant import Mutant
from async_contract.mutants.zoo import MUTANTS
from tests.measuring import unmeasured

SHALLOW = tuple(each for each in MUTANTS if not each.deep)
DEEP = tuple(each for each in MUTANTS if each.deep)
RACING = {making.mutant(store).name for store in racing.STORES}

LEAST = {
    "forgets-old-completions": (23, 0),
    "reopen-forgets-ninth": (12, 0),
    "staggered-double-lease": (3, 1),
    "tidies-up-after-fail": (5, 1),
    "reaps-twice": (6, 2),
    "completes-after-expiry": (5, 1),
    "fails-after-expiry": (6, 1),
    "gives-up-silently": (4, 1),
    "unlocks-for-others": (4, 1),
    "locks-in-two-orders": (4, 0),
}
"""How many steps and pauses are left at the most of what shows a mutant; elsewhere ten, in order."""

ABOUT_BATCHES = ("lease/accepted", "lease/within-limit", "lease/empty")
"""What breaks these happens to a batch, and so to no job that could be named."""

NAMELESS = ("delivers-dicts", "delivers-row-numbers")
"""Nor can those be named whose id is missing, or is none."""

# By mutant: what its defect breaks besides, in the examples of all clauses together. A line that is
# indented continues the one before it. Where a clause is named that the store keeps, the reason is that
# one history alone does not tell which of several calls did it.
FOLLOWS = """
# Two clauses say the same of one defect, or the same batch breaks both.
refuses-large-limit: lease/empty
limit-in-two-bytes: lease/empty
fail-inserts-unknown: fail/unknown-reported
repeats-failed-jobs: lease/within-limit
delivers-its-own-jobs: lease/distinct complete/only-that-job
raises-when-empty: lease/accepted
raises-queue-empty: lease/accepted
delivers-none-when-empty: lease/well-formed
ids-ignore-case: complete/unknown-reported
ids-replace-alike: complete/unknown-reported
ids-stripped: complete/unknown-reported
ids-matched-as-patterns: complete/unknown-reported complete/rejected-means-not-done fail/unknown-reported
ids-matched-by-prefix: complete/unknown-harmless complete/unknown-reported fail/unknown-harmless
  fail/unknown-reported
ids-end-at-nul: complete/unknown-reported
starts-anew-at-expiry: lease/attempts fail/max-attempts fail/only-that-job expiry/max-attempts
counts-fails-only: fail/max-attempts fail/only-that-job expiry/max-attempts
starts-anew-at-fail: lease/attempts-steady fail/max-attempts expiry/max-attempts
empty-id-completes-all: complete/unknown-reported
empty-id-fails-all: fail/unknown-reported
refuses-after-completing: fail/rejected-means-not-done
fail-revives-completed: fail/unleased-reported
fail-buries-completed: fail/unleased-reported

# A job on lease comes to another: its holder is refused later, and what was called before is suspected.
marks-first-of-batch: complete/accepted complete/only-that-job fail/accepted fail/only-that-job
  expiry/not-early expiry/max-attempts
marks-five-of-batch: complete/accepted fail/accepted expiry/not-early
remembers-fifty-leases: complete/accepted complete/rejected-means-not-done expiry/not-early
recovers-at-connect: expiry/not-early
close-frees-leased: expiry/not-early
leases-per-connection: complete/only-that-job fail/only-that-job expiry/not-early
redelivers-to-holder: expiry/not-early
abandons-earlier-batch: complete/accepted fail/accepted fail/only-that-job expiry/not-early
  expiry/max-attempts
forgets-lease-of-failed-job: complete/unknown-harmless fail/unknown-harmless expiry/not-early
expires-at-once: complete/accepted complete/only-that-job fail/accepted fail/only-that-job
  expiry/not-early
expires-at-half: complete/only-that-job fail/accepted fail/rejected-means-not-done
timer-outlives-fail: complete/accepted complete/only-that-job complete/rejected-means-not-done
complete-releases-others: complete/accepted complete/rejected-means-not-done complete/cancelled
  fail/accepted fail/rejected-means-not-done expiry/not-early
fail-releases-others: complete/accepted complete/rejected-means-not-done fail/accepted
  fail/rejected-means-not-done expiry/not-early
unknown-complete-releases: lease/identity complete/only-that-job complete/rejected-means-not-done
unencodable-half-applied: fail/rejected-means-not-done

# A job that is ready, or should be, never comes: what was called since it was enqueued is suspected.
delivers-dicts: lease/progress
delivers-its-keys: lease/progress
delivers-row-numbers: lease/progress
ids-cut-at-colon: lease/progress
ids-unquoted: lease/progress
delivers-stop-marker: lease/within-limit
waits-for-full-batch: complete/only-that-job complete/rejected-means-not-done fail/redelivers
  fail/max-attempts fail/rejected-means-not-done expiry/returns
halves-limit: fail/redelivers
keeps-newest-back: fail/redelivers fail/max-attempts fail/rejected-means-not-done expiry/returns
takes-one-more: lease/order fail/redelivers fail/only-that-job expiry/returns
stops-at-unreadable-job: fail/redelivers
lease-stays-busy: lease/progress
shared-scratch: lease/progress
swallows-cancellation: lease/progress
complete-drops-next-ready: lease/within-limit lease/progress fail/redelivers durable/reopen
fails-whole-kind: lease/progress durable/reopen
unknown-fail-buries-ready: lease/identity lease/progress
message-injected: complete/only-that-job complete/rejected-means-not-done
line-break-ends-record: complete/rejected-means-not-done
cancelled-fail-buries-all: complete/rejected-means-not-done
cancelled-complete-releases-all: complete/rejected-means-not-done

# A job can't be completed, or is by a call on another: its holder is refused, and calls are suspected.
completes-latest-batch-only: complete/only-that-job fail/only-that-job
completes-in-order-only: complete/only-that-job complete/cancelled fail/only-that-job fail/cancelled
completes-up-to: complete/accepted complete/rejected-means-not-done fail/accepted fail/cancelled
  expiry/returns
completes-oldest: complete/accepted complete/final complete/rejected-means-not-done complete/repeat-harmless
  fail/accepted fail/cancelled expiry/returns
completes-whole-kind: complete/accepted complete/rejected-means-not-done fail/accepted
  fail/rejected-means-not-done fail/cancelled expiry/returns durable/reopen
unknown-completes-oldest: lease/identity complete/accepted complete/unknown-reported fail/unknown-harmless
  fail/unknown-reported fail/rejected-means-not-done
second-complete-takes-next: lease/identity complete/accepted complete/only-that-job
  complete/rejected-means-not-done fail/unleased-reported
fails-oldest: complete/accepted complete/rejected-means-not-done fail/releases fail/redelivers
  fail/max-attempts expiry/not-early
unknown-fails-oldest: lease/identity fail/unknown-reported fail/rejected-means-not-done
fail-queues-twice: fail/max-attempts fail/rejected-means-not-done expiry/returns

# A completed job comes back, in every scenario that completes one.
complete-only-hides: complete/only-that-job complete/repeat-harmless fail/only-that-job fail/after-complete
  durable/reopen
lease-outlives-complete: complete/only-that-job complete/repeat-harmless fail/only-that-job
  fail/after-complete durable/reopen

# A failed job does not come back as it should, in every scenario that fails one.
fail-keeps-lease: complete/only-that-job fail/redelivers fail/only-that-job
fail-completes: fail/redelivers fail/only-that-job fail/rejected-means-not-done fail/cancelled
fail-deletes: fail/redelivers fail/only-that-job fail/rejected-means-not-done
fail-buries: fail/max-attempts
retries-too-late: complete/only-that-job fail/rejected-means-not-done fail/hostile-message
lease-outlives-fail: complete/only-that-job complete/rejected-means-not-done fail/only-that-job
  fail/rejected-means-not-done durable/reopen
one-attempt-more: expiry/max-attempts
one-attempt-less: expiry/returns
never-dead: expiry/max-attempts
attempts-shared-by-kind: complete/cancelled fail/redelivers expiry/returns

# A job whose lease has expired does not come back, in every scenario that lets one expire.
watches-first-of-batch: complete/rejected-means-not-done fail/rejected-means-not-done
  durable/reopen
expiry-buries: complete/cancelled
timers-in-memory: complete/rejected-means-not-done fail/rejected-means-not-done

# What a process keeps in its memory is lost when it is killed, and where the store is opened in another one;
# and another one does not know of it.
outcomes-written-later: complete/final
writes-at-exit: durable/kill
leased-taken-out: durable/reopen
"""


def _followers() -> dict[str, set[str]]:
    lines = re.sub(r"\n +", " ", FOLLOWS).splitlines()
    pairs = (line.split(": ") for line in lines if line and not line.startswith("#"))
    return {name: set(clauses.split()) for name, clauses in pairs}


def _verified(mutant: Mutant, sandboxes: Sandboxes) -> tuple[Verification, set[str]]:
    """What its clause makes of a mutant, and what the examples of all clauses see broken."""
    limits = Limits(item=1.5) if mutant.hangs else Limits()
    by_example = {example: clause for clause, example in EXAMPLES.items()}
    by_example[EXAMPLES[mutant.clause]] = mutant.clause
    found = {}
    for clause in by_example.values():
        # What a mutant does, it does in its own example, and to a job that uses up its attempts.
        with nullcontext() if clause in {mutant.clause, "fail/max-attempts"} else unmeasured():
            found[clause] = verify(mutant.harness, clause, sandboxes=sandboxes, limits=limits)
    broken = {
        violation.clause for each in found.values() for violation in (*each.verdict.violations, *each.others)
    }
    return found[mutant.clause], broken


@pytest.mark.parametrize("mutant", SHALLOW, ids=lambda each: each.name)
def test_a_mutant_is_caught_by_its_clause(mutant: Mutant) -> None:
    """The verdict on the clause is *broken*, and nothing else is broken but what is known to follow."""
    with Sandboxes() as sandboxes:
        found, broken = _verified(mutant, sandboxes)
    assert found.verdict.verdict is Verdict.BROKEN
    assert broken - {mutant.clause} == _followers().get(mutant.name, set())
    jobs = [each.job_id for each in found.verdict.violations if each.job_id is not None]
    assert jobs or mutant.clause in ABOUT_BATCHES or mutant.hangs or mutant.name in NAMELESS
    if not mutant.hangs:
        assert all(each.job_id is None or each.job_id in each.happened for each in found.verdict.violations)


def _explored(each: Mutant, sandboxes: Sandboxes) -> Finding:
    """What random programs find of a mutant: in order, or where that finds nothing, under schedules."""
    until = each.clause
    if each.name in RACING:
        stage = LoopStage(each.harness, sandboxes, Settings())
        effort = Effort(programs=60, seconds=math.inf, until=until)
        return Scheduler(stage, 0).explore(effort).findings[until]
    explorer = Explorer(each.harness, sandboxes, Settings(), 0)
    return asyncio.run(explorer.explore(Budget(seconds=math.inf, until=until))).findings[until]


@pytest.mark.parametrize("mutant", DEEP, ids=lambda each: each.name)
def test_a_mutant_that_no_example_catches_is_caught_by_random_programs(mutant: Mutant) -> None:
    """With as many of them as a run of normal effort tries, and what is left is short."""
    with Sandboxes() as sandboxes:
        by_example = verify(mutant.harness, mutant.clause, sandboxes=sandboxes)
        found = _explored(mutant, sandboxes)
    assert by_example.verdict.verdict is Verdict.HELD
    assert found.violation.clause == mutant.clause
    most_steps, most_pauses = LEAST.get(mutant.name, (10, 0))
    assert (len(found.program) <= most_steps, len(found.schedule) <= most_pauses) == (True, True)


def test_every_clause_with_an_experiment_kills_a_mutant() -> None:
    """A clause that nothing breaks has shown no teeth."""
    assert set(EXAMPLES) - {each.clause for each in MUTANTS} == set()


def test_a_mutant_says_what_it_is() -> None:
    """Its name is its own, its clause exists, and its defect is one sentence."""
    assert [name for name, count in Counter(each.name for each in MUTANTS).items() if count > 1] == []
    assert [each.name for each in MUTANTS if not re.fullmatch(r"[a-z]+(-[a-z]+)+", each.name)] == []
    assert [each.name for each in MUTANTS if each.clause not in CLAUSE] == []
    assert [each.name for each in MUTANTS if not re.fullmatch(r"[A-Z].*\.", each.defect)] == []


def test_what_follows_is_known_of_mutants_only() -> None:
    """A mutant that is renamed or removed leaves nothing behind."""
    assert set(_followers()) - {each.name for each in MUTANTS} == set()


def test_the_zoo_is_in_the_order_of_the_contract() -> None:
    """Whoever reads a table of mutants finds the clauses where he knows them."""
    clauses = list(dict.fromkeys(each.clause for each in MUTANTS))
    assert clauses == [each for each in CLAUSE if each in EXAMPLES]
