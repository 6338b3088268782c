"""What all items of a process share: the limits, the sandboxes, and what was seen broken."""

from __future__ import annotations

import threading
import zlib
from contextlib import ExitStack
from functools import cached_property
from typing import Any

import pytest

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.cases import Case
from async_contract.experiments.findings import Spent
from async_contract.experiments.limits import Limits
from async_contract.experiments.ways import Explorations
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.suites.ending import in_good_order
from async_contract.suites.memory import Database, Memory, database_of
from async_contract.suites.patience import Patience


class State:
    """The state of the contract's items in one process.

    Attributes:
        limits: What an item may take and do.
        explorations: What random programs have shown of the stores.
        only: The case to repeat, if one was asked for.
        threads: The threads that were there before anything was tested.
        forgiving: Whether known failures are excused; not with `--runxfail`, as with pytest's own.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.threads = frozenset(threading.enumerate())
        self.explorations = Explorations()
        self._patience: dict[int, Patience] = {}
        self._seen: set[tuple[str, str]] = set()
        self._told: set[tuple[int, str]] = set()
        self._strict: bool = config.getoption("async_contract_strict")
        self.forgiving: bool = not config.getoption("runxfail", default=False)
        self.limits = limits_of(config)
        self.only: Case | None = config.getoption("async_contract_reproduce")

    def memory(self, target: str, clause: str) -> Memory:
        """The cases that broke a clause of a target before."""
        return Memory(self._database, target, clause)

    def patience(self, subject: object, called: str = "the store") -> Patience:
        """How long a store, or whatever else is held to the contract, is still waited for."""
        return self._patience.setdefault(id(subject), Patience(called))

    @property
    def examples(self) -> Any:
        """Hypothesis' database of examples."""
        return self._database

    def news_of_effort(self, harness: StoreHarness) -> tuple[Spent, ...]:
        """What was spent on exploring a store, if that is not told yet."""
        explored = self.explorations.done(harness)
        spent = explored.spent if explored is not None else []
        news = tuple(each for each in spent if (id(explored), each.way) not in self._told)
        self._told |= {(id(explored), each.way) for each in news}
        return news

    @cached_property
    def _database(self) -> Database:
        return database_of(self._config)

    @cached_property
    def sandboxes(self) -> Sandboxes:
        """The sandboxes, removed when pytest ends."""
        stack = ExitStack()
        self._config.add_cleanup(stack.close)
        stack.enter_context(in_good_order())
        return stack.enter_context(Sandboxes())

    def counts(self, clause: str) -> bool:
        """Whether it is a failure that a store breaks `clause`: a SHOULD is one only if strict."""
        return self._strict or CLAUSE[clause].level != "SHOULD"

    def claim(self, target: str, clause: str) -> bool:
        """Note that `target` was seen to break `clause`; whether that is news."""
        news = not self.seen_broken(target, clause)
        self._seen.add((target, clause))
        return news

    def seen_broken(self, target: str, clause: str) -> bool:
        """Whether an item of this process has seen `target` break `clause`."""
        return (target, clause) in self._seen


def limits_of(config: pytest.Config) -> Limits:
    """What an item may take and do, as the options say."""
    return Limits(
        item=config.getoption("async_contract_timeout"),
        allow_nonempty=config.getoption("async_contract_allow_nonempty"),
        effort=config.getoption("async_contract_effort"),
        seed=seed_of(config),
    )


def seed_of(config: pytest.Config) -> int:
    """Where random programs come from: Hypothesis' option, or 0, so that a run can be repeated as it is."""
    given = str(config.getoption("hypothesis_seed", default=None) or 0)
    try:
        return int(given)
    except ValueError:
        return zlib.crc32(given.encode())  # Hypothesis takes any word


_STATE = pytest.StashKey[State]()


def state_of(config: pytest.Config) -> State:
    """Return the one state of this process."""
    if _STATE not in config.stash:
        config.stash[_STATE] = State(config)
    return config.stash[_STATE]
