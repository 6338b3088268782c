"""The contract of a store as a class that users subclass."""

from __future__ import annotations

from typing import ClassVar

from async_contract.contract.kinds import STORE
from async_contract.suites.contract import Contract


class StoreContract(Contract, kind=STORE):
    """The contract of a store, as a test class with one test method for every clause.

    Subclass it in a test file and say how the store is reached; pytest does the rest::

        class TestMyStore(StoreContract):
            harness = MyStore

    A subclass adds tests and fixtures as it likes, but it neither overrides nor removes a clause's
    test: a clause that a store is known to break is excused in the harness, with a reason. With
    `__test__ = False` a subclass is a base for others and is not collected itself.

    Attributes:
        harness: A `StoreHarness`, a harness class, a store class, or what makes a store.
    """

    harness: ClassVar[object]
