"""From a dotted name to a function, and what is told where there is none."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from inspect import cleandoc
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from async_contract.experiments.limit import TimeLimitExceeded
from async_contract.experiments.sanitizers import targets
from async_contract.experiments.sanitizers.calls import Calls
from async_contract.experiments.sanitizers.targets import LINES, load, name_of, usable
from async_contract.harness.errors import TargetError

Named = Callable[[str], str]
_NUMBERS = count(1)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write a module and return its name; `module(text)`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> str:
        name = f"sanitizer_module_{next(_NUMBERS)}"
        Path(tmp_path, f"{name}.py").write_text(text)
        return name

    return write


def told(target: str, kind: str = "label") -> str:
    """What is told about a target."""
    with pytest.raises(TargetError) as caught:
        load(target, kind)
    return str(caught.value)


def message(text: str, lines: str = "") -> str:
    """The message as the test writes it, with lines of code after it."""
    return cleandoc(text) + ("\n\n" + textwrap.indent(lines, "    ") if lines else "")


WAYS = """
import functools
from functools import lru_cache, partial


def label(text):
    return text.lower()


async def later(text):
    return text.lower()


class Callable:
    def __call__(self, text):
        return text.lower()


class Box:
    made = 0

    def __init__(self, sep="."):
        type(self).made += 1
        self.sep = sep

    def method(self, text):
        return text.lower() + self.sep

    async def coroutine(self, text):
        return text.lower() + self.sep

    @lru_cache
    def cached(self, text):
        return text.lower() + self.sep

    @staticmethod
    def static(text):
        return text.lower()

    @classmethod
    def of_class(cls, text):
        return text.lower()

    class Inner:
        @staticmethod
        def static(text):
            return text.lower()


class Sub(Box):
    pass


callable_object = Callable()
Box.held = callable_object
box = Box("-")
half = partial(lambda end, text: text.lower() + end, "!")
lower = str.lower


class Meta(type):
    def __getattr__(cls, name):
        return label


class MadeUp(metaclass=Meta):
    pass
"""


@pytest.mark.parametrize(
    ("name", "gives"),
    [
        (".label", "ab"), (":label", "ab"), (".later", "ab"), (".callable_object", "ab"), (".half", "ab!"),
        (".lower", "ab"), (".Box.method", "ab."), (":Box.method", "ab."), (".Box.coroutine", "ab."),
        (":Box.cached", "ab."), (".Box.static", "ab"), (":Box.of_class", "ab"), (".box.method", "ab-"),
        (":Box.held", "ab"), (".Sub.method", "ab."), (":Box.Inner.static", "ab"), (":MadeUp.anything", "ab"),
    ],
)  # fmt: skip
def test_every_way_to_name_a_function(module: Named, name: str, gives: str) -> None:
    """Also a method: of an object, of a class that can be built, or one that needs no object."""
    function = load(f"{module(WAYS)}{name}", "label")
    with Calls(function) as calls:
        assert calls("AB").text == gives


def test_an_object_is_made_only_where_one_is_needed(module: Named) -> None:
    """Once for a method of a class, and not for what is there already."""
    name = module(WAYS)
    made = []
    for path in ("Box.static", "Box.of_class", "box.method", "Box.method"):
        load(f"{name}:{path}", "label")
        made.append(targets.function_named(f"{name}:Box.made", "label"))
    assert made == [1, 1, 1, 2]


def test_nothing_of_that_name(module: Named) -> None:
    """The message has a function that would do, and those that are spelled like it."""
    name = module("def safe_label(text): return text\ndef two(a, b): return a\nx = 7\n")
    place = f"the module {name} ({Path(__import__(name).__file__ or '')})"
    assert told(f"{name}.save_label") == message(
        f"""
        {name}.save_label can't be used as a target
        Found: {place}, without save_label
        Missing: save_label
        Write: {name}.safe_label
        """
    )
    assert told(f"{name}.x.y").endswith(f"Write: y in {name}.x, or another name")
    assert told(f"{name}:nothing").endswith(f"Write: {name}:safe_label")
    empty = module("import re\n")
    assert told(f"{empty}.clean", "message").endswith(
        message(
            f"""
            Missing: clean
            Write: a function of an exception in {empty}, such as:
            """,
            "def clean(error: BaseException | None) -> str:\n    ...",
        )
    )


def test_no_such_module() -> None:
    """The message has the file, and a function that would do."""
    assert told("nowhere_at_all.label").endswith(
        message(
            "Write: nowhere_at_all.py with a function of a str in it, such as:",
            "def label(text: str) -> str:\n    ...",
        )
    )
    assert told("").endswith("Write: mypkg.safe_label, for the function safe_label of mypkg.py")
    assert told("my-pkg.x", "message").endswith(
        "Write: mypkg.safe_failure_message, for the function safe_failure_message of mypkg.py"
    )


def test_a_module_is_no_function(module: Named) -> None:
    """The functions of one argument in it would do; those it has imported too."""
    name = module("def safe_label(text): return text\ndef two(a, b): return a\nclass X: pass\n")
    place = Path(__import__(name).__file__ or "")
    assert told(name) == message(
        f"""
        {name} can't be used as a target
        Found: the module {name} ({place})
        Missing: the name of a function of a str that returns a str in it
        Write: {name}.safe_label
        """
    )
    other = module("")
    assert told(other, "message").endswith(
        message(
            f"""
            Missing: the name of a function of an exception that returns a str in it
            Write: {other}.safe_failure_message, with a function of an exception in {other}, such as:
            """,
            LINES["message"],
        )
    )


BAD = """
class Plain:
    def label(self, text):
        return text


