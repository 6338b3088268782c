"""The store, the handler and the recorder under a runner: they make trouble, and see everything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence

from async_contract.experiments.loop import SimulatedLoop
from async_contract.experiments.runners.evidence import POLL, Call, Life, Played
from async_contract.experiments.runners.scene import ERRORS, Fault, Scene, Work
from async_contract.harness.errors import HarnessError
from async_contract.history.operation import CANCELLED
from async_contract.store import Job, JobNotLeased, StoreError

PAYLOAD = "payload-4f1d"
TROUBLE = "trouble-9c2e"
"""What no log record may have in it: a part of every payload, and of every error."""

KINDS = ("mail", "Send Mail!", "x" * 100, "r\xe9sum\xe9\n2")


class Unprintable(Exception):
    """An error that can't be shown."""

    def __str__(self) -> str:
        raise ValueError(TROUBLE)


class Beyond(BaseException):
    """An error that is no `Exception`."""


def error_of(work: Work) -> BaseException:
    """What a handler raises."""
    text = f"{TROUBLE} secret"
    if work.does == "exit":
        return SystemExit(text) if work.error % 2 else Beyond(text)
    return (
        ValueError(text), ValueError(f"{text}\nsecond line\x1b[31m"), RuntimeError(text * 60), KeyError(),
        Unprintable(), TimeoutError(text), ExceptionGroup(text, [ValueError(text)]),
        OSError(f"{text}\u2028half a character: \ud83d"),
    )[work.error % ERRORS]  # fmt: skip


