"""The least program that still breaks a clause.

Steps are taken out, in runs of halving length and then in pairs (a lease with what ends it), and
what is left is made simpler: lower numbers, fewer workers, no cancellation. It is our own, because
it is a thousand times faster than a general shrinker that must decode every try (see the
documentation), and because it knows what a step is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from itertools import combinations

from async_contract.experiments.programs import Kind, Program, Step


def shrinking(program: Program, *, tries: int = 2_000) -> Generator[Program, bool, Program]:
    """Make a program smaller as long as it still breaks.

    Yields the programs to try, one after another; each is to be answered with whether it breaks what
    the first one broke.

    Args:
        program: A program that breaks.
        tries: How many programs may be tried.

    Returns:
        A program no part of which can be left out or made simpler, as far as the tries went.
    """
    seen = {program}
    better = True
    while better:
        better = False
        for smaller in _smaller(program):
            if smaller in seen:
                continue
            if len(seen) > tries:
                return program
            seen.add(smaller)
            if (yield smaller):
                program = smaller
                better = True
                break
    return program


def shrink(program: Program, breaks: Callable[[Program], bool], *, tries: int = 2_000) -> Program:
    """Make a program smaller as long as it still breaks; see `shrinking`."""
    steps = shrinking(program, tries=tries)
    try:
        smaller = next(steps)
        while True:
            smaller = steps.send(breaks(smaller))
    except StopIteration as done:
        least: Program = done.value
        return least


def parts(program: Program) -> Iterator[Program]:
    """The program without each of its steps, and with each message and each new id as plain as can be."""
    for index, step in enumerate(program):
        before, after = program[:index], program[index + 1 :]
        yield before + after
        if step.how:
            yield (*before, step._replace(how=0), *after)
        if step.kind is Kind.ENQUEUE and step.which:
            yield (*before, step._replace(which=0), *after)


def size(program: Program) -> tuple[int, int, int]:
    """How large a program is: steps, workers, and the sum of its numbers."""
    workers = {step.worker for step in program}
    return (
        len(program),
        len(workers),
        sum(step.which + step.how + step.cancel + step.worker for step in program),
    )


def _smaller(program: Program) -> Iterator[Program]:
    """Smaller programs, the smallest first."""
    length = len(program) // 2
    while length:
        for start in range(len(program) - length, -1, -length):
            yield program[:start] + program[start + length :]
        length //= 2
    for one, other in combinations(range(len(program)), 2):
        yield program[:one] + program[one + 1 : other] + program[other + 1 :]
    yield from _simpler(program)


def _simpler(program: Program) -> Iterator[Program]:
    workers = sorted({step.worker for step in program} - {0})
    for place, worker in enumerate(workers, 1):
        if worker != place:
            yield tuple(step._replace(worker=place) if step.worker == worker else step for step in program)
        for other in workers[: place - 1]:
            yield tuple(step._replace(worker=other) if step.worker == worker else step for step in program)
    for index, step in enumerate(program):
        for easier in _easier(step):
            yield (*program[:index], easier, *program[index + 1 :])


def _easier(step: Step) -> Iterator[Step]:
    if step.kind is Kind.ENQUEUE and step.worker:
        yield step._replace(worker=0)
    if step.cancel:
        yield step._replace(cancel=0)
        yield step._replace(cancel=step.cancel - 1)
    for name in ("which", "how"):
        value = getattr(step, name)
        for lower in sorted({0, 1, value // 2, value - 1}):
            if 0 <= lower < value:
                yield step._replace(**{name: lower})
