"""Buffers bred from those that showed something new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

MOST = 4096
"""So many bytes a buffer has at the most, before its tail."""

TAIL = 1024
"""So many random bytes follow, so that a buffer is seldom too short for the input that is read from it."""

_TELLING = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
_LONGEST_BLOCK = 32
_FRESH = 0.1
_AT_FIRST = 32  # so many buffers are made of nothing, to have something to breed from


class Mutator:
    """Makes buffers, those that showed something new being their ancestors.

    Attributes:
        corpus: The buffers that showed something new, the oldest first.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._made = 0
        self.corpus: list[bytes] = []

    def keep(self, buffer: bytes) -> None:
        """Breed from this one, too."""
        self.corpus.append(buffer)

    def next(self) -> bytes:
        """Another buffer."""
        self._made += 1
        if not self.corpus or self._made <= _AT_FIRST or self._random.random() < _FRESH:
            return self._fresh()
        buffer = bytearray(self._ancestor())
        for _ in range(1 << self._random.randrange(5)):
            buffer = self._random.choice(_CHANGES)(self._random, buffer, self.corpus)[:MOST]
        return bytes(buffer) + self._random.randbytes(TAIL)

    def _ancestor(self) -> bytes:
        # What is new leads on more often than what is old.
        recent = self.corpus[-8:]
        return self._random.choice(recent if self._random.random() < 0.5 else self.corpus)

    def _fresh(self) -> bytes:
        """Any bytes, or large ones, which make long inputs, or small ones, which make short ones."""
        span = self._random.choice(_SPANS)
        return self._random.randbytes(TAIL).translate(span) + self._random.randbytes(TAIL)


_SPANS = tuple(
    bytes(low + each * (high - low) // 0xFF for each in range(256))
    for low, high in ((0, 0xFF), (0, 0xFF), (0, 0x3F), (0x60, 0xFF), (0xC0, 0xFF))
)
"""What bytes are changed to so that they lie in a span."""

Change = Callable[[Random, bytearray, Sequence[bytes]], bytearray]


def _block(random: Random, buffer: bytes | bytearray) -> tuple[int, int]:
    start = random.randrange(len(buffer) + 1)
    return start, min(start + random.randint(1, _LONGEST_BLOCK), len(buffer))


def _flip(random: Random, buffer: bytearray, _: Sequence[bytes]) -> bytearray:
    for place in random.choices(range(len(buffer)), k=1) if buffer else ():
        buffer[place] ^= 1 << random.randrange(8)
    return buffer


def _set(random: Random, buffer: bytearray, _: Sequence[bytes]) -> bytearray:
    for place in random.choices(range(len(buffer)), k=1) if buffer else ():
        buffer[place] = random.choice((random.randrange(256), random.choice(_TELLING)))
    return buffer


def _add(random: Random, buffer: bytearray, _: Sequence[bytes]) -> bytearray:
    for place in random.choices(range(len(buffer)), k=1) if buffer else ():
        buffer[place] = (buffer[place] + random.randint(-16, 16)) % 256
    return buffer


def _delete(random: Random, buffer: bytearray, _: Sequence[bytes]) -> bytearray:
    start, stop = _block(random, buffer)
    return buffer[:start] + buffer[stop:]


def _repeat(random: Random, buffer: bytearray, _: Sequence[bytes]) -> bytearray:
    start, stop = _block(random, buffer)
    return buffer[:stop] + buffer[start:stop] * random.randint(1, 8) + buffer[stop:]


def _insert(random: Random, buffer: bytearray, corpus: Sequence[bytes]) -> bytearray:
    start, _ = _block(random, buffer)
    return buffer[:start] + random.randbytes(random.randint(1, _LONGEST_BLOCK)) + buffer[start:]


def _fill(random: Random, buffer: bytearray, _: Sequence[bytes]) -> bytearray:
    start, stop = _block(random, buffer)
    return buffer[:start] + bytes([random.choice(_TELLING)]) * (stop - start) + buffer[stop:]


def _take(random: Random, buffer: bytearray, corpus: Sequence[bytes]) -> bytearray:
    """A part of another buffer in the place of one of this."""
    other = random.choice(corpus)
    start, stop = _block(random, other)
    place, until = _block(random, buffer)
    return buffer[:place] + other[start:stop] + buffer[until:]


def _cross(random: Random, buffer: bytearray, corpus: Sequence[bytes]) -> bytearray:
    """The beginning of this one and the end of another."""
    other = random.choice(corpus)
    return buffer[: random.randrange(len(buffer) + 1)] + other[random.randrange(len(other) + 1) :]


_CHANGES: Sequence[Change] = (_flip, _set, _add, _delete, _repeat, _insert, _fill, _take, _cross)
