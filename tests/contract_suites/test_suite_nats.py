"""How the streams of the NATS suite are made."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contract_suites.nats import _create


class _Stream:
    """Has no place to be for some tries, or fails in another way."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.tries = 0

    async def create(self) -> None:
        """Create it."""
        from nats.js.errors import ServerError  # noqa: PLC0415

        self.tries += 1
        if self.codes:
            raise ServerError(code=500, err_code=self.codes.pop(0), description="error")


def _tries(*codes: int) -> tuple[int, bool]:
    """After how many tries it is created or given up, and whether it is created."""
    from nats.js.errors import ServerError  # noqa: PLC0415

    stream: Any = _Stream(*codes)
    try:
        asyncio.run(_create(stream))
    except ServerError:
        return stream.tries, False
    return stream.tries, True


def test_a_stream_without_a_place_is_created_again() -> None:
    """A few times; what else goes wrong is told at once."""
    pytest.importorskip("nats")
    assert [_tries(), _tries(10049, 10049), _tries(*[10049] * 5), _tries(10058)] == [
        (1, True), (3, True), (5, False), (1, False),
    ]  # fmt: skip
