"""What functions are given: fixed texts and exceptions, and the public strategies."""

from __future__ import annotations

import re
import sys
import traceback
import unicodedata
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis.strategies import SearchStrategy

from async_contract import Job, exceptions, hostile_text, jobs, labels
from async_contract.experiments.sanitizers import errors, texts
from async_contract.experiments.sanitizers.bounds import Bound
from async_contract.experiments.sanitizers.errors import Trouble
from async_contract.experiments.sanitizers.messages import said

T = TypeVar("T")
TRIED = settings(deadline=None, max_examples=5_000, database=None, suppress_health_check=list(HealthCheck))
FEW = settings(max_examples=200, database=None, deadline=None, derandomize=True)


def found(strategy: SearchStrategy[T], wanted: Callable[[T], object]) -> T:
    """The least example with something in it."""
    return find(strategy, lambda each: bool(wanted(each)), settings=TRIED, random=Random(0))


def test_a_character_of_every_category_is_tried() -> None:
    """All thirty of them."""
    every = {unicodedata.category(chr(code)) for code in range(sys.maxunicode + 1)}
    assert {unicodedata.category(each) for each in texts.CATEGORIES} == every
    assert len(every) == 30


def test_the_sets_of_characters_are_whole() -> None:
    """Against what Python knows of Unicode."""
    characters = list(map(chr, range(sys.maxunicode + 1)))
    of = {each: [c for c in characters if unicodedata.category(c) == each] for each in ("Cc", "Zl", "Zp")}
    assert list(texts.CONTROLS) == of["Cc"]
    assert list(texts.SEPARATORS) == of["Zl"] + of["Zp"]
    assert list(texts.BLANKS) == [each for each in characters if each.isspace()]
    controls = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    marks = ["\u061c", "\u200e", "\u200f"]
    bidirectional = [each for each in characters if unicodedata.bidirectional(each) in controls]
    assert list(texts.BIDIRECTIONAL) == marks + bidirectional
    assert "".join(texts.everything()) == "".join(characters)


def test_unsteady_text_changes_when_it_is_folded_or_normalized() -> None:
    """Each of them in some way; some get longer and some get shorter."""

    def forms(text: str) -> list[str]:
        return [text.lower(), text.upper(), text.casefold(), *(
            unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")
        )]  # fmt: skip

    assert [each for each in texts.UNSTEADY if all(form == each for form in forms(each))] == []
    changes = {len(form) - len(each) for each in texts.UNSTEADY for form in forms(each)}
    assert min(changes) < 0 < max(changes)


@pytest.mark.parametrize("bound", [Bound(64), Bound(64, in_bytes=True), Bound(7)])
def test_texts_are_around_the_bound(bound: Bound) -> None:
    """One below, at and above it, in characters and bytes, before and after stripping."""
    around = list(texts.around(bound))
    sizes = {bound.size(each) for each in around}
    assert {bound.most - 1, bound.most, bound.most + 1} <= sizes
    for cluster in texts.CLUSTERS:
        across = [
            each for each in around if 0 < each.find(cluster) < bound.most < each.find(cluster) + len(cluster)
        ]
        assert across
    assert {len(each.strip()) for each in around} >= {bound.most - 1, bound.most, bound.most + 1}


def test_large_inputs_have_ten_mebibytes() -> None:
    """Of one character each."""
    assert {len(each) for each in texts.large()} == {10 << 20}
    assert {len(said(each)) for each in errors.large_errors()} == {10 << 20}


def test_blank_texts_are_blank() -> None:
    """For `str.strip()`, and each exception that is silent for it too."""
    assert {each.strip() for each in texts.blanks()} == {""}
    assert {said(each).strip() for each in errors.silent()} == {""}


def test_exceptions_that_cannot_say_anything_fail_in_every_way() -> None:
    """An error, a recursion without an end, and what is no str."""
    failed = []
    for error in errors.unsaid():
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what is looked at
            str(error)
        failed.append(type(caught.value).__name__)
    assert failed == ["ValueError", "MemoryError", "RecursionError", *["TypeError"] * 4]


def test_an_exception_that_raises_again_and_again_keeps_no_frames() -> None:
    """It raises a new one each time."""
    error = errors.unsaid()[0]
    depths = []
    for _ in range(3):
        with pytest.raises(ValueError, match="no str") as caught:
            str(error)
        depths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert depths == [3, 3, 3]


def test_odd_exceptions_are_of_every_kind() -> None:
    """Groups, chains, notes, arguments that are no text, classes with odd names."""
    odd = list(errors.odd())
    assert any(isinstance(each, ExceptionGroup) for each in odd)
    assert any(isinstance(each, BaseExceptionGroup) and not isinstance(each, Exception) for each in odd)
    assert any(each.__cause__ is not None for each in odd)
    assert any(getattr(each, "__notes__", None) for each in odd)
    assert any(each.args and isinstance(each.args[0], bytes) for each in odd)
    assert any("\n" in type(each).__name__ for each in odd)
    assert any(type(said(each)) is str and "\n" in said(each) for each in odd if isinstance(each, Trouble))


