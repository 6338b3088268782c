"""Clauses fuzzed in turn: what is found, kept, made smaller, and when it ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from typing import Any

import pytest
from hypothesis.database import ExampleDatabase, InMemoryExampleDatabase

from async_contract.experiments.fuzzing.clause import ClauseFuzzer, Finding
from async_contract.experiments.fuzzing.ending import Ending
from async_contract.experiments.fuzzing.seeing import SeenCalls
from async_contract.experiments.fuzzing.session import Budget, Session
from async_contract.experiments.fuzzing.watching import Steps, watch
from async_contract.experiments.sanitizers.calls import Call
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.verify import PROPERTIES, verify_sanitizer
from async_contract.judge.verdict import Verdict
from async_contract.reference.sanitize import safe_failure_message, safe_label

Make = Callable[..., Session]

LABELS = tuple(each for each in PROPERTIES if each.startswith("label"))
MESSAGES = tuple(each for each in PROPERTIES if each.startswith("message") and each != "message/redacts")


def picky(text: str) -> str:
    """Broken for what two conditions are needed for, on one line."""
    label = safe_label(text)
    if len(label) > 5 and "-" in label and "7" in label:
        return f"{label}\n"
    return label


@pytest.fixture
def made() -> Iterator[Make]:
    """Makes sessions that try inputs as fast as a clock of one second an input."""
    with ExitStack() as stack:

        def make(
            function: Callable[[Any], object], clauses: tuple[str, ...], inputs: int | None = None,
            *, seconds: float = 1e9, database: ExampleDatabase | None = None, limit: float = 30.0,
        ) -> Session:  # fmt: skip
            kind = clauses[0].partition("/")[0]
            eyes = stack.enter_context(closing(watch(Steps())))
            calls = stack.enter_context(SeenCalls(function, eyes, limit))
            database = InMemoryExampleDatabase() if database is None else database
            fuzzers = [
                ClauseFuzzer(
                    Sanitizer(function, kind), clause, calls, key=f"key:{clause}", database=database, seed=1,
                )
                for clause in clauses
            ]  # fmt: skip
            told: list[Finding] = []
            ending = stack.enter_context(Ending())
            clock = map(float, count()).__next__
            session = Session(
                fuzzers, Budget(seconds, inputs), ending, clock=clock, found=told.append, tried=lambda _: None
            )
            vars(session)["told"] = told
            return session

        yield make


def _run(session: Session) -> list[Finding]:
    session.recall()
    session.run()
    found: list[Finding] = vars(session)["told"]
    assert sorted(map(str, found)) == sorted(map(str, session.findings))
    return found


@pytest.mark.parametrize(("function", "clauses"), [(safe_label, LABELS), (safe_failure_message, MESSAGES)])
def test_a_correct_function_is_not_blamed(
    made: Make, function: Callable[[Any], str], clauses: tuple[str, ...]
) -> None:
    """Each clause is tried in turn, put to the test, and shows new behaviour; nothing is found."""
    session = made(function, clauses, 700)
    assert _run(session) == []
    assert session.ended == "that many were asked for"
    assert session.inputs == sum(each.tried for each in session.fuzzers) == 700
    assert max(each.tried for each in session.fuzzers) - min(each.tried for each in session.fuzzers) <= 1
    assert all(each.tried >= each.exercised > 0 for each in session.fuzzers)
    assert session.news == sum(each.news for each in session.fuzzers) >= len(clauses)


def test_what_is_found_is_made_small_and_kept(made: Make) -> None:
    """A finding is the smallest, and the next run of pytest comes upon it with its first input."""
    database = InMemoryExampleDatabase()
    session = made(picky, ("label/stable",), 5000, database=database)
    (finding,) = _run(session)
    assert finding.violation is not None
    assert finding.violation.shown.startswith("input   'aaaa7-'\noutput  'aaaa7-\\n'\n")
    assert finding.repeats
    assert session.ended == "nothing is left to break"
    assert len(list(database.fetch(b"key:label/stable"))) == 1
    found = verify_sanitizer(
        Sanitizer(picky, "label"), "label/stable", database=database, key="key:label/stable"
    )
    assert found.verdict.verdict is Verdict.BROKEN
    (again,) = found.verdict.violations  # its text is made simpler still
    assert (again.clause, again.happened) == (finding.violation.clause, finding.violation.happened)
    assert found.verdict.count < 5


def test_what_was_found_before_is_found_at_once(made: Make) -> None:
    """A run begins with what an earlier one has kept, and goes on with what is left."""
    database = InMemoryExampleDatabase()
    found = _run(made(picky, ("label/stable",), 5000, database=database))
    session = made(picky, ("label/total", "label/stable"), 10, database=database)
    assert _run(session) == found
    assert [each.tried for each in session.fuzzers] == [10, 0]


def test_what_was_found_before_and_is_mended_is_no_finding(made: Make) -> None:
    """It is forgotten, and the clause is fuzzed as any other."""
    database = InMemoryExampleDatabase()
    _run(made(picky, ("label/stable",), 5000, database=database))
    session = made(safe_label, ("label/stable",), 10, database=database)
    assert _run(session) == []
    assert session.inputs == 10
    assert list(database.fetch(b"key:label/stable")) == []


def test_a_seed_repeats_a_run(made: Make) -> None:
    """The same inputs find the same after as many; a clause does not depend on which others are fuzzed."""
    one, again = (made(picky, LABELS, 1500) for _ in range(2))
    assert _run(one) == _run(again)
    assert [each.tried for each in one.fuzzers] == [each.tried for each in again.fuzzers]
    alone = made(picky, ("label/stable",), 1500)
    _run(alone)
    (among,) = (each for each in one.fuzzers if each.clause == "label/stable")
    assert alone.fuzzers[0].mutator.corpus == among.mutator.corpus


def test_without_a_line_the_result_tells(made: Make) -> None:
    """What a function in C makes of inputs is new behaviour, though no line of it is seen."""
    session = made(str.upper, ("label/total",), 200)
    _run(session)
    assert session.news > 3


def test_a_function_that_hangs_is_found(made: Make) -> None:
    """The input at which it hangs is kept and shown, and shows it again in the next run."""

    def hanging(text: str) -> str:
        while "\x85" in text:
            pass
        return safe_label(text)

    database = InMemoryExampleDatabase()
    for inputs in (5000, 1):
        session = made(hanging, ("label/total",), inputs, database=database, limit=1.0)
        (finding,) = _run(session)
        assert finding.violation is None
        assert finding.hung.startswith("stopped after 1 s, at ")
        assert "in hanging: " in finding.hung
        assert ", given '" in finding.hung
        assert "\\x85" in finding.hung
    assert session.inputs == 0


def test_a_function_that_hangs_for_smaller_inputs_is_shown_as_it_was_seen(made: Make) -> None:
    """What is found by making an input smaller is that it hangs: that is shown as well."""
    seen = 0

    def worse(text: str) -> str:
        nonlocal seen
        seen += len(text) > 3
        while seen > 1:
            pass
        return f"{text}!" if seen else safe_label(text)

    (finding,) = _run(made(worse, ("label/bounded",), 500, limit=1.0))
    assert finding.hung.startswith("stopped after 1 s, at ")


def test_a_function_that_forgets_is_shown_with_a_note(made: Make) -> None:
    """What does not show again is a finding all the same, and is said to be of that sort."""
    broken = iter([True])

    def once(text: str) -> str:
        return f"{text}!" if len(text) > 3 and next(broken, False) else safe_label(text)

    database = InMemoryExampleDatabase()
    (finding,) = _run(made(once, ("label/bounded",), 500, database=database))
    assert finding.violation is not None
    assert not finding.repeats
    assert list(database.fetch(b"key:label/bounded")) == []


def test_it_ends_when_the_time_is_up(made: Make) -> None:
    """The clock is looked at after each input."""
    session = made(safe_label, LABELS, seconds=20.0)
    _run(session)
    assert session.ended == "the time is up"
    assert 10 <= session.inputs <= 20


def test_it_ends_after_the_input_at_which_somebody_asks(made: Make) -> None:
    """Ctrl-C lets the input at hand come to its end; what was found before is found."""
    calls = count()

    def interrupted(text: str) -> str:
        if next(calls) == 300:
            signal.raise_signal(signal.SIGINT)
        return safe_label(text)

    session = made(interrupted, ("label/bounded",))
    assert _run(session) == []
    assert session.ended == "it was interrupted"
    assert session.inputs == session.fuzzers[0].exercised == 301


def test_it_ends_at_once_if_somebody_insists(made: Make) -> None:
    """A second Ctrl-C interrupts a call; Hypothesis' keeping of what was interrupted is no finding."""

    def stuck(text: str) -> str:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return safe_label(text)

    database = InMemoryExampleDatabase()
    session = made(stuck, ("label/bounded",), database=database)
    assert _run(session) == []
    assert session.ended == "it was interrupted"
    assert session.inputs == 1
    assert list(database.fetch(b"key:label/bounded")) == []


