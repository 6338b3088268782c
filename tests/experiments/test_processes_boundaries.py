"""Counting the lines of a store inside a call, and ending at one of them."""

from __future__ import annotations

import sys

from async_contract.experiments.processes.boundaries import Boundaries
from async_contract.store import Job


class Store:
    """A store in this directory."""

    def lease(self, limit: int) -> list[Job]:
        """Three lines."""
        jobs = [Job("a", "mail")]
        del jobs[limit:]
        return jobs


def test_the_lines_of_the_store_are_counted() -> None:
    """Those of others are not, and whoever traced before does so again."""
    before = sys.gettrace()
    with Boundaries(Store(), 0) as found:
        Store().lease(1)
    with Boundaries(Store(), None) as uncounted:
        Store().lease(1)
    with Boundaries(object(), 0) as none:
        Store().lease(1)
    assert (found.count, none.count, uncounted.count) == (3, 0, 0)
    assert sys.gettrace() is before


def test_the_process_ends_before_the_line_that_was_asked_for() -> None:
    """No other event counts."""
    ended: list[int] = []
    found = Boundaries(Store(), 2, end=lambda: ended.append(found.count))
    frame = sys._getframe()
    follow = found.called(frame, "call", None)
    assert follow == found.line
    for event in ("line", "return", "line", "line"):
        assert found.line(frame, event, None) == found.line
    assert (ended, found.count) == ([2], 3)
    assert Boundaries(object(), 2).called(frame, "call", None) is None
