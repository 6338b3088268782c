"""What the classes for users' own test files share, and the classes behind the items of a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar

import pytest

from async_contract.contract.clauses import Clause
from async_contract.contract.kinds import Kind
from async_contract.suites.run import run

Test = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests that a class for users' own test files has.

    Attributes:
        name: Of the class.
        kind: What its subclasses hold to the contract.
        tests: Its test methods by name, in the order of the kind's clauses.
        clauses: The clause of each, by the method's name.
    """

    name: str
    kind: Kind
    tests: Mapping[str, Test]
    clauses: Mapping[str, Clause]


class Contract:
    """The base of the classes that users subclass; such a class names its kind, theirs don't."""

    __test__ = False
    _suite: ClassVar[Suite]

    def __init_subclass__(cls, *, kind: Kind | None = None) -> None:
        super().__init_subclass__()
        if kind is not None:
            cls._suite = _suite(cls.__name__, kind)
            for name, test in cls._suite.tests.items():
                setattr(cls, name, test)
        if "__test__" not in vars(cls):
            cls.__test__ = kind is None


def suite_of(cls: type[Contract]) -> Suite:
    """The tests that a subclass has inherited, or should have."""
    return cls._suite


def changes(cls: type[Contract]) -> list[str]:
    """Return what a subclass has done to the tests of the contract, in words; nothing is right."""
    found = []
    for name, test in suite_of(cls).tests.items():
        present = getattr(cls, name, None)
        if present is None:
            found.append(f"{name} (removed)")
        elif present is not test:
            found.append(f"{name} (overridden)")
    return found


@lru_cache
def family_class(kind: Kind, family: str) -> type:
    """A class with one function for each clause of a family, under the clause's name."""
    # Static, for pytest 8 takes the first argument of any other function of a class for `self`, even
    # where the function is bound already.
    clauses = [clause for clause in kind.clauses if clause.family == family]
    return type(family, (), {each.name: staticmethod(_function(each)) for each in clauses})


def _suite(owner: str, kind: Kind) -> Suite:
    clauses = {f"test_{each.family}_{each.name.replace('-', '_')}": each for each in kind.clauses}
    tests = {name: _method(clause, owner, name) for name, clause in clauses.items()}
    return Suite(owner, kind, MappingProxyType(tests), MappingProxyType(clauses))


# Plain functions throughout: the plugins that run coroutine functions leave them alone.
def _method(clause: Clause, owner: str, name: str) -> Test:
    def test(_self: object, request: pytest.FixtureRequest) -> None:
        run(request.node, owner)

    # Collected whatever the setting python_functions says.
    test.__dict__["__test__"] = True
    return _named(test, clause, owner, name)


def _function(clause: Clause) -> Test:
    def test(request: pytest.FixtureRequest) -> None:
        run(request.node)

    return _named(test, clause, clause.family, clause.name)


def _named(test: Test, clause: Clause, owner: str, name: str) -> Test:
    test.__name__ = name
    test.__qualname__ = f"{owner}.{name}"
    test.__doc__ = f"{clause.sentence[0].upper()}{clause.sentence[1:]}."
    return test
