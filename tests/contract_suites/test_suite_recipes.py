"""What the stores on servers promise beyond the contract."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

import pytest

from async_contract.harness.calls import dispose, prepare
from async_contract.harness.connection import open_store
from async_contract.harness.sandbox import Sandbox, Sandboxes
from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord
from contract_suites import beanstalkd, nats, postgres, valkey, valkey_streams
from contract_suites.recipes import settings
from contract_suites.servers import beanstalkd as beanstalkd_server
from contract_suites.servers import nats as nats_server
from contract_suites.servers import postgres as postgres_server
from contract_suites.servers import valkey as valkey_server

SUITES: dict[str, Any] = {
    "postgres": postgres, "valkey": valkey, "valkey_streams": valkey_streams, "nats": nats,
    "beanstalkd": beanstalkd,
}  # fmt: skip
SERVERS: dict[str, Any] = {
    "postgres": postgres_server, "valkey": valkey_server,
    "valkey_streams": valkey_server, "nats": nats_server, "beanstalkd": beanstalkd_server,
}  # fmt: skip
IDS = pytest.mark.parametrize("name", ["postgres", "valkey", "valkey_streams", "nats"])
RECORDING = pytest.mark.parametrize("name", ["postgres", "valkey", "valkey_streams"])

Story = Callable[[Any, Sandbox], Awaitable[None]]


def use(name: str, story: Story) -> None:
    """Has a story happen with a store in a sandbox of its own; skipped where something is not installed."""
    harness = SUITES[name].harness_at(SERVERS[name].url, lease_timeout=600.0)

    async def told() -> None:
        with Sandboxes() as sandboxes:
            sandbox = sandboxes.new(harness)
            await prepare(harness, sandbox)
            try:
                connection = await open_store(harness, sandbox)
                try:
                    await story(connection.store, sandbox)
                finally:
                    await connection.close()
            finally:
                await dispose(harness, sandbox)

    asyncio.run(told())


@IDS
def test_an_id_is_taken_once(name: str) -> None:
    """Whoever enqueues a job again is told, also when it is on lease and when it is done."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        await store.enqueue(Job("a", "kind"))
        for method, argument in (("lease", 1), ("complete", "a"), ("lease", 1)):
            with pytest.raises(JobExists, match=r"^job 'a' was enqueued before$"):
                await store.enqueue(Job("a", "another"))
            await getattr(store, method)(argument)

    use(name, story)


@IDS
def test_what_is_no_job_is_refused(name: str) -> None:
    """Without an id or a kind it is none; nor can a lone surrogate be stored. Nothing is left of it."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        for job in (Job("", "kind"), Job("a", "")):
            with pytest.raises(ValueError, match="a job needs both; write a non-empty str"):
                await store.enqueue(job)
        for job in (Job("\ud800", "kind"), Job("a", "\ud800"), Job("a", "kind", "\ud800")):
            with pytest.raises(ValueError, match="surrogates not allowed"):
                await store.enqueue(job)
        assert await store.lease(9) == []
        await store.enqueue(Job("a", "kind"))
        assert await store.lease(9) == [Job("a", "kind", attempts=1)]

    use(name, story)


@IDS
def test_who_does_not_hold_a_job_can_not_end_it(name: str) -> None:
    """An id that nobody knows and a job that is not on lease are told apart where the store keeps records."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        await store.enqueue(Job("ready", "kind"))
        for call in (store.complete, lambda job_id: store.fail(job_id, "message")):
            with pytest.raises(JobNotLeased if name == "nats" else JobNotFound, match="'nobody'"):
                await call("nobody")
            with pytest.raises(JobNotLeased, match=r"^job 'ready' is not on lease to this worker, or "):
                await call("ready")

    use(name, story)


@RECORDING
def test_a_record_says_what_became_of_a_job(name: str) -> None:
    """Its state, the message of the latest fail, and how often it was delivered; the third fail ends it."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        await store.enqueue(Job("a", "kind"))
        seen = [await store.inspect("nobody"), await store.inspect("a")]
        for attempt in (1, 2, 3):
            while not await store.lease(1):
                await sandbox.sleep(0.01)
            seen.append(await store.inspect("a"))
            await store.fail("a", f"message {attempt}")
            seen.append(await store.inspect("a"))
        assert seen == [
            None,
            JobRecord("ready", None, 0),
            JobRecord("leased", None, 1),
            JobRecord("ready", "message 1", 1),
            JobRecord("leased", "message 1", 2),
            JobRecord("ready", "message 2", 2),
            JobRecord("leased", "message 2", 3),
            JobRecord("dead", "message 3", 3),
        ]

    use(name, story)


def test_postgres_says_what_its_text_can_not_hold() -> None:
    """A NUL, and an id that is too long for an index, are refused before the server is asked."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        with pytest.raises(
            ValueError, match=r"^a NUL in the kind 'a\\x00b'; PostgreSQL's text can't hold it$"
        ):
            await store.enqueue(Job("a", "a\0b"))
        with pytest.raises(ValueError, match=r"^an id of 2001 bytes; write at most 2000$"):
            await store.enqueue(Job("ä" * 1000 + "b", "kind"))
        await store.enqueue(Job("ä" * 1000, "kind"))
        with pytest.raises(ValueError, match="a NUL in the id"):
            await store.inspect("\0")
        await store.lease(1)
        with pytest.raises(ValueError, match="a NUL in the message"):
            await store.fail("ä" * 1000, "\0")
        await store.complete("ä" * 1000)

    use("postgres", story)


