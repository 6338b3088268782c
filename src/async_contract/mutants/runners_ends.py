"""Runners that lose something when they are told to end, or do not end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from async_contract.mutants.runner import BrokenRunner
from async_contract.store import Job


class StopDoesNotWait(BrokenRunner):
    """Told to stop, it ends at once, whatever is in flight."""

    breaks = "runner/stops"

    async def drain(self) -> None:
        if self.cancelled:
            await super().drain()


class StopCancelsHandlers(BrokenRunner):
    """Told to stop, it cancels the handlers instead of waiting for them."""

    breaks = "runner/stops"

    def stop(self) -> None:
        super().stop()
        self.give_up()


class StopFailsJobsInFlight(BrokenRunner):
    """Told to stop, it fails the jobs in flight and leaves their handlers at work."""

    breaks = "runner/stops"

    async def handled(self, job: Job) -> BaseException | None:
        handling = asyncio.create_task(super().handled(job))
        told = asyncio.create_task(self.told.wait())
        await asyncio.wait({handling, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        return handling.result() if handling.done() else InterruptedError("the worker stops")


class StopForgetsLeaseInFlight(BrokenRunner):
    """Told to stop while a lease is on its way, it drops what that delivers."""

    breaks = "runner/stops"

    def admit(self, jobs: Sequence[Job]) -> None:
        if self.cancelled or not self.told.is_set():
            super().admit(jobs)


class StopForgetsRecording(BrokenRunner):
    """Told to stop, it waits for the handlers, and not for their outcomes to be recorded."""

    breaks = "runner/stops"

    async def drain(self) -> None:
        while self.handling and not self.cancelled:
            await asyncio.wait(self.handling)
        if self.cancelled:
            await super().drain()


class StopEmptiesTheStore(BrokenRunner):
    """Told to stop, it first works off whatever is ready."""

    breaks = "runner/stops"

    def goes_on(self) -> bool:
        return super().goes_on() or (self.in_hand > 0 and not self.cancelled)


class HearsStopWhenIdleOnly(BrokenRunner):
    """It looks whether it is to stop only when a lease delivered nothing."""

    breaks = "runner/stops"
    idle = False

    def goes_on(self) -> bool:
        return not (self.idle or self.cancelled)

    async def pause(self, jobs: Sequence[Job]) -> None:
        await super().pause(jobs)
        self.idle = not jobs and self.told.is_set()


class IgnoresStop(BrokenRunner):
    """Told to stop, it goes on."""

    breaks = "runner/stops"

    def stop(self) -> None:
        if self.cancelled:
            super().stop()


class StopNeverEnds(BrokenRunner):
    """Told to stop, it waits for a slot that nobody frees."""

    breaks = "runner/stops"

    async def drain(self) -> None:
        await super().drain()
        if not self.cancelled:
            await self.slot()


class CancelDoesNotWait(BrokenRunner):
    """Cancelled, it ends at once, whatever is in flight."""

    breaks = "runner/cancelled"

    async def run(self) -> None:
        await self.work()


class CancelForgetsLeaseInFlight(BrokenRunner):
    """Cancelled while a lease is on its way, it drops what that delivers."""

    breaks = "runner/cancelled"

    def admit(self, jobs: Sequence[Job]) -> None:
        if not self.cancelled:
            super().admit(jobs)


class CancelStrikesRecording(BrokenRunner):
    """Cancelled, it cancels everything that it has begun, the recording of outcomes too."""

    breaks = "runner/cancelled"

    def give_up(self) -> None:
        for task in self.jobs:
            task.cancel()
        super().give_up()


class CancelForgetsHandlers(BrokenRunner):
    """Cancelled, it cancels the handlers, and does not record what comes of that."""

    breaks = "runner/cancelled"

    async def fail(self, job: Job, error: BaseException) -> None:
        if not (self.cancelled and isinstance(error, asyncio.CancelledError)):
            await super().fail(job, error)


class CancelForgetsStubbornHandlers(BrokenRunner):
    """Cancelled, it does not record a handler that returned instead of ending as cancelled."""

    breaks = "runner/cancelled"

    async def complete(self, job: Job) -> None:
        if not self.cancelled:
            await super().complete(job)


class SwallowsCancellation(BrokenRunner):
    """Cancelled, it goes on."""

    breaks = "runner/cancelled"

    async def run(self) -> None:
        working = asyncio.create_task(self.work())
        while not working.done():
            try:
                await asyncio.wait({working})
            except asyncio.CancelledError:
                continue


RUNNERS: tuple[type[BrokenRunner], ...] = (
    StopDoesNotWait, StopCancelsHandlers, StopFailsJobsInFlight, StopForgetsLeaseInFlight,
    StopForgetsRecording, StopEmptiesTheStore, HearsStopWhenIdleOnly, IgnoresStop, StopNeverEnds,
    CancelDoesNotWait, CancelForgetsLeaseInFlight, CancelStrikesRecording, CancelForgetsHandlers,
    CancelForgetsStubbornHandlers, SwallowsCancellation,
)  # fmt: skip
"""All of them."""
