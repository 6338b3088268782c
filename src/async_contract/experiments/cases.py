"""One way to break a clause, written down as a token, and repeated."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments import programs
from async_contract.experiments.findings import Finding
from async_contract.experiments.programs import Program
from async_contract.experiments.ways import WAY

EXAMPLE = "example"
"""The way of a case that is the clause's own example."""

_VERSION = "1"


class InvalidToken(ValueError):
    """A text is no token; the message says what is wrong with it."""


class Case(NamedTuple):
    """What breaks a clause: its example, or a program carried out in one of the ways there are.

    Attributes:
        clause: The clause's id.
        way: The name of the way, or `EXAMPLE`.
        program: The program; empty for an example.
        schedule: The schedule as the way writes it down; empty for an example.
    """

    clause: str
    way: str = EXAMPLE
    program: Program = ()
    schedule: str = ""

    @property
    def token(self) -> str:
        """The case as one word that can be pasted on a command line."""
        parts = [_VERSION, self.clause, self.way]
        if self.way != EXAMPLE:
            parts += [programs.encode(self.program), self.schedule]
        text = ".".join(parts)
        return f"{text}.{_checksum(text)}"


def case_of(clause: str, finding: Finding | None) -> Case:
    """The case of a finding, or without one the case of the clause's own example."""
    if finding is None:
        return Case(clause)
    return Case(clause, finding.way, finding.program, WAY[finding.way].write(finding.schedule))


def read(token: str) -> Case:
    """The case in a token.

    Raises:
        InvalidToken: It is none that this version writes.
    """
    text, _, checksum = token.strip().rpartition(".")
    if not text or checksum != _checksum(text):
        raise InvalidToken(f"{token!r} is no token, or a part of one; paste it whole, as it was printed")
    version, clause, way, *rest = text.split(".")
    if version != _VERSION or clause not in CLAUSE or (way != EXAMPLE and way not in WAY):
        raise InvalidToken(
            f"{token!r} comes from another version of pytest-async-contract; run the clause anew"
        )
    if way == EXAMPLE:
        return Case(clause)
    program, schedule = rest
    try:
        WAY[way].read(schedule)
        return Case(clause, way, programs.decode(program), schedule)
    except ValueError as error:
        raise InvalidToken(f"{token!r} can't be read: {error}") from None


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()) & 0xFFFFFF:06x}"
