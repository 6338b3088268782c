"""The clauses of a label, as rules for single inputs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from async_contract.experiments.sanitizers import strategies, texts
from async_contract.experiments.sanitizers.bounds import Bound
from async_contract.experiments.sanitizers.breach import Breach, Checked
from async_contract.experiments.sanitizers.calls import Calls
from async_contract.experiments.sanitizers.properties import Property, difference, no_text
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.visible import named

UNKNOWN = "unknown"

_CHARACTERS = "a-z 0-9 _ - ."
_OUTSIDE = re.compile(r"[^a-z0-9_.\-]")
_MOST_KEPT = 3


def total(_: Sanitizer, calls: Calls, text: str) -> Checked:
    """Any str gives a str; nothing raises."""
    return no_text(calls(text), "any str gives a str") or True


def bounded(sanitizer: Sanitizer, calls: Calls, text: str) -> Checked:
    """One character at least, as many as the bound allows at the most, and only safe ones."""
    call = calls(text)
    if call.text is None:
        return False
    rule = f"1 to {sanitizer.bound} out of {_CHARACTERS}"
    if not call.text:
        return Breach("the label is empty", rule, (call,))
    outside = _OUTSIDE.search(call.text)
    if outside is not None:
        happened = f"the label has {named(outside[0])} in it"
        return Breach(happened, rule, (call,), outside.start())
    size = sanitizer.bound.size(call.text)
    if size > sanitizer.bound.most:
        happened = f"the label has {size} characters"
        return Breach(happened, rule, (call,), sanitizer.bound.beginning(call.text))
    return True


def blank(_: Sanitizer, calls: Calls, text: str) -> Checked:
    """What `str.strip()` empties gives `unknown`."""
    call = calls(text)
    if text.strip() or call.text is None:
        return False
    if call.text != UNKNOWN:
        at = difference(UNKNOWN, call.text)
        return Breach("a blank text gives another label than unknown", "unknown", (call,), at)
    return True


def is_safe(text: str | None, bound: Bound) -> bool:
    """Whether a text is a safe label."""
    return bool(text) and text is not None and not _OUTSIDE.search(text) and bound.size(text) <= bound.most


def stable(sanitizer: Sanitizer, calls: Calls, text: str) -> Checked:
    """A safe label is left as it is; the same input gives the same label."""
    first = calls(text)
    if first.text is None:
        return False
    second = calls(text)
    if second.text != first.text:
        return Breach("the same input gives two labels", "the same input, the same label", (first, second))
    if is_safe(text, _own(sanitizer, calls)) and first.text != text:
        at = difference(text, first.text)
        return Breach("a safe label is not left as it is", "a safe label is left as it is", (first,), at)
    if not is_safe(first.text, sanitizer.bound):
        return False
    again = calls(first.text)
    if again.text is not None and again.text != first.text:
        at = difference(first.text, again.text)
        rule = "a safe label is left as it is"
        return Breach("a label that it gave is not left as it is", rule, (first, again), at)
    return True


def _own(sanitizer: Sanitizer, calls: Calls) -> Bound:
    """The bound of the function itself: a tighter one than is asked for is no breach."""
    longest = calls("a" * sanitizer.bound.most).text or ""
    return Bound(len(longest), sanitizer.bound.in_bytes)


def folds(_: Sanitizer, calls: Calls, text: str) -> Checked:
    """ASCII case and surrounding ASCII blanks make no difference."""
    first = calls(text)
    if first.text is None:
        return False
    for other in _spellings(text):
        second = calls(other)
        if second.text is not None and second.text != first.text:
            what = "case" if other.strip(texts.ASCII_BLANKS) != text.strip(texts.ASCII_BLANKS) else "blanks"
            at = difference(first.text, second.text)
            rule = "ASCII case and surrounding ASCII blanks make no difference"
            return Breach(f"another label, though only {what} differ", rule, (first, second), at)
    return True


def _spellings(text: str) -> Iterable[str]:
    spellings = (
        _ascii(text, str.upper), _ascii(text, str.lower), _ascii(text, str.swapcase),
        text.strip(texts.ASCII_BLANKS), f" {text}", f"{text}\n", f"{texts.ASCII_BLANKS * 20}{text}\t ",
    )  # fmt: skip
    return [each for each in dict.fromkeys(spellings) if each != text]


def _ascii(text: str, change: object) -> str:
    assert callable(change)
    return re.sub(r"[a-zA-Z]+", lambda found: str(change(found[0])), text)


def _hostile(sanitizer: Sanitizer) -> Iterable[str]:
    return (*texts.hostile(sanitizer.bound), *texts.everything())


def _few(sanitizer: Sanitizer) -> Iterable[str]:
    most = sanitizer.bound.most
    safe = ("a", "0", "_", "-", ".", "mail.send", "a-b_c.d", "__", "..", "-a-", ".a.", "_a_", "9", "a" * most)
    return (*safe, "a__b", "a--b", "a..b", *(f"{'a' * (most - 2)}{end}" for end in ("_a", "a-", "..", "__")),
            *texts.hostile(sanitizer.bound))  # fmt: skip


def _text(sanitizer: Sanitizer) -> SearchStrategy[str]:
    return strategies.text_around(sanitizer.bound)


def _labels_too(sanitizer: Sanitizer) -> SearchStrategy[str]:
    return strategies.labels(max_size=sanitizer.bound.most) | _text(sanitizer)


def _cased(sanitizer: Sanitizer) -> SearchStrategy[str]:
    ascii_too = st.text("aAbBzZ09_-. \t\n!", min_size=1, max_size=sanitizer.bound.most + 5)
    return ascii_too | _text(sanitizer)


def _blanks(_: Sanitizer) -> SearchStrategy[str]:
    return st.text(texts.BLANKS, max_size=20)


LABELS: Mapping[str, Property] = MappingProxyType({
    "label/total": Property(_hostile, _text, total, texts.large),
    "label/bounded": Property(_hostile, _text, bounded, texts.large),
    "label/blank": Property(lambda _: texts.blanks(), _blanks, blank, lambda: [" " * texts.LARGE]),
    "label/stable": Property(_few, _labels_too, stable),
    "label/folds": Property(_few, _cased, folds),
})  # fmt: skip
"""The rule for each clause of a label but for `label/linear`."""
