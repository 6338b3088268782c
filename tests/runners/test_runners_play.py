"""One run of a runner on a simulated loop: what is seen, and what is no runner at all."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from async_contract.experiments.limit import TimeLimitExceeded
from async_contract.experiments.runners.evidence import POLL
from async_contract.experiments.runners.play import play
from async_contract.experiments.runners.rules import RULES
from async_contract.experiments.runners.scene import Fault, Scene, Work
from async_contract.experiments.runners.stage import TROUBLE, listening
from async_contract.harness.errors import HarnessError
from async_contract.harness.runner import RunnerHarness
from async_contract.mutants.runner import PlainRunner
from async_contract.mutants.runners_errors import DiesOfSystemExit
from async_contract.reference.runner import Runner

ONE = Scene((Work(),))
REFERENCE = RunnerHarness(Runner)


def _broken(harness: RunnerHarness, scene: Scene) -> dict[str, str]:
    played = play(harness, scene)
    breaches = {clause: next(rule(played)[1], None) for clause, rule in RULES.items()}
    return {clause: breach.happened for clause, breach in breaches.items() if breach is not None}


def test_a_run_is_written_down() -> None:
    """The calls in order, when they were made, and how it came to an end."""
    played = play(REFERENCE, Scene((Work("return", 2), Work("raise")), concurrency=1, batch_size=1))
    seen = [(call.method, call.job_id, call.time, call.error) for call in played.calls if call.time < POLL]
    assert seen == [
        ("lease", None, 0.0, ""),
        ("handle", "job-1", 0.0, ""),
        ("complete", "job-1", 2.0, ""),
        ("lease", None, 2.0, ""),
        ("handle", "job-2", 2.0, "ValueError"),
        ("fail", "job-2", 2.0, ""),
        ("lease", None, 2.0, ""),
    ]
    assert (played.quiet, played.ended, played.died, played.told) == (True, True, "", "")
    assert [call.method for call in played.calls][-1] == "stop"


@pytest.mark.parametrize("order", [0, 12345])
def test_the_same_scene_is_the_same_run(order: int) -> None:
    """Every call, at the same instant, and every line that was logged."""
    works = (Work(), Work("raise", 1), Work("swallow", 2), Work("cancel"), Work("return", 1))
    scene = Scene(works, 2, 3, (Fault("complete", 1, "lose"),), "cancel", 20, order)
    first, second = play(REFERENCE, scene), play(REFERENCE, scene)
    assert [call.operation() for call in first.calls] == [call.operation() for call in second.calls]
    assert (first.told, first.turns, first.ended) == (second.told, second.turns, second.ended)


def test_it_is_told_to_end_at_a_step() -> None:
    """At one step of the event loop, if it is still there then; what is in flight is known."""
    played = play(REFERENCE, Scene((Work("return", 2), Work()), strike="stop", at=6))
    in_flight = [call.method for call in played.flying]
    assert (played.told, in_flight, played.ended) == ("stop", ["lease"], True)
    late = play(REFERENCE, Scene((Work(),), strike="cancel", at=99_999))
    assert (late.told, late.quiet) == ("", True)


def test_a_system_exit_that_gets_out_stops_the_loop() -> None:
    """It is seen, and does not end the process that looks."""
    scene = Scene((Work("exit", error=1),))
    assert _broken(RunnerHarness(DiesOfSystemExit), scene)["runner/survives"] == (
        "SystemExit got out of a task and stopped the event loop after an error, though nobody told the "
        "runner to end."
    )


class Sleeping(PlainRunner):
    """Leaves the loop."""

    async def run(self) -> None:
        """Sleep for real."""
        time.sleep(0.1)  # noqa: ASYNC251 - that is what is to be noticed


def test_what_leaves_the_loop_is_noticed() -> None:
    """With what was called and where."""
    played = play(RunnerHarness(Sleeping), ONE)
    assert played.left is not None
    assert (played.left.what, played.left.place.rpartition(" ")[2]) == ("time.sleep", "run")


class Restless(PlainRunner):
    """Looks a thousand times a second whether it is to stop."""

    async def sleep(self, seconds: float) -> None:
        """Look again and again."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not self.told.is_set() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def test_what_makes_too_many_steps_is_not_waited_for() -> None:
    """Nothing is held against it: it is not known how it would have gone on."""
    played = play(RunnerHarness(Restless), ONE)
    assert (played.spun, played.quiet, played.busy, played.telling) == (True, False, False, None)
    assert [clause for clause, rule in RULES.items() if next(rule(played)[1], None)] == []


def _make(error: BaseException) -> Callable[..., Any]:
    def make(store: object, handler: object, **options: object) -> None:
        raise error

    return make


class Refusing(PlainRunner):
    """Refuses to stop."""

    def stop(self) -> None:
        """Raise."""
        raise RuntimeError("not now")


class RefusingLater(PlainRunner):
    """Refuses to stop, later."""

    async def stop(self) -> None:  # type: ignore[override]
        """Stop, then raise."""
        super().stop()
        raise RuntimeError("not now")


class RefusingToRun(PlainRunner):
    """Has a run that raises before there is anything to await."""

    def run(self) -> Any:
        """Raise."""
        raise RuntimeError("not here")


class Unpacking(PlainRunner):
    """Gives its handler something else."""

    async def attempt(self, job: Any) -> BaseException | None:
        """Give it the payload."""
        return await super().attempt(job.payload)


