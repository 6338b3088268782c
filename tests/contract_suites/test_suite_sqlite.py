"""The SQLite store keeps its promises: by one worker, by several, after a crash, under contention."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.experiments.bench import Settings
from async_contract.experiments.crashes import SWEPT, Crashes
from async_contract.experiments.kills import Kill
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.harness.target import load
from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord
from contract_suites import sqlite as module
from contract_suites.sqlite import SqliteStore

ROOT = Path(module.__file__).parents[1]

Open = Callable[..., SqliteStore]


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of every store of a test."""
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that does not exist yet."""
    return tmp_path / "jobs.db"


@pytest.fixture
def connect(path: Path, clock: Clock) -> Iterator[Open]:
    """Opens one more connection to the same file; all are closed in the end."""
    with ExitStack() as stores:

        def connect(
            *,
            lease_timeout: float = 10.0,
            max_attempts: int | None = 3,
            retry_delay: float = 0.0,
            busy_timeout: float = 30.0,
            clock: Callable[[], float] = clock,
        ) -> SqliteStore:
            store = SqliteStore(
                path,
                lease_timeout=lease_timeout,
                max_attempts=max_attempts,
                retry_delay=retry_delay,
                busy_timeout=busy_timeout,
                clock=clock,
            )
            return stores.enter_context(closing(store))

        yield connect


def ids(jobs: list[Job]) -> list[str]:
    """The jobs' ids, in the jobs' order."""
    return [job.id for job in jobs]


def enqueue(store: SqliteStore, *names: str) -> None:
    """Enqueues jobs of which nothing but the id matters."""
    for name in names:
        store.enqueue(Job(name, "kind"))


# One worker


def test_delivers_a_job_as_it_was_enqueued_and_counts_the_delivery(connect: Open) -> None:
    """A delivered job has its fields, and 1 as the number of its deliveries, whatever it said before."""
    store = connect()
    store.enqueue(Job("a", "mail", "tenant", b"\x00\xff", attempts=7))
    store.enqueue(Job("b", "mail"))
    assert store.lease(2) == [Job("a", "mail", "tenant", b"\x00\xff", 1), Job("b", "mail", "", b"", 1)]


def test_inspect_follows_a_job_through_its_life(connect: Open) -> None:
    """Unknown, ready, leased, ready again with the message, completed."""
    store = connect()
    seen = [store.inspect("a")]
    enqueue(store, "a")
    seen.append(store.inspect("a"))
    store.lease(1)
    seen.append(store.inspect("a"))
    store.fail("a", "no luck")
    seen.append(store.inspect("a"))
    store.lease(1)
    store.complete("a")
    seen.append(store.inspect("a"))
    assert seen == [
        None,
        JobRecord("ready", None, 0),
        JobRecord("leased", None, 1),
        JobRecord("ready", "no luck", 1),
        JobRecord("completed", "no luck", 2),
    ]


@pytest.mark.parametrize(
    ("limit", "delivered"), [(-1, ""), (0, ""), (1, "a"), (2, "ab"), (4, "abc"), (2**31 - 1, "abc")]
)
def test_leases_at_most_limit_jobs(connect: Open, limit: int, delivered: str) -> None:
    """A limit delivers as many jobs or what there is; none below 1, and puts no other on lease."""
    store = connect()
    enqueue(store, "a", "b", "c")
    assert ids(store.lease(limit)) == list(delivered)
    assert ids(store.lease(3)) == [name for name in "abc" if name not in delivered]


def test_delivers_first_what_was_enqueued_first(connect: Open, clock: Clock) -> None:
    """Two connections' jobs come in the order they were enqueued, also when the clock is set back."""
    first, second = connect(), connect()
    enqueue(first, "z")
    clock.now -= 500
    enqueue(second, "y")
    clock.now -= 500
    enqueue(first, "x")
    assert ids(second.lease(2)) + ids(first.lease(2)) == ["z", "y", "x"]


