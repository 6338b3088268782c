"""What can be held to the contract: a store, and the parts that stand around it."""

from __future__ import annotations

from dataclasses import dataclass

from async_contract.contract.clauses import CLAUSE, CLAUSES, STORE_FAMILIES, Clause


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of subject, with the clauses that its subjects owe.

    Attributes:
        name: `label`, for example.
        noun: What a subject is called in sentences.
        prefix: What stands before a target's name, so that a function and a store of one name are
            two targets, and what its option is called by; empty for a store.
        families: The families of clauses that it owes.
    """

    name: str
    noun: str
    prefix: str
    families: tuple[str, ...]

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """The clauses that it owes, in the catalogue's order."""
        return tuple(clause for clause in CLAUSES if clause.family in self.families)

    @property
    def option(self) -> str:
        """The option that names targets of this kind."""
        return "-".join(filter(None, ("--async-contract", self.prefix)))

    @property
    def setting(self) -> str:
        """The setting that names them, which is also what the option is stored as."""
        return self.option.removeprefix("--").replace("-", "_")

    def target(self, name: str) -> str:
        """The target that has this dotted name."""
        return f"{self.prefix}/{name}" if self.prefix else name


STORE = Kind("store", "a store", "", STORE_FAMILIES)
"""A job store."""

LABEL = Kind("label", "a sanitizer of labels", "safe-label", ("label",))
"""A function that makes a str a safe label."""

MESSAGE = Kind("message", "a sanitizer of failure messages", "safe-failure-message", ("message",))
"""A function that makes an exception a safe failure message."""

RUNNER = Kind("runner", "a runner", "runner", ("runner",))
"""A worker's loop: what leases jobs, runs a handler on each and records the outcome."""

KINDS: tuple[Kind, ...] = (STORE, LABEL, MESSAGE, RUNNER)
"""The kinds of which targets can be named."""


def kind_of(clause_id: str) -> Kind:
    """The kind that owes a clause."""
    return next(kind for kind in KINDS if CLAUSE[clause_id].family in kind.families)


def is_target(text: str) -> bool:
    """Whether a text can be a target: a name, after the prefix of a kind or none."""
    return any(text.rpartition("/")[0] == kind.prefix for kind in KINDS)


def split(target: str) -> tuple[Kind, str]:
    """The kind of a target, and its dotted name."""
    prefix, _, name = target.rpartition("/")
    return next(kind for kind in KINDS if kind.prefix == prefix), name
