"""The text for a clause that holds although it is excused as a known failure."""

from __future__ import annotations

from async_contract.contract.kinds import LABEL, MESSAGE, kind_of
from async_contract.report.row import Row


def stale(row: Row) -> str:
    """What holds, why it was excused, and what to remove."""
    owner = "class" if kind_of(row.clause) in (LABEL, MESSAGE) else "harness"
    return (
        f"{row.clause} holds, but the {owner} excuses it as a known failure: {row.note}\n\n"
        f'Remove "{row.clause}" from its known_failures. If it shows only now and then, write there\n\n'
        f'    "{row.clause}": Intermittent("the reason")'
    )
