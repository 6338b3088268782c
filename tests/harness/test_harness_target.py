"""Targets: what becomes a harness, and what is told instead when nothing can."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.harness.calls import call_maybe_async
from async_contract.harness.connection import open_store
from async_contract.harness.errors import TargetError
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox
from async_contract.harness.target import harness_for, load
from async_contract.store import Job

Write = Callable[[str, str], Path]

ASYNC_STORE = '''
class Store:
    """Keeps its jobs in a list."""

    def __init__(self):
        self.ready, self.leased = [], {}

    async def enqueue(self, job):
        self.ready.append(job)

    async def lease(self, limit):
        batch, self.ready = self.ready[: max(limit, 0)], self.ready[max(limit, 0) :]
        self.leased.update((job.id, job) for job in batch)
        return batch

    async def complete(self, id):
        del self.leased[id]

    async def fail(self, id, message):
        self.ready.append(self.leased.pop(id))
'''

OTHER_TARGETS = """
from contextlib import asynccontextmanager, contextmanager

from async_contract import StoreHarness

def make():
    return Store()

def make_in(sandbox):
    assert sandbox.name == "ac_test"
    return Store()

async def make_later():
    return Store()

def generate(sandbox):
    yield Store()

async def generate_later(sandbox):
    yield Store()

@contextmanager
def manage():
    yield Store()

@asynccontextmanager
async def manage_later():
    yield Store()

class Managed(Store):
    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc_info):
        pass

class Connecting:
    def __enter__(self):
        return Store()

    def __exit__(self, *exc_info):
        pass

class InASandbox(Store):
    def __init__(self, sandbox):
        assert sandbox.name == "ac_test"
        super().__init__()

class Proxy:
    def __init__(self):
        self.store = Store()

    def __getattr__(self, name):
        return getattr(self.store, name)

class Properties(Store):
    @property
    def lease(self):
        return super().lease

class Statics:
    leased = Store()
    enqueue = staticmethod(leased.enqueue)
    lease = staticmethod(leased.lease)
    complete = leased.complete

    @classmethod
    async def fail(cls, *args):
        await cls.leased.fail(*args)

class Harness(StoreHarness):
    def connect(self, sandbox):
        return Store()

class HarnessOfAClass(StoreHarness):
    connect = Store

harness = StoreHarness(Store)

class Nested:
    harness = StoreHarness(make)
    Store = Store
