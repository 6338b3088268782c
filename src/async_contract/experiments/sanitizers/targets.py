"""From the name on the command line to a function that makes text safe."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from async_contract.experiments.sanitizers.calls import Calls
from async_contract.harness.arguments import accepts, unfilled
from async_contract.harness.errors import TargetError, explain, unusable
from async_contract.harness.failures import failure
from async_contract.harness.imports import find

TAKES = {"label": "a str", "message": "an exception"}
"""By kind: what the functions take."""

LINES = {
    "label": "def safe_label(text: str) -> str:\n    ...",
    "message": "def safe_failure_message(error: BaseException | None) -> str:\n    ...",
}
"""By kind: how such a function begins."""

_PROBES: dict[str, Any] = {"label": "mail", "message": RuntimeError("no such table")}


def load(name: str, kind: str) -> Callable[[Any], object]:
    """The function that a dotted name names, if it can be one of this kind.

    Raises:
        TargetError: It can't be used; the message says what to write.
    """
    return usable(function_named(name), name, kind)


def function_named(name: str) -> Any:
    """What a name names; a method is bound to an object of its class, made without arguments.

    Raises:
        TargetError: There is no such thing, or no such object can be made.
    """
    found = find(name)
    owner_name, _, attribute = name.rpartition(
        "." if "." in name.partition(":")[2] or ":" not in name else ":"
    )
    if not isinstance(found, FunctionType):
        return found
    owner = find(owner_name)
    if not inspect.isclass(owner) or isinstance(inspect.getattr_static(owner, attribute), staticmethod):
        return found
    return getattr(_made(owner, name), attribute)


def _made(owner: type, name: str) -> object:
    required = unfilled(owner)
    if required:
        names = ", ".join(each.name for each in required)
        found = f"a method of the class {owner.__qualname__}, which needs {names} to be built"
        missing = ["a class that can be built without arguments"]
        lines = f"{owner.__name__.lower()} = {owner.__name__}(...)"
        write = (
            f"an object of it in the module, and name its method as the target, as in {_instead(owner, name)}"
        )
        raise TargetError(explain(unusable(name), found, missing, write, lines))
    try:
        return owner()
    except Exception as error:  # the user's __init__ may raise anything
        raise TargetError(failure(name, f"{owner.__qualname__}()", error)) from error


def _instead(owner: type, name: str) -> str:
    return f"{owner.__module__}:{owner.__name__.lower()}.{name.replace(':', '.').rpartition('.')[2]}"


def usable(function: Any, name: str, kind: str) -> Callable[[Any], object]:
    """The function, if it can be called with one argument and gives something.

    Raises:
        TargetError: It can't.
    """
    wanted = f"a function of {TAKES[kind]} that returns a str"
    if not callable(function) or inspect.isclass(function):
        what = "the class" if inspect.isclass(function) else "an object of the class"
        cls = function if inspect.isclass(function) else type(function)
        found = f"{what} {cls.__module__}.{cls.__qualname__}"
        raise TargetError(explain(unusable(name), found, [wanted], "such a function", LINES[kind]))
    if not accepts(function, 1):
        found = f"a function that takes {inspect.signature(function)}"
        raise TargetError(explain(unusable(name), found, [wanted], "such a function", LINES[kind]))
    with Calls(function) as calls:
        call = calls(_PROBES[kind])
    if call.text is None and call.error is None and call.value is None:
        found = f"a function that returns None, given {_PROBES[kind]!r}"
        raise TargetError(explain(unusable(name), found, [wanted], "a return in it", LINES[kind]))
    checked: Callable[[Any], object] = function
    return checked


def name_of(function: Any) -> str:
    """The dotted name under which another process finds this very function; empty if there is none."""
    name = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}"
    try:
        return name if find(name) is function else ""
    except TargetError:
        return ""
