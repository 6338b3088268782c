from async_contract import MemoryStore, StoreHarness


class ShortMessages(MemoryStore):
    def fail(self, id, message):
        return super().fail(id, message[:100])


harness = StoreHarness(
    ShortMessages,
    known_failures={"fail/message": "the column holds 100 characters; the log has the whole text"},
)
