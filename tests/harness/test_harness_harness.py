"""The harness: what can be given or overridden, its defaults, and what it refuses."""

from __future__ import annotations

import asyncio
import binascii
import functools
import json
import sqlite3
from collections.abc import Callable
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.errors import HarnessError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.intermittent import Intermittent
from async_contract.harness.sandbox import Sandbox
from async_contract.store import Job, StoreError

JOB = Job("a", "mail")


class MyStore:
    """A store, as far as the harness looks at it."""

    def __repr__(self) -> str:
        return "MyStore()"


class MyError(Exception):
    """An error of the package in which MyStore is defined: this module."""


class Everything(StoreHarness):
    """A harness that overrides all there is."""

    capabilities = Capabilities(fifo=True)
    known_failures = MappingProxyType({"lease/order": "it has two shards"})
    virtual_time = True

    def connect(self, sandbox: Sandbox) -> str:
        """Override."""
        return f"store of {sandbox.name}"

    def enqueue(self, store: str, job: Job) -> object:
        """Override."""
        return store, job

    def inspect(self, store: str, job_id: str) -> object:
        """Override."""
        return store, job_id

    def disconnect(self, store: str) -> object:
        """Override."""
        return f"closed {store}"

    def prepare(self, sandbox: Sandbox) -> object:
        """Override."""
        return f"prepared {sandbox.name}"

    def dispose(self, sandbox: Sandbox) -> object:
        """Override."""
        return f"disposed {sandbox.name}"

    def is_rejection(self, error: BaseException) -> bool:
        """Override."""
        return isinstance(error, OSError)


def given() -> StoreHarness:
    """A harness with the same given as arguments."""
    return StoreHarness(
        lambda sandbox: f"store of {sandbox.name}",
        capabilities=Capabilities(fifo=True),
        known_failures={"lease/order": "it has two shards"},
        virtual_time=True,
        enqueue=lambda store, job: (store, job),
        inspect=lambda store, job_id: (store, job_id),
        disconnect=lambda store: f"closed {store}",
        prepare=lambda sandbox: f"prepared {sandbox.name}",
        dispose=lambda sandbox: f"disposed {sandbox.name}",
        is_rejection=lambda error: isinstance(error, OSError),
    )


@pytest.mark.parametrize("make", [Everything, given])
def test_everything_can_be_given_or_overridden(make: Callable[[], StoreHarness], sandbox: Sandbox) -> None:
    """Arguments and a subclass that say the same make harnesses that do the same."""
    harness = make()

    assert {
        "capabilities": harness.capabilities,
        "known_failures": harness.known_failures,
        "virtual_time": harness.virtual_time,
        "connect": harness.connect(sandbox),
        "enqueue": harness.enqueue("s", JOB),
        "inspect": harness.inspect("s", "a"),
        "disconnect": harness.disconnect("s"),
        "prepare": harness.prepare(sandbox),
        "dispose": harness.dispose(sandbox),
        "is_rejection": [harness.is_rejection(each) for each in (OSError(), KeyError())],
        "inspects": harness.inspects(MyStore()),
    } == {
        "capabilities": Capabilities(fifo=True),
        "known_failures": {"lease/order": "it has two shards"},
        "virtual_time": True,
        "connect": "store of ac_test",
        "enqueue": ("s", JOB),
        "inspect": ("s", "a"),
        "disconnect": "closed s",
        "prepare": "prepared ac_test",
        "dispose": "disposed ac_test",
        "is_rejection": [True, False],
        "inspects": True,
    }


def test_the_defaults_call_the_store() -> None:
    """Without a word, the harness promises nothing and calls the store's own methods."""
    harness = StoreHarness(MyStore)
    store = SimpleNamespace(enqueue=lambda job: job.id, inspect=str.upper, close=lambda: "closed")

    assert (harness.capabilities, harness.known_failures, harness.virtual_time) == (Capabilities(), {}, False)
    assert harness.enqueue(store, JOB) == "a"
    assert harness.inspect(store, "a") == "A"
    assert harness.disconnect(store) == "closed"
    assert harness.disconnect(SimpleNamespace(aclose=lambda: "aclosed", close=lambda: "closed")) == "aclosed"
    assert harness.disconnect(SimpleNamespace(close=False)) is None


def test_a_subclass_can_wrap_the_connect_it_is_given(sandbox: Sandbox) -> None:
    """`super().connect(sandbox)` makes what the argument makes."""

    class Wrapping(StoreHarness):
        def connect(self, sandbox: Sandbox) -> list[object]:
            return [super().connect(sandbox)]

    assert Wrapping(lambda sandbox: sandbox.name).connect(sandbox) == ["ac_test"]


def takes_named(other: str = "", sandbox: Sandbox | None = None) -> object:
    """Takes a parameter named sandbox, beside an optional one."""
    return other, sandbox and sandbox.name


