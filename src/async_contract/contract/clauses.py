"""The catalogue: every clause with its level, its sentence, and how much exercise it needs.

A clause's id is stable and never reused for another meaning. The sentence stands here and in
the contract page that is generated from here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from async_contract.contract.capabilities import Capabilities

CONTRACT_VERSION = 1
"""The version of the contract that this catalogue states."""

Level = Literal["MUST", "SHOULD", "PROMISE"]

_PROMISES: dict[str, Callable[[Capabilities], bool]] = {
    "counts_attempts": lambda c: c.counts_attempts,
    "fifo": lambda c: c.fifo,
    "redelivers=True": lambda c: c.redelivers is True,
    "redelivers=False": lambda c: c.redelivers is False,
    "max_attempts": lambda c: c.max_attempts is not None,
    "lease_timeout": lambda c: c.lease_timeout is not None,
    "fences": lambda c: c.fences,
    "expiry_counts": lambda c: c.expiry_counts,
    "durable": lambda c: c.durable,
    "durable, sharing=process": lambda c: c.durable and c.sharing == "process",
    "redacts": lambda c: False,  # an option of the message suite, not a capability of a store
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One sentence of the contract.

    Attributes:
        id: `family/name`.
        level: `MUST` binds every store, `SHOULD` is reported as a warning, `PROMISE` binds a
            store whose harness declares `capability`.
        sentence: What the store owes.
        counted: What is counted as evidence that the clause was put to the test, in the plural.
        capability: What a harness declares to promise it; empty unless `level` is `PROMISE`.
        minimum: How much evidence a verdict *held* needs.
    """

    id: str
    level: Level
    sentence: str
    counted: str
    capability: str = ""
    minimum: int = 1

    @property
    def family(self) -> str:
        """The part of the id before the slash."""
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        """The part of the id after the slash."""
        return self.id.partition("/")[2]

    def binds(self, capabilities: Capabilities) -> bool:
        """Whether a store with these capabilities owes this clause."""
        return self.level != "PROMISE" or _PROMISES[self.capability](capabilities)


