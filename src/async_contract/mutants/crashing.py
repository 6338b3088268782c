"""Stores in a file that lose, when a process is killed, what they have acknowledged.

As long as nobody is killed they keep everything: what is not in the file yet is in the memory of the
process, for all its connections. Calls are to come one after another; nothing locks the file.
"""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Sequence
from dataclasses import replace

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Backing, Row
from async_contract.store import Job, JobRecord


class File(Backing):
    """A backing in a file: what this process knows of it.

    Attributes:
        path: The file.
        late: Rows in the memory of this process that are newer than those in the file.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.clock)
        self.path = sandbox.path / "jobs"
        self.late: dict[str, Row] = {}

    def number(self) -> int:
        """A number greater than that of every row."""
        return max((row.place for row in self.rows.values()), default=0) + 1

    def read(self) -> dict[str, Row]:
        """The rows in the file."""
        rows: dict[str, Row] = pickle.loads(self.path.read_bytes())  # noqa: S301 - our own file
        return rows

    def write(self, rows: dict[str, Row]) -> None:
        """Put rows in the place of those in the file, all at once."""
        new = self.path.with_suffix(".new")
        new.write_bytes(pickle.dumps(rows))
        new.replace(self.path)


_FILES: dict[str, File] = {}
"""By sandbox: what this process knows of its file."""


class FiledStore(BrokenStore):
    """A store whose rows are in a file, read before each call and written after it."""

    def __init__(self, backing: File) -> None:
        super().__init__(backing)
        self.file = backing
        self.owner = secrets.randbits(62)

    @classmethod
    def on_file(cls, sandbox: Sandbox) -> FiledStore:
        """Connect to the file of a sandbox."""
        file = _FILES.setdefault(sandbox.name, File(sandbox))
        if not file.path.exists():
            file.write({})
        return cls(file)

    @classmethod
    def reached(cls) -> StoreHarness:
        """The harness of its stores, which another process reaches too."""
        harness = StoreHarness(
            cls.on_file,
            capabilities=cls.promises(),
            virtual_time=True,
            dispose=lambda sandbox: _FILES.pop(sandbox.name, None),
        )
        harness.found_as = f"{cls.__module__}:{cls.__name__}.on_file"
        return harness

    @classmethod
    def promises(cls) -> Capabilities:
        """As any other, for workers in several processes."""
        return replace(super().promises(), sharing="process")

    async def turn(self) -> None:
        await super().turn()
        self.load()

    def load(self) -> None:
        """Take over what is in the file, unless this process knows better."""
        self.file.rows = self.file.read() | self.file.late

    def save(self) -> None:
        """Write everything into the file."""
        self.file.write(self.rows)
        self.file.late = {}

    async def enqueue(self, job: Job) -> None:
        await super().enqueue(job)
        self.save()

    async def lease(self, limit: int) -> Sequence[object] | None:
        jobs = await super().lease(limit)
        self.save()
        return jobs

    async def complete(self, id: str) -> None:
        await super().complete(id)
        self.save()

    async def fail(self, id: str, message: str) -> None:
        await super().fail(id, message)
        self.save()

    async def inspect(self, id: str) -> JobRecord | None:
        self.load()
        return await super().inspect(id)

    async def close(self) -> None:
        self.save()


class WritesAtClose(FiledStore):
    """Nothing is written before the connection is closed."""

    breaks = "durable/kill"

    def save(self) -> None:
        self.file.late = self.rows

    async def close(self) -> None:
        super().save()


class WritesAtExit(FiledStore):
    """Nothing is written before the process ends, whose memory is where it is found when it is reopened."""

    breaks = "durable/reopen"

    def save(self) -> None:
        self.file.late = self.rows

    async def close(self) -> None:
        """Keep it in memory."""


class JobsInMemory(FiledStore):
    """What becomes of a new job is kept in memory until the connection is closed."""

    breaks = "durable/kill"

    async def enqueue(self, job: Job) -> None:
        await super(FiledStore, self).enqueue(job)
        self.file.late[job.id] = self.rows[job.id]

    def save(self) -> None:
        self.file.write({key: row for key, row in self.rows.items() if key not in self.file.late})

    async def close(self) -> None:
        super().save()


class OutcomesWrittenLater(FiledStore):
    """That a job is completed is acknowledged and written with what comes next."""

    breaks = "durable/kill"

    async def complete(self, id: str) -> None:
        await super(FiledStore, self).complete(id)
        self.file.late[id] = self.rows[id]


class LeasedTakenOut(FiledStore):
    """A job on lease is taken out of the file and kept in the memory of its worker's process."""

    breaks = "durable/kill"

    def save(self) -> None:
        self.file.late = {key: row for key, row in self.rows.items() if row.state == "leased"}
        self.file.write({key: row for key, row in self.rows.items() if row.state != "leased"})


class EmptiesItsFile(FiledStore):
    """The file is opened, which empties it, and then written."""

    breaks = "durable/kill"
    deep = True

    def save(self) -> None:
        self.file.path.write_bytes(pickle.dumps(self.rows))


SWEPT = (EmptiesItsFile,)
"""Those that are right unless the process is killed at one instant."""

STORES = (WritesAtClose, WritesAtExit, JobsInMemory, OutcomesWrittenLater, LeasedTakenOut)
