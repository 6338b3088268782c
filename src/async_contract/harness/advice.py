"""What to write when something is no store: messages with lines that would do, ready to paste."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from inspect import Parameter

from async_contract.harness.arguments import POSITIONAL
from async_contract.harness.errors import explain
from async_contract.harness.shape import METHODS, Fault, has, phrases

A_HARNESS = "a harness, for example in contract_harness.py, and name contract_harness.harness as the target"
AN_ADAPTER = "an adapter, for example in contract_harness.py, and name contract_harness.Adapter as the target"

HARNESS_PARTS = (
    "capabilities", "known_failures", "virtual_time",
    "enqueue", "inspect", "disconnect", "prepare", "dispose", "is_rejection",
)  # fmt: skip
"""What a harness is given by keyword."""

A_STORE = """
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
"""
"""The shortest store that would do; it keeps its jobs in a list."""

# What other interfaces call the methods; the first of each stands in where a class has none of them.
_ALSO_CALLED = {
    "enqueue": ("add", "push", "put", "insert", "submit", "publish", "send", "schedule", "append"),
    "lease": ("claim", "acquire", "reserve", "dequeue", "receive", "fetch", "pull", "pop", "get"),
    "complete": ("ack", "acknowledge", "done", "finish", "succeed", "delete"),
    "fail": ("nack", "reject", "retry", "release", "error", "abort"),
}

# What a constructor's parameter is likely to want, by a word in its name.
_LIKELY = (
    ({"path", "file", "filename", "database", "db"}, 'sandbox.path / "jobs.db"'),
    ({"directory", "folder"}, "sandbox.path"),
    ({"clock"}, "sandbox.clock"),
    ({"name", "prefix", "schema", "table", "queue", "stream", "key", "subject"}, "sandbox.name"),
)


def for_class(cls: type, found: Iterable[Fault], required: Iterable[Parameter]) -> tuple[str, str]:
    """What to write to test the stores of a class, and the lines.

    Args:
        cls: The class.
        found: What its methods lack.
        required: The parameters of its constructor that nobody passes.
    """
    found, required = tuple(found), tuple(required)
    if _only_enqueue(found):
        return A_HARNESS, harness(cls, required, enqueue_of=cls if found else None)
    line, expression = importing(cls)
    takes = "self, sandbox" if required else "self"
    lines = _adapter(cls, found, takes, _built(expression, required))
    return AN_ADAPTER, f"{line}\n\n\n{lines}" if line else lines


def harness(
    maker: Callable[..., object], required: Iterable[Parameter] = (), *, enqueue_of: object = None
) -> str:
    """The lines of a harness for what `maker` makes.

    Args:
        maker: A class, or a function that makes a store.
        required: Its parameters that nobody passes.
        enqueue_of: A store, or the class of the stores, if they have no `enqueue`.
    """
    required = tuple(required)
    line, expression = importing(maker)
    parts = ["\n".join(filter(None, ("from async_contract import StoreHarness", line)))]
    if required:
        parts.append(
            "def connect(sandbox):\n"
            "    # sandbox.path: an empty directory; sandbox.name: unique, safe as a schema, key or subject\n"
            f"    return {_built(expression, required)}"
        )
        expression = "connect"
    if enqueue_of is not None:
        parts.append(_enqueue("store", enqueue_of))
        expression += ", enqueue=enqueue"
    parts.append(f"harness = StoreHarness({expression})")
    return "\n\n\n".join(parts)


def instance(cls: type, required: Iterable[Parameter]) -> str:
    """The lines that make a harness of a class with required arguments."""
    line, expression = importing(cls)
    return "\n\n".join(filter(None, (line, f"harness = {_built(expression, required)}")))


def subclass(cls: type) -> str:
    """The lines that make a class of harnesses of a class that only looks like one."""
    body = f"class {cls.__name__}(StoreHarness):\n    ...  # all that it has now"
    return f"from async_contract import StoreHarness\n\n\n{body}"


def from_parts(obj: object, name: str) -> str:
    """The lines that make a harness of an object that only looks like one, to go beside it."""
    it = name.replace(":", ".").rpartition(".")[2]
    parts = [f"{each}={it}.{each}" for each in HARNESS_PARTS if hasattr(obj, each)]
    arguments = ", ".join([f"{it}.connect", *parts])
    return f"from async_contract import StoreHarness\n\nharness = StoreHarness({arguments})"


def no_store(maker: Callable[..., object], store: object, found: tuple[Fault, ...]) -> str:
    """The message for something that `maker` made and that can't be called as a store."""
    name = getattr(maker, "__qualname__", type(maker).__qualname__)
    headline = f"what {name} makes can't be called as a store"
    if store is None:
        lines = "return store  # in a generator: yield store; in __enter__: return self"
        return explain(headline, "None", ["a store"], f"as the last line of {name}", lines)
    cls = type(store)
    described = f"an object of the class {qualified(cls)}"
    if not _only_enqueue(found):
        lines = _adapter(store, found, "self, inner", "inner")
        write = f"an adapter, and return Adapter(store) from {name} instead of the store itself"
    elif inspect.ismethod(maker):
        lines = textwrap.indent(_enqueue("self, store", store), "    ")
        head = f"class {type(maker.__self__).__name__}(StoreHarness):"
        lines = f"{head}\n    # connect and the rest as they are\n\n{lines}"
        write = "an enqueue beside the connect"
    else:
        lines, write = harness(maker, enqueue_of=store), A_HARNESS
    return explain(headline, described, phrases(found), write, lines)


