"""From the name on the command line to a function that makes text safe."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

from async_contract.experiments.limit import TimeLimitExceeded, time_limit
from async_contract.experiments.sanitizers.calls import Call, Calls
from async_contract.harness.arguments import accepts, unfilled
from async_contract.harness.errors import TargetError, explain, unusable
from async_contract.harness.failures import failure
from async_contract.harness.imports import find
from async_contract.harness.misses import Wanted, only_a_module

TAKES = {"label": "a str", "message": "an exception"}
"""By kind: what the functions take."""

LINES = {
    "label": "def safe_label(text: str) -> str:\n    ...",
    "message": "def safe_failure_message(error: BaseException | None) -> str:\n    ...",
}
"""By kind: how such a function begins."""

_PROBES: dict[str, Any] = {"label": "mail", "message": RuntimeError("no such table")}
_PROBE_SECONDS = 5.0


def _is_function_of_one(value: object) -> bool:
    return isinstance(value, FunctionType) and accepts(value, 1)


WANTED = MappingProxyType({
    kind: Wanted(
        f"a function of {TAKES[kind]}", f"a function of {TAKES[kind]} that returns a str", name, "function",
        LINES[kind], _is_function_of_one,
    )
    for kind, name in (("label", "safe_label"), ("message", "safe_failure_message"))
})  # fmt: skip
"""By kind: what a target should have named."""

WANTED_EITHER = Wanted(
    "a function of a str or an exception", "a function of a str or an exception that returns a str",
    "safe_label", "function", LINES["label"], _is_function_of_one,
)  # fmt: skip
"""What a target should have named of which it is not known yet what kind it is of."""


def load(name: str, kind: str, seconds: float = _PROBE_SECONDS) -> Callable[[Any], object]:
    """The function that a dotted name names, if it can be one of this kind.

    Args:
        name: The dotted name.
        kind: `"label"` or `"message"`.
        seconds: How long it is waited for when it is tried.

    Raises:
        TargetError: It can't be used; the message says what to write.
    """
    return usable(function_named(name, kind), name, kind, seconds)


def function_named(name: str, kind: str | None = None) -> Any:
    """What a name names; a method is bound to an object of its class, made without arguments.

    Raises:
        TargetError: There is no such thing, or no such object can be made.
    """
    wanted = WANTED_EITHER if kind is None else WANTED[kind]
    found = find(name, wanted)
    # The name of what has it: `mypkg:Box` of `mypkg:Box.label`, `mypkg` of `mypkg:label`.
    dotted = "." in name.partition(":")[2] or ":" not in name
    owner_name, _, attribute = name.rpartition("." if dotted else ":")
    owner = find(owner_name, wanted) if owner_name else None
    if not inspect.isclass(owner) or not _is_method(owner, attribute):
        return found
    return getattr(_made(owner, name), attribute)


def _is_method(owner: type, name: str) -> bool:
    """Whether the attribute needs an object: a function does, and what is made of one by a decorator."""
    # Not what getattr gives: that is bound already. None: the class of the class makes it up.
    static = inspect.getattr_static(owner, name, None)
    bound = isinstance(static, (staticmethod, classmethod)) or inspect.isclass(static)
    return not bound and hasattr(type(static), "__get__")


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


def usable(function: Any, name: str, kind: str, seconds: float = _PROBE_SECONDS) -> Callable[[Any], object]:
    """The function, if it can be called with one argument and gives something.

    Raises:
        TargetError: It can't.
    """
    if isinstance(function, ModuleType):
        raise TargetError(only_a_module(name, function, WANTED[kind]))
    if not callable(function) or inspect.isclass(function):
        what = "the class" if inspect.isclass(function) else "an object of the class"
        cls = function if inspect.isclass(function) else type(function)
        raise _unusable(name, kind, f"{what} {cls.__module__}.{cls.__qualname__}")
    if not accepts(function, 1):
        raise _unusable(name, kind, f"a function that takes {inspect.signature(function)}")
    if _gives_nothing(function, kind, seconds):
        raise _unusable(
            name, kind, f"a function that returns None, given {_PROBES[kind]!r}", "a return in it"
        )
    checked: Callable[[Any], object] = function
    return checked


def _unusable(name: str, kind: str, found: str, write: str = "such a function") -> TargetError:
    missing = [f"a function of {TAKES[kind]} that returns a str"]
    return TargetError(explain(unusable(name), found, missing, write, LINES[kind]))


def _gives_nothing(function: Callable[[Any], object], kind: str, seconds: float) -> bool:
    call = Call(None, "")
    # A function that hangs is told of clause by clause, with the place.
    with suppress(TimeLimitExceeded), Calls(function) as calls, time_limit(seconds):
        call = calls(_PROBES[kind])
    return call.text is None and call.error is None and call.value is None


def name_of(function: Any) -> str:
    """The dotted name under which another process finds this very function; empty if there is none."""
    name = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}"
    try:
        return name if find(name) is function else ""
    except TargetError:
        return ""