def test_an_exception_may_raise_when_its_repr_is_asked_for() -> None:
    """On its own, and as an argument of another one."""
    raising = []
    for error in errors.odd():
        try:
            repr(error)
        except RuntimeError:
            raising.append(len(error.args))
    assert raising == [1, 1]


def test_labels_are_safe_labels() -> None:
    """Of up to 64 characters, or as many as are asked for, and no shorter than one."""

    @FEW
    @given(labels(), labels(max_size=3))
    def check(usual: str, short: str) -> None:
        assert re.fullmatch(r"[a-z0-9_.\-]{1,64}", usual)
        assert re.fullmatch(r"[a-z0-9_.\-]{1,3}", short)

    check()
    assert len(found(labels(), lambda each: each)) == 1
    assert len(found(labels(), lambda each: len(each) > 40)) == 41


@pytest.mark.parametrize(
    "wanted",
    [
        *(
            lambda text, c=character: c in text
            for character in ("\x00", "\n", "\x7f", "\x9b", "\u2028", "\u202e")
        ),
        lambda text: "\ud800" <= max(text, default="") <= "\udfff",
        lambda text: text.lower() == "unknown",
        lambda text: "\x1b[31m" in text,
        lambda text: "%n" in text or "{0." in text,
        lambda text: "ERROR root: forged" in text,
        lambda text: "\u0301" in text and len(text) > 64,
        lambda text: len(text) == 64,
        lambda text: len(text) == 65,
        lambda text: len(text) > 64 >= len(text.strip()),
        lambda text: not text.strip() and text,
        lambda text: "\u200d" in text,
        lambda text: len(text.upper()) > len(text),
        lambda text: max(text, default="") > "\uffff",
    ],
)
def test_hostile_text_has_what_breaks_sanitizers(wanted: Callable[[str], object]) -> None:
    """Found within a few thousand."""
    assert wanted(found(hostile_text(), wanted))


def test_hostile_text_is_about_as_long_as_the_bound() -> None:
    """Of another bound too."""
    assert found(hostile_text(around=9), lambda text: len(text) > 9 and set(text) == {"a"}) == "a" * 10


@pytest.mark.parametrize(
    "wanted",
    [
        lambda error: isinstance(error, Trouble),
        lambda error: isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 3,
        lambda error: error.__cause__ is not None,
        lambda error: len(said(error)) > 256,
        lambda error: isinstance(error, OSError) and "\n" in said(error),
        lambda error: not isinstance(error, Exception),
        lambda error: error.args and isinstance(error.args[0], bytes),
    ],
)
def test_exceptions_have_what_breaks_sanitizers(wanted: Callable[[BaseException], object]) -> None:
    """Found within a few thousand."""
    assert wanted(found(exceptions(), wanted))


def test_exceptions_are_about_as_long_as_the_bound() -> None:
    """Of another bound too."""
    error = found(exceptions(around=9), lambda each: set(said(each)) == {"a"} and len(said(each)) > 9)
    assert said(error) == "a" * 10


def test_jobs_are_jobs() -> None:
    """Ordinary and odd ones, whose parts are of the right types."""

    @FEW
    @given(jobs())
    def check(job: Job) -> None:
        assert isinstance(job, Job)
        assert job.id
        assert job.kind
        assert (type(job.payload), job.attempts) == (bytes, 0)

    check()
    assert found(jobs(), lambda job: job) == Job("job-0", "plain", "plain", b"")
    assert "\n" in found(jobs(), lambda job: "\n" in job.kind).kind


@pytest.mark.parametrize(
    ("strategy", "fails", "shown"),
    [
        (hostile_text(), lambda text: len(text) > 63, f"value='{'a' * 64}'"),
        (exceptions(), lambda error: isinstance(error, Trouble), "<an exception whose __str__ raises"),
        (exceptions(), lambda error: True, "RuntimeError('a')"),
        (labels(), lambda text: len(text) > 2, "value='"),
        (jobs(), lambda job: True, "id='job-0'"),
    ],
)  # fmt: skip
def test_a_failure_shows_the_value(
    strategy: SearchStrategy[Any], fails: Callable[[Any], bool], shown: str
) -> None:
    """Reduced, and not how it was put together."""

    @settings(database=None, derandomize=True, max_examples=1_000)
    @given(strategy)
    def check(value: object) -> None:
        assert not fails(value)

    with pytest.raises(AssertionError) as caught:
        check()
    assert shown in "".join(caught.value.__notes__)
