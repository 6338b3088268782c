"""The nodes of the contract in pytest's tree: target, family, clause; or a user's own class."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from async_contract.contract.kinds import Kind, split
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.suites import contract
from async_contract.suites.binding import Binding, bind
from async_contract.suites.contract import Contract, family_class, suite_of
from async_contract.suites.verifier import Subject, Verifier
from async_contract.suites.verifiers import VERIFIERS

_SUBJECTS = pytest.StashKey[dict[str, Subject]]()


def load(config: pytest.Config, target: str) -> Subject:
    """Return the subject of a target, loaded once in a process.

    Raises:
        TargetError: The target can't be used.
    """
    loaded = config.stash.setdefault(_SUBJECTS, {})
    if target not in loaded:
        kind, name = split(target)
        loaded[target] = VERIFIERS[kind].load(config, name)
    return loaded[target]


def check(config: pytest.Config, target: str, asked: Sequence[tuple[str, ...]]) -> None:
    """Refuse a target that can't be used, and a path that leads to no clause.

    Raises:
        pytest.UsageError: It says what to write instead.
    """
    kind, name = split(target)
    for path in asked:
        if not any((clause.family, clause.name)[: len(path)] == path for clause in kind.clauses):
            raise pytest.UsageError(_no_clause(kind, name, "::".join(path)))
    try:
        load(config, target)
    except TargetError as error:
        raise pytest.UsageError(str(error)) from None


def _no_clause(kind: Kind, name: str, path: str) -> str:
    names = [f"{clause.family}::{clause.name}" for clause in kind.clauses]
    near = difflib.get_close_matches(path, [*kind.families, *names], n=1)
    advice = f"did you mean {near[0]}?" if near else "--async-contract-list prints the clauses"
    return f"{path!r}, asked for of {name}, is no clause of {kind.noun} and no family of them; {advice}"


class ContractTarget(pytest.Collector):
    """A target named on the command line.

    Not a `pytest.File`: `--lf` leaves out files without known failures, and knows them by a path,
    which a target does not have.
    """

    def __init__(self, *, target: str, asked: Sequence[tuple[str, ...]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.kind, self.dotted = split(target)
        self.asked = asked

    def collect(self) -> Iterator[pytest.Collector]:
        """The families of clauses, each with the clauses that were asked for."""
        try:
            subject = load(self.config, self.target)
        except TargetError as error:
            # Only in a worker of a distributed run: elsewhere the target was loaded before.
            raise self.CollectError(str(error)) from error
        module = ContractModule.from_parent(self, path=self.path, name=self.target, nodeid=self.nodeid)
        for family in self.kind.families:
            if self.is_asked(family):
                yield ContractFamily.from_parent(module, name=family, target=self, subject=subject)

    def is_asked(self, *path: str) -> bool:
        """Whether a node is selected: named itself, below one that is named, or above one."""
        return not self.asked or any(path[: len(each)] == each[: len(path)] for each in self.asked)


class ContractModule(pytest.Module):
    """Never collected; `pytest.Class` only wants a module above it."""

    def _getobj(self) -> ModuleType:
        return sys.modules[contract.__name__]


class ContractFamily(pytest.Class):
    """The clauses of one family, as the test functions of a class."""

    def __init__(self, *, target: ContractTarget, subject: Subject, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.subject = subject

    def _getobj(self) -> type:
        return family_class(self.target.kind, self.name)

    def collect(self) -> Iterable[pytest.Item]:
        """The clauses that were asked for."""
        target, kind = self.target, self.target.kind
        for clause in kind.clauses:
            if clause.family == self.name and target.is_asked(clause.family, clause.name):
                item = ContractItem.from_parent(self, name=clause.name)
                arguments = (f"{kind.option}={target.dotted}", item.nodeid)
                verifier, place = VERIFIERS[kind], (target.nodeid, 1)
                bind(item, Binding(target.target, self.subject, verifier, clause, arguments, place))
                yield item


class ContractItem(pytest.Function):
    """One clause of a target. It stands in no file, so its place is its target."""

    def reportinfo(self) -> tuple[Path, int, str]:
        """The target, in the form of a path."""
        target, _, clause = self.nodeid.partition("::")
        return self.config.rootpath / target, 0, clause.replace("::", ".")


class ContractClass(pytest.Class):
    """A user's own subclass of `StoreContract` or of another of its kind."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Everything that pytest finds in the class, the clauses bound to the class's subject."""
        suite = suite_of(self.obj)
        verifier = VERIFIERS[suite.kind]
        self._refuse_changes(verifier)
        subject = self._subject(verifier)
        place = (self.nodeid.partition("::")[0], (self.reportinfo()[1] or 0) + 1)
        found = list(super().collect())
        clauses = set()
        for item in found:
            if isinstance(item, pytest.Function) and item.originalname in suite.clauses:
                clause = suite.clauses[item.originalname]
                arguments = (self._from_here(item.nodeid),)
                bind(item, Binding(self.nodeid, subject, verifier, clause, arguments, place))
                clauses.add(clause)
        if len(clauses) < len(suite.clauses):
            raise self.CollectError(
                f"{self.name} has a constructor, and pytest collects no such class; "
                "write a fixture instead of __init__ or __new__"
            )
        return found

    def _from_here(self, nodeid: str) -> str:
        path, _, rest = nodeid.partition("::")
        here = os.path.relpath(self.config.rootpath / path, self.config.invocation_params.dir)
        return f"{here}::{rest}"

    def _refuse_changes(self, verifier: Verifier) -> None:
        changed = contract.changes(self.obj)
        if changed:
            raise self.CollectError(
                f"{self.name} overrides or removes tests of the contract: {', '.join(changed)}.\n"
                f"Leave them as they are. {verifier.excuse}\n\n"
                "and one that should not run just now is left out with --deselect or -k."
            )

    def _subject(self, verifier: Verifier) -> Subject:
        attribute = verifier.attribute
        if not hasattr(self.obj, attribute):
            raise self.CollectError(
                f"{self.name} has no {attribute}; write in it\n\n    {attribute} = {verifier.example}\n\n"
                f"with {verifier.accepted}. "
                "If it is only a base for other classes, write __test__ = False."
            )
        name = f"{self.obj.__module__}:{self.obj.__qualname__}.{attribute}"
        try:
            return verifier.of_class(self.config, self.obj, name)
        except (TargetError, HarnessError) as error:
            raise self.CollectError(str(error)) from error


def make_class(collector: pytest.Collector, name: str, suite: type[Contract]) -> pytest.Class | list[Any]:
    """Return the node of a user's own class, or nothing if it is not to be collected."""
    return ContractClass.from_parent(collector, name=name) if suite.__test__ else []