def test_a_failed_job_goes_to_the_back(connect: Open) -> None:
    """A job that always fails does not hold up the others."""
    store = connect(max_attempts=None)
    enqueue(store, "poison", "a", "b")
    delivered = []
    for _ in range(5):
        [job] = store.lease(1)
        delivered.append(job)
        store.fail(job.id, "again")
    assert [(job.id, job.attempts) for job in delivered] == [
        ("poison", 1), ("a", 1), ("b", 1), ("poison", 2), ("a", 2),
    ]  # fmt: skip


def test_a_job_failed_on_its_last_attempt_is_dead(connect: Open) -> None:
    """The third fail of three ends the job; the first two do not."""
    store = connect(max_attempts=3)
    enqueue(store, "a")
    records = []
    for n in range(3):
        assert ids(store.lease(1)) == ["a"]
        store.fail("a", f"message {n}")
        records.append(store.inspect("a"))
    assert records == [
        JobRecord("ready", "message 0", 1),
        JobRecord("ready", "message 1", 2),
        JobRecord("dead", "message 2", 3),
    ]
    assert store.lease(1) == []


def test_without_max_attempts_a_job_never_dies(connect: Open, clock: Clock) -> None:
    """With `None`, neither fails nor expired leases end a job."""
    store = connect(max_attempts=None)
    enqueue(store, "a")
    for _ in range(10):
        store.lease(1)
        store.fail("a", "")
        store.lease(1)
        clock.now += 10
    assert store.inspect("a") == JobRecord("ready", "", 20)


def test_a_failed_job_waits_for_its_retry(connect: Open, clock: Clock) -> None:
    """A failed job is ready when `retry_delay` has passed, and not before."""
    store = connect(retry_delay=5)
    enqueue(store, "a")
    store.lease(1)
    store.fail("a", "later")
    clock.now += 4.999
    assert store.lease(1) == []
    assert store.inspect("a") == JobRecord("ready", "later", 1)
    clock.now += 0.001
    assert ids(store.lease(1)) == ["a"]


def test_a_lower_maximum_applies_to_jobs_that_wait_for_their_retry(connect: Open) -> None:
    """A store opened with a lower `max_attempts` buries the jobs that have used it up."""
    store = connect(max_attempts=3)
    enqueue(store, "a")
    store.lease(1)
    store.fail("a", "once")
    stricter = connect(max_attempts=1)
    assert stricter.lease(1) == []
    assert store.inspect("a") == JobRecord("dead", "once", 1)


# What is refused


def test_an_id_is_enqueued_once(connect: Open) -> None:
    """A second job with an id is refused, also after the first was completed, and changes nothing."""
    store = connect()
    store.enqueue(Job("a", "kind", payload=b"first"))
    with pytest.raises(JobExists, match=r"^job 'a' was enqueued before$"):
        store.enqueue(Job("a", "kind", payload=b"second"))
    assert store.lease(2) == [Job("a", "kind", payload=b"first", attempts=1)]
    store.complete("a")
    with pytest.raises(JobExists):
        enqueue(store, "a")
    assert store.inspect("a") == JobRecord("completed", None, 1)


@pytest.mark.parametrize("job", [Job("", "kind"), Job("a", "")])
def test_a_job_needs_an_id_and_a_kind(connect: Open, job: Job) -> None:
    """An empty id or kind is refused, and the message says what to write."""
    store = connect()
    with pytest.raises(ValueError, match=r"^id='.*', kind='.*': a job needs both; write a non-empty str$"):
        store.enqueue(job)
    assert store.lease(1) == []


End = Callable[[SqliteStore, str], None]


def complete(store: SqliteStore, name: str) -> None:
    """Ends a lease one way."""
    store.complete(name)


def fail(store: SqliteStore, name: str) -> None:
    """Ends a lease the other way."""
    store.fail(name, "from a worker without the lease")