def test_a_client_that_repeats_calls_is_refused() -> None:
    """That is redis-py's default; the message says what to write."""
    redis = pytest.importorskip("redis.asyncio")
    from contract_suites.recipes.valkey import ValkeyStore  # noqa: PLC0415
    from contract_suites.recipes.valkey_streams import StreamStore  # noqa: PLC0415

    for store in (ValkeyStore, StreamStore):
        with pytest.raises(
            ValueError, match=r"write Redis\.from_url\(URL, retry=Retry\(NoBackoff\(\), 0\)\)$"
        ):
            store(redis.Redis())


def test_valkey_forgets_a_finished_job_when_it_is_told_to() -> None:
    """After `keep` seconds its id is unknown; a job that is not finished is kept."""

    async def story(_: Any, sandbox: Sandbox) -> None:
        from contract_suites.recipes.valkey import ValkeyStore  # noqa: PLC0415

        async with valkey.client(sandbox) as client:
            store = ValkeyStore(client, sandbox.name, max_attempts=1, keep=0.001)
            for id in ("completed", "dead", "leased", "ready"):
                await store.enqueue(Job(id, "kind"))
            await store.lease(3)
            await store.complete("completed")
            await store.fail("dead", "message")
            for id in ("completed", "dead"):
                while await store.inspect(id) is not None:
                    await sandbox.sleep(0.001)
            states = [await store.inspect(id) for id in ("leased", "ready")]
            assert states == [JobRecord("leased", None, 1), JobRecord("ready", None, 0)]

    use("valkey", story)


def test_a_consumer_leaves_its_group_unless_it_holds_jobs() -> None:
    """Removed with its jobs, it would take them along."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        async def consumers() -> int:
            async with valkey.client(sandbox) as client:
                found = await client.xinfo_consumers(f"{{{sandbox.name}}}:jobs", "workers")
                return len(found)

        await store.enqueue(Job("a", "kind"))
        await store.lease(1)
        counts = [await consumers()]
        await store.aclose()
        counts.append(await consumers())
        await store.complete("a")
        await store.aclose()
        counts.append(await consumers())
        assert counts == [1, 1, 0]

    use("valkey_streams", story)


def test_nats_refuses_what_is_too_large() -> None:
    """The limit is the server's, for the payload and all headers; a job of just that size is taken."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        most, overhead = 1 << 20, 69
        with pytest.raises(ValueError, match=rf"^job 'a' needs {most + 1} bytes; the server takes {most}$"):
            await store.enqueue(Job("a", "kind", payload=bytes(most - overhead + 1)))
        assert await store.lease(1) == []
        largest = Job("a", "kind", payload=bytes(most - overhead), attempts=1)
        await store.enqueue(largest)
        assert await store.lease(1) == [largest]

    use("nats", story)


def test_beanstalkd_refuses_what_is_no_job_or_too_large() -> None:
    """A job needs a kind and text; the server's limit is for kind, tenant and payload together."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        with pytest.raises(ValueError, match=r"^kind='': a job needs one; write a non-empty str$"):
            store.enqueue(Job("a", ""))
        for job in (Job("a", "\ud800"), Job("a", "kind", "\ud800")):
            with pytest.raises(ValueError, match="surrogates not allowed"):
                store.enqueue(job)
        most, overhead = 65_535, len('["kind", ""]\n')
        with pytest.raises(ValueError, match=rf"^a job of {most + 1} bytes is more than the server takes$"):
            store.enqueue(Job("a", "kind", payload=bytes(most - overhead + 1)))
        assert store.lease(1) == []
        largest = Job("a", "kind", payload=bytes(most - overhead), attempts=1)
        id = store.enqueue(largest)
        assert store.lease(1) == [replace(largest, id=id)]

    use("beanstalkd", story)


def test_beanstalkd_knows_only_its_own_numbers() -> None:
    """Another spelling of one, and what is none, is an id that nobody holds; so is a job that is ready."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        id = store.enqueue(Job("a", "kind"))
        for call in (store.complete, lambda other: store.fail(other, "message")):
            for other in (
                "nobody",
                "",
                f" {id}",
                f"0{id}",
                f"+{id}",
                f"{id}.0",
                "\N{ARABIC-INDIC DIGIT ONE}",
            ):
                with pytest.raises(JobNotLeased, match=r"; the server's are whole numbers$"):
                    call(other)
            for number in (2**64, 10**30):
                with pytest.raises(JobNotLeased, match=r"; the server's are whole numbers$"):
                    call(str(number))
            for other in (id, str(2**64 - 1)):
                with pytest.raises(
                    JobNotLeased, match=r"is not on lease to this connection, or not any more$"
                ):
                    call(other)
        assert store.lease(1) == [Job(id, "kind", attempts=1)]

    use("beanstalkd", story)


