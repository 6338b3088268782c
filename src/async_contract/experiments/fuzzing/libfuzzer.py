"""Fuzzing with atheris, which is libFuzzer for Python, where it is installed."""

from __future__ import annotations

import importlib
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from async_contract.experiments.fuzzing.mutation import MOST, TAIL
from async_contract.experiments.fuzzing.session import Session

_PADDING = bytes(TAIL)  # what is short is read as if zeros followed, which end an input soon


def atheris() -> Any:
    """The module atheris.

    Raises:
        ImportError: It is not installed.
    """
    return importlib.import_module("atheris")


def run(session: Session, function: Callable[[Any], object], *, seed: int, leave: Callable[[], None]) -> None:
    """Have libFuzzer make the inputs.

    Args:
        session: Tries them.
        function: That which is fuzzed; libFuzzer's eyes are put into it.
        seed: Where the inputs come from.
        leave: Ends the process, for libFuzzer never gives it back.
    """
    fuzzer = atheris()
    code = getattr(function, "__func__", function)
    if hasattr(code, "__code__"):
        fuzzer.instrument_func(code)

    def one(data: bytes) -> None:
        session.take(data + _PADDING)
        if session.is_over():
            leave()

    # A handler that is there already it leaves alone: time limits are ours, and need the signal.
    signal.signal(signal.SIGALRM, _nothing)
    options = (
        f"-seed={seed % (1 << 32) or 1}", f"-max_len={MOST}", "-len_control=0", "-timeout=0", "-handle_int=0",
        "-handle_term=0", "-verbosity=0", "-rss_limit_mb=0",
    )  # fmt: skip
    fuzzer.Setup(["async-contract", *options], one, internal_libfuzzer=True)
    fuzzer.Fuzz()


def _nothing(signum: int, frame: FrameType | None) -> None:
    """A signal that means nothing."""
