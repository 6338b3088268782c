"""The line of the user's that is worth naming."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable

import pytest

from async_contract.history.places import users_place
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
