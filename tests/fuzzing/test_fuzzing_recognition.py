"""Of which kind a function is."""

# ruff: noqa: ANN001, D103 - what is annotated, and how, is what is tried

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional, Union

import pytest

from async_contract.experiments.fuzzing.recognition import recognized
from async_contract.harness.errors import TargetError


def plain(x) -> None: ...  # type: ignore[no-untyped-def]


def of_text(x: str) -> None: ...


def of_error(x: BaseException | None) -> None: ...


def of_maybe(x: Optional[ValueError]) -> None: ...  # noqa: UP045


def of_either(x: Union[str, Exception]) -> None: ...  # noqa: UP007


def of_unknown(label: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def exc_first(exc, label="") -> None: ...  # type: ignore[no-untyped-def]


def nothing() -> None: ...


def keyed(x: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "name", "kind"),
    [
        (plain, "m.safe_label", "label"),
        (plain, "m:Names.metric_name", "label"),
        (plain, "m:safeFailureMessage", "message"),
        (of_text, "m.f", "label"),
        (of_error, "m.f", "message"),
        (of_maybe, "m.f", "message"),
        (of_unknown, "m.f", "label"),
        (exc_first, "m.f", "message"),
        (nothing, "m.safe_label", "label"),
        (3, "m.error_text", "message"),
        (len, "m.label", "label"),
    ],
)
def test_names_and_annotations_tell(function: Callable[..., Any], name: str, kind: str) -> None:
    """The name of the function, that of its first argument, or the type of it is enough."""
    assert recognized(function, name) == kind


def test_where_nothing_tells_it_is_asked_for() -> None:
    """The message says which options there are, and how such functions begin."""
    with pytest.raises(TargetError) as caught:
        recognized(keyed, "mypkg.clean")
    assert str(caught.value) == (
        "mypkg.clean can't be used as a target\n"
        "Found: nothing that tells whether it takes a label or an exception\n"
        "Missing: its kind\n"
        "Write: --label or --message after the target, or a function that begins like one of these:\n"
        "\n"
        "    def safe_label(text: str) -> str:\n"
        "        ...\n"
        "    \n"
        "    def safe_failure_message(error: BaseException | None) -> str:\n"
        "        ..."
    ).replace("    \n", "\n")


@pytest.mark.parametrize(
    ("function", "name", "found"),
    [
        (
            of_text,
            "mypkg.safe_message",
            (
                "the name safe_message, which is that of a message and its argument x, which is a str as "
                "labels are"
            ),
        ),
        (
            of_either,
            "mypkg.f",
            (
                "its argument x, which is a str as labels are and its argument x, which is an exception as "
                "messages are made of"
            ),
        ),
    ],
)
def test_where_both_are_told_it_is_asked_for(function: Callable[..., Any], name: str, found: str) -> None:
    """The message says what tells the one and what the other."""
    with pytest.raises(TargetError) as caught:
        recognized(function, name)
    assert f"\nFound: {found}\n" in str(caught.value)
