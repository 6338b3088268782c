"""Every job reaches the handler of its kind, unchanged, and no other."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from async_contract.reference.mux import HandlerMux, HandlerNotFound, InvalidJobKind
from async_contract.store import Job


def test_a_job_reaches_the_handler_of_its_kind_unchanged() -> None:
    """Kinds that are one label are one kind, and the handler sees the very object."""
    seen: list[tuple[str, object]] = []

    async def mail(job: Job) -> None:
        seen.append(("mail", job))

    async def push(job: Job) -> None:
        seen.append(("push", job))

    mux = HandlerMux()
    mux.register("push", push)
    mux.register(" Send Mail", mail)
    job = Job("a", "SEND MAIL ", "t", b"p", 3)
    asyncio.run(mux.handle(job))
    assert mux.kinds == ("push", "send_mail")
    assert seen == [("mail", job)]
    assert seen[0][1] is job


def test_a_plain_handler_runs_in_a_thread() -> None:
    """It does not hold up the event loop."""
    threads: list[threading.Thread] = []
    mux = HandlerMux()
    mux.register("mail", lambda _: threads.append(threading.current_thread()))
    asyncio.run(mux.handle(Job("a", "mail")))
    assert threads != [threading.main_thread()]
    assert len(threads) == 1


def test_what_a_handler_raises_is_raised() -> None:
    """The error is the handler's own."""
    error = ValueError("no")

    async def fails(job: Job) -> None:
        raise error

    mux = HandlerMux()
    mux.register("mail", fails)
    with pytest.raises(ValueError, match=r"^no$") as caught:
        asyncio.run(mux.handle(Job("a", "mail")))
    assert caught.value is error


@pytest.mark.parametrize(
    ("kinds", "known"), [((), "none"), (("push", "chat"), "chat, push")], ids=["no kind", "two kinds"]
)
def test_an_unregistered_kind_is_named(kinds: tuple[str, ...], known: str) -> None:
    """The error names the kind as a safe label, and the kinds there are."""
    mux = HandlerMux()
    for kind in kinds:
        mux.register(kind, print)
    with pytest.raises(HandlerNotFound) as refusal:
        asyncio.run(mux.handle(Job("a", "Mail\n")))
    assert str(refusal.value) == f"no handler for kind 'mail'; registered kinds: {known}"
    assert isinstance(refusal.value, LookupError)


_NAMES_NOTHING = (
    "of this kind names nothing; a kind needs an ASCII letter or digit, and must not be 'unknown'"
)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (None, "a kind is a str, not NoneType; write 'send-email', say"),
        ("\u3000", f"the label 'unknown' {_NAMES_NOTHING}"),
        ("Unknown", f"the label 'unknown' {_NAMES_NOTHING}"),
        ("почта", f"the label '_____' {_NAMES_NOTHING}"),
    ],
)
def test_a_kind_that_names_nothing_is_refused(kind: str, message: str) -> None:
    """It can neither be registered nor handled: it would be one with every other such kind."""
    mux = HandlerMux()
    with pytest.raises(InvalidJobKind) as refusal:
        mux.register(kind, print)
    with pytest.raises(InvalidJobKind) as refusal_of_a_job:
        asyncio.run(mux.handle(Job("a", kind)))
    assert (str(refusal.value), str(refusal_of_a_job.value)) == (message, message)
    assert isinstance(refusal.value, ValueError)
    assert mux.kinds == ()


def test_a_kind_is_registered_once() -> None:
    """A second handler for one label is refused, and the first stays."""
    calls: list[str] = []
    mux = HandlerMux()
    mux.register("mail", lambda _: calls.append("first"))
    with pytest.raises(InvalidJobKind, match=r"^kind 'mail' has a handler already; register each kind once$"):
        mux.register("MAIL", lambda _: calls.append("second"))
    asyncio.run(mux.handle(Job("a", "mail")))
    assert calls == ["first"]


def test_a_handler_must_be_callable() -> None:
    """Something else is refused when it is registered, not when a job comes."""
    mux = HandlerMux()
    with pytest.raises(TypeError) as refusal:
        mux.register("mail", cast("Any", "handler"))
    assert str(refusal.value) == (
        "a handler is a function of a job, not str; write async def handle(job): ..., and pass handle"
    )
    assert mux.kinds == ()
