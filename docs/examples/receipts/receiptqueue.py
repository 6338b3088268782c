"""A queue as cloud services have it: a message comes with a receipt, and its lease is ended with that."""

import itertools
import time


class ReceiptQueue:
    def __init__(self, visibility=30.0, clock=time.monotonic):
        self._visibility, self._clock = visibility, clock
        self._numbers = itertools.count(1)
        self._waiting = []  # [message, visible from, receipt of the latest delivery]

    async def send(self, body):
        self._waiting.append([body, 0.0, None])

    async def receive(self, most):
        now = self._clock()
        visible = [each for each in self._waiting if each[1] <= now][: max(most, 0)]
        for each in visible:
            each[1], each[2] = now + self._visibility, next(self._numbers)
        return [(each[2], each[0]) for each in visible]

    async def delete(self, receipt):
        self._waiting.remove(self._held(receipt))

    async def make_visible(self, receipt):
        self._held(receipt)[1] = 0.0

    def _held(self, receipt):
        for each in self._waiting:
            if each[2] == receipt and each[1] > self._clock():
                return each
        raise LookupError(f"the receipt {receipt} is no longer valid")
