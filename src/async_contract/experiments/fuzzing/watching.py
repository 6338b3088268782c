"""Which of the target's code an input runs through, and how often: what tells a new behaviour.

Lines are not enough: `if "a" in text and len(text) > 5` is one, with four ways through it.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, Protocol, Self

import hypothesis

# Our own exceptions are run through when the target asks them what they say, and Hypothesis looks on when
# garbage is collected. That is no code of the target.
_OURS = (str(Path(__file__).parents[1]), str(Path(hypothesis.__file__).parent))
_SITE = tuple(sysconfig.get_path(each) for each in ("purelib", "platlib"))
_STANDARD = tuple(sysconfig.get_path(each) for each in ("stdlib", "platstdlib"))

_TOOLS = (3, 4, 5, 2)
"""The numbers that are free for anybody come first, before those of optimizers and profilers."""

MONITORING: Any = getattr(sys, "monitoring", None)
"""The module `sys.monitoring`; `None` before Python 3.12."""

_PLACES = 24  # bits for a place in one code

Features = frozenset[Hashable]
"""What tells one behaviour from another."""


def is_targets(filename: str) -> bool:
    """Whether a file can have code of the target: neither the standard library's nor that which asks."""
    if not Path(filename).is_absolute() or filename.startswith(_OURS):
        return False  # `<string>`, `<frozen os>` and their like
    return filename.startswith(_SITE) or not filename.startswith(_STANDARD)


class Steps:
    """Counts steps from place to place in code that matters."""

    def __init__(self, matters: Callable[[str], bool] = is_targets) -> None:
        self._matters = matters
        self._known: dict[int, int] = {}
        self._codes: list[CodeType] = []  # kept, so that no other code gets the identity of one of them
        self._last = 0
        self._hits: dict[int, int] = {}

    def base(self, code: CodeType) -> int:
        """What the places in this code are counted from; 0 if it does not matter."""
        base = self._known.get(id(code))
        if base is None:
            self._codes.append(code)
            base = len(self._codes) << _PLACES if self._matters(code.co_filename) else 0
            self._known[id(code)] = base
        return base

    def step(self, place: int) -> None:
        """Count the step from the last place to this one, which is a base and a number together."""
        self.count(self._last, place)
        self._last = place

    def count(self, before: int, place: int) -> None:
        """Count a step between any two places."""
        step = before << 2 * _PLACES | place
        self._hits[step] = self._hits.get(step, 0) + 1

    def taken(self) -> Features:
        """The steps since this was asked last, each with the binary order of magnitude of its count."""
        hits, self._hits, self._last = self._hits, {}, 0
        return frozenset((step, count.bit_length()) for step, count in hits.items())


class Watch(Protocol):
    """Watches which code is run through in its `with` block."""

    steps: Steps

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def close(self) -> None:
        """Watch no more."""


class Tracer:
    """Watches with `sys.settrace`, the only way before Python 3.12."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self._before: Any = sys.gettrace()

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.settrace(self._before)

    def close(self) -> None:
        """Nothing is left to do."""

    def _called(self, frame: FrameType, event: str, _: object) -> Any:
        base = self.steps.base(frame.f_code)
        if not base:
            return None

        def step(frame: FrameType, event: str, _: object) -> Any:
            if event in ("line", "opcode"):  # from Python 3.12 on a code's first run may show lines only
                self.steps.step(base + frame.f_lasti)
            return step

        frame.f_trace_opcodes = True
        return step


class Monitor:
    """Watches with `sys.monitoring`, which costs nothing in code that does not matter.

    Events stay on outside of the `with` block: to turn them on and off would cost more than they do.
    """

    def __init__(self, steps: Steps, monitoring: Any, tool: int) -> None:
        self.steps = steps
        self._monitoring = monitoring
        self._tool = tool
        self._looks = False
        monitoring.use_tool_id(tool, "async-contract-fuzz")
        branches = dict.fromkeys(_branches(monitoring), self._branch)
        self._events = {monitoring.events.LINE: self._line, **branches}
        for event, callback in self._events.items():
            monitoring.register_callback(tool, event, callback)
        monitoring.set_events(tool, sum(self._events))

    def __enter__(self) -> Self:
        self._looks = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._looks = False

    def close(self) -> None:
        """Give the tool's number back."""
        self._monitoring.set_events(self._tool, 0)
        for event in self._events:
            self._monitoring.register_callback(self._tool, event, None)
        self._monitoring.free_tool_id(self._tool)

    def _line(self, code: CodeType, line: int) -> Any:
        base = self.steps.base(code)
        if not base:
            return self._monitoring.DISABLE
        if self._looks:
            self.steps.step(base + line)
        return None

    def _branch(self, code: CodeType, before: int, after: int) -> Any:
        base = self.steps.base(code)
        if not base:
            return self._monitoring.DISABLE
        if self._looks:
            self.steps.count(base + before, base + after)
        return None


def _branches(monitoring: Any) -> list[int]:
    """The events of branches; from Python 3.14 on there are two."""
    events = monitoring.events
    both = [getattr(events, each, 0) for each in ("BRANCH_LEFT", "BRANCH_RIGHT")]
    return both if all(both) else [events.BRANCH]


def watch(steps: Steps, monitoring: Any = MONITORING, tools: Sequence[int] = _TOOLS) -> Watch:
    """The best way to watch that this Python has, and that no debugger or profiler has taken.

    Args:
        steps: Counts what is seen.
        monitoring: The module `sys.monitoring`; `None` where there is none.
        tools: The numbers of tools that may be used.
    """
    free = [each for each in tools if monitoring is not None and monitoring.get_tool(each) is None]
    return Monitor(steps, monitoring, free[0]) if free else Tracer(steps)
