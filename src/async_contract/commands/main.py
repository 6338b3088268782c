"""The command line: which command, and with what."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from async_contract.commands import explain, judging, reports
from async_contract.commands.errors import CommandError

USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command.

    Args:
        arguments: Those of the command line; by default this process'.

    Returns:
        The exit status: 0, 1 if something is broken or got worse, or 2 if there is nothing to go by.
    """
    given = parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = given.run
    try:
        return run(given)
    except CommandError as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE


def parser() -> argparse.ArgumentParser:
    """What can be written on the command line."""
    made = argparse.ArgumentParser(
        prog="python -m async_contract",
        description="what is done without pytest: reports, histories, clauses",
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    reports.add(commands)
    judging.add(commands)
    explain.add(commands)
    return made
