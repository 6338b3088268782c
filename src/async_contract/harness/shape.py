"""Whether something has the methods of a store, as far as can be seen without calling them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from async_contract.harness.arguments import POSITIONAL, binds, signature_or_none

METHODS: dict[str, tuple[str, ...]] = {
    "enqueue": ("job",),
    "lease": ("limit",),
    "complete": ("id",),
    "fail": ("id", "message"),
}
"""The methods that are called, with their positional arguments."""

WORKERS_METHODS = ("lease", "complete", "fail")
"""The methods that only a store has; many things that are no store have an `enqueue`."""

_ABSENT = object()


class Fault(NamedTuple):
    """What keeps one method from being called.

    Attributes:
        method: The method's name.
        kind: What is wrong with it.
        here: What stands in its place; empty if nothing does.
        signature: The signature that its callers see, if it is that which is wrong.
    """

    method: str
    kind: Literal["missing", "not callable", "signature"]
    here: str = ""
    signature: inspect.Signature | None = None


def faults(owner: object, methods: Iterable[str] = tuple(METHODS)) -> tuple[Fault, ...]:
    """What keeps a store, or the stores of a class, from being called, for each of `methods`."""
    found = (_fault(owner, method) for method in methods)
    return tuple(each for each in found if each is not None)


def has(owner: object, method: str) -> bool:
    """Whether `owner` has such a method, whatever it takes."""
    return callable(getattr(owner, method, None))


def phrases(found: Iterable[Fault]) -> list[str]:
    """A phrase for each thing that is missing; methods of which there is no trace share one."""
    found = tuple(found)
    absent = [call(each.method) for each in found if each.kind == "missing"]
    lines = [", ".join(absent)] if absent else []
    for each in found:
        if each.kind == "not callable":
            lines.append(f"{call(each.method)} as a method; here it is {each.here}")
        elif each.kind == "signature":
            lines.append(f"{call(each.method)}; here it is {each.here}")
    return lines


def call(method: str) -> str:
    """How a method is called: `fail(id, message)`."""
    return f"{method}({', '.join(METHODS[method])})"


def _signature_on_instance(owner: object, method: str) -> inspect.Signature | None:
    """The signature of a method as its callers see it, without `self`; `None` if that can't be known."""
    if not inspect.isclass(owner):
        return signature_or_none(getattr(owner, method))
    static = inspect.getattr_static(owner, method)
    if isinstance(static, (staticmethod, classmethod)):
        return signature_or_none(getattr(owner, method))
    # What any other descriptor gives to an instance is known when there is one.
    signature = signature_or_none(static) if inspect.isfunction(static) else None
    if signature is None:
        return None
    parameters = list(signature.parameters.values())
    takes_self = bool(parameters) and parameters[0].kind in POSITIONAL
    return signature.replace(parameters=parameters[takes_self:])


def _may_have_as_instance(owner: object, method: str) -> bool:
    """Whether an instance may have a method that its class has not: when there is one, it is known."""
    if not inspect.isclass(owner):
        return False
    if hasattr(owner, "__getattr__"):
        return True
    made_by = {method, "setattr", "__dict__"}
    return any(
        inspect.isfunction(init) and not made_by.isdisjoint(init.__code__.co_names)
        for init in (vars(cls).get("__init__") for cls in owner.__mro__)
    )


def _fault(owner: object, method: str) -> Fault | None:
    value: Any = getattr(owner, method, _ABSENT)
    if value is _ABSENT:
        return None if _may_have_as_instance(owner, method) else Fault(method, "missing")
    if isinstance(value, property):
        return None  # its value is known when there is an instance
    if not callable(value):
        return Fault(method, "not callable", repr(value))
    signature = _signature_on_instance(owner, method)
    if signature is None or binds(signature, len(METHODS[method])):
        return None
    return Fault(method, "signature", f"{method}{signature_or_none(value)}", signature)
