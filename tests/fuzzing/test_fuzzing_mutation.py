"""Buffers bred from others."""

from __future__ import annotations

from random import Random

import pytest

from async_contract.experiments.fuzzing import mutation
from async_contract.experiments.fuzzing.mutation import MOST, TAIL, Mutator


def test_the_same_seed_breeds_the_same_buffers() -> None:
    """A run can be repeated."""
    bred = []
    for _ in range(2):
        mutator = Mutator(Random(5))
        for _ in range(3):
            mutator.keep(mutator.next())
        bred.append([mutator.next() for _ in range(200)])
    assert bred[0] == bred[1]
    assert len(set(bred[0])) == 200


def test_a_descendant_has_something_of_its_ancestor() -> None:
    """Most of what is bred from a buffer begins as it does, and all of it has a tail."""
    mutator = Mutator(Random(1))
    for _ in range(mutation._AT_FIRST):
        mutator.next()
    mutator.keep(bytes(range(256)))
    children = [mutator.next() for _ in range(400)]
    assert sum(bytes(range(32)) in each for each in children) > 150
    assert min(map(len, children)) >= TAIL
    assert max(map(len, children)) <= MOST + TAIL


def test_without_an_ancestor_buffers_are_made_of_nothing() -> None:
    """Some are of large bytes, some of small ones, for those make inputs long or short."""
    mutator = Mutator(Random(1))
    heads = [mutator.next()[:TAIL] for _ in range(100)]
    assert any(min(each) >= 0xC0 for each in heads)
    assert any(max(each) <= 0x3F for each in heads)
    assert any(len(set(each)) > 200 for each in heads)


@pytest.mark.parametrize("change", mutation._CHANGES)
@pytest.mark.parametrize("buffer", [b"", b"a", bytes(range(100))])
def test_a_change_can_be_made_to_every_buffer(change: mutation.Change, buffer: bytes) -> None:
    """Also to one with nothing in it; and over time it changes one that has something."""
    random = Random(3)
    changed = {bytes(change(random, bytearray(buffer), [b"other", buffer])) for _ in range(50)}
    assert not buffer or changed != {buffer}


def test_breeding_leads_to_what_chance_does_not() -> None:
    """A secret of four bytes, of which each that is right shows, is found in no time."""
    secret, mutator, right = b"\x7f\x3c\x99\x05", Mutator(Random(1)), 0
    for _ in range(100_000):
        buffer = mutator.next()
        shown = next((at for at in range(4) if buffer[at] != secret[at]), 4)
        if shown > right:
            mutator.keep(buffer[:8])
            right = shown
        if right == 4:
            break
    assert right == 4
