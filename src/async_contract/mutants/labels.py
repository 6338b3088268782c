"""Labels that raise, grow, or have characters in them that no label may have."""

from __future__ import annotations

import re
import unicodedata
import zlib

from async_contract.mutants.safe_text import LONGEST_LABEL, UNKNOWN, cleaned, plain_label
from async_contract.mutants.sanitizer import broken


def encodes_strictly(text: str) -> str:
    """The text is cut as UTF-8, which a lone surrogate can't be encoded in."""
    return plain_label(text.strip().encode()[:LONGEST_LABEL].decode(errors="ignore"))


def refuses_nul(text: str) -> str:
    """A text with a NUL in it is refused."""
    if "\0" in text:
        raise ValueError("embedded null character")
    return plain_label(text)


def spells_characters(text: str) -> str:
    """A character beyond ASCII is spelled by its name, and many have none."""
    start = text.strip()[:LONGEST_LABEL]
    return plain_label("".join(each if each.isascii() else unicodedata.name(each) for each in start))


def reads_digits(text: str) -> str:
    """The digits of every script are read by int(), which does not know those that are written high."""
    start = text.strip()[:LONGEST_LABEL]
    return plain_label("".join(str(int(each)) if each.isdigit() else each for each in start))


def _skipping(text: str, at: int = 0) -> str:
    return _skipping(text, at + 1) if text[at : at + 1].isspace() else text[at:]


def recurses_over_blanks(text: str) -> str:
    """Leading blanks are skipped by recursion, which ends after a thousand of them."""
    return plain_label(_skipping(text))


def cuts_one_late(text: str) -> str:
    """The cut leaves one character too many."""
    return cleaned(text.strip().lower()[: LONGEST_LABEL + 1]) or UNKNOWN


def never_cuts(text: str) -> str:
    """A label is as long as the text."""
    return cleaned(text.strip().lower()) or UNKNOWN


def folds_after_cut(text: str) -> str:
    """Case is folded after the cut, and folding makes some characters two."""
    return cleaned(text.strip()[:LONGEST_LABEL].casefold()) or UNKNOWN


def marks_cut(text: str) -> str:
    """A label that was cut ends with a checksum, which comes on top of what it may have."""
    start, rest = plain_label(text), text.strip()[LONGEST_LABEL:]
    return f"{start}-{zlib.crc32(rest.lower().encode(errors='replace')):08x}" if rest else start


def takes_any_letter(text: str) -> str:
    """Letters and digits are told by isalnum(), which knows those of every script."""
    start = text.strip().lower()[:LONGEST_LABEL]
    return "".join(each if each.isalnum() or each in "_-." else "_" for each in start) or UNKNOWN


def takes_word_characters(text: str) -> str:
    r"""Other characters are told by \W, which leaves the letters of every script."""
    return re.sub(r"[^\w.-]", "_", text.strip().lower()[:LONGEST_LABEL]) or UNKNOWN


def takes_any_digit(text: str) -> str:
    r"""Digits are told by \d, which knows those of every script."""
    return re.sub(r"[^a-z\d_.-]", "_", text.strip().lower()[:LONGEST_LABEL]) or UNKNOWN


def ignores_case_of_every_script(text: str) -> str:
    """The pattern ignores case, so that it takes the long s and the dotted I for letters of ASCII."""
    start = text.strip()[:LONGEST_LABEL]
    return re.sub("[^a-z0-9_.-]", "_", start, flags=re.IGNORECASE).lower()[:LONGEST_LABEL] or UNKNOWN


def misplaces_dash(text: str) -> str:
    """The dash stands between two characters of the set, and so for all that are between them."""
    return re.sub("[^a-z0-9+-_]", "_", text.strip().lower()[:LONGEST_LABEL]) or UNKNOWN


def trusts_dollar(text: str) -> str:
    """What matches up to $ is given as it is, with the line break that $ allows at the end."""
    return text if re.match(r"[a-z0-9_.-]{1,63}$", text) else plain_label(text)


def drops_to_nothing(text: str) -> str:
    """What a label may not have is dropped, until nothing is left."""
    start = text.strip().lower()
    return re.sub("[^a-z0-9_.-]", "", start)[:LONGEST_LABEL] if start else UNKNOWN


LABELS = (
    *broken(
        "label/total",
        encodes_strictly, refuses_nul, spells_characters, reads_digits, recurses_over_blanks,
    ),
    *broken(
        "label/bounded",
        cuts_one_late, never_cuts, folds_after_cut, marks_cut, takes_any_letter, takes_word_characters,
        takes_any_digit, ignores_case_of_every_script, misplaces_dash, trusts_dollar, drops_to_nothing,
    ),
)  # fmt: skip
"""Broken labels."""
