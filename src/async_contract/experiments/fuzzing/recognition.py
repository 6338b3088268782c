"""Of which kind a function is that makes something safe: of a label, or of an exception."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

from async_contract.experiments.sanitizers.targets import LINES
from async_contract.harness.errors import TargetError, explain, unusable

_WORDS = {
    "label": "label", "labels": "label", "metric": "label", "metrics": "label",
    "message": "message", "messages": "message", "failure": "message", "failures": "message",
    "error": "message", "errors": "message", "err": "message", "exception": "message", "exc": "message",
}  # fmt: skip


def recognized(function: Any, name: str) -> str:
    """The kind of a function, `"label"` or `"message"`, as its name and its first parameter tell it.

    Raises:
        TargetError: They tell none, or both.
    """
    told = dict(_told(function, name.replace(":", ".").rpartition(".")[2]))
    if len(told) == 1:
        return next(iter(told))
    found = " and ".join(told.values()) or "nothing that tells whether it takes a label or an exception"
    lines = "\n\n".join(LINES.values())
    write = "--label or --message after the target, or a function that begins like one of these"
    raise TargetError(explain(unusable(name), found, ["its kind"], write, lines))


def _told(function: Any, name: str) -> Iterator[tuple[str, str]]:
    """Each kind that something tells, with what does."""
    yield from ((kind, f"the name {name}, which is that of a {kind}") for kind in _kinds(name))
    parameter = _first(function)
    if parameter is None:
        return
    what = f"its argument {parameter.name}"
    yield from ((kind, f"{what}, which is a {kind}") for kind in _kinds(parameter.name))
    for each in _alternatives(parameter.annotation):
        if each is str:
            yield "label", f"{what}, which is a str as labels are"
        elif inspect.isclass(each) and issubclass(each, BaseException):
            yield "message", f"{what}, which is an exception as messages are made of"


def _kinds(name: str) -> set[str]:
    words = re.findall(r"[A-Z]?[a-z]+", name)
    return {_WORDS[word.lower()] for word in words if word.lower() in _WORDS}


def _first(function: Any) -> inspect.Parameter | None:
    for evaluated in (True, False):
        try:
            parameters = inspect.signature(function, eval_str=evaluated).parameters
        except Exception:  # noqa: BLE001, S112 - an annotation may be any expression
            continue
        return next(iter(parameters.values()), None)
    return None


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)
