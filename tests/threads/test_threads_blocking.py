"""SQLite and locks of files, in threads that are stepped through."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from async_contract.experiments import blocking
from async_contract.experiments.choosers import OwnOrder
from async_contract.experiments.hands import Crew
from async_contract.experiments.locks import swapped
from async_contract.experiments.loop import simulate


@pytest.fixture
def crew() -> Iterator[Crew]:
    """Two threads, while what blocks is replaced."""
    with swapped():
        crew = Crew(2)
        yield crew
        crew.end()


def together(crew: Crew, *functions: Any) -> Any:
    """What comes of functions that are called in a thread each."""

    async def main() -> object:
        return await asyncio.gather(*(crew.hands[n].call(each) for n, each in enumerate(functions, 1)))

    ended = simulate(main, OwnOrder())
    return ended.error or ended.result


def _writer(path: Path, log: list[str], name: str, seconds: float, *prelude: str) -> Any:
    def write() -> None:
        database = sqlite3.connect(path, isolation_level=None)
        for each in prelude:
            database.execute(each)
        database.execute("CREATE TABLE IF NOT EXISTS jobs (id)")
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            log.append(f"{name}: {error}")
        else:
            log.append(f"{name} begins")
            time.sleep(seconds)
            database.execute("COMMIT")
            log.append(f"{name} ends")
        database.close()

    return write


def test_a_connection_waits_for_another_while_others_go_on(crew: Crew, tmp_path: Path) -> None:
    """As long as its timeout says, in virtual time."""
    log: list[str] = []
    together(crew, *(_writer(tmp_path / "q", log, name, 1) for name in "ab"))
    assert log == ["a begins", "a ends", "b begins", "b ends"]


def test_a_connection_does_not_wait_longer_than_its_timeout(crew: Crew, tmp_path: Path) -> None:
    """Not even if the store sets that by a pragma."""
    log: list[str] = []
    timeout = "PRAGMA busy_timeout = 500"
    together(crew, *(_writer(tmp_path / "q", log, name, 2, timeout) for name in "ab"))
    assert log == ["a begins", "b: database is locked", "a ends"]


def test_a_transaction_that_has_begun_its_work_does_not_wait(crew: Crew, tmp_path: Path) -> None:
    """As SQLite itself: the other one may be waiting for it."""

    def upgrade(pause: float) -> Any:
        def write() -> str:
            database = sqlite3.connect(tmp_path / "q", isolation_level=None)
            database.execute("BEGIN")
            database.execute("SELECT * FROM jobs").fetchall()
            time.sleep(pause)
            began = asyncio_time()
            try:
                database.execute("INSERT INTO jobs VALUES (1)")
                database.execute("COMMIT")
            except sqlite3.OperationalError as error:
                database.execute("ROLLBACK")
                return f"{error} after {asyncio_time() - began} s"
            finally:
                database.close()
            return "written"

        return write

    def asyncio_time() -> float:
        now: float = clock.time()
        return now

    clock: Any = None

    async def main() -> object:
        nonlocal clock
        clock = asyncio.get_running_loop()
        return await asyncio.gather(crew.hands[1].call(upgrade(1)), crew.hands[2].call(upgrade(2)))

    with sqlite3.connect(tmp_path / "q") as made:
        made.execute("CREATE TABLE jobs (id)")
    made.close()
    first, second = simulate(main, OwnOrder()).result
    assert first == "written"
    assert second == "database is locked after 0.0 s"


def test_a_connection_is_used_in_all_the_ways_there_are(crew: Crew, tmp_path: Path) -> None:
    """With a cursor, with many rows, with a script, as a context manager, committed and rolled back."""

    def use() -> list[tuple[int]]:
        database = sqlite3.connect(tmp_path / "q", 1.0)
        database.executescript("CREATE TABLE jobs (id INTEGER)")
        with database:
            database.executemany("INSERT INTO jobs VALUES (?)", iter([(1,), (2,)]))
        with contextlib.suppress(ZeroDivisionError), database:
            database.execute("DELETE FROM jobs")
            database.execute("INSERT INTO jobs VALUES (?)", [1 / 0])
        database.cursor().execute("INSERT INTO jobs VALUES (:id)", {"id": 3})
        database.commit()
        with pytest.raises(sqlite3.OperationalError, match="no such table: work"):
            database.execute("SELECT * FROM work")
        found = database.execute("SELECT id FROM jobs").fetchall()
        database.close()
        return found

    assert together(crew, use) == [[(1,), (2,), (3,)]]


def test_a_commit_that_fails_in_a_context_manager_is_rolled_back(crew: Crew, tmp_path: Path) -> None:
    """Another connection is reading all the time."""

    def use() -> list[object]:
        reader = sqlite3.connect(tmp_path / "q", isolation_level=None)
        writer = sqlite3.connect(tmp_path / "q", timeout=0.03)
        writer.execute("CREATE TABLE jobs (id)")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM jobs").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="locked"), writer:
            writer.execute("INSERT INTO jobs VALUES (1)")
        open_still = writer.in_transaction
        reader.close()
        writer.close()
        return [open_still]

    assert together(crew, use) == [[False]]


def test_a_factory_of_the_stores_own_stays(crew: Crew) -> None:
    """Whoever brings one knows why."""

    class Own(sqlite3.Connection):
        """A connection."""

    def use() -> list[type]:
        made = [sqlite3.connect(":memory:", factory=Own), sqlite3.connect(":memory:")]
        for each in made:
            each.close()
        return [type(each) for each in made]

    assert together(crew, use) == [[Own, blocking.Connection]]
    with sqlite3.connect(":memory:") as elsewhere:
        assert type(elsewhere) is sqlite3.Connection
    elsewhere.close()


def test_a_connection_that_is_used_elsewhere_really_waits(crew: Crew, tmp_path: Path) -> None:
    """In a thread that is not stepped through."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "q", timeout=0.02, check_same_thread=False, isolation_level=None)

    (first,), (second,) = together(crew, connect), together(crew, connect)
    first.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        second.execute("BEGIN IMMEDIATE")
    first.close()
    second.close()


def test_a_lock_of_a_file_is_waited_for_while_others_go_on(crew: Crew, tmp_path: Path) -> None:
    """And who does not want to wait is told so at once."""
    log: list[str] = []

    def first() -> None:
        with (tmp_path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            log.append("first has it")
            time.sleep(1)
            fcntl.flock(file, fcntl.LOCK_UN)
            log.append("first gives it")
            time.sleep(1)

    def second() -> None:
        with (tmp_path / "lock").open("w") as file:
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_EX)
            log.append("second has it")

    together(crew, first, second)
    assert log == ["first has it", "first gives it", "second has it"]
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def test_locks_that_only_processes_have_are_not_for_threads(crew: Crew, tmp_path: Path) -> None:
    """Two threads of one process would both have such a lock, and a correct store would be blamed."""

    def use() -> None:
        with (tmp_path / "lock").open("w") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)

    assert str(together(crew, use)) == (
        "it locks files with fcntl.lockf, which keeps processes apart, but not the threads of one"
    )
    use()


def test_there_may_be_no_locks_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.delitem(sys.modules, "fcntl")
    assert list(blocking.replacements().values()) == [blocking.connect]
