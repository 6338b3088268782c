"""What a lease delivered, copied when it was seen.

A broken store may deliver anything, and what it delivers may do anything when it is looked at. None
of that may stop an experiment: it is written down, for the judge to find malformed.
"""

from __future__ import annotations

from typing import Any

from async_contract.history.operation import Delivered, Misfit

_LONGEST = 200
"""So many characters of a `repr` are kept."""

_NEW = tuple.__new__  # a third of the time of the class's own constructor

_MISSING = Misfit("", "(no such attribute)")


def batch(result: Any) -> tuple[tuple[Delivered, ...], str]:
    """The jobs that a lease delivered, and what is wrong with the batch as a whole.

    Args:
        result: What the lease returned.

    Raises:
        Exception: What the store's own iterator raised.
    """
    try:
        jobs = None if isinstance(result, (str, bytes)) else iter(result)
    except TypeError:
        jobs = None
    if jobs is None:
        return (), f"returned {_shown(result):.60}, which is no batch of jobs"
    return tuple([delivered(job) for job in jobs]), ""


def delivered(job: Any) -> Delivered:
    """A job as it was delivered."""
    try:
        id, kind, tenant_id, payload, attempts = job.id, job.kind, job.tenant_id, job.payload, job.attempts
    except Exception:
        return Delivered(*(fitting(_attribute(job, name)) for name in Delivered._fields))
    if type(id) is type(kind) is type(tenant_id) is str and type(payload) is bytes and type(attempts) is int:
        plain: Delivered = _NEW(Delivered, (id, kind, tenant_id, payload, attempts))
        return plain
    return Delivered(*map(fitting, (id, kind, tenant_id, payload, attempts)))


def fitting(value: object) -> str | bytes | int | Misfit:
    """A value as a history has it: text, bytes or a whole number, of no derived class, or a `Misfit`."""
    # What an object of a derived class says of itself is for its class to choose; what it is, is not.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes.__getitem__(value, slice(None))
    if isinstance(value, int):
        return int.__int__(value)
    return value if isinstance(value, Misfit) else Misfit(type(value).__name__, _shown(value))


def _attribute(job: object, name: str) -> object:
    try:
        return getattr(job, name, _MISSING)
    except Exception as error:
        return Misfit(type(error).__name__, f"(raised {type(error).__name__})")


def _shown(value: object) -> str:
    try:
        return repr(value)[:_LONGEST]
    except Exception:
        return f"<{type(value).__name__}>"
