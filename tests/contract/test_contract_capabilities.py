"""What a harness may declare, and what it is told when that can't be."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, asdict
from datetime import timedelta
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities, CapabilityError

NO_RETRY = "contradicts redelivers=False: a failed job that is not delivered again has no retry"
POSITIVE = "write the seconds after which a lease ends, or None if leases never end by themselves"


def test_the_defaults_promise_nothing() -> None:
    """Whoever declares nothing owes the clauses that bind every store, and no more."""
    assert asdict(Capabilities()) == {
        "lease_timeout": None,
        "clock_resolution": 0.0,
        "expiry_delay": 0.0,
        "ends_with_connection": False,
        "redelivers": None,
        "max_attempts": None,
        "expiry_counts": False,
        "retry_delay": 0.0,
        "counts_attempts": False,
        "fifo": False,
        "fences": False,
        "durable": False,
        "sharing": "instance",
        "max_batch": None,
        "poll_delay": 0.0,
    }


def test_everything_can_be_promised_at_once() -> None:
    """Whole numbers of seconds are seconds too."""
    capabilities = Capabilities(
        lease_timeout=30, clock_resolution=1, expiry_delay=5, ends_with_connection=True, redelivers=True,
        max_attempts=1, expiry_counts=True, retry_delay=2, counts_attempts=True, fifo=True, fences=True,
        durable=True, sharing="process", max_batch=1, poll_delay=0.5,
    )  # fmt: skip
    assert capabilities == Capabilities(**asdict(capabilities))


def test_what_was_declared_stays_declared() -> None:
    """Nothing changes under an experiment."""
    with pytest.raises(FrozenInstanceError):
        Capabilities().fifo = True  # type: ignore[misc]  # that it can't is the point


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"lease_timeout": "30"}, "lease_timeout='30' is no number of seconds"),
        ({"lease_timeout": True}, "lease_timeout=True is no number of seconds"),
        ({"lease_timeout": math.inf}, "lease_timeout=inf is no number of seconds"),
        ({"poll_delay": math.nan}, "poll_delay=nan is no number of seconds"),
        ({"poll_delay": None}, "poll_delay=None is no number of seconds"),
        (
            {"retry_delay": timedelta(seconds=1)},
            "retry_delay=datetime.timedelta(seconds=1) is no number of seconds",
        ),
        ({"retry_delay": -1}, "retry_delay=-1 is negative; write seconds, 0 or more"),
        ({"clock_resolution": -0.5}, "clock_resolution=-0.5 is negative; write seconds, 0 or more"),
        ({"expiry_delay": -1.0}, "expiry_delay=-1.0 is negative; write seconds, 0 or more"),
        ({"max_attempts": 2.0}, "max_attempts=2.0 is no whole number; write max_attempts=3, or None"),
        ({"max_batch": True}, "max_batch=True is no whole number; write max_batch=3, or None"),
        ({"fifo": 1}, "fifo=1 is neither True nor False"),
        ({"durable": None}, "durable=None is neither True nor False"),
        ({"lease_timeout": 0}, f"lease_timeout=0 is not positive; {POSITIVE}"),
        ({"lease_timeout": -30.0}, f"lease_timeout=-30.0 is not positive; {POSITIVE}"),
        ({"max_attempts": 0}, "max_attempts=0 is less than 1; write 1 or more, or None"),
        ({"max_batch": -1}, "max_batch=-1 is less than 1; write 1 or more, or None"),
        ({"redelivers": "yes"}, "redelivers='yes' is none of True, False, None"),
        ({"redelivers": 1}, "redelivers=1 is none of True, False, None"),
        (
            {"sharing": "threads"},
            "sharing='threads' is none of 'none', 'instance', 'connection', 'process'",
        ),
        ({"sharing": None}, "sharing=None is none of 'none', 'instance', 'connection', 'process'"),
    ],
)
def test_a_value_that_means_nothing_is_refused(declared: dict[str, Any], message: str) -> None:
    """The message says what was declared and what may be."""
    with pytest.raises(CapabilityError) as caught:
        Capabilities(**declared)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "value"),
    [("clock_resolution", 1.0), ("expiry_delay", 2.5), ("expiry_counts", True), ("fences", True)],
)
def test_what_is_about_expiry_needs_a_lease_timeout(name: str, value: object) -> None:
    """Without one no lease expires."""
    with pytest.raises(CapabilityError) as caught:
        Capabilities(**{name: value, "max_attempts": 3})  # type: ignore[arg-type]  # as the parameters say
    assert str(caught.value) == (
        f"{name}={value!r} needs a lease_timeout: without one no lease expires; declare "
        f"lease_timeout=SECONDS, or leave {name} out"
    )


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            {"lease_timeout": 1.0, "clock_resolution": 1.0},
            "clock_resolution=1.0 is not below lease_timeout=1.0: every lease could end at once",
        ),
        (
            {"lease_timeout": 1.0, "expiry_counts": True},
            "expiry_counts=True needs max_attempts=N: it says what counts towards it",
        ),
        ({"redelivers": False, "retry_delay": 1.0}, f"retry_delay=1.0 {NO_RETRY}"),
    ],
)
def test_two_promises_that_contradict_each_other_are_refused(declared: dict[str, Any], message: str) -> None:
    """Each is possible by itself."""
    with pytest.raises(CapabilityError) as caught:
        Capabilities(**declared)
    assert str(caught.value) == message
