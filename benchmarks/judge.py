"""How fast histories are judged: `python benchmarks/judge.py`.

Judged operations per CPU second on histories of 10^4, 10^5 and 10^6 operations, beside a bare loop that
unpacks the same operations; with calls that stand one after another, and with 90 % of the jobs having
calls that overlap. The least of several runs counts, and ratios matter, not rates.
"""

from __future__ import annotations

import gc
import math
import time
import tracemalloc
from collections.abc import Callable
from random import Random

from async_contract import Capabilities, Delivered, Operation, judge
from async_contract.history.operation import instant

SIZES = (10_000, 100_000, 1_000_000)
PROMISES = Capabilities(lease_timeout=60, counts_attempts=True, redelivers=True)
TARGETS = "targets: ratio at most 15, exponent at most 1.1, at most 30 MB, overlapping no slower than apart"


def history(size: int, *, overlapping: bool) -> list[Operation]:
    """A history of a correct store: eight workers, one fail in ten, the rest completed."""
    random = Random(1)
    made: list[Operation] = []
    attempts: dict[str, int] = {}
    again: list[str] = []
    now = 0
    while len(made) < size:
        now += 10
        begun = now - (15 if overlapping and random.random() < 0.9 else 5)
        job = Delivered(f"job-{len(attempts)}", "mail", "acme", b"payload")
        made.append(Operation("enqueue", 0, begun, now, job_id=job.id, jobs=(job,)))
        attempts[job.id] = 0
        now += 10
        worker = 1 + int(random.random() * 8)
        given = []
        for id in [*again, job.id]:
            attempts[id] += 1
            given.append(Delivered(id, "mail", "acme", b"payload", attempts[id]))
        again = []
        early = 20 if overlapping and random.random() < 0.9 else 0
        made.append(Operation("lease", worker, now - 5 - early, now, value=100, jobs=tuple(given)))
        for each in given:
            now += 10
            late = now + (20 if overlapping and random.random() < 0.9 else 0)
            if random.random() < 0.1:
                made.append(Operation("fail", worker, now - 5, late, job_id=each.id, value="boom"))
                again.append(each.id)
            else:
                made.append(Operation("complete", worker, now - 5, late, job_id=each.id))
    return sorted(made[:size], key=instant)


def unpack(operations: list[Operation]) -> None:
    """The bare loop."""
    for _method, _worker, _invoked, _returned, _outcome, _job_id, _value, _jobs, _error in operations:
        pass


def check(operations: list[Operation]) -> None:
    """Judge, and see that a correct store is not blamed."""
    broken = judge(operations, PROMISES).broken
    if broken:
        raise SystemExit(f"a correct history breaks {broken}")


def cpu(run: Callable[[list[Operation]], None], operations: list[Operation]) -> float:
    """CPU seconds, the least of three runs, or of thirty that are short."""
    found = []
    for _ in range(3 if len(operations) > SIZES[1] else 30):
        gc.collect()
        began = time.process_time()
        run(operations)
        found.append(time.process_time() - began)
    return min(found)


def megabytes(operations: list[Operation]) -> float:
    """The most memory that judging takes beyond its input."""
    tracemalloc.start()
    judge(operations, PROMISES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    """Measure and print."""
    print(f"{'operations':>10}  {'calls':12}{'loop s':>8}{'judge s':>9}{'ops/s':>10}{'ratio':>7}{'MB':>7}")
    for overlapping in (False, True):
        seconds = {}
        for size in SIZES:
            operations = history(size, overlapping=overlapping)
            bare, judged = cpu(unpack, operations), cpu(check, operations)
            seconds[size] = judged
            name = "overlapping" if overlapping else "apart"
            memory = f"{megabytes(operations):>7.1f}"
            row = (
                f"{size:>10}  {name:12}{bare:>8.3f}{judged:>9.3f}{size / judged:>10.0f}{judged / bare:>7.1f}"
            )
            print(row + memory)
        exponent = math.log10(seconds[SIZES[-1]] / seconds[SIZES[0]]) / 2
        print(f"{'':12}the time grows with the operations to the power of {exponent:.2f}")
    print(TARGETS)


if __name__ == "__main__":
    main()
