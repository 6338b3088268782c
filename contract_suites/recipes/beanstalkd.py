"""A job store on a tube of beanstalkd, for workers on many machines.

`BeanstalkStore` needs greenstalk and the vocabulary of `async_contract.store`. It is synchronous, as
greenstalk is: every worker has a thread or a process for itself, and a store of his own.

- **A lease ends with its connection**, at once, and by default with nothing else: have a supervisor kill
  workers that hang. With a `lease_timeout`, beanstalkd's time to run, it ends after so many whole seconds
  too; but beanstalkd, up to 1.12 at least, now and then forgets that a lease has expired until its worker
  calls again or is gone (its issues 262 and 380), while it has little to do in one of three cases.
- **The server chooses the ids**; `enqueue` gives the id, and takes a job as often as it is told to. A server
  that is started again counts on from the largest id that it still has, so an id may come again.
- `delete`, with which clients say that a job is done, also takes one that is ready again from whoever would
  get it next. So `complete` buries the job first, which only its holder can, with a priority that says that
  it is done. One that was buried and not deleted, and that somebody kicks, is deleted when it comes up.
- A job that has had `max_attempts` deliveries is buried; each `kick` grants it as many more.
- The text of a failure is not kept (log it), and finished jobs are gone.
- A server with a write-ahead log (`-b DIRECTORY`) keeps all jobs when it is killed, but not how often they
  were delivered: it writes that down only when a job is delayed, buried or kicked.
- Nothing is tried again: after an error of the connection nobody knows whether the call took effect. The
  next call makes a new connection.
- There are no passwords: have beanstalkd listen where only your workers are.
- A message has a size limit, 65,535 bytes by default (`-z BYTES`).
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import TypeVar

import greenstalk

from async_contract.store import Job, JobNotLeased
from contract_suites.recipes import settings

MAX_BATCH = 100
"""Each job of a batch is two messages, and with a lease timeout the first one's lease goes on meanwhile."""

_URGENCY = 1 << 16
_DONE = (1 << 32) - 1
"""The priority of what is done and not deleted yet: the last of all."""
_LONGEST = (1 << 32) - 1
"""The longest time to run, which is 136 years."""
_LARGEST = 1 << 64
_T = TypeVar("_T")