class Stage:
    """What surrounds the runner in one run; itself the store, and the metrics recorder.

    Args:
        scene: What happens.
        loop: On which loop.
    """

    def __init__(self, scene: Scene, loop: SimulatedLoop) -> None:
        self.played = Played(scene)
        self.released = asyncio.Event()
        self.alarm = asyncio.Event()
        self.activity = 0
        self.turn = 0
        self.active = 0  # the turn in which something new happened last
        self.misuse: HarnessError | None = None
        self._loop = loop
        self._ticks = 0
        self._counts: dict[str, int] = {}
        self._empty: list[float] = []
        self._running: list[Call] = []
        self._leasing: set[object] = set()  # the tasks that have leased: the runner's own
        for number, work in enumerate(scene.works, 1):
            job = Job(f"job-{number}", KINDS[number % 4], "tenant", f"{PAYLOAD} {number}".encode())
            self.played.lives[job.id] = Life(job, work)

    # -- the store --------------------------------------------------------------------------------

    async def lease(self, limit: int) -> Sequence[Job]:
        """Deliver the jobs that are due."""
        call, fault = self.begin("lease", value=limit), self._fault("lease")
        self._leasing.add(asyncio.current_task())
        if not self.waiting:
            self._look_busy()
        with self._during(call):
            await self._before(call, fault)
            lives = self.waiting[: max(limit, 0)]
            for life in lives:
                life.taken = True
            await self._after(call, fault)
        call.jobs, call.left = tuple(life.job for life in lives), len(self.waiting)
        for life in lives:
            life.delivery = call
        if lives:
            self._note()
            self._look_hoarding()
        return list(call.jobs)

    async def complete(self, id: str) -> None:
        """Record that a job is done."""
        await self._record("complete", id, None)

    async def fail(self, id: str, message: str) -> None:
        """Record that a job failed; it is dead then."""
        await self._record("fail", id, message)

    async def _record(self, method: str, id_: str, message: object) -> None:
        call, fault = self.begin(method, id_, message), self._fault(method)
        life = self.played.lives.get(id_)
        (self.played.unknown if life is None else life.calls).append(call)
        with self._during(call):
            await self._before(call, fault)
            if life is None or not life.taken or any(each.took for each in life.calls):
                self._trouble()
                raise JobNotLeased(f"{TROUBLE}: {id_!r} is not on lease")
            call.took = True
            await self._after(call, fault)

    # -- the handler and the recorder -------------------------------------------------------------

    async def handle(self, job: Job) -> object:
        """Do with a job what the scene says."""
        life = self._life(job)
        life.handle = call = self.begin("handle", job.id)
        self._running.append(call)
        if len(self._running) > self.played.scene.concurrency and not self.played.crowd:
            self.played.crowd = tuple(self._running)
        if len(self._running) == self.played.scene.concurrency and self.waiting:
            self.played.full += 1
        try:
            with self._during(call):
                await self._work(life)
            life.returned = True
        except BaseException as error:
            life.raised = error
            self._trouble()
            raise
        finally:
            self._running.remove(call)
        return PAYLOAD

    def _life(self, job: Job) -> Life:
        life = self.played.lives.get(getattr(job, "id", ""))
        if life is None:
            self.misuse = HarnessError(
                f"the runner called its handler with {type(job).__name__}, which is no job that it leased; "
                "write await handler(job), or a RunnerHarness(make) whose make wraps the handler"
            )
            raise self.misuse
        return life

    async def _work(self, life: Life) -> None:
        work = life.work
        try:
            await (self.released.wait() if work.does == "hang" else asyncio.sleep(work.seconds))
        except asyncio.CancelledError:
            life.struck = self._loop.time()
            if work.does != "swallow":
                raise
            await asyncio.sleep(0)
        if work.does in ("raise", "exit"):
            raise error_of(work)
        if work.does == "cancel":
            await self._cancel_oneself(by_task=work.error % 2 == 0)

    async def _cancel_oneself(self, *, by_task: bool) -> None:
        task = asyncio.current_task()
        assert task is not None
        if by_task and task not in self._leasing:
            task.cancel()
            await asyncio.sleep(0)
        # To cancel the task that leases would be to cancel the runner. This is how it mostly happens: what
        # the handler waits for was cancelled by somebody else.
        future = self._loop.create_future()
        future.cancel()
        await future

    def record(self, event: object) -> None:
        """Take in an event, and fail if that is to be."""
        self._note()
        self.played.events.append(event)
        if self._fault("record") is not None:
            self._trouble()
            raise RuntimeError(f"{TROUBLE}: no metrics")

    # -- what is seen -----------------------------------------------------------------------------

    def begin(self, method: str, job_id: str | None = None, value: object = None) -> Call:
        """Write down a call that begins."""
        busy = {each.worker for each in self.played.calls if each.returned is None}
        lane = 0 if method in ("stop", "cancel") else next(n for n in range(1, 999) if n not in busy)
        call = Call(method, lane, self._instant(), self._loop.time(), self.turn, job_id, value)
        self.played.calls.append(call)
        if method not in ("lease", "stop", "cancel"):
            self._note()
        return call

    def end(self, call: Call) -> None:
        """Write down that it ended."""
        call.returned, call.ended = self._instant(), self._loop.time()
        if call.method not in ("lease", "stop", "cancel"):
            self._note()

    def _note(self) -> None:
        """Something new has happened."""
        self.activity += 1
        self.active = self.turn

    @property
    def unsettled(self) -> list[Call]:
        """Leases in flight, and the deliveries of the jobs that are."""
        leases = [each for each in self.played.calls if each.method == "lease" and each.returned is None]
        lives = self.played.lives.values()
        return leases + [each.delivery for each in lives if each.is_lost and each.delivery is not None]

    @property
    def due(self) -> bool:
        """Whether jobs are still to come."""
        return any(each.work.due > self._loop.time() for each in self.played.lives.values())

    @contextlib.contextmanager
    def _during(self, call: Call) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            call.error = CANCELLED
            raise
        except BaseException as error:
            call.error = type(error).__name__
            raise
        finally:
            self.end(call)

    def _instant(self) -> int:
        self._ticks += 1
        return self._loop.clock.now_ns() + self._ticks

    @property
    def waiting(self) -> list[Life]:
        """What is ready."""
        now = self._loop.time()
        return [each for each in self.played.lives.values() if not each.taken and each.work.due <= now]

    # -- trouble ----------------------------------------------------------------------------------

    def _fault(self, method: str) -> Fault | None:
        count = self._counts[method] = self._counts.get(method, 0) + 1
        calls = (count,) if self.waiting else (count, 0)
        faults = self.played.scene.faults
        return next((each for each in faults if each.method == method and each.call in calls), None)

    async def _before(self, call: Call, fault: Fault | None) -> None:
        await asyncio.sleep(0)
        if fault is not None and fault.how == "refuse":
            self._fail(call)

    async def _after(self, call: Call, fault: Fault | None) -> None:
        await asyncio.sleep(3 if fault is not None and fault.how == "delay" else 0)
        if fault is not None and fault.how == "lose":
            self._fail(call)

    def _fail(self, call: Call) -> None:
        call.faulted = True
        self._trouble()
        raise StoreError(f"{TROUBLE}: {call.method}")

    def _trouble(self) -> None:
        if self.played.telling is None:
            self.played.troubles += 1

    # -- excess -----------------------------------------------------------------------------------

    def _look_busy(self) -> None:
        now, slots = self._loop.time(), self.played.scene.concurrency
        self._empty = [each for each in self._empty if each > now - POLL] + [now]
        if len(self._empty) > 20 * (slots + 1):
            self.played.busy = True
            self.alarm.set()

    def _look_hoarding(self) -> None:
        held = [
            each.delivery
            for each in self.played.lives.values()
            if each.delivery is not None and not each.calls
            and (each.handle is None or each.handle.returned is None)
        ]  # fmt: skip
        if len(held) > self.played.scene.concurrency and not self.played.hoard:
            self.played.hoard, self.played.held = tuple(dict.fromkeys(held)), len(held)


class Listener(logging.Handler):
    """Keeps the text of log records, with that of their errors and of whatever else they carry."""

    def __init__(self, logs: list[str]) -> None:
        super().__init__(logging.NOTSET)
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        with contextlib.suppress(Exception):  # what can't be formatted is not logged either
            self._logs.append(f"{self.format(record)}\n{vars(record)!r}")


@contextlib.contextmanager
def listening(logs: list[str]) -> Iterator[logging.Logger]:
    """A logger that is listened to, as is the root of all others."""
    root, listener = logging.getLogger(), Listener(logs)
    logger = logging.Logger("async_contract.runner", logging.DEBUG)  # noqa: LOG001 - no other shall hear of it
    logger.addHandler(listener)
    before, root.handlers[:] = root.handlers[:], [listener]
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        yield logger
    finally:
        root.handlers[:] = before
        root.setLevel(level)
