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

from async_contract.contract.clauses import STORE_CLAUSES, STORE_FAMILIES
from async_contract.harness import target as targets
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.suites import store
from async_contract.suites.binding import Binding, bind
from async_contract.suites.store import CLAUSE_OF, FAMILIES, StoreContract

_HARNESSES = pytest.StashKey[dict[str, StoreHarness]]()


def load(config: pytest.Config, target: str) -> StoreHarness:
    """Return the harness of a target, loaded once in a process.

    Raises:
        TargetError: The target can't be used.
    """
    loaded = config.stash.setdefault(_HARNESSES, {})
    if target not in loaded:
        loaded[target] = targets.load(target)
    return loaded[target]


def check(config: pytest.Config, target: str, asked: Sequence[tuple[str, ...]]) -> None:
    """Refuse a target that can't be used, and a path that leads to no clause.

    Raises:
        pytest.UsageError: It says what to write instead.
    """
    for path in asked:
        if not any((clause.family, clause.name)[: len(path)] == path for clause in STORE_CLAUSES):
            raise pytest.UsageError(_no_clause(target, "::".join(path)))
    try:
        load(config, target)
    except TargetError as error:
        raise pytest.UsageError(str(error)) from None


def _no_clause(target: str, path: str) -> str:
    names = [f"{clause.family}::{clause.name}" for clause in STORE_CLAUSES]
    near = difflib.get_close_matches(path, [*STORE_FAMILIES, *names], n=1)
    advice = f"did you mean {near[0]}?" if near else "--async-contract-list prints the clauses"
    return f"{path!r}, asked for of {target}, is no clause of a store and no family of them; {advice}"


class ContractTarget(pytest.Collector):
    """A target named on the command line.

    Not a `pytest.File`: `--lf` leaves out files without known failures, and knows them by a path,
    which a target does not have.
    """

    def __init__(self, *, target: str, asked: Sequence[tuple[str, ...]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.asked = asked

    def collect(self) -> Iterator[pytest.Collector]:
        """The families of clauses, each with the clauses that were asked for."""
        try:
            harness = load(self.config, self.target)
        except TargetError as error:
            # Only in a worker of a distributed run: elsewhere the target was loaded before.
            raise self.CollectError(str(error)) from error
        module = ContractModule.from_parent(self, path=self.path, name=self.target, nodeid=self.nodeid)
        for family in STORE_FAMILIES:
            if self.is_asked(family):
                yield ContractFamily.from_parent(module, name=family, target=self, harness=harness)

    def is_asked(self, *path: str) -> bool:
        """Whether a node is selected: named itself, below one that is named, or above one."""
        return not self.asked or any(path[: len(each)] == each[: len(path)] for each in self.asked)


class ContractModule(pytest.Module):
    """Never collected; `pytest.Class` only wants a module above it."""

    def _getobj(self) -> ModuleType:
        return sys.modules[store.__name__]


class ContractFamily(pytest.Class):
    """The clauses of one family, as the test functions of a class."""

    def __init__(self, *, target: ContractTarget, harness: StoreHarness, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.harness = harness

    def _getobj(self) -> type:
        return FAMILIES[self.name]

    def collect(self) -> Iterable[pytest.Item]:
        """The clauses that were asked for."""
        for clause in STORE_CLAUSES:
            if clause.family == self.name and self.target.is_asked(clause.family, clause.name):
                item = ContractItem.from_parent(self, name=clause.name)
                arguments = (f"--async-contract={self.target.target}", item.nodeid)
                place = (self.target.nodeid, 1)
                bind(item, Binding(self.target.target, self.harness, clause, arguments, place))
                yield item


class ContractItem(pytest.Function):
    """One clause of a target. It stands in no file, so its place is its target."""

    def reportinfo(self) -> tuple[Path, int, str]:
        """The target, in the form of a path."""
        target, _, clause = self.nodeid.partition("::")
        return self.config.rootpath / target, 0, clause.replace("::", ".")


class ContractClass(pytest.Class):
    """A user's own subclass of `StoreContract`."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Everything that pytest finds in the class, the clauses bound to the class's harness."""
        self._refuse_changes()
        harness = self._harness()
        place = (self.nodeid.partition("::")[0], (self.reportinfo()[1] or 0) + 1)
        found = list(super().collect())
        clauses = set()
        for item in found:
            if isinstance(item, pytest.Function) and item.originalname in CLAUSE_OF:
                clause = CLAUSE_OF[item.originalname]
                arguments = (self._from_here(item.nodeid),)
                bind(item, Binding(self.nodeid, harness, clause, arguments, place))
                clauses.add(clause)
        if len(clauses) < len(CLAUSE_OF):
            raise self.CollectError(
                f"{self.name} has a constructor, and pytest collects no such class; "
                "write a fixture instead of __init__ or __new__"
            )
        return found

    def _from_here(self, nodeid: str) -> str:
        path, _, rest = nodeid.partition("::")
        here = os.path.relpath(self.config.rootpath / path, self.config.invocation_params.dir)
        return f"{here}::{rest}"

    def _refuse_changes(self) -> None:
        changed = store.changes(self.obj)
        if changed:
            raise self.CollectError(
                f"{self.name} overrides or removes tests of the contract: {', '.join(changed)}.\n"
                "Leave them as they are. A clause that the store is known to break is excused in the "
                "harness, with a reason:\n\n"
                '    harness = StoreHarness(MyStore, known_failures={"lease/order": "the reason"})\n\n'
                "and one that should not run just now is left out with --deselect or -k."
            )

    def _harness(self) -> StoreHarness:
        if not hasattr(self.obj, "harness"):
            raise self.CollectError(
                f"{self.name} has no harness; write in it\n\n    harness = MyStore\n\n"
                "with a StoreHarness, a store class, or a function that makes a store. "
                "If it is only a base for other classes, write __test__ = False."
            )
        name = f"{self.obj.__module__}:{self.obj.__qualname__}.harness"
        try:
            return targets.harness_for(self.obj.harness, name=name)
        except (TargetError, HarnessError) as error:
            raise self.CollectError(str(error)) from error


def make_class(
    collector: pytest.Collector, name: str, suite: type[StoreContract]
) -> pytest.Class | list[Any]:
    """Return the node of a subclass of `StoreContract`, or nothing if it is not to be collected."""
    return ContractClass.from_parent(collector, name=name) if suite.__test__ else []
