"""Which experiment puts which clause to the test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from async_contract.experiments.bench import Bench
from async_contract.experiments.examples import complete, durable, expiry, fail, lease, plain

Example = Callable[[Bench], Awaitable[None]]
"""One small scenario: what it does to the store is recorded by the bench."""

CONTROLS: Mapping[str, Example] = MappingProxyType({"lease/identity": lease.as_many})
"""What an example does besides what it is made for: a store that breaks in this breaks another clause."""

WITHOUT: Mapping[str, Example] = MappingProxyType(
    {"lease/snapshot": lease.unchanged, "fail/hostile-message": fail.harmless_message}
)
"""An example without what it is made for, where it breaks its clause: if it breaks all the same, another is
broken."""

PLAIN: tuple[Example, ...] = (plain.only_leases, plain.alone, plain.one_by_one)
"""What a store breaks in these is not due to any call that others make besides."""

EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {
        "lease/accepted": lease.accepted,
        "lease/well-formed": lease.delivered,
        "lease/known": lease.delivered,
        "lease/within-limit": lease.within_limit,
        "lease/distinct": lease.distinct,
        "lease/exclusive": lease.exclusive,
        "lease/faithful": lease.faithful,
        "lease/identity": lease.identity,
        "lease/snapshot": lease.snapshot,
        "lease/empty": lease.empty,
        "lease/progress": lease.progress,
        "lease/rejected-means-not-done": lease.refused,
        "lease/attempts-steady": lease.attempts,
        "lease/attempts": lease.attempts,
        "lease/order": lease.order,
        "lease/cancelled": lease.cancelled,
        "complete/accepted": complete.accepted,
        "complete/final": complete.final,
        "complete/only-that-job": complete.only_that_job,
        "complete/unknown-harmless": complete.unknown,
        "complete/unknown-reported": complete.unknown,
        "complete/unleased-reported": complete.not_on_lease,
        "complete/rejected-means-not-done": complete.refused,
        "complete/repeat-harmless": complete.repeated,
        "complete/cancelled": complete.cancelled,
        "fail/accepted": fail.accepted,
        "fail/releases": fail.released,
        "fail/redelivers": fail.released,
        "fail/ends": fail.released,
        "fail/max-attempts": fail.until_dead,
        "fail/only-that-job": fail.only_that_job,
        "fail/unknown-harmless": fail.unknown,
        "fail/unknown-reported": fail.unknown,
        "fail/unleased-reported": fail.not_on_lease,
        "fail/after-complete": fail.after_complete,
        "fail/rejected-means-not-done": fail.refused,
        "fail/message": fail.message,
        "fail/hostile-message": fail.hostile_message,
        "fail/cancelled": fail.cancelled,
        "expiry/returns": expiry.returns,
        "expiry/not-early": expiry.not_early,
        "expiry/fenced": expiry.fenced,
        "expiry/max-attempts": expiry.max_attempts,
        "durable/reopen": durable.reopened,
        "durable/kill": durable.killed,
    }
)
"""The example of every clause of a store."""
