"""The clauses of functions that make text safe, as Hypothesis tests of one argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings

from async_contract.contract.clauses import CLAUSE
from async_contract.contract.kinds import kind_of
from async_contract.experiments.machine import BrokenClause
from async_contract.experiments.sanitizers import bounds, targets
from async_contract.experiments.sanitizers.breach import Breach, Checked
from async_contract.experiments.sanitizers.calls import Calls
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.verify import PROPERTIES

Test = Callable[[], None]
"""A function that `hypothesis.given` has made."""


def sanitizer_test(clause: str, function: Callable[[Any], object], *, bound: int | str | None = None) -> Test:
    """A Hypothesis test of one clause, for pytest to collect, and for HypoFuzz or another fuzzer to drive.

    Give it a name that pytest collects::

        test_bounded = sanitizer_test("label/bounded", safe_label)

    Args:
        clause: The clause's id; not one of those on work that grows, which compare many inputs.
        function: It takes a str, or an exception if the clause is of the family message; sync or async.
        bound: How long what it gives may be, as `64` for characters or `"64b"` for bytes; by default the
            bound that the contract names.

    Raises:
        ValueError: There is no such clause, or the bound says none.
        TargetError: The function can't be used.
    """
    if clause not in PROPERTIES:
        raise ValueError(f"{clause!r} is no clause of which one input can tell; write one of {one_of()}")
    kind = kind_of(clause).name
    name = getattr(function, "__qualname__", repr(function))
    limit = bounds.BOUNDS[kind] if bound is None else bounds.read(bound, kind)
    sanitizer = Sanitizer(targets.usable(function, name, kind), kind, bound=limit, redacts=True)

    def check(value: Any) -> Checked:
        with Calls(function) as calls:
            return PROPERTIES[clause].check(sanitizer, calls, value)

    # A slow machine is no reason to fail, and neither is that many inputs do not concern the clause.
    calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    return calm(clause_test(sanitizer, clause, check))


def one_of(kind: str = "") -> str:
    """The clauses of which one input can tell, in words: those of a kind, or all."""
    return ", ".join(each for each in PROPERTIES if kind in ("", kind_of(each).name))


def clause_test(sanitizer: Sanitizer, clause: str, check: Callable[[Any], Checked]) -> Test:
    """The test that draws inputs for a clause and raises `BrokenClause` if `check` gives a breach."""

    def test(value: Any) -> None:
        checked = check(value)
        if isinstance(checked, Breach):
            raise BrokenClause(checked.violation(clause), ())

    test.__name__ = test.__qualname__ = f"test_{clause.replace('/', '_').replace('-', '_')}"
    test.__doc__ = f"{CLAUSE[clause].sentence[0].upper()}{CLAUSE[clause].sentence[1:]}."
    test.__module__ = __name__
    made: Test = given(value=PROPERTIES[clause].drawn(sanitizer))(test)
    return made
