"""A broken clause as a script: the calls of its story, made anew, and how often the same came of them.

Where that is enough, the script has nothing but the store and the calls in it. What cannot be said so
(a schedule, a store that somebody has to connect to, time that is virtual) is repeated by its token.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from itertools import pairwise
from textwrap import dedent

from async_contract.contract.clauses import CLAUSE
from async_contract.experiments.cases import Case
from async_contract.harness.arguments import signature_or_none
from async_contract.harness.harness import StoreHarness
from async_contract.history.operation import CANCELLED, OK, Delivered, Operation
from async_contract.judge.verdict import Violation
from async_contract.report.escape import inline

RUNS = 10
"""How often a script does what it shows."""

_SHORTEST_PAUSE = 5_000_000  # nanoseconds; what passes between two calls anyway
_CALLS = ("enqueue", "lease", "complete", "fail")
_ABOUT_CONTENT = ("lease/faithful", "lease/attempts-steady", "lease/attempts")


def script(
    target: str, harness: StoreHarness, violation: Violation, history: Sequence[Operation], case: Case
) -> str:
    """The text of a script that shows a violation again; empty if nothing outside the test file can.

    Args:
        target: The target's name, as `load` takes it.
        harness: Its harness.
        violation: What was broken.
        history: How.
        case: What repeats it, where the calls alone don't.
    """
    calls = _needed(history, violation)
    maker, content = harness.maker, violation.clause in _ABOUT_CONTENT
    plain = case.schedule in ("", "s1") and _can_be_built(harness) and _can_be_said(calls)
    if not plain:
        options = {"target": target, "token": case.token, "clause": violation.clause}
        return "" if "::" in target else _REPEATED.format(head=_head(violation), runs=RUNS, **options)
    return _PLAIN.format(
        head=_head(violation),
        module=maker.__module__,
        store=maker.__qualname__,
        calls="\n".join(f"    {line}" for line in _lines(calls, content=content)),
        runs=RUNS,
    )


def _head(violation: Violation) -> str:
    clause = CLAUSE[violation.clause]
    told = [
        f"{clause.id} is broken: {inline(violation.happened)}",
        f"The contract says ({clause.level}): {clause.sentence}.",
    ]
    # No text of a store may end the docstring.
    return "\n\n".join(told).replace("\\", "/").replace('"', "'")


def _needed(history: Sequence[Operation], violation: Violation) -> list[Operation]:
    """The operations up to the last one that shows the violation, in the order of their invocations."""
    # A witness shows only those jobs of a batch that matter, so it is known by its instants.
    last = max((each.invoked for each in violation.witness), default=max(each.invoked for each in history))
    return sorted((each for each in history if each.invoked <= last), key=lambda each: each.invoked)


def _can_be_built(harness: StoreHarness) -> bool:
    """Whether a store is a class that is called, and everybody's calls go to one object in real time."""
    maker = harness.maker
    return (
        inspect.isclass(maker)
        and "." not in maker.__qualname__
        and "sandbox" not in getattr(signature_or_none(maker), "parameters", ())
        and not harness.virtual_time
        and harness.capabilities.sharing in ("none", "instance")
        and not any(map(harness.customizes, ("enqueue", "prepare", "dispose")))
        and not any(hasattr(maker, name) for name in ("__enter__", "__aenter__", "__await__"))
    )


def _can_be_said(calls: Sequence[Operation]) -> bool:
    """Whether they are plain calls, one after another, with nothing odd in them."""
    return (
        all(each.method in _CALLS and each.error != CANCELLED for each in calls)
        and all(
            before.returned is not None and before.returned <= after.invoked
            for before, after in pairwise(calls)
        )
        and all(each.job_id == job.id for each in calls if each.method == "enqueue" for job in each.jobs)
        and all(_is_plain(job) for each in calls for job in each.jobs)
    )


def _is_plain(job: Delivered) -> bool:
    return [type(each) for each in job] == [str, str, str, bytes, int]


def _lines(calls: Sequence[Operation], *, content: bool) -> Iterator[str]:
    for before, call in zip([None, *calls], calls, strict=False):
        gap = call.invoked - before.returned if before is not None and before.returned is not None else 0
        if gap > _SHORTEST_PAUSE:
            yield f"await asyncio.sleep({gap / 1_000_000_000:.3f})"
        yield f"await call(store.{call.method}, {_arguments(call)}, gives={_gives(call, content=content)})"


def _arguments(call: Operation) -> str:
    match call.method:
        case "enqueue":
            return f"Job{tuple(call.jobs[0][:4])!r}"
        case "lease":
            return repr(call.value)
        case "fail":
            return f"{call.job_id!r}, {call.value!r}"
        case _:
            return repr(call.job_id)


def _gives(call: Operation, *, content: bool) -> str:
    if call.outcome != OK:
        return repr(call.error.partition(":")[0])
    if call.method != "lease":
        return "'ok'"
    return repr([tuple(job) for job in call.jobs] if content else [job.id for job in call.jobs])


_PLAIN = dedent('''\
    """{head}

    The calls below are made {runs} times, each time of a new store, and what comes of each is compared with
    what came of it when the clause was seen broken. The exit status is 1 if it ever was the same: a
    mended store gives 0.
    """

    import asyncio
    import sys

    sys.path.insert(0, "")

    from async_contract import Job
    from {module} import {store}


    async def story(store):
    {calls}


    async def call(method, *arguments, gives):
        try:
            result = method(*arguments)
            result = await result if hasattr(result, "__await__") else result
            came = _seen(result, gives) if method.__name__ == "lease" else "ok"
        except Exception as error:
            came = type(error).__name__
        print(f"  {{method.__name__}}{{arguments}} -> {{came}}")
        if came != gives:
            raise Otherwise(f"then it was {{gives}}")


    def _seen(jobs, gives):
        if not any(isinstance(each, tuple) for each in gives):
            return [job.id for job in jobs]
        return [(job.id, job.kind, job.tenant_id, job.payload, job.attempts) for job in jobs]


    class Otherwise(Exception):
        pass


    def main():
        same = 0
        for run in range(1, {runs} + 1):
            print(f"run {{run}}")
            try:
                asyncio.run(story({store}()))
                same += 1
            except Otherwise as difference:
                print(f"  {{difference}}")
        print(f"the same came of it in {{same}} of {runs} runs")
        return 1 if same else 0


    if __name__ == "__main__":
        sys.exit(main())
    ''')

_REPEATED = dedent('''\
    """{head}

    What broke it is repeated {runs} times. The exit status is 1 if the clause was broken again: a mended
    store gives 0.
    """

    import sys

    sys.path.insert(0, "")

    from async_contract.experiments.repeating import repeat

    if __name__ == "__main__":
        sys.exit(repeat({target!r}, {token!r}, {clause!r}, runs={runs}))
    ''')
