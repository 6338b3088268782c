"""The excuse for a clause that is broken now and then."""

from __future__ import annotations

from typing import Self

from async_contract.harness.errors import HarnessError


class Intermittent(str):
    """The reason of a known failure that need not show in each run, such as a race that is seldom lost.

    It stands in `known_failures` where the reason of another one does. The clause is *known* to be broken
    also after a run in which it held, and that is no stale excuse.

    Args:
        reason: Why the clause is broken, and when.

    Raises:
        HarnessError: There is no reason.
    """

    __slots__ = ()

    def __new__(cls, reason: object) -> Self:
        """A reason, which must be there."""
        if not isinstance(reason, str) or not reason.strip():
            raise HarnessError(
                f"Intermittent({reason!r}) gives no reason; write why and when the store breaks the clause: "
                "Intermittent('a message is lost if two workers ask for it at the same instant')"
            )
        return super().__new__(cls, reason)