def takes_keyword(*, sandbox: Sandbox) -> object:
    """Takes the sandbox by keyword only."""
    return sandbox.name


def takes_positional(place: Sandbox, /) -> object:
    """Takes the sandbox by position only."""
    return place.name


def takes_only(place: Sandbox, retries: int = 3) -> object:
    """Takes the sandbox as its only required argument."""
    return place.name, retries


def takes_none(retries: int = 3, *args: object, **kwargs: object) -> object:
    """Takes no sandbox."""
    return retries, args, kwargs


class TakesInInit:
    """A class whose constructor has a parameter named sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.name = sandbox.name

    def __eq__(self, other: object) -> bool:
        return self.name == other

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("connect", "made"),
    [
        (takes_named, ("", "ac_test")),
        (takes_keyword, "ac_test"),
        (takes_positional, "ac_test"),
        (takes_only, ("ac_test", 3)),
        (takes_none, (3, (), {})),
        (functools.partial(takes_only, retries=5), ("ac_test", 5)),
        (TakesInInit, "ac_test"),
        (dict, {}),  # Python knows no signature of it
    ],
)
def test_connect_gets_the_sandbox_if_it_has_a_parameter_for_it(
    connect: Callable[..., object], made: object, sandbox: Sandbox
) -> None:
    """The sandbox goes to a parameter of that name, or to the only one that is required."""
    assert StoreHarness(connect).connect(sandbox) == made


def test_whether_a_store_can_be_inspected() -> None:
    """It can if it has an `inspect` that takes an id, or if the harness has one."""
    plain, custom = StoreHarness(MyStore), StoreHarness(MyStore, inspect=lambda store, job_id: None)
    stores = [
        SimpleNamespace(inspect=lambda job_id: None),
        SimpleNamespace(inspect=lambda: None),
        SimpleNamespace(inspect="all"),
        SimpleNamespace(),
    ]

    assert [plain.inspects(store) for store in stores] == [True, False, False, False]
    assert [custom.inspects(store) for store in stores] == [True, True, True, True]


def test_only_refusals_and_errors_of_the_stores_own_package_are_rejections() -> None:
    """A driver's error says nothing about what happened, so it is none; nor are Python's own errors."""
    harness = StoreHarness(MyStore)
    errors = [KeyError(), UnicodeError(), StoreError(), MyError(), sqlite3.Error(), OSError(), TimeoutError()]
    before = [harness.is_rejection(each) for each in errors]
    harness.store_classes.add(MyStore)

    assert before == [True, True, True, False, False, False, False]
    assert [harness.is_rejection(each) for each in errors] == [True, True, True, True, False, False, False]


class ValidationError(ValueError):
    """What a store's own package calls a refusal, whatever others do."""


