"""SAQ on PostgreSQL: a job that was finished is delivered again after a `retry`.

Install saq[postgres], run this file with the URL of an empty PostgreSQL database. Exit status 1: it is so.
"""

import asyncio
import secrets
import sys

from saq import Queue, Status


async def main(url: str) -> int:
    """Finish a job, report its failure late, and ask for the next."""
    queue = Queue.from_url(url, name=f"demo-{secrets.token_hex(4)}")
    await queue.connect()
    try:
        await queue.enqueue("job", key="send the invoice", retries=3)
        job = await queue.dequeue(timeout=1)
        assert job is not None
        await job.finish(Status.COMPLETE)
        await job.retry("late")
        again = await queue.dequeue(timeout=1)
        print("the finished job does not come back" if again is None else f"delivered again: {again.key}")
        if again is not None:
            await again.finish(Status.COMPLETE)
        return int(again is not None)
    finally:
        await queue.disconnect()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
