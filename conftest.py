"""An option for whoever runs the suites of stores on servers from a checkout."""

from __future__ import annotations

import os

import pytest

from contract_suites.servers.missing import REQUIRED


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that makes a missing backend a failure."""
    parser.addoption(
        "--require-backends", action="store_true",
        help="fail what needs a server or a library that pip could have installed, instead of skipping it",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """It is the environment variable, which reaches every process."""
    if config.getoption("--require-backends"):
        os.environ.setdefault(REQUIRED, "1")
