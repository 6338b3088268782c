"""Every broken sanitizer is caught by the clause that it names, and no correct one is blamed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext

import pytest

from async_contract.contract.clauses import CLAUSE
from async_contract.contract.kinds import LABEL, MESSAGE, Kind
from async_contract.experiments.limits import Limits
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.targets import name_of
from async_contract.experiments.sanitizers.verify import verify_sanitizer
from async_contract.judge.verdict import ClauseVerdict, Verdict
from async_contract.mutants import labels_kept, sanitizer_zoo
from async_contract.mutants.sanitizer import BrokenSanitizer
from async_contract.mutants.zoo import MUTANTS
from tests.legal import sanitizers as legal
from tests.measuring import unmeasured

ZOO = (*sanitizer_zoo.LABELS, *sanitizer_zoo.MESSAGES)
KINDS: dict[str, Kind] = {"label": LABEL, "message": MESSAGE}

# By mutant: what its defect breaks besides. A line that is indented continues the one before it.
FOLLOWS = """
# A text with a blank at the end is taken for safe, and so has another label than the text without.
trusts-dollar: label/folds
# The empty text and a space differ in a blank, and so does what is too long with blanks before it.
asks-isspace: label/folds
refuses-long-before-stripping: label/folds
# A line break is a blank text, too.
strips-spaces-only: label/blank
# Two labels for one text are two for its other spellings.
ends-at-random: label/folds
# What is changed once is changed again.
names-type: message/stable
escapes-for-html: message/stable
quotes-message: message/stable
"""


def _followers() -> dict[str, set[str]]:
    lines = re.sub(r"#.*\n|\n(?=  )", "", FOLLOWS).splitlines()
    return {
        name: set(clauses.split()) for name, _, clauses in (each.partition(":") for each in lines if each)
    }


@pytest.fixture(autouse=True)
def _no_labels_known() -> Iterator[None]:
    """What one test has made known to a function that remembers is not there in the next."""
    labels_kept.forget()
    yield
    labels_kept.forget()


def _verdict(subject: Sanitizer, clause: str, limits: Limits) -> ClauseVerdict:
    return verify_sanitizer(subject, clause, limits=limits).verdict


def _verdicts(subject: Sanitizer, clauses: Iterable[str], limits: Limits) -> dict[str, ClauseVerdict]:
    """By clause; measured is *total*, whose inputs lead every way through a function."""
    found = {}
    for clause in clauses:
        with nullcontext() if clause.endswith("/total") else unmeasured():
            found[clause] = _verdict(subject, clause, limits)
    return found


def _subject(mutant: BrokenSanitizer) -> Sanitizer:
    return Sanitizer(mutant.function, mutant.kind, mutant.dotted, redacts=mutant.redacts)


@pytest.mark.parametrize("mutant", ZOO, ids=lambda each: each.name)
def test_a_broken_sanitizer_is_caught_by_its_clause(mutant: BrokenSanitizer) -> None:
    """With normal effort; what was broken is shown."""
    # Measuring what does not end takes a while where other processes have the processor.
    found = _verdict(_subject(mutant), mutant.clause, Limits(item=600.0))
    assert found.verdict is Verdict.BROKEN
    assert [each.clause for each in found.violations] == [mutant.clause]
    assert "\nrule    " in found.violations[0].shown


@pytest.mark.usefixtures("few_texts")
@pytest.mark.parametrize("mutant", [each for each in ZOO if not each.hangs], ids=lambda each: each.name)
def test_what_else_is_broken_is_known(mutant: BrokenSanitizer) -> None:
    """All clauses but its own hold, or are broken by what is known to follow from the defect."""
    subject, limits = _subject(mutant), Limits(effort="quick")
    clauses = [each.id for each in KINDS[mutant.kind].clauses if each.id != mutant.clause]
    found = {clause: each.verdict for clause, each in _verdicts(subject, clauses, limits).items()}
    follows = _followers().get(mutant.name, set())
    assert {clause for clause, verdict in found.items() if verdict is Verdict.BROKEN} == follows
    rest = {verdict for clause, verdict in found.items() if clause not in follows}
    assert rest <= {Verdict.HELD, Verdict.NOT_PROMISED}


_SUBJECTS: tuple[tuple[Mapping[str, legal.Function], Kind, bool], ...] = (
    (legal.LABELS, LABEL, False),
    (legal.MESSAGES, MESSAGE, False),
    (legal.DISCREET, MESSAGE, True),
)
SUBJECTS = [
    pytest.param(function, kind, redacts, id=name)
    for functions, kind, redacts in _SUBJECTS
    for name, function in functions.items()
]


@pytest.mark.usefixtures("few_texts")
@pytest.mark.parametrize(("function", "kind", "redacts"), SUBJECTS)
def test_a_correct_sanitizer_is_not_blamed(function: legal.Function, kind: Kind, redacts: bool) -> None:  # noqa: FBT001
    """Whatever it does that is odd, every clause holds, but for what another process can't be asked."""
    subject = Sanitizer(function, kind.name, name_of(function), redacts=redacts)
    found = _verdicts(subject, [each.id for each in kind.clauses], Limits(effort="quick"))
    assert [each for one in found.values() for each in one.violations] == []
    nameless = {"label/stable"} if kind is LABEL and not subject.name else set()
    unpromised = {"message/redacts"} if kind is MESSAGE and not redacts else set()
    others = {clause for clause, each in found.items() if each.verdict is not Verdict.HELD}
    assert others == nameless | unpromised


def test_every_clause_catches_two_at_least() -> None:
    """A clause that nothing breaks has shown no teeth."""
    caught = Counter(each.clause for each in ZOO)
    assert [each.id for kind in KINDS.values() for each in kind.clauses if caught[each.id] < 2] == []
    assert (len(sanitizer_zoo.LABELS) >= 30, len(sanitizer_zoo.MESSAGES) >= 35) == (True, True)


def test_a_broken_sanitizer_says_what_it_is() -> None:
    """Its name is its own among all mutants, its defect is one sentence, and what follows is of it."""
    names = Counter([*(each.name for each in ZOO), *(each.name for each in MUTANTS)])
    assert [name for name, count in names.items() if count > 1] == []
    assert [each.name for each in ZOO if not re.fullmatch(r"[a-z]+(-[a-z]+)+", each.name)] == []
    assert [each.name for each in ZOO if not re.fullmatch(r"[A-Z].*[^.]\.", each.defect)] == []
    assert [each.name for each in ZOO if name_of(each.function) != each.dotted] == []
    assert set(_followers()) - {each.name for each in ZOO} == set()


@pytest.mark.parametrize("zoo", [sanitizer_zoo.LABELS, sanitizer_zoo.MESSAGES])
def test_the_zoo_is_in_the_order_of_the_contract(zoo: tuple[BrokenSanitizer, ...]) -> None:
    """Whoever reads a table of mutants finds the clauses where he knows them."""
    clauses = list(dict.fromkeys(each.clause for each in zoo))
    assert clauses == [each for each in CLAUSE if each in clauses]
    assert {each.kind for each in zoo} == {clauses[0].partition("/")[0]}
