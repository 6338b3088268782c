"""What a function gives in another process, in which strings have other hashes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from async_contract.experiments.sanitizers.calls import Calls
from async_contract.experiments.sanitizers.targets import function_named

_SEEDS = ("1", "2")


class Unreachable(Exception):
    """The function can't be called in another process; the message says why."""


def outputs(name: str, texts: Sequence[str], seconds: float) -> list[str | None]:
    """What a function gives for these texts in a process of its own; `None` where it gives no str.

    Args:
        name: The function's dotted name.
        texts: What it is given.
        seconds: How long it may take.

    Raises:
        Unreachable: It can't be called there.
    """
    if not name:
        raise Unreachable("another process finds only a function that a module has under its name")
    seed = next(each for each in _SEEDS if each != os.environ.get("PYTHONHASHSEED"))
    asked = json.dumps({"path": sys.path, "name": name, "texts": [_codes(text) for text in texts]})
    try:
        done = subprocess.run(  # noqa: S603 - this module
            [sys.executable, "-m", __name__], input=asked, capture_output=True, text=True, encoding="ascii",
            errors="replace", timeout=seconds, check=False, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Unreachable(f"another process took longer than {seconds:g} s") from None
    if done.returncode:
        raise Unreachable(f"another process failed: {_why(done.stderr)}")
    if not done.stdout:
        raise Unreachable("another process ended without an answer")
    found = json.loads(done.stdout.splitlines()[-1])
    return [None if each is None else _text(each) for each in found]


def _why(text: str) -> str:
    """The line of a traceback that says what was raised."""
    lines = [each for each in text.splitlines() if each and not each[0].isspace()]
    return next((each for each in lines if "Error: " in each), (lines or ["no word why"])[-1])


# Code points and not strings, for JSON makes one character of two surrogates.
def _codes(text: str) -> list[int]:
    return list(map(ord, text))


def _text(codes: list[int]) -> str:
    return "".join(map(chr, codes))


def main() -> None:
    """Answer what was asked on the standard input."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever the module prints is no answer
    asked = json.loads(sys.stdin.read())
    sys.path[:] = asked["path"]
    with Calls(function_named(asked["name"], "label")) as calls:
        found = [calls(_text(codes)).text for codes in asked["texts"]]
    answers.write(f"{json.dumps([each if each is None else _codes(each) for each in found])}\n")


if __name__ == "__main__":
    main()
