"""The command that repeats one item."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import pytest

from async_contract.experiments.limits import Limits


def replay(config: pytest.Config, arguments: Sequence[str]) -> str:
    """Return the command that runs `arguments` with this run's settings, fit for a shell."""
    usual = Limits()
    effort: str = config.getoption("async_contract_effort")
    seconds: float = config.getoption("async_contract_timeout")
    settings = {
        f"--async-contract-effort={effort}": effort != usual.effort,
        f"--async-contract-timeout={seconds:g}": seconds != usual.item,
        "--async-contract-allow-nonempty": config.getoption("async_contract_allow_nonempty"),
        "--async-contract-strict": config.getoption("async_contract_strict"),
    }
    changed = [option for option, given in settings.items() if given]
    return shlex.join(["pytest", *changed, *arguments])
