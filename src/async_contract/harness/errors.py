"""What is wrong with a harness or a target, said so that it can be put right."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable


class HarnessError(Exception):
    """A harness contradicts itself, or gave something that the toolkit can't use.

    It is neither a `ValueError` nor a `LookupError`: those count as a store's refusal, and this
    is no word of the store.
    """


class TargetError(ValueError):
    """A target can't be used; the message says what was found, what is missing, what to write."""


def explain(headline: str, found: str, missing: Iterable[str] = (), write: str = "", lines: str = "") -> str:
    """Return a message in the form that all targets' messages share.

    Args:
        headline: What the message is about.
        found: What was found.
        missing: What is missing, an entry for each line.
        write: What to write; empty if `found` says it.
        lines: Code that would do, ready to paste.
    """
    body = [headline, f"Found: {found}", *(f"Missing: {each}" for each in missing)]
    if write:
        body.append(f"Write: {write}" + (":" if lines else ""))
    if lines:
        body += ["", textwrap.indent(lines.strip("\n"), "    ")]
    return "\n".join(body)


def unusable(target: str) -> str:
    """The headline of a message about a target."""
    return f"{target} can't be used as a target"
