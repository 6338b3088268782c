"""Sandboxes: names, directories and the two kinds of time."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from pathlib import Path

import pytest

from async_contract.harness import sandbox as sandboxes
from async_contract.harness.harness import StoreHarness
from async_contract.harness.sandbox import Sandbox, Sandboxes


def test_a_virtual_clock_starts_at_1000_and_moves_only_when_told(sandbox: Sandbox) -> None:
    """The virtual time is 1000 seconds at first, and `advance` adds to it to the nanosecond."""
    before = sandbox.clock(), sandbox.now_ns()
    for _ in range(10):
        sandbox.advance(0.1)

    assert before == (1000.0, 1_000_000_000_000)
    assert (sandbox.clock(), sandbox.now_ns()) == (1001.0, 1_001_000_000_000)


def test_virtual_sleep_advances_the_clock_and_lets_others_run_once(sandbox: Sandbox) -> None:
    """A virtual sleep of a minute takes one turn of the loop, and a negative one no time."""
    seen: list[float] = []

    async def other() -> None:
        seen.append(sandbox.clock())

    async def main() -> None:
        task = asyncio.ensure_future(other())
        await sandbox.sleep(60)
        seen.append(sandbox.clock())
        await sandbox.sleep(-1)
        seen.append(sandbox.clock())
        await task

    asyncio.run(main())

    assert seen == [1060.0, 1060.0, 1060.0]


def test_a_virtual_clock_is_never_put_back(sandbox: Sandbox) -> None:
    """A negative `advance` is refused and changes nothing."""
    with pytest.raises(ValueError, match="would put the clock back") as caught:
        sandbox.advance(-1)

    assert str(caught.value) == "advance(-1) would put the clock back; write seconds, 0 or more"
    assert sandbox.clock() == 1000.0


def test_a_virtual_clock_is_put_forward_to_an_instant(sandbox: Sandbox) -> None:
    """`advance_to` is exact to the nanosecond, may stand still, and refuses to go back."""
    sandbox.advance_to(1_000_000_000_001)
    sandbox.advance_to(1_000_000_000_001)
    with pytest.raises(ValueError, match="would put the clock back") as caught:
        sandbox.advance_to(1_000_000_000_000)

    assert sandbox.now_ns() == 1_000_000_000_001
    assert str(caught.value) == ("advance_to(1000000000000) would put the clock back; it shows 1000000000001")


def test_on_a_loop_that_keeps_its_time_a_virtual_sleep_is_a_timer(sandbox: Sandbox) -> None:
    """A loop whose `clock` is the sandbox advances it itself, when nobody has anything else to do."""
    seen: list[float] = []

    class Loop(asyncio.SelectorEventLoop):
        clock = sandbox

    async def main() -> None:
        task = asyncio.ensure_future(sandbox.sleep(60))
        await asyncio.sleep(0)
        seen.append(sandbox.clock())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())

    assert seen == [1000.0]
    assert sandbox.clock() == 1000.0


def test_a_real_sandbox_shows_the_real_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real time comes from `time.time` and `time.monotonic_ns`."""
    monkeypatch.setattr(time, "time", lambda: 17.5)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 42)
    real = Sandbox("ac_real", tmp_path)

    assert (real.virtual, real.clock(), real.now_ns()) == (False, 17.5, 42)


def test_a_real_sandbox_sleeps_in_asyncio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real sleep is left to asyncio, for as long as asked."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    asyncio.run(Sandbox("ac_real", tmp_path).sleep(2.5))

    assert slept == [2.5]


class Blank:
    """An event loop that shows nothing of what waits on it."""


@pytest.mark.parametrize(("shows", "turns"), [(True, 0), (False, 1)])
def test_a_turn_is_given_unless_nobody_can_want_it(
    *, shows: bool, turns: int, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On asyncio's own loops a virtual sleep beside which nothing waits is over at once."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def main() -> None:
        if not shows:
            patched.setattr(asyncio, "get_running_loop", Blank)
        await sandbox.sleep(60)

    with asyncio.Runner() as runner, monkeypatch.context() as patched:
        patched.setattr(asyncio, "sleep", sleep)
        runner.run(main())
    assert (sandbox.clock(), slept) == (1060.0, [0] * turns)


def test_real_time_is_not_advanced(tmp_path: Path) -> None:
    """`advance` and `advance_to` of real time are refused, with what to write instead."""
    real = Sandbox("ac_real", tmp_path)
    with pytest.raises(RuntimeError) as caught:
        real.advance(1)
    with pytest.raises(RuntimeError) as caught_too:
        real.advance_to(0)

    assert (
        str(caught_too.value)
        == str(caught.value)
        == (
            "the sandbox ac_real keeps real time, which can't be advanced; write "
            "`await sandbox.sleep(seconds)`, or declare virtual_time=True in the harness"
        )
    )


def test_sandboxes_have_names_of_their_own_in_all_factories_of_a_process() -> None:
    """No two sandboxes share a name, and a name is safe as an identifier nearly everywhere."""
    harness = StoreHarness(object)
    with Sandboxes() as first, Sandboxes() as second:
        names = [each.new(harness).name for each in (first, second, first, second)]

    assert len(set(names)) == 4
    assert [name for name in names if not re.fullmatch(r"ac_[0-9]+_[0-9]+", name)] == []
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9_]{,39}", name)] == []


def test_sandboxes_are_in_memory_if_they_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless somebody says where temporary files are to be, or there is no such place."""
    monkeypatch.setattr(sandboxes, "_MEMORY", tmp_path)
    monkeypatch.delenv("TMPDIR", raising=False)
    assert Sandboxes().root.parent == tmp_path
    monkeypatch.setenv("TMPDIR", "elsewhere")
    assert Sandboxes().root.parent == Path(tempfile.gettempdir())
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setattr(sandboxes, "_MEMORY", tmp_path / "missing")
    assert Sandboxes().root.parent == Path(tempfile.gettempdir())


def test_a_sandbox_keeps_the_time_that_its_harness_declares() -> None:
    """`virtual_time` of the harness decides whether the sandbox is virtual."""
    with Sandboxes() as sandboxes:
        kinds = [sandboxes.new(StoreHarness(object, virtual_time=each)).virtual for each in (False, True)]

    assert kinds == [False, True]


def test_the_directory_is_empty_at_first_and_gone_after_the_run() -> None:
    """Every sandbox has its own empty directory, and the factory removes them all with what is in them."""
    with Sandboxes() as sandboxes:
        first, second = (sandboxes.new(StoreHarness(object)) for _ in range(2))
        (first.path / "jobs.db").write_text("job")
        kept = first.path
        found = [[each.name for each in sandbox.path.iterdir()] for sandbox in (first, second)]

    assert found == [["jobs.db"], []]
    assert not kept.parent.exists()
