"""Programs that don't come to an end, and where their tasks stand."""

from __future__ import annotations

import asyncio
import linecache
import re
from asyncio import Task
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

_ASYNCIO = str(Path(asyncio.__file__).parent)
_MOST_TASKS = 8  # that a message names

Numbers = Mapping[Task[Any], int]
"""The tasks of a loop with their numbers, which are the same in every run."""


class Deadlock(Exception):
    """Nothing is ready, no timer waits, and the program has not ended."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__(
            "nothing is ready, no timer waits, and the program has not ended; release what these wait for, "
            f"or give each wait a time limit: {_standing(numbers)}"
        )


class Livelock(Exception):
    """The program has not ended after the most steps."""

    def __init__(self, numbers: Numbers, steps: Sequence[int], most: int) -> None:
        made = ", ".join(f"task {number}: {count}" for number, count in enumerate(steps) if count)
        super().__init__(
            f"the program has not ended after {most} steps and callbacks ({made}); let none of these go "
            f"round for ever: {_standing(numbers)}"
        )


class Unstoppable(Exception):
    """Tasks go on although they were cancelled again and again."""

    def __init__(self, numbers: Numbers, times: int) -> None:
        super().__init__(
            f"a task has to end when it is cancelled; cancelled {times} times, these go on: "
            f"{_standing(numbers)}"
        )


def _standing(numbers: Numbers) -> str:
    """The tasks that have not ended, each with the line where it waits."""
    left = [f"{_name(task, number)} {_place(task)}" for task, number in numbers.items() if not task.done()]
    named = left[:_MOST_TASKS]
    if len(left) > len(named):
        named.append(f"and {len(left) - len(named)} more")
    return "; ".join(named)


def _name(task: Task[Any], number: int) -> str:
    name = task.get_name()
    # The names that asyncio itself gives are counted over all runs of a process.
    return f"task {number}" if re.fullmatch(r"Task-[0-9]+", name) else f"task {number} ({name})"


def _place(task: Task[Any]) -> str:
    """The innermost line of a suspended task that is not asyncio's own."""
    frames = []
    awaited: object = task.get_coro()
    while awaited is not None:
        frame, awaited = _inward(awaited)
        if frame is not None:
            frames.append(frame)
    frames = [each for each in frames if not each.f_code.co_filename.startswith(_ASYNCIO)] or frames
    if not frames:
        return "at an unknown place"
    code, line = frames[-1].f_code, frames[-1].f_lineno
    source = linecache.getline(code.co_filename, line).strip()
    return f"at {code.co_filename}:{line} in {code.co_name}: {source}"


def _inward(awaited: object) -> tuple[FrameType | None, object]:
    """The frame of a coroutine or a generator, and what it waits for."""
    if hasattr(awaited, "cr_frame"):
        return awaited.cr_frame, getattr(awaited, "cr_await", None)
    return getattr(awaited, "gi_frame", None), getattr(awaited, "gi_yieldfrom", None)
