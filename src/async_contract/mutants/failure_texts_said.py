"""Messages that read otherwise, say nothing, change, lose a part, take long, or let secrets through."""

from __future__ import annotations

import html
import re
import unicodedata

from async_contract.mutants.safe_text import (
    CARD,
    DIRECTIONS,
    LONGEST_MESSAGE,
    MAIL,
    NOTHING,
    PASSWORD,
    TOKEN,
    beginning,
    fitting,
    flat,
    flat_but_for,
    plain_message,
    spoken,
)
from async_contract.mutants.sanitizer import broken


def keeps_directions(error: BaseException | None) -> str:
    """Bidirectional controls come through."""
    return "" if error is None else fitting(flat_but_for(DIRECTIONS, spoken(error)))


def drops_overrides_only(error: BaseException | None) -> str:
    """Embeddings and overrides are dropped, and isolates come through."""
    return "" if error is None else fitting(flat_but_for("\u2066\u2067\u2068\u2069", spoken(error)))


def drops_range_but_last(error: BaseException | None) -> str:
    """The range of the isolates ends before its last one."""
    return "" if error is None else fitting(flat_but_for("\u2069", spoken(error)))


def forgets_marks(error: BaseException | None) -> str:
    """The marks for the direction of a letter come through."""
    return "" if error is None else fitting(flat_but_for("\u061c\u200e\u200f", spoken(error)))


def says_nothing(error: BaseException | None) -> str:
    """An exception that says nothing gives an empty message."""
    message = plain_message(error)
    return "" if message == NOTHING else message


def falls_back_before_stripping(error: BaseException | None) -> str:
    """Only the empty text has another in its stead: what is stripped to nothing stays nothing."""
    if error is None:
        return ""
    text = spoken(error) or NOTHING
    return flat(text).strip()[:LONGEST_MESSAGE].strip()


def strips_spaces(error: BaseException | None) -> str:
    """Only spaces are stripped: an ideographic space is a message."""
    if error is None:
        return ""
    return flat(spoken(error)).strip(" ")[:LONGEST_MESSAGE].strip(" ") or NOTHING


def quotes_blanks(error: BaseException | None) -> str:
    """Blanks are said in quotes."""
    if error is None:
        return ""
    text = spoken(error)
    return f"an error that said {text[:100]!a}" if text.isspace() else plain_message(error)


def gives_nothing_where_str_fails(error: BaseException | None) -> str:
    """An exception that can't say anything gives an empty message."""
    try:
        str(error)
    except Exception:  # noqa: BLE001 - a __str__ may do anything
        return ""
    return plain_message(error)


_LONG = 230


def counts_what_it_cut(error: BaseException | None) -> str:
    """A long message tells how long it was, which is another number when it is made safe again."""
    if error is None:
        return ""
    text = flat(spoken(error)).strip()
    return f"{text[:220]} ({len(text)} characters)" if len(text) > _LONG else fitting(text)


def strips_before_cut(error: BaseException | None) -> str:
    """The text is stripped before the cut and not after, and the cut may be at a blank."""
    return "" if error is None else flat(spoken(error)).strip()[:LONGEST_MESSAGE] or NOTHING


def reads_as_latin(error: BaseException | None) -> str:
    """Text is written as UTF-8 and read as Latin-1, so that it grows each time."""
    if error is None:
        return ""
    return fitting(flat(flat(spoken(error)).strip().encode().decode("latin-1")))


def sheds_one_mark(error: BaseException | None) -> str:
    """A combining mark at the end is dropped, for it could have been cut, and there may be more of them."""
    message = plain_message(error)
    return message[:-1].strip() or NOTHING if message and unicodedata.combining(message[-1]) else message


def names_type(error: BaseException | None) -> str:
    """The type is named before what was said."""
    return "" if error is None else fitting(flat(f"{type(error).__name__}: {spoken(error)}"))


def cuts_at_hundred(error: BaseException | None) -> str:
    """The cut is made after a hundred characters."""
    return plain_message(error)[:100].strip()


def collapses_blanks(error: BaseException | None) -> str:
    """Several blanks become one."""
    return " ".join(plain_message(error).split())


def drops_full_stop(error: BaseException | None) -> str:
    """Full stops at the end are dropped."""
    return plain_message(error).rstrip(". ") or ("" if error is None else NOTHING)


def escapes_for_html(error: BaseException | None) -> str:
    """Brackets and ampersands are escaped for a page."""
    return "" if error is None else fitting(html.escape(plain_message(error)))


def quotes_message(error: BaseException | None) -> str:
    """The message is in quotes, as repr() writes it."""
    return "" if error is None else fitting(flat(repr(plain_message(error))))


