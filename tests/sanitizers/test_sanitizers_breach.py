"""A broken rule as its reader sees it."""

from __future__ import annotations

from async_contract.experiments.sanitizers.breach import Breach
from async_contract.experiments.sanitizers.calls import Call
from async_contract.judge.verdict import Violation


def _shown(breach: Breach) -> list[str]:
    return breach.violation("message/total").shown.splitlines()


def test_a_breach_is_a_violation_of_its_clause() -> None:
    """With what happened, and input, output and rule for what shows it."""
    call = Call(RuntimeError("a\nb"), "a\nb")
    breach = Breach("the message has U+000A LINE FEED in it", "no line break", (call,), 1)
    assert breach.violation("message/one-line") == Violation(
        "message/one-line", "the message has U+000A LINE FEED in it", None, (),
        shown="input   RuntimeError('a\\nb')\n"
        "output  'a\\nb'\n"
        "          ^^ character 1: U+000A LINE FEED (3 characters, 3 bytes of UTF-8)\n"
        "rule    no line break",
    )  # fmt: skip


def test_only_the_last_call_is_marked() -> None:
    """The place is where it shows; behind the last character it is the end."""
    breach = Breach("another label", "the same", (Call("A", "a"), Call("a", "\u00e9")), 1)
    assert _shown(breach) == [
        "input   'A'",
        "output  'a'",
        "input   'a'",
        "output  '\\xe9'",
        "             ^ character 1, the end (1 characters, 2 bytes of UTF-8)",
        "rule    the same",
    ]


def test_what_is_no_text_has_no_place() -> None:
    """What it raised, or gave instead; and what else is to be known."""
    raised = Breach("it raises", "a str", (Call("a", error=ValueError("x\n")),), besides=("growth  none",))
    assert _shown(raised) == ["input   'a'", "raises  ValueError('x\\n')", "growth  none", "rule    a str"]
    given = Breach("it gives bytes", "a str", (Call("a", value=b"a"),))
    assert _shown(given) == ["input   'a'", "output  b'a', of type bytes", "rule    a str"]