def test_beanstalkd_gives_a_kicked_job_as_many_deliveries_again() -> None:
    """Dead is buried, after three deliveries; what is done is not done again, though it was only buried."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        greenstalk = pytest.importorskip("greenstalk")

        def deliver() -> list[int]:
            seen = []
            while jobs := store.lease(1):
                seen += [job.attempts for job in jobs]
                store.fail(id, "boom")
            return seen

        id = store.enqueue(Job("a", "kind"))
        with greenstalk.Client(beanstalkd.address(sandbox), use=sandbox.name, watch=sandbox.name) as client:
            seen = [deliver()]
            client.kick(1)
            seen.append(deliver())
            client.kick(1)
            assert store.lease(1) == [Job(id, "kind", attempts=7)]
            store._call(lambda own: own.bury(greenstalk.Job(int(id), b""), 2**32 - 1))  # and is killed then
            client.kick(1)
            assert store.lease(1) == []
            with pytest.raises(greenstalk.NotFoundError):
                client.peek(int(id))
        assert seen == [[1, 2, 3], [4, 5, 6]]

    use("beanstalkd", story)


def test_beanstalkd_counts_an_expired_lease_and_has_whole_seconds() -> None:
    """A job whose last lease expired is buried when it comes up; other durations are refused."""

    async def story(_: Any, sandbox: Sandbox) -> None:
        from contract_suites.recipes.beanstalkd import BeanstalkStore  # noqa: PLC0415

        where = beanstalkd.address(sandbox)
        for name in ("lease_timeout", "retry_delay"):
            with pytest.raises(ValueError, match=rf"^{name}=1.5 is no whole number; beanstalkd counts whole"):
                BeanstalkStore(where, sandbox.name, **cast("dict[str, Any]", {name: 1.5}))
        with (
            closing(BeanstalkStore(where, sandbox.name, max_attempts=1)) as store,
            closing(BeanstalkStore(where, sandbox.name, max_attempts=1, retry_delay=1)) as patient,
        ):
            id = store.enqueue(Job("a", "kind"))
            assert [job.id for job in store.lease(1)] == [id]
            store.close()  # which ends the lease
            while patient._call(lambda client: client.stats_job(int(id)))["state"] != "ready":
                await sandbox.sleep(0.001)
            assert patient.lease(1) == []
            assert patient._call(lambda client: client.stats_job(int(id)))["state"] == "buried"
            another = store.enqueue(Job("b", "kind"))
            forever = BeanstalkStore(where, sandbox.name, max_attempts=None, retry_delay=1)
            with closing(forever):
                assert [job.id for job in forever.lease(9)] == [another]
                forever.fail(another, "boom")
                assert forever._call(lambda client: client.stats_job(int(another)))["state"] == "delayed"

    use("beanstalkd", story)


def test_beanstalkd_makes_a_new_connection_after_an_error() -> None:
    """One that was refused is no error of the connection; one that was broken is of no use any more."""

    async def story(store: Any, sandbox: Sandbox) -> None:
        store.enqueue(Job("a", "kind"))
        first = store._client
        with pytest.raises(JobNotLeased):
            store.complete("4711")
        assert store._client is first
        first._sock.shutdown(2)
        with pytest.raises(BrokenPipeError):
            store.lease(1)
        assert store._client is None
        assert len(store.lease(1)) == 1

    use("beanstalkd", story)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, None, 0), "lease_timeout=0 is not positive; write seconds above 0"),
        ((float("nan"), None, 0), "lease_timeout=nan is not positive; write seconds above 0"),
        ((1, 0, 0), "max_attempts=0 is less than 1; write 1 or more, or None"),
        ((1, 1, -1), "retry_delay=-1 is negative; write seconds, 0 or more"),
    ],
)
def test_settings_that_mean_nothing_are_refused(values: Any, message: str) -> None:
    """What was seen, and what to write."""
    settings.check(1, None, 0)
    with pytest.raises(ValueError, match="^" + message + "$"):
        settings.check(*values)


def test_the_harnesses_ask_for_servers_of_their_own() -> None:
    """Each is for the server of its kind, and processes share what is on it."""
    urls = (postgres_server.url, valkey_server.url, nats_server.url, beanstalkd_server.url)
    assert len({url.__self__ for url in urls}) == 4  # type: ignore[attr-defined]
    assert {suite.harness.capabilities.sharing for suite in SUITES.values()} == {"process"}