def importing(obj: Callable[..., object]) -> tuple[str, str]:
    """The line that imports a class or function, and the expression for it after that.

    The line is empty for what can't be imported: something local, or without a name.
    """
    parts = getattr(obj, "__qualname__", "<nameless>").split(".")
    if not all(each.isidentifier() for each in parts):
        return "", parts[-1] if parts[-1].isidentifier() else "make_store"
    return "" if obj.__module__ == "builtins" else f"from {obj.__module__} import {parts[0]}", ".".join(parts)


def qualified(obj: Callable[..., object]) -> str:
    """The name of a class or function with its module, without `builtins`."""
    return obj.__qualname__ if obj.__module__ == "builtins" else f"{obj.__module__}.{obj.__qualname__}"


def _only_enqueue(found: tuple[Fault, ...]) -> bool:
    return all(each.method == "enqueue" and each.kind == "missing" for each in found)


def _built(expression: str, required: Iterable[Parameter]) -> str:
    arguments = []
    for each in required:
        likely = (value for words, value in _LIKELY if not words.isdisjoint(each.name.lower().split("_")))
        prefix = "" if each.kind is Parameter.POSITIONAL_ONLY else f"{each.name}="
        arguments.append(prefix + next(likely, "..."))
    return f"{expression}({', '.join(arguments)})"


def _enqueue(parameters: str, owner: object) -> str:
    """A function or method `enqueue` for stores like `owner`, or of the class `owner`."""
    called = _alike(owner, "enqueue")
    return (
        f"{_define(owner)} enqueue({parameters}, job):\n"
        f"    {_wait(owner, called)}store.{called}(job)"
        "  # however it takes in job.id, job.kind, job.tenant_id, job.payload"
    )


def _adapter(owner: object, found: Iterable[Fault], parameters: str, inner: str) -> str:
    """A class with the methods of a store, which calls an object like `owner`, or of the class `owner`."""
    signatures = {each.method: each.signature for each in found}
    lines = ["class Adapter:", f"    def __init__({parameters}):", f"        self.inner = {inner}"]
    for method, names in METHODS.items():
        signature = signatures.get(method)
        arguments = ", ".join(names) if signature is None else _fitted(method, signature)
        called = method if has(owner, method) else _alike(owner, method)
        lines += ["", f"    {_define(owner)} {method}(self, {', '.join(names)}):"]
        if method == "lease":
            lines.append("        # a list of jobs, which have id, kind, tenant_id, payload and attempts")
        back = "return " if method == "lease" else ""
        note = "" if has(owner, called) else "  # or whatever it is called there"
        lines.append(f"        {back}{_wait(owner, called)}self.inner.{called}({arguments}){note}")
    return "\n".join(lines)


def _define(owner: object) -> str:
    """How to define methods beside those of `owner`: as coroutine functions if it has any."""
    names = (name for method in METHODS for name in (method, *_ALSO_CALLED[method]))
    any_is_async = any(inspect.iscoroutinefunction(getattr(owner, name, None)) for name in names)
    return "async def" if any_is_async else "def"


def _wait(owner: object, method: str) -> str:
    """What goes before a call of `method`; one that is not there is taken to be like the others."""
    there = has(owner, method)
    waits = inspect.iscoroutinefunction(getattr(owner, method)) if there else _define(owner) == "async def"
    return "await " if waits else ""


def _alike(owner: object, method: str) -> str:
    """The method of `owner` that is likely to do what `method` does."""
    names = _ALSO_CALLED[method]
    return next((name for name in names if has(owner, name)), names[0])


def _fitted(method: str, signature: inspect.Signature) -> str:
    """The arguments of `method` as `signature` takes them, with `...` for what is not known."""
    positional = [each for each in signature.parameters.values() if each.kind in POSITIONAL]
    arguments = list(METHODS[method][: len(positional)])
    needed = [each for each in positional if each.default is Parameter.empty]
    arguments += ["..."] * (len(needed) - len(arguments))
    named = [each for each in signature.parameters.values() if each.kind is Parameter.KEYWORD_ONLY]
    arguments += [f"{each.name}=..." for each in named if each.default is Parameter.empty]
    return ", ".join(arguments)
