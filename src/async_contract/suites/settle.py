"""What a verification means to pytest: the item passes, warns, fails, is skipped or xfailed."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest

from async_contract.contract.kinds import LABEL, MESSAGE, kind_of
from async_contract.experiments.verify import Verification
from async_contract.harness.intermittent import Intermittent
from async_contract.judge.verdict import ClauseVerdict, Verdict, Violation
from async_contract.suites.binding import SETTLED, Binding
from async_contract.suites.outcome import ContractError, ContractViolation, ContractWarning, Settled
from async_contract.suites.state import State


def settle(item: pytest.Item, binding: Binding, state: State, found: Verification) -> None:
    """Note what an item found out; then return, or end the item in another way.

    Raises:
        ContractViolation: The clause is broken, or another one is that was not reported before.
        ContractError: There is no verdict.
    """
    known = binding.subject.known_failures if state.forgiving else {}
    others = [each for each in found.others if state.counts(each.clause)]
    # All are claimed, the excused ones too: their own items, should they come later, need not wonder.
    news = [each for each in others if state.claim(binding.target, each.clause)]
    settled = _settled(binding, state, found, known.get(binding.clause.id, ""))
    unexcused = dict.fromkeys(each.clause for each in others if each.clause not in known)
    settled = replace(
        settled,
        others=tuple(unexcused),
        excused={each.clause: known[each.clause] for each in others if each.clause in known},
        spent=binding.verifier.spent(binding.subject, state),
        observed=binding.verifier.observed(binding.subject, found, state),
        violations=(*found.verdict.violations, *others),
        history=found.history,
    )
    item.stash[SETTLED] = settled

    verdict, clause = settled.verdict, binding.clause.id
    violations: list[Violation] = []
    if verdict.verdict is Verdict.BROKEN and state.counts(clause):
        violations += verdict.violations
        state.claim(binding.target, clause)
    violations += [each for each in news if each.clause not in known]
    if violations:
        item.stash[SETTLED] = replace(settled, token=binding.verifier.token(clause, found))
        raise ContractViolation(violations, exercised=verdict.clause, history=found.history)
    _end(binding, settled)


def _settled(binding: Binding, state: State, found: Verification, excuse: str) -> Settled:
    own = found.verdict
    if not excuse or own.verdict not in (Verdict.BROKEN, Verdict.HELD):
        return Settled(own)
    # Broken in the history of another item is broken, though this one saw nothing of it. That may still
    # come, or be seen in another process: whether the excuse is stale is known when everything has run.
    if own.verdict is Verdict.HELD and not state.seen_broken(binding.target, own.clause):
        if isinstance(excuse, Intermittent):
            return Settled(replace(own, verdict=Verdict.KNOWN, reason=f"(not seen in this run) {excuse}"))
        return Settled(replace(own, reason=excuse), stale=True)
    return Settled(replace(own, verdict=Verdict.KNOWN, reason=excuse))


def _end(binding: Binding, settled: Settled) -> None:
    verdict = settled.verdict
    match verdict.verdict:
        case Verdict.ERROR:
            raise ContractError(f"{verdict.clause} could not be judged.\n\n{verdict.reason}")
        case Verdict.BROKEN:
            _warn(verdict, binding.place)
        case Verdict.KNOWN:
            pytest.xfail(f"known failure: {verdict.reason}")
        case Verdict.UNEXERCISED | Verdict.NOT_PROMISED:
            pytest.skip(f"{verdict.verdict}: {verdict.reason}")


def _is_of_a_function(clause: str) -> bool:
    return kind_of(clause) in (LABEL, MESSAGE)


def _warn(verdict: ClauseVerdict, place: tuple[str, int]) -> None:
    violation = verdict.violations[0]
    owner = kind_of(violation.clause).noun
    text = f"{violation.clause} is broken, which {owner} SHOULD keep: {violation.happened}"
    shown = "input" if _is_of_a_function(violation.clause) else "history"
    advice = f"--async-contract-strict makes it a failure and shows the {shown}"
    warnings.warn_explicit(ContractWarning(f"{text}\n({advice})"), None, *place)
