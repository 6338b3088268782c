"""One clause, one function: the verdict, its evidence, and what is found first."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis.database import InMemoryExampleDatabase

from async_contract.contract.kinds import LABEL, MESSAGE
from async_contract.experiments.limits import Limits
from async_contract.experiments.sanitizers import elsewhere, growth, verify
from async_contract.experiments.sanitizers.breach import Breach
from async_contract.experiments.sanitizers.calls import Call
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.verify import verify_sanitizer
from async_contract.experiments.verify import Verification
from async_contract.judge.verdict import ClauseVerdict, Verdict, Violation
from async_contract.reference.sanitize import safe_failure_message, safe_label

Function = Callable[[Any], object]
QUICK = Limits(effort="quick")
LABEL_NAME = "async_contract.reference.sanitize:safe_label"


def verified(
    function: Function, clause: str, *, limits: Limits = QUICK, name: str = "", **options: Any
) -> Verification:
    """What comes of a function on a clause."""
    kind = clause.partition("/")[0]
    return verify_sanitizer(Sanitizer(function, kind, name), clause, limits=limits, **options)


def violation(found: Verification) -> Violation:
    """What broke the clause."""
    assert found.verdict.verdict is Verdict.BROKEN
    (only,) = found.verdict.violations
    return only


@pytest.mark.parametrize("clause", [each.id for each in LABEL.clauses if each.name != "linear"])
def test_the_reference_label_holds(clause: str) -> None:
    """Every clause, with evidence; growth is tried with a clock of the test's own."""
    verdict = verified(safe_label, clause, name=LABEL_NAME).verdict
    assert (verdict.verdict, verdict.reason) == (Verdict.HELD, "")
    assert verdict.count > 50


@pytest.mark.parametrize("clause", [each.id for each in MESSAGE.clauses if each.name != "linear"])
def test_the_reference_message_holds(clause: str) -> None:
    """Every clause, with evidence; what it does not promise is not asked."""
    verdict = verified(safe_failure_message, clause).verdict
    if clause == "message/redacts":
        reason = "the function does not promise redacts"
        assert verdict == ClauseVerdict(clause, Verdict.NOT_PROMISED, reason=reason)
    else:
        assert (verdict.verdict, verdict.reason) == (Verdict.HELD, "")
        assert verdict.count > 50


def test_without_limits_it_is_the_normal_effort() -> None:
    """With inputs of 10 MiB."""
    sizes = set()

    def label(text: str) -> str:
        sizes.add(len(text))
        return safe_label(text)

    assert verify_sanitizer(Sanitizer(label, "label"), "label/blank").verdict.verdict is Verdict.HELD
    assert max(sizes) == 10 << 20
    sizes.clear()
    verified(label, "label/blank")
    assert max(sizes) == 1000


def test_what_breaks_a_clause_is_made_small() -> None:
    """The least text that does, with what it gave."""

    def message(error: object) -> str:
        return re.sub("[\x00-\x1f]", " ", str(error)) if error is not None else ""

    found = violation(verified(message, "message/one-line"))
    assert found == Violation(
        "message/one-line", "the message has U+007F DELETE in it", None, (),
        shown="input   RuntimeError('\\x7f')\n"
        "output  '\\x7f'\n"
        "         ^^^^ character 0: U+007F DELETE (1 characters, 1 bytes of UTF-8)\n"
        "rule    no line break, tab or control character",
    )  # fmt: skip


def test_what_cannot_be_made_small_is_shown_as_it_is() -> None:
    """An exception that was made to be hostile."""
    found = violation(verified(lambda error: str(error or ""), "message/total"))
    assert found.shown == (
        "input   an exception whose __str__ raises ValueError\n"
        "raises  ValueError('no str')\n"
        "rule    any exception gives a str"
    )


def test_what_only_made_it_smaller_is_no_evidence() -> None:
    """The count is that of the inputs until the first that breaks the clause."""
    tried = []

    def label(text: str) -> str:
        tried.append(text)
        return text

    found = verified(label, "label/bounded")
    assert found.verdict.count == 1
    assert tried == [""]


def _late(text: str) -> str:
    """A label that is wrong with what no fixed input has."""
    return "wrong!" if "zz" in text else safe_label(text)


def test_what_no_fixed_input_shows_is_found_by_generated_ones() -> None:
    """And made small."""
    found = violation(verified(_late, "label/bounded", limits=Limits()))
    assert found.shown == (
        "input   'zz'\n"
        "output  'wrong!'\n"
        "              ^ character 5: U+0021 EXCLAMATION MARK (6 characters, 6 bytes of UTF-8)\n"
        "rule    1 to 64 characters out of a-z 0-9 _ - ."
    )


def test_what_broke_a_clause_is_tried_first_the_next_time() -> None:
    """Out of Hypothesis' database; once the function is mended, it is forgotten and all else is tried."""
    database, tried = InMemoryExampleDatabase(), list[str]()

    def watched(text: str) -> str:
        tried.append(text)
        return _late(text)

    def mended(text: str) -> str:
        tried.append(text)
        return safe_label(text)

    options: dict[str, Any] = {"database": database, "key": "mine", "limits": Limits()}
    violation(verified(watched, "label/bounded", **options))
    assert tried[0] == ""
    tried.clear()
    found = verified(watched, "label/bounded", **options)
    assert "zz" in tried[0]
    assert violation(found).shown.startswith("input   'zz'\n")
    tried.clear()
    held = verified(mended, "label/bounded", **options)
    assert (held.verdict.verdict, "zz" in tried[0]) == (Verdict.HELD, True)
    assert len(tried) > 1_000
    assert [each for each in database.data.get(b"mine", ()) if each] == []


