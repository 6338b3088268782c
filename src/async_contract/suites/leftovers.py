"""Threads that what was tested has started, and which go on when all is said: Python waits for their end."""

from __future__ import annotations

import threading
from collections.abc import Collection
from concurrent.futures import thread as pools

_MOST = 3
"""So many of them are named."""


def left_running(before: Collection[threading.Thread]) -> str:
    """What to do about threads that keep this process from ending; empty if there are none.

    Args:
        before: The threads that were there before anything was tested.
    """
    left = [
        each for each in threading.enumerate() if not (each.daemon or each in before or _is_in_pool(each))
    ]
    if not left:
        return ""
    names = ", ".join(each.name for each in left[:_MOST])
    more = f" and {len(left) - _MOST} more" if len(left) > _MOST else ""
    return (
        f"still running: {names}{more}. Python waits for the end of such threads before it exits; Ctrl-C "
        "ends that. What was tested has started them: end them in its close() or aclose(), or in the "
        "harness's disconnect, or start them with daemon=True"
    )


def _is_in_pool(thread: threading.Thread) -> bool:
    """Whether Python tells this thread to end, as it does with those of a pool."""
    return thread in getattr(pools, "_threads_queues", ())
