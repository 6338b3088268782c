"""Workers of a simulated store, whose calls take their time, overlap, and get lost."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random

from async_contract.contract.capabilities import Capabilities
from async_contract.history.operation import (
    CANCELLED,
    OK,
    REJECTED,
    UNKNOWN,
    Delivered,
    Method,
    Operation,
    instant,
)

from .simulated_store import SECOND, End, SimulatedStore, random_capabilities

_MESSAGES = ("boom", "bang", "two\nlines", "\ud800")


class Worker:
    """A worker: the jobs it believes to hold, and the latest lease of each job it was given."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.holds: list[str] = []
        self.leases: dict[str, int] = {}


class Simulation:
    """Some workers, some seconds; what happens when is settled before it happens.

    Args:
        seed: The same seed gives the same history.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.may = random_capabilities(self._random)
        self.store = SimulatedStore(self._random, self.may)
        self._loses = self._random.choice((0.0, 0.0, 0.04, 0.08))
        self._troubled = self._random.random() < 0.4
        self._most_jobs = self._random.choice((1, 2, 5, 12))
        self._lasts = int(self._random.choice((0.2, 1.0, 2.0)) * SECOND)
        self._jobs = 0
        self._now = 0
        self._coming: list[tuple[int, int, Callable[[], object]]] = []
        self._history: list[Operation] = []

    def run(self) -> list[Operation]:
        """The history, to whose end one worker asks until nothing comes."""
        workers = [Worker(number) for number in range(1, self._random.randint(1, 4) + 1)]
        for worker in workers:
            self._at(self._short(), worker)
        while self._coming:
            self._now, _, happens = heapq.heappop(self._coming)
            happens()
        self._drain(workers[0])
        return sorted(self._history, key=instant)

    def _at(self, when: int, happens: Callable[[], object] | Worker) -> None:
        """Let something happen later, or a worker go on."""
        if isinstance(happens, Worker):
            worker = happens
            happens = lambda: self._go_on(worker)  # noqa: E731 - a worker that goes on is what happens
        heapq.heappush(self._coming, (when, len(self._history) + len(self._coming), happens))

    def _short(self, seconds: float = 0.02) -> int:
        return 1 + int(self._random.random() ** 3 * seconds * SECOND)

    def _go_on(self, worker: Worker) -> None:
        """One call by a worker, and the time of the next."""
        if self._now > self._lasts:
            return
        begin, effect = self._now, self._now + self._short()
        end = effect + self._short()
        choice = self._random.random()
        if choice < 0.2 and self._jobs < self._most_jobs:
            self._enqueue(worker, begin, effect, end)
        elif choice < 0.5 or (choice < 0.8 and not worker.holds):
            self._lease(worker, begin, effect, end)
        elif choice < 0.93:
            self._end(worker, begin, effect, end)
        elif choice < 0.97:
            self._inspect(worker, begin, effect, end)
        elif self._troubled:
            self._trouble(worker, begin, effect, end)
        else:
            end += int(self._random.random() * 0.6 * SECOND)
        self._at(end + self._random.choice((1, self._short(0.1))), worker)

    def _is_lost(self) -> bool:
        return self._random.random() < self._loses

    def _lose(self, effect: int, happens: Callable[[], object]) -> None:
        """A call whose reply got lost may have its effect in time, later, or never."""
        chance = self._random.random()
        if chance < 0.6:
            self._at(effect + (0 if chance < 0.4 else self._short(0.5)), happens)

    def _error(self) -> str:
        return self._random.choice((CANCELLED, "ConnectionError: lost", "RuntimeError: not on lease"))

    # -- calls --------------------------------------------------------------------------------

    def _enqueue(self, worker: Worker, begin: int, effect: int, end: int) -> None:
        self._jobs += 1
        tenant = self._random.choice(("acme", "\u00e9"))
        job = Delivered(f"job-{self._jobs}", "mail", tenant, b"%d" % self._jobs)
        lost = self._is_lost()
        outcome, error = (UNKNOWN, self._error()) if lost else (OK, "")
        done = Operation("enqueue", worker.number, begin, end, outcome, job.id, None, (job,), error)
        self._history.append(done)

        def happens() -> None:
            self.store.put(job, self._now)

        if lost:
            self._lose(effect, happens)
        else:
            self._at(effect, happens)

    def _lease(self, worker: Worker, begin: int, effect: int, end: int) -> None:
        limit = self._random.choice((1, 1, 2, 3, 10, 0, -1))
        done = Operation("lease", worker.number, begin, end, OK, None, limit)
        if limit < 1 and self._random.random() < 0.5:
            self._history.append(done._replace(outcome=REJECTED, error="ValueError: limit"))
            return
        if self._is_lost():
            error = self._error()
            self._history.append(done._replace(outcome=UNKNOWN, error=error))
            # A cancelled lease gives its jobs back, and where leases don't expire that is at once.
            if error != CANCELLED or self.may.lease_timeout is not None:
                self._at(effect, lambda: self.store.take(worker.number, limit, self._now, received=False))
            return

        def happens() -> None:
            jobs = self.store.take(worker.number, limit, self._now)
            for job in jobs:
                worker.leases[job.id] = self.store.rows[job.id].lease
                worker.holds.append(job.id)
            self._history.append(done._replace(jobs=tuple(jobs)))

        self._at(effect, happens)

    def _end(self, worker: Worker, begin: int, effect: int, end: int) -> None:
        some = f"job-{self._random.randint(1, self._jobs + 1)}"
        id = self._random.choice(worker.holds) if worker.holds and self._random.random() < 0.85 else some
        method: End = self._random.choice(("complete", "complete", "fail"))
        message = self._random.choice(_MESSAGES)
        value = message if method == "fail" else None
        lease = worker.leases.get(id)
        done = Operation(method, worker.number, begin, end, OK, id, value)

        def happens() -> None:
            outcome = self.store.end(method, worker.number, id, message, lease, self._now)
            if not lost:
                error = "" if outcome == OK else "ValueError: not on lease"
                self._history.append(done._replace(outcome=outcome, error=error))
            if outcome == OK or self._random.random() < 0.3:
                worker.holds = [each for each in worker.holds if each != id]

        lost = self._is_lost()
        if lost:
            self._history.append(done._replace(outcome=UNKNOWN, error=self._error()))
            self._lose(effect, happens)
        else:
            self._at(effect, happens)

    def _inspect(self, worker: Worker, begin: int, effect: int, end: int) -> None:
        id = f"job-{self._random.randint(1, self._jobs + 1)}"

        def happens() -> None:
            record = self.store.look(id, self._now)
            self._history.append(Operation("inspect", worker.number, begin, end, OK, id, record))

        self._at(effect, happens)

    def _trouble(self, worker: Worker, begin: int, effect: int, end: int) -> None:
        method: Method = self._random.choice(("reopen", "kill", "disconnect", "connect", "mutate"))
        self._history.append(Operation(method, worker.number, begin, end))

        def happens() -> None:
            if method in ("reopen", "kill") and not self.may.durable:
                self.store.forget()
            elif method == "reopen":
                self.store.close(None, self._now)
            elif method in ("kill", "disconnect") and self.may.ends_with_connection:
                self.store.close(worker.number, self._now)

        self._at(effect, happens)

    # -- the end ------------------------------------------------------------------------------

    def _drain(self, worker: Worker) -> None:
        last = max([self._now, *(each.returned or 0 for each in self._history)])
        self._now = last + 1 + int(self._random.choice((0, 0, 0.1, 0.6, 3)) * SECOND)
        empty = 0
        while empty < 3:
            jobs = self.store.take(worker.number, 10, self._now + 1)
            lease = Operation("lease", worker.number, self._now, self._now + 2, OK, None, 10, tuple(jobs))
            self._history.append(lease)
            self._now += 3
            for job in jobs:
                row = self.store.rows[job.id]
                outcome = self.store.end("complete", worker.number, job.id, "", row.lease, self._now)
                error = "" if outcome == OK else "ValueError: not on lease"
                self._history.append(
                    Operation(
                        "complete", worker.number, self._now, self._now + 2, outcome, job.id, error=error
                    )
                )
                self._now += 3
            empty = 0 if jobs else empty + 1


def simulated(seed: int) -> tuple[list[Operation], Capabilities]:
    """A history of a correct store, and what that store promises."""
    simulation = Simulation(seed)
    return simulation.run(), simulation.may
