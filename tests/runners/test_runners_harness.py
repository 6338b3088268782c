"""How a runner is reached, and what is said of what can't be used."""

from __future__ import annotations

import enum
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest

from async_contract.harness import runner as runners
from async_contract.harness.errors import HarnessError, TargetError
from async_contract.harness.runner import RunnerHarness, runner_for
from async_contract.reference.events import Event

OPTIONS = {"concurrency": 2, "poll_interval": 10.0, "batch_size": 3, "metrics": "metrics", "logger": "logger"}


class Plain:
    """Takes what it must."""

    def __init__(self, store: object, handler: object, *, concurrency: int, poll_interval: float) -> None:
        self.made = (store, handler, concurrency, poll_interval)

    async def run(self) -> None:
        """Nothing."""


class Stopping(Plain):
    """Can be stopped."""

    def stop(self) -> str:
        """Stop."""
        return "stopped"


def make(store: object, handler: object, **options: object) -> tuple[object, ...]:
    """Take all that there is."""
    return store, handler, options


def needs_more(store: object, handler: object, dsn: str, *, concurrency: int, poll_interval: float) -> None:
    """Take more than anybody gives."""


def test_a_runner_is_given_what_it_takes() -> None:
    """The store and the handler in that order, and those keywords that its class or function has."""
    harness = RunnerHarness(Plain)
    assert harness.takes == ("concurrency", "poll_interval")
    assert harness.made("store", "handler", **OPTIONS).made == ("store", "handler", 2, 10.0)
    harness = RunnerHarness(make)
    assert harness.takes == ("concurrency", "poll_interval", "batch_size", "metrics", "logger")
    assert harness.made("store", "handler", **OPTIONS) == ("store", "handler", OPTIONS)
    assert harness.make("store", "handler") == ("store", "handler", {})  # as a subclass may call it


def test_what_python_knows_no_signature_of_is_given_everything() -> None:
    """Some functions in C don't say what they take."""
    assert RunnerHarness(type).takes == tuple(OPTIONS)


def test_the_ways_to_run_and_to_stop() -> None:
    """The methods of the runner, or the functions given, or the methods of a subclass."""
    runner = Stopping("store", "handler", concurrency=1, poll_interval=1)
    assert RunnerHarness(Stopping).can_stop(runner)
    assert RunnerHarness(Stopping).stop(runner) == "stopped"
    assert not RunnerHarness(Plain).can_stop(Plain("store", "handler", concurrency=1, poll_interval=1))
    given = RunnerHarness(Plain, stop=lambda _: "by a function")
    assert (given.can_stop(object()), given.stop(object())) == (True, "by a function")

    class Mine(RunnerHarness):
        def __init__(self) -> None:
            """Need nothing."""

        def make(self, store: object, handler: object, *, concurrency: int, poll_interval: float) -> Plain:
            return Plain(store, handler, concurrency=concurrency, poll_interval=poll_interval)

        def stop(self, runner: object) -> str:
            return "by a method"

    mine = runner_for(Mine, "mypkg.Mine")
    assert (mine.takes, mine.can_stop(object()), mine.stop(object())) == (
        ("concurrency", "poll_interval"), True, "by a method",
    )  # fmt: skip
    assert mine.made("store", "handler", **OPTIONS).made == ("store", "handler", 2, 10.0)


def test_a_runner_without_run() -> None:
    """What was made has to be one: nothing else can tell before it is made."""
    with pytest.raises(HarnessError) as caught:
        RunnerHarness(make).run(object())
    assert str(caught.value) == (
        "what was made, an object of the class object, has no method run; return an object with async def "
        "run(self), or write RunnerHarness(make, run=MyRunner.main)"
    )


def test_a_run_that_cannot_be_awaited() -> None:
    """A runner that blocks is told to be another one."""
    with pytest.raises(HarnessError) as caught:
        RunnerHarness(make, run=lambda _: 7).run(object())
    assert str(caught.value) == (
        "run() of object returned int, nothing that can be awaited; write async def run(self), since a "
        "runner that blocks can't be put to the test"
    )


class Colour(enum.Enum):
    """A label in an event."""

    RED = "red"


class Pair(NamedTuple):
    """An event."""

    kind: str
    number: int


@pytest.mark.parametrize(
    ("event", "labels"),
    [
        (Event("mail", "succeeded"), ["mail", "succeeded"]),
        ({"kind": "mail", "colour": Colour.RED, "count": 3}, ["mail", "red"]),
        (Pair("mail", 3), ["mail"]),
        ("mail", ["mail"]),
        (SimpleNamespace(job_kind="mail", count=3), ["mail"]),
        (7, []),
    ],
)
def test_the_labels_of_an_event(event: object, labels: list[str]) -> None:
    """The strings in it, whatever its form."""
    assert list(RunnerHarness(Plain).labels(event)) == labels


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            RunnerHarness,
            (
                "RunnerHarness has no make; write RunnerHarness(CLASS_OR_FUNCTION), or override make(self, "
                "store, handler, *, concurrency, poll_interval) so that it returns a runner"
            ),
        ),
        (lambda: RunnerHarness(cast(Any, 7)), "make=7 can't be called; write make=FUNCTION"),
        (
            lambda: RunnerHarness(Plain, stop=cast(Any, "stop")),
            "stop='stop' can't be called; write stop=FUNCTION",
        ),
        (
            lambda: RunnerHarness(Plain, known_failures={"runner/stop": "?", "lease/known": "?"}),
            (
                "known_failures names lease/known, runner/stop; write clauses of a runner, such as "
                '"runner/stops": "the reason"'
            ),
        ),
        (
            lambda: RunnerHarness(Plain, known_failures={"runner/stops": " "}),
            "known_failures excuses runner/stops without a reason; write why the runner may break it",
        ),
    ],
)
def test_a_harness_that_cannot_be_made(build: Callable[..., Any], message: str) -> None:
    """It says what was seen and what to write."""
    with pytest.raises(HarnessError) as caught:
        build()
    assert str(caught.value) == message


class NoRun:
    """No runner."""


class Failing(RunnerHarness):
    """Can't be made."""

    def __init__(self) -> None:
        super().__init__()


CALL = "(store, handler, *, concurrency, batch_size, poll_interval, metrics, logger)"


@pytest.mark.parametrize(
    ("obj", "found", "missing"),
    [
        (enum, "the module enum", "a class of runners, a function that makes one, or a RunnerHarness"),
        (7, "a int", "a class of runners, a function that makes one, or a RunnerHarness"),
        (NoRun, "the class NoRun", "async run(), which works until it is told to stop"),
        (lambda store, handler: 7, "the function mypkg.it", "concurrency, poll_interval"),
        (needs_more, "the function mypkg.it", "missing a required argument: 'dsn'"),
        (RunnerHarness(needs_more), "what makes its runners", "missing a required argument: 'dsn'"),
        (Failing, "a harness that can't be made: Failing has no make", "write RunnerHarness("),
    ],
)
def test_what_makes_no_runners(obj: object, found: str, missing: str) -> None:
    """One message: what was found, what is missing, and lines that would do."""
    with pytest.raises(TargetError) as caught:
        runner_for(obj, "mypkg.it")
    message = str(caught.value)
    assert message.startswith("mypkg.it ")
    assert found in message
    assert missing in message
    assert "Traceback" not in message


def test_a_target_is_imported() -> None:
    """By its name; nothing of it is called."""
    harness = runners.load("async_contract.Runner")
    assert harness.takes == ("concurrency", "poll_interval", "batch_size", "metrics", "logger")
    with pytest.raises(TargetError):
        runners.load("async_contract.Rummer")