ends = pytest.mark.parametrize("end", [complete, fail])


@ends
def test_an_unknown_id_is_not_found(connect: Open, end: End) -> None:
    """Completing or failing an id that the store does not know is refused and changes no job."""
    store = connect()
    enqueue(store, "a")
    with pytest.raises(JobNotFound, match=r"^there is no job 'b'$"):
        end(store, "b")
    assert (store.inspect("a"), store.inspect("b")) == (JobRecord("ready", None, 0), None)


@ends
@pytest.mark.parametrize("state", ["ready", "waiting", "completed", "dead"])
def test_a_job_off_lease_can_not_be_ended(connect: Open, end: End, state: str) -> None:
    """Completing or failing a job that nobody holds is refused and changes nothing."""
    store = connect(max_attempts=1 if state == "dead" else 2, retry_delay=1)
    enqueue(store, "a")
    if state != "ready":
        store.lease(1)
        store.complete("a") if state == "completed" else store.fail("a", "its own")
    before = store.inspect("a")
    with pytest.raises(JobNotLeased, match=r"^job 'a' is not on lease to this worker, or not any more$"):
        end(store, "a")
    assert store.inspect("a") == before


@ends
def test_only_the_holder_ends_a_lease(connect: Open, end: End) -> None:
    """Another connection can neither complete nor fail a job on lease; the holder still can."""
    holder, other = connect(), connect()
    enqueue(holder, "a")
    holder.lease(1)
    with pytest.raises(JobNotLeased):
        end(other, "a")
    assert other.inspect("a") == JobRecord("leased", None, 1)
    holder.complete("a")


# Leases that expire


def test_a_job_is_on_lease_until_its_time_is_up(connect: Open, clock: Clock) -> None:
    """A lease excludes other workers for `lease_timeout` and not longer; opening ends none."""
    holder = connect(lease_timeout=10)
    enqueue(holder, "a")
    holder.lease(1)
    clock.now += 9.999
    other = connect(lease_timeout=10)
    assert other.lease(1) == []
    assert other.inspect("a") == JobRecord("leased", None, 1)
    clock.now += 0.001
    assert other.inspect("a") == JobRecord("ready", None, 1)
    assert other.lease(1) == [Job("a", "kind", attempts=2)]


@ends
def test_a_late_worker_is_fenced_off(connect: Open, clock: Clock, end: End) -> None:
    """Once its lease has expired, a worker can not end the job: not while it is ready, held, or done."""
    late, other = connect(), connect()
    enqueue(late, "a")
    late.lease(1)
    clock.now += 10
    records = []
    for step in (lambda: None, lambda: other.lease(1), lambda: other.complete("a")):
        step()
        with pytest.raises(JobNotLeased):
            end(late, "a")
        records.append(late.inspect("a"))
    assert records == [
        JobRecord("ready", None, 1), JobRecord("leased", None, 2), JobRecord("completed", None, 2),
    ]  # fmt: skip


def test_a_worker_that_leases_again_holds_the_new_lease(connect: Open, clock: Clock) -> None:
    """A worker whose lease expired and who leased the job anew can complete it."""
    store = connect()
    enqueue(store, "a")
    store.lease(1)
    clock.now += 10
    assert store.lease(1) == [Job("a", "kind", attempts=2)]
    store.complete("a")
    assert store.inspect("a") == JobRecord("completed", None, 2)


def test_expired_leases_use_up_attempts(connect: Open, clock: Clock) -> None:
    """A job whose last lease expired is dead: it shows so at once and is not delivered again."""
    store = connect(max_attempts=2)
    enqueue(store, "a")
    for attempts in (1, 2):
        assert store.lease(1) == [Job("a", "kind", attempts=attempts)]
        clock.now += 10
    assert store.inspect("a") == JobRecord("dead", None, 2)
    assert store.lease(1) == []
    assert store.inspect("a") == JobRecord("dead", None, 2)


