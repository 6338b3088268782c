"""What a lease delivered, as a history has it: plain values, whatever the store's objects are or do."""

from __future__ import annotations

import enum
from types import SimpleNamespace
from typing import Any

import pytest

from async_contract.history.batch import batch, delivered, fitting
from async_contract.history.operation import Delivered, Misfit
from async_contract.store import Job


class _Name(enum.StrEnum):
    A = "a"


class _Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "another text"


class _Bytes(bytes):
    pass


class _Nasty:
    """Raises whenever it is looked at."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise OSError(name)


def test_a_batch_is_anything_that_yields_jobs() -> None:
    """Of none, of some, and of a kind that can be read only once."""
    jobs = [Job("a", "mail", "t", b"p", 1), Job("b", "mail")]
    expected = (Delivered("a", "mail", "t", b"p", 1), Delivered("b", "mail"))
    assert batch([]) == ((), "")
    assert batch(jobs) == batch(tuple(jobs)) == batch(iter(jobs)) == (expected, "")
    assert batch({"a": 1}) == ((delivered("a"),), "")


@pytest.mark.parametrize(
    ("result", "shown"),
    [(None, "None"), ("text", "'text'"), (b"bytes", "b'bytes'"), (7, "7")],
)
def test_what_yields_no_jobs_is_no_batch(result: object, shown: str) -> None:
    """Text is none either, though it yields characters."""
    assert batch(result) == ((), f"returned {shown}, which is no batch of jobs")
    assert batch(_Nasty()) == ((), "returned <_Nasty>, which is no batch of jobs")


def test_a_value_is_plain_or_a_misfit() -> None:
    """What a derived class adds to text, bytes and numbers is left out; the rest is shown, in brief."""
    values = ["a", _Name.A, _Text("b"), b"c", _Bytes(b"d"), 1, True]
    plain = [fitting(value) for value in values]
    assert plain == ["a", "a", "b", b"c", b"d", 1, 1]
    assert [type(value) for value in plain] == [str, str, str, bytes, bytes, int, int]
    misfit = Misfit("float", "1.5")
    assert fitting(1.5) == fitting(misfit) == misfit
    assert [fitting(bytearray(b"e")), fitting(_Nasty())] == [
        Misfit("bytearray", "bytearray(b'e')"),
        Misfit("_Nasty", "<_Nasty>"),
    ]
    assert fitting([0] * 1000) == Misfit("list", f"[{'0, ' * 66}0")


def test_a_delivered_job_is_what_its_attributes_say() -> None:
    """One that lacks some, or raises when it is asked, has misfits there."""
    whole = SimpleNamespace(id=_Name.A, kind="mail", tenant_id="t", payload=b"p", attempts=2.0, more=1)
    assert delivered(whole) == Delivered("a", "mail", "t", b"p", Misfit("float", "2.0"))
    derived = delivered(
        SimpleNamespace(id="a", kind="mail", tenant_id="t", payload=_Bytes(b"p"), attempts=True)
    )
    assert [type(each) for each in derived] == [str, str, str, bytes, int]
    missing = Misfit("", "(no such attribute)")
    assert delivered(SimpleNamespace(id="a", payload=b"")) == Delivered("a", missing, missing, b"", missing)
    assert delivered(_Nasty()) == Delivered(*[Misfit("OSError", "(raised OSError)")] * 5)
