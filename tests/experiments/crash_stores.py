"""Stores for workers in other processes, which find them here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Sequence

from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.mutants.crashing import File, FiledStore
from async_contract.mutants.tables import TableStore
from async_contract.store import Job

HERE = os.getpid()
"""The process that imported this: a fork of it has another number."""


class Torn(FiledStore):
    """A complete empties the file and takes its time to fill it again."""

    async def complete(self, id: str) -> None:
        """Complete a job, slowly."""
        self.file.path.write_bytes(b"")
        time.sleep(5)  # noqa: ASYNC251 - it is to block, until it is killed
        await super().complete(id)


class TornForAMoment(FiledStore):
    """Empties the file and fills it again at once."""

    def save(self) -> None:
        """Write everything, but not in one go."""
        self.file.path.write_bytes(b"")
        super().save()


class TornForAll(Torn):
    """The same, and who connects reads the file."""

    def __init__(self, backing: File) -> None:
        super().__init__(backing)
        backing.read()


class Endless(FiledStore):
    """Its leases don't expire."""

    lease_timeout = None


class Unopened(FiledStore):
    """A worker in another process can't open it."""

    def __init__(self, backing: File) -> None:
        if os.getpid() != HERE:
            raise OSError("not here")
        super().__init__(backing)


class Dying(FiledStore):
    """A worker in another process dies when it connects, and says why."""

    def __init__(self, backing: File) -> None:
        if os.getpid() != HERE:
            sys.stderr.write("out of memory\n")
            sys.stderr.flush()
            os._exit(3)
        super().__init__(backing)


class OfProcesses(FiledStore):
    """It knows its workers by their process: all connections of one are one owner."""

    def __init__(self, backing: File) -> None:
        super().__init__(backing)
        self.owner = os.getpid()


class OfNobody(OfProcesses):
    """The same, but a fail is not asked who made it."""

    async def fail(self, id: str, message: str) -> None:
        """Fail a job for whoever holds it."""
        self.load()
        row = self.found(id)
        if row is not None and row.state == "leased":
            self.owner = row.owner
        try:
            await super().fail(id, message)
        finally:
            self.owner = os.getpid()


class DyingLater(FiledStore):
    """A worker in another process dies when it is to lease."""

    async def lease(self, limit: int) -> Sequence[object] | None:
        """End the process."""
        if os.getpid() != HERE:
            os._exit(3)
        return await super().lease(limit)


class Hanging(FiledStore):
    """A complete in another process takes for ever, and can't be cancelled."""

    async def complete(self, id: str) -> None:
        """Hang."""
        if os.getpid() != HERE:
            time.sleep(60)  # noqa: ASYNC251 - it is to block
        await super().complete(id)


class Waiting(FiledStore):
    """A complete in another process takes for ever, and can be cancelled."""

    async def complete(self, id: str) -> None:
        """Wait."""
        if os.getpid() != HERE:
            await asyncio.sleep(60)
        await super().complete(id)


class Misjudged(FiledStore):
    """Its harness can't tell whether an error is a refusal."""

    async def complete(self, id: str) -> None:
        """Fail."""
        raise OSError("disk")


def misjudged(sandbox: Sandbox) -> FiledStore:
    """Connect to one."""
    return Misjudged.on_file(sandbox)


misjudging = StoreHarness(misjudged, is_rejection=lambda error: "perhaps", virtual_time=True)
misjudging.found_as = f"{__name__}:misjudging"


class Knotted(TableStore):
    """A lease takes a lock, and then the one that whoever leases at the same time has."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.path = sandbox.path
        self.files = [(sandbox.path / f"lock-{number}").open("w") for number in range(2)]

    def lease(self, limit: int) -> Sequence[Job]:
        """Lock twice, and wait in between."""
        if os.getpid() == HERE:
            return super().lease(limit)
        own = self.turn()
        while not (self.path / f"turn-{1 - own}").exists():
            time.sleep(0.001)
        self.lock(1 - own)
        raise AssertionError("both locks are taken")

    def close(self) -> None:
        """Close everything."""
        super().close()
        for file in self.files:
            file.close()

    def turn(self) -> int:
        """Take a lock that is free, and say so."""
        import fcntl  # noqa: PLC0415 - not on Windows

        for number in range(2):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self.files[number], fcntl.LOCK_EX | fcntl.LOCK_NB)
                (self.path / f"turn-{number}").touch()
                return number
        raise AssertionError("there are two workers")

    def lock(self, number: int) -> None:
        """Wait for a lock."""
        import fcntl  # noqa: PLC0415 - not on Windows

        fcntl.flock(self.files[number], fcntl.LOCK_EX)
