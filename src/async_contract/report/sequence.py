"""A history as a sequence diagram in text: time runs downwards, one column for every worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from async_contract.history.operation import Operation
from async_contract.report.calls import Calls
from async_contract.report.escape import clip

_MOST_LINES = 80
_NARROWEST_COLUMN = 12
_SHORTEST_TEXT = 24


class _Line(NamedTuple):
    instant: int | None  # nanoseconds; None: after everything else
    worker: int
    text: str
    running: frozenset[int]  # workers with another call in flight


class _Event(NamedTuple):
    operation: int  # its place in the order of invocations
    returns: bool


def render(operations: Sequence[Operation], *, width: int = 100) -> str:
    """Return the history as a sequence diagram, free of control and bidirectional characters.

    The first column has the time in milliseconds since the first invocation, each other one the
    calls of a worker. A call with nothing else between its invocation and its return is one line,
    any other is two; `|` stands below a call that is still running. What does not fit is cut, and
    of a long history the middle is left out.

    Args:
        operations: The history, in any order.
        width: The characters of a line; with many workers a line may be longer.
    """
    if not operations:
        return "(no operations)"
    # A worker makes one call at a time, so in this order each worker's calls stand as it made them.
    ordered = sorted(operations, key=lambda each: (each.invoked, _end(each)))
    lines = list(_lines(ordered, _events(ordered)))
    return "\n".join(_laid_out(lines, ordered, width))


def _end(operation: Operation) -> float:
    return float("inf") if operation.returned is None else operation.returned


def _events(ordered: Sequence[Operation]) -> list[_Event]:
    # Where instants are equal, the order of invocations decides: a return comes before the next call.
    timed: list[tuple[float, int, bool]] = []
    for place, each in enumerate(ordered):
        timed += [(each.invoked, place, False), (_end(each), place, True)]
    return [_Event(place, returns) for _, place, returns in sorted(timed)]


def _lines(ordered: Sequence[Operation], events: Sequence[_Event]) -> Iterator[_Line]:
    calls = Calls(ordered)
    running: set[int] = set()
    following = iter(zip(events, [*events[1:], None], strict=True))
    for event, after in following:
        operation = ordered[event.operation]
        call, result = calls.call(operation), calls.result(operation)
        running.discard(operation.worker)
        others = frozenset(running)
        if event.returns:
            yield _Line(operation.returned, operation.worker, f"... -> {result}", others)
        elif after == _Event(event.operation, returns=True):
            next(following)
            yield _Line(operation.invoked, operation.worker, f"{call} -> {result}", others)
        else:
            running.add(operation.worker)
            yield _Line(operation.invoked, operation.worker, f"{call} ...", others)


def _laid_out(lines: Sequence[_Line], ordered: Sequence[Operation], width: int) -> Iterator[str]:
    start = ordered[0].invoked
    times = [_milliseconds(each.instant, start) for each in lines]
    margin = max(map(len, [*times, "ms"])) + 2
    columns = _columns(lines, margin, width)

    names = _names(ordered)
    yield _row("ms".rjust(margin - 2), [(column, names[each]) for each, column in columns.items()])
    omitted = range(0)
    if len(lines) > _MOST_LINES:
        omitted = range(_MOST_LINES // 2, len(lines) - _MOST_LINES // 2)
    for place, (line, time) in enumerate(zip(lines, times, strict=True)):
        if place not in omitted:
            room = max(width - columns[line.worker], _SHORTEST_TEXT)
            cells = [(columns[each], "|") for each in line.running]
            cells.append((columns[line.worker], clip(line.text, room)))
            yield _row(time.rjust(margin - 2), sorted(cells))
        elif place == omitted.start:
            yield f"{'':{margin}}({len(omitted)} lines are left out)"


def _names(ordered: Sequence[Operation]) -> dict[int, str]:
    """What stands above the columns: the calls of a runner come from its tasks, and it is told to end."""
    of_runner = any(each.method in ("handle", "stop", "cancel") for each in ordered)
    told = {each.worker for each in ordered if each.method in ("stop", "cancel")}
    name = "task" if of_runner else "worker"
    return {each.worker: "told" if each.worker in told else f"{name} {each.worker}" for each in ordered}


def _milliseconds(instant: int | None, start: int) -> str:
    return "" if instant is None else f"{(instant - start) / 1e6:.3f}"


def _columns(lines: Sequence[_Line], margin: int, width: int) -> dict[int, int]:
    """Where the column of each worker begins."""
    needed: dict[int, int] = {}
    for line in lines:
        needed[line.worker] = max(needed.get(line.worker, _NARROWEST_COLUMN), len(line.text) + 2)
    # A text too long for its column runs over the next ones, which are empty but for the marks of
    # running calls: there is one event on a line.
    most = width if sum(needed.values()) <= width - margin + 2 else (width - margin) // len(needed)
    columns, column = {}, margin
    for worker in sorted(needed):
        columns[worker] = column
        column += max(min(needed[worker], most), _NARROWEST_COLUMN)
    return columns


def _row(time: str, cells: Sequence[tuple[int, str]]) -> str:
    line = time
    for column, text in cells:
        if len(line) < column:  # else the text before has run over this column
            line = line.ljust(column) + text
    return line.rstrip()
