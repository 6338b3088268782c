"""Who imports whom: the layers of the package, from the ground up."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import async_contract

ROOT = Path(async_contract.__file__).parent

LAYERS = (
    ("store",),
    ("contract", "reference"),
    ("harness",),
    ("history",),  # above the harness, since its recorder calls the store that a harness reached
    ("judge",),
    ("experiments", "mutants"),
    ("suites", "report"),
    ("plugin", "commands"),
    ("__main__", "fuzz"),
)
HEIGHT = {package: height for height, layer in enumerate(LAYERS) for package in layer}
FACADE = "__init__"  # the public names, with `_public`: it imports from everywhere, and nothing from it


class Import(NamedTuple):
    """One imported name, and whether it is imported when the module is."""

    module: str
    name: str
    at_once: bool

    @property
    def importer(self) -> str:
        """The package of ours that imports."""
        return self.module.partition("/")[0].removesuffix(".py")

    @property
    def imported(self) -> str:
        """The package of ours that is imported, or the top name of another distribution."""
        parts = self.name.split(".")
        if parts[0] != "async_contract":
            return parts[0]
        return parts[1] if len(parts) > 1 else FACADE


def _imports_in(node: ast.AST, module: str, *, at_once: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(module, alias.name, at_once) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module} imports relatively"
            assert child.module is not None
            yield from _imported_from(child.module, child.names, module, at_once=at_once)
        else:
            deferred = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _imports_in(child, module, at_once=at_once and not deferred)


def _imported_from(source: str, names: list[ast.alias], module: str, *, at_once: bool) -> Iterator[Import]:
    # `from async_contract import judge` names a package, or a name of the facade.
    for alias in names if source == "async_contract" else []:
        name = f"async_contract.{alias.name}" if alias.name in HEIGHT else "async_contract"
        yield Import(module, name, at_once)
    if source != "async_contract":
        yield Import(module, source, at_once)


def _imports() -> list[Import]:
    return [
        found
        for file in sorted(ROOT.rglob("*.py"))
        for found in _imports_in(ast.parse(file.read_text()), str(file.relative_to(ROOT)), at_once=True)
    ]


IMPORTS = _imports()
OURS = [each for each in IMPORTS if each.name.partition(".")[0] == "async_contract"]


def _importers(distribution: str, *, at_once: bool) -> set[str]:
    return {each.importer for each in IMPORTS if each.imported == distribution and each.at_once is at_once}


def test_every_package_has_its_layer() -> None:
    """A new package is given a place in the order before it is used."""
    packages = {path.stem for path in ROOT.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert packages - {"__pycache__", FACADE, "_public", "py"} == set(HEIGHT)


def test_a_package_imports_only_from_the_layers_below() -> None:
    """Nothing imports from a layer above its own, nor from the public names."""
    upwards = [
        each
        for each in OURS
        if each.importer not in (FACADE, "_public", each.imported)
        and (each.imported == FACADE or HEIGHT[each.imported] >= HEIGHT[each.importer])
    ]
    assert upwards == []


def test_the_judge_and_the_reference_share_nothing_but_the_vocabulary() -> None:
    """The judge knows what is owed and what happened; it calls no store and copies none."""
    assert {each.imported for each in OURS if each.importer == "judge"} == {
        "store", "contract", "history", "judge",
    }  # fmt: skip
    assert {each.imported for each in OURS if each.importer == "reference"} == {"store", "reference"}


def test_only_the_outer_layers_know_pytest() -> None:
    """A history can be judged, and a store be exercised, where there is no pytest."""
    assert _importers("pytest", at_once=True) <= {"suites", "report", "plugin"}
    assert _importers("pytest", at_once=False) == set()


def test_heavy_libraries_are_imported_by_experiments_or_late() -> None:
    """Hypothesis and Faker cost seconds: a run that does not need them does not import them."""
    for heavy in ("hypothesis", "faker"):
        assert _importers(heavy, at_once=True) <= {"experiments"}
        assert _importers(heavy, at_once=False) <= {"experiments", "suites", "plugin"}


def test_nothing_else_is_imported_than_what_is_declared() -> None:
    """The package runs on the standard library, pytest, Hypothesis and Faker."""
    others = {each.imported for each in IMPORTS if each not in OURS} - set(sys.stdlib_module_names)
    assert others <= {"pytest", "_pytest", "hypothesis", "faker"}