def test_the_time_is_read_under_the_write_lock(connect: Open, path: Path) -> None:
    """No other connection can write between the reading of the clock and the change it dates."""
    answers: list[str] = []

    def clock() -> float:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                answers.append(str(error))
        return 0.0

    store = connect(clock=clock, max_attempts=None)
    enqueue(store, "a")
    store.lease(1)
    store.fail("a", "")
    store.lease(1)
    store.complete("a")
    assert answers == ["database is locked"] * 6  # the schema, and five calls


# Any text

LOOK_ALIKES = [
    "a", "A", "a ", " a", "a\0", "a\0b", "\0", "%", "_", "a%", "é", "e\u0301", "\uff41", "1", "01", "1.0",
    "'; DROP TABLE jobs; --", "\n", "\ufeffa", "\U0001f600", "x" * 100_000,
]  # fmt: skip


def test_ids_that_look_alike_are_different_jobs(connect: Open) -> None:
    """Each of many similar ids comes back exactly, and completing every second leaves the others."""
    store = connect()
    enqueue(store, *LOOK_ALIKES)
    assert ids(store.lease(100)) == LOOK_ALIKES
    for name in LOOK_ALIKES[::2]:
        store.complete(name)
    expected = {name: JobRecord("leased", None, 1) for name in LOOK_ALIKES}
    expected |= dict.fromkeys(LOOK_ALIKES[::2], JobRecord("completed", None, 1))
    assert {name: store.inspect(name) for name in LOOK_ALIKES} == expected


def test_text_and_bytes_come_back_exactly(connect: Open, path: Path) -> None:
    """Kind, tenant and payload are delivered as they were taken in, after a reopening too."""
    jobs = [Job(str(n), text, text, text.encode()) for n, text in enumerate(LOOK_ALIKES)]
    jobs.append(Job("bytes", "kind", payload=bytes(range(256)) * 4096))
    store = connect()
    for job in jobs:
        store.enqueue(job)
    store.close()
    assert connect().lease(100) == [Job(j.id, j.kind, j.tenant_id, j.payload, 1) for j in jobs]


@pytest.mark.parametrize("message", ["", *LOOK_ALIKES, "y" * 2**20])
def test_any_message_is_recorded_exactly(connect: Open, message: str) -> None:
    """A message with NUL, quotes, line breaks or a mebibyte of text is stored character for character."""
    store = connect()
    enqueue(store, "a", "b")
    store.lease(2)
    store.fail("a", message)
    assert store.inspect("a") == JobRecord("ready", message, 1)
    assert store.inspect("b") == JobRecord("leased", None, 1)


def test_lone_surrogates_are_refused_and_change_nothing(connect: Open) -> None:
    """Text that UTF-8 can't hold is a ValueError everywhere, and the holder can fail with another message."""
    store = connect()
    enqueue(store, "a")
    for fields in (("\ud800", "kind"), ("b", "\ud800"), ("b", "kind", "\ud800")):
        with pytest.raises(ValueError, match="surrogates not allowed"):
            store.enqueue(Job(*fields))
    assert ids(store.lease(9)) == ["a"]
    calls: list[Callable[[], object]] = [
        lambda: store.complete("\ud800"),
        lambda: store.fail("\ud800", "message"),
        lambda: store.fail("a", "\ud800"),
        lambda: store.inspect("\ud800"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="surrogates not allowed"):
            call()
    assert connect(busy_timeout=0).inspect("a") == JobRecord("leased", None, 1)
    store.fail("a", "safe")
    assert store.inspect("a") == JobRecord("ready", "safe", 1)


# Several connections, threads and processes


def test_a_writer_that_does_not_finish_is_waited_for_no_longer_than_told(connect: Open, path: Path) -> None:
    """While another connection writes, a call raises after `busy_timeout` and has no effect."""
    store = connect(busy_timeout=0)
    enqueue(store, "a")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match=r"^database is locked$"):
            store.lease(1)
        assert store.inspect("a") == JobRecord("ready", None, 0)
    assert ids(store.lease(1)) == ["a"]