class Blocking(PlainRunner):
    """Calls the store as a plain one."""

    async def run(self) -> None:
        """Lease without waiting."""
        lease = self.store.lease(1)
        lease.close()
        raise TypeError("'coroutine' object is not iterable")


class Once(PlainRunner):
    """Works on one batch."""

    async def run(self) -> None:
        """Lease once."""
        self.admit(await self.lease(1))
        await self.drain()


@pytest.mark.parametrize(
    ("harness", "message"),
    [
        (RunnerHarness(_make(ValueError("no"))), r"making the runner raised ValueError\('no'\)"),
        (RunnerHarness(RefusingToRun), r"calling run\(\) raised RuntimeError\('not here'\)"),
        (RunnerHarness(lambda store, handler, **_: 7), "what was made, an object of the class int, has no"),
        (
            RunnerHarness(Refusing),
            r"telling the runner to stop raised RuntimeError\('not now'\); write",
        ),
        (RunnerHarness(RefusingLater), r"telling the runner to stop raised RuntimeError\('not now'\)"),
        (
            RunnerHarness(Unpacking),
            "the runner called its handler with bytes, which is no job that",
        ),
        (
            RunnerHarness(Blocking),
            r"run\(\) raised TypeError\(.*though nothing had gone wrong around it, at .*test_runners_play.py",
        ),
        (RunnerHarness(Once), r"run\(\) returned while 1 jobs were ready, and nobody had told the runner"),
    ],
)
def test_what_is_no_runner_is_told_so(harness: RunnerHarness, message: str) -> None:
    """There is no verdict, but one message."""
    with pytest.raises(HarnessError, match=message):
        play(harness, Scene((Work(), Work())))


def test_a_stop_may_be_a_coroutine_that_is_cancelled() -> None:
    """What the runner does with its own stop is its business."""

    class Cancelling(PlainRunner):
        async def stop(self) -> None:  # type: ignore[override]
            super().stop()
            raise asyncio.CancelledError

    assert play(RunnerHarness(Cancelling), ONE).ended


def test_a_time_limit_is_no_error_of_the_runner() -> None:
    """Where it strikes is chance: inside run() it goes on to whoever has set it."""

    class Hanging(PlainRunner):
        async def run(self) -> None:
            raise TimeLimitExceeded("here")

    with pytest.raises(TimeLimitExceeded, match="here"):
        play(RunnerHarness(Hanging), ONE)


def test_ctrl_c_ends_everything() -> None:
    """It comes from who is at the keyboard, and is not taken for what a handler raised."""

    class Interrupted(PlainRunner):
        async def run(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(RunnerHarness(Interrupted), ONE)


class Signalled(PlainRunner):
    """Hears signals only."""

    stop = None  # type: ignore[assignment]

    async def run(self) -> None:
        """Wait for one."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.told.set)
        await self.work()
        assert loop.remove_signal_handler(signal.SIGTERM)
        assert not loop.remove_signal_handler(signal.SIGTERM)


def test_a_runner_without_a_stop_is_told_by_its_signal() -> None:
    """No signal is sent: what the runner wants to be called is called."""
    played = play(RunnerHarness(Signalled), ONE)
    assert (played.can_stop, played.ended, played.calls[-1].method) == (True, True, "stop")


def test_a_runner_that_cannot_be_told_to_stop_is_cancelled() -> None:
    """At the end, and not in the middle of a scene that says stop."""

    class Unstoppable(PlainRunner):
        stop = None  # type: ignore[assignment]

        async def run(self) -> None:
            await self.work()

    played = play(RunnerHarness(Unstoppable), Scene((Work(),), strike="stop", at=4))
    assert (played.can_stop, played.told, played.calls[-1].method) == (False, "", "cancel")


def test_what_is_logged_is_heard_at_every_level() -> None:
    """By the runner's own logger too; nobody else hears it, and all is as before afterwards."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    logs: list[str] = []
    with listening(logs) as logger:
        logger.debug("given")
        logging.getLogger("mypkg.runner").debug("%s", "its own")
        logging.getLogger("mypkg.runner").debug("%d", "can't be formatted")
    assert [log.partition("\n")[0] for log in logs] == ["given", "its own"]
    assert (root.level, root.handlers[:]) == before


class Wrong(PlainRunner):
    """Completes what it does not hold, and fails with something that is no text."""

    async def fail(self, job: Any, error: BaseException) -> None:
        """Fail with the error itself."""
        await self.store.fail(job.id, error)  # type: ignore[arg-type]


def test_what_is_no_text_is_no_safe_message() -> None:
    """Even where a store would take it."""
    assert _broken(RunnerHarness(Wrong), Scene((Work("raise"),)))["runner/fails"] == (
        "job-1 was failed with a message that is no str but ValueError."
    )


@pytest.mark.parametrize("does", ["return", "raise", "cancel", "exit", "swallow", "hang"])
@pytest.mark.parametrize("strike", ["", "stop", "cancel"])
def test_the_reference_keeps_the_contract_whatever_the_handler_does(does: Any, strike: str) -> None:
    """Nothing is held against it, and no error's text is anywhere but in the message of a fail."""
    for at in (5, 9, 14):
        scene = Scene((Work(does, 1, error=1), Work(does, 2, error=6), Work()), 2, 3, (), strike, at)
        assert _broken(REFERENCE, scene) == {}
    played = play(REFERENCE, scene)
    assert [log for log in played.logs if re.search(TROUBLE, log)] == []
