"""What a fuzzer finds, before it is worth to be kept."""

from __future__ import annotations

from async_contract.experiments.fuzzing.saving import Pocket


def test_a_pocket_holds_the_last_value_until_it_is_emptied() -> None:
    """It gives nothing to Hypothesis, and to whoever empties it the last value, once."""
    pocket = Pocket()
    assert pocket.empty() == []
    for value in (b"one", b"two"):
        pocket.save(b"key", value)
    pocket.delete(b"key", b"two")
    assert list(pocket.fetch(b"key")) == []
    assert pocket.empty() == [b"two"]
    assert pocket.empty() == []
