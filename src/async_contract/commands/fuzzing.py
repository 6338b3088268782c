"""`python -m async_contract.fuzz TARGET`: what can be written, and what is shown."""

from __future__ import annotations

import argparse
import math
import os
import random
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from async_contract.commands.errors import CommandError
from async_contract.commands.main import USAGE
from async_contract.commands.progress import Progress, counted, line
from async_contract.commands.rootdir import examples
from async_contract.contract.kinds import LABEL, MESSAGE, Kind
from async_contract.experiments.fuzzing import libfuzzer, recognition
from async_contract.experiments.fuzzing.clause import Finding
from async_contract.experiments.fuzzing.ending import Ending
from async_contract.experiments.fuzzing.run import Plan, opened
from async_contract.experiments.fuzzing.session import Budget, Clock, Session
from async_contract.experiments.sanitizers import bounds, targets
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.verify import PROPERTIES
from async_contract.harness.errors import TargetError
from async_contract.report.escape import block
from async_contract.report.violation import tell, with_replay

_KINDS = {kind.name: kind for kind in (LABEL, MESSAGE)}
_PROMISED = "message/redacts"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run is connected to.

    Attributes:
        out: Findings and the summary go there.
        err: The progress goes there.
        clock: The time.
        leave: Ends the process with a status, where nothing else does.
    """

    out: TextIO
    err: TextIO
    clock: Clock = time.monotonic
    leave: Callable[[int], None] = os._exit


def main(arguments: Sequence[str] | None = None, surroundings: Surroundings | None = None) -> int:
    """Fuzz a function.

    Args:
        arguments: Those of the command line; by default this process'.
        surroundings: What it is connected to; by default this process' streams.

    Returns:
        The exit status: 0, 1 if something was found, or 2 if there is nothing to go by.
    """
    around = surroundings or Surroundings(sys.stdout, sys.stderr)
    given = parser().parse_args(arguments)
    try:
        command = _Command(given, around)
    except (CommandError, TargetError, ValueError) as error:
        around.err.write(f"error: {error}\n")
        return USAGE
    return command.run()


def parser() -> argparse.ArgumentParser:
    """What can be written on the command line."""
    made = argparse.ArgumentParser(
        prog="python -m async_contract.fuzz",
        description="fuzz a function that makes a label or a message safe; exit status 1 with findings",
    )
    made.add_argument("target", metavar="TARGET", help="the function: pkg.mod.name or pkg.mod:name.attr")
    kind = made.add_mutually_exclusive_group()
    kind.add_argument(
        "--label", dest="kind", action="store_const", const="label",
        help="it takes a str and gives a label (default: as its name and annotations tell)",
    )  # fmt: skip
    kind.add_argument(
        "--message", dest="kind", action="store_const", const="message",
        help="it takes an exception and gives a failure message",
    )  # fmt: skip
    made.add_argument("--bound", metavar="N|Nb", help="the most characters, or with b the most bytes")
    made.add_argument("--redacts", action="store_true", help="it promises that secrets don't come through")
    made.add_argument(
        "--clause", action="append", default=[], metavar="ID",
        help="fuzz this clause (repeatable; default: all of its kind)",
    )  # fmt: skip
    made.add_argument("--minutes", type=_positive, default=1.0, metavar="N", help="how long (default: 1)")
    made.add_argument("--inputs", type=_count, metavar="N", help="how many inputs at the most")
    made.add_argument(
        "--seed", type=int, metavar="N", help="where inputs come from (default: another each time)"
    )
    made.add_argument(
        "--timeout", type=_positive, default=10.0, metavar="SECONDS",
        help="how long one call may take (default: 10)",
    )  # fmt: skip
    made.add_argument(
        "--engine", choices=("own", "atheris"),
        help="what makes the inputs (default: atheris where it is installed)",
    )  # fmt: skip
    return made


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


_positive.__name__ = "positive number"  # argparse says: invalid ... value
_count.__name__ = "positive whole number"


class _Command:
    """One run, as the command line says.

    Raises:
        CommandError: The command line says what can't be.
        TargetError: The target can't be used.
        ValueError: The bound is none.
    """

    def __init__(self, given: argparse.Namespace, around: Surroundings) -> None:
        self._given = given
        self._around = around
        name: str = given.target
        kind_name = given.kind or recognition.recognized(targets.function_named(name), name)
        self._kind: Kind = _KINDS[kind_name]
        bound = bounds.BOUNDS[kind_name] if given.bound is None else bounds.read(given.bound, kind_name)
        redacts = given.redacts or _PROMISED in given.clause
        function = targets.load(name, kind_name)
        self._sanitizer = Sanitizer(function, kind_name, name, bound, redacts=redacts)
        self._target = self._kind.target(name)
        self._clauses = _chosen(given.clause, self._kind, redacts=redacts)
        self._engine = _engine(given.engine)
        self._seed: int = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
        self._examples = examples(Path.cwd())
        self._progress = Progress(around.err)

    def run(self) -> int:
        out = self._around.out
        clauses = counted(len(self._clauses), "clause")
        out.write(f"fuzzing {self._target}: {clauses}, seed {self._seed}, engine {self._engine}\n")
        out.flush()
        plan = Plan(
            self._sanitizer, self._clauses, self._target, self._examples, self._seed, self._given.timeout,
            Budget(self._given.minutes * 60, self._given.inputs),
        )  # fmt: skip
        clock, tried = self._around.clock, self._progress.tick
        with Ending() as ending, opened(plan, ending, clock=clock, found=self._tell, tried=tried) as session:
            session.recall()
            if self._engine == "atheris" and not session.is_over():
                libfuzzer.run(
                    session, self._sanitizer.function, seed=self._seed,
                    leave=lambda: self._around.leave(self._conclude(session)),
                )  # fmt: skip
            else:
                session.run()
        return self._conclude(session)

    def _tell(self, finding: Finding) -> None:
        self._progress.clear()
        self._around.out.write(f"\n{block(self._story(finding))}\n\n")
        self._around.out.flush()

    def _story(self, finding: Finding) -> str:
        if finding.violation is None:
            told = f"{finding.clause}: it hung, {finding.hung}"
        else:
            told = tell([finding.violation], exercised=finding.clause)
        if not finding.repeats:
            return f"{told}\n\nIt did not show again: the function does not always do the same."
        return with_replay(told, self._replay(finding.clause))

    def _replay(self, clause: str) -> str:
        """The command with which pytest shows it again."""
        bound = self._given.bound and f"--async-contract-{self._kind.name}-bound={self._given.bound}"
        redacts = "--async-contract-redacts" if self._sanitizer.redacts else ""
        item = f"async-contract/{self._target}::{clause.replace('/', '::')}"
        target = f"{self._kind.option}={self._sanitizer.name}"
        return shlex.join(["pytest", *filter(None, (bound, redacts)), target, item])

    def _conclude(self, session: Session) -> int:
        self._progress.clear()
        out = self._around.out
        width = max(len(each.clause) for each in session.fuzzers)
        for each in session.fuzzers:
            verdict = "no finding" if each.finding is None else "a finding"
            tried = f"{counted(each.tried, 'input')}, {each.exercised:,} of them put it to the test"
            news = counted(each.news, "new behaviour")
            out.write(f"  {each.clause:<{width}}  {verdict}: {tried}; {news}\n")
        out.write(f"{line(session)}: {session.ended}\n")
        if session.findings:
            out.write(f"what was found is kept in {self._examples}, where pytest looks first\n")
        out.flush()
        return int(bool(session.findings))


def _chosen(asked: Sequence[str], kind: Kind, *, redacts: bool) -> tuple[str, ...]:
    fuzzed = [each.id for each in kind.clauses if each.id in PROPERTIES]
    for clause in asked:
        if clause not in fuzzed:
            known = ", ".join(fuzzed)
            raise CommandError(f"{clause!r} can't be fuzzed for {kind.noun}; write one of {known}")
    if asked:
        return tuple(dict.fromkeys(asked))
    return tuple(each for each in fuzzed if redacts or each != _PROMISED)


def _engine(asked: str | None) -> str:
    """What makes the inputs."""
    if asked == "own":
        return asked
    try:
        libfuzzer.atheris()
    except ImportError:
        if asked is None:
            return "own"
        raise CommandError(
            "atheris is not installed; write pip install 'pytest-async-contract[fuzz]', or --engine own"
        ) from None
    return "atheris"