def test_what_is_being_made_smaller_is_shown_as_it_was_seen(made: Make) -> None:
    """Ctrl-C while a finding is made smaller ends that at once, and keeps the finding."""
    broken = count()

    def breaking(text: str) -> str:
        if len(text) > 3 and next(broken):
            signal.raise_signal(signal.SIGINT)
        return f"{text}!" if len(text) > 3 else safe_label(text)

    database = InMemoryExampleDatabase()
    session = made(breaking, ("label/bounded", "label/total"), database=database)
    (finding,) = _run(session)
    assert finding.violation is not None
    assert session.ended == "it was interrupted"
    assert len(list(database.fetch(b"key:label/bounded"))) == 1


def test_what_another_fuzzer_makes_is_tried(made: Make) -> None:
    """The first byte chooses the clause; a buffer that is too short for an input is one all the same."""
    session = made(safe_label, LABELS)
    for data in (b"", b"\x00", b"\x01" + bytes(100), b"\x06" + bytes(100)):
        session.take(data)
    assert [(each.tried, each.exercised) for each in session.fuzzers][:2] == [(2, 0), (2, 2)]


def test_another_fuzzer_is_interrupted_too(made: Make) -> None:
    """Whoever insists ends its run as well."""

    def stuck(text: str) -> str:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return safe_label(text)

    session = made(stuck, ("label/bounded",))
    session.take(bytes(100))
    assert session.is_over()
    assert session.ended == "it was interrupted"