def test_the_seed_decides_what_is_generated() -> None:
    """The same seed, the same inputs; another one, others."""

    def inputs(seed: int) -> list[str]:
        tried = []

        def label(text: str) -> str:
            tried.append(text)
            return safe_label(text)

        verified(label, "label/folds", limits=Limits(effort="quick", seed=seed))
        return tried

    assert inputs(1) == inputs(1) != inputs(2)


def test_a_function_that_is_wrong_now_and_then() -> None:
    """What was seen is seen, though it does not happen again."""
    random = Random(0)

    def label(text: str) -> str:
        return "" if "z" in text and random.random() < 0.3 else safe_label(text)

    found = violation(verified(label, "label/bounded", limits=Limits()))
    assert found.happened == "the label is empty"


def test_what_is_seen_once_and_never_again() -> None:
    """Also where nothing that Hypothesis tries again shows it."""
    left = [1]

    def label(text: str) -> str:
        wrong = "zz" in text and left.pop() if left else False
        return "" if wrong else safe_label(text)

    assert violation(verified(label, "label/bounded", limits=Limits())).happened == "the label is empty"


def test_nothing_exercised_is_not_held() -> None:
    """A function that always raises breaks one clause, and says nothing of the others."""

    def raises(_: object) -> str:
        raise OSError

    assert verified(raises, "label/total").verdict.verdict is Verdict.BROKEN
    for clause, counted in (("label/bounded", "inputs"), ("message/keeps", "clean messages")):
        assert verified(raises, clause).verdict == ClauseVerdict(
            clause, Verdict.UNEXERCISED, 0, reason=f"no input led to {counted}"
        )


def test_another_process_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """If not, both are shown, with the place where they differ."""
    there = verified(safe_label, "label/stable", name=LABEL_NAME).verdict
    assert there.verdict is Verdict.HELD
    monkeypatch.setattr(elsewhere, "outputs", lambda _, texts, __: ["x" + text for text in texts])
    found = verified(safe_label, "label/stable", name=LABEL_NAME)
    assert violation(found).shown == (
        "input   ''\n"
        "output  'unknown'\n"
        "input   ''\n"
        "output  'x'\n"
        "         ^ character 0: U+0078 LATIN SMALL LETTER X (1 characters, 1 bytes of UTF-8)\n"
        "rule    the same input gives the same label, in another process too"
    )
    assert violation(found).happened == "another process gives another label"


def test_what_gives_no_text_there_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what gives none here."""
    monkeypatch.setattr(elsewhere, "outputs", lambda _, texts, __: [None for _ in texts])
    without = verified(safe_label, "label/stable", name=LABEL_NAME).verdict
    monkeypatch.setattr(elsewhere, "outputs", lambda _, texts, __: [safe_label(text) for text in texts])
    with_it = verified(safe_label, "label/stable", name=LABEL_NAME).verdict
    assert (without.verdict, with_it.verdict) == (Verdict.HELD, Verdict.HELD)
    assert without.count < with_it.count


def test_a_function_that_no_other_process_finds_is_not_held_to_be_stable() -> None:
    """The reason says what it takes."""
    verdict = verified(safe_label, "label/stable").verdict
    assert (verdict.verdict, verdict.reason) == (
        Verdict.UNEXERCISED, "another process finds only a function that a module has under its name",
    )  # fmt: skip


def test_growth_is_tried_with_every_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the size of the effort, of a text or of an exception that says it; the first breach ends it."""
    asked = []

    def grown(_: object, pattern: growth.Pattern, **options: object) -> tuple[int, Breach | None]:
        asked.append((pattern, options["largest"], options["make"]))
        wrong = Breach("it grows", "it may not", (Call("a", "a"),))
        return 7, wrong if pattern.unit == "@a" else None

    monkeypatch.setattr(growth, "grown", grown)
    found = verified(safe_failure_message, "message/linear")
    assert (found.verdict.count, violation(found).happened) == (7 * len(asked), "it grows")
    assert [each[0] for each in asked] == list(growth.PATTERNS[: len(asked)])
    assert {each[1:] for each in asked} == {(verify.LARGEST["quick"], RuntimeError)}
    asked.clear()
    verified(safe_label, "label/linear", limits=Limits())
    assert {each[1:] for each in asked} == {(verify.LARGEST["normal"], str)}


def test_a_function_that_hangs() -> None:
    """It is stopped, and the verdict says where, and what it was given."""

    def label(text: str) -> str:
        if text == "A":
            signal.raise_signal(signal.SIGALRM)  # the time is up
        return safe_label(text)

    found = verified(label, "label/total")
    assert (found.hung, found.verdict.verdict, found.verdict.count) == (True, Verdict.ERROR, 2)
    place = r"at .*test_sanitizers_verify\.py:\d+ in label: signal.raise_signal.*"
    reason = rf"it hung: stopped after 60 s, {place}, given 'A'"
    assert re.fullmatch(reason, found.verdict.reason)


def test_secrets_are_looked_for_where_that_is_promised() -> None:
    """In realistic messages of many languages."""
    for function, expected in ((lambda _: "(redacted)", Verdict.HELD), (str, Verdict.BROKEN)):
        sanitizer = Sanitizer(function, "message", redacts=True)
        assert verify_sanitizer(sanitizer, "message/redacts", limits=QUICK).verdict.verdict is expected
