"""A job store in Valkey or Redis, for workers on many machines.

`ValkeyStore` needs redis-py and the vocabulary of `async_contract.store`. Each call is one script, which the
server carries out whole, with nothing in between.

- All instants are the server's. Set forward, its clock ends leases early.
- What the server has acknowledged is as durable as it is configured: `appendonly yes` keeps it over the end
  of the server's process, `appendfsync always` over a loss of power too. A replica that takes over may not
  have the latest changes, whatever is configured.
- Nothing is tried again: after a broken connection nobody knows whether the call took effect. An enqueue
  may be repeated (`JobExists` means that it had), and so may a complete or a fail (`JobNotLeased` may mean
  that it had); what a lost lease has taken is delivered when it expires.
- Any text can be stored but lone surrogates, which are refused with a `ValueError`.
- Each job is a key, and all keys begin with `{NAME}`, so that a cluster keeps them together.
- A finished job stays without its payload, so that its id is known, for as long as `keep` says.
"""

from __future__ import annotations

import secrets
from typing import cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord, JobState
from contract_suites.recipes import redis_client, settings

# Keys: NAME:job:ID is a hash; NAME:ready a sorted set of ids by place; NAME:due one of what is leased or
# waits, by the microsecond at which that ends; NAME:place a counter. A job that becomes ready goes to the
# back. Places count up instead of naming the time, so a clock that is set back does not change the order.
_COMMON = """
    local name, max_attempts = KEYS[1], tonumber(ARGV[1])
    local ready, due, job = name .. ':ready', name .. ':due', name .. ':job:'
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]

    local function append(id)
        redis.call('HSET', job .. id, 'state', 'ready')
        redis.call('ZADD', ready, redis.call('INCR', name .. ':place'), id)
    end

    local function finish(id, state, keep)
        redis.call('HSET', job .. id, 'state', state)
        redis.call('HDEL', job .. id, 'payload', 'owner')
        if keep ~= '' then redis.call('PEXPIRE', job .. id, keep) end
    end

    local function used_up(id)
        return max_attempts > 0 and tonumber(redis.call('HGET', job .. id, 'attempts')) >= max_attempts
    end

    -- The fence: only the holder ends a lease, and only while it lasts.
    local function held(id, owner)
        local found = redis.call('HMGET', job .. id, 'state', 'owner')
        if not found[1] then return 'unknown' end
        if found[1] == 'leased' and found[2] == owner and tonumber(redis.call('ZSCORE', due, id)) > now then
            return 'held'
        end
        return 'not held'
    end
"""

_ENQUEUE = """
    local id, kind, tenant_id, payload = unpack(ARGV, 2)
    if redis.call('EXISTS', job .. id) == 1 then return 0 end
    redis.call('HSET', job .. id, 'kind', kind, 'tenant_id', tenant_id, 'payload', payload, 'attempts', 0)
    append(id)
    return 1
"""

# What is over is put in order first, at most a thousand at a time: meanwhile the server does nothing else.
_LEASE = """
    local owner, limit, lease_timeout, keep = unpack(ARGV, 2)
    for _, id in ipairs(redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1000)) do
        redis.call('ZREM', due, id)
        if used_up(id) then finish(id, 'dead', keep) else append(id) end
    end
    local batch = {}
    local taken = redis.call('ZPOPMIN', ready, limit)
    for i = 1, #taken, 2 do
        local id = taken[i]
        local attempts = redis.call('HINCRBY', job .. id, 'attempts', 1)
        redis.call('HSET', job .. id, 'state', 'leased', 'owner', owner)
        redis.call('ZADD', due, now + lease_timeout, id)
        local fields = redis.call('HMGET', job .. id, 'kind', 'tenant_id', 'payload')
        table.insert(batch, {id, fields[1], fields[2], fields[3], attempts})
    end
    return batch
"""

_COMPLETE = """
    local owner, id, keep = unpack(ARGV, 2)
    local found = held(id, owner)
    if found == 'held' then
        redis.call('ZREM', due, id)
        finish(id, 'completed', keep)
    end
    return found
"""

_FAIL = """
    local owner, id, keep, message, retry_delay = unpack(ARGV, 2)
    local found = held(id, owner)
    if found == 'held' then
        redis.call('HSET', job .. id, 'message', message, 'state', 'waiting')
        redis.call('ZADD', due, now + retry_delay, id)
        if used_up(id) then
            redis.call('ZREM', due, id)
            finish(id, 'dead', keep)
        elseif tonumber(retry_delay) == 0 then
            redis.call('ZREM', due, id)
            append(id)
        end
    end
    return found
"""

