"""A job store on a stream of Valkey or Redis with a consumer group, for workers on many machines.

`StreamStore` needs redis-py and the vocabulary of `async_contract.store`. The server keeps who holds what
since when, and how often it was delivered. What it lacks is in scripts: XACK asks nobody whether the
job is his (here only the holder ends a lease, and only while it lasts), XAUTOCLAIM knows no largest
number of deliveries, and there is no way to give a job back (here it is appended anew).

- All instants are the server's, in whole milliseconds.
- There is no delay before a failed job is ready again.
- A lease looks through what is on lease already, to find what has expired: some thousands of jobs on lease
  at once are fine, a million is not.
- Each store object is a consumer. `aclose` removes it from the group, unless it still holds jobs, which
  would be lost with it. What a killed worker leaves behind stays listed in XINFO CONSUMERS.
- What is said of `ValkeyStore` about durability, lost replies, text and keys applies here too. Finished jobs
  leave the stream, but their ids stay known.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError  # noqa: A004 - none of Python's own is raised here

from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord, JobState
from contract_suites.recipes import redis_client, settings

# Keys: NAME:jobs is the stream; NAME:job:ID a hash with the job's entry there, how often it had been
# delivered before that was appended, and its latest message. A finished job has the state in place of
# the entry.
_COMMON = """
    local name, max_attempts, lease_timeout = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
    local jobs, group, job = name .. ':jobs', 'workers', name .. ':job:'
    if redis.call('EXISTS', jobs) == 0 then
        redis.call('XGROUP', 'CREATE', jobs, group, '0', 'MKSTREAM')
    end

    local function append(id, kind, tenant_id, payload, before)
        local entry = redis.call('XADD', jobs, '*', 'id', id, 'kind', kind, 'tenant_id', tenant_id,
                                 'payload', payload, 'before', before)
        redis.call('HSET', job .. id, 'entry', entry, 'before', before)
    end

    local function remove(entry)
        redis.call('XACK', jobs, group, entry)
        redis.call('XDEL', jobs, entry)
    end

    local function finish(id, entry, state, attempts)
        remove(entry)
        redis.call('HSET', job .. id, 'entry', state, 'before', attempts)
    end

    local function used_up(attempts)
        return max_attempts > 0 and attempts >= max_attempts
    end

    -- Who holds an entry, for how many milliseconds now, and how often it was delivered; or nothing.
    local function lease_of(entry)
        local found = redis.call('XPENDING', jobs, group, entry, entry, 1)[1]
        if found then return found[2], found[3], found[4] end
    end

    -- The fence: the entry if the owner holds the job, and how often the job was delivered.
    local function held(id, owner)
        local found = redis.call('HMGET', job .. id, 'entry', 'before')
        if not found[1] then return nil, 'unknown' end
        if not string.find(found[1], '-', 1, true) then return nil, 'not held' end
        local holder, idle, deliveries = lease_of(found[1])
        if holder ~= owner or idle >= lease_timeout then return nil, 'not held' end
        return found[1], tonumber(found[2]) + deliveries
    end
"""

_ENQUEUE = """
    local id, kind, tenant_id, payload = unpack(ARGV, 3)
    if redis.call('EXISTS', job .. id) == 1 then return 0 end
    append(id, kind, tenant_id, payload, 0)
    return 1
"""

_LEASE = """
    local owner, limit = ARGV[3], tonumber(ARGV[4])
    local batch = {}

    local function deliver(entry, fields, deliveries)
        table.insert(batch, {fields[2], fields[4], fields[6], fields[8], tonumber(fields[10]) + deliveries})
    end

    local pending = redis.call('XPENDING', jobs, group, 'IDLE', lease_timeout, '-', '+', 1000)
    for _, each in ipairs(pending) do
        local entry, deliveries = each[1], each[4]
        local fields = redis.call('XRANGE', jobs, entry, entry)[1][2]
        local attempts = tonumber(fields[10]) + deliveries
        if used_up(attempts) then
            finish(fields[2], entry, 'dead', attempts)
        elseif #batch < limit then
            redis.call('XCLAIM', jobs, group, owner, 0, entry)
            deliver(entry, fields, deliveries + 1)
        end
    end
    if #batch < limit then
        local count = limit - #batch
        local read = redis.call('XREADGROUP', 'GROUP', group, owner, 'COUNT', count, 'STREAMS', jobs, '>')
        if read then
            for _, each in ipairs(read[1][2]) do deliver(each[1], each[2], 1) end
        end
    end
    return batch
