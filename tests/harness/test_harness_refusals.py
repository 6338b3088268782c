"""The messages for targets that can't be used, each of them whole."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path

import pytest

from async_contract.harness.errors import TargetError
from async_contract.harness.target import harness_for, load

Write = Callable[[str, str], Path]

HARNESS_OF = "a harness, for example in contract_harness.py, and name contract_harness.harness as the target"
ADAPTER_OF = "an adapter, for example in contract_harness.py, and name contract_harness.Adapter as the target"

METHODS = '''
    async def lease(self, limit):
        """Nothing is there."""
        return []

    async def complete(self, id):
        """Nothing to do."""

    async def fail(self, id, message):
        """Nothing to do."""
'''

A_STORE = textwrap.indent(
    cleandoc("""
        class Store:
            def __init__(self):
                self.ready, self.leased = [], {}

            def enqueue(self, job):
                self.ready.append(job)

            def lease(self, limit):
                batch = [self.ready.pop(0) for _ in range(min(limit, len(self.ready)))]
                self.leased.update((job.id, job) for job in batch)
                return batch

            def complete(self, id):
                del self.leased[id]

            def fail(self, id, message):
                self.ready.append(self.leased.pop(id))
    """),
    " " * 12,
)

REFUSED = {
    "no enqueue": (
        f"class Store:\n    async def push(self, job): ...\n{METHODS}",
        "mypkg.Store",
        f"""
        mypkg.Store can't be used as a target
        Found: the class mypkg.Store
        Missing: enqueue(job)
        Write: {HARNESS_OF}:

            from async_contract import StoreHarness
            from mypkg import Store


            async def enqueue(store, job):
                await store.push(job)  # however it takes in job.id, job.kind, job.tenant_id, job.payload


            harness = StoreHarness(Store, enqueue=enqueue)
        """,
    ),
    "no lease": (
        (
            "class Store:\n    def enqueue(self, job): ...\n    def complete(self, id): ...\n"
            "    def fail(self, id, message): ...\n"
        ),
        "mypkg.Store",
        f"""
        mypkg.Store can't be used as a target
        Found: the class mypkg.Store
        Missing: lease(limit)
        Write: {ADAPTER_OF}:

            from mypkg import Store


            class Adapter:
                def __init__(self):
                    self.inner = Store()

                def enqueue(self, job):
                    self.inner.enqueue(job)

                def lease(self, limit):
                    # a list of jobs, which have id, kind, tenant_id, payload and attempts
                    return self.inner.claim(limit)  # or whatever it is called there

                def complete(self, id):
                    self.inner.complete(id)

                def fail(self, id, message):
                    self.inner.fail(id, message)
        """,
    ),
    "other names and arguments": (
        (
            "class Queue:\n    def __init__(self, path, dsn, clock, /, *, queue_name, cache_dir=None): ...\n"
            "    def put(self, job): ...\n    def pop(self): ...\n    async def delete(self, id): ...\n"
        ),
        "mypkg.Queue",
        f"""
        mypkg.Queue can't be used as a target
        Found: the class mypkg.Queue
        Missing: enqueue(job), lease(limit), complete(id), fail(id, message)
        Missing: values for path, dsn, clock, queue_name, which nobody passes
        Write: {ADAPTER_OF}:

            from mypkg import Queue


            class Adapter:
                def __init__(self, sandbox):
                    self.inner = Queue(sandbox.path / "jobs.db", ..., sandbox.clock, queue_name=sandbox.name)

                async def enqueue(self, job):
                    self.inner.put(job)

                async def lease(self, limit):
                    # a list of jobs, which have id, kind, tenant_id, payload and attempts
                    return self.inner.pop(limit)

                async def complete(self, id):
                    await self.inner.delete(id)

                async def fail(self, id, message):
                    await self.inner.nack(id, message)  # or whatever it is called there
        """,
    ),
    "constructor arguments": (
        f"class Store:\n    def __init__(self, db_path, pool): ...\n    enqueue = print\n{METHODS}",
        "mypkg.Store",
        f"""
        mypkg.Store can't be used as a target
        Found: the class mypkg.Store
        Missing: values for db_path, pool, which nobody passes
        Write: {HARNESS_OF}:

            from async_contract import StoreHarness
            from mypkg import Store


            def connect(sandbox):
                # sandbox.path: an empty directory; sandbox.name: unique, safe as a schema, key or subject
                return Store(db_path=sandbox.path / "jobs.db", pool=...)


            harness = StoreHarness(connect)
        """,
    ),
    "one argument": (
        f"class Store:\n    def __init__(self, dsn): ...\n{METHODS}",
        "mypkg.Store",
        f"""
        mypkg.Store can't be used as a target
        Found: the class mypkg.Store
        Missing: enqueue(job)
        Missing: values for dsn, which nobody passes
        Write: {HARNESS_OF}:

            from async_contract import StoreHarness
            from mypkg import Store


            def connect(sandbox):
                # sandbox.path: an empty directory; sandbox.name: unique, safe as a schema, key or subject
                return Store(dsn=...)


            async def enqueue(store, job):
                await store.add(job)  # however it takes in job.id, job.kind, job.tenant_id, job.payload


            harness = StoreHarness(connect, enqueue=enqueue)
        """,
    ),
    "methods that take something else": (
        (
            "class Store:\n    enqueue = 3\n    def lease(): ...\n"
            "    def complete(self, id, worker, *, at): ...\n"
            "    @staticmethod\n    def fail(id): ...\n"
        ),
        "mypkg.Store",
        f"""
        mypkg.Store can't be used as a target
        Found: the class mypkg.Store
        Missing: enqueue(job) as a method; here it is 3
        Missing: lease(limit); here it is lease()
        Missing: complete(id); here it is complete(self, id, worker, *, at)
        Missing: fail(id, message); here it is fail(id)
        Write: {ADAPTER_OF}:

            from mypkg import Store


            class Adapter:
                def __init__(self):
                    self.inner = Store()

                def enqueue(self, job):
                    self.inner.add(job)  # or whatever it is called there

                def lease(self, limit):
                    # a list of jobs, which have id, kind, tenant_id, payload and attempts
                    return self.inner.lease()

                def complete(self, id):
                    self.inner.complete(id, ..., at=...)

                def fail(self, id, message):
                    self.inner.fail(id)
        """,
    ),
    "an abstract class": (
        "from async_contract.store import Store",
        "mypkg.Store",
        f"""
        mypkg.Store can't be used as a target
        Found: the class async_contract.store.Store
        Missing: a class that is not abstract
        Write: a class such as this one:

