"""What is not installed: the items that need it are skipped, unless all backends are required."""

from __future__ import annotations

import importlib.util
import os
from typing import NoReturn

import pytest

REQUIRED = "ASYNC_CONTRACT_REQUIRE_BACKENDS"
"""The environment variable that makes a missing backend a failure.

Set to anything but 0, what `pip install` could have brought is required; set to `all`, every backend is.
"""


def require(packages: str, *modules: str) -> None:
    """Skip the present item unless the modules can be imported.

    Args:
        packages: What `pip install` has to be told to have them.
        modules: What must be importable.
    """
    for name in modules:
        if importlib.util.find_spec(name) is None:
            give_up(f"{name} is not installed", packages)


def give_up(reason: str, packages: str = "", *, command: str = "") -> NoReturn:
    """Skip the present item, or fail it if backends are required; say how to install what is missing.

    Args:
        reason: What is missing.
        packages: What `pip install` has to be told to have it.
        command: What installs it, where that is another command.
    """
    text = f"{reason}; to have it: {command or f'pip install {packages}'}"
    required = os.environ.get(REQUIRED, "0")
    if required == "all" or (required not in ("", "0") and not command):
        pytest.fail(f"{text} ({REQUIRED} is set)", pytrace=False)
    pytest.skip(text)
