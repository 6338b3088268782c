"""What a run shows of each clause: how often it was put to the test, and what broke it.

In doubt a rule is read in the runner's favour: a second call after one that failed is a try again, a
handler that was given up at the end may be failed, and a lease that was on its way is no new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple, get_args

from async_contract.experiments.runners.evidence import POLL, Call, Life, Played
from async_contract.experiments.runners.scene import Scene, words
from async_contract.experiments.runners.stage import PAYLOAD, TROUBLE
from async_contract.history.operation import CANCELLED
from async_contract.judge.verdict import Violation
from async_contract.reference.events import EventOutcome
from async_contract.reference.sanitize import safe_label

OUTCOMES = frozenset(get_args(EventOutcome))
"""What an event says that is an `Event`, or has its words: only of such can be said what is wrong."""


class Breach(NamedTuple):
    """What broke a clause: a sentence, the job, and the calls that show it."""

    happened: str
    job_id: str | None
    calls: list[Call]


Rule = Callable[[Played], tuple[int, Iterator[Breach]]]


def _bounded(p: Played) -> tuple[int, Iterator[Breach]]:
    def breaches() -> Iterator[Breach]:
        if p.crowd:
            happened = f"{len(p.crowd)} handlers ran at once, though concurrency is {p.scene.concurrency}."
            yield Breach(happened, None, _known(p, p.crowd))

    return p.full, breaches()


def _completes(p: Played) -> tuple[int, Iterator[Breach]]:
    lives = [each for each in p.lives.values() if each.returned]

    def breaches() -> Iterator[Breach]:
        for life in lives:
            assert life.handle is not None
            end = life.handle.returned or 0
            name = life.job.id
            if any(each.method == "fail" and each.invoked > end for each in life.calls):
                yield Breach(f"The handler of {name} returned, and {name} was failed.", name, life.story)
            if _twice(life, "complete"):
                yield Breach(f"{name} was completed twice.", name, life.story)
            if _both(life):
                yield Breach(f"{name} was failed, and completed too.", name, life.story)
            if p.is_settled and life.is_lost:
                happened = f"The handler of {name} returned, and {name} was never completed."
                yield Breach(happened, name, [*life.story, *p.unknown])
        for life in p.lives.values():
            name = life.job.id
            if life.handle is None and p.is_settled and life.is_lost:
                yield Breach(f"{name} was leased, and then neither handled nor given back.", name, life.story)
            if any(each.method == "complete" and _is_early(each, life) for each in life.calls):
                yield Breach(f"{name} was completed before its handler had returned.", name, life.story)

    return len(lives), breaches()


def _fails(p: Played) -> tuple[int, Iterator[Breach]]:
    lives = [each for each in p.lives.values() if each.raised is not None]

    def breaches() -> Iterator[Breach]:
        for life in lives:
            name, raised = life.job.id, type(life.raised).__name__
            if any(each.method == "complete" for each in life.calls):
                yield Breach(
                    f"The handler of {name} raised {raised}, and {name} was completed.", name, life.story
                )
            if _twice(life, "fail"):
                yield Breach(f"{name} was failed twice.", name, life.story)
            if p.is_settled and life.is_lost:
                happened = f"The handler of {name} raised {raised}, and {name} was never failed."
                yield Breach(happened, name, [*life.story, *p.unknown])
        for life in p.lives.values():
            for call in life.calls:
                wrong = _unsafe(call.value) if call.method == "fail" else ""
                if wrong:
                    yield Breach(
                        f"{life.job.id} was failed with a message that {wrong}.", life.job.id, life.story
                    )

    return len(lives), breaches()


def _survives(p: Played) -> tuple[int, Iterator[Breach]]:
    unfinished = [each for each in p.lives.values() if not each.taken or each.is_lost]

    def breaches() -> Iterator[Breach]:
        if p.died and p.troubles and (unfinished or p.died != "run() returned"):
            yield Breach(f"{p.died} after an error, though nobody told the runner to end.", None, _errors(p))
        waiting = [each for each in p.lives.values() if not each.taken]
        if p.is_settled and p.troubles and waiting:
            happened = f"After an error nothing was leased any more, though {waiting[0].job.id} was ready."
            yield Breach(happened, waiting[0].job.id, _errors(p))

    return p.troubles, breaches()


def _stops(p: Played) -> tuple[int, Iterator[Breach]]:
    telling = p.telling
    if telling is None or telling.method != "stop":
        return 0, iter(())

    def breaches() -> Iterator[Breach]:
        after = [each for each in p.calls if each.method == "lease" and each.invoked > telling.invoked]
        # Those of the same instant may have been on their way, one for each slot: a task hears of it in its
        # next step.
        at_once = [each for each in after if each.time == telling.time]
        later = at_once[p.scene.concurrency :] + after[len(at_once) :]
        if later:
            yield Breach("It leased after it was told to stop.", None, [telling, later[0]])
        for life in p.lives.values():
            if life.struck == telling.time:
                happened = (
                    f"Told to stop, it cancelled the handler of {life.job.id} at once instead of waiting."
                )
                yield Breach(happened, life.job.id, [telling, *life.story])
            elif any(_gives_up(each, life, telling) for each in life.calls):
                happened = (
                    f"Told to stop, it failed {life.job.id} at once instead of waiting for its handler."
                )
                yield Breach(happened, life.job.id, [telling, *life.story])
        yield from _lost(p, "Told to stop")
        if not (p.ended or p.spun or any(each.is_lost for each in p.lives.values())):
            yield Breach("Told to stop, it never came to an end.", None, [telling, *after[-3:]])

    return int(p.told == "stop" and bool(p.flying)), breaches()


def _gives_up(call: Call, life: Life, telling: Call) -> bool:
    """Whether a job is failed at the instant of the end although its handler is at work."""
    running = life.handle is not None and (
        life.handle.returned is None or life.handle.returned > call.invoked
    )
    return running and call.method == "fail" and call.time == telling.time and call.invoked > telling.invoked


def _cancelled(p: Played) -> tuple[int, Iterator[Breach]]:
    telling = p.telling
    if telling is None or p.told != "cancel" or not p.flying:
        return 0, iter(())

    def breaches() -> Iterator[Breach]:
        yield from _lost(p, "Cancelled")
        # A runner that handles jobs in the cancelled task itself hears nothing if a handler swallows it.
        swallowed = any(each.struck is not None and each.work.does == "swallow" for each in p.lives.values())
        if not (p.ended or p.spun or swallowed):
            after = [each for each in p.calls if each.method == "lease" and each.invoked > telling.invoked]
            yield Breach("Cancelled, it never came to an end.", None, [telling, *after[:5]])

    return 1, breaches()


def _lost(p: Played, when: str) -> Iterator[Breach]:
    assert p.telling is not None
    for life in p.lives.values():
        if life.is_lost:
            happened = (
                f"{when}, the runner left {life.job.id}, which it had leased, without a recorded outcome."
            )
            yield Breach(happened, life.job.id, [p.telling, *life.story])


def _hoarding(p: Played) -> tuple[int, Iterator[Breach]]:
    def breaches() -> Iterator[Breach]:
        if p.hoard:
            happened = f"It held {p.held} jobs at once, though concurrency is {p.scene.concurrency}."
            yield Breach(happened, None, _known(p, p.hoard))

    return sum(bool(each.jobs) for each in p.calls), breaches()


def _prompt(p: Played) -> tuple[int, Iterator[Breach]]:
    seen = list(_waits(p)) if p.scene.is_calm and not p.told and not p.died else []
    first = next((each for each in p.calls if each.method == "lease"), None)

    def breaches() -> Iterator[Breach]:
        if p.scene.is_calm and first is not None and first.time >= POLL:
            ready = sum(not each.work.due for each in p.lives.values())
            happened = f"It made its first lease after {first.time:g} s, though {ready} jobs were ready."
            yield Breach(happened, None, [first])
        for lease, idle in seen:
            if idle > POLL / 2:
                happened = (
                    f"With nothing in hand it waited {idle:g} s, though {lease.left} more jobs were ready."
                )
                yield Breach(happened, None, [lease])

    return len(seen), breaches()


def _waits(p: Played) -> Iterator[tuple[Call, float]]:
    """The leases after which more was ready, and how long the runner then had nothing in hand."""
    leases = [each for each in p.calls if each.method == "lease"]
    # What was not leased any more before all came to rest is waited for until then.
    end = p.telling.time if p.telling is not None and p.quiet else None
    for place, lease in enumerate(leases):
        after = leases[place + 1].time if place + 1 < len(leases) else end
        if lease.jobs and lease.left and after is not None:
            taken = [each for each in p.lives.values() if each.delivery in leases[: place + 1]]
            ends = [call.ended for life in taken for call in life.calls if call.returned is not None]
            if all(life.calls and life.calls[-1].returned is not None for life in taken):
                yield lease, after - max([lease.ended, *ends])


def _idle(p: Played) -> tuple[int, Iterator[Breach]]:
    leases = [each for each in p.calls if each.method == "lease"]
    news = [each.ended for each in p.calls if each.jobs or each.method not in ("lease", "stop", "cancel")]
    rest = max(news, default=0.0) + POLL
    tail = [each for each in leases if each.time > rest and not each.error]
    intervals = int((tail[-1].time - rest) / POLL) if tail and p.quiet else 0
    most = (intervals + 1) * (p.scene.concurrency + 1)

    def breaches() -> Iterator[Breach]:
        if p.busy:
            yield Breach(
                "It leased again and again within one poll interval, though nothing was ready.",
                None,
                leases[-5:],
            )
        elif intervals and len(tail) > most and not any(not each.taken for each in p.lives.values()):
            yield Breach(
                f"It leased {len(tail)} times in {intervals} poll intervals without a job.", None, tail[:5]
            )

    return max(intervals, int(p.busy)), breaches()


def _observes(p: Played) -> tuple[int, Iterator[Breach]]:
    ends = [call for life in p.lives.values() for call in life.calls[-1:]]
    told = [each for each in ends if each.returned is not None and each.error != CANCELLED]
    can_tell = "metrics" in p.takes and not p.died and (p.is_settled or p.ended)

    def breaches() -> Iterator[Breach]:
        if p.unsafe is not None:
            happened = (
                f"The metrics recorder was told the label {p.unsafe[:80]!r}, of which safe_label makes "
                f"{safe_label(p.unsafe)!r}."
            )
            yield Breach(happened, None, told[:1])
        if can_tell:
            happened = _untold(p, told)
            if happened:
                yield Breach(happened, None, told)

    return len(told) if can_tell else 0, breaches()


def _untold(p: Played, told: list[Call]) -> str:
    """What is wrong with the events; empty: nothing."""
    outcomes = [getattr(each, "outcome", None) for each in p.events]
    ours = all(isinstance(each, str) and each in OUTCOMES for each in outcomes)
    events = sum(each != "lease_error" for each in outcomes)
    # In words of its own a runner may tell of other things too.
    if events < len(told):
        return f"Of {len(told)} outcomes the metrics recorder was told {events}."
    if not (ours and p.quiet) or any(each.method != "lease" for each in p.scene.faults):
        return ""  # a second call, and a second event, may be another try
    if events > len(told):
        return f"The metrics recorder was told {events} outcomes, and there were {len(told)}."
    good, said = (
        sum(each.method == "complete" for each in told), sum(each == "succeeded" for each in outcomes)
    )  # fmt: skip
    return (
        ""
        if good == said
        else f"{good} jobs were completed, and the metrics recorder was told {said} 'succeeded'."
    )


def _discreet(p: Played) -> tuple[int, Iterator[Breach]]:
    def breaches() -> Iterator[Breach]:
        for what, mark in (("a payload", PAYLOAD), ("the text of an error", TROUBLE)):
            line = next((line for log in p.logs for line in log.splitlines() if mark in line), None)
            if line is not None:
                place = line.index(mark)
                shown = line[max(0, place - 60) : place + len(mark) + 20]
                yield Breach(f"A log record had {what} in it: {shown!r}", None, p.calls[:6])

    return len(p.logs), breaches()


RULES: Mapping[str, Rule] = MappingProxyType({
    "runner/bounded": _bounded, "runner/completes": _completes, "runner/fails": _fails,
    "runner/survives": _survives, "runner/stops": _stops, "runner/cancelled": _cancelled,
    "runner/no-hoarding": _hoarding, "runner/prompt": _prompt, "runner/idle": _idle,
    "runner/observes": _observes, "runner/discreet": _discreet,
})  # fmt: skip
"""The rule of every clause."""


def violation(clause: str, breach: Breach, scene: Scene) -> Violation:
    """A breach as everybody reports it."""
    calls = sorted(dict.fromkeys(breach.calls), key=lambda each: each.invoked)
    witness = tuple(each.operation() for each in calls)
    return Violation(clause, breach.happened, breach.job_id, witness, tuple(words(scene, POLL)))


def _twice(life: Life, method: str) -> bool:
    """Whether a call was made although one before had returned, or was still running."""
    calls = [each for each in life.calls if each.method == method]
    return any(
        before.returned is None or before.returned > after.invoked or not before.error
        for before, after in pairwise(calls)
    )


def _both(life: Life) -> bool:
    """Whether it was completed although a fail before had not gone wrong."""
    fails = [each for each in life.calls if each.method == "fail" and not each.error]
    return any(
        each.method == "complete" and each.invoked > fail.invoked for fail in fails for each in life.calls
    )


def _is_early(complete: Call, life: Life) -> bool:
    return life.handle is None or life.handle.returned is None or complete.invoked < life.handle.returned


def _errors(p: Played) -> list[Call]:
    return [each for each in p.calls if each.error][-6:] or p.calls[-6:]


def _known(p: Played, calls: object) -> list[Call]:
    """The calls as they were at the end."""
    wanted = {each.invoked for each in calls}  # type: ignore[attr-defined]
    return [each for each in p.calls if each.invoked in wanted]


def _unsafe(message: object) -> str:
    if not isinstance(message, str):
        return f"is no str but {type(message).__name__}"
    if not 1 <= len(message) <= 256:
        return f"has {len(message)} characters; from 1 to 256 are safe"
    if any(ord(each) < 32 or 127 <= ord(each) < 160 or each in "\u2028\u2029" for each in message):
        return "has a line break or a control character in it"
    return "can't be encoded" if any(0xD800 <= ord(each) < 0xE000 for each in message) else ""
