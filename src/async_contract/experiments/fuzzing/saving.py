"""What a fuzzer finds, kept where a run of pytest looks first."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis.database import ExampleDatabase


class Pocket(ExampleDatabase):
    """Holds what Hypothesis would keep under a name of its own, until somebody says whether it is worth it.

    Hypothesis saves an input whatever ends it, also if that is Ctrl-C.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []

    def save(self, key: bytes, value: bytes) -> None:
        """Hold a value; only the last one is."""
        self._held = [value]

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """Nothing: an input is tried once."""
        return ()

    def delete(self, key: bytes, value: bytes) -> None:
        """Nothing is there."""

    def empty(self) -> list[bytes]:
        """The value, if one is held; it is no longer."""
        held, self._held = self._held, []
        return held
