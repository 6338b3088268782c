"""The clauses of a failure message, as rules for single inputs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from async_contract.experiments.sanitizers import errors, secrets, strategies, texts
from async_contract.experiments.sanitizers.breach import Breach, Checked
from async_contract.experiments.sanitizers.calls import Call, Calls
from async_contract.experiments.sanitizers.properties import Property, difference, no_text
from async_contract.experiments.sanitizers.subject import Sanitizer
from async_contract.experiments.sanitizers.visible import named

KEPT = 200
"""So many ASCII characters of a clean message are kept whole."""

_CONTROL = re.compile(f"[{''.join(map(re.escape, (*texts.CONTROLS, *texts.SEPARATORS)))}]")
_BIDIRECTIONAL = re.compile(f"[{''.join(texts.BIDIRECTIONAL)}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CLEAN = re.compile(r"[!-~](?:[ -~]*[!-~])?")


def said(error: BaseException | None) -> str:
    """What an exception says; empty if it can't say it."""
    try:
        return str.__str__(str(error)) if error is not None else ""
    except Exception:  # noqa: BLE001 - a __str__ may do anything
        return ""


def total(_: Sanitizer, calls: Calls, error: BaseException | None) -> Checked:
    """Any exception gives a str, and `None` the empty one."""
    call = calls(error)
    if error is None and call.error is None and call.text != "":
        return Breach("None gives something else than the empty string", "None gives ''", (call,))
    return no_text(call, "any exception gives a str") or True


def bounded(sanitizer: Sanitizer, calls: Calls, error: BaseException) -> Checked:
    """No longer than the bound, encodable as UTF-8, and not cut inside a character."""
    call = calls(error)
    if call.text is None:
        return False
    rule = f"at most {sanitizer.bound}, always encodable as UTF-8"
    surrogate = _SURROGATE.search(call.text)
    if surrogate is not None:
        happened = f"the message can't be encoded as UTF-8: it has {named(surrogate[0])} in it"
        return Breach(happened, rule, (call,), surrogate.start())
    size = sanitizer.bound.size(call.text)
    if size > sanitizer.bound.most:
        unit = "bytes of UTF-8" if sanitizer.bound.in_bytes else "characters"
        happened = f"the message has {size} {unit}"
        return Breach(happened, rule, (call,), sanitizer.bound.beginning(call.text))
    end = len(call.text) - 1
    text = said(error)
    if _cut_inside(text, call.text) and not _marks_cuts(calls, len(text)):
        return Breach("the message is cut inside a character", rule, (call,), end)
    return True


def _cut_inside(text: str, message: str) -> bool:
    """Whether U+FFFD stands at the cut for a character that is kept where it stands before."""
    if not message.endswith("\ufffd") or len(text) <= len(message):
        return False
    kept = message.rstrip("\ufffd")
    lost = text[len(kept) : len(kept) + 1]
    return bool(kept) and text.startswith(kept) and lost != "\ufffd" and lost in kept


def _marks_cuts(calls: Calls, length: int) -> bool:
    """Whether U+FFFD stands at every cut, also where no character can have been cut in two."""
    return (calls(RuntimeError("a" * length)).text or "").endswith("\ufffd")


def one_line(_: Sanitizer, calls: Calls, error: BaseException) -> Checked:
    """No line break, tab or control character of any kind."""
    rule = "no line break, tab or control character"
    return _without(_CONTROL, calls(error), rule, said(error))


def inert(_: Sanitizer, calls: Calls, error: BaseException) -> Checked:
    """No bidirectional control."""
    rule = "no bidirectional control"
    return _without(_BIDIRECTIONAL, calls(error), rule, said(error))


def _without(pattern: re.Pattern[str], call: Call, rule: str, text: str) -> Checked:
    if call.text is None:
        return False
    found = pattern.search(call.text)
    if found is not None:
        return Breach(f"the message has {named(found[0])} in it", rule, (call,), found.start())
    return pattern.search(text) is not None


def never_empty(_: Sanitizer, calls: Calls, error: BaseException) -> Checked:
    """An exception with nothing to say gives a fixed text."""
    call = calls(error)
    if call.text is None or said(error).strip():
        return False
    rule = "an exception with nothing to say gives a fixed text"
    if not call.text.strip():
        return Breach(f"the message is {'blank' if call.text else 'empty'}", rule, (call,))
    if type(error) is not RuntimeError:
        return True  # the class may be said of one that says nothing, or can't say it
    usual = calls(RuntimeError())
    if usual.text is None:
        return True
    if usual.text != call.text:
        at = difference(usual.text, call.text)
        return Breach("two exceptions that say nothing give two texts", rule, (usual, call), at)
    return True


def stable(sanitizer: Sanitizer, calls: Calls, error: BaseException) -> Checked:
    """Applied to an exception that says a safe message, it gives that message again."""
    first = calls(error)
    if not first.text or not _is_safe(sanitizer, first.text):
        return False
    again = calls(RuntimeError(first.text))
    if again.text is not None and again.text != first.text:
        at = difference(first.text, again.text)
        rule = "an exception that says a safe message gives that message again"
        return Breach("a message that it gave is not given again", rule, (first, again), at)
    return again.text is not None