def test_that_a_reply_could_not_be_read_is_no_refusal() -> None:
    """By then the call has had its effect; what can't be encoded was never sent."""
    harness = StoreHarness(MyStore)
    errors = [
        json.JSONDecodeError("Expecting value", '{"jobs": [', 10),
        UnicodeDecodeError("utf-8", b"caf\xc3", 3, 4, "unexpected end of data"),
        binascii.Error("Incorrect padding"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        ValueError("invalid literal for int()"),
    ]

    assert [harness.is_rejection(each) for each in errors] == [False, False, False, True, True]
    assert [harness.is_rejection(each) for each in (ValidationError(), MyError())] == [False, False]
    harness.store_classes.add(MyStore)
    assert harness.is_rejection(ValidationError())


def test_no_package_that_all_share_makes_errors_rejections() -> None:
    """A store of a built-in class, of asyncio or of the toolkit does not make their errors its own."""
    harness = StoreHarness(MyStore)
    harness.store_classes |= {dict, asyncio.Queue, StoreHarness}
    errors = [AssertionError(), asyncio.QueueEmpty(), HarnessError()]

    assert [harness.is_rejection(each) for each in errors] == [False, False, False]


def needs_two(dsn: str, pool: object) -> object:
    """A factory that nobody can call."""


class NoConnect(StoreHarness):
    """A harness that does not say how to connect."""


class FunctionAsMethod(StoreHarness):
    """A harness with a function that takes the sandbox where a method belongs."""

    def connect(sandbox: Sandbox) -> MyStore:  # type: ignore[misc, override]  # noqa: N805
        """Lacks self."""
        return MyStore()


class NothingAsMethod(StoreHarness):
    """A harness with a function without parameters where a method belongs."""

    def connect() -> MyStore:  # type: ignore[misc, override]
        """Lacks self."""
        return MyStore()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            StoreHarness,
            (
                "StoreHarness has no connect; write StoreHarness(CLASS_OR_FUNCTION), "
                "or override connect(self, sandbox) so that it returns a store"
            ),
        ),
        (
            NoConnect,
            (
                "NoConnect has no connect; write StoreHarness(CLASS_OR_FUNCTION), "
                "or override connect(self, sandbox) so that it returns a store"
            ),
        ),
        (
            FunctionAsMethod,
            (
                "FunctionAsMethod.connect is a method without self; write connect(self, sandbox), "
                "or connect = staticmethod(connect)"
            ),
        ),
        (
            NothingAsMethod,
            (
                "NothingAsMethod.connect is a method without self; write connect(self, sandbox), "
                "or connect = staticmethod(connect)"
            ),
        ),
        (
            lambda: StoreHarness(MyStore()),  # type: ignore[arg-type]
            (
                "connect=MyStore() can't be called; write connect=FUNCTION, "
                "a class or function that makes a new store"
            ),
        ),
        (
            lambda: StoreHarness(MyStore, enqueue="add"),  # type: ignore[arg-type]
            "enqueue='add' can't be called; write enqueue=FUNCTION",
        ),
        (
            lambda: StoreHarness(needs_two),
            (
                "connect=needs_two needs arguments that nobody passes: dsn, pool; "
                "write def connect(sandbox), and in it return needs_two(...) with all of them"
            ),
        ),
        (
            lambda: StoreHarness(MyStore, capabilities={"fifo": True}),  # type: ignore[arg-type]
            (
                "capabilities={'fifo': True} are no Capabilities; "
                "write capabilities=Capabilities(lease_timeout=30)"
            ),
        ),
        (
            lambda: StoreHarness(MyStore, virtual_time="no"),  # type: ignore[arg-type]
            "virtual_time='no' is neither True nor False",
        ),
        (
            lambda: StoreHarness(MyStore, known_failures=["lease/order"]),  # type: ignore[arg-type]
            (
                "known_failures=['lease/order'] is no mapping; "
                "write known_failures={'lease/order': 'why the store breaks this clause'}"
            ),
        ),
        (
            lambda: StoreHarness(MyStore, known_failures={"lease/exclusiv": "shards"}),
            "known_failures names 'lease/exclusiv', which is no clause; did you mean 'lease/exclusive'?",
        ),
        (
            lambda: StoreHarness(MyStore, known_failures={"nonsense": "shards"}),
            "known_failures names 'nonsense', which is no clause; see --async-contract-list",
        ),
        (
            lambda: StoreHarness(MyStore, known_failures={"lease/order": " "}),
            "known_failures['lease/order'] is ' '; write the reason why the store breaks this clause",
        ),
        (
            lambda: StoreHarness(MyStore, known_failures={"lease/order": None}),  # type: ignore[dict-item]
            "known_failures['lease/order'] is None; write the reason why the store breaks this clause",
        ),
    ],
)
def test_what_a_harness_refuses_it_refuses_when_it_is_made(
    make: Callable[[], StoreHarness], message: str
) -> None:
    """A harness that can't work says what was given, what is allowed and what to write instead."""
    with pytest.raises(HarnessError) as caught:
        make()

    assert str(caught.value) == message


def test_driver_calls_are_kept() -> None:
    """As they were given, or as a subclass has them."""

    class Mine(StoreHarness):
        driver_calls = ("mydriver.fetch",)

    given = StoreHarness(object, driver_calls=["mydriver.Connection.execute"])
    assert [each.driver_calls for each in (StoreHarness(object), given, Mine(object))] == [
        (), ["mydriver.Connection.execute"], ("mydriver.fetch",),
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", ["mydriver.Connection.execute", [len], ["execute"], ["a..b"], ["a.b()"]])
def test_driver_calls_that_are_no_paths_are_refused(wrong: Any) -> None:
    """With the form that would do."""
    with pytest.raises(HarnessError) as refused:
        StoreHarness(object, driver_calls=wrong)
    assert str(refused.value) == (
        f"driver_calls={wrong!r} is no list of paths; write the coroutine functions in which the driver "
        "awaits its server, with module and class: driver_calls=['mydriver.Connection.execute']"
    )


def test_a_failure_that_shows_now_and_then() -> None:
    """Its excuse is a reason, so that it stands wherever one does, and never an empty one."""
    seldom = Intermittent("a race")
    harness = StoreHarness(MyStore, known_failures={"lease/order": seldom})
    assert (harness.known_failures["lease/order"], isinstance(seldom, str)) == ("a race", True)
    for nothing in (" ", None):
        with pytest.raises(HarnessError) as caught:
            Intermittent(nothing)
        assert str(caught.value) == (
            f"Intermittent({nothing!r}) gives no reason; write why and when the store breaks the clause: "
            "Intermittent('a message is lost if two workers ask for it at the same instant')"
        )
