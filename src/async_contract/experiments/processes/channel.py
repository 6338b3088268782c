"""JSON objects over a pair of pipes, one a line."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from typing import Any

_CHUNK = 65536


class Channel:
    """Reads and writes messages without a buffer that a forked process would have too.

    Args:
        read: The file descriptor to read from.
        write: The file descriptor to write to.
    """

    def __init__(self, read: int, write: int) -> None:
        self._read = read
        self._write = write
        self._one_at_a_time = threading.Lock()

    def send(self, message: dict[str, object]) -> None:
        """Write a message. The line before it is ended, should somebody have died while writing it."""
        data = f"\n{json.dumps(message)}\n".encode("ascii")
        with self._one_at_a_time:
            while data:
                data = data[os.write(self._write, data) :]

    def receive(self) -> Iterator[dict[str, Any]]:
        """The messages that come, until the other side is closed.

        Whoever sends waits for an answer before it sends again: what is read ahead is nobody else's.
        """
        rest = b""
        while chunk := os.read(self._read, _CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (json.loads(line) for line in lines if line)
