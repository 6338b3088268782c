"""Repeating what broke a clause, for the scripts that do so."""

from __future__ import annotations

import sys

from async_contract.experiments.cases import read
from async_contract.experiments.verify import verify
from async_contract.harness.sandbox import Sandboxes
from async_contract.harness.target import load
from async_contract.judge.verdict import Verdict


def repeat(target: str, token: str, clause: str, *, runs: int) -> int:
    """Repeat a case, and print how often it broke a clause; 1 if it ever did, or else 0.

    Args:
        target: The target's name.
        token: What is to be repeated.
        clause: The clause to look at.
        runs: How often.

    Raises:
        InvalidToken: It is no token.
        TargetError: The target can't be used.
    """
    case, harness = read(token), load(target)
    broken = 0
    with Sandboxes() as sandboxes:
        for _ in range(runs):
            found = verify(harness, case.clause, sandboxes=sandboxes, only=case, tries=1)
            own = case.clause == clause and found.verdict.verdict is Verdict.BROKEN
            broken += own or any(each.clause == clause for each in found.others)
    sys.stdout.write(f"{clause} was broken in {broken} of {runs} runs\n")
    return 1 if broken else 0
