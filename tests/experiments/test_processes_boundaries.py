"""The boundaries of a call: its lines, statements, files and messages, and what is done at one of them."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from async_contract.experiments.processes import boundaries
from async_contract.experiments.processes.boundaries import Boundaries
from async_contract.experiments.processes.host import Host
from async_contract.harness.sandbox import Sandbox
from async_contract.harness.target import load
from async_contract.history.operation import UNKNOWN, Operation
from async_contract.store import Job


class Store:
    """A store in this directory."""

    def lease(self, limit: int) -> list[Job]:
        """Three lines."""
        jobs = [Job("a", "mail")]
        del jobs[limit:]
        return jobs


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """A sandbox of an example."""
    return Sandbox("one", tmp_path)


def test_the_lines_of_the_store_are_noted(sandbox: Sandbox) -> None:
    """Those of others are not, and whoever traced before does so again."""
    before = sys.gettrace()
    with Boundaries(Store(), 0, sandbox) as found:
        Store().lease(1)
    with Boundaries(Store(), None, sandbox) as uncounted:
        Store().lease(1)
    with Boundaries(object(), 0, sandbox) as none:
        Store().lease(1)
    first = Store.lease.__code__.co_firstlineno + 2
    file = Path(__file__).name
    assert found.passed == [("line", f"{file}:{line} in lease") for line in range(first, first + 3)]
    assert (none.passed, uncounted.passed) == ([], [])
    assert sys.gettrace() is before


def test_something_is_done_at_the_boundary_that_was_asked_for(sandbox: Sandbox) -> None:
    """No other event counts."""
    ended: list[int] = []
    found = Boundaries(Store(), 2, sandbox, end=lambda: ended.append(len(found.passed)))
    frame = sys._getframe()
    follow = found.called(frame, "call", None)
    assert follow == found.line
    for event in ("line", "return", "line", "line"):
        assert found.line(frame, event, None) == found.line
    assert (ended, len(found.passed)) == ([2], 3)
    assert Boundaries(object(), 2, sandbox).called(frame, "call", None) is None


def test_what_happens_beside_the_lines_is_noted_only_meanwhile(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files elsewhere, descriptors and other events are nobody's."""
    found = Boundaries(Store(), 0, sandbox)
    for present in (None, found):
        monkeypatch.setattr(boundaries._Present, "boundaries", present)
        with closing(boundaries._connecting(sqlite3.connect)(":memory:")) as database:
            database.execute("SELECT 1")
        assert boundaries._sending(len)(b"abc") == 3
        for path in (str(sandbox.path / "new"), os.fsencode(sandbox.path / "old"), "/elsewhere", 3):
            boundaries._audited("os.remove", (path,))
        boundaries._audited("import", ("module",))
    assert found.passed == [
        ("statement", "SELECT 1"),
        ("send", "what is sent to a server"),
        ("file", "remove new"),
        ("file", "remove old"),
    ]


EVERYTHING = """
import os, socket, sqlite3
from async_contract import MemoryStore, StoreHarness

class Store(MemoryStore):
    def __init__(self, sandbox):
        super().__init__()
        self.path = sandbox.path
        self.database = sqlite3.connect(sandbox.path / "db", isolation_level=None)
        self.ends = socket.socketpair()

    async def lease(self, limit):
        self.database.executescript("CREATE TABLE jobs (id); SELECT id\\n   FROM jobs"); self._write()
        return []

    def _write(self):
        with open(self.path / "new", "w") as file: os.rename(file.name, self.path / "old")
        open(os.devnull).close(); os.close(os.open(self.path / "old", os.O_RDONLY))
        open(os.dup(0)).close()
        self.ends[0].sendall(b"1")

def connect(sandbox):
    return Store(sandbox)
"""


def test_what_happens_within_a_line_is_noted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements, files of the sandbox, and what is sent, each before it happens."""
    (tmp_path / "everything.py").write_text(EVERYTHING)
    monkeypatch.syspath_prepend(tmp_path)
    harness = load("everything:connect")

    async def main() -> list[tuple[str, str]]:
        async with Host(harness, 20.0) as host:
            place = Sandbox("one", tmp_path / "place")
            await host.hire(place)
            lease = Operation("lease", 2, 1, None, UNKNOWN, value=1)
            await host.call(lease, place, die=0)
            await host.outcome(lease, place)
            return [(kind, text) for kind, text in host.boundaries]

    found = asyncio.run(main())
    assert [each for each in found if each[0] != "line"] == [
        ("statement", "CREATE TABLE jobs (id);"),
        ("statement", "SELECT id FROM jobs"),
        ("file", "open new"),
        ("file", "write new"),
        ("file", "rename new"),
        ("file", "open old"),
        ("send", "what is sent to a server"),
    ]
    assert [kind for kind, _ in found[:3]] == ["line", "statement", "statement"]


def test_between_the_opening_of_a_file_and_its_writing_it_is_empty(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed there leaves it so, be it old or new; who is late there has not opened it yet."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    killed: list[str] = []
    monkeypatch.setattr(boundaries, "_END", lambda: killed.append("killed"))
    late = Boundaries(Store(), 2, sandbox, end=lambda: killed.append("late"))
    found = [late, *(Boundaries(Store(), at, sandbox) for at in (1, 2, 2, 2))]
    names = ("old", "old", "old", "new", "nowhere/new")
    left = []
    (sandbox.path / "old").write_text("old")
    for each, name in zip(found, names, strict=True):
        monkeypatch.setattr(boundaries._Present, "boundaries", each)
        boundaries._audited("open", (str(sandbox.path / name), "w", flags))
        left.append({path.name: path.read_text() for path in sandbox.path.iterdir()})
    for path, flag in (("/elsewhere", flags), (3, flags), (str(sandbox.path / "old"), os.O_RDONLY)):
        monkeypatch.setattr(boundaries._Present, "boundaries", found[1])
        boundaries._audited("open", (path, "r", flag))
    assert left == [
        {"old": "old"},
        {"old": "old"},
        {"old": ""},
        {"old": "", "new": ""},
        {"old": "", "new": ""},
    ]
    assert killed == ["late", "killed", "killed", "killed", "killed"]
    assert found[1].passed == [("file", "open old"), ("file", "write old"), ("file", "open old")]
