"""What makes an item one of the contract's."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from async_contract.contract.clauses import Clause
from async_contract.suites.outcome import Settled
from async_contract.suites.verifier import Subject, Verifier


@dataclass(frozen=True, slots=True)
class Binding:
    """What an item exercises.

    Attributes:
        target: The target as the user knows it: its name, or the node id of his own class.
        subject: What is held to the contract: for a store the harness that reaches it.
        verifier: How that is done.
        clause: The clause.
        arguments: What pytest needs on its command line to run just this item.
        place: Where a warning or a skip is said to come from: a path and a line. The code that runs is
            the toolkit's, and its place would help nobody.
    """

    target: str
    subject: Subject
    verifier: Verifier
    clause: Clause
    arguments: tuple[str, ...]
    place: tuple[str, int]


BINDING = pytest.StashKey[Binding]()
"""Where an item keeps its binding."""

SETTLED = pytest.StashKey[Settled]()
"""Where an item keeps what it found out, once it has run."""


def bind(item: pytest.Item, binding: Binding) -> None:
    """Make an item one of the contract: `-k lease/exclusive` and `-m async_contract` select it."""
    item.stash[BINDING] = binding
    item.extra_keyword_matches.add(binding.clause.id)
    item.add_marker("async_contract")
