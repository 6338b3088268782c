"""What a store promises beyond the clauses that bind every store."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args

Sharing = Literal["none", "instance", "connection", "process"]


class CapabilityError(ValueError):
    """The capabilities contradict one another, or one has a value that means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a harness declares for its store; the defaults promise nothing.

    All durations are in seconds.

    Attributes:
        lease_timeout: After this long, a lease that was neither completed nor failed ends and
            the job is ready again. `None`: leases never end by themselves.
        clock_resolution: By how much a lease may end early (whole-second clocks, skew).
        expiry_delay: How long after `lease_timeout` an expired job may still be held (a reaper
            that runs now and then).
        ends_with_connection: A lease also ends when its holder's connection is closed or its
            process dies.
        redelivers: `fail` makes the job ready again, up to `max_attempts` (`True`), ends it
            (`False`), or either (`None`).
        max_attempts: The delivery on which a fail makes the job dead (3: the third).
        expiry_counts: A delivery whose lease expired counts towards `max_attempts` too.
        retry_delay: The longest time after `fail` until the job is ready again.
        counts_attempts: `attempts` grows strictly with every delivery of the job.
        fifo: One consumer receives jobs for the first time in the order they were enqueued.
        fences: A worker whose lease has expired cannot complete or fail the job while another
            holds it, nor after.
        durable: What was acknowledged survives closing and reopening the store, and a killed
            process.
        sharing: Who can work on one backing at once: a single worker (`"none"`), many tasks or
            threads with one object (`"instance"`), every worker with its own client
            (`"connection"`), every worker in its own process (`"process"`; then all connections of one
            process may be one owner, which `fences` does not tell apart).
        max_batch: The most jobs one lease returns, whatever the limit.
        poll_delay: How long a ready job may stay invisible to `lease`.

    Raises:
        CapabilityError: A value is out of range, or two contradict one another.
    """

    lease_timeout: float | None = None
    clock_resolution: float = 0.0
    expiry_delay: float = 0.0
    ends_with_connection: bool = False
    redelivers: bool | None = None
    max_attempts: int | None = None
    expiry_counts: bool = False
    retry_delay: float = 0.0
    counts_attempts: bool = False
    fifo: bool = False
    fences: bool = False
    durable: bool = False
    sharing: Sharing = "instance"
    max_batch: int | None = None
    poll_delay: float = 0.0

    def __post_init__(self) -> None:
        self._check_types()
        self._check_ranges()
        self._check_pairs()

    def _check_types(self) -> None:
        for name in ("clock_resolution", "expiry_delay", "retry_delay", "poll_delay"):
            _require_seconds(name, getattr(self, name))
        if self.lease_timeout is not None:
            _require_number("lease_timeout", self.lease_timeout)
        for name in ("max_attempts", "max_batch"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
                raise CapabilityError(f"{name}={value!r} is no whole number; write {name}=3, or None")
        for field in fields(self):
            if isinstance(field.default, bool) and not isinstance(getattr(self, field.name), bool):
                raise CapabilityError(f"{field.name}={getattr(self, field.name)!r} is neither True nor False")

    def _check_ranges(self) -> None:
        if self.lease_timeout is not None and self.lease_timeout <= 0:
            raise CapabilityError(
                f"lease_timeout={self.lease_timeout!r} is not positive; write the seconds after which "
                "a lease ends, or None if leases never end by themselves"
            )
        for name in ("max_attempts", "max_batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise CapabilityError(f"{name}={value!r} is less than 1; write 1 or more, or None")
        if not isinstance(self.redelivers, bool) and self.redelivers is not None:
            raise CapabilityError(f"redelivers={self.redelivers!r} is none of True, False, None")
        if self.sharing not in get_args(Sharing):
            allowed = ", ".join(map(repr, get_args(Sharing)))
            raise CapabilityError(f"sharing={self.sharing!r} is none of {allowed}")

    def _check_pairs(self) -> None:
        if self.lease_timeout is None:
            for name in ("clock_resolution", "expiry_delay", "expiry_counts", "fences"):
                if getattr(self, name):
                    raise CapabilityError(
                        f"{name}={getattr(self, name)!r} needs a lease_timeout: without one no lease "
                        f"expires; declare lease_timeout=SECONDS, or leave {name} out"
                    )
        elif self.clock_resolution >= self.lease_timeout:
            raise CapabilityError(
                f"clock_resolution={self.clock_resolution!r} is not below "
                f"lease_timeout={self.lease_timeout!r}: every lease could end at once"
            )
        if self.expiry_counts and self.max_attempts is None:
            raise CapabilityError("expiry_counts=True needs max_attempts=N: it says what counts towards it")
        if self.redelivers is False and self.retry_delay:
            raise CapabilityError(
                f"retry_delay={self.retry_delay!r} contradicts redelivers=False: "
                "a failed job that is not delivered again has no retry"
            )


def _require_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise CapabilityError(f"{name}={value!r} is no number of seconds")


def _require_seconds(name: str, value: float) -> None:
    _require_number(name, value)
    if value < 0:
        raise CapabilityError(f"{name}={value!r} is negative; write seconds, 0 or more")
