"""The messages for targets that name nothing, with what was probably meant."""

from __future__ import annotations

import difflib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from async_contract.harness.advice import A_STORE
from async_contract.harness.errors import explain, unusable
from async_contract.harness.harness import StoreHarness
from async_contract.harness.shape import WORKERS_METHODS, has


class Wanted(NamedTuple):
    """What a target should have named.

    Attributes:
        noun: What it is called.
        names: Whose names will do.
        name: What it is called in `lines`.
        kind: What bears that name: a class, a function.
        lines: The shortest one that would do.
        would_do: Whether a thing in a module looks like one.
    """

    noun: str
    names: str
    name: str
    kind: str
    lines: str
    would_do: Callable[[object], bool]


def not_dotted(target: str, wanted: Wanted) -> str:
    """The message for a target that is no dotted name; often it is a path or a node id."""
    path = target.strip().replace("\\", "/").removeprefix("./").replace(".py", "")
    name = path.replace("::", ".").replace("/", ".").replace(":", ".")
    is_dotted = all(each.isidentifier() for each in name.split("."))
    return explain(
        unusable(target or "an empty name"),
        f"{target!r}, which is no dotted name",
        ["a dotted name: pkg.mod.Name or pkg.mod:name.attr"],
        name if is_dotted else f"mypkg.{wanted.name}, for the {wanted.kind} {wanted.name} of mypkg.py",
    )


def no_module(target: str, name: str, parent: ModuleType | None, wanted: Wanted) -> str:
    """The message for a module `name` that does not exist; `parent` is what it should lie in."""
    last = name.rpartition(".")[2]
    if parent is None:
        found, places = f"no module named {name}", None
        missing = (
            f"{name}.py, or a package {name}, in a directory of sys.path, for example "
            f"the one where pytest was started, {Path.cwd()}"
        )
    else:
        found, places = f"{described(parent)}, without a module {last}", getattr(parent, "__path__", [])
        missing = f"{last}.py, or a package {last}, in it"
    near = _near(last, (each.name for each in pkgutil.iter_modules(places)))
    lines = ""
    if near:
        write = one_of(_instead(target, len(name), last, each) for each in near)
    elif parent is None and (Path("src", name).is_dir() or Path("src", f"{name}.py").is_file()):
        write = f"pythonpath = src in the pytest settings ({name} lies in src), or pip install -e ."
    else:
        write = f"{name.replace('.', '/')}.py with {wanted.noun} in it, such as"
        lines = _one(target, wanted)
    return explain(unusable(target), found, [missing], write, lines)


def no_attribute(target: str, owner: object, path: str, name: str, wanted: Wanted) -> str:
    """The message for an object at `path` that has no attribute `name`."""
    near = _near(name, (each for each in dir(owner) if not each.startswith("_")))
    lines = ""
    if not isinstance(owner, ModuleType):
        found = f"{path}, without {name}"
        write = one_of(_instead(target, len(f"{path}.{name}"), name, each) for each in near)
        return explain(unusable(target), found, [name], write or f"{name} in {path}, or another name")
    hidden = Path(f"{path}.py").resolve()
    near = near or candidates(owner, wanted)
    if hidden.is_file() and hidden != Path(getattr(owner, "__file__", None) or "").resolve():
        write = f"another name for {hidden}; this one is taken"
    elif near:
        write = one_of(_instead(target, len(f"{path}.{name}"), name, each) for each in near)
    else:
        write, lines = f"{wanted.noun} in {path}, such as", _one(target, wanted)
    return explain(unusable(target), f"{described(owner)}, without {name}", [name], write, lines)


def only_a_module(target: str, module: ModuleType, wanted: Wanted) -> str:
    """The message for a target that is a module."""
    names = candidates(module, wanted)
    missing = [f"the name of {wanted.names} in it"]
    if names:
        write = one_of(f"{target}.{each}" for each in names)
        return explain(unusable(target), described(module), missing, write)
    write = f"{target}.{wanted.name}, with {wanted.noun} in {target}, such as"
    return explain(unusable(target), described(module), missing, write, wanted.lines)


def described(module: ModuleType) -> str:
    """A module with its kind and its place."""
    kind = "package" if hasattr(module, "__path__") else "module"
    file = getattr(module, "__file__", None)
    return f"the {kind} {module.__name__}" + (f" ({file})" if file else "")


def candidates(module: ModuleType, wanted: Wanted) -> list[str]:
    """The names in a module that look like targets."""
    named = [(name, value) for name, value in vars(module).items() if not name.startswith("_")]
    return [name for name, value in named if wanted.would_do(value)]


def one_of(names: Iterable[str]) -> str:
    """The names, for a sentence."""
    return " or ".join(names)


def _would_do(value: object) -> bool:
    if isinstance(value, StoreHarness):
        return True
    if not inspect.isclass(value) or value is StoreHarness or getattr(value, "_is_protocol", False):
        return False
    return issubclass(value, StoreHarness) or all(has(value, each) for each in WORKERS_METHODS)


def _near(name: str, names: Iterable[str]) -> list[str]:
    """Those of `names` that are spelled like `name`, whatever their case, the nearest first."""
    spelled = {each.lower(): each for each in names}
    return [spelled[each] for each in difflib.get_close_matches(name.lower(), spelled, cutoff=0.7)]


def _instead(target: str, end: int, old: str, new: str) -> str:
    """The target with `new` for the name `old` that ends at `end`."""
    return target[: end - len(old)] + new + target[end:]


def _one(target: str, wanted: Wanted) -> str:
    """The lines of one that would do, under the name that the target asks for."""
    _, dot, name = target.replace(":", ".").rpartition(".")
    return wanted.lines.replace(wanted.name, name) if dot else wanted.lines


WANTED_STORE = Wanted(
    "a store", "a store class, of a function that makes a store, or of a harness", "Store", "class",
    A_STORE, _would_do,
)  # fmt: skip
"""What a target of `--async-contract` should have named."""