def test_a_new_file_that_others_open_too_is_waited_for(
    connect: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The switch to WAL, to which SQLite applies no busy timeout, is tried until the file is free."""
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            holder.close()

    monkeypatch.setattr(time, "sleep", pause)
    store = connect()
    enqueue(store, "a")
    assert (pauses, ids(store.lease(1))) == ([0.01] * 3, ["a"])
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_opening_gives_up_when_its_patience_is_over(connect: Open, path: Path) -> None:
    """A new file that stays locked can not be opened, and the error is SQLite's own."""
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match=r"^database is locked$"):
            connect(busy_timeout=0)


def test_errors_that_waiting_does_not_cure_are_raised_at_once(
    connect: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no database, or can not have its log beside it, is not tried again."""
    monkeypatch.setattr(time, "sleep", None)
    path.write_text("some other file, which is long enough to be read as a database header" * 20)
    with pytest.raises(sqlite3.DatabaseError, match=r"^file is not a database$"):
        connect()
    path.unlink()
    path.with_name("jobs.db-wal").mkdir()
    with pytest.raises(sqlite3.OperationalError, match=r"^(disk I/O error|unable to open database file)$"):
        connect()


def test_threads_may_share_a_store_object(connect: Open) -> None:
    """Four threads with one object lease every job exactly once, and complete it."""
    store = connect()
    names = [f"job {n}" for n in range(40)]
    enqueue(store, *names)
    leased: list[str] = []

    def work() -> None:
        while jobs := store.lease(3):
            for job in jobs:
                leased.append(job.id)
                store.complete(job.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(leased) == sorted(names)
    assert {store.inspect(name) for name in names} == {JobRecord("completed", None, 1)}


def child(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts another process with the store at hand; it begins when a line is written to it."""
    prelude = """
import os, signal, sqlite3, sys
from async_contract.store import Job
from contract_suites.sqlite import SqliteStore
sys.stdin.readline()
"""
    return subprocess.Popen(
        [sys.executable, "-c", prelude + program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )


def outputs(*children: subprocess.Popen[str]) -> list[list[str]]:
    """Lets the children begin together; gives the words that each wrote."""
    for process in children:
        assert process.stdin is not None
        process.stdin.write("begin\n")
        process.stdin.flush()
    return [process.communicate(timeout=60)[0].split() for process in children]


def test_processes_may_create_the_file_at_once(connect: Open, path: Path) -> None:
    """Four processes that open a new file together all find their place in it."""
    program = "SqliteStore(sys.argv[1]).enqueue(Job(sys.argv[2], 'kind'))"
    children = [child(program, path, name) for name in "abcd"]
    outputs(*children)
    assert [process.returncode for process in children] == [0, 0, 0, 0]
    assert sorted(ids(connect().lease(9))) == ["a", "b", "c", "d"]


def test_processes_never_lease_the_same_job(connect: Open, path: Path) -> None:
    """Two processes that lease and end 200 jobs share them: each job is delivered once, and none is lost."""
    store = connect()
    names = [f"{n}" for n in range(200)]
    enqueue(store, *names)
    program = """
store = SqliteStore(sys.argv[1])
while jobs := store.lease(3):
    for job in jobs:
        print(job.id)
        store.complete(job.id)
"""
    first, second = outputs(child(program, path), child(program, path))
    assert sorted(first + second, key=int) == names
    assert {store.inspect(name) for name in names} == {JobRecord("completed", None, 1)}


# Reopening, and crashes


def test_everything_survives_closing_and_reopening(connect: Open) -> None:
    """Jobs ready, leased, completed and dead are what they were; the lease lasts, and is the old object's."""
    store = connect(max_attempts=1)
    enqueue(store, "completed", "dead", "leased", "ready")
    store.lease(3)
    store.complete("completed")
    store.fail("dead", "of this")
    store.close()
    store.close()
    store = connect(max_attempts=1)
    assert {name: store.inspect(name) for name in ("completed", "dead", "leased", "ready")} == {
        "completed": JobRecord("completed", None, 1),
        "dead": JobRecord("dead", "of this", 1),
        "leased": JobRecord("leased", None, 1),
        "ready": JobRecord("ready", None, 0),
    }
    with pytest.raises(JobNotLeased):
        store.complete("leased")
    assert ids(store.lease(9)) == ["ready"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process can't be killed outright on Windows")
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("store.enqueue(Job('new', 'kind'))", [("held", "leased"), ("free", "ready"), ("new", None)]),
        ("store.lease(1)", [("held", "leased"), ("free", "ready"), ("new", None)]),
        ("store.complete('held')", [("held", "leased"), ("free", "ready"), ("new", None)]),
        ("store.fail('held', 'lost')", [("held", "leased"), ("free", "ready"), ("new", None)]),
    ],
)
def test_a_process_killed_before_its_commit_leaves_no_trace(
    connect: Open, path: Path, clock: Clock, call: str, expected: list[tuple[str, str | None]]
) -> None:
    """What was acknowledged is kept, what was not has not happened, and the lease expires in its time."""
    program = f"""
class Connection(sqlite3.Connection):
    last = False
    def commit(self):
        if Connection.last:
            os.kill(os.getpid(), signal.SIGKILL)
        super().commit()
connect = sqlite3.connect
sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)
store = SqliteStore(sys.argv[1], lease_timeout=10, clock=lambda: {clock.now})
store.enqueue(Job('held', 'kind'))
store.enqueue(Job('free', 'kind'))
store.lease(1)
Connection.last = True
{call}
"""
    killed = child(program, path)
    outputs(killed)
    assert killed.returncode == -signal.SIGKILL
    store = connect()
    records = [(name, store.inspect(name)) for name, _ in expected]
    assert [(name, record and record.state) for name, record in records] == expected
    assert store.lease(9) == [Job("free", "kind", attempts=1)]
    clock.now += 10
    assert store.lease(1) == [Job("held", "kind", attempts=2)]


# The way it is stored


def test_no_call_looks_at_all_jobs(connect: Open, path: Path) -> None:
    """Every statement finds its rows through an index and sorts none: a lease costs O(log n) for each job."""
    connect()
    names = ["id", "kind", "tenant_id", "payload", "owner", "message", "now", "max_attempts", "retry_delay"]
    used = {}
    with closing(sqlite3.connect(path)) as db:
        for name in ("_ENQUEUE", "_RETURN_DUE", "_NEXT", "_TAKE", "_COMPLETE", "_FAIL", "_INSPECT"):
            statement = getattr(module, name)
            bound: Any = (1,) * statement.count("?") or dict.fromkeys(names, 1)
            plan = [row[-1] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", bound)]
            assert not [step for step in plan if "TEMP B-TREE" in step]
            used[name] = {re.sub(".*USING (COVERING )?", "", step) for step in plan if "jobs" in step}
    by_id = {"INDEX sqlite_autoindex_jobs_1 (id=?)"}
    assert used == {
        "_ENQUEUE": {"INDEX jobs_ready"},
        "_RETURN_DUE": {"INDEX jobs_due (due<?)", "INDEX jobs_ready"},
        "_NEXT": {"INDEX jobs_ready"},
        "_TAKE": {"INTEGER PRIMARY KEY (rowid=?)"},
        "_COMPLETE": by_id,
        "_FAIL": by_id,
        "_INSPECT": by_id,
    }


def test_finished_jobs_can_be_forgotten(connect: Open, path: Path, clock: Clock) -> None:
    """The statement that the documentation gives deletes what finished before an instant, and no more."""
    assert module.__doc__ is not None
    statement = next(part for part in module.__doc__.split("`") if part.startswith("DELETE"))
    store = connect(max_attempts=1, retry_delay=5)
    enqueue(store, "completed", "dead", "leased", "ready")
    store.lease(3)
    store.complete("completed")
    store.fail("dead", "")
    forgotten = []
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for instant in (clock.now, clock.now + 0.001):
            db.execute(statement, (instant,))
            forgotten.append([name for (name,) in db.execute("SELECT id FROM jobs ORDER BY seq")])
    assert forgotten == [["completed", "dead", "leased", "ready"], ["leased", "ready"]]
    enqueue(store, "completed")
    assert ids(store.lease(9)) == ["ready", "completed"]


def test_every_commit_waits_for_the_disk(path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection has WAL and `synchronous = FULL`, as the documentation says."""
    connections: list[sqlite3.Connection] = []

    class Connection(sqlite3.Connection):
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            super().__init__(*arguments, **settings)
            connections.append(self)

    monkeypatch.setattr(sqlite3, "connect", Connection)
    with closing(SqliteStore(path, clock=clock)):
        [db] = connections
        settings = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lease_timeout": 0}, "lease_timeout=0 is not positive; write seconds above 0"),
        ({"lease_timeout": float("nan")}, "lease_timeout=nan is not positive; write seconds above 0"),
        ({"max_attempts": 0}, "max_attempts=0 is less than 1; write 1 or more, or None"),
        ({"retry_delay": -1}, "retry_delay=-1 is negative; write seconds, 0 or more"),
    ],
)
def test_settings_out_of_range_are_refused(path: Path, settings: dict[str, Any], message: str) -> None:
    """A setting that means nothing is refused with what to write, before a file is made."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SqliteStore(path, **settings)
    assert not path.exists()


# What is declared


def test_the_harness_connects_workers_to_one_file_in_virtual_time(tmp_path: Path) -> None:
    """Two connections of one sandbox see the same jobs, and the sandbox's clock ends their leases."""
    sandbox = Sandbox("example", tmp_path, virtual=True)
    with (
        closing(module.harness.connect(sandbox)) as first,
        closing(module.harness.connect(sandbox)) as second,
    ):
        enqueue(first, "a")
        assert second.lease(1) == [Job("a", "kind", attempts=1)]
        sandbox.advance(1)
        assert first.lease(1) == [Job("a", "kind", attempts=2)]
        first.fail("a", "message")
        sandbox.advance(0.5)
        assert first.lease(1) == [Job("a", "kind", attempts=3)]
    assert (tmp_path / "jobs.db").is_file()
    assert module.harness.virtual_time
    assert module.harness.capabilities == Capabilities(
        lease_timeout=1.0,
        redelivers=True,
        max_attempts=3,
        expiry_counts=True,
        retry_delay=0.5,
        counts_attempts=True,
        fifo=True,
        fences=True,
        durable=True,
        sharing="process",
    )


# What is documented


def test_every_statement_of_the_sweep_is_in_the_documentation() -> None:
    """The table of killed workers has those of a lease, a complete and a fail."""
    page = Path(__file__).parents[2].joinpath("docs", "explanation", "crashes.md").read_text("utf-8")
    shown = re.findall(r"^\| (\w+) \| \d+ \| statement \| `(.+)` \| held \|$", page, re.MULTILINE)

    async def swept() -> list[tuple[str, str]]:
        found = []
        with Sandboxes() as sandboxes:
            crashes = Crashes(load("contract_suites.sqlite:harness"), sandboxes, Settings())
            async with crashes.host as host:
                for program in SWEPT:
                    await crashes.run(host, program, Kill("after"))
                    call = program[-1].kind.name.lower()
                    found += [(call, text) for kind, text in host.boundaries if kind == "statement"]
        return [(call, re.sub(r"'[0-9a-f]{32}'", "'…'", text)) for call, text in found]

    assert shown == asyncio.run(swept())
