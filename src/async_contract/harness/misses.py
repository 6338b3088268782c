"""The messages for targets that name nothing, with what was probably meant."""

from __future__ import annotations

import difflib
import inspect
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from async_contract.harness.advice import A_STORE
from async_contract.harness.errors import explain, unusable
from async_contract.harness.harness import StoreHarness
from async_contract.harness.shape import WORKERS_METHODS, has


def not_dotted(target: str) -> str:
    """The message for a target that is no dotted name; often it is a path or a node id."""
    path = target.strip().replace("\\", "/").removeprefix("./").replace(".py", "")
    name = path.replace("::", ".").replace("/", ".").replace(":", ".")
    is_dotted = all(each.isidentifier() for each in name.split("."))
    return explain(
        unusable(target or "an empty name"),
        f"{target!r}, which is no dotted name",
        ["a dotted name: pkg.mod.Name or pkg.mod:name.attr"],
        name if is_dotted else "mypkg.Store, for the class Store of mypkg.py",
    )


def no_module(target: str, name: str, parent: ModuleType | None) -> str:
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
        write, lines = f"{name.replace('.', '/')}.py with a store in it, such as", _a_store(target)
    return explain(unusable(target), found, [missing], write, lines)


def no_attribute(target: str, owner: object, path: str, name: str) -> str:
    """The message for an object at `path` that has no attribute `name`."""
    near = _near(name, (each for each in dir(owner) if not each.startswith("_")))
    lines = ""
    if not isinstance(owner, ModuleType):
        found = f"{path}, without {name}"
        write = one_of(_instead(target, len(f"{path}.{name}"), name, each) for each in near)
        return explain(unusable(target), found, [name], write or f"{name} in {path}, or another name")
    hidden = Path(f"{path}.py").resolve()
    near = near or candidates(owner)
    if hidden.is_file() and hidden != Path(getattr(owner, "__file__", None) or "").resolve():
        write = f"another name for {hidden}; this one is taken"
    elif near:
        write = one_of(_instead(target, len(f"{path}.{name}"), name, each) for each in near)
    else:
        write, lines = f"a store in {path}, such as", _a_store(target)
    return explain(unusable(target), f"{described(owner)}, without {name}", [name], write, lines)


def only_a_module(target: str, module: ModuleType) -> str:
    """The message for a target that is a module."""
    names = candidates(module)
    missing = ["the name of a store class, of a function that makes a store, or of a harness in it"]
    if names:
        write = one_of(f"{target}.{each}" for each in names)
        return explain(unusable(target), described(module), missing, write)
    write = f"{target}.Store, with a store in {target}, such as"
    return explain(unusable(target), described(module), missing, write, A_STORE)


def described(module: ModuleType) -> str:
    """A module with its kind and its place."""
    kind = "package" if hasattr(module, "__path__") else "module"
    file = getattr(module, "__file__", None)
    return f"the {kind} {module.__name__}" + (f" ({file})" if file else "")


def candidates(module: ModuleType) -> list[str]:
    """The names in a module that look like targets."""
    return [name for name, value in vars(module).items() if not name.startswith("_") and _would_do(value)]


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


def _a_store(target: str) -> str:
    """The lines of a store, under the name that the target asks for."""
    _, dot, name = target.replace(":", ".").rpartition(".")
    return A_STORE.replace("Store", name) if dot else A_STORE
