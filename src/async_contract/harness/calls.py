"""Calls of a harness, alike for plain functions and coroutine functions, with checked results."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast, get_args

from async_contract.harness.arguments import call_with_sandbox
from async_contract.harness.errors import HarnessError
from async_contract.store import Job, JobRecord, JobState

if TYPE_CHECKING:
    from async_contract.harness.harness import StoreHarness
    from async_contract.harness.sandbox import Sandbox

_STATES: tuple[JobState, ...] = get_args(JobState)
_MISSING = object()

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def call_maybe_async(
    function: Callable[_P, _T | Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """Call `function` and, if what it returns is awaitable, await that."""
    result = function(*args, **kwargs)
    if result is None:  # what most hooks return; to ask `isawaitable` takes longer than to call them
        return result
    return cast("_T", await result if inspect.isawaitable(result) else result)


async def prepare(harness: StoreHarness, sandbox: Sandbox) -> None:
    """Create what the connections of `sandbox` share."""
    if harness.customizes("prepare"):
        await call_maybe_async(call_with_sandbox, harness.prepare, sandbox)


async def dispose(harness: StoreHarness, sandbox: Sandbox) -> None:
    """Drop what the connections of `sandbox` shared."""
    if harness.customizes("dispose"):
        await call_maybe_async(call_with_sandbox, harness.dispose, sandbox)


async def is_rejection(harness: StoreHarness, error: BaseException) -> bool:
    """Whether the store refuses with `error`, so that the call had no effect.

    Raises:
        HarnessError: The harness answered neither `True` nor `False`.
    """
    answer = await call_maybe_async(harness.is_rejection, error)
    if not isinstance(answer, bool):
        raise HarnessError(
            f"is_rejection returned {answer!r} for {type(error).__name__}; return True if the store "
            "refuses with this error and has changed nothing, False if nobody knows what happened"
        )
    return answer


def chosen_id(result: object, job: Job) -> str:
    """The id under which a store took `job` in, from what its enqueue returned.

    A `str` is an id that the store chose; anything else means that it kept the job's own.
    """
    return result if isinstance(result, str) else job.id


def record_from(result: object) -> JobRecord | None:
    """The record in what an inspect returned; `None` stands for an unknown job.

    Raises:
        HarnessError: It lacks `state`, `message` or `attempts`, or one has a value that means nothing.
    """
    if result is None:
        return None
    state, message, attempts = (getattr(result, name, _MISSING) for name in ("state", "message", "attempts"))
    if any(each is _MISSING for each in (state, message, attempts)):
        raise HarnessError(
            f"inspect returned {result!r}; return None for an unknown job, or an object with state, "
            "message and attempts, such as JobRecord(state='ready', message=None, attempts=0)"
        )
    # A StrEnum member equals its str; the record holds the plain str.
    plain = next((each for each in _STATES if each == state), None)
    if plain is None:
        allowed = ", ".join(map(repr, _STATES))
        raise HarnessError(f"inspect returned the state {state!r}; return one of {allowed}")
    if message is not None and not isinstance(message, str):
        raise HarnessError(
            f"inspect returned the message {message!r}; return the str of the latest fail, "
            "or None if there was none"
        )
    if not isinstance(attempts, int) or isinstance(attempts, bool):
        raise HarnessError(
            f"inspect returned attempts={attempts!r}; return the number of deliveries, an int "
            "(0 if the store doesn't count them)"
        )
    return JobRecord(plain, message, attempts)
