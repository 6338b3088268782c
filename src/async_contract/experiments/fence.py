"""What leaves the event loop, noticed at the call and by name.

A simulated loop decides who goes next; it can't decide for a thread, a socket, another process or
a real sleep. Whoever begins one of these under simulation is stopped there.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self, TypeVar

EVENTS = frozenset(
    {
        "_thread.start_joinable_thread", "_thread.start_new_thread",
        "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system",
        "pty.spawn", "subprocess.Popen",
        "socket.__new__", "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyaddr",
        "socket.gethostbyname", "socket.getnameinfo", "socket.sendmsg", "socket.sendto",
        "sqlite3.connect", "time.sleep",
    }
)  # fmt: skip
"""The audit events that mean leaving the loop."""

# Where Python has no such event, or none on some version, or none any more where a thread is already there
# to take the work: 3.11 tells nothing of threads, only 3.13 tells of a sleep.
_FUNCTIONS = (
    "threading.Thread.start",
    "threading._start_new_thread",  # what a `start` that was bound before comes to
    "_thread.start_new_thread",
    "concurrent.futures.thread.ThreadPoolExecutor.submit",
    "concurrent.futures.process.ProcessPoolExecutor.submit",
    "multiprocessing.process.BaseProcess.start",
    "socket.socketpair",
)

_LOOP_METHODS = (
    "add_reader", "add_signal_handler", "add_writer", "connect_accepted_socket", "connect_read_pipe",
    "connect_write_pipe", "create_connection", "create_datagram_endpoint", "create_server",
    "create_unix_connection", "create_unix_server", "getaddrinfo", "getnameinfo", "remove_reader",
    "remove_signal_handler", "remove_writer", "sendfile", "sock_accept", "sock_connect", "sock_recv",
    "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into", "sock_sendall", "sock_sendfile", "sock_sendto",
    "start_tls", "subprocess_exec", "subprocess_shell",
)  # fmt: skip

_Loop = TypeVar("_Loop", bound=type)


class LeftTheLoop(BaseException):
    """The code under simulation did what an event loop can't order.

    No `Exception`, so that a store which catches those does not hide it.

    Attributes:
        what: What was called, such as `time.sleep`.
        caller: The module that called it, the standard library aside, such as `aiosqlite.core`.
        place: Where: file, line and function.
    """

    def __init__(self, what: str, caller: str, place: str) -> None:
        super().__init__(
            f"{what} was called by {caller}, at {place}: a simulation orders only what stays on the event "
            "loop; exercise what needs threads, sockets, processes or real sleeps with real concurrency"
        )
        self.what = what
        self.caller = caller
        self.place = place


class Fence:
    """While it is up, nothing in the thread that put it up leaves the loop. One thread has one at a time.

    Attributes:
        left: The first thing that tried to, whatever became of the error.
    """

    def __init__(self) -> None:
        self.left: LeftTheLoop | None = None

    def leave(self, what: str) -> NoReturn:
        """Refuse a call that leaves the loop.

        Raises:
            LeftTheLoop: Always.
        """
        error = LeftTheLoop(what, *_caller())
        self.left = error if self.left is None else self.left
        raise error

    def __enter__(self) -> Self:
        _listen()
        with _lock:
            if not _fences:
                _patch()
            _fences[threading.get_ident()] = self
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with _lock:
            del _fences[threading.get_ident()]
            if not _fences:
                _restore()


def fenced(loop: _Loop) -> _Loop:
    """Have a class of loops, which has a `fence`, refuse its methods for sockets, processes and signals."""
    for name in _LOOP_METHODS:
        setattr(loop, name, functools.partialmethod(_refuse, f"loop.{name}"))
    return loop


def _refuse(loop: Any, what: str, *arguments: object, **options: object) -> NoReturn:
    fence: Fence = loop.fence
    fence.leave(what)


_lock = threading.Lock()
_fences: dict[int, Fence] = {}  # by thread
_originals: list[tuple[Any, str, Any]] = []


class _Watch:
    """The audit hook. It can't be taken away again, so it does nothing where there is no fence."""

    __cantrace__ = True  # a debugger, and a measurement of coverage, may look into it

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if _fences and event in EVENTS:
            fence = _fences.get(threading.get_ident())
            if fence is not None:
                fence.leave(event)


@functools.cache
def _listen() -> None:
    sys.addaudithook(_Watch())


def _patch() -> None:
    for owner, name, what in _targets(len(sys.modules)):
        original = getattr(owner, name)
        _originals.append((owner, name, original))
        setattr(owner, name, _refusing(what, original))


def _restore() -> None:
    while _originals:
        owner, name, original = _originals.pop()
        setattr(owner, name, original)


def _refusing(what: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(*arguments: Any, **options: Any) -> Any:
        fence = _fences.get(threading.get_ident())
        if fence is not None:
            fence.leave(what)
        return original(*arguments, **options)

    return refuse


@functools.lru_cache(maxsize=1)
def _targets(modules: int) -> tuple[tuple[Any, str, str], ...]:
    """What to patch: owner, attribute, and what it is called. Looked up anew as modules are imported."""
    return tuple(_find_targets())


def _find_targets() -> Iterator[tuple[Any, str, str]]:
    for path in _FUNCTIONS:
        owner, name = _owner(path)
        if hasattr(owner, name):
            yield owner, name, path
    # Also where it goes by another name: `from time import sleep`.
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is time.sleep:
                yield module, name, "time.sleep"


def _owner(path: str) -> tuple[object, str]:
    """The class or the module that has a function, and its name there; `None` if it was not imported."""
    place, _, name = path.rpartition(".")
    if place in sys.modules:
        return sys.modules[place], name
    module, _, cls = place.rpartition(".")
    return getattr(sys.modules.get(module), cls, None), name


def _caller() -> tuple[str, str]:
    """The module, and the place in it, that made the call: the innermost one that is not the library's."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - a traceback would cost a hundred times as much
    assert frame is not None
    while frame.f_back is not None and _is_passed_over(frame):
        frame = frame.f_back
    place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
    return _module(frame), place


def _is_passed_over(frame: FrameType) -> bool:
    name = _module(frame)
    return name == __name__ or name.partition(".")[0] in sys.stdlib_module_names


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?"))