def test_a_result_of_no_text_has_its_type_for_a_shape() -> None:
    """What it raises, and what it gives instead of a str, are behaviours; so are lengths and categories."""
    results = iter([Call("", error=ValueError()), Call("", value=3), Call("", "a\n"), Call("", "aaa\n")])

    def next_result(text: str) -> object:
        call = next(results)
        if call.error is not None:
            raise call.error
        return call.value if call.text is None else call.text

    with closing(watch(Steps(lambda _: False))) as eyes, SeenCalls(next_result, eyes, 30.0) as calls:
        shapes = []
        for _ in range(4):
            calls("x")
            shapes.append(calls.seen())
    assert shapes == [
        {"ValueError"}, {"int"}, {("length", 2), "Ll", "Cc"}, {("length", 3), "Ll", "Cc"},
    ]  # fmt: skip


def test_a_finding_is_worth_nothing_until_it_is_tried() -> None:
    """What there is to prove of no finding is nothing."""
    with closing(watch(Steps())) as eyes, SeenCalls(safe_label, eyes, 30.0) as calls:
        fuzzer = ClauseFuzzer(
            Sanitizer(safe_label, "label"), "label/total", calls, key="key",
            database=InMemoryExampleDatabase(), seed=1,
        )  # fmt: skip
        fuzzer.prove()
        assert fuzzer.finding is None
