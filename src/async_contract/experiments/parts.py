"""The parts of a line before which it matters whether another thread has been at work, and how to stop there.

Python 3.11 tells a trace function of each opcode. Later versions don't in a function's first call; but they
have `sys.monitoring`, by which the functions of a store are watched from the beginning.
"""

from __future__ import annotations

import dis
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from types import CodeType
from typing import Any, NamedTuple

MONITORING: Any = getattr(sys, "monitoring", None)
"""Python's own way to watch functions; none before 3.12."""

# What reads or writes an object, or calls a function; what moves values within a frame concerns nobody else.
_SHARED = re.compile(
    "(LOAD|STORE|DELETE)_(ATTR|METHOD)|(BINARY|STORE|DELETE)_(SUBSCR|SLICE)|(STORE|DELETE)_(GLOBAL|DEREF)|"
    "BINARY_OP|CONTAINS_OP|FOR_ITER|CALL|CALL_KW|CALL_FUNCTION_EX|(LIST|SET|DICT)_(EXTEND|UPDATE|MERGE)"
)
_LAST_TOOL = 5


class Place(NamedTuple):
    """Where a thread stands still in the store.

    Attributes:
        file: The file.
        line: The number of the line.
        function: The function.
        part: The part of the line, as Python's disassembler names it; empty if it is before all of it.
    """

    file: str
    line: int
    function: str
    part: str = ""


@cache
def parts(code: CodeType) -> dict[int, Place]:
    """The parts of a function's lines before which others may have been at work, by their offsets."""
    found = {}
    for each in dis.get_instructions(code):
        if _SHARED.fullmatch(each.opname):
            line = (each.positions and each.positions.lineno) or code.co_firstlineno
            part = f"{each.opname} {each.argrepr}".strip()
            found[each.offset] = Place(code.co_filename, line, code.co_name, part)
    return found


@contextmanager
def watched(codes: Iterable[CodeType], stop: Callable[[Place], object]) -> Iterator[None]:
    """Have a function called before each part of a line, in whichever thread, where Python can do so.

    Args:
        codes: The functions that are watched.
        stop: What is called.
    """
    if MONITORING is None:
        yield
        return
    tool = next(each for each in range(_LAST_TOOL, -1, -1) if MONITORING.get_tool(each) is None)
    event, watched_ = MONITORING.events.INSTRUCTION, set(codes)
    MONITORING.use_tool_id(tool, "async-contract")
    try:
        MONITORING.register_callback(tool, event, partial(_passing, stop, MONITORING.DISABLE))
        for code in watched_:
            MONITORING.set_local_events(tool, code, event)
        yield
    finally:
        for code in watched_:
            MONITORING.set_local_events(tool, code, 0)
        MONITORING.register_callback(tool, event, None)
        MONITORING.free_tool_id(tool)


def _passing(stop: Callable[[Place], object], never_again: object, code: CodeType, offset: int) -> object:
    place = parts(code).get(offset)
    return never_again if place is None else stop(place)


def codes_of(classes: Iterable[type]) -> Iterator[CodeType]:
    """The code of classes, their ancestors and their modules, with what is defined within it."""
    seen: set[CodeType] = set()
    for cls in {each for every in classes for each in every.__mro__}:
        for owner in (cls, sys.modules.get(cls.__module__)):
            for value in list(vars(owner).values()) if owner is not None else []:
                yield from _within(_code(value), seen)


def _code(value: Any) -> CodeType | None:
    if isinstance(value, property):
        value = value.fget
    if type(value).__module__ not in ("builtins", "functools"):
        return None  # no function; a proxy of some library's may raise whatever it likes when it is looked at
    code = getattr(inspect.unwrap(getattr(value, "__func__", value)), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _within(code: CodeType | None, seen: set[CodeType]) -> Iterator[CodeType]:
    if code is None or code in seen:
        return
    seen.add(code)
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _within(each, seen)
