"""What to do so that a clause is put to the test which was not."""

from __future__ import annotations

from async_contract.contract.clauses import CLAUSE
from async_contract.report.model import ClauseReport


def knob(clause: ClauseReport) -> str:
    """What would have the clause exercised; empty where it was."""
    promised = CLAUSE[clause.id].capability
    match clause.verdict:
        case "not promised":
            return _declared(promised) if promised else clause.message
        case "unexercised":
            why = clause.message or "it was tried too seldom"
            return f"{why}; more is tried with --async-contract-effort=thorough"
        case "skipped":
            return "take away the mark, fixture or hook that skips the item"
        case "not run":
            return "run the whole contract, without -k, -m, -x, --deselect or --lf"
        case "error":
            return f"{clause.message.partition(chr(10))[0]}; mend this first"
        case _:
            return ""


def _declared(promised: str) -> str:
    if promised == "redacts":
        return "give --async-contract-redacts, if the function promises it"
    return f"declare {promised} in the capabilities of the harness, if the store promises it"
