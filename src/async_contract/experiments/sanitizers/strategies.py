"""Hypothesis strategies for labels, exceptions, and text that breaks what makes it safe."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from async_contract.experiments.sanitizers import errors, texts
from async_contract.experiments.sanitizers.bounds import Bound

_SAFE = "abcdefghijklmnopqrstuvwxyz0123456789_-."
# Group by group: the few surrogates come as often as the many controls.
_PIECES = st.one_of(*map(st.sampled_from, (
    texts.CONTROLS, texts.SEPARATORS, texts.BIDIRECTIONAL, texts.INVISIBLE, texts.SURROGATES,
    texts.UNSTEADY, texts.CLUSTERS, texts.CATEGORIES, texts.FORGED, texts.LOOK_ALIKES, texts.BLANKS,
    texts.GROWING,
)))  # fmt: skip
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


# Composites: of what was mapped or built Hypothesis shows functions and their arguments, and not the value.
def text_around(bound: Bound) -> st.SearchStrategy[str]:
    """Hostile text, much of it about as long as a bound."""
    parts = st.text("aA z9", max_size=8) | _PIECES | _ANY
    shorts = st.lists(parts, max_size=6)
    units = st.sampled_from((*texts.WIDTHS, *texts.GROWING, " ", "\n", "\u0301", "\x00", "\ufb03"))
    shapes = st.sampled_from(("short", "cut", "padded"))
    extras = st.integers(-4, 4)

    @st.composite
    def text(draw: st.DrawFn) -> str:
        shape, end = draw(shapes), "".join(draw(shorts))
        if shape == "short":
            return end
        length = max(bound.most + draw(extras), 0)
        if shape == "cut":
            return "a" * length + end
        return "".join(draw(shorts)) + draw(units) * length + end

    return text()


def exceptions(*, around: int = 256) -> st.SearchStrategy[BaseException]:
    """Exceptions: what they say is hostile text, or they can't say it, or they are groups and chains.

    Args:
        around: A bound on lengths; many of the texts are about as long as that.
    """
    return exceptions_around(Bound(around))


def exceptions_around(bound: Bound) -> st.SearchStrategy[BaseException]:
    """Exceptions whose texts are often about as long as a bound."""
    texts_around, types = text_around(bound), st.sampled_from(_TYPES)
    shapes = st.sampled_from(("plain", "odd", "chain", "group"))
    places, sizes = st.integers(0, len(_ODD) - 1), st.integers(1, 3)

    @st.composite
    def exception(draw: st.DrawFn) -> BaseException:
        shape = draw(shapes)
        if shape == "odd":
            return _ODD[draw(places)]
        error = draw(types)(draw(texts_around))
        if shape == "chain":
            error.__cause__ = draw(types)(draw(texts_around))
        if shape == "group":
            inner = [draw(types)(draw(texts_around)) for _ in range(draw(sizes))]
            return BaseExceptionGroup(str(error) or "several", inner)
        return error

    return exception()


# The simple one stands first: a function that is wrong with every exception is shown with that.
_ODD = (RuntimeError("a"), *errors.odd())
