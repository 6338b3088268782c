"""Secrets of the usual shapes in realistic messages, for functions that promise not to let them through."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from async_contract.experiments.sanitizers.breach import Breach, Checked
from async_contract.experiments.sanitizers.calls import Calls
from async_contract.experiments.sanitizers.subject import Sanitizer

LOCALES = (
    "en_US",
    "de_DE",
    "fr_FR",
    "ja_JP",
    "ar_AA",
    "ru_RU",
    "zh_CN",
    "hi_IN",
    "tr_TR",
    "el_GR",
    "he_IL",
    "pt_BR",
)
"""Where names and addresses in the messages come from."""

if TYPE_CHECKING:
    from faker import Faker

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SECRET = re.compile(
    r"@|://|bearer|token|passw|secret|api.?key|authori|credential|eyj|ghp_|sk-|akia"
    r"|\d(?:[ -]?\d){6,}|\w{24,}.*\d|[=:]\s*\S{6,}",
    re.IGNORECASE,
)


class Leaky(Exception):
    """An exception whose message has a secret in it.

    Attributes:
        secret: The part that must not come through.
        what: What it is.
    """

    def __init__(self, text: str, secret: str, what: str) -> None:
        super().__init__(text)
        self.secret = secret
        self.what = what


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of secret, and the messages in which it is found.

    Attributes:
        what: What it is called.
        texts: Messages, with `{}` for the secret and `{name}` for somebody's name.
    """

    what: str
    texts: Sequence[str]


_SHAPES = (
    Shape(
        "an e-mail address", ("no mailbox for {}", "{name} <{}> is over quota", "550 5.1.1 <{}>: rejected")
    ),
    Shape("a card number", ("card {} was declined", "charge of {name} failed: {}", "card number {} expired")),
    Shape(
        "a password in a URL",
        (
            "cannot connect to postgres://{user}:{}@db.example.net:5432/jobs",
            "redis://:{}@cache.example.net:6379/0 timed out",
            "401 for https://{user}:{}@api.example.net/v1/jobs",
            "amqp://{user}:{}@queue:5672/ refused the connection",
            "redis://:{}@localhost/0: no such database",
        ),
    ),
    Shape(
        "a token",
        (
            "401 Unauthorized: Authorization: Bearer {}",
            "not accepted: authorization: bearer {}",
            "GET /v1/jobs?token={} gave 403",
            "api_key={} is not valid",
        ),
    ),
)


def leaky(seed: int) -> Leaky:
    """A realistic message with a secret in it, in some language of the world, or with two of a shape."""
    from faker import Faker  # noqa: PLC0415 - it takes long to import, and only this clause needs it

    chosen = random.Random(seed)
    fake = Faker(LOCALES[seed // len(_SHAPES) % len(LOCALES)])
    fake.seed_instance(seed)
    shape = _SHAPES[seed % len(_SHAPES)]
    said, secret = "", ""
    for _ in range(1 + (seed // len(_SHAPES) // len(LOCALES) % 3 == 2)):
        secret = _made(shape.what, fake, chosen)
        text = chosen.choice(shape.texts).replace("{name}", fake.name()).replace("{user}", "worker")
        said = "; ".join(filter(None, (said, text.replace("{}", secret))))
    return Leaky(said, secret, shape.what)


def _made(what: str, fake: Faker, chosen: random.Random) -> str:
    match what:
        case "an e-mail address":
            address: str = fake.ascii_safe_email()
            return address
        case "a card number":
            number = _card(chosen)
            groups = [number[at : at + 4] for at in range(0, len(number), 4)]
            return chosen.choice(("", " ", "-")).join(groups)
        case "a token":
            tail = "".join(chosen.choices(_LETTERS, k=36))
            return chosen.choice([tail, f"ghp_{tail}", f"eyJhbGciOiJIUzI1NiJ9.{tail}.{tail[::-1]}"])
        case _:
            return "".join(chosen.choices(_LETTERS, k=16))


def _card(chosen: random.Random) -> str:
    """A number of 16 digits, the last of which is the check digit of those before."""
    digits = [4, *(chosen.randrange(10) for _ in range(14))]
    total = sum(sum(divmod(digit * 2, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits))
    return "".join(map(str, (*digits, -total % 10)))


def looks_secret(text: str) -> bool:
    """Whether a careful function might take something in a text for a secret."""
    return _SECRET.search(text) is not None


def redacts(_: Sanitizer, calls: Calls, error: Leaky) -> Checked:
    """Secrets of the usual shapes do not come through."""
    call = calls(error)
    if call.text is None:
        return False
    at = _place(error.secret, call.text)
    if at >= 0:
        rule = f"{error.what} does not come through: {error.secret!a}"
        return Breach(f"{error.what} comes through", rule, (call,), at)
    at = _most_of(error, call.text)
    if at >= 0:
        rule = f"{error.what} does not come through, nor more than half of it: {error.secret!a}"
        return Breach(f"more than half of {error.what} comes through", rule, (call,), at)
    return True


def _place(secret: str, text: str) -> int:
    """Where a secret stands in a text, a number also with other gaps between its digits; -1 if nowhere."""
    digits = re.sub("[ -]", "", secret)
    if not digits.isdigit():
        return text.find(secret)
    found = re.search(r"[\s-]*".join(digits), text)
    return found.start() if found else -1


def _most_of(error: Leaky, text: str) -> int:
    """The place of more than half of the secret, -1 if there is none."""
    # Of an address the server may stay, which is often the longer half.
    if error.what == "an e-mail address":
        return -1
    size = len(error.secret) // 2 + 1
    pieces = (error.secret[at : at + size] for at in range(len(error.secret) - size + 1))
    return max(map(text.find, pieces))


def fixed(_: Sanitizer) -> Iterable[Leaky]:
    """Every shape in every language."""
    return map(leaky, range(len(_SHAPES) * len(LOCALES) * 3))


def drawn(_: Sanitizer) -> SearchStrategy[Leaky]:
    """Any shape in any language."""
    return st.integers(0, 1 << 32).map(leaky)
