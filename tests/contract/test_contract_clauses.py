"""The catalogue: what every clause has, and whom it binds."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.clauses import (
    CLAUSE,
    CLAUSES,
    CONTRACT_VERSION,
    STORE_CLAUSES,
    STORE_FAMILIES,
    Clause,
)

PROMISING: dict[str, Capabilities] = {
    "counts_attempts": Capabilities(counts_attempts=True),
    "fifo": Capabilities(fifo=True),
    "redelivers=True": Capabilities(redelivers=True),
    "redelivers=False": Capabilities(redelivers=False),
    "max_attempts": Capabilities(max_attempts=3),
    "lease_timeout": Capabilities(lease_timeout=30),
    "fences": Capabilities(lease_timeout=30, fences=True),
    "expiry_counts": Capabilities(lease_timeout=30, max_attempts=3, expiry_counts=True),
    "durable": Capabilities(durable=True, sharing="connection"),
    "durable, sharing=process": Capabilities(durable=True, sharing="process"),
}


def test_a_clause_is_known_by_its_id() -> None:
    """No id stands twice; it is a family and a name, in lower case, separated by a slash."""
    assert CONTRACT_VERSION == 1
    assert list(CLAUSE) == [clause.id for clause in CLAUSES]
    assert list(CLAUSE.values()) == list(CLAUSES)
    assert all(re.fullmatch(r"[a-z]+/[a-z]+(-[a-z]+)*", clause.id) for clause in CLAUSES)
    clause = CLAUSE["lease/well-formed"]
    assert (clause.family, clause.name) == ("lease", "well-formed")


def test_families_stand_together() -> None:
    """Those that a store owes come first, in the order in which they are shown."""
    families = list(dict.fromkeys(clause.family for clause in CLAUSES))
    assert families == ["lease", "complete", "fail", "expiry", "durable", "runner", "label", "message"]
    assert families[:5] == list(STORE_FAMILIES)
    assert sorted(CLAUSES, key=lambda clause: families.index(clause.family)) == list(CLAUSES)
    assert CLAUSES[: len(STORE_CLAUSES)] == STORE_CLAUSES
    sizes = Counter(clause.family for clause in CLAUSES)
    assert list(sizes.values()) == [16, 9, 14, 4, 2, 11, 6, 9]


def test_each_clause_says_what_it_says_in_a_sentence_of_its_own() -> None:
    """It names no worker and ends without a full stop; what is counted is named, and some of it is needed."""
    linear = {"label/linear", "message/linear"}
    sentences = [clause.sentence for clause in CLAUSES if clause.id not in linear]
    assert len(set(sentences)) == len(sentences)
    assert all(each.strip() == each and each and each[-1] != "." and "  " not in each for each in sentences)
    assert all(clause.counted and clause.minimum >= 1 for clause in CLAUSES)


def test_promises_name_a_capability_and_the_others_none() -> None:
    """Whoever owes a clause can be told from its entry."""
    promises = {clause.id: clause.capability for clause in CLAUSES if clause.level == "PROMISE"}
    assert set(promises.values()) == {*PROMISING, "redacts"}
    assert all(not clause.capability for clause in CLAUSES if clause.level != "PROMISE")
    assert {clause.level for clause in CLAUSES} == {"MUST", "SHOULD", "PROMISE"}


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_a_clause_binds_every_store_or_those_that_promise_it(clause: Clause) -> None:
    """A store that promises nothing owes no promise, and one that promises something else owes no more."""
    if clause.level != "PROMISE":
        assert clause.binds(Capabilities())
        return
    assert not clause.binds(Capabilities())
    bound = [name for name, capabilities in PROMISING.items() if clause.binds(capabilities)]
    expected = {
        "lease_timeout": ["lease_timeout", "fences", "expiry_counts"],
        "max_attempts": ["max_attempts", "expiry_counts"],
        "durable": ["durable", "durable, sharing=process"],
        "redacts": [],
    }
    assert bound == expected.get(clause.capability, [clause.capability])
