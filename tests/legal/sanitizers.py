"""Functions that make text safe in odd but legal ways: none of them may ever be blamed."""

from __future__ import annotations

import asyncio
import re
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from async_contract.mutants.safe_text import (
    MAIL,
    OUTSIDE,
    PASSWORD,
    cleaned,
    discreet_message,
    fitting,
    flat,
    hidden,
    plain_label,
    plain_message,
    spoken,
)
from async_contract.reference.sanitize import safe_failure_message, safe_label

Function = Callable[[Any], object]


def ends_with_checksum(text: str) -> str:
    """A label that is cut ends with a checksum of the whole, and fits with it."""
    label = cleaned(text.strip().lower())
    return f"{label[:55]}-{zlib.crc32(label.encode()):08x}" if len(label) > 64 else plain_label(text)


def tighter_label(text: str) -> str:
    """A label has 20 characters at the most."""
    return plain_label(text)[:20]


def drops_what_is_not_safe(text: str) -> str:
    """What a label may not have is dropped; where nothing is left, there is a label for that."""
    return OUTSIDE.sub("", text.strip().lower())[:64] or ("nothing-safe" if text.strip() else "unknown")


def without_accents(text: str) -> str:
    """Letters with accents become those without."""
    start = unicodedata.normalize("NFKD", text.strip().lower()[:64])
    return cleaned("".join(each for each in start if not unicodedata.combining(each)))[:64] or "unknown"


def in_numbers(text: str) -> str:
    """A character that a label may not have becomes its number."""
    start = text.strip().lower()[:64]
    return "".join(f"u{ord(each):04x}" if OUTSIDE.match(each) else each for each in start)[:64] or "unknown"


def one_for_all_others(text: str) -> str:
    """Whatever is no safe label has one label together."""
    label = text.strip().lower()
    if not label:
        return "unknown"
    return "other" if len(label) > 64 or OUTSIDE.search(label) else label


async def later(text: str) -> str:
    """The label comes from a coroutine, after others had a turn."""
    await asyncio.sleep(0)
    return plain_label(text)


class Label(str):
    """A str of a type of its own, which shows itself otherwise."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"<{super().__str__()}>"

    __repr__ = __str__


def of_its_own_type(text: str) -> str:
    """The label is of a subclass of str."""
    return Label(plain_label(text))


def strips_invisible(text: str) -> str:
    """What doesn't show is a blank too."""
    return plain_label(text.strip().strip("\u200b\u200c\u200d\u2060\ufeff"))


def one_for_a_run(text: str) -> str:
    """Several characters that a label may not have become one underscore."""
    return re.sub("[^a-z0-9_.-]+", "_", text.strip().lower())[:64] or "unknown"


def trims_what_was_cut(text: str) -> str:
    """A label that is cut does not end with a separator."""
    label = cleaned(text.strip().lower())
    return label[:64].rstrip("_.-") or "unknown" if len(label) > 64 else label or "unknown"


@cache
def _remembered(start: str) -> str:
    return plain_label(start)


def remembers(text: str) -> str:
    """What was made safe once is remembered."""
    return _remembered(text.strip()[:64])


class Labels:
    """An object that is called."""

    def __call__(self, text: str) -> str:
        """The label."""
        return plain_label(text)


LABELS: Mapping[str, Function] = {
    "safe-label": safe_label,
    "plain-label": plain_label,
    "object": Labels(),
    "partial": partial(lambda text, most: plain_label(text)[:most], most=64),
    **{
        each.__name__: each
        for each in (
            ends_with_checksum, tighter_label, drops_what_is_not_safe, without_accents, in_numbers,
            one_for_all_others, later, of_its_own_type, strips_invisible, one_for_a_run, trims_what_was_cut,
            remembers,
        )
    },
}  # fmt: skip
"""Labels by their names."""

Error = BaseException | None


def cuts_between_clusters(error: Error) -> str:
    """A letter that is cut off from its accents goes with them."""
    text = flat(spoken(error)).strip() if error is not None else ""
    end = 256
    while end and end < len(text) and (unicodedata.combining(text[end]) or text[end] in "\u200d\ufe0f"):
        end -= 1
    return fitting(text[:end]) if error is not None else ""


