"""What a single delivery or batch breaks by itself, whatever else happened."""

from __future__ import annotations

from collections.abc import Iterator

from async_contract.history.operation import Delivered, Misfit, Operation
from async_contract.judge.verdict import Violation


def batch_violations(operation: Operation) -> Iterator[Violation]:
    """What a lease that returned `operation.jobs` breaks as a batch."""
    limit = operation.value
    assert isinstance(limit, int), "the value of a lease is its limit"
    ids = [each.id for each in operation.jobs]
    if len(ids) > max(limit, 0):
        happened = f"lease({limit}) delivered {_jobs(len(ids))} to worker {operation.worker}"
        yield Violation("lease/within-limit", happened, None, (operation,))
    for id in dict.fromkeys(each for each in ids if isinstance(each, str) and ids.count(each) > 1):
        happened = f"{id} stands {ids.count(id)} times in one batch for worker {operation.worker}"
        yield Violation("lease/distinct", happened, id, (operation,))


def malformed(delivery: Delivered) -> str:
    """What is wrong with the form of a delivered job, in words; empty if nothing is."""
    wrong = [
        _unfit(name, value)
        for name, value, right in (
            ("id", delivery.id, str),
            ("kind", delivery.kind, str),
            ("tenant_id", delivery.tenant_id, str),
            ("payload", delivery.payload, bytes),
            ("attempts", delivery.attempts, int),
        )
        if not isinstance(value, right)
    ]
    if wrong:
        return " and ".join(wrong)
    if not delivery.id or not delivery.kind:
        return "an empty id" if not delivery.id else "an empty kind"
    return f"attempts {delivery.attempts}" if delivery.attempts < 0 else ""


def _unfit(name: str, value: object) -> str:
    if not isinstance(value, Misfit):
        return f"{name} {value!r:.60}, {_a(type(value).__name__)}"
    return f"{name} {value!r:.60}, {_a(value.type)}" if value.type else f"no {name}"


def differences(given: Delivered, delivery: Delivered) -> str:
    """Where a delivered job differs from the one that was enqueued, in words."""
    return " and ".join(
        f"{name} {_short(was)} came back as {_short(now)}"
        for name, was, now in (
            ("kind", given.kind, delivery.kind),
            ("tenant_id", given.tenant_id, delivery.tenant_id),
            ("payload", given.payload, delivery.payload),
        )
        if was != now
    )


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
