"""Functions that keep the contract, each in its own way: none of them may be blamed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from async_contract.experiments.sanitizers.bounds import Bound
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.reference.sanitize import safe_failure_message, safe_label

_LABEL = re.compile(r"[^a-z0-9_.\-]")
# Controls, separators of lines, bidirectional controls and lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What belongs to the character before it: marks, joiners and what is joined, variants, skin tones.
_CLUSTER = re.compile(
    "(?:\r\n|[\U0001f1e6-\U0001f1ff]{2}|.)(?:[\u0300-\u036f\u0903\u0bbf\u20dd\ufe0f\U0001f3fb-\U0001f3ff]|\u200d.)*",
    re.DOTALL,
)


class Variant(NamedTuple):
    """A function that keeps the contract.

    Attributes:
        function: It.
        bound: The bound that it is held to; the contract's if there is none.
        redacts: Whether it promises that.
    """

    function: Callable[[Any], object]
    bound: Bound | None = None
    redacts: bool = False

    def sanitizer(self, kind: str) -> Sanitizer:
        """The same as it is put to the test."""
        name = f"{__name__}:{self.function.__name__}" if kind == "label" else ""
        found = Sanitizer(self.function, kind, name, self.bound or Bound(0), redacts=self.redacts)
        assert found.bound.most
        return found


def said(error: BaseException | None) -> str:
    """What an exception says."""
    try:
        return str.__str__(str(error))
    except Exception:  # noqa: BLE001 - a __str__ may raise anything
        return ""


def _message(clean: Callable[[str], str], fallback: str = "worker failed") -> Callable[[Any], str]:
    def message(error: BaseException | None) -> str:
        return "" if error is None else clean(said(error)) or fallback

    return message


def question_marks(text: str) -> str:
    """`?` for what is no ASCII, as `str.encode` has it."""
    lower = text.strip().lower().encode("ascii", "replace").decode()
    return _LABEL.sub("_", lower)[:64] or "unknown"


def normalized(text: str) -> str:
    """Composed before anything else; what is cut off is not looked at."""
    return _LABEL.sub("_", unicodedata.normalize("NFC", text.strip()[:256]).lower())[:64] or "unknown"


def compatible(text: str) -> str:
    """Decomposed for compatibility, so that a ligature becomes its letters, and without marks."""
    plain = unicodedata.normalize("NFKD", text.strip()[:256])
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    return _LABEL.sub("_", letters.lower())[:64].strip() or "unknown"


def folded(text: str) -> str:
    """Case folding instead of lower case: `ss` for a sharp s."""
    return _LABEL.sub("_", text.strip().casefold())[:64] or "unknown"


def dropping(text: str) -> str:
    """Other characters go; where nothing is left, the label is unknown."""
    return _LABEL.sub("", text.strip().lower())[:64] or "unknown"


def short(text: str) -> str:
    """No longer than 20 characters."""
    return safe_label(text)[:20]


def long(text: str) -> str:
    """Up to 100 bytes."""
    return _LABEL.sub("_", text.strip()[:100].lower())[:100] or "unknown"


def by_bytes(text: str) -> str:
    """An underscore for every byte, as where strings are bytes."""
    raw = text.strip().lower().encode(errors="surrogatepass")[:64]
    return _LABEL.sub("_", raw.decode("latin-1")) or "unknown"


async def later(text: str) -> str:
    """The reference, as a coroutine function."""
    return safe_label(text)


def dashed(text: str) -> str:
    """Only ASCII blanks go at the ends of what is no blank text, and a dash for the rest."""
    stripped = text.strip(" \t\n\r\v\f") if text.strip() else ""
    return _LABEL.sub("-", stripped.lower())[:64] or "unknown"


LABELS: Mapping[str, Variant] = {
    "reference": Variant(safe_label),
    **{each.__name__: Variant(each) for each in (
        question_marks, normalized, compatible, folded, dropping, short, by_bytes, later, dashed,
    )},
    "long": Variant(long, Bound(100, in_bytes=True)),
}  # fmt: skip
"""Functions that make labels."""


def _by_grapheme(text: str) -> str:
    line, kept = _UNSAFE.sub(" ", text[:5000]).strip(), ""
    for cluster in _CLUSTER.findall(line):
        if len(kept) + len(cluster) > 256:
            break
        kept += cluster
    return kept.strip()


def _by_characters(text: str) -> str:
    return _UNSAFE.sub(" ", text).strip()[:256].strip()


def _by_bytes(text: str) -> str:
    return _UNSAFE.sub("", text).strip().encode()[:256].decode(errors="ignore").strip()


def _elided(text: str) -> str:
    line = _UNSAFE.sub(" ", text).strip()
    return line if len(line) <= 256 else f"{line[:255].rstrip()}\u2026"


def _marked(text: str) -> str:
    line = _UNSAFE.sub(" ", text).strip()
    return line if len(line) <= 256 else f"{line[:255].rstrip()}\ufffd"


def _ascii(text: str) -> str:
    line = _UNSAFE.sub(" ", text).strip()
    return line.encode("ascii", "replace").decode()[:256].strip()


def _escaped(text: str) -> str:
    plain = "".join(
        each if each.isascii() and each.isprintable() else ascii(each)[1:-1] for each in text[:300]
    )
    return plain[:256].strip() if text.strip() else ""


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", _UNSAFE.sub(" ", text[:3000])).strip()[:256].strip()


def _replaced(text: str) -> str:
    return "".join("\ufffd" if _UNSAFE.match(each) else each for each in text.strip()[:256]).strip()


_SECRETS = re.compile(
    r"\S+@\S+|://[^/@\s]*@|(?:bearer |token=|api_key=)\S+|\d(?:[ -]?\d){12,}", re.IGNORECASE
)  # fmt: skip


def _redacting(text: str) -> str:
    return _by_characters(_SECRETS.sub("***", text[:100_000]))


def tighter(error: BaseException | None) -> str:
    """The reference, no longer than 200 characters."""
    return safe_failure_message(error)[:200].strip()


async def later_message(error: BaseException | None) -> str:
    """The reference, as a coroutine function."""
    return safe_failure_message(error)


def of_class(error: BaseException | None) -> str:
    """The name of the class, where an exception has nothing to say."""
    if error is None:
        return ""
    return _by_characters(said(error)) or _by_characters(type(error).__name__) or "failed"


MESSAGES: Mapping[str, Variant] = {
    "reference": Variant(safe_failure_message),
    "by grapheme": Variant(_message(_by_grapheme)),
    "by characters": Variant(_message(_by_characters)),
    "by bytes": Variant(_message(_by_bytes), Bound(256, in_bytes=True)),
    "another text": Variant(_message(_by_characters, "Aufgabe gescheitert \u2013 ohne Grund")),
    "elided": Variant(_message(_elided)),
    "marked": Variant(_message(_marked)),
    "ascii": Variant(_message(_ascii)),
    "escaped": Variant(_message(_escaped)),
    "composed": Variant(_message(_composed)),
    "replaced": Variant(_message(_replaced)),
    "redacting": Variant(_message(_redacting), redacts=True),
    "tighter": Variant(tighter),
    "later": Variant(later_message),
    "of class": Variant(of_class),
}
"""Functions that make failure messages."""