def ends_with_ellipsis(error: Error) -> str:
    """A message that is cut ends with an ellipsis, and fits with it."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()
    return f"{text[:255]}\u2026" if len(text) > 256 else fitting(text)


def ends_with_replacement(error: Error) -> str:
    """A message that is cut ends with U+FFFD, wherever it is cut."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()
    return f"{text[:255]}\ufffd" if len(text) > 256 else fitting(text)


def says_type_instead(error: Error) -> str:
    """An exception that says nothing is told by its type."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()
    return fitting(text or flat(f"{type(error).__name__} without a word"))


def tells_of_those_within(error: Error) -> str:
    """Of a group the first exceptions are told too."""
    if not isinstance(error, BaseExceptionGroup):
        return plain_message(error)
    told = [error.message, *(spoken(each) for each in error.exceptions[:3])]
    return fitting(flat("; ".join(told)))


def tells_cause(error: Error) -> str:
    """The cause is told too."""
    if error is None or error.__cause__ is None:
        return plain_message(error)
    return fitting(flat(f"{spoken(error)}, because of {spoken(error.__cause__)}"))


def tells_notes(error: Error) -> str:
    """The notes are told too."""
    if error is None:
        return ""
    return fitting(flat("; ".join((spoken(error), *getattr(error, "__notes__", ())))))


def writes_controls_out(error: Error) -> str:
    """Controls and lone surrogates are written as escapes."""
    if error is None:
        return ""
    # Only so much: what is written out is longer, and the rest is cut off anyway.
    text = spoken(error).strip()[:300]
    return fitting("".join(each if _shows(each) else ascii(each)[1:-1] for each in text))


def _shows(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def drops_every_other(error: Error) -> str:
    """Everything that is no letter, mark, number, sign or blank is dropped, joiners included."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()[:10_000]
    return fitting("".join(each for each in text if not unicodedata.category(each).startswith("C")))


def tighter_message(error: Error) -> str:
    """A message has 200 characters at the most."""
    return plain_message(error)[:200].strip()


async def later_on(error: Error) -> str:
    """The message comes from a coroutine, after others had a turn."""
    await asyncio.sleep(0)
    return plain_message(error)


def composes(error: Error) -> str:
    """Letters and accents are composed."""
    if error is None:
        return ""
    return fitting(unicodedata.normalize("NFC", flat(spoken(error)).strip()[:1_000]))


def takes_first_line(error: Error) -> str:
    """Only the first line is told."""
    if error is None:
        return ""
    lines = spoken(error).strip().splitlines()
    return fitting(flat(lines[0])) if lines else fitting("")


def in_ascii(error: Error) -> str:
    """Every character beyond ASCII is a question mark."""
    return plain_message(error).encode("ascii", errors="replace").decode()


def counts_bytes(error: Error) -> str:
    """The bound is one of bytes."""
    return plain_message(error).encode()[:256].decode(errors="ignore").strip()


MESSAGES: Mapping[str, Function] = {
    "safe-failure-message": safe_failure_message,
    "plain-message": plain_message,
    **{
        each.__name__: each
        for each in (
            cuts_between_clusters, ends_with_ellipsis, ends_with_replacement, says_type_instead,
            tells_of_those_within, tells_cause, tells_notes, writes_controls_out, drops_every_other,
            tighter_message, later_on, composes, takes_first_line, in_ascii, counts_bytes,
        )
    },
}  # fmt: skip
"""Messages by their names."""


def leaves_the_last_four(error: Error) -> str:
    """Of tokens and numbers of cards the last four characters stay, as on a receipt."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()[:1_000]
    text = re.sub(r"(?:\d[ -]?){9,15}(\d{4})", r"****\1", text)
    text = re.sub(r"(?i)(bearer |token=|api_key=)\S*(\S{4})", r"\1****\2", text)
    return fitting(MAIL.sub("****", PASSWORD.sub(r"\1****", text)))


def leaves_the_server(error: Error) -> str:
    """Of an address and of a URL the server stays."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()[:1_000]
    return fitting(hidden(re.sub(r"[^\s@<]+@", "****@", text)))


def keeps_all_of_it_to_itself(error: Error) -> str:
    """Nothing is said of a text with a secret in it."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()[:1_000]
    return fitting(text if hidden(text) == text else "an error with a secret in it")


DISCREET: Mapping[str, Function] = {
    "discreet-message": discreet_message,
    **{each.__name__: each for each in (leaves_the_last_four, leaves_the_server, keeps_all_of_it_to_itself)},
}
"""Messages that let no secret through, by their names."""
