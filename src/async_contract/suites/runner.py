"""The contract of a runner: as a class that users subclass, and what its items do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from async_contract.contract.kinds import RUNNER
from async_contract.experiments.findings import Spent
from async_contract.experiments.runners.verify import Explored, explore
from async_contract.experiments.verify import Verification
from async_contract.harness import runner as runners
from async_contract.harness.runner import RunnerHarness
from async_contract.suites.contract import Contract
from async_contract.suites.state import State


class RunnerContract(Contract, kind=RUNNER):
    """The contract of a runner, as a test class with one test method for every clause.

    Subclass it in a test file and say how runners are made::

        class TestMyRunner(RunnerContract):
            runner = MyRunner

    Attributes:
        runner: A `RunnerHarness`, a class of runners, or a function that makes one.
    """

    runner: ClassVar[object]


class RunnerVerifier:
    """Runners: the subject is a harness."""

    attribute = "runner"
    example = "MyRunner"
    accepted = "a RunnerHarness, a class of runners, or a function that makes one"
    excuse = (
        "A clause that the runner is known to break is excused in the harness, with a reason:\n\n"
        '    runner = RunnerHarness(MyRunner, known_failures={"runner/prompt": "the reason"})'
    )

    def __init__(self) -> None:
        self._stash: dict[int, tuple[State, dict[int, Explored]]] = {}

    def load(self, config: pytest.Config, name: str) -> RunnerHarness:
        """The harness of a target."""
        return runners.load(name)

    def of_class(self, config: pytest.Config, suite: type, name: str) -> RunnerHarness:
        """The harness of a user's own class."""
        found: object = vars(suite).get(self.attribute, getattr(suite, self.attribute))
        return runners.runner_for(found, name)

    def verify(self, subject: RunnerHarness, target: str, clause: str, state: State) -> Verification:
        """What all scenes together show of the clause; they are played once in a process."""
        # By the state's own id, and with the state, so that no other one can have that id meanwhile.
        _, explored = self._stash.setdefault(id(state), (state, {}))
        if id(subject) not in explored:
            explored[id(subject)] = explore(subject, state.limits)
        return explored[id(subject)].verification(clause)

    def token(self, clause: str, found: Verification) -> str:
        """Nothing: the item plays the same scenes again."""
        return ""

    def spent(self, subject: RunnerHarness, state: State) -> tuple[Spent, ...]:
        """Nothing that is told apart."""
        return ()

    def observed(self, subject: RunnerHarness, found: Verification, state: State) -> Mapping[str, str]:
        """Nothing: the contract leaves a runner nothing that its users would have to know."""
        return {}
