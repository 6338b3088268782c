"""What a mutant is, and how its store is reached."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Protocol

from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.mutants.plain import Backing, PlainStore


class BrokenStore(PlainStore):
    """A store with one defect, which its docstring says in one sentence.

    Attributes:
        breaks: The id of the clause that must catch it.
        hangs: Whether it leaves calls that never return.
        deep: Whether it takes more than the example of its clause: many steps, or a schedule.
    """

    breaks: ClassVar[str]
    hangs: ClassVar[bool] = False
    deep: ClassVar[bool] = False

    @classmethod
    def reached(cls) -> StoreHarness:
        """The harness of its stores."""
        return BackingHarness(cls)


class Defective(Protocol):
    """The class of a store with one defect.

    Attributes:
        breaks: The id of the clause that must catch it.
        hangs: Whether it leaves calls that never return.
        deep: Whether it takes more than the example of its clause: many steps, or a schedule.
    """

    breaks: ClassVar[str]
    hangs: ClassVar[bool]
    deep: ClassVar[bool]

    @classmethod
    def reached(cls) -> StoreHarness:
        """The harness of its stores."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A store that is broken on purpose.

    Attributes:
        name: Its name in tables and reports, such as `ignores-limit`.
        clause: The id of the clause that must catch it.
        defect: What is wrong with it, in one sentence.
        harness: How it is reached.
        hangs: Whether it leaves calls that never return, so that a short time limit saves time.
        deep: Whether it takes more than the example of its clause: many steps, or a schedule.
        thorough: Whether it takes thorough effort: a schedule with several steps in a line.
    """

    name: str
    clause: str
    defect: str
    harness: StoreHarness
    hangs: bool = False
    deep: bool = False
    thorough: bool = False


class BackingHarness(StoreHarness):
    """Reaches a `PlainStore`: every connection of a sandbox shares one backing, in virtual time.

    Args:
        store: The class of the store.
    """

    def __init__(self, store: type[PlainStore]) -> None:
        self._store = store
        self._backings: dict[str, Backing] = {}
        super().__init__(capabilities=store.promises(), virtual_time=True)

    def prepare(self, sandbox: Sandbox) -> None:
        """Make the backing of a sandbox."""
        self._backings[sandbox.name] = Backing(sandbox.clock)

    def connect(self, sandbox: Sandbox) -> PlainStore:
        """Connect to the backing of a sandbox."""
        return self._store(self._backings[sandbox.name])

    def dispose(self, sandbox: Sandbox) -> None:
        """Drop the backing of a sandbox."""
        del self._backings[sandbox.name]


def mutant(store: type[Defective]) -> Mutant:
    """The mutant of which this is the store."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", store.__name__).lower()
    defect = (store.__doc__ or name).partition("\n")[0]
    thorough = getattr(store, "thorough", False)
    return Mutant(name, store.breaks, defect, store.reached(), store.hangs, store.deep, thorough)