"""


def used(harness: StoreHarness, sandbox: Sandbox) -> list[str]:
    """The ids that a store delivers: all of them, and again the one that failed, not that completed."""

    async def main() -> list[str]:
        connection = await open_store(harness, sandbox)
        store = connection.store
        for each in ("a", "b"):
            await call_maybe_async(harness.enqueue, store, Job(each, "mail"))
        first = await call_maybe_async(store.lease, 5)
        await call_maybe_async(store.complete, "a")
        await call_maybe_async(store.fail, "b", "broken")
        second = await call_maybe_async(store.lease, 5)
        await connection.close()
        return [job.id for job in (*first, *second)]

    return asyncio.run(main())


@pytest.mark.parametrize("source", [ASYNC_STORE, ASYNC_STORE.replace("async ", "")], ids=["async", "sync"])
@pytest.mark.parametrize(
    "target",
    [
        "mypkg.Store", "mypkg:Store", "mypkg.make", "mypkg.make_in", "mypkg.make_later", "mypkg.generate",
        "mypkg.generate_later", "mypkg.manage", "mypkg.manage_later", "mypkg.Managed", "mypkg.Connecting",
        "mypkg.InASandbox", "mypkg.Proxy", "mypkg.Properties", "mypkg.Harness", "mypkg.HarnessOfAClass",
        "mypkg.harness", "mypkg.Nested.Store", "mypkg:Nested.harness",
    ],
)  # fmt: skip
def test_a_name_is_all_it_takes(write: Write, sandbox: Sandbox, source: str, target: str) -> None:
    """Whatever makes a store, sync or async, is a target, and its store works."""
    write("mypkg.py", source + OTHER_TARGETS)

    assert used(load(target), sandbox) == ["a", "b", "b"]


def test_methods_of_any_kind_are_methods(write: Write, sandbox: Sandbox) -> None:
    """Static methods, class methods and bound methods of another object count."""
    write("mypkg.py", ASYNC_STORE + OTHER_TARGETS)

    assert used(load("mypkg.Statics"), sandbox) == ["a", "b", "b"]


def test_a_harness_keeps_what_it_declares(write: Write) -> None:
    """A harness is taken as it is, and a harness class is built."""
    source = """
        from async_contract.contract.capabilities import Capabilities
        from async_contract.harness.harness import StoreHarness

        class Harness(StoreHarness):
            capabilities = Capabilities(fifo=True)

            def connect(self, sandbox):
                raise AssertionError("nobody asked for a store")

        harness = Harness()
    """
    write("mypkg.py", source)

    assert load("mypkg.harness") is sys.modules["mypkg"].harness
    assert load("mypkg.Harness").capabilities == Capabilities(fifo=True)


def test_loading_makes_no_store_and_leaves_the_path_alone(write: Write) -> None:
    """A target is looked at, not called, and `sys.path` is the same afterwards."""
    write("mypkg.py", ASYNC_STORE.replace("self.ready, self.leased = [], {}", "raise AssertionError"))
    before = list(sys.path)
    load("mypkg.Store")

    assert sys.path == before


def test_a_module_in_a_package_is_found_with_and_without_a_colon(write: Write) -> None:
    """The longest part of a dotted name that is a module is the module, even under a name it shares."""
    write("pkg/__init__.py", "from pkg.store import store")
    write("pkg/store.py", ASYNC_STORE + "def store():\n    return Store()\n")

    assert [load(each).maker.__name__ for each in ("pkg.store.Store", "pkg.store:Store", "pkg.store")] == [
        "Store", "Store", "store",
    ]  # fmt: skip


def test_a_function_needs_no_name() -> None:
    """An object can be a target without any target name."""
    made = harness_for(lambda: None, name="a lambda")

    assert isinstance(made, StoreHarness)


def pasted(error: TargetError, write: Write) -> Path:
    """The lines of a message, pasted into contract_harness.py."""
    return write("contract_harness.py", "\n".join(str(error).split("\n\n", 1)[1].splitlines()))


NEARLY: dict[str, tuple[str, str, str]] = {
    "enqueue": (ASYNC_STORE.replace("enqueue", "push"), "mypkg.Store", "contract_harness.harness"),
    "all": (
        ASYNC_STORE.replace("enqueue", "put").replace("lease(", "claim(").replace("complete", "ack")
        .replace("fail", "nack"), "mypkg.Store", "contract_harness.Adapter",
    ),
    "sync": (
        ASYNC_STORE.replace("async ", "").replace("lease(", "fetch("),
        "mypkg.Store", "contract_harness.Adapter",
    ),
    "argument": (
        ASYNC_STORE.replace("__init__(self)", "__init__(self, clock)"),
        "mypkg.Store", "contract_harness.harness",
    ),
    "instance": (ASYNC_STORE + "store = Store()", "mypkg.store", "contract_harness.harness"),
    "nothing": ("store = None", "mypkg.store", "contract_harness.Store"),
}  # fmt: skip


@pytest.mark.parametrize("case", NEARLY)
def test_the_lines_of_a_message_would_do(write: Write, sandbox: Sandbox, case: str) -> None:
    """Pasted as they are, they make a target whose store works, if the store's names are usual ones."""
    source, target, would_do = NEARLY[case]
    write("mypkg.py", source)
    with pytest.raises(TargetError) as caught:
        load(target)

    pasted(caught.value, write)

    assert used(load(would_do), sandbox) == ["a", "b", "b"]


INSTANCE_STORES = {
    "assigned": "self.enqueue = self.lease = self.complete = self.fail = print",
    "by_name": "for name in ('enqueue', 'lease', 'complete', 'fail'): setattr(self, name, print)",
    "in_a_dict": "self.__dict__.update(dict.fromkeys(('enqueue', 'lease', 'complete', 'fail'), print))",
}


@pytest.mark.parametrize("case", INSTANCE_STORES)
def test_an_instance_may_be_given_its_methods_when_it_is_made(write: Write, case: str) -> None:
    """The class shows nothing of them; whether they are there is seen when there is an instance."""
    write("mypkg.py", f"class Store:\n    def __init__(self):\n        {INSTANCE_STORES[case]}\n")

    assert load("mypkg.Store").maker.__name__ == "Store"
