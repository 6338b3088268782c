"""The private place of one example: a name, a directory and a clock."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import shutil
import tempfile
import time
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from async_contract.harness.harness import StoreHarness

VIRTUAL_START = 1000
"""What a virtual clock shows at first, in seconds."""

_SECOND = 1_000_000_000

# Shared by all factories of the process, so that no two sandboxes of one process have the same name.
_counter = itertools.count(1)


class Sandbox:
    """What one example has to itself. Its connections share it; no other example sees it.

    Attributes:
        name: Unique in the test run, lower-case ASCII letters, digits and underscores, at most 40:
            safe as the name of a schema, a key, a queue or a subject.
        virtual: Whether time passes only when the toolkit lets it, by `sleep` and `advance`.
        stands_still: Whether `now_ns` shows the same instant until then.
        virtual_ns: What a virtual clock shows, in nanoseconds.
    """

    def __init__(self, name: str, path: Path, *, virtual: bool = False) -> None:
        self.name = name
        self.virtual = virtual
        self.stands_still = virtual
        self._path = path
        # Whole nanoseconds: a sum of many small floats would drift away from the deadlines of the store.
        self.virtual_ns = VIRTUAL_START * _SECOND

    @property
    def path(self) -> Path:
        """A directory, empty at first, removed after the run."""
        # Made when it is asked for: a store in memory never does, and there are many sandboxes.
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        self._path.mkdir(exist_ok=True)
        return self._path

    def clock(self) -> float:
        """The time in seconds: `time.time()`, or the virtual time, which starts at 1000."""
        return self.virtual_ns / _SECOND if self.virtual else time.time()

    def now_ns(self) -> int:
        """The instant in nanoseconds on a clock that never goes back: virtual, or monotonic."""
        return self.virtual_ns if self.virtual else time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        """Let time pass; a virtual clock is advanced at once, and other tasks get their turn.

        On an event loop that keeps the time of this sandbox, as its `clock`, the loop is what advances it.
        """
        loop = asyncio.get_running_loop()
        if self.virtual and getattr(loop, "clock", None) is not self:
            self.advance(max(seconds, 0))
            seconds = 0
            if _is_idle(loop):
                return
        await asyncio.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Put a virtual clock forward.

        Raises:
            RuntimeError: The sandbox keeps real time.
            ValueError: `seconds` is negative.
        """
        if not self.virtual:
            raise RuntimeError(
                f"the sandbox {self.name} keeps real time, which can't be advanced; write "
                "`await sandbox.sleep(seconds)`, or declare virtual_time=True in the harness"
            )
        if seconds < 0:
            raise ValueError(f"advance({seconds!r}) would put the clock back; write seconds, 0 or more")
        self.virtual_ns += round(seconds * _SECOND)

    def advance_to(self, instant: int) -> None:
        """Put a virtual clock forward to an instant, in nanoseconds.

        Raises:
            RuntimeError: The sandbox keeps real time.
            ValueError: The instant is over.
        """
        self.advance(0)  # refuses real time
        if instant < self.virtual_ns:
            raise ValueError(f"advance_to({instant}) would put the clock back; it shows {self.virtual_ns}")
        self.virtual_ns = instant


def _is_idle(loop: Any) -> bool:
    """Whether nobody waits on this loop who could get a turn: to give one takes longer than most calls.

    Asyncio's own loops show that, to whoever knows where to look; of another one it is not known.
    """
    try:
        ready, scheduled, sockets = _WAITING(loop)
        return not (ready or scheduled) and len(sockets) == _ITS_OWN
    except AttributeError:
        return False


_WAITING = attrgetter("_ready", "_scheduled", "_selector._fd_to_key")

_ITS_OWN = 1
"""The socket by which a thread wakes a loop."""

_Kind = TypeVar("_Kind", bound=Sandbox)


_MEMORY = Path("/dev/shm")  # noqa: S108 - the directories made in it are private


def _where() -> Path:
    """In memory if possible: on a disk, each commit of a database takes a hundred times as long."""
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.R_OK | os.W_OK | os.X_OK):
        return _MEMORY
    return Path(tempfile.gettempdir())


class Sandboxes:
    """Makes sandboxes in a temporary directory of its own, which it removes at the exit.

    Attributes:
        root: That directory.
    """

    def __init__(self) -> None:
        self.root = Path(_where(), f"async_contract_{secrets.token_hex(8)}")

    def new(self, harness: StoreHarness) -> Sandbox:
        """A sandbox with a new name, an empty directory and the kind of time that `harness` declares."""
        return self.new_of(Sandbox, virtual=harness.virtual_time)

    def new_of(self, kind: type[_Kind], *, virtual: bool) -> _Kind:
        """A sandbox of a kind of its own, with a new name and an empty directory."""
        name = f"ac_{os.getpid()}_{next(_counter)}"
        return kind(name, self.root / name, virtual=virtual)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A store that still holds a file open must not turn a verdict into an error.
        shutil.rmtree(self.root, ignore_errors=True)
