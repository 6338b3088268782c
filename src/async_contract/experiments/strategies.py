"""Hypothesis strategies for what a store is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

from async_contract.experiments.examples.values import (
    HOSTILE_MESSAGES,
    LOOK_ALIKES,
    MESSAGES,
    PAYLOADS,
    TEXTS,
)
from async_contract.store import Job

_MOST = 2**31 - 1
_T = TypeVar("_T")


def _one_of(values: Sequence[_T]) -> st.SearchStrategy[_T]:
    """One of these values, which may be large: `sampled_from` would look at each of them again and again."""
    places = st.integers(0, len(values) - 1)

    # Not `map`: of what was mapped Hypothesis shows the place and the function, instead of the value.
    @st.composite
    def one(draw: st.DrawFn) -> _T:
        return values[draw(places)]

    return one()


def ids() -> st.SearchStrategy[str]:
    """Ids of jobs: ordinary ones, and ones that a careless store takes for one another."""
    return _one_of((*(f"job-{number}" for number in range(10)), *LOOK_ALIKES))


def texts(*, min_size: int = 0) -> st.SearchStrategy[str]:
    """Kinds and tenants: any text without surrogates, and what is known to break stores."""
    return _one_of(TEXTS) | st.text(min_size=min_size, max_size=30)


def payloads() -> st.SearchStrategy[bytes]:
    """Payloads: any bytes, and what is known to break stores."""
    return _one_of(PAYLOADS) | st.binary(max_size=200)


def jobs() -> st.SearchStrategy[Job]:
    """Jobs, ordinary and odd."""
    return st.builds(
        Job,
        id=ids() | st.text(min_size=1, max_size=20),
        kind=texts(min_size=1),
        tenant_id=texts(),
        payload=payloads(),
    )


def limits() -> st.SearchStrategy[int]:
    """Limits of a lease: 1, several, huge, zero and negative."""
    return _one_of((1, 2, 3, 1, 10, 0, -1, _MOST)) | st.integers(1, 20) | st.integers(-(2**31), _MOST)


def messages() -> st.SearchStrategy[str]:
    """Messages of a fail, safe and hostile."""
    return _one_of((*MESSAGES, *HOSTILE_MESSAGES)) | st.text(max_size=50)