class Needs:
    def __init__(self, url, *, depth):
        pass

    def label(self, text):
        return text


class Raises:
    def __init__(self):
        raise OSError("no database")

    def label(self, text):
        return text


def two(text, other):
    return text


def none(text):
    pass


async def nothing(text):
    pass


def of_nothing():
    return ""


seven = 7
"""


@pytest.mark.parametrize(
    ("name", "found", "write"),
    [
        ("seven", "an object of the class builtins.int", "such a function"),
        ("Plain", "the class {module}.Plain", "such a function"),
        ("two", "a function that takes (text, other)", "such a function"),
        ("of_nothing", "a function that takes ()", "such a function"),
        ("none", "a function that returns None, given 'mail'", "a return in it"),
        ("nothing", "a function that returns None, given 'mail'", "a return in it"),
    ],
)
def test_what_is_no_such_function(module: Named, name: str, found: str, write: str) -> None:
    """What it is, and what would do."""
    bad = module(BAD)
    assert told(f"{bad}.{name}") == message(
        f"""
        {bad}.{name} can't be used as a target
        Found: {found.format(module=bad)}
        Missing: a function of a str that returns a str
        Write: {write}:
        """,
        LINES["label"],
    )


def test_a_function_of_exceptions_is_tried_with_one(module: Named) -> None:
    """And told what it was given."""
    bad = module(BAD)
    assert "a function that returns None, given RuntimeError('no such table')" in told(
        f"{bad}.none", "message"
    )
    assert "Missing: a function of an exception that returns a str" in told(f"{bad}.none", "message")


def test_a_class_that_cannot_be_built(module: Named) -> None:
    """An object in the module would do."""
    bad = module(BAD)
    for target in (f"{bad}:Needs.label", f"{bad}.Needs.label"):
        assert told(target) == message(
            f"""
            {target} can't be used as a target
            Found: a method of the class Needs, which needs url, depth to be built
            Missing: a class that can be built without arguments
            Write: an object of it in the module, and name its method as the target, as in {bad}:needs.label:
            """,
            "needs = Needs(...)",
        )
    place = Path(__import__(bad).__file__ or "")
    assert told(f"{bad}.Raises.label") == message(
        f"""
        {bad}.Raises.label can't be used as a target
        Found: Raises() raises OSError: no database
        Write: line 17 of {place} in another way; it is now:
        """,
        'raise OSError("no database")',
    )


def test_what_raises_or_gives_something_else_is_a_matter_of_its_clauses() -> None:
    """A first call that goes wrong does not end the run: the verdicts tell of it."""

    def raises(_: object) -> str:
        raise ValueError

    def hangs(_: object) -> str:
        raise TimeLimitExceeded("here")

    functions: list[Callable[[Any], object]] = [raises, len, hangs]
    assert [usable(each, "mine", "label") for each in functions] == functions


def test_a_function_that_hangs_is_not_waited_for() -> None:
    """Its clauses tell where it hangs."""

    def hangs(_: object) -> str:
        while True:
            pass

    assert usable(hangs, "mine", "label", 0.01) is hangs


def plain(text: str) -> str:
    """A function that a module has under its name."""
    return text


class Held:
    """What has functions that another process finds, or does not find."""

    def method(self, text: str) -> str:
        """Not found: it belongs to an object."""
        return text

    @staticmethod
    def static(text: str) -> str:
        """Found."""
        return text


def test_the_name_under_which_another_process_finds_a_function() -> None:
    """None for a closure, a method of an object, or what has no name."""
    assert name_of(plain) == f"{__name__}:plain"
    assert name_of(Held.static) == f"{__name__}:Held.static"
    assert [name_of(each) for each in (Held().method, lambda text: text, "".join, 7)] == ["", "", "", ""]
