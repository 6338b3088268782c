"""Secrets in messages: what comes through, and what may be left of them."""

from __future__ import annotations

import pytest

from async_contract.experiments.sanitizers.breach import Breach
from async_contract.experiments.sanitizers.calls import Calls
from async_contract.experiments.sanitizers.secrets import LOCALES, Leaky, leaky, redacts
from async_contract.experiments.sanitizers.subject import Sanitizer

BEARER = "ghp_0123456789abcdefghij"
ADDRESS = "a@mail.example.net"


def _redacts(text: str, secret: str, what: str, given: str) -> object:
    """What is said of a function that gives this for such a text."""
    subject = Sanitizer(lambda _: given, "message")
    with Calls(subject.function) as calls:
        return redacts(subject, calls, Leaky(text, secret, what))


@pytest.mark.parametrize("shown", [BEARER[:13], BEARER[-13:], BEARER[4:20]])
def test_more_than_half_of_a_secret_in_a_row_is_too_much(shown: str) -> None:
    """Whoever finds it has to guess the rest, and there is not much of it."""
    breach = _redacts(f"token={BEARER}", BEARER, "a token", f"token=***{shown}")
    assert isinstance(breach, Breach)
    assert breach.happened == "more than half of a token comes through"
    assert breach.rule == f"a token does not come through, nor more than half of it: '{BEARER}'"
    assert (breach.at < 9 + len(shown), breach.calls[0].text) == (True, f"token=***{shown}")


def test_half_of_a_secret_may_stay() -> None:
    """To tell one token from another, its beginning is often shown, or its end."""
    assert _redacts(f"token={BEARER}", BEARER, "a token", f"token={BEARER[:12]}***") is True


def test_the_server_of_an_address_may_stay() -> None:
    """It is no secret, and often longer than what is."""
    text = f"no mailbox for {ADDRESS}"
    assert _redacts(text, ADDRESS, "an e-mail address", "no mailbox for ***@mail.example.net") is True


def test_some_messages_have_two_secrets_of_a_shape() -> None:
    """In every language; the second one is looked for."""
    count = 4 * len(LOCALES)
    two = [leaky(seed) for seed in range(2 * count, 3 * count)]
    assert [each.what for each in two if "; " not in str(each)] == []
    assert [each.what for each in two if each.secret not in str(each).rpartition("; ")[2]] == []
