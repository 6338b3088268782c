"""What was seen of a runner in one run: the calls, the jobs, what it told, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from async_contract.experiments.fence import LeftTheLoop
from async_contract.experiments.runners.scene import Scene, Work
from async_contract.history.operation import CANCELLED, OK, REJECTED, UNKNOWN, Delivered, Operation
from async_contract.store import Job, JobNotLeased

POLL = 10.0
"""The poll interval of every runner on trial, in virtual seconds."""


@dataclass(slots=True, eq=False)
class Call:
    """A call by the runner, or what it was told.

    Attributes:
        method: `lease`, `complete`, `fail`, `handle`, `stop` or `cancel`.
        worker: Its column in a diagram.
        invoked: The instant, in nanoseconds, and `time` in seconds; `turn`: the step of the event loop.
        returned: The instant at which it ended; `None`: it has not.
        ended: That in seconds.
        error: Why it did not return; `CANCELLED` if it was cancelled.
        faulted: Whether trouble was made in it.
        took: Whether it had its effect.
        jobs: What it delivered.
        left: How many jobs were ready when it returned.
    """

    method: str
    worker: int
    invoked: int
    time: float
    turn: int
    job_id: str | None = None
    value: Any = None
    returned: int | None = None
    ended: float = 0.0
    error: str = ""
    faulted: bool = False
    took: bool = False
    jobs: tuple[Job, ...] = ()
    left: int = 0

    @property
    def is_attempt(self) -> bool:
        """Whether it recorded an outcome, or tried and was refused: not if it was cancelled before."""
        return self.took or bool(self.error and self.error != CANCELLED)

    def operation(self) -> Operation:
        """The same, as it stands in a history."""
        jobs = tuple(Delivered(each.id, each.kind, each.tenant_id, each.payload) for each in self.jobs)
        outcome = UNKNOWN if self.error or self.returned is None else OK
        if self.error == JobNotLeased.__name__:
            outcome = REJECTED  # the store's own word; whatever else is raised tells nothing
        return Operation(
            cast(Any, self.method), self.worker, self.invoked, self.returned, outcome, self.job_id,
            self.value, jobs, self.error,
        )  # fmt: skip


@dataclass(slots=True, eq=False)
class Life:
    """What became of one job.

    Attributes:
        job: The job.
        work: What its handler does.
        taken: Whether the store has given it away.
        delivery: The lease that delivered it.
        handle: The call of the handler.
        raised: What that raised; `returned`: whether it returned.
        struck: When somebody cancelled it, in seconds.
        calls: The completes and fails.
    """

    job: Job
    work: Work
    taken: bool = False
    delivery: Call | None = None
    handle: Call | None = None
    raised: BaseException | None = None
    returned: bool = False
    struck: float | None = None
    calls: list[Call] = field(default_factory=list)

    @property
    def is_lost(self) -> bool:
        """Whether it was delivered, and no outcome was recorded."""
        return self.delivery is not None and not any(each.is_attempt for each in self.calls)

    @property
    def story(self) -> list[Call]:
        """The calls in which it took part."""
        return [each for each in (self.delivery, self.handle, *self.calls) if each is not None]


@dataclass(slots=True)
class Played:
    """What was seen in one run.

    Attributes:
        scene: The scene.
        calls: All calls, in order.
        lives: What became of the jobs.
        events: What the metrics recorder was told.
        logs: The log records, as text, and what asyncio would have logged.
        told: What it was told, before all was quiet; empty if nothing.
        telling: When.
        flying: The jobs and leases in flight then.
        died: Why `run()` ended before it was told to; empty if it did not.
        ended: Whether `run()` ended.
        quiet: Whether everything came to rest before it was told to end.
        busy: Whether it leased again and again while nothing was ready.
        crowd: More handlers at once than allowed.
        hoard: The leases after which more jobs were held than there are slots; `held`: how many.
        full: How often all slots were taken while more jobs were there.
        troubles: How many errors it met before it was told to end.
        turns: The steps of the event loop until nothing new happened any more.
        left: What left the event loop.
        restless: Whether calls were still made when it had been given all the time there is.
        spun: Whether it made steps without end, so that it could not be waited for.
        can_stop: Whether it can be told to stop.
        takes: The keywords that it was made with.
        unsafe: A label in an event that is not safe.
        unknown: The completes and fails of ids that no job has.
    """

    scene: Scene
    calls: list[Call] = field(default_factory=list)
    lives: dict[str, Life] = field(default_factory=dict)
    events: list[object] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    told: str = ""
    telling: Call | None = None
    flying: Sequence[Call] = ()
    died: str = ""
    ended: bool = False
    quiet: bool = False
    busy: bool = False
    crowd: Sequence[Call] = ()
    hoard: Sequence[Call] = ()
    held: int = 0
    full: int = 0
    troubles: int = 0
    turns: int = 0
    left: LeftTheLoop | None = None
    restless: bool = False
    spun: bool = False
    can_stop: bool = True
    takes: tuple[str, ...] = ()
    unsafe: str | None = None
    unknown: list[Call] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """Whether it had all the time it needs to do what it was going to do, and nobody told it to end."""
        return self.quiet or self.restless
