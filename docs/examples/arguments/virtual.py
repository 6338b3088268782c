from async_contract import Capabilities, MemoryStore, StoreHarness

harness = StoreHarness(
    lambda sandbox: MemoryStore(lease_timeout=30, clock=sandbox.clock),
    capabilities=Capabilities(lease_timeout=30),
    virtual_time=True,
)