"""

_COMPLETE = """
    local owner, id = unpack(ARGV, 3)
    local entry, found = held(id, owner)
    if not entry then return found end
    finish(id, entry, 'completed', found)
    return 'held'
"""

_FAIL = """
    local owner, id, message = unpack(ARGV, 3)
    local entry, found = held(id, owner)
    if not entry then return found end
    redis.call('HSET', job .. id, 'message', message)
    if used_up(found) then
        finish(id, entry, 'dead', found)
    else
        local fields = redis.call('XRANGE', jobs, entry, entry)[1][2]
        remove(entry)
        append(id, fields[4], fields[6], fields[8], found)
    end
    return 'held'
"""

_INSPECT = """
    local found = redis.call('HMGET', job .. ARGV[3], 'entry', 'message', 'before')
    local entry, message, before = found[1], found[2], tonumber(found[3])
    if not entry then return nil end
    if not string.find(entry, '-', 1, true) then return {entry, message, before} end
    local holder, idle, deliveries = lease_of(entry)
    if not holder then return {'ready', message, before} end
    local attempts = before + deliveries
    local state = 'leased'
    if idle >= lease_timeout then state = used_up(attempts) and 'dead' or 'ready' end
    return {state, message, attempts}
"""

# To delete a consumer that holds jobs would lose them.
_LEAVE = """
    if #redis.call('XPENDING', jobs, group, '-', '+', 1, ARGV[3]) == 0 then
        redis.call('XGROUP', 'DELCONSUMER', jobs, group, ARGV[3])
    end
"""


class StreamStore:
    """One worker's access to the jobs under a name.

    Args:
        client: Closed by whoever made it. It must neither repeat calls nor decode what it gets.
        name: What the keys begin with.
        lease_timeout: Seconds, in whole milliseconds, after which a lease that was neither completed
            nor failed ends.
        max_attempts: The number of deliveries after which a job that was not completed is dead,
            whether it was failed or its lease expired. `None`: it is delivered without end.

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
    ) -> None:
        settings.check(lease_timeout, max_attempts, 0)
        redis_client.check(client)
        self._keys = [f"{{{name}}}"]
        self._owner = secrets.token_hex(16)
        self._always = (max_attempts or 0, round(lease_timeout * 1000))
        texts = (_ENQUEUE, _LEASE, _COMPLETE, _FAIL, _INSPECT, _LEAVE)
        self._enqueue, self._lease, self._complete, self._fail, self._inspect, self._leave = (
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

        Jobs whose leases have expired come first; those that have had `max_attempts` deliveries are dead.
        """
        if limit <= 0:
            return []
        rows = await self._call(self._lease, self._owner, limit)
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
        _ended(id, await self._call(self._complete, self._owner, id))

    async def fail(self, id: str, message: str) -> None:
        """Record that the attempt failed: the job is ready again, behind all others, or dead.

        Raises:
            JobNotFound: There is no job with this id.
            JobNotLeased: This store object does not hold it, or not any more.
            ValueError: The id or the message can't be encoded as UTF-8.
        """
        _ended(id, await self._call(self._fail, self._owner, id, message))

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

    async def aclose(self) -> None:
        """Leave the group, unless jobs are on lease to this store object, or the connection is broken."""
        with contextlib.suppress(ConnectionError):  # then it stays listed, as after a kill
            await self._call(self._leave, self._owner)

    async def _call(self, script: AsyncScript, *arguments: str | bytes | int) -> object:
        result: object = await script(self._keys, [*self._always, *arguments])
        return result


def _ended(id: str, found: object) -> None:
    if found == b"unknown":
        raise JobNotFound(f"there is no job {id!r}")
    if found != b"held":
        raise JobNotLeased(f"job {id!r} is not on lease to this worker, or not any more")
