"""What the documentation shows of its examples: `python docs/shown.py` runs them and writes it anew.

Each command is run as a reader would run it, in a directory with nothing but the example's files. Lines that
tell of the machine are left out. The tests check that what the pages show is still what the examples print,
but for times and counts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

EXAMPLES = Path(__file__).parent / "examples"


class Shown(NamedTuple):
    """A command, what is in the directory where it runs, and the file that keeps what it prints."""

    output: str
    command: str
    sources: tuple[str, ...]
    status: int = 0


SHOWN = (
    Shown(
        "tutorial/broken/output.txt", "pytest --async-contract=mypkg.Store -x",
        ("tutorial/broken/mypkg.py",), status=1,
    ),
    Shown("tutorial/fixed/output.txt", "pytest --async-contract=mypkg.Store", ("tutorial/fixed/mypkg.py",)),
    Shown("own_tests/output.txt", "pytest -v", ("tutorial/fixed/mypkg.py", "own_tests/test_store.py")),
    Shown(
        "known_failures/output.txt", "pytest --async-contract=mypkg:harness", ("known_failures/mypkg.py",)
    ),
    Shown(
        "state_machine/output.txt", "pytest -v",
        ("tutorial/fixed/mypkg.py", "state_machine/test_machine.py"),
    ),
    Shown(
        "history/output.txt", "python -m async_contract judge history.jsonl",
        ("history/history.jsonl",), status=1,
    ),
    Shown(
        "runners/broken.txt", "pytest --async-contract-runner=myworker.Worker -k runner/cancelled",
        ("runners/myworker.py",), status=1,
    ),
    Shown(
        "runners/mended.txt", "pytest --async-contract-runner=pump:harness --async-contract-only",
        ("runners/myworker.py", "runners/pump.py"),
    ),
    Shown(
        "runners/own.txt", "pytest -v --async-contract-effort=quick -k completes",
        ("runners/myworker.py", "runners/test_worker.py"),
    ),
    Shown(
        "sanitizers/output.txt",
        "pytest --async-contract-safe-label=mypkg.safe_label"
        " --async-contract-safe-failure-message=mypkg.safe_failure_message",
        ("sanitizers/mypkg.py",), status=1,
    ),
    Shown(
        "sanitizers/own_tests.txt", "pytest -v",
        ("sanitizers/safe.py", "sanitizers/test_safe.py"),
    ),
    Shown(
        "fuzzing/output.txt",
        "python -m async_contract.fuzz mypkg.safe_label --clause label/stable --seed 4 --engine own",
        ("fuzzing/mypkg.py",), status=1,
    ),
    Shown("judge/output.txt", "python own_history.py", ("judge/own_history.py",)),
)  # fmt: skip

MACHINE = re.compile(
    r"^(platform|cachedir|rootdir|configfile|plugins|hypothesis profile)\b.*\n", re.MULTILINE
)
VARYING = (
    (re.compile(r" HELD \d+ *"), " HELD (count) "),
    (re.compile(r"^ *(ms|\d+\.\d{3})(?=  )", re.MULTILINE), "(time)"),
    (re.compile(r"^=+ (.*) in \d+\.\d+s.*$", re.MULTILINE), r"= \1 ="),
    # How many random programs were run in the time that there was, and how long they took.
    (
        re.compile(r"\d+ (programs|steps|schedules|of them distinct)|in \d+\.\d s(?= \(|$)", re.MULTILINE),
        "(count)",
    ),
    (re.compile(r"\b(held|broken|known) +\d+"), r"\1  (count)"),
    (re.compile(r"\d+:\d\d  |[\d,]+(/s| of them|(?= inputs?\b)|(?= new behaviours?\b))"), "(count)"),
    (re.compile(r"new behaviours?"), "new behaviours"),
    (re.compile(r" {2,}"), "  "),
)


def printed(command: str, sources: tuple[str, ...], directory: Path) -> tuple[int, str]:
    """The exit status of a command in a directory with these examples, and what it prints."""
    for source in sources:
        shutil.copy(EXAMPLES / source, directory)
    program, *arguments = command.split()
    run = [sys.executable] if program == "python" else [sys.executable, "-m", program]
    # A reader's shell, and not the options of a run that is around this one. On a CI server pytest cuts no
    # line of its short summary, and Hypothesis has a profile of its own.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_") and name not in {"CI", "BUILD_NUMBER"}
    }
    environment |= {"COLUMNS": "100", "NO_COLOR": "1", "PYTEST_ADDOPTS": "-p no:randomly"}
    done = subprocess.run(
        [*run, *arguments], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    text = (done.stdout + done.stderr).replace(f"{directory}{os.sep}", "")
    return done.returncode, MACHINE.sub("", text)


def comparable(text: str) -> str:
    """What an example prints on every machine: without times, and what depends on them."""
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return text


def main() -> None:
    """Write anew what every example prints."""
    for shown in SHOWN:
        with tempfile.TemporaryDirectory() as directory:
            status, text = printed(shown.command, shown.sources, Path(directory))
        if status != shown.status:
            raise SystemExit(
                f"{shown.command} gives {status}, not {shown.status}, for {shown.output}:\n{text}"
            )
        (EXAMPLES / shown.output).write_text(text)


if __name__ == "__main__":
    main()
