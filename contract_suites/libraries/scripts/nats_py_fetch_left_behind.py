"""nats-py: a message whose `fetch` was given up waits unseen, and is given to two workers.

Install nats-py, and run this file with the URL of a NATS server with JetStream. Exit status 1: it is so.
"""

import asyncio
import secrets
import sys

import nats
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig


async def main(url: str) -> int:
    """Give up a fetch before anything is there; then let two workers ask."""
    name = f"demo-{secrets.token_hex(4)}"
    async with await nats.connect(url) as client, await nats.connect(url) as other:
        stream = client.jetstream()
        config = StreamConfig(name=name, subjects=[name], retention=RetentionPolicy.WORK_QUEUE)
        await stream.add_stream(config)
        await stream.add_consumer(name, ConsumerConfig(durable_name="workers", ack_wait=1))
        first = await stream.pull_subscribe_bind("workers", name)
        second = await other.jetstream().pull_subscribe_bind("workers", name)
        fetching = asyncio.create_task(first.fetch(1, timeout=5))
        await asyncio.sleep(0.2)
        fetching.cancel()  # as asyncio.wait_for does
        await stream.publish(name, b"send the invoice")
        await asyncio.sleep(1.5)  # longer than ack_wait
        mine = (await second.fetch(1, timeout=5))[0].data
        try:
            stale = (await first.fetch(1, timeout=0.2))[0].data
        except TimeoutError:
            stale = None
        print("only one worker has it" if stale is None else f"both have it: {mine!r}, {stale!r}")
        await stream.delete_stream(name)
        return int(stale is not None)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
