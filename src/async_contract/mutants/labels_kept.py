"""Labels that are not those of a blank text, not the same again, not the same in capitals, or take long."""

from __future__ import annotations

import re
import string
from uuid import uuid4

from async_contract.mutants.safe_text import LONGEST_LABEL, UNKNOWN, cleaned, plain_label
from async_contract.mutants.sanitizer import broken


def says_none(text: str) -> str:
    """A blank text gives `none`."""
    return plain_label(text) if text.strip() else "none"


def strips_ascii_only(text: str) -> str:
    """Only the blanks of ASCII are stripped: a no-break space gives an underscore."""
    return cleaned(text.strip(string.whitespace).lower()[:LONGEST_LABEL]) or UNKNOWN


def asks_isspace(text: str) -> str:
    """Blank is what isspace() says, and that of the empty text is no."""
    return UNKNOWN if text.isspace() else cleaned(text.strip().lower()[:LONGEST_LABEL]) or "_"


def refuses_long_before_stripping(text: str) -> str:
    """A long text is called too long before it is stripped."""
    return "too-long" if len(text) > 4 * LONGEST_LABEL else plain_label(text)


def prefixes_digits(text: str) -> str:
    """A label that begins with a digit gets an underscore before it."""
    label = plain_label(text)
    return f"_{label}"[:LONGEST_LABEL] if label[0].isdigit() else label


def replaces_dashes(text: str) -> str:
    """A dash becomes an underscore."""
    return plain_label(text).replace("-", "_")


def collapses_underscores(text: str) -> str:
    """Several underscores become one."""
    return re.sub("_+", "_", plain_label(text))


def trims_separators(text: str) -> str:
    """Underscores, dashes and dots at the ends are dropped."""
    return plain_label(text).strip("_.-") or UNKNOWN


def doubles_underscores(text: str) -> str:
    """An underscore is written twice, to tell it from what stands for another character."""
    return plain_label(text).replace("_", "__")[:LONGEST_LABEL]


_KNOWN: set[str] = set()
_MOST_KNOWN = 100


def limits_cardinality(text: str) -> str:
    """After a hundred labels every new one is `other`."""
    label = plain_label(text)
    if len(_KNOWN) < _MOST_KNOWN:
        _KNOWN.add(label)
    return label if label in _KNOWN else "other"


def forget() -> None:
    """Make `limits_cardinality` forget the labels that it knows."""
    _KNOWN.clear()


def sorts_words_by_hash(text: str) -> str:
    """Words that come twice are dropped by means of a set, which has another order in every process."""
    return plain_label(" ".join(set(text.lower().split())))


def ends_with_hash(text: str) -> str:
    """A long label ends with its hash(), which is another in every process."""
    label = cleaned(text.strip().lower())
    if len(label) <= LONGEST_LABEL:
        return plain_label(text)
    return f"{label[:47]}-{hash(label) & 0xFFFF_FFFF_FFFF:x}"


def ends_at_random(text: str) -> str:
    """A long label ends with a random number."""
    label = plain_label(text)
    return f"{label[:50]}-{uuid4().hex[:8]}" if len(text.strip()) > LONGEST_LABEL else label


def replaces_capitals(text: str) -> str:
    """A capital becomes an underscore, as if it were no letter."""
    return cleaned(text.strip()[:LONGEST_LABEL]) or UNKNOWN


def strips_after_cut(text: str) -> str:
    """The text is cut first and stripped then, so that many blanks before it leave nothing of it."""
    return plain_label(text[:LONGEST_LABEL])


def strips_spaces_only(text: str) -> str:
    """Only spaces are stripped: a line break at the end becomes an underscore."""
    return cleaned(text.strip(" ").lower()[:LONGEST_LABEL]) or UNKNOWN


def strips_left_only(text: str) -> str:
    """Blanks at the end are not stripped."""
    return cleaned(text.lstrip().lower()[:LONGEST_LABEL]) or UNKNOWN


def splits_camel_case(text: str) -> str:
    """An underscore is put before a capital that follows a small letter."""
    start = text.strip()[:LONGEST_LABEL]
    return plain_label(re.sub("(?<=[a-z])(?=[A-Z])", "_", start))


def lowers_as_in_turkish(text: str) -> str:
    """The small letter of I is the one without a dot, which is no letter of ASCII."""
    return plain_label(text.replace("I", "\N{LATIN SMALL LETTER DOTLESS I}"))


def trims_by_pattern(text: str) -> str:
    """A pattern that trims the end looks for it from every blank."""
    return plain_label(re.sub(r"\s+$", "", text))


def drops_tags(text: str) -> str:
    """A pattern that drops tags looks from every bracket to the end of the line."""
    return plain_label(re.sub("<.*?>", "", text.strip()))


_WORDS = re.compile(r"(?:[a-z0-9]{2,}[-_.]?)+")


def tries_every_division(text: str) -> str:
    """A pattern of repeats in a repeat divides a word in every way there is before it gives up."""
    return text[:LONGEST_LABEL] if _WORDS.fullmatch(text) else plain_label(text)


LABELS = (
    *broken(
        "label/blank", says_none, strips_ascii_only, asks_isspace, refuses_long_before_stripping,
    ),
    *broken(
        "label/stable",
        prefixes_digits, replaces_dashes, collapses_underscores, trims_separators, doubles_underscores,
        limits_cardinality, sorts_words_by_hash, ends_with_hash, ends_at_random,
    ),
    *broken(
        "label/folds",
        replaces_capitals, strips_after_cut, strips_spaces_only, strips_left_only, splits_camel_case,
        lowers_as_in_turkish,
    ),
    *broken("label/linear", trims_by_pattern, drops_tags),
    *broken("label/linear", tries_every_division, hangs=True),
)  # fmt: skip
"""Broken labels."""
