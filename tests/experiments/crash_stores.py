"""Stores for workers in other processes, which find them here."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.mutants.crashing import File, FiledStore

HERE = os.getpid()
"""The process that imported this: a fork of it has another number."""


class Torn(FiledStore):
    """A complete empties the file and takes its time to fill it again."""

    async def complete(self, id: str) -> None:
        """Complete a job, slowly."""
        self.file.path.write_bytes(b"")
        time.sleep(0.3)  # noqa: ASYNC251 - it is to block
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