{A_STORE}
        """,
    ),
    "an instance of a store": (
        f"class Store:\n    def __init__(self, url=''): ...\n    enqueue = print\n{METHODS}\nstore = Store()",
        "mypkg.store",
        f"""
        mypkg.store can't be used as a target
        Found: an object of the class mypkg.Store
        Missing: something that makes a new store for every example: its class, or a function
        Write: {HARNESS_OF}:

            from async_contract import StoreHarness
            from mypkg import Store


            harness = StoreHarness(Store)
        """,
    ),
    "neither a class nor a function": (
        "store = 'postgresql://'",
        "mypkg.store",
        f"""
        mypkg.store can't be used as a target
        Found: an object of the class str
        Missing: a class of stores, a function that makes a store, or a harness
        Write: a class such as this one:

{A_STORE}
        """,
    ),
    "a function with arguments": (
        "async def make(url, *, prefix): ...",
        "mypkg.make",
        f"""
        mypkg.make can't be used as a target
        Found: the function mypkg.make
        Missing: values for url, prefix, which nobody passes
        Write: {HARNESS_OF}:

            from async_contract import StoreHarness
            from mypkg import make


            def connect(sandbox):
                # sandbox.path: an empty directory; sandbox.name: unique, safe as a schema, key or subject
                return make(url=..., prefix=sandbox.name)


            harness = StoreHarness(connect)
        """,
    ),
    "a callable with arguments": (
        "import functools\ndef make(url, dsn, name): ...\nmaker = functools.partial(make, 'x')",
        "mypkg.maker",
        f"""
        mypkg.maker can't be used as a target
        Found: an object of the class functools.partial
        Missing: values for dsn, name, which nobody passes
        Write: {HARNESS_OF}:

            from async_contract import StoreHarness


            def connect(sandbox):
                # sandbox.path: an empty directory; sandbox.name: unique, safe as a schema, key or subject
                return make_store(dsn=..., name=sandbox.name)


            harness = StoreHarness(connect)
        """,
    ),
    "a lambda with arguments": (
        "make = lambda url, dsn: None",
        "mypkg.make",
        f"""
        mypkg.make can't be used as a target
        Found: the function mypkg.<lambda>
        Missing: values for url, dsn, which nobody passes
        Write: {HARNESS_OF}:

            from async_contract import StoreHarness


            def connect(sandbox):
                # sandbox.path: an empty directory; sandbox.name: unique, safe as a schema, key or subject
                return make_store(url=..., dsn=...)


            harness = StoreHarness(connect)
        """,
    ),
    "a class that looks like a harness": (
        "class Harness:\n    def connect(self, sandbox): ...",
        "mypkg.Harness",
        """
        mypkg.Harness can't be used as a target
        Found: the class mypkg.Harness, with a connect
        Missing: the base class StoreHarness
        Write: the class with it:

            from async_contract import StoreHarness


            class Harness(StoreHarness):
                ...  # all that it has now
        """,
    ),
    "an object that looks like a harness": (
        (
            "from types import SimpleNamespace\n"
            "parts = SimpleNamespace(connect=print, capabilities=None, inspect=print)"
        ),
        "mypkg:parts",
        """
        mypkg:parts can't be used as a target
        Found: an object of the class types.SimpleNamespace, with a connect
        Missing: a StoreHarness
        Write: one, from the parts of this object:

            from async_contract import StoreHarness

            harness = StoreHarness(parts.connect, capabilities=parts.capabilities, inspect=parts.inspect)
        """,
    ),
    "a harness of a class that is no store": (
        (
            "from async_contract import StoreHarness\n"
            "class Queue:\n    def lease(self, limit): ...\n    def complete(self, id): ...\n"
            "harness = StoreHarness(Queue, enqueue=print)"
        ),
        "mypkg.harness",
        f"""
        mypkg.harness can't be used as a target
        Found: the class mypkg.Queue
        Missing: fail(id, message)
        Write: {ADAPTER_OF}:

            from mypkg import Queue


            class Adapter:
                def __init__(self):
                    self.inner = Queue()

                def enqueue(self, job):
                    self.inner.add(job)  # or whatever it is called there

                def lease(self, limit):
                    # a list of jobs, which have id, kind, tenant_id, payload and attempts
                    return self.inner.lease(limit)

                def complete(self, id):
                    self.inner.complete(id)

                def fail(self, id, message):
                    self.inner.nack(id, message)  # or whatever it is called there
        """,
    ),
    "a harness class with arguments": (
        (
            "from async_contract import StoreHarness\n"
            "class Harness(StoreHarness):\n    def __init__(self, url): ...\n    def connect(self): ..."
        ),
        "mypkg.Harness",
        """
        mypkg.Harness can't be used as a target
        Found: the harness class mypkg.Harness
        Missing: values for url, which nobody passes
        Write: a harness made of it, and name that as the target:

            from mypkg import Harness

            harness = Harness(url=...)
        """,
    ),
    "a harness that skips its base's constructor": (
        (
            "from async_contract import StoreHarness\n"
            "class Harness(StoreHarness):\n    def __init__(self): ...\n    def connect(self): ..."
        ),
        "mypkg.Harness",
        """
        mypkg.Harness can't be used as a target
        Found: a harness of the class mypkg.Harness, which has an __init__ of its own
        Missing: the call of StoreHarness.__init__ in it
        Write: that as the first line:

            def __init__(self, ...):
                super().__init__()
        """,
    ),
    "a harness class that contradicts itself": (
        (
            "from async_contract import StoreHarness\n"
            "class Harness(StoreHarness):\n    connect = dict\n"
            "    known_failures = {'lease/exclusiv': 'shards'}\n"
        ),
        "mypkg.Harness",
        """
        mypkg.Harness can't be used as a target
        Found: a harness that can't be made: known_failures names 'lease/exclusiv', which is no clause; \
did you mean 'lease/exclusive'?
        """,
    ),
    "a built-in class": (
        "store = dict",
        "mypkg.store",
        f"""
        mypkg.store can't be used as a target
        Found: the class dict
        Missing: enqueue(job), lease(limit), complete(id), fail(id, message)
        Write: {ADAPTER_OF}:

            class Adapter:
                def __init__(self):
                    self.inner = dict()

                def enqueue(self, job):
                    self.inner.add(job)  # or whatever it is called there

                def lease(self, limit):
                    # a list of jobs, which have id, kind, tenant_id, payload and attempts
                    return self.inner.pop(limit)

                def complete(self, id):
                    self.inner.ack(id)  # or whatever it is called there

                def fail(self, id, message):
                    self.inner.nack(id, message)  # or whatever it is called there
        """,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_target_is_told_with_what_to_write(write: Write, case: str) -> None:
    """The message says what was found, what is missing, and has lines that would do."""
    source, target, message = REFUSED[case]
    write("mypkg.py", source)

    with pytest.raises(TargetError) as caught:
        load(target)

    assert str(caught.value) == cleandoc(message)


def test_a_class_in_a_function_is_told_without_an_import() -> None:
    """What can't be imported is written as if it stood beside the harness."""

    class Local:
        pass

    with pytest.raises(TargetError) as caught:
        harness_for(Local, "Local")

    assert str(caught.value).splitlines()[5:8] == [
        "    class Adapter:",
        "        def __init__(self):",
        "            self.inner = Local()",
    ]
