"""How long a store is waited for that hangs: not as long in every item as in the first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from async_contract.experiments.limits import Limits
from async_contract.experiments.verify import Verification
from async_contract.history.operation import Operation
from async_contract.judge.verdict import ClauseVerdict, Verdict

_AFTER_ONE = 15.0
_MOST = 3


@dataclass(slots=True)
class Patience:
    """What is left of it for one store, or whatever else is held to the contract.

    Attributes:
        called: What messages call it.
        hung: The clauses in whose items a call did not return, and that are not known to be broken.
        where: Where the last one hung.
        is_slow: Whether a call did not return in any item.
        hopeless: What is broken so that every other item would hang as well; `None` if nothing is.
        history: The history behind that.
    """

    called: str = "the store"
    hung: list[str] = field(default_factory=list)
    where: str = ""
    is_slow: bool = False
    hopeless: ClauseVerdict | None = None
    history: tuple[Operation, ...] = ()

    def note(self, clause: str, found: Verification) -> None:
        """Take note of what came of an item.

        An item whose own clause was found to be broken, and which then hung, says nothing of the others.
        """
        if found.hopeless is not None:
            self.hopeless, self.history = found.hopeless, found.history
        self.is_slow |= found.hung
        if found.hung and found.verdict.verdict is not Verdict.BROKEN:
            self.hung.append(clause)
            self.where = found.verdict.reason

    def limits(self, limits: Limits) -> Limits:
        """What the next item may take: once the store has hung, at most 15 seconds."""
        return replace(limits, item=min(limits.item, _AFTER_ONE)) if self.is_slow else limits

    @property
    def is_over(self) -> bool:
        """Whether the store is not tried any more."""
        return self.hopeless is not None or len(self.hung) >= _MOST

    @property
    def excuse(self) -> str:
        """Why the store was not tried."""
        return (
            f"not tried, since {self.called} hung in {len(self.hung)} items before this one "
            f"({', '.join(self.hung)}); the last time {self.where}"
        )
