"""taskiq-redis: what a dead worker has not acknowledged is given to nobody while nothing new comes.

Install taskiq-redis, and run this file with the URL of a Redis or Valkey server. Exit status 1: it is so.
"""

import asyncio
import secrets
import sys

from taskiq.message import BrokerMessage
from taskiq_redis import RedisStreamBroker


async def heard(broker: RedisStreamBroker, seconds: float) -> object:
    """The next message that a worker hears."""
    listening = broker.listen()
    try:
        return (await asyncio.wait_for(anext(listening), seconds)).data
    except TimeoutError:
        return None
    finally:
        await listening.aclose()


async def main(url: str) -> int:
    """Let a worker take a message and be gone, and another listen for longer than the idle timeout."""
    name = f"demo-{secrets.token_hex(4)}"
    dead, lives = (RedisStreamBroker(url, name, idle_timeout=500, xread_block=100) for _ in range(2))
    await dead.startup()
    await dead.kick(BrokerMessage(task_id="1", task_name="job", message=b"send the invoice", labels={}))
    assert await heard(dead, 5) == b"send the invoice"
    await dead.shutdown()
    again = await heard(lives, 3)
    await lives.shutdown()
    print(f"the other worker hears {again!r}")
    return int(again is None)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