_INSPECT = """
    local id = ARGV[2]
    local found = redis.call('HMGET', job .. id, 'state', 'message', 'attempts')
    local state = found[1]
    if not state then return nil end
    if state == 'leased' and tonumber(redis.call('ZSCORE', due, id)) <= now then
        state = used_up(id) and 'dead' or 'ready'
    elseif state == 'waiting' then
        state = 'ready'
    end
    return {state, found[2], tonumber(found[3])}
"""


class ValkeyStore:
    """One worker's access to the jobs under a name.

    Each store object has a token of its own, and only the one that leased a job can complete or fail it, as
    long as the lease lasts.

    Args:
        client: Closed by whoever made it. It must neither repeat calls nor decode what it gets.
        name: What the keys begin with.
        lease_timeout: Seconds after which a lease that was neither completed nor failed ends.
        max_attempts: The number of deliveries after which a job that was not completed is dead,
            whether it was failed or its lease expired. `None`: it is delivered without end.
        retry_delay: Seconds after a `fail` until the job is ready again.
        keep: Seconds for which a finished job is known. `None`: for ever.

    Raises:
        ValueError: A duration or `max_attempts` is out of range, or the client repeats calls.
    """

    def __init__(
        self,
        client: Redis,
        name: str = "jobs",
        *,
        lease_timeout: float = 60.0,
        max_attempts: int | None = 5,
        retry_delay: float = 0.0,
        keep: float | None = None,
    ) -> None:
        settings.check(lease_timeout, max_attempts, retry_delay)
        redis_client.check(client)
        self._keys = [f"{{{name}}}"]
        self._owner = secrets.token_hex(16)
        self._max_attempts = max_attempts or 0
        self._lease_timeout = round(lease_timeout * 1_000_000)
        self._retry_delay = round(retry_delay * 1_000_000)
        self._keep = "" if keep is None else round(keep * 1000)
        texts = (_ENQUEUE, _LEASE, _COMPLETE, _FAIL, _INSPECT)
        self._enqueue, self._lease, self._complete, self._fail, self._inspect = (
            client.register_script(_COMMON + text) for text in texts
        )

    async def enqueue(self, job: Job) -> None:
        """Take in a job; its `attempts` are counted from 0, whatever it says.

        Raises:
            JobExists: A job with this id was enqueued before.
            ValueError: The id or the kind is empty, or a text can't be encoded as UTF-8.
        """
        if not job.id or not job.kind:
            raise ValueError(f"id={job.id!r}, kind={job.kind!r}: a job needs both; write a non-empty str")
        if not await self._call(self._enqueue, job.id, job.kind, job.tenant_id, job.payload):
            raise JobExists(f"job {job.id!r} was enqueued before")

    async def lease(self, limit: int) -> list[Job]:
        """Put at most `limit` ready jobs on lease to this store object and deliver them.

        The job that has been ready longest comes first. Leases that have expired end here: their
        jobs are ready again, or dead if they have had `max_attempts` deliveries.
        """
        if limit <= 0:
            return []
        rows = await self._call(self._lease, self._owner, limit, self._lease_timeout, self._keep)
        batch = cast("list[tuple[bytes, bytes, bytes, bytes, int]]", rows)
        return [
            Job(id.decode(), kind.decode(), tenant_id.decode(), payload, attempts)
            for id, kind, tenant_id, payload, attempts in batch
        ]

    async def complete(self, id: str) -> None:
        """Record that the job is done: it is never delivered again.

        Raises:
            JobNotFound: There is no job with this id.
            JobNotLeased: This store object does not hold it, or not any more.
            ValueError: The id can't be encoded as UTF-8.
        """
        _ended(id, await self._call(self._complete, self._owner, id, self._keep))

    async def fail(self, id: str, message: str) -> None:
        """Record that the attempt failed: the job is ready after `retry_delay`, or dead.

        Raises:
            JobNotFound: There is no job with this id.
            JobNotLeased: This store object does not hold it, or not any more.
            ValueError: The id or the message can't be encoded as UTF-8.
        """
        _ended(id, await self._call(self._fail, self._owner, id, self._keep, message, self._retry_delay))

    async def inspect(self, id: str) -> JobRecord | None:
        """What the store remembers of a job; `None` if there is no job with this id.

        Raises:
            ValueError: The id can't be encoded as UTF-8.
        """
        found = cast("tuple[bytes, bytes | None, int] | None", await self._call(self._inspect, id))
        if found is None:
            return None
        state, message, attempts = found
        return JobRecord(
            cast("JobState", state.decode()), None if message is None else message.decode(), attempts
        )

    async def _call(self, script: AsyncScript, *arguments: str | bytes | int) -> object:
        result: object = await script(self._keys, [self._max_attempts, *arguments])
        return result


def _ended(id: str, found: object) -> None:
    if found == b"unknown":
        raise JobNotFound(f"there is no job {id!r}")
    if found != b"held":
        raise JobNotLeased(f"job {id!r} is not on lease to this worker, or not any more")
