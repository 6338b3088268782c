"""The line of the user's that is worth naming."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable

import pytest

from async_contract.history import places
from async_contract.history.places import called_by_us, users_place
from async_contract.store import JobNotFound


def _not_there() -> None:
    raise JobNotFound


def _no_json() -> None:
    json.loads("no")


def _stack(fails: Callable[[], None], error: type[Exception]) -> traceback.StackSummary:
    with pytest.raises(error) as caught:
        fails()
    return traceback.extract_tb(caught.tb)


def test_the_innermost_line_of_the_user_s_is_named() -> None:
    """Not that of Python's own library in which the error was raised."""
    raised = users_place(_stack(_not_there, JobNotFound)), users_place(_stack(_no_json, ValueError))
    assert all(place.startswith(f"at {__file__}:") for place in raised)
    assert raised[0].endswith(" in _not_there: raise JobNotFound")
    assert raised[1].endswith(' in _no_json: json.loads("no")')


def test_where_no_line_is_the_user_s_the_innermost_is_named() -> None:
    """And where there is no line at all, nothing is."""
    inner = _stack(_no_json, ValueError)[-1]
    only = traceback.StackSummary.from_list([inner])
    assert users_place(only) == f"at {inner.filename}:{inner.lineno} in {inner.name}: {inner.line}"
    assert inner.filename != __file__
    assert not users_place(traceback.StackSummary())


def test_who_called_us_is_not_theirs() -> None:
    """A stack that begins with pytest begins with us instead; one without us stays as it is."""
    stack = traceback.extract_stack()
    assert called_by_us(stack) == stack
    ours = traceback.FrameSummary(places.__file__, 1, "ours")
    theirs = traceback.FrameSummary("store.py", 2, "complete")
    assert called_by_us(traceback.StackSummary.from_list([*stack, ours, theirs, ours])) == [
        ours,
        theirs,
        ours,
    ]
