"""The public names."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import async_contract
from async_contract._public import MODULES

FACADE = Path(async_contract.__file__)
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


def _imported_for_type_checkers() -> dict[str, str]:
    (block,) = (node for node in ast.parse(FACADE.read_text()).body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_facade_stays_small() -> None:
    """`__init__` says which names are public and nothing else, on at most 50 lines."""
    assert len(FACADE.read_text().splitlines()) <= 50


def test_every_public_name_is_exported_once() -> None:
    """`__all__` is sorted, without a repetition, and no object has two public names."""
    names = async_contract.__all__
    assert names == sorted(set(names))
    assert len({id(getattr(async_contract, name)) for name in names}) == len(names)


def test_a_program_and_a_type_checker_are_told_the_same() -> None:
    """The imports that only type checkers see are those that a program makes when it needs them."""
    judge = {"Judge": "async_contract.judge.judge", "judge": "async_contract.judge.judge"}
    assert _imported_for_type_checkers() | judge == MODULES
    assert sorted(MODULES) == async_contract.__all__


@pytest.mark.parametrize("name", async_contract.__all__)
def test_a_public_name_is_that_of_the_module_that_defines_it(name: str) -> None:
    """What is exported is the object itself, from where it is defined."""
    exported = getattr(async_contract, name)
    assert exported is getattr(import_module(MODULES[name]), name)
    if isinstance(exported, type):
        assert exported.__module__ == MODULES[name]


def test_a_name_that_is_not_public_is_not_there() -> None:
    """A misspelt name is reported as by any other module."""
    with pytest.raises(AttributeError) as caught:
        async_contract.Strore  # noqa: B018  # type: ignore[attr-defined]
    assert str(caught.value) == "module 'async_contract' has no attribute 'Strore'"


def test_every_public_name_is_documented() -> None:
    """The API page documents each public name once, and nothing that is not public."""
    documented = re.findall(r"^\.\. auto\w+:: async_contract\.(\w+)$", REFERENCE.read_text(), re.MULTILINE)
    assert sorted(documented) == async_contract.__all__
