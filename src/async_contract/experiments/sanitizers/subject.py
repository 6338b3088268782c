"""A function that makes text safe, with what its owner says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from async_contract.experiments.sanitizers.bounds import BOUNDS, Bound


@dataclass(frozen=True, slots=True, eq=False)
class Sanitizer:
    """A function that is held to the clauses of one kind.

    Attributes:
        function: It takes a str, or an exception; sync or async.
        kind: `"label"` or `"message"`.
        name: The dotted name under which another process finds it; empty if there is none.
        bound: How long what it gives may be; by default the bound that the contract names.
        redacts: Whether it promises that secrets don't come through.
        known_failures: Clause id -> why it may be broken.
    """

    function: Callable[[Any], object]
    kind: str
    name: str = ""
    bound: Bound = field(default=Bound(0))
    redacts: bool = False
    known_failures: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.bound.most == 0:
            object.__setattr__(self, "bound", BOUNDS[self.kind])