def takes_first_sentence(error: BaseException | None) -> str:
    """What follows the first sentence is dropped."""
    return plain_message(error).partition(". ")[0].strip() or ("" if error is None else NOTHING)


def masks_numbers(error: BaseException | None) -> str:
    """Every number becomes a star, for fear that it is one of a card."""
    return re.sub("[0-9]+", "*", plain_message(error))


def drops_punctuation(error: BaseException | None) -> str:
    """Of punctuation only the common is kept."""
    if error is None:
        return ""
    return fitting(re.sub(r"[\[\]{}<>|\\^~`]", "", flat(spoken(error))))


def trims_end_by_pattern(error: BaseException | None) -> str:
    """A pattern that trims the end looks for it from every blank."""
    return "" if error is None else fitting(re.sub(r"\s+$", "", flat(spoken(error))))


def looks_ahead_for_password(error: BaseException | None) -> str:
    """A pattern that hides passwords looks from every `://` to the end of the text."""
    return "" if error is None else fitting(re.sub("://[^@]*@", "://***@", flat(spoken(error))))


_ACCOUNT = re.compile(r"(?:\w\w+[.+-]?)+@")


def tries_every_account(error: BaseException | None) -> str:
    """A pattern of repeats in a repeat divides a word in every way there is before it gives up."""
    return "" if error is None else fitting(_ACCOUNT.sub("***@", flat(spoken(error))))


def _hiding(error: BaseException, *, mail: str = "***", keep: re.Pattern[str] | None = None) -> str:
    text = beginning(error)
    for pattern, instead in ((PASSWORD, r"\1***"), (MAIL, mail), (CARD, "***"), (TOKEN, r"\1***")):
        text = text if pattern is keep else pattern.sub(instead, text)
    return text


def hides_nothing(error: BaseException | None) -> str:
    """Everything comes through."""
    return plain_message(error)


def lets_mail_through(error: BaseException | None) -> str:
    """E-mail addresses come through."""
    return "" if error is None else fitting(_hiding(error, keep=MAIL))


def lets_cards_with_gaps_through(error: BaseException | None) -> str:
    """The number of a card comes through if it is written in groups of four."""
    if error is None:
        return ""
    return fitting(re.sub(r"\d{13,19}", "***", _hiding(error, keep=CARD)))


def needs_user_before_password(error: BaseException | None) -> str:
    """A password in a URL comes through if no user is named before it."""
    if error is None:
        return ""
    text = _hiding(error, keep=PASSWORD)
    return fitting(re.sub(r"(://[^/\s:@]+:)[^/\s@]+(?=@)", r"\1***", text))


def knows_bearers_only(error: BaseException | None) -> str:
    """Tokens come through where they are no bearer's."""
    if error is None:
        return ""
    return fitting(re.sub(r"(Bearer\s+)\S+", r"\1***", _hiding(error, keep=TOKEN)))


def hides_first_of_each(error: BaseException | None) -> str:
    """Of two secrets of one shape the second comes through."""
    if error is None:
        return ""
    text = beginning(error)
    for pattern, instead in ((PASSWORD, r"\1***"), (MAIL, "***"), (CARD, "***"), (TOKEN, r"\1***")):
        text = pattern.sub(instead, text, count=1)
    return fitting(text)


_BEGINNING = re.compile(r"\b(bearer\s+|(?:token|api_key)=)\S{1,4}", re.IGNORECASE)


def hides_beginnings(error: BaseException | None) -> str:
    """Of a token only the first four characters are hidden."""
    if error is None:
        return ""
    return fitting(_BEGINNING.sub(r"\1***", _hiding(error, keep=TOKEN)))


MESSAGES = (
    *broken("message/inert", keeps_directions, drops_overrides_only, drops_range_but_last, forgets_marks),
    *broken(
        "message/never-empty",
        says_nothing, falls_back_before_stripping, strips_spaces, quotes_blanks,
        gives_nothing_where_str_fails,
    ),
    *broken("message/stable", counts_what_it_cut, strips_before_cut, reads_as_latin, sheds_one_mark),
    *broken(
        "message/keeps",
        names_type, cuts_at_hundred, collapses_blanks, drops_full_stop, escapes_for_html, quotes_message,
        takes_first_sentence, masks_numbers, drops_punctuation,
    ),
    *broken("message/linear", trims_end_by_pattern, looks_ahead_for_password),
    *broken("message/linear", tries_every_account, hangs=True),
    *broken(
        "message/redacts",
        hides_nothing, lets_mail_through, lets_cards_with_gaps_through, needs_user_before_password,
        knows_bearers_only, hides_first_of_each, hides_beginnings,
    ),
)  # fmt: skip
"""Broken messages."""
