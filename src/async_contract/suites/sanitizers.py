"""The contracts of functions that make text safe, as classes that users subclass."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from async_contract.contract.kinds import LABEL, MESSAGE
from async_contract.suites.contract import Contract


class SafeLabelContract(Contract, kind=LABEL):
    """The contract of a function that makes a str a safe label, with a test method for every clause.

    Subclass it in a test file and name the function; pytest does the rest::

        class TestSafeLabel(SafeLabelContract):
            function = staticmethod(safe_label)

    Attributes:
        function: It takes a str and returns one; sync or async.
        bound: How long a label may be: `64` for characters, `"64b"` for bytes; by default as the options say.
        known_failures: Clause id -> the reason why the function may break it.
    """

    function: ClassVar[object]
    bound: ClassVar[int | str | None] = None
    known_failures: ClassVar[Mapping[str, str]] = MappingProxyType({})


class SafeFailureMessageContract(Contract, kind=MESSAGE):
    """The contract of a function that makes an exception a safe failure message.

    Subclass it in a test file and name the function; pytest does the rest::

        class TestSafeFailureMessage(SafeFailureMessageContract):
            function = staticmethod(safe_failure_message)

    Attributes:
        function: It takes an exception, or `None`, and returns a str; sync or async.
        bound: How long a message may be: `256` for characters, `"256b"` for bytes; by default as the
            options say.
        redacts: Whether the function promises that secrets don't come through; by default as the options
            say.
        known_failures: Clause id -> the reason why the function may break it.
    """

    function: ClassVar[object]
    bound: ClassVar[int | str | None] = None
    redacts: ClassVar[bool | None] = None
    known_failures: ClassVar[Mapping[str, str]] = MappingProxyType({})
