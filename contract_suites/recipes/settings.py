"""What the stores of this package take alike."""

from __future__ import annotations


def check(lease_timeout: float, max_attempts: int | None, retry_delay: float) -> None:
    """Refuse settings that mean nothing.

    Raises:
        ValueError: A duration or `max_attempts` is out of range.
    """
    if not lease_timeout > 0:
        raise ValueError(f"lease_timeout={lease_timeout!r} is not positive; write seconds above 0")
    if max_attempts is not None and max_attempts < 1:
        raise ValueError(f"max_attempts={max_attempts!r} is less than 1; write 1 or more, or None")
    if not retry_delay >= 0:
        raise ValueError(f"retry_delay={retry_delay!r} is negative; write seconds, 0 or more")
