from mypkg import Store

from async_contract import StoreContract, StoreHarness


class TestStore(StoreContract):
    harness = StoreHarness(Store)
