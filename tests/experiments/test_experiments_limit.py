"""What is told to stop when its time is up."""

from __future__ import annotations

import signal
from types import CodeType, FunctionType
from weakref import WeakSet

import pytest

from async_contract.experiments.limit import TimeLimitExceeded, time_limit


def within(code: CodeType) -> None:
    """Have the alarm go off once within a function of this code, and once after it."""
    here = FunctionType(code.replace(co_filename=WeakSet.add.__code__.co_filename), {"signal": signal})
    here()
    signal.pause()


def alarm() -> None:
    """The time is up."""
    signal.raise_signal(signal.SIGALRM)


def test_a_callback_of_a_weak_reference_is_not_interrupted() -> None:
    """Python would only warn of the error, and the body would go on."""
    with pytest.raises(TimeLimitExceeded, match=r"^at .*test_experiments_limit.py:\d+ in within"):  # noqa: SIM117
        with time_limit(60):
            within(alarm.__code__)
