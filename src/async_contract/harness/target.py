"""From the name on the command line to a harness, without making a store."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from inspect import Parameter
from types import ModuleType

from async_contract.harness import advice
from async_contract.harness.advice import qualified
from async_contract.harness.arguments import unfilled
from async_contract.harness.errors import TargetError, explain, unusable
from async_contract.harness.failures import failure
from async_contract.harness.harness import StoreHarness
from async_contract.harness.imports import find
from async_contract.harness.misses import WANTED_STORE, only_a_module
from async_contract.harness.shape import METHODS, WORKERS_METHODS, faults, has, phrases

_A_CLASS = "a class such as this one"


def load(target: str) -> StoreHarness:
    """Import what `target` names and return a harness for it.

    Nothing of it is called but a class of harnesses: no store is made. `sys.path` stays as it is.

    Args:
        target: `pkg.mod.Name` or `pkg.mod:name.attr`, naming a harness, a class of harnesses, a class of
            stores, or a function (also a coroutine function or a generator function) that makes a store.

    Raises:
        TargetError: There is no such thing, or it can't be used.
    """
    return harness_for(find(target), target)


def harness_for(obj: object, name: str) -> StoreHarness:
    """Return a harness for `obj`, which can be anything that `load` accepts the name of.

    Args:
        obj: The target.
        name: What to call it in messages; the harness is told it as its own.

    Raises:
        TargetError: It can't be used.
    """
    harness = _harness_for(obj, name)
    harness.found_as = name
    return harness


def _harness_for(obj: object, name: str) -> StoreHarness:
    if isinstance(obj, ModuleType):
        raise TargetError(only_a_module(name, obj, WANTED_STORE))
    if isinstance(obj, StoreHarness):
        return _checked(obj, name)
    if not inspect.isclass(obj):
        return _of_object(obj, name)
    return _checked(_built(obj, name), name) if issubclass(obj, StoreHarness) else _of_class(obj, name)


def _checked(harness: StoreHarness, name: str) -> StoreHarness:
    """The harness, if what can be seen of it and of the class of its stores is in order."""
    if not hasattr(harness, "store_classes"):
        found = f"a harness of the class {qualified(type(harness))}, which has an __init__ of its own"
        missing = "the call of StoreHarness.__init__ in it"
        lines = "def __init__(self, ...):\n    super().__init__()"
        raise TargetError(explain(unusable(name), found, [missing], "that as the first line", lines))
    if inspect.isclass(harness.maker):
        _require_store_class(harness.maker, name, enqueues=not harness.customizes("enqueue"))
    return harness


def _built(cls: type[StoreHarness], name: str) -> StoreHarness:
    required = unfilled(cls)
    if required:
        found = f"the harness class {qualified(cls)}"
        write = "a harness made of it, and name that as the target"
        lines = advice.instance(cls, required)
        raise TargetError(explain(unusable(name), found, [_values(required)], write, lines))
    try:
        return cls()
    except Exception as error:  # the user's __init__ may raise anything
        raise TargetError(failure(name, f"{cls.__qualname__}()", error)) from error


def _of_class(cls: type, name: str) -> StoreHarness:
    found = f"the class {qualified(cls)}"
    if _looks_like_a_harness(cls):
        missing, write, lines = "the base class StoreHarness", "the class with it", advice.subclass(cls)
        raise TargetError(explain(unusable(name), f"{found}, with a connect", [missing], write, lines))
    if inspect.isabstract(cls) or getattr(cls, "_is_protocol", False):
        missing = "a class that is not abstract"
        raise TargetError(explain(unusable(name), found, [missing], _A_CLASS, advice.A_STORE))
    _require_store_class(cls, name)
    return StoreHarness(cls)


def _require_store_class(cls: type, name: str, *, enqueues: bool = True) -> None:
    """Raise `TargetError` unless `cls` can be built without arguments and gives stores."""
    # What a context manager gives is known when it is entered.
    gives_another = any(hasattr(cls, each) for each in ("__enter__", "__aenter__", "__await__"))
    methods = METHODS if enqueues else WORKERS_METHODS
    found = () if gives_another and not _is_like_a_store(cls) else faults(cls, methods)
    required = unfilled(cls)
    if found or required:
        missing = phrases(found) + ([_values(required)] if required else [])
        write, lines = advice.for_class(cls, found, required)
        raise TargetError(explain(unusable(name), f"the class {qualified(cls)}", missing, write, lines))


def _of_object(obj: object, name: str) -> StoreHarness:
    cls = type(obj)
    found = f"an object of the class {qualified(cls)}"
    if _is_like_a_store(obj):
        missing = "something that makes a new store for every example: its class, or a function"
        write, lines = advice.for_class(cls, faults(obj), unfilled(cls))
        raise TargetError(explain(unusable(name), found, [missing], write, lines))
    if _looks_like_a_harness(obj):
        missing, write = "a StoreHarness", "one, from the parts of this object"
        lines = advice.from_parts(obj, name)
        raise TargetError(explain(unusable(name), f"{found}, with a connect", [missing], write, lines))
    if not callable(obj):
        missing = "a class of stores, a function that makes a store, or a harness"
        raise TargetError(explain(unusable(name), found, [missing], _A_CLASS, advice.A_STORE))
    required = unfilled(obj)
    if required:
        found = f"the function {qualified(obj)}" if hasattr(obj, "__qualname__") else found
        lines = advice.harness(obj, required)
        raise TargetError(explain(unusable(name), found, [_values(required)], advice.A_HARNESS, lines))
    return StoreHarness(obj)


def _is_like_a_store(obj: object) -> bool:
    return any(has(obj, each) for each in WORKERS_METHODS)


def _looks_like_a_harness(obj: object) -> bool:
    return has(obj, "connect") and not _is_like_a_store(obj)


def _values(required: Iterable[Parameter]) -> str:
    return f"values for {', '.join(each.name for each in required)}, which nobody passes"