class BeanstalkStore:
    """One worker's access to the jobs of a tube, over a connection of its own.

    Args:
        address: The server's host and port.
        tube: Its name.
        lease_timeout: Whole seconds after which a lease on a job that is enqueued here ends. `None`: it
            ends with its connection alone.
        max_attempts: The number of deliveries after which a job that was not completed is buried,
            whether it was failed or its lease expired. `None`: it is delivered without end.
        retry_delay: Whole seconds after a `fail` until the job is ready again.
        timeout: Seconds to wait for an answer of the server.

    Raises:
        ValueError: A duration or `max_attempts` is out of range.
    """

    def __init__(
        self,
        address: tuple[str, int],
        tube: str = "jobs",
        *,
        lease_timeout: int | None = None,
        max_attempts: int | None = 5,
        retry_delay: int = 0,
        timeout: float = 5.0,
    ) -> None:
        ttr = _LONGEST if lease_timeout is None else lease_timeout
        settings.check(ttr, max_attempts, retry_delay)
        for name, value in (("lease_timeout", ttr), ("retry_delay", retry_delay)):
            if not isinstance(value, int):
                raise ValueError(  # noqa: TRY004 - a wrong number, like the others
                    f"{name}={value!r} is no whole number; beanstalkd counts whole seconds"
                )
        self._address = address
        self._tube = tube
        self._ttr = ttr
        self._max_attempts = max_attempts
        self._retry_delay = retry_delay
        self._timeout = timeout
        self._client: greenstalk.Client[bytes] | None = None

    def enqueue(self, job: Job) -> str:
        """Take in a job, whose `id` and `attempts` don't count; gives the id that the server chose.

        Raises:
            ValueError: The kind is empty, a text can't be encoded as UTF-8, or all is too large.
        """
        if not job.kind:
            raise ValueError("kind='': a job needs one; write a non-empty str")
        head = json.dumps([job.kind, job.tenant_id], ensure_ascii=False).encode()
        body = head + b"\n" + job.payload
        try:
            return str(self._call(lambda client: client.put(body, _URGENCY, 0, self._ttr)))
        except greenstalk.JobTooBigError:
            raise ValueError(f"a job of {len(body)} bytes is more than the server takes") from None

    def lease(self, limit: int) -> list[Job]:
        """Put at most `limit` ready jobs, 100 at most, on lease to this connection and deliver them."""
        batch: list[Job] = []
        while len(batch) < min(limit, MAX_BATCH):
            try:
                got = self._call(lambda client: client.reserve(timeout=0))
            except (greenstalk.TimedOutError, greenstalk.DeadlineSoonError):
                break  # the second says that nothing is ready either, and that a lease is nearly over
            job = self._deliver(got)
            if job is not None:
                batch.append(job)
        return batch

    def complete(self, id: str) -> None:
        """Record that the job is done: it is never delivered again.

        Raises:
            JobNotLeased: This connection does not hold it, or not any more.
        """
        job = _named(id)
        self._end_lease(id, lambda client: client.bury(job, _DONE))
        self._call(lambda client: client.delete(job))

    def fail(self, id: str, message: str) -> None:
        """Record that the attempt failed: the job is ready after `retry_delay`, or buried.

        The message is not kept.

        Raises:
            JobNotLeased: This connection does not hold it, or not any more.
        """
        job = _named(id)

        def give_back(client: greenstalk.Client[bytes]) -> None:
            stats = client.stats_job(job)
            if self._used_up(stats["reserves"], stats["kicks"]):
                client.bury(job, _URGENCY)
            else:
                client.release(job, _URGENCY, self._retry_delay)

        self._end_lease(id, give_back)

    def close(self) -> None:
        """Close the connection, which ends its leases; the next call makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _deliver(self, got: greenstalk.Job[bytes]) -> Job | None:
        """The job that was reserved; `None` if it was done before, or had all its deliveries."""
        stats = self._call(lambda client: client.stats_job(got))
        if stats["pri"] == _DONE:
            self._call(lambda client: client.delete(got))
            return None
        if self._used_up(stats["reserves"] - 1, stats["kicks"]):
            self._call(lambda client: client.bury(got, _URGENCY))
            return None
        head, _, payload = got.body.partition(b"\n")
        kind, tenant_id = json.loads(head)
        return Job(str(got.id), kind, tenant_id, payload, stats["reserves"])

    def _used_up(self, deliveries: int, kicks: int) -> bool:
        return self._max_attempts is not None and deliveries >= self._max_attempts * (1 + kicks)

    def _end_lease(self, id: str, how: Callable[[greenstalk.Client[bytes]], None]) -> None:
        try:
            self._call(how)
        except greenstalk.NotFoundError:
            raise JobNotLeased(f"job {id!r} is not on lease to this connection, or not any more") from None

    def _call(self, what: Callable[[greenstalk.Client[bytes]], _T]) -> _T:
        """Make calls; after anything but an answer of the server the connection is of no more use."""
        if self._client is None:
            self._client = self._connect()
        try:
            return what(self._client)
        except greenstalk.BeanstalkdError:
            raise
        except BaseException:
            self.close()
            raise

    def _connect(self) -> greenstalk.Client[bytes]:
        connection = socket.create_connection(self._address, self._timeout)
        client: greenstalk.Client[bytes] = greenstalk.Client(connection, encoding=None)
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.use(self._tube)
            client.watch(self._tube)
            client.ignore("default")
        except BaseException:
            client.close()
            raise
        return client


def _named(id: str) -> greenstalk.Job[bytes]:
    """The job with an id that the server can have chosen, which is a number in its one spelling."""
    if id.isascii() and id.isdigit() and len(id) <= len(str(_LARGEST)):
        number = int(id)
        if str(number) == id and number < _LARGEST:
            return greenstalk.Job(number, b"")
    raise JobNotLeased(f"no job has the id {id!r}; the server's are whole numbers")