def _is_safe(sanitizer: Sanitizer, text: str) -> bool:
    fits = sanitizer.bound.size(text) <= sanitizer.bound.most
    return fits and not any(each.search(text) for each in (_CONTROL, _SURROGATE))


def keeps(sanitizer: Sanitizer, calls: Calls, error: BaseException) -> Checked:
    """A clean message is kept whole."""
    text = said(error)
    most = min(KEPT, sanitizer.bound.most)
    if len(text) > most or not _CLEAN.fullmatch(text) or secrets.looks_secret(text):
        return False
    call = calls(error)
    if call.text is not None and call.text != text:
        rule = f"a clean message of up to {most} ASCII characters is kept whole"
        return Breach("a clean message is not kept whole", rule, (call,), difference(text, call.text))
    return call.text is not None


def _texts(sanitizer: Sanitizer) -> Iterable[Any]:
    return (*errors.hostile_errors(sanitizer.bound), *map(RuntimeError, texts.everything()))


def _controls(sanitizer: Sanitizer) -> Iterable[BaseException]:
    for character in (*texts.CONTROLS, *texts.SEPARATORS, *texts.BIDIRECTIONAL):
        for text in (f"a{character}b", f"{character}a", f"a{character}", character * 3):
            yield RuntimeError(text)
    yield from _texts(sanitizer)


def _silent(_: Sanitizer) -> Iterable[BaseException]:
    yield from (*errors.silent(), *errors.unsaid())
    yield from (RuntimeError(each) for each in texts.blanks())


_PHRASES = (
    "a", "no such table: jobs", "one. two", "one: two", "one; two", "one, two", "a  b", "a   b", "100%",
    "%s %d", "{0} {}", "'a' != \"b\"", "<b>", "a\\nb", "C:\\temp\\new", "Error: x", "(1, 2)", "& &amp;",
    "x: y: z", "[Errno 2] x", "Traceback (most recent call last): x", "worker failed", "None",
    "unknown", "0", "...",
    "first - second", "a|b", "100%%", "{{}}", "a%20b", "$$", "${x}", "&lt;", "\\x41", "`a`", "~/a_b",
    "*a* #1",
)  # fmt: skip


def _clean(sanitizer: Sanitizer) -> Iterable[BaseException]:
    most = min(KEPT, sanitizer.bound.most)
    yield from map(RuntimeError, (*_PHRASES, "x" * most, "A" * (most - 1), "a b " * (most // 4 - 1) + "c"))
    yield from (RuntimeError(f"a{chr(code)}b") for code in range(32, 127))
    yield from (RuntimeError(chr(code)) for code in range(33, 127))
    yield from (kind(text) for kind in (ValueError, Exception, OSError) for text in _PHRASES)
    for text in _PHRASES:
        yield from errors.saying(text)


def _exceptions(sanitizer: Sanitizer) -> SearchStrategy[Any]:
    return strategies.exceptions_around(sanitizer.bound)


def _cleanly(sanitizer: Sanitizer) -> SearchStrategy[Any]:
    most = min(KEPT, sanitizer.bound.most)
    characters = st.characters(min_codepoint=32, max_codepoint=126)
    return st.text(characters, min_size=1, max_size=most).map(RuntimeError)


def _blankly(_: Sanitizer) -> SearchStrategy[Any]:
    return st.text(texts.BLANKS, max_size=300).map(RuntimeError)


def _text_of(error: Any) -> str | None:
    plain = isinstance(error, Exception) and type(error).__module__ == "builtins" and len(error.args) == 1
    return error.args[0] if plain and type(error.args[0]) is str and said(error) == error.args[0] else None


def _with_text(error: Any, text: str) -> BaseException:
    made: BaseException = type(error)(text)
    return made


def _large_blank() -> Iterable[BaseException]:
    yield RuntimeError(" " * texts.LARGE)


def _property(fixed: Any, drawn: Any, check: Any, large: Any = tuple) -> Property:
    return Property(fixed, drawn, check, large, _text_of, _with_text)


MESSAGES: Mapping[str, Property] = MappingProxyType({
    "message/total": _property(lambda each: (None, *_texts(each)), _exceptions, total, errors.large_errors),
    "message/bounded": _property(_texts, _exceptions, bounded, errors.large_errors),
    "message/one-line": _property(_controls, _exceptions, one_line),
    "message/inert": _property(_controls, _exceptions, inert),
    "message/never-empty": _property(_silent, _blankly, never_empty, _large_blank),
    "message/stable": _property(_texts, _exceptions, stable),
    "message/keeps": _property(_clean, _cleanly, keeps),
    "message/redacts": Property(secrets.fixed, secrets.drawn, secrets.redacts, text=lambda _: None),
})  # fmt: skip
"""The rule for each clause of a failure message but for `message/linear`."""
