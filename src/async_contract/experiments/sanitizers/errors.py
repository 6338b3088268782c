"""Exceptions that break functions which make a message of an exception."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from async_contract.experiments.sanitizers.bounds import Bound
from async_contract.experiments.sanitizers.texts import LARGE, hostile


class Trouble(Exception):
    """An exception that says whatever it was made to say.

    Attributes:
        told: How it is told of, since nothing may be asked of it.
    """

    def __init__(self, say: Callable[[], object], told: str) -> None:
        super().__init__()
        self._say = say
        self.told = told

    def __repr__(self) -> str:
        return f"<{self.told}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - Hypothesis calls it so
        printer.text(repr(self))

    def __str__(self) -> str:
        return self._say()  # type: ignore[return-value]  # a __str__ that returns something else is the point


class Text(str):
    """A str, and not exactly one."""

    __slots__ = ()


class _Quiet(Exception):
    """An exception whose repr raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def _returning(value: object) -> Callable[[], object]:
    return lambda: value


def _raising(kind: type[Exception]) -> Callable[[], object]:
    def say() -> object:
        # A new one each time: the traceback of one that is raised again grows, and keeps every frame alive.
        raise kind("no str")

    return say


def _recursing() -> Trouble:
    def say() -> object:
        return str(error)

    error = Trouble(say, "an exception whose __str__ calls itself for ever")
    return error


def saying(text: str) -> Iterator[BaseException]:
    """Exceptions of several types that say this text."""
    yield RuntimeError(text)
    yield Trouble(_returning(text), f"an exception whose __str__ returns {text[:40]!a}")


def unsaid() -> list[BaseException]:
    """Exceptions that can't say anything: their `__str__` fails."""
    return [
        Trouble(_raising(ValueError), "an exception whose __str__ raises ValueError"),
        Trouble(_raising(MemoryError), "an exception whose __str__ raises MemoryError"),
        _recursing(),
        *(
            Trouble(_returning(value), f"an exception whose __str__ returns {value!a}")
            for value in (None, b"bytes", 7, ["a"])
        ),
    ]  # fmt: skip


def silent() -> list[BaseException]:
    """Exceptions that say nothing, or nothing but blanks."""
    blanks = ("", " ", "\n", "\t \r\n", "\u3000", "\u2028", "\x1f", " " * 300, "\n" * 300, " " * 10_000)
    return [
        RuntimeError(), ValueError(), KeyboardInterrupt(), asyncio.CancelledError(),
        *(RuntimeError(blank) for blank in blanks),
    ]  # fmt: skip


def odd() -> Iterator[BaseException]:
    """Exceptions of uncommon types, with uncommon arguments."""
    yield from unsaid()
    yield from silent()
    yield from (
        KeyError("a\nb"), OSError(2, "gone\n", "file\n"), ValueError(b"\xff\n"),
        ValueError(("a\n", {"b": "\x00"})), UnicodeDecodeError("utf-8", b"a\xff", 1, 2, "bad\nbyte"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "x"), SyntaxError("a\nb", ("file\n", 1, 1, "text\n")),
        SystemExit(3), SystemExit("a\nb"), GeneratorExit("a\x00b"), StopIteration("a\tb"),
        KeyboardInterrupt("a\x1bb"), asyncio.CancelledError("a\u2028b"), ImportError("x", name="a\n"),
        _Quiet("quiet"), Exception(_Quiet("quiet")), Exception("a", "b\n"), RuntimeError(Text("a\nb")),
        type("Bad\nName", (Exception,), {})("x"), type("Bad\nName", (Exception,), {})(),
        Trouble(_returning(Text("a\nb")), "an exception whose __str__ returns a subclass of str"),
    )  # fmt: skip
    yield from _nested()


def _nested() -> Iterator[BaseException]:
    yield ExceptionGroup("several\nof them", [ValueError("a\nb"), *unsaid_exceptions()])
    yield BaseExceptionGroup("\x00", [KeyboardInterrupt("a\rb")])
    yield ExceptionGroup(" ", [ExceptionGroup("in\u2029ner", [ValueError("x")])])
    first, second = RuntimeError("first\n"), RuntimeError("second\n")
    first.__cause__, second.__context__ = second, first  # a chain without an end
    yield first
    noted = RuntimeError("noted")
    noted.add_note("a\nnote\x00")
    yield noted
    group: ExceptionGroup[Exception] = ExceptionGroup("innermost", [ValueError("x")])
    for _ in range(2_000):
        group = ExceptionGroup("within another", [group])
    yield group
    error = RuntimeError("the last of many")
    for number in range(2_000):
        outer = RuntimeError(f"error {number}")
        outer.__cause__ = error
        error = outer
    yield error


def unsaid_exceptions() -> list[Exception]:
    """Those of `unsaid` that a group of exceptions takes."""
    return [each for each in unsaid() if isinstance(each, Exception)]


def large_errors() -> Iterator[BaseException]:
    """Exceptions that say 10 MiB."""
    for unit in ("a", " ", "\n", "\u20ac"):
        yield Trouble(_returning(unit * LARGE), f"an exception whose __str__ returns {unit!a} * {LARGE}")
    yield RuntimeError("x" * LARGE)


def hostile_errors(bound: Bound) -> Iterator[BaseException]:
    """Exceptions of every kind, the short ones first."""
    yield from (RuntimeError(text) for text in hostile(bound))
    yield from odd()
