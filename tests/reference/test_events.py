"""What the runner tells its recorder and its log, line by line."""

from __future__ import annotations

import asyncio
import logging

import pytest

from async_contract.reference.events import Event, Observer, error_kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (None, "none"),
        (asyncio.CancelledError("secret"), "canceled"),
        (TimeoutError("secret"), "deadline_exceeded"),
        (ValueError("secret"), "error"),
        (SystemExit("secret"), "error"),
    ],
)
def test_only_the_kind_of_an_error_is_told(error: BaseException | None, kind: str) -> None:
    """There are four kinds."""
    assert error_kind(error) == kind


@pytest.mark.parametrize(
    ("event", "job_id", "error", "line"),
    [
        (Event("mail", "succeeded"), "a", None, "DEBUG job 'a' of kind mail: succeeded (none)"),
        (Event("mail", "failed"), "a", ValueError("x"), "WARNING job 'a' of kind mail: failed (error)"),
        (
            Event("mail", "canceled"),
            "a\n\u202eb",
            asyncio.CancelledError(),
            "WARNING job 'a\\n\\u202eb' of kind mail: canceled (canceled)",
        ),
        (
            Event("mail", "complete_error"),
            "a",
            TimeoutError(),
            "ERROR job 'a' of kind mail: complete_error (deadline_exceeded)",
        ),
        (
            Event("mail", "fail_record_error"),
            "a",
            OSError("x"),
            "ERROR job 'a' of kind mail: fail_record_error (error)",
        ),
        (Event("unknown", "lease_error"), None, OSError("x"), "ERROR lease_error (error)"),
    ],
)
def test_every_outcome_is_one_line(
    caplog: pytest.LogCaptureFixture, event: Event, job_id: str | None, error: BaseException | None, line: str
) -> None:
    """The id is written so that it cannot break the line; nothing else comes from outside."""
    caplog.set_level(logging.DEBUG)
    Observer(None, logging.getLogger("mine")).observe(event, error, job_id)
    assert [f"{record.levelname} {record.getMessage()}" for record in caplog.records] == [line]
    assert [record.exc_info for record in caplog.records] == [None]


class _Broken:
    """A recorder that fails."""

    def record(self, event: Event) -> None:
        raise TimeoutError("secret")


def test_an_error_of_the_recorder_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    """The outcome is logged all the same."""
    Observer(_Broken(), logging.getLogger("mine")).observe(Event("mail", "failed"), ValueError(), "a")
    assert [record.getMessage() for record in caplog.records] == [
        "metrics recorder failed (deadline_exceeded)",
        "job 'a' of kind mail: failed (error)",
    ]


def test_an_error_of_the_logger_is_survived() -> None:
    """A filter that raises stops no runner."""

    def refuses(record: logging.LogRecord) -> bool:
        raise ValueError

    logger = logging.getLogger("refused")
    logger.addFilter(refuses)
    try:
        Observer(None, logger).observe(Event("unknown", "lease_error"), OSError())
    finally:
        logger.removeFilter(refuses)
