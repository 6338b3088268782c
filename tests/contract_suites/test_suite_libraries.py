"""The adapters of published libraries: what they share, and those libraries that are installed."""

from __future__ import annotations

import importlib.util
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from async_contract.harness.sandbox import Sandbox
from async_contract.harness.target import load
from async_contract.store import Job, JobNotFound, JobNotLeased
from contract_suites.libraries.envelope import Receipts, pack, unpack
from contract_suites.servers.missing import REQUIRED

# Those that need no server, and whose jobs are acknowledged once and for all.
LOCAL = {
    "litequeue": "litequeue",
    "localqueue": "localqueue",
    "pulse_queue": "pulse_queue",
    "kombu:filesystem": "kombu",
    "kombu:memory": "kombu",
}


@pytest.mark.parametrize("payload", [b"", b"text", bytes(range(256))])
@pytest.mark.parametrize("text", ["mail", "\N{SNOWMAN} \0 \n \ud800"])
def test_a_job_comes_out_of_its_envelope_as_it_went_in(text: str, payload: bytes) -> None:
    """Whatever text and bytes it has; what is carried is ASCII on one line."""
    packed = pack(Job("ours", text, text, payload))
    assert packed.isascii()
    assert packed.isprintable()
    assert unpack(packed, "theirs", 3) == Job("theirs", text, text, payload, 3)


def test_the_latest_receipt_of_a_job_is_kept() -> None:
    """Also after the job was ended; without one, the library can't be called."""
    receipts: Receipts[int] = Receipts()
    receipts.keep("a", 1)
    receipts.keep("a", 2)
    assert [receipts.of("a"), receipts.of("a")] == [2, 2]
    with pytest.raises(JobNotLeased, match=r"^job 'b' was never delivered on this connection$"):
        receipts.of("b")


def opened(target: str, tmp_path: Path) -> Any:
    """The store of a library, if it is installed."""
    harness = load(f"contract_suites.libraries.{target if ':' in target else f'{target}:harness'}")
    sandbox = Sandbox("example", tmp_path)
    harness.prepare(sandbox)
    return closing(harness.connect(sandbox))


@pytest.mark.parametrize(("target", "module"), LOCAL.items(), ids=LOCAL)
def test_a_library_leases_and_ends_jobs(target: str, module: str, tmp_path: Path) -> None:
    """A job is delivered, failed, delivered again and completed, and is refused from then on."""
    pytest.importorskip(module)
    with opened(target, tmp_path) as store:
        ours = Job("a", "mail", "acme", b"\0")
        id = store.enqueue(ours) or "a"
        for end, *message in ((store.fail, "boom"), (store.complete,)):
            (job,) = store.lease(2)
            assert (job.id, job.kind, job.tenant_id, job.payload) == (id, "mail", "acme", b"\0")
            assert store.lease(2) == []
            end(id, *message)
        assert store.lease(2) == []
        harness = load(f"contract_suites.libraries.{target if ':' in target else f'{target}:harness'}")
        with pytest.raises(Exception) as refused:  # noqa: PT011 - the harness says what it means
            store.complete(id)
        assert harness.is_rejection(refused.value)
        with pytest.raises(JobNotLeased):
            store.fail("never delivered", "boom")


def test_persist_queue_brings_an_acknowledged_item_back(tmp_path: Path) -> None:
    """The adapter hides it not."""
    pytest.importorskip("persistqueue")
    with opened("persistqueue", tmp_path) as store:
        id = store.enqueue(Job("a", "mail"))
        assert [each.id for each in store.lease(1)] == [id]
        store.complete(id)
        assert store.lease(1) == []
        store.fail(id, "late")
        assert [each.id for each in store.lease(1)] == [id]
        with pytest.raises(JobNotFound):
            store.complete("no number")


@pytest.mark.skipif(importlib.util.find_spec("litequeue") is not None, reason="it is installed")
def test_what_is_not_installed_is_skipped_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing fails, unless backends are required."""
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"to have it: pip install litequeue$"):
        opened("litequeue", tmp_path)
