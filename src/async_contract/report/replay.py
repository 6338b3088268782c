"""The command that repeats one item."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import pytest

from async_contract.experiments.limits import Limits


def replay(config: pytest.Config, arguments: Sequence[str], token: str = "") -> str:
    """Return the command that runs `arguments` with this run's settings, fit for a shell.

    Args:
        config: Of this run.
        arguments: What names the item.
        token: What is to be repeated of it; without one, all of it.
    """
    usual = Limits()
    effort: str = config.getoption("async_contract_effort")
    seconds: float = config.getoption("async_contract_timeout")
    seed = config.getoption("hypothesis_seed", default=None)
    bounds = {kind: config.getoption(f"async_contract_{kind}_bound") for kind in ("label", "message")}
    settings = {
        f"--async-contract-reproduce={token}": bool(token),
        f"--hypothesis-seed={seed}": bool(seed) and not token,
        f"--async-contract-effort={effort}": effort != usual.effort,
        f"--async-contract-timeout={seconds:g}": seconds != usual.item,
        "--async-contract-allow-nonempty": config.getoption("async_contract_allow_nonempty"),
        **{f"--async-contract-{kind}-bound={each.option}": True for kind, each in bounds.items() if each},
        "--async-contract-redacts": config.getoption("async_contract_redacts"),
        "--async-contract-strict": config.getoption("async_contract_strict"),
    }
    changed = [option for option, given in settings.items() if given]
    return shlex.join(["pytest", *changed, *arguments])
