"""Ids that a careless store takes for one another."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection
from functools import lru_cache


@lru_cache(maxsize=4096)  # programs by the thousand have the same few ids
def fold(id: str) -> str:
    """What is left of an id when case, blanks and Unicode normalization are ignored."""
    return (id if id.isascii() else unicodedata.normalize("NFKC", id)).casefold().strip()


def alike(one: str, other: str) -> bool:
    """Whether two different ids are alike.

    They are if they are equal when folded, if one is a prefix of the other, or an SQL pattern of it. A
    prefix counts only where letters follow: `job-1` and `job-10` are ordinary neighbours.
    """
    if one == other:
        return False
    if fold(one) == fold(other):
        return True
    short, long = sorted((one, other), key=len)
    if long.startswith(short) and short and not any(each.isdigit() for each in long[len(short) :]):
        return True
    return _is_pattern_of(one, other) or _is_pattern_of(other, one)


def groups(ids: Collection[str]) -> list[list[str]]:
    """The ids that fold to the same text, where there are at least two of them; no id stands twice."""
    together = "".join(ids)
    if together.isascii() and together == together.lower() and together.split() == [together]:
        return []  # folding changes none, so no two of them become the same
    if len({fold(id) for id in ids}) == len(ids):
        return []
    found: defaultdict[str, list[str]] = defaultdict(list)
    for id in ids:
        found[fold(id)].append(id)
    return [each for each in found.values() if len(each) > 1]


def _is_pattern_of(pattern: str, id: str) -> bool:
    if "%" not in pattern and "_" not in pattern:
        return False
    head, percent, _ = pattern.partition("%")
    if percent and "_" not in head:
        return id.startswith(head)
    return len(pattern) == len(id) and all(a in ("_", b) for a, b in zip(pattern, id, strict=True))
