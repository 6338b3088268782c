"""Hypothesis strategies for labels, exceptions, and text that breaks what makes it safe."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from async_contract.experiments.sanitizers import errors, texts
from async_contract.experiments.sanitizers.bounds import Bound

_SAFE = "abcdefghijklmnopqrstuvwxyz0123456789_-."
_PIECES = (
    *texts.CONTROLS, *texts.SEPARATORS, *texts.BIDIRECTIONAL, *texts.INVISIBLE, *texts.SURROGATES,
    *texts.UNSTEADY, *texts.CLUSTERS, *texts.CATEGORIES, *texts.FORGED, *texts.LOOK_ALIKES, *texts.BLANKS,
    *texts.GROWING,
)  # fmt: skip
_ANY = st.text(st.characters(exclude_categories=()), max_size=8)
_TYPES: Sequence[type[BaseException]] = (RuntimeError, ValueError, OSError, Exception)


def labels(*, max_size: int = 64) -> st.SearchStrategy[str]:
    """Safe labels: 1 to `max_size` characters out of `a-z 0-9 _ - .`.

    Args:
        max_size: The most characters.
    """
    return st.text(_SAFE, min_size=1, max_size=max_size)


def hostile_text(*, around: int = 64) -> st.SearchStrategy[str]:
    """Any text, lone surrogates included, mixed with what is known to break sanitizers.

    Args:
        around: A bound on lengths; many of the texts are about as long as that.
    """
    return text_around(Bound(around))


def text_around(bound: Bound) -> st.SearchStrategy[str]:
    """Hostile text, much of it about as long as a bound."""
    parts = st.sampled_from(_PIECES) | _ANY | st.text("aA z9", max_size=8)
    short = st.lists(parts, max_size=6).map("".join)
    units = st.sampled_from((*texts.WIDTHS, *texts.GROWING, " ", "\n", "\u0301", "\x00", "\ufb03"))
    lengths = st.integers(-4, 4).map(lambda extra: max(bound.most + extra, 0))
    padded = st.builds(
        lambda before, unit, length, after: before + unit * length + after, short, units, lengths, short
    )
    cut = st.builds(lambda length, text: "a" * length + text, lengths, short)
    return short | padded | cut


def exceptions(*, around: int = 256) -> st.SearchStrategy[BaseException]:
    """Exceptions: what they say is hostile text, or they can't say it, or they are groups and chains.

    Args:
        around: A bound on lengths; many of the texts are about as long as that.
    """
    return exceptions_around(Bound(around))


def exceptions_around(bound: Bound) -> st.SearchStrategy[BaseException]:
    """Exceptions whose texts are often about as long as a bound."""
    saying: st.SearchStrategy[BaseException] = st.builds(_made, st.sampled_from(_TYPES), text_around(bound))
    odd = st.integers(0, len(_ODD) - 1).map(lambda place: _ODD[place])
    groups = st.builds(_grouped, text_around(bound).filter(bool), st.lists(saying, min_size=1, max_size=3))
    chained = st.builds(_chained, saying, saying)
    return saying | odd | groups | chained


_ODD = tuple(errors.odd())


def _made(kind: type[BaseException], text: str) -> BaseException:
    return kind(text)


def _grouped(text: str, inner: Sequence[BaseException]) -> BaseException:
    return BaseExceptionGroup(text, inner)


def _chained(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error
