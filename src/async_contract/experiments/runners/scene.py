"""What happens to a runner in one run: jobs, trouble, and the instant at which it is told to end."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal, NamedTuple

Does = Literal["return", "raise", "cancel", "exit", "swallow", "hang"]

DOES: tuple[Does, ...] = ("return", "return", "raise", "cancel", "exit", "swallow", "hang")


ERRORS = 8
"""How many errors a handler may raise."""


class Work(NamedTuple):
    """What the handler does with one job.

    Attributes:
        does: It returns, raises, cancels itself, raises what is no `Exception`, swallows a cancellation
            and returns, or hangs until it is let go.
        seconds: How long that takes.
        due: When the job becomes ready, in seconds.
        error: Which error it raises.
    """

    does: Does = "return"
    seconds: int = 0
    due: int = 0
    error: int = 0


class Fault(NamedTuple):
    """Trouble in one call.

    Attributes:
        method: `lease`, `complete`, `fail`, or `record` for the metrics recorder.
        call: In which of its calls, from 1; 0: in each, as long as no job is ready.
        how: `refuse`: an error, and no effect. `lose`: the effect, then an error. `delay`: late.
    """

    method: str
    call: int
    how: str = "refuse"


class Scene(NamedTuple):
    """One run of a runner.

    Attributes:
        works: What the handler does, job by job.
        concurrency: What the runner is made with.
        batch_size: Likewise.
        faults: The trouble around it.
        strike: `stop` or `cancel`: what it is told at the step `at` of the event loop; empty: nothing
            until all is quiet.
        at: That step.
        order: 0: the event loop's own order of tasks; else the seed of another one.
    """

    works: tuple[Work, ...]
    concurrency: int = 2
    batch_size: int = 2
    faults: tuple[Fault, ...] = ()
    strike: str = ""
    at: int = 0
    order: int = 0

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong in it and time passes as on any event loop."""
        return not self.faults and not self.order and all(each.does == "return" for each in self.works)


def _each(does: Does, count: int = 5, seconds: int = 1) -> tuple[Work, ...]:
    return tuple(Work(does, seconds, error=number) for number in range(count))


CALM = tuple(Work("return", number % 3) for number in range(7))

SCENES: tuple[Scene, ...] = (
    Scene(CALM),
    Scene(CALM, 3, 5),
    Scene(CALM, 1, 1),
    Scene((Work(), Work(), Work(), Work("return", 2, due=25)), 4, 2),
    Scene(_each("raise", 9)),
    *(Scene((*_each(does), Work()), 2, 3) for does in ("raise", "cancel", "exit", "swallow", "hang")),
    *(
        Scene((*_each("raise", 4), *CALM), faults=tuple(Fault(method, call, how) for call in (1, 2, 3)))
        for method in ("lease", "complete", "fail")
        for how in ("refuse", "lose", "delay")
    ),
    Scene((Work(due=45),), faults=(Fault("lease", 0),)),
    Scene((*_each("raise", 3), *CALM), faults=tuple(Fault("record", call) for call in (1, 2, 3))),
)
"""What every runner is put through first."""

STRUCK: tuple[Scene, ...] = (
    Scene((Work("return", 1), Work("raise"), *_each("return", 2), Work("cancel"))),
    Scene(_each("return", 6), 2, 3),
    Scene((Work(), Work("swallow", 2), Work("raise", 1, error=1), Work("exit")), 3, 3),
    Scene(_each("return", 3), 1, 1),
)
"""Those in which it is told to end at every step."""


def random_scene(random: Random) -> Scene:
    """Any scene."""
    pick = random.random
    works = tuple(
        Work(
            DOES[int(pick() * len(DOES))],
            int(pick() * 4),
            int(pick() * 2) * int(pick() * 30),
            int(pick() * ERRORS),
        )
        for _ in range(1 + int(pick() * 7))
    )
    faults = tuple(
        Fault(
            ("lease", "complete", "fail", "record")[int(pick() * 4)],
            1 + int(pick() * 4),
            ("refuse", "lose", "delay")[int(pick() * 3)],
        )
        for _ in range(int(pick() * 3))
    )
    strike = ("", "stop", "cancel")[int(pick() * 3)]
    at = 1 + int(pick() * 120)
    order = int(pick() * 2) * int(pick() * 1_000_000)
    return Scene(works, 1 + int(pick() * 3), 1 + int(pick() * 4), faults, strike, at if strike else 0, order)


def smaller(scene: Scene) -> Iterator[Scene]:
    """The same scene with less in it, the smallest first."""
    if scene.order:
        yield scene._replace(order=0)
    yield from _with_less_in_it(scene)
    for place, work in enumerate(scene.works):
        for plain in (work._replace(due=0), work._replace(seconds=0), work._replace(error=0), Work()):
            if plain != work:
                yield scene._replace(works=(*scene.works[:place], plain, *scene.works[place + 1 :]))
    for name in ("batch_size", "concurrency"):
        if getattr(scene, name) > 1:
            yield scene._replace(**{name: getattr(scene, name) - 1})
    for at in sorted({scene.at // 2, scene.at - 1}):
        if scene.strike and 0 < at < scene.at:
            yield scene._replace(at=at)


def _with_less_in_it(scene: Scene) -> Iterator[Scene]:
    for name in ("works", "faults"):
        parts = getattr(scene, name)
        for place in range(len(parts)):
            if name == "faults" or len(parts) > 1:
                yield scene._replace(**{name: parts[:place] + parts[place + 1 :]})


_DOES = {
    "return": "returns",
    "raise": "raises",
    "cancel": "is cancelled from within",
    "exit": "raises what is no Exception",
    "swallow": "returns although it is cancelled",
    "hang": "waits until it is let go",
}
_HOW = {
    "refuse": "raises, and has no effect",
    "lose": "raises after it took effect",
    "delay": "returns three seconds late",
}


def words(scene: Scene, poll_interval: float) -> Iterator[str]:
    """A scene in words, a phrase for each thing in it that is not plain."""
    yield (f"concurrency={scene.concurrency}, batch_size={scene.batch_size}, poll_interval={poll_interval:g}")
    for number, work in enumerate(scene.works, 1):
        if work.due:
            yield f"job-{number} is ready after {work.due} s"
        if work.does != "return" or work.seconds:
            late = f" after {work.seconds} s" if work.seconds else ""
            yield f"the handler of job-{number} {_DOES[work.does]}{late}"
    for fault in scene.faults:
        which = (
            f"call {fault.call} of {fault.method}"
            if fault.call
            else f"{fault.method}, while nothing is ready,"
        )
        yield f"{which} {_HOW[fault.how]}"
    if scene.order:
        yield f"tasks run in another order ({scene.order})"
