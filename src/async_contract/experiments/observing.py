"""Finding out what a store does where the contract leaves it free, and what it seems to promise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Bench, NotApplicable, NotEmpty, NotExercised, open_bench
from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.experiments.limits import Limits
from async_contract.experiments.policies import PARTS, REFUSED, Notes
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.recorder import CallTimedOut

UNDECLARED = "seems to keep what it does not promise"
"""The name under which capabilities stand that were seen and are not declared."""


def observe(harness: StoreHarness, sandboxes: Sandboxes, limits: Limits) -> Mapping[str, str]:
    """What a store was seen to do, by what was tried; of what could not be tried nothing.

    Nothing of this is a verdict: a store that hangs or raises here does so in the experiments too.
    """
    notes = Notes()
    for part in PARTS:
        try:
            with time_limit(limits.item / len(PARTS)), asyncio.Runner() as runner:
                runner.run(_run(part, notes, harness, sandboxes, limits))
        except (NotExercised, NotApplicable):
            continue
        except (NotEmpty, HarnessError, TargetError, CallTimedOut, TimeLimitExceeded):
            break
    undeclared = ", ".join(_undeclared(notes, harness.capabilities))
    return {**notes, UNDECLARED: undeclared} if undeclared else dict(notes)


async def _run(
    part: Callable[[Bench, Notes], Awaitable[None]],
    notes: Notes,
    harness: StoreHarness,
    sandboxes: Sandboxes,
    limits: Limits,
) -> None:
    async with open_bench(harness, sandboxes, limits.settings) as bench:
        await part(bench, notes)


def _undeclared(notes: Notes, capabilities: Capabilities) -> list[str]:
    """What could be declared, as far as can be seen from so little."""
    found = []
    if not capabilities.fifo and notes.get("order of first deliveries") == "as enqueued":
        found.append("fifo=True")
    # Not where it was mixed, nor where attempts fell.
    added = [seen for name, seen in notes.items() if name.endswith("adds to attempts")]
    if not capabilities.counts_attempts and added and all(each.isdigit() and each != "0" for each in added):
        found.append("counts_attempts=True")
    if capabilities.redelivers is None and "a failed job is put" in notes:
        found.append(f"redelivers={not notes['a failed job is put'].startswith('nowhere')}")
    dead = notes.get("a job is dead after", "")
    if capabilities.max_attempts is None and dead.endswith(" fails"):
        found.append(f"max_attempts={dead.partition(' ')[0]}")
    late = [seen for name, seen in notes.items() if name.startswith("late ") and "ready again" not in name]
    if not capabilities.fences and len(late) == 4 and set(late) == {REFUSED}:
        found.append("fences=True")
    return found
