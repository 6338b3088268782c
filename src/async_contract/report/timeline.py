"""A history as the data of a lease timeline: calls as bars, leases as windows, all of it in plain words.

Texts are put into words as in the text diagram, so whatever a store delivered is short and printable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from async_contract.history.operation import CANCELLED, KILLED, OK, REJECTED, Operation
from async_contract.report.calls import Calls
from async_contract.report.escape import literal

_ENDS = ("complete", "fail")


@dataclass(slots=True)
class _Window:
    """A lease of a job: from its delivery until it is ended, or runs out."""

    job: int
    lease: int  # the number of the call that delivered it
    worker: int
    end: int | None = None  # the number of the call that ended it
    how: str = "open"
    expires: int | None = None


def timeline(
    history: Sequence[Operation], witness: Sequence[Operation], lease_timeout: float | None
) -> Mapping[str, Any]:
    """The data of a history's timeline.

    Args:
        history: The history, in any order.
        witness: The part of it to be shown brighter than the rest.
        lease_timeout: After how many seconds a lease ends by itself.

    Returns:
        The names of workers and jobs; the instant of each position, in nanoseconds since the first one;
        the calls, each with its worker, method, two positions, manner, words, result, the numbers of its
        jobs, and whether it is in the witness; and the leases, each with its job, the number of the call
        that delivered it, its worker, two positions, and how it ended. A position is an event's place in
        the order of events: instants may be equal, or far apart.
    """
    ordered = sorted(history or witness, key=lambda each: (each.invoked, _end(each)))
    timeout = None if lease_timeout is None else round(lease_timeout * 1e9)
    calls, jobs, windows = Calls(ordered), _Jobs(), _Windows(timeout)
    # A witness has only those jobs of a batch that matter, so it is known by its instants.
    bright = {_identity(each) for each in witness}
    touched = [jobs.of(each) for each in ordered]
    for number, (each, about) in enumerate(zip(ordered, touched, strict=True)):
        windows.take(each, number, about)
    places = _Places(ordered, windows.all)
    return {
        "workers": sorted({each.worker for each in ordered}),
        "jobs": jobs.names,
        "instants": places.instants,
        "calls": [
            [
                each.worker, each.method, *places.calls[number], _manner(each), calls.call(each),
                calls.result(each), touched[number], int(_identity(each) in bright),
            ]
            for number, each in enumerate(ordered)
        ],
        "windows": [places.row(each) for each in windows.all],
    }  # fmt: skip


def _end(operation: Operation) -> float:
    return float("inf") if operation.returned is None else operation.returned


def _identity(operation: Operation) -> tuple[int, str, int, str | None]:
    return operation.worker, operation.method, operation.invoked, operation.job_id


def _manner(operation: Operation) -> str:
    """What came of a call, in one word."""
    return operation.error if operation.error in (CANCELLED, KILLED) else operation.outcome


class _Jobs:
    """The jobs of a history by number, in the order in which they are first seen."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}

    @property
    def names(self) -> list[str]:
        return [literal(each) for each in self._numbers]

    def of(self, operation: Operation) -> list[int]:
        """The jobs that a call is about."""
        if operation.job_id is not None:
            return [self._number(operation.job_id)]
        return [self._number(each.id) for each in operation.jobs]

    def _number(self, id: object) -> int:
        return self._numbers.setdefault(id, len(self._numbers))


class _Windows:
    """The leases of a history, ended by whoever holds them."""

    def __init__(self, timeout: int | None) -> None:
        self._timeout = timeout
        self.all: list[_Window] = []
        self._held: dict[tuple[int, int], _Window] = {}

    def take(self, operation: Operation, number: int, jobs: Sequence[int]) -> None:
        """Take in a call; they come in the order of their invocations."""
        if operation.method == "lease" and operation.returned is not None:
            expires = None if self._timeout is None else operation.returned + self._timeout
            for job in jobs:
                window = _Window(job, number, operation.worker, expires=expires)
                self.all.append(window)
                self._held[job, operation.worker] = window
        elif operation.method in _ENDS and operation.outcome != REJECTED:
            held = self._held.pop((jobs[0], operation.worker), None)
            if held is not None and (held.expires is None or operation.invoked <= held.expires):
                held.end, held.how = number, operation.method if operation.outcome == OK else "open"


class _Places:
    """The positions of all that happens: invocations, returns, and leases that run out."""

    def __init__(self, ordered: Sequence[Operation], windows: Sequence[_Window]) -> None:
        start = ordered[0].invoked if ordered else 0
        known = (each.invoked if each.returned is None else each.returned for each in ordered)
        last = max(known, default=start)
        # Where instants are equal, the order of invocations decides, as in the text diagram.
        events: list[tuple[float, int, int]] = []
        for number, each in enumerate(ordered):
            events += [(each.invoked, number, 0), (_end(each), number, 1)]
        for number, window in enumerate(windows, len(ordered)):
            if window.end is None and window.expires is not None and window.expires <= last:
                window.how = "expired"
                events.append((window.expires, number, 0))
        events.sort()
        place = {(number, kind): position for position, (_, number, kind) in enumerate(events)}
        self.instants = [int(min(instant, last) - start) for instant, _, _ in events]
        self.calls = [(place[number, 0], place[number, 1]) for number in range(len(ordered))]
        ends = {id(window): place.get((number, 0)) for number, window in enumerate(windows, len(ordered))}
        self._ends = ends

    def row(self, window: _Window) -> list[Any]:
        begins, ends = self.calls[window.lease][1], self._ends[id(window)]
        if window.end is not None:
            ends = self.calls[window.end][1]
        if ends is None:
            ends = len(self.instants)
        return [window.job, window.lease, window.worker, begins, ends, window.how]
