"""Routing: one handler for every kind of job."""

from __future__ import annotations

from async_contract.reference.attempt import Attempt, Handler, attempt_of
from async_contract.reference.sanitize import UNKNOWN_LABEL, safe_label
from async_contract.store import Job


class InvalidJobKind(ValueError):
    """A kind that no handler can be registered for, or is not free for another one."""


class HandlerNotFound(LookupError):
    """No handler is registered for the kind of a job."""


class HandlerMux:
    """Hands every job to the handler registered for its kind; give its `handle` to a `Runner`.

    Kinds are told apart by `safe_label`: `Email ` and `email` are one kind.
    """

    def __init__(self) -> None:
        self._attempts: dict[str, Attempt] = {}

    @property
    def kinds(self) -> tuple[str, ...]:
        """The registered kinds as safe labels, sorted."""
        return tuple(sorted(self._attempts))

    def register(self, kind: str, handler: Handler) -> None:
        """Hand jobs of this kind to `handler`, a coroutine function or a plain one.

        Raises:
            InvalidJobKind: The kind is no str, is blank, leaves no letter or digit in its label,
                or has a handler already.
            TypeError: The handler cannot be called.
        """
        label = _label(kind)
        if label in self._attempts:
            raise InvalidJobKind(f"kind {label!r} has a handler already; register each kind once")
        self._attempts[label] = attempt_of(handler)

    async def handle(self, job: Job) -> None:
        """Call the handler of the job's kind with the job as it is, in a thread if it is a plain function.

        Raises:
            InvalidJobKind: The job's kind is one that cannot be registered.
            HandlerNotFound: No handler is registered for it.
            BaseException: Whatever the handler raises.
        """
        label = _label(job.kind)
        attempt = self._attempts.get(label)
        if attempt is None:
            known = ", ".join(self.kinds) or "none"
            raise HandlerNotFound(f"no handler for kind {label!r}; registered kinds: {known}")
        error = await attempt(job)
        if error is not None:
            raise error


def _label(kind: object) -> str:
    if not isinstance(kind, str):
        raise InvalidJobKind(f"a kind is a str, not {type(kind).__name__}; write 'send-email', say")
    label = safe_label(kind)
    # "unknown" is what blank kinds become, and labels such as "___" are what is left of any kind
    # in another script: a handler for one of them would receive jobs that were never meant for it.
    if label == UNKNOWN_LABEL or not any(character.isalnum() for character in label):
        raise InvalidJobKind(
            f"the label {label!r} of this kind names nothing; a kind needs an ASCII letter or digit, "
            f"and must not be {UNKNOWN_LABEL!r}"
        )
    return label
