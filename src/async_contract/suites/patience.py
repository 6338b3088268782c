"""How long a store is waited for that hangs: not as long in every item as in the first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from async_contract.experiments.limits import Limits
from async_contract.experiments.verify import Verification

_AFTER_ONE = 15.0
_MOST = 3


@dataclass(slots=True)
class Patience:
    """What is left of it for one store, or whatever else is held to the contract.

    Attributes:
        called: What messages call it.
        hung: The clauses in whose items a call did not return.
        where: Where the last one hung.
    """

    called: str = "the store"
    hung: list[str] = field(default_factory=list)
    where: str = ""

    def note(self, clause: str, found: Verification) -> None:
        """Take note of what came of an item."""
        if found.hung:
            self.hung.append(clause)
            self.where = found.verdict.reason

    def limits(self, limits: Limits) -> Limits:
        """What the next item may take: once the store has hung, at most 15 seconds."""
        return replace(limits, item=min(limits.item, _AFTER_ONE)) if self.hung else limits

    @property
    def is_over(self) -> bool:
        """Whether the store is not tried any more."""
        return len(self.hung) >= _MOST

    @property
    def excuse(self) -> str:
        """Why the store was not tried."""
        return (
            f"not tried, since {self.called} hung in {len(self.hung)} items before this one "
            f"({', '.join(self.hung)}); the last time {self.where}"
        )
