"""Messages that raise, grow, or break the line they stand in."""

from __future__ import annotations

import re
import unicodedata

from async_contract.mutants.safe_text import (
    BREAKS,
    FIRST_CONTROLS,
    LONGEST_MESSAGE,
    NOTHING,
    SECOND_CONTROLS,
    SURROGATES,
    fitting,
    flat,
    flat_but_for,
    plain_message,
    spoken,
)
from async_contract.mutants.sanitizer import broken


def trusts_str(error: BaseException | None) -> str:
    """Nothing is done about an exception whose __str__ raises."""
    return "" if error is None else fitting(flat(str(error)))


def expects_two_errors(error: BaseException | None) -> str:
    """Of what a __str__ may raise only TypeError and ValueError are caught."""
    try:
        return "" if error is None else fitting(flat(str(error)))
    except (TypeError, ValueError):
        return NOTHING


def takes_first_argument(error: BaseException | None) -> str:
    """What was said is looked for in the first argument, and there may be none."""
    return "" if error is None else plain_message(RuntimeError(error.args[0]))


def says_none_for_none(error: BaseException | None) -> str:
    """No exception gives `None`, as str() does."""
    return plain_message(error) or "None"


def describes_none(error: BaseException) -> str:
    """No exception is taken for one."""
    return plain_message(error.with_traceback(None))


def encodes_what_was_said(error: BaseException | None) -> str:
    """The text is cut as UTF-8, which a lone surrogate can't be encoded in."""
    if error is None:
        return ""
    start = spoken(error).strip().encode()[:LONGEST_MESSAGE]
    return fitting(flat(start.decode(errors="ignore")))


def _innermost(error: BaseException) -> BaseException:
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def descends_into_groups(error: BaseException | None) -> str:
    """Of a group its innermost exception is told, which is looked for by recursion."""
    return "" if error is None else plain_message(_innermost(error))


def _first(error: BaseException) -> BaseException:
    return _first(error.__cause__) if error.__cause__ is not None else error


def descends_to_cause(error: BaseException | None) -> str:
    """The first cause is told, which is looked for by recursion."""
    return "" if error is None else plain_message(_first(error))


def formats_arguments(error: BaseException | None) -> str:
    """What was said is formatted from the arguments, as if there were always one."""
    return "" if error is None else fitting(flat("%s" % error.args))  # noqa: UP031 - the defect


def cuts_inside_character(error: BaseException | None) -> str:
    """The cut is made in bytes, and half a character becomes a replacement character."""
    if error is None:
        return ""
    start = flat(spoken(error)).strip().encode()[:LONGEST_MESSAGE]
    return start.decode(errors="replace").strip() or NOTHING


def cuts_as_javascript(error: BaseException | None) -> str:
    """The cut is made in units of UTF-16, and half a character stays."""
    if error is None:
        return ""
    start = flat(spoken(error)).strip().encode("utf-16-le")[: 2 * LONGEST_MESSAGE]
    return start.decode("utf-16-le", errors="surrogatepass").strip() or NOTHING


def keeps_surrogates(error: BaseException | None) -> str:
    """A lone surrogate comes through."""
    return "" if error is None else fitting(flat_but_for(SURROGATES, spoken(error)))


def allows_one_more(error: BaseException | None) -> str:
    """The cut is made where the text is longer by two."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()
    return text if 0 < len(text) <= LONGEST_MESSAGE + 1 else fitting(text)


def ends_with_dots(error: BaseException | None) -> str:
    """A message that was cut ends with three dots, which come on top of what it may have."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()
    return f"{fitting(text)}..." if len(text) > LONGEST_MESSAGE else fitting(text)


def normalizes_after_cut(error: BaseException | None) -> str:
    """The text is normalized after the cut, which makes eighteen characters of one."""
    if error is None:
        return ""
    return unicodedata.normalize("NFKC", fitting(flat(spoken(error)))).strip() or NOTHING


def escapes_after_cut(error: BaseException | None) -> str:
    """Characters beyond ASCII are escaped after the cut, which makes six characters of one."""
    return plain_message(error).encode("ascii", errors="backslashreplace").decode()


def widens_tabs_after_cut(error: BaseException | None) -> str:
    """Tabs become spaces after the cut, as many as it takes to the next stop."""
    if error is None:
        return ""
    start = flat_but_for("\t", spoken(error)).strip()[:LONGEST_MESSAGE]
    return start.expandtabs().strip() or NOTHING


_OTHER_BREAKS = BREAKS.replace("\t", "").replace("\n", "")


def replaces_line_feeds(error: BaseException | None) -> str:
    """Of what ends a line only the line feed is replaced."""
    return "" if error is None else fitting(flat_but_for(_OTHER_BREAKS, spoken(error)))


_CONTROLS = f"{FIRST_CONTROLS}\x7f{SECOND_CONTROLS}\u2028\u2029"


def splits_lines(error: BaseException | None) -> str:
    """The text is split into lines, but what is no line break stays: NUL, escape, tab, backspace."""
    if error is None:
        return ""
    return fitting(flat_but_for(_CONTROLS, " ".join(spoken(error).splitlines())))


def drops_below_space(error: BaseException | None) -> str:
    """What is below the space is dropped: DEL, the controls beyond ASCII and two separators stay."""
    if error is None:
        return ""
    return fitting(flat_but_for(f"\x7f{SECOND_CONTROLS}\u2028\u2029", spoken(error)))


def drops_category_of_controls(error: BaseException | None) -> str:
    """Characters of the category Cc are dropped, to which the line separator does not belong."""
    return "" if error is None else fitting(flat_but_for("\u2028\u2029", spoken(error)))


_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def drops_colors_only(error: BaseException | None) -> str:
    """Of escape sequences only those for colors are dropped: one for the title of a window stays."""
    return "" if error is None else fitting(flat_but_for("\x1b", _COLORS.sub("", spoken(error))))


def keeps_tabs(error: BaseException | None) -> str:
    """A tab stays."""
    return "" if error is None else fitting(flat_but_for("\t", spoken(error)))


def keeps_controls_beyond_ascii(error: BaseException | None) -> str:
    """The controls from U+0080 on stay, with the next line and what terminals take for an escape."""
    return "" if error is None else fitting(flat_but_for(SECOND_CONTROLS, spoken(error)))


def takes_first_line(error: BaseException | None) -> str:
    """The first line is taken, as if only a line feed could end it."""
    if error is None:
        return ""
    return fitting(flat_but_for(_CONTROLS, re.sub(r"\n.*", "", spoken(error).strip(), flags=re.DOTALL)))


MESSAGES = (
    *broken(
        "message/total",
        trusts_str, expects_two_errors, takes_first_argument, says_none_for_none, describes_none,
        encodes_what_was_said, descends_into_groups, descends_to_cause, formats_arguments,
    ),
    *broken(
        "message/bounded",
        cuts_inside_character, cuts_as_javascript, keeps_surrogates, allows_one_more, ends_with_dots,
        normalizes_after_cut, escapes_after_cut, widens_tabs_after_cut,
    ),
    *broken(
        "message/one-line",
        replaces_line_feeds, splits_lines, drops_below_space, drops_category_of_controls, drops_colors_only,
        keeps_tabs, keeps_controls_beyond_ascii, takes_first_line,
    ),
)  # fmt: skip
"""Broken messages."""
