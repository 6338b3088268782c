"""What is not measured by coverage, which doubles the time that a test takes.

For tests that ask whether many subjects are judged rightly: that each branch is taken is shown by the tests
that say what it is for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

VARIABLES = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
"""By these a process that is started knows that it is to be measured."""


@contextmanager
def unmeasured() -> Iterator[None]:
    """Neither what runs in here is measured nor what is started; no difference where nothing is."""
    coverage = sys.modules.get("coverage")  # the tests run without it too
    measuring = None if coverage is None else coverage.Coverage.current()
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        if measuring is not None:
            measuring.stop()
        try:
            yield
        finally:
            if measuring is not None:
                measuring.start()