CLAUSES: tuple[Clause, ...] = (
    Clause(
        "lease/accepted", "MUST",
        "a lease with a limit from 1 to 2^31-1 does not fail on a healthy store "
        "(a transient error may be retried)",
        "leases with the limits 1 and 2^31-1",
    ),
    Clause(
        "lease/well-formed", "MUST",
        "a job has a non-empty str id and kind, a str tenant_id, a bytes payload and an int attempts "
        "that is not negative",
        "deliveries",
    ),
    Clause(
        "lease/known", "MUST",
        "only jobs that were enqueued are delivered, under the id they were enqueued with",
        "deliveries",
    ),
    Clause(
        "lease/within-limit", "MUST",
        "at most `limit` jobs are delivered; a limit of zero or less delivers none and puts none on "
        "lease (it may be rejected)",
        "leases with fewer slots than ready jobs",
        minimum=3,
    ),
    Clause(
        "lease/distinct", "MUST",
        "no job stands twice in one batch",
        "batches with room for a job twice",
    ),
    Clause(
        "lease/exclusive", "MUST",
        "a job on lease is delivered to nobody until it is failed or its lease ends; opening or "
        "closing another connection ends no lease",
        "leases while a job was on lease",
    ),
    Clause(
        "lease/faithful", "MUST",
        "kind, tenant_id and payload come back exactly as they were accepted by enqueue: any bytes, "
        "any text",
        "deliveries with uncommon text or bytes",
        minimum=5,
    ),
    Clause(
        "lease/identity", "MUST",
        "ids that differ in any way (case, blanks, Unicode normalization, one a prefix or a SQL "
        "pattern of the other) are different jobs",
        "completes and fails of jobs with a look-alike beside them",
        minimum=3,
    ),
    Clause(
        "lease/snapshot", "MUST",
        "changing a delivered batch or job changes nothing in the store (what can't be changed keeps it)",
        "delivered batches changed by their worker",
    ),
    Clause(
        "lease/empty", "MUST",
        "a store with nothing ready delivers an empty batch, without an error; it may wait for jobs, "
        "within the call's time limit",
        "leases with nothing ready",
        minimum=3,
    ),
    Clause(
        "lease/progress", "MUST",
        "every ready job is delivered in the end: nothing is lost, nothing is stuck",
        "ready jobs that a drained store had delivered",
        minimum=3,
    ),
    Clause(
        "lease/rejected-means-not-done", "MUST",
        "a lease that is rejected put nothing on lease",
        "leases that the store might reject, while a job was ready",
    ),
    Clause(
        "lease/attempts-steady", "MUST",
        "attempts never falls from one delivery of a job to the next",
        "redeliveries",
    ),
    Clause(
        "lease/attempts", "PROMISE",
        "attempts grows strictly from one delivery of a job to the next",
        "redeliveries",
        capability="counts_attempts",
    ),
    Clause(
        "lease/order", "PROMISE",
        "a single consumer receives jobs for the first time in the order they were enqueued",
        "first deliveries to a single consumer",
        capability="fifo",
        minimum=3,
    ),
    Clause(
        "lease/cancelled", "MUST",
        "a lease that its caller cancels loses no job: each is delivered later, at the latest when "
        "its lease expires",
        "cancelled leases",
    ),
    Clause(
        "complete/accepted", "MUST",
        "the holder of a lease can complete the job (a transient error may be retried)",
        "completes by the holder",
    ),
    Clause(
        "complete/final", "MUST",
        "a job that its holder completed is never delivered again",
        "completed jobs that a drained store did not deliver",
    ),
    Clause(
        "complete/only-that-job", "MUST",
        "completing one job changes no other",
        "completes beside other jobs",
    ),
    Clause(
        "complete/unknown-harmless", "MUST",
        "completing an id the store doesn't know changes no job",
        "completes of unknown ids beside other jobs",
    ),
    Clause(
        "complete/unknown-reported", "SHOULD",
        "completing an id the store doesn't know is rejected",
        "completes of unknown ids",
    ),
    Clause(
        "complete/unleased-reported", "SHOULD",
        "completing a job that is not on lease (never leased, failed, completed, dead, expired) is "
        "rejected or takes effect, never silently nothing",
        "completes of jobs that were not on lease",
    ),
    Clause(
        "complete/rejected-means-not-done", "MUST",
        "a complete that is rejected changed nothing",
        "completes that the store might reject",
    ),
    Clause(
        "complete/repeat-harmless", "MUST",
        "completing a job twice leaves it completed and changes no other",
        "completes of completed jobs",
    ),
    Clause(
        "complete/cancelled", "MUST",
        "a complete that is cancelled either happened or did not; the job is never lost and never "
        "half done, and the store works on",
        "cancelled completes",
    ),
    Clause(
        "fail/accepted", "MUST",
        "the holder of a lease can fail the job, with every message that `safe_failure_message` can "
        "produce",
        "fails by the holder",
        minimum=3,
    ),
    Clause(
        "fail/releases", "MUST",
        "a failed job is off lease: delivered again, or dead; never stuck, never completed",
        "failed jobs whose fate was seen",
    ),
    Clause(
        "fail/redelivers", "PROMISE",
        "a failed job is delivered again, within `retry_delay`, unless `max_attempts` is used up",
        "failed jobs with attempts left",
        capability="redelivers=True",
    ),
    Clause(
        "fail/ends", "PROMISE",
        "a failed job is never delivered again",
        "failed jobs that a drained store did not deliver",
        capability="redelivers=False",
    ),
    Clause(
        "fail/max-attempts", "PROMISE",
        "a job failed on its `max_attempts`-th delivery is dead, one failed sooner is not (judged "
        "where none of its leases expired, or `expiry_counts`)",
        "jobs failed on their last delivery",
        capability="max_attempts",
    ),
    Clause(
        "fail/only-that-job", "MUST",
        "failing one job changes no other",
        "fails beside other jobs",
    ),
    Clause(
        "fail/unknown-harmless", "MUST",
        "failing an id the store doesn't know changes no job",
        "fails of unknown ids beside other jobs",
    ),
    Clause(
        "fail/unknown-reported", "SHOULD",
        "failing an id the store doesn't know is rejected",
        "fails of unknown ids",
    ),
    Clause(
        "fail/unleased-reported", "SHOULD",
        "failing a job that is not on lease (never leased, failed, completed, dead, expired) is "
        "rejected or takes effect, never silently nothing",
        "fails of jobs that were not on lease",
    ),
    Clause(
        "fail/after-complete", "MUST",
        "failing a completed job does not bring it back",
        "fails of completed jobs",
    ),
    Clause(
        "fail/rejected-means-not-done", "MUST",
        "a fail that is rejected changed nothing: the holder can fail it again with another message",
        "fails that the store might reject",
    ),
    Clause(
        "fail/message", "MUST",
        "the message recorded is the message given, character for character, for every message that "
        "`safe_failure_message` can produce",
        "messages read back",
        minimum=3,
    ),
    Clause(
        "fail/hostile-message", "MUST",
        "any str as message (1 MiB, NUL, lone surrogate, SQL, newline) is stored, shortened or "
        "refused with an error: no other job changes, and the holder can still fail the job with a "
        "safe one",
        "fails with a hostile message",
        minimum=5,
    ),
    Clause(
        "fail/cancelled", "MUST",
        "a fail that is cancelled either happened or did not; the job is never lost and never half "
        "done, and the store works on",
        "cancelled fails",
    ),
    Clause(
        "expiry/returns", "PROMISE",
        "an unfinished job is delivered again once its lease has expired",
        "expired leases",
        capability="lease_timeout",
    ),
    Clause(
        "expiry/not-early", "PROMISE",
        "an unfinished job is not delivered again before its lease has expired",
        "leases late in the life of another's",
        capability="lease_timeout",
    ),
    Clause(
        "expiry/fenced", "PROMISE",
        "a worker whose lease expired cannot complete or fail the job while another holds it or after "
        "another finished it (needs a connection per worker)",
        "completes and fails by a worker whose lease had expired",
        capability="fences",
        minimum=2,
    ),
    Clause(
        "expiry/max-attempts", "PROMISE",
        "a job is never delivered more than `max_attempts` times, however its leases ended",
        "jobs whose leases all expired",
        capability="expiry_counts",
    ),
    Clause(
        "durable/reopen", "PROMISE",
        "closing and reopening loses no job and no outcome; leases last, or end",
        "jobs in a store that was reopened",
        capability="durable",
        minimum=4,
    ),
    Clause(
        "durable/kill", "PROMISE",
        "killing a worker process at any instant loses no acknowledged job or outcome, and delivers "
        "no job twice at once",
        "killed workers",
        capability="durable, sharing=process",
    ),
    Clause(
        "runner/bounded", "MUST",
        "never more than `concurrency` handlers at once",
        "batches of jobs beyond `concurrency`",
    ),
    Clause(
        "runner/completes", "MUST",
        "a handler that returns is recorded by exactly one complete",
        "handlers that returned",
    ),
    Clause(
        "runner/fails", "MUST",
        "a handler that raises is recorded by exactly one fail with `safe_failure_message`, never by "
        "a complete too",
        "handlers that raised",
    ),
    Clause(
        "runner/survives", "MUST",
        "an error from the handler, from lease, complete or fail, or from the metrics recorder does "
        "not end the runner",
        "errors under the runner",
    ),
    Clause(
        "runner/stops", "MUST",
        "told to stop, it leases no more, waits for the jobs in flight and records their outcome",
        "stops with jobs in flight",
    ),
    Clause(
        "runner/cancelled", "MUST",
        "cancelled, it leaves no job that it leased without a recorded outcome",
        "cancellations with jobs in flight",
    ),
    Clause(
        "runner/no-hoarding", "SHOULD",
        "it leases no more jobs than it has free slots",
        "leases by the runner",
    ),
    Clause(
        "runner/prompt", "SHOULD",
        "while more jobs are ready it does not wait for the poll interval",
        "leases while more jobs were ready",
    ),
    Clause(
        "runner/idle", "SHOULD",
        "while none is ready it leases at most about once per poll interval",
        "poll intervals without a job",
    ),
    Clause(
        "runner/observes", "MUST",
        "every outcome reaches the metrics recorder, with labels that `safe_label` leaves unchanged",
        "outcomes",
    ),
    Clause(
        "runner/discreet", "MUST",
        "no payload and no error text reaches a log record",
        "log records",
    ),
    Clause(
        "label/total", "MUST",
        "any str gives a str; nothing raises (lone surrogates, 10 MiB, NUL)",
        "inputs",
    ),
    Clause(
        "label/bounded", "MUST",
        "1 to 64 characters out of `a-z 0-9 _ - .`",
        "inputs",
    ),
    Clause(
        "label/blank", "MUST",
        "what `str.strip()` empties gives `unknown`",
        "blank inputs",
    ),
    Clause(
        "label/stable", "MUST",
        "a safe label is left as it is; the same input gives the same label, in another process too",
        "labels given again",
    ),
    Clause(
        "label/folds", "MUST",
        "ASCII case and surrounding ASCII blanks make no difference",
        "inputs in two spellings",
    ),
    Clause(
        "label/linear", "SHOULD",
        "time grows no faster than the input",
        "sizes",
    ),
    Clause(
        "message/total", "MUST",
        "any exception gives a str: one whose `__str__` raises an Exception, returns a non-str or "
        "10 MiB, exception groups, chains; `None` gives the empty string",
        "exceptions",
    ),
    Clause(
        "message/bounded", "MUST",
        "at most 256 characters (code points), always encodable as UTF-8 (so never cut inside a "
        "character)",
        "exceptions",
    ),
    Clause(
        "message/one-line", "MUST",
        "no line break, tab or control character of any kind (C0, DEL, C1, U+2028, U+2029)",
        "exceptions with control characters",
    ),
    Clause(
        "message/inert", "SHOULD",
        "no bidirectional control (U+061C, U+200E/F, U+202A-E, U+2066-9), which makes a log line "
        "read otherwise; joiners in emoji may stay",
        "exceptions with bidirectional controls",
    ),
    Clause(
        "message/never-empty", "MUST",
        "an exception with nothing to say, or nothing but blanks, gives a fixed text",
        "exceptions with nothing to say",
    ),
    Clause(
        "message/stable", "MUST",
        "applied to an exception that says a safe message, it gives that message again",
        "messages given again",
    ),
    Clause(
        "message/keeps", "MUST",
        "a clean message without surrounding blanks, up to 200 ASCII characters, is kept whole",
        "clean messages",
    ),
    Clause(
        "message/linear", "SHOULD",
        "time grows no faster than the input",
        "sizes",
    ),
    Clause(
        "message/redacts", "PROMISE",
        "secrets and personal data of the usual shapes (tokens, passwords in URLs, card numbers, "
        "e-mail addresses) do not come through",
        "exceptions with secrets",
        capability="redacts",
    ),
)  # fmt: skip
"""Every clause of the contract, in its order."""

CLAUSE: dict[str, Clause] = {clause.id: clause for clause in CLAUSES}
"""The clauses by id."""

STORE_FAMILIES = ("lease", "complete", "fail", "expiry", "durable")
"""The families that a store owes; the others are owed by a runner and by sanitizers."""

STORE_CLAUSES = tuple(clause for clause in CLAUSES if clause.family in STORE_FAMILIES)
"""The clauses that a store owes."""
