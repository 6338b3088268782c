"""Which arguments a function of a harness is called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from inspect import Parameter
from typing import Any, TypeVar

from async_contract.harness.sandbox import Sandbox

_T = TypeVar("_T")

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def signature_or_none(function: Callable[..., Any]) -> inspect.Signature | None:
    """The signature of a function or class; `None` where Python knows none (some built-ins)."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def accepts(function: Callable[..., Any], count: int) -> bool:
    """Whether `function` can be called with `count` positional arguments, as far as Python knows."""
    signature = signature_or_none(function)
    return signature is None or binds(signature, count)


def binds(signature: inspect.Signature, count: int) -> bool:
    """Whether `count` positional arguments fit `signature`."""
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def first_parameter(function: Callable[..., Any]) -> str:
    """The name of the function's first parameter; empty if it has none."""
    return next(iter(inspect.signature(function).parameters), "")


def call_with_sandbox(function: Callable[..., _T], sandbox: Sandbox) -> _T:
    """Call `function`, with the sandbox if it has a parameter for it."""
    parameter, _ = _parameters(function)
    if parameter is None:
        return function()
    if parameter.kind is Parameter.POSITIONAL_ONLY:
        return function(sandbox)
    return function(**{parameter.name: sandbox})


def unfilled(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The required parameters of `function` that `call_with_sandbox` passes nothing for."""
    return _parameters(function)[1]


@lru_cache(maxsize=128)  # asked three times for every sandbox, and there are thousands of them
def _parameters(function: Callable[..., Any]) -> tuple[Parameter | None, tuple[Parameter, ...]]:
    """The parameter that takes the sandbox, if there is one, and the other required ones."""
    signature = signature_or_none(function)
    if signature is None:
        return None, ()
    parameters = [each for each in signature.parameters.values() if each.kind not in VARIADIC]
    required = [each for each in parameters if each.default is Parameter.empty]
    chosen = next((each for each in parameters if each.name == "sandbox"), None)
    # The only argument that a function needs is the sandbox, whatever its name. Not so for a class:
    # Store(dsn) needs a dsn.
    if chosen is None and len(required) == 1 and required[0].kind in POSITIONAL:
        chosen = None if inspect.isclass(function) else required[0]
    return chosen, tuple(each for each in required if each is not chosen)
