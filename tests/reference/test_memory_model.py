"""The reference store agrees with the plainest possible account of the same jobs."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from async_contract.reference.memory import MemoryStore
from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased

T = TypeVar("T")


def _do(call: Coroutine[Any, Any, T]) -> T:
    with pytest.raises(StopIteration) as end:
        call.send(None)
    return cast("T", end.value.value)


def _job(job_id: str, attempts: int = 0) -> Job:
    return Job(job_id, "mail", attempts=attempts)


_IDS = st.sampled_from("abcd")


class StoreBesideADict(RuleBasedStateMachine):
    """The same calls change the store and a dict of states, which is searched from end to end."""

    TIMEOUT, DELAY, MOST = 10.0, 4.0, 3

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.store = MemoryStore(
            lease_timeout=self.TIMEOUT, retry_delay=self.DELAY, max_attempts=self.MOST, clock=lambda: self.now
        )
        self.state: dict[str, str] = {}
        self.attempts: dict[str, int] = {}
        self.until: dict[str, float] = {}

    @rule(job_id=_IDS)
    def enqueue(self, job_id: str) -> None:
        """An id is taken in once."""
        if job_id in self.state:
            with pytest.raises(JobExists):
                _do(self.store.enqueue(_job(job_id)))
        else:
            _do(self.store.enqueue(_job(job_id)))
            self.state[job_id], self.attempts[job_id], self.until[job_id] = "ready", 0, 0.0

    @rule(limit=st.integers(0, 3))
    def lease(self, limit: int) -> None:
        """As many ready jobs as there are, up to the limit, are delivered with their numbers."""
        ready = [
            job_id
            for job_id, state in self.state.items()
            if state == "ready" and self.until[job_id] <= self.now
        ]
        batch = _do(self.store.lease(limit))
        assert len(batch) == min(limit, len(ready))
        for job in batch:
            assert job.id in ready
            ready.remove(job.id)
            self.attempts[job.id] += 1
            assert job == _job(job.id, attempts=self.attempts[job.id])
            self.state[job.id], self.until[job.id] = "leased", self.now + self.TIMEOUT

    @rule(job_id=_IDS, completes=st.booleans())
    def end(self, job_id: str, *, completes: bool) -> None:
        """The holder's complete or fail has its effect; without a lease it is refused."""
        call = self.store.complete(job_id) if completes else self.store.fail(job_id, "no")
        if self.state.get(job_id) != "leased":
            with pytest.raises(JobNotLeased if job_id in self.state else JobNotFound):
                _do(call)
            return
        _do(call)
        if completes:
            self.state[job_id] = "completed"
        elif self.attempts[job_id] >= self.MOST:
            self.state[job_id] = "dead"
        else:
            self.state[job_id], self.until[job_id] = "ready", self.now + self.DELAY

    @rule(seconds=st.sampled_from([1.0, 4.0, 10.0]))
    def wait(self, seconds: float) -> None:
        """Leases end when their timeout has passed."""
        self.now += seconds
        for job_id, state in self.state.items():
            if state == "leased" and self.until[job_id] <= self.now:
                self.state[job_id] = "dead" if self.attempts[job_id] >= self.MOST else "ready"

    @invariant()
    def agrees(self) -> None:
        """Every job is in the state, and has had the deliveries, that the dict says."""
        records = {job_id: _do(self.store.inspect(job_id)) for job_id in "abcd"}
        seen = {
            job_id: (record.state, record.attempts)
            for job_id, record in records.items()
            if record is not None
        }
        assert seen == {job_id: (self.state[job_id], self.attempts[job_id]) for job_id in self.state}


TestModel = StoreBesideADict.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
