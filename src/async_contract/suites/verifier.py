"""What there is to know about a kind of subject in order to hold one to the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pytest

from async_contract.experiments.findings import Spent
from async_contract.experiments.verify import Verification
from async_contract.suites.state import State


class Subject(Protocol):
    """What is held to the contract: a harness, or a function with its bounds."""

    @property
    def known_failures(self) -> Mapping[str, str]:
        """Clause id -> why it may be broken."""


class Verifier(Protocol):
    """How the subjects of one kind are found and put to the test.

    Attributes:
        attribute: What the attribute of a user's own class is called that has the subject.
        example: What may stand there, for messages.
        accepted: What else may, in words.
        excuse: The lines that excuse a clause.
    """

    attribute: str
    example: str
    accepted: str
    excuse: str

    def load(self, config: pytest.Config, name: str) -> Subject:
        """The subject that a dotted name names.

        Raises:
            TargetError: It can't be used; the message says what to write.
        """

    def of_class(self, config: pytest.Config, suite: type, name: str) -> Subject:
        """The subject of a user's own class, whose attribute has this name.

        Raises:
            TargetError: It can't be used.
            HarnessError: What the class says of it can't be.
        """

    def verify(self, subject: Any, target: str, clause: str, state: State) -> Verification:
        """Put the subject to the test on one clause."""

    def token(self, clause: str, found: Verification) -> str:
        """What repeats a violation; empty if the item itself does, which then finds it first."""

    def spent(self, subject: Any, state: State) -> tuple[Spent, ...]:
        """What was spent on exploring the subject, if that is not told yet."""

    def observed(self, subject: Any, found: Verification, state: State) -> Mapping[str, str]:
        """What the subject does where the contract leaves it free; empty but for one item."""
