"""Finding what a target names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from async_contract.harness.errors import TargetError
from async_contract.harness.failures import failure
from async_contract.harness.misses import WANTED_STORE, Wanted, no_attribute, no_module, not_dotted


def find(target: str, wanted: Wanted = WANTED_STORE) -> object:
    """Import what `target` names: `pkg.mod.Name` or `pkg.mod:name.attr`.

    Args:
        target: The name.
        wanted: What it should name, for the message if it names nothing.

    Raises:
        TargetError: There is no such thing, or importing it fails.
    """
    modules, attributes = _split(target, wanted)
    importlib.invalidate_caches()  # the file may have been written a moment ago
    path = modules[0]
    module = _import(target, path, None, wanted)
    for each in modules[1:]:
        path += f".{each}"
        module = _import(target, path, module, wanted)
    # Without a colon the module ends where no further one is found; the last name is never one.
    while ":" not in target and len(attributes) > 1 and _exists(f"{path}.{attributes[0]}", module):
        path += f".{attributes.pop(0)}"
        module = _import(target, path, module, wanted)
    found: object = module
    for each in attributes:
        found = _attribute(target, found, path, each, wanted)
        path += f".{each}"
    return found


def _split(target: str, wanted: Wanted) -> tuple[list[str], list[str]]:
    """The names that must be modules, and those that come after."""
    before, colon, after = target.partition(":")
    modules, attributes = before.split("."), after.split(".") if colon else []
    is_file = colon and modules[-1] == "py"  # mypkg.py:Store
    if is_file or not all(each.isidentifier() for each in modules + attributes):
        raise TargetError(not_dotted(target, wanted))
    return (modules, attributes) if colon else (modules[:1], modules[1:])


def _exists(name: str, parent: ModuleType | None) -> bool:
    if name in sys.modules:
        return True
    if parent is not None and not hasattr(parent, "__path__"):
        return False
    return importlib.util.find_spec(name) is not None


def _import(target: str, name: str, parent: ModuleType | None, wanted: Wanted) -> ModuleType:
    if not _exists(name, parent):
        raise TargetError(no_module(target, name, parent, wanted))
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    # Whatever else the user's module raises is told, not shown: SystemExit and pytest's Skipped too.
    except BaseException as error:
        raise TargetError(failure(target, f"the import of {name}", error)) from error


def _attribute(target: str, owner: object, path: str, name: str, wanted: Wanted) -> object:
    try:
        return getattr(owner, name)
    except AttributeError:
        pass
    except Exception as error:  # the module may have a __getattr__, which may do anything
        raise TargetError(failure(target, f"the attribute {path}.{name}", error)) from error
    if isinstance(owner, ModuleType) and _exists(f"{path}.{name}", owner):
        return _import(target, f"{path}.{name}", owner, wanted)
    raise TargetError(no_attribute(target, owner, path, name, wanted))
