"""The kill table as text: how every mutant died, a line each, as soon as it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from async_contract.contract.clauses import CLAUSE
from async_contract.mutants.death import EXAMPLE, Death
from async_contract.report.escape import inline

_COLUMNS = "{:<36}{:<32}{:<14}{:<44}{:>5}"


def heading(noun: str) -> str:
    """The names of the columns, for mutants that are such things."""
    return _COLUMNS.format(f"broken {noun}", "must be caught by", "caught", "after", "s")


def line(death: Death) -> str:
    """How one mutant died."""
    missed = "NOT CAUGHT" if death.survived else "not tried"
    caught = {"": missed, EXAMPLE: f"by {EXAMPLE}"}.get(death.by, death.by)
    after = _after(death) if death.by else death.untried
    return _COLUMNS.format(death.mutant, death.clause, caught, after, f"{death.seconds:.1f}").rstrip()


def _after(death: Death) -> str:
    if death.by == EXAMPLE:
        return "its one scenario"
    if death.counted:
        return f"{death.counted} {CLAUSE[death.clause].counted}"
    if not death.programs:
        return ""  # the clause was broken before anything of it could be counted
    tried = f"{death.programs} programs" + (f", {death.schedules} schedules" if death.schedules else "")
    return f"{tried} ({death.steps} steps left)"


def correct(name: str, blamed: Sequence[str]) -> list[str]:
    """What is held against what keeps the contract: nothing, unless the toolkit is wrong."""
    if not blamed:
        return [f"{name}: nothing is held against it"]
    return [f"{name}: WRONGLY BLAMED", *(f"    {inline(each)}" for each in blamed)]


def total(noun: str, deaths: Sequence[Death]) -> str:
    """How many mutants that are such things died, and of what."""
    alive = [each.mutant for each in deaths if each.survived]
    untried = [each.mutant for each in deaths if each.untried]
    ways = Counter("by example" if each.by == EXAMPLE else each.by for each in deaths if each.by)
    how = f" ({', '.join(f'{count} {way}' for way, count in ways.items())})" if ways else ""
    dead = len(deaths) - len(alive) - len(untried)
    told = [f"{dead} of {len(deaths)} broken {noun} were caught by their clause{how}"]
    told += [f"not caught: {', '.join(alive)}"] if alive else []
    told += [f"not tried here: {', '.join(untried)}"] if untried else []
    return "; ".join(told)
