"""No false alarm: functions that keep the contract in another way than the reference are not blamed."""

from __future__ import annotations

import pytest

from async_contract.contract.kinds import LABEL, MESSAGE, Kind
from async_contract.experiments.limits import Limits
from async_contract.experiments.sanitizers import texts
from async_contract.experiments.sanitizers.verify import verify_sanitizer
from async_contract.judge.verdict import Verdict
from tests.sanitizers.variants import LABELS, MESSAGES, Variant

CASES = [
    *(pytest.param(LABEL, each, id=f"label {name}") for name, each in LABELS.items()),
    *(pytest.param(MESSAGE, each, id=f"message {name}") for name, each in MESSAGES.items()),
]


@pytest.fixture
def some(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every code point there is: that takes seconds, and a label or message is made of them elsewhere."""
    every = texts.everything()
    monkeypatch.setattr(texts, "everything", lambda: (*every[:300], *every[300::100]))


@pytest.mark.usefixtures("unmeasured", "some")
@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_a_correct_function_is_not_blamed(kind: Kind, variant: Variant) -> None:
    """Every clause holds, or was not promised."""
    subject = variant.sanitizer(kind.name)
    found = {
        clause.id: verify_sanitizer(subject, clause.id, limits=Limits(effort="quick")).verdict
        for clause in kind.clauses
        if clause.name != "linear"  # with a clock of the test's own elsewhere
    }
    others = {each for each, verdict in found.items() if verdict.verdict is not Verdict.HELD}
    assert others == ({"message/redacts"} if kind is MESSAGE and not subject.redacts else set())
