"""Stores of plain functions on a driver, in threads: each stands still before every call of its driver.

What takes hundreds of steps line by line, within libraries too, so takes a handful, and two statements in
one line are found apart. The rest is as in threads that go line by line: locks, sleeps and SQLite's wait for
another let the others go on. Who waits within a server does so unseen: the others go on after a moment, and
the run is not controlled any more.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from async_contract.experiments.bench import Settings
from async_contract.experiments.choosers import TIME, Chooser, OwnOrder
from async_contract.experiments.fence import LeftTheLoop
from async_contract.experiments.findings import Exploration
from async_contract.experiments.gate import described
from async_contract.experiments.gate_drivers import Place, find, replaced
from async_contract.experiments.gate_stage import Controlled, in_order, replayed
from async_contract.experiments.hands import CALL, Crew, present
from async_contract.experiments.loop import Run
from async_contract.experiments.pauses import Schedule
from async_contract.experiments.programs import Program
from async_contract.experiments.scheduled import Effort
from async_contract.experiments.threads import WARM_UP, ThreadStage
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandboxes
from async_contract.history.operation import Operation

WAY = "statements"
"""What this way of carrying out a program is called."""

DRIVERS: Mapping[str, tuple[str, ...]] = {
    # Everything that a connection says to its server passes `wait`; the others know the statement.
    "psycopg": (
        "psycopg.Cursor.execute", "psycopg.Cursor.executemany", "psycopg.Connection.commit",
        "psycopg.Connection.rollback", "psycopg.Connection.wait",
    ),
    **{
        name: (
            f"{name}.client.{client}.execute_command", f"{name}.client.Pipeline.execute",
            f"{name}.client.Pipeline.immediate_execute_command",
            f"{name}.cluster.{client}Cluster.execute_command",
        )
        for name, client in (("redis", "Redis"), ("valkey", "Valkey"))
    },
}  # fmt: skip
"""By module: the functions in which a driver talks to its server. SQLite's connections are known besides."""


class StatementStage(ThreadStage):
    """Plays programs of stores of plain functions, in threads with a gate before their drivers.

    Attributes:
        last: What came of the latest run.
    """

    name = WAY

    def __init__(self, harness: StoreHarness, sandboxes: Sandboxes, settings: Settings) -> None:
        super().__init__(harness, sandboxes, settings)
        self.menu = replace(self.menu, workers=3)
        self.last = Controlled()
        self._turns: tuple[int, ...] = ()
        self._left = ""

    def run(self, program: Program, chooser: Chooser) -> tuple[Run, tuple[Operation, ...]]:
        """Run a program under a schedule; gives its history too."""
        run, history = super().run(program, chooser)
        loose = "" if self.controlled else "a call of a driver did not return while all others stood still"
        self.last = Controlled(loose, self._crew.passed)
        self._turns = run.trace.turns
        return run, history

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[None]:
        with gated(self._harness.driver_calls):
            run, _ = self.run(WARM_UP, OwnOrder())
            self._left = str(run.error) if isinstance(run.error, LeftTheLoop) else ""
            yield

    def _new_crew(self, workers: int) -> Crew:
        return Crew(workers, self._patience, step=CALL, grace=self._grace)

    def _explored(self, effort: Effort, seed: int, known: frozenset[str]) -> Exploration:
        if not self.last.passed:
            # It has no driver, or none that is known: line by line it will be.
            return Exploration(left=self._left)
        done = super()._explored(effort, seed, known)
        for clause, finding in done.findings.items():
            if finding.again:
                done.findings[clause] = replayed(self, finding)
        return done

    def tell(self, schedule: Schedule) -> tuple[str, ...]:
        """A schedule in words, with the statements that are late, and the order that comes of it."""
        return (*super().tell(schedule), *in_order(self._order()))

    def _order(self) -> list[str]:
        """The calls of drivers, in the order in which they came."""
        made: dict[int, int] = {}
        told = []
        for number in self._turns:
            made[number] = made.get(number, 0) + 1
            what = self._crew.places.get((number, made[number]))
            if number != TIME and isinstance(what, str):
                told.append(f"worker {number}: {what}")
        return told


@contextlib.contextmanager
def gated(named: Sequence[str]) -> Iterator[None]:
    """Put the gate before the calls of drivers that are imported, and before those that are named.

    Args:
        named: Functions by their paths, such as `mydriver.Connection.execute`.

    Raises:
        HarnessError: One of those is none.
    """
    places = [_named(path) for path in named]
    for module, paths in DRIVERS.items():
        # Another version of a driver may have other names.
        found = (find(path) for path in paths if module in sys.modules)
        places += [each for each in found if each is not None and callable(each.function)]
    with contextlib.ExitStack() as stack:
        for place in places:
            stack.enter_context(replaced(place.owner, place.name, _behind_the_gate(place)))
        yield


def _behind_the_gate(place: Place) -> Callable[..., Any]:
    function = place.function

    @functools.wraps(function)
    def behind_the_gate(*arguments: Any, **options: Any) -> Any:
        hand = present()
        if hand is None:
            return function(*arguments, **options)
        with hand.call_of_driver(described(place.name, arguments[1:])):
            return function(*arguments, **options)

    return behind_the_gate


def _named(path: str) -> Place:
    place = find(path)
    if place is None:
        raise HarnessError(
            f"driver_calls names {path!r}, and there is no such thing to import; write the path of a "
            "function, with its module and its class, such as 'mydriver.Connection.execute'"
        )
    if place.is_a_coroutine_function or not inspect.isfunction(inspect.unwrap(place.function)):
        raise HarnessError(
            f"driver_calls names {path!r}, which is no plain function (def), as those of a store with plain "
            "functions are; write the path of the method in which the driver talks to its server, such as "
            "'mydriver.Connection.execute'"
        )
    return place
