"""The contract as classes: one that users subclass, and one for every family of clauses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar

import pytest

from async_contract.contract.clauses import STORE_CLAUSES, STORE_FAMILIES, Clause
from async_contract.suites.run import run

Test = Callable[..., None]


class StoreContract:
    """The contract of a store, as a test class with one test method for every clause.

    Subclass it in a test file and say how the store is reached; pytest does the rest::

        class TestMyStore(StoreContract):
            harness = MyStore

    A subclass adds tests and fixtures as it likes, but it neither overrides nor removes a clause's
    test: a clause that a store is known to break is excused in the harness, with a reason. With
    `__test__ = False` a subclass is a base for others and is not collected itself.

    Attributes:
        harness: A `StoreHarness`, a harness class, a store class, or what makes a store.
    """

    __test__ = False
    harness: ClassVar[object]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__test__" not in vars(cls):
            cls.__test__ = True


# Plain functions throughout: the plugins that run coroutine functions leave them alone.
def _method(clause: Clause, name: str) -> Test:
    def test(_self: object, request: pytest.FixtureRequest) -> None:
        run(request.node)

    # Collected whatever the setting python_functions says.
    test.__dict__["__test__"] = True
    return _named(test, clause, "StoreContract", name)


def _function(clause: Clause) -> Test:
    def test(request: pytest.FixtureRequest) -> None:
        run(request.node)

    return _named(test, clause, clause.family, clause.name)


def _named(test: Test, clause: Clause, owner: str, name: str) -> Test:
    test.__name__ = name
    test.__qualname__ = f"{owner}.{name}"
    test.__doc__ = f"{clause.sentence[0].upper()}{clause.sentence[1:]}."
    return test


def _methods_of_contract() -> dict[str, Test]:
    tests = {}
    for clause in STORE_CLAUSES:
        name = f"test_{clause.family}_{clause.name.replace('-', '_')}"
        tests[name] = _method(clause, name)
        setattr(StoreContract, name, tests[name])
    return tests


TESTS: Mapping[str, Test] = MappingProxyType(_methods_of_contract())
"""The test methods of `StoreContract` by name, in the order of `STORE_CLAUSES`."""

CLAUSE_OF: Mapping[str, Clause] = MappingProxyType(dict(zip(TESTS, STORE_CLAUSES, strict=True)))
"""The clause of each test method, by the method's name."""


def _class_of(family: str) -> type:
    # Static, for pytest 8 takes the first argument of any other function of a class for `self`, even
    # where the function is bound already.
    clauses = [clause for clause in STORE_CLAUSES if clause.family == family]
    return type(family, (), {each.name: staticmethod(_function(each)) for each in clauses})


FAMILIES: Mapping[str, type] = MappingProxyType({family: _class_of(family) for family in STORE_FAMILIES})
"""For every family a class with one function for each of its clauses, under the clause's name."""


def changes(suite: type[StoreContract]) -> list[str]:
    """Return what a subclass has done to the tests of the contract, in words; nothing is right."""
    found = []
    for name, test in TESTS.items():
        present = getattr(suite, name, None)
        if present is None:
            found.append(f"{name} (removed)")
        elif present is not test:
            found.append(f"{name} (overridden)")
    return found
