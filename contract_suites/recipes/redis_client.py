"""What a client of Redis or Valkey must not do for a job store."""

from __future__ import annotations

from redis.asyncio import Redis


def check(client: Redis) -> None:
    """Refuse a client that makes a call again when its reply was lost, as redis-py does by default.

    The first call may have taken effect: a complete would be told that the job is off lease, and a
    lease would leave what it took until that expires.

    Raises:
        ValueError: The client repeats calls.
    """
    retry = client.get_retry()
    if retry is not None and retry.get_retries() != 0:
        raise ValueError(
            "the client makes a call again when its reply was lost, though it may have taken effect; "
            "write Redis.from_url(URL, retry=Retry(NoBackoff(), 0))"
        )
