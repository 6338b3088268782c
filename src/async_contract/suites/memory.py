"""Cases that broke a clause before: in Hypothesis' example database, by target and clause."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, cast

import pytest

from async_contract.experiments.cases import Case, InvalidToken, read


class Database(Protocol):
    """What is needed of one of Hypothesis' databases."""

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """Everything that is kept under a key."""

    def save(self, key: bytes, value: bytes) -> None:
        """Keep a value under a key."""

    def delete(self, key: bytes, value: bytes) -> None:
        """Keep it no longer."""


def database_of(config: pytest.Config) -> Database:
    """Hypothesis' directory of examples below the root of the project, or what a chosen profile has.

    Not the database of Hypothesis' default settings: on a CI server they have none, and there too what
    failed before is worth to be tried first, if somebody keeps the directory.
    """
    from hypothesis import settings  # noqa: PLC0415 - it takes long to import, and not every run needs it
    from hypothesis.database import (  # noqa: PLC0415
        DirectoryBasedExampleDatabase,
        InMemoryExampleDatabase,
    )

    if config.getoption("hypothesis_profile", default=None):
        return cast(settings, settings.default).database or InMemoryExampleDatabase()
    directory = os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", config.rootpath / ".hypothesis")
    return DirectoryBasedExampleDatabase(Path(directory, "examples"))


class Memory:
    """The cases that broke one clause of one target in earlier runs."""

    def __init__(self, database: Database, target: str, clause: str) -> None:
        self._database = database
        self._key = f"async-contract:{target}:{clause}".encode()

    def cases(self) -> list[Case]:
        """What is remembered, the shortest first; what another version wrote is forgotten."""
        found = []
        for raw in sorted(self._database.fetch(self._key), key=len):
            try:
                found.append(read(raw.decode()))
            except (InvalidToken, UnicodeDecodeError):
                self._database.delete(self._key, raw)
        return found

    def keep(self, case: Case) -> None:
        """Remember a case."""
        with contextlib.suppress(OSError):  # a project that nobody may write to is none the worse
            self._database.save(self._key, case.token.encode())

    def forget(self, cases: Sequence[Case]) -> None:
        """Forget cases that break the clause no more."""
        for case in cases:
            self._database.delete(self._key, case.token.encode())
