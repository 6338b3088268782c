"""Ending a run that somebody wants to end."""

from __future__ import annotations

import signal

import pytest

from async_contract.experiments.fuzzing.ending import Ending


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_interrupts(number: signal.Signals) -> None:
    """The input at hand is finished, unless somebody insists."""
    with Ending() as ending:
        before = ending.asked
        signal.raise_signal(number)
        assert (before, ending.asked) == (False, True)
        with pytest.raises(KeyboardInterrupt, match=number.name):
            signal.raise_signal(number)


def test_what_may_take_long_is_interrupted_at_once() -> None:
    """In such a block the first signal interrupts; after it one asks again."""
    with Ending() as ending:
        with pytest.raises(KeyboardInterrupt), ending.at_once():
            signal.raise_signal(signal.SIGINT)
        assert ending.asked
    with Ending() as ending:
        with ending.at_once():
            pass
        signal.raise_signal(signal.SIGINT)
        assert ending.asked


def test_what_signals_meant_before_they_mean_afterwards() -> None:
    """The handlers are those of before."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with Ending():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
