"""How a runner is reached: made, run, and told to stop."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from async_contract.contract.kinds import RUNNER
from async_contract.harness.arguments import signature_or_none
from async_contract.harness.errors import HarnessError, TargetError, explain, unusable
from async_contract.harness.failures import failure
from async_contract.harness.imports import find

NEEDED = ("concurrency", "poll_interval")
"""The keywords without which nothing can be said of a runner."""

OPTIONAL = ("batch_size", "metrics", "logger")
"""The keywords that are left out where a runner does not take them."""

A_HARNESS = """
from async_contract import RunnerHarness

def make(store, handler, *, concurrency, batch_size, poll_interval, metrics, logger):
    return MyRunner(store, handler, workers=concurrency, every=poll_interval)

harness = RunnerHarness(make, run=MyRunner.main, stop=MyRunner.shut_down)
"""
"""The lines that reach a runner of another shape."""


class RunnerHarness:
    """Reaches a runner that is made, run or stopped in a way of its own.

    Everything can be given as an argument or overridden in a subclass: `make(self, store, handler, *,
    concurrency, ...)`, `run(self, runner)`, `stop(self, runner)`, `labels(self, event)`, and
    `known_failures`.

    Args:
        make: Makes a runner: called with the store, the handler and those of `concurrency`, `batch_size`,
            `poll_interval`, `metrics` and `logger` that it takes as keywords; may be a coroutine function.
        run: A coroutine function of the runner, which works until the runner is told to stop; without it
            the method `run` of the runner.
        stop: Tells the runner to stop, as a function of the runner; without it the method `stop` of the
            runner, if it has one.
        known_failures: Clause id -> why the runner may break it.

    Raises:
        HarnessError: Nothing makes a runner, or `known_failures` names what is no clause of a runner or
            gives no reason.
    """

    known_failures: Mapping[str, str] = MappingProxyType({})
    # Here too, for subclasses that have a constructor of their own.
    _make: Callable[..., Any] | None = None
    _run: Callable[[Any], Any] | None = None
    _stop: Callable[[Any], object] | None = None

    def __init__(
        self,
        make: Callable[..., Any] | None = None,
        *,
        run: Callable[[Any], Any] | None = None,
        stop: Callable[[Any], object] | None = None,
        known_failures: Mapping[str, str] | None = None,
    ) -> None:
        self._make, self._run, self._stop = make, run, stop
        if known_failures is not None:
            self.known_failures = MappingProxyType(dict(known_failures))
        for name, function in (("make", make), ("run", run), ("stop", stop)):
            if function is not None and not callable(function):
                raise HarnessError(f"{name}={function!r} can't be called; write {name}=FUNCTION")
        if make is None and not self._overrides("make"):
            raise HarnessError(
                f"{type(self).__name__} has no make; write RunnerHarness(CLASS_OR_FUNCTION), or override "
                "make(self, store, handler, *, concurrency, poll_interval) so that it returns a runner"
            )
        _check_known_failures(self.known_failures)

    @property
    def maker(self) -> Callable[..., Any]:
        """What makes the runners: the function or class given as `make`, or the method."""
        return self.make if self._overrides("make") or self._make is None else self._make

    @property
    def takes(self) -> tuple[str, ...]:
        """The keywords that are passed when a runner is made."""
        signature = signature_or_none(self.maker)
        parameters = {} if signature is None else signature.parameters
        every = signature is None or any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        return tuple(each for each in (*NEEDED, *OPTIONAL) if every or each in parameters)

    def made(self, store: object, handler: object, **options: object) -> Any:
        """A runner made with those of the options that it takes, or an awaitable that gives one."""
        return self.maker(store, handler, **{name: options[name] for name in self.takes})

    def make(self, *arguments: Any, **options: Any) -> Any:
        """Make a runner of a store and a handler, or an awaitable that gives one."""
        assert self._make is not None
        return self._make(*arguments, **options)

    def run(self, runner: Any) -> Any:
        """The awaitable that works until the runner is told to stop."""
        if self._run is None and not callable(getattr(runner, "run", None)):
            raise HarnessError(
                f"what was made, an object of the class {type(runner).__name__}, has no method run; return "
                "an object with async def run(self), or write RunnerHarness(make, run=MyRunner.main)"
            )
        running = runner.run() if self._run is None else self._run(runner)
        if not inspect.isawaitable(running):
            raise HarnessError(
                f"run() of {type(runner).__name__} returned {type(running).__name__}, nothing that can be "
                "awaited; write async def run(self), since a runner that blocks can't be put to the test"
            )
        return running

    def can_stop(self, runner: Any) -> bool:
        """Whether there is a way to tell the runner to stop."""
        given = self._stop is not None or self._overrides("stop")
        return given or callable(getattr(runner, "stop", None))

    def stop(self, runner: Any) -> object:
        """Tell the runner to stop; what comes back may be awaitable."""
        return runner.stop() if self._stop is None else self._stop(runner)

    def labels(self, event: object) -> Iterable[str]:
        """The labels in what the metrics recorder was told: the strings in it, its kind and outcome first."""
        values = event.values() if isinstance(event, Mapping) else _fields(event)
        plain = (each.value if isinstance(each, enum.Enum) else each for each in values)
        return [each for each in plain if isinstance(each, str)]

    def _overrides(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(RunnerHarness, method)


def _check_known_failures(known_failures: Mapping[str, str]) -> None:
    unknown = set(known_failures) - {each.id for each in RUNNER.clauses}
    if unknown:
        raise HarnessError(
            f"known_failures names {', '.join(sorted(unknown))}; write clauses of a runner, such as "
            '"runner/stops": "the reason"'
        )
    for clause, reason in known_failures.items():
        if not str(reason).strip():
            raise HarnessError(
                f"known_failures excuses {clause} without a reason; write why the runner may break it"
            )


def load(target: str) -> RunnerHarness:
    """Import what `target` names and return a harness for it; nothing of it is called.

    Raises:
        TargetError: There is no such thing, or it is nothing that makes runners.
    """
    return runner_for(find(target), target)


def runner_for(obj: Any, name: str) -> RunnerHarness:
    """Return a harness for `obj`: a harness, a class of runners, or a function that makes one.

    Raises:
        TargetError: It can't be used.
    """
    if isinstance(obj, RunnerHarness):
        return _checked(obj, name, "what makes its runners")
    if inspect.isclass(obj) and issubclass(obj, RunnerHarness):
        try:
            return _checked(obj(), name, "what makes its runners")
        except (TypeError, HarnessError) as error:
            raise TargetError(failure(name, f"{obj.__qualname__}()", error)) from error
    if isinstance(obj, ModuleType) or not callable(obj):
        found = f"the module {obj.__name__}" if isinstance(obj, ModuleType) else f"a {type(obj).__name__}"
        missing = ["a class of runners, a function that makes one, or a RunnerHarness"]
        raise TargetError(explain(unusable(name), found, missing, "a harness", A_HARNESS))
    if inspect.isclass(obj) and not callable(getattr(obj, "run", None)):
        found = f"the class {obj.__qualname__}"
        missing = ["async run(), which works until it is told to stop"]
        raise TargetError(explain(unusable(name), found, missing, "a harness", A_HARNESS))
    return _checked(RunnerHarness(obj), name, f"the {'class' if inspect.isclass(obj) else 'function'} {name}")


def _checked(harness: RunnerHarness, name: str, what: str) -> RunnerHarness:
    make = harness.maker
    signature = signature_or_none(make)
    missing = [each for each in NEEDED if each not in harness.takes]
    if signature is not None and not missing:
        try:
            signature.bind("store", "handler", **dict.fromkeys(harness.takes))
        except TypeError as error:
            missing = [str(error)]
    if missing:
        found = f"{what}, which is called as {getattr(make, '__name__', 'make')}{signature}"
        wanted = "(store, handler, *, concurrency, batch_size, poll_interval, metrics, logger), of which "
        wanted += f"batch_size, metrics and logger may be left out: {', '.join(missing)}"
        raise TargetError(explain(unusable(name), found, [wanted], "a harness", A_HARNESS))
    return harness


def _fields(event: object) -> list[object]:
    if isinstance(event, str):
        return [event]
    if isinstance(event, (tuple, list)):
        return list(event)
    named = [getattr(event, each) for each in ("kind", "outcome") if hasattr(event, each)]
    return named or list(getattr(event, "__dict__", {}).values())
