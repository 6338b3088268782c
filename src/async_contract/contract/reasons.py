"""Why a clause is one, and how a store that breaks it is usually mended."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Reason(NamedTuple):
    """What there is to say of a clause beyond its sentence.

    Attributes:
        why: What goes wrong for those who use a store that breaks it.
        mend: What is usually done about it.
    """

    why: str
    mend: str


_RUNNERS = "A runner that loses control of one job, or of its own loop, takes all others with it."
_LABELS = (
    "A label becomes the name of a time series: what is not bounded and stable makes metrics "
    "unusable or dear."
)
_MESSAGES = "A failure message is stored, logged and shown by programs that nobody here knows."

REASONS: Mapping[str, Reason] = MappingProxyType({
    "lease/accepted": Reason(
        "A worker that asks for work and gets an error either stops or tries for ever; both look like"
        " an outage.",
        "Take any limit up to 2^31-1: cap it at what the backend allows and deliver fewer jobs.",
    ),
    "lease/well-formed": Reason(
        "Workers route by kind, count attempts and decode the payload; a dict, a memoryview or None "
        "breaks them in places far from the store.",
        "Convert every column once, where a row becomes a job: str, bytes and int, nothing of the "
        "driver's own.",
    ),
    "lease/known": Reason(
        "A worker completes what it was given by its id. An id that nobody enqueued can't be traced, "
        "and its work is done for nobody.",
        "Deliver the id that was enqueued, keep the backend's own key apart, and insert nothing but "
        "in enqueue.",
    ),
    "lease/within-limit": Reason(
        "The limit is the room that a worker has. What is delivered beyond it waits, while its lease "
        "runs out.",
        "Put the limit into the query that takes the jobs, and return at once for zero or less.",
    ),
    "lease/distinct": Reason(
        "A worker runs the jobs of a batch side by side: one that stands there twice is run twice at "
        "once.",
        "Select from the table of jobs alone, or make the rows distinct; never queue one job in two "
        "places.",
    ),
    "lease/exclusive": Reason(
        "Two workers on one job send the mail twice, charge twice, or overwrite each other: what a "
        "store is for.",
        "Choose and mark in one atomic step: UPDATE ... RETURNING, SELECT ... FOR UPDATE SKIP LOCKED,"
        " one transaction that locks, a script in the server; in one process, no await between "
        "looking and marking.",
    ),
    "lease/faithful": Reason(
        "A payload that is changed on its way fails to decode, or decodes to something else.",
        "Store the payload as bytes (BLOB, bytea) and texts in a column without padding, collation or"
        " length limit.",
    ),
    "lease/identity": Reason(
        "Where two ids are taken for one, completing a job ends another that is never run.",
        "Compare ids byte by byte: a binary collation, =, never LIKE, no strip, no lower, no normal "
        "form.",
    ),
    "lease/snapshot": Reason(
        "A handler that edits its job would edit the store, without a lock and without an outcome.",
        "Deliver copies, or values that can't be changed, in a fresh list.",
    ),
    "lease/empty": Reason(
        "Having nothing to do is the usual state of a queue; an error there fills the logs and backs "
        "workers off.",
        "Return an empty sequence, and translate the backend's own error for an empty queue into it.",
    ),
    "lease/progress": Reason(
        "A job that is acknowledged and never comes is lost, and nobody is told.",
        "Look for the filter that hides it: a join, a position that has moved, a full batch that is "
        "waited for.",
    ),
    "lease/rejected-means-not-done": Reason(
        "Who is refused has nothing to complete: what was put on lease for him is stuck.",
        "Check the arguments before anything is changed, or roll back when a lease is refused.",
    ),
    "lease/attempts-steady": Reason(
        "Workers give up by the number of attempts; one that falls lets a poisonous job run for ever.",
        "Keep one counter per job that is only ever increased, in the row that is put on lease.",
    ),
    "lease/attempts": Reason(
        "Who relies on the count to tell the first delivery from a later one is told wrong.",
        "Add one in the statement that puts the job on lease, whatever became of the lease before.",
    ),
    "lease/order": Reason(
        "Who relies on order applies an older change after a newer one.",
        "Order by a sequence that the backend gives out, not by time, id or kind; deliver in that "
        "order.",
    ),
    "lease/cancelled": Reason(
        "Workers are cancelled at every deployment. What had left the queue, and reached nobody, is "
        "lost.",
        "Take and mark in one step that is done or not; put back what was taken when CancelledError "
        "comes, and release locks and connections in finally.",
    ),
    "complete/accepted": Reason(
        "Who has done the work and can't say so will see it done again.",
        "Accept a complete from whoever holds the lease, in any order, for any delivery.",
    ),
    "complete/final": Reason(
        "What was done once is done again, with all its effects.",
        "Delete or mark the row in the same step that ends the lease, and cancel whatever would "
        "return it.",
    ),
    "complete/only-that-job": Reason(
        "Another job is silently taken for done, or is run by two.",
        "Name the one job in the WHERE clause; know what your broker's acknowledgement covers.",
    ),
    "complete/unknown-harmless": Reason(
        "A late or mistaken call must not end the work of others.",
        "Look the id up first and change nothing where there is none; never fall back to 'the current"
        " job'.",
    ),
    "complete/unknown-reported": Reason(
        "Silence hides that a worker and its store do not speak of the same jobs.",
        "Look at the number of changed rows, and raise JobNotFound where it is zero.",
    ),
    "complete/unleased-reported": Reason(
        "A worker whose complete did nothing believes that the job is done, while another will run "
        "it.",
        "Look at the number of changed rows, and raise JobNotLeased where it is zero.",
    ),
    "complete/rejected-means-not-done": Reason(
        "An error after the effect makes the caller try something else, on a job that is done.",
        "Check who holds the job before anything is changed, in the same transaction.",
    ),
    "complete/repeat-harmless": Reason(
        "A complete is repeated whenever its answer is lost; the second must not undo the first.",
        "Make it depend on the state: a job that is completed stays so, with or without an error.",
    ),
    "complete/cancelled": Reason(
        "A worker that is stopped while it completes must leave the job done or still on lease.",
        "One atomic statement; no await between two halves; locks released in finally.",
    ),
    "fail/accepted": Reason(
        "A failure that can't be recorded leaves the job on lease, and its reason unknown.",
        "Bind the message as a parameter, in a column for any text of 256 characters.",
    ),
    "fail/releases": Reason(
        "A failed job that stays on lease, or counts as done, is never tried again.",
        "End the lease in the statement that records the failure.",
    ),
    "fail/redelivers": Reason(
        "Who was promised a retry waits for it in vain, or too long.",
        "Make the job ready at a time that lies within retry_delay, and let lease look at it.",
    ),
    "fail/ends": Reason(
        "Who was promised that a failure is final sees the work done again.",
        "Mark the job dead in fail, and stop the timer that would return it.",
    ),
    "fail/max-attempts": Reason(
        "A poisonous job blocks the workers for ever, or one with a passing error is given up too "
        "soon.",
        "Compare the job's own deliveries with max_attempts in fail, counting the present one.",
    ),
    "fail/only-that-job": Reason(
        "The failure of one job ends or releases the work of another.",
        "Name the one job in the WHERE clause, not its kind, worker or position.",
    ),
    "fail/unknown-harmless": Reason(
        "A late or mistaken call must not end the work of others.",
        "Look the id up first and change nothing where there is none.",
    ),
    "fail/unknown-reported": Reason(
        "Silence hides that a worker and its store do not speak of the same jobs.",
        "Look at the number of changed rows, and raise JobNotFound where it is zero.",
    ),
    "fail/unleased-reported": Reason(
        "A worker whose fail did nothing believes that there will be another attempt.",
        "Look at the number of changed rows, and raise JobNotLeased where it is zero.",
    ),
    "fail/after-complete": Reason(
        "A late fail would have work that is done be done again.",
        "Let fail change only jobs that are on lease.",
    ),
    "fail/rejected-means-not-done": Reason(
        "Who is refused tries again with another message; by then the job may be somebody else's.",
        "Check the message and the holder before anything is changed, in the same transaction.",
    ),
    "fail/message": Reason(
        "The message is all that tells an operator why a job failed.",
        "Store it as it is, in a text column of at least 256 characters, and replace the one before.",
    ),
    "fail/hostile-message": Reason(
        "A message repeats what others sent: it may be of any length, and written to do harm.",
        "Bind it as a parameter; shorten or refuse it before anything is changed.",
    ),
    "fail/cancelled": Reason(
        "A worker that is stopped while it fails a job must leave it failed or still on lease.",
        "One atomic statement; no await between two halves; locks released in finally.",
    ),
    "expiry/returns": Reason(
        "A worker that dies keeps its job for ever.",
        "Store the instant at which a lease ends with every delivery, and let lease take what is past"
        " it.",
    ),
    "expiry/not-early": Reason(
        "A worker that is well within its time loses the job to another, and both run it.",
        "Count from this delivery, in one unit, by one clock: that of the backend.",
    ),
    "expiry/fenced": Reason(
        "A worker that was too slow ends the work of the one that holds the job now.",
        "Give every delivery a token (its number, or a random one), and compare it in complete and "
        "fail.",
    ),
    "expiry/max-attempts": Reason(
        "A job that kills its worker is delivered without end: nobody is left to fail it.",
        "Count a delivery when it is made, and bury the job where an expired one was the last.",
    ),
    "durable/reopen": Reason(
        "What was acknowledged is gone after a restart.",
        "Write and commit before a call returns; keep nothing in memory that a restart would need.",
    ),
    "durable/kill": Reason(
        "Processes are killed, for want of memory if not for anything else; close is never called "
        "then.",
        "Commit before a call returns, and take a job on lease out of nothing that outlives its "
        "worker.",
    ),
    "runner/bounded": Reason(
        _RUNNERS,
        "Take a slot before leasing, and give it back when the outcome is recorded.",
    ),
    "runner/completes": Reason(
        _RUNNERS,
        "Complete once, outside the try that fails the job.",
    ),
    "runner/fails": Reason(
        _RUNNERS,
        "Fail once, with safe_failure_message of what the handler raised.",
    ),
    "runner/survives": Reason(
        _RUNNERS,
        "Catch Exception around every call of the store, handler and recorder.",
    ),
    "runner/stops": Reason(
        _RUNNERS,
        "Set a flag that the loop looks at, then wait for the tasks that run.",
    ),
    "runner/cancelled": Reason(
        _RUNNERS,
        "Record the outcome in a shielded task, also of what a lease returns late.",
    ),
    "runner/no-hoarding": Reason(
        "What is leased and waits keeps others from it, while its lease runs out.",
        "Lease no more than free slots.",
    ),
    "runner/prompt": Reason(
        "A full queue would be worked off at the pace of the poll interval.",
        "Sleep only after a lease that delivered nothing.",
    ),
    "runner/idle": Reason(
        "An empty queue would keep the database busy.",
        "Sleep for the poll interval after an empty lease.",
    ),
    "runner/observes": Reason(
        "What is not counted is not seen to fail.",
        "Record in one place, after the outcome, with safe_label.",
    ),
    "runner/discreet": Reason(
        "Payloads and errors hold what others wrote, personal data and secrets among it; logs are "
        "read by many.",
        "Log ids and safe labels; leave out exc_info where it holds the error's text.",
    ),
    "label/total": Reason(
        _LABELS,
        "Accept any str: encode with errors='replace' before anything else.",
    ),
    "label/bounded": Reason(
        _LABELS,
        "Replace what is not allowed, then cut.",
    ),
    "label/blank": Reason(
        _LABELS,
        "Strip first, and give `unknown` for what is empty then.",
    ),
    "label/stable": Reason(
        _LABELS,
        "Use no hash that is seeded per process, and leave what is safe as it is.",
    ),
    "label/folds": Reason(
        _LABELS,
        "Strip and lower before replacing.",
    ),
    "label/linear": Reason(
        _LABELS,
        "Cut before a pattern is matched, and nest no repetitions in it.",
    ),
    "message/total": Reason(
        _MESSAGES,
        "Catch whatever str() of the exception raises, and fall back to its type.",
    ),
    "message/bounded": Reason(
        _MESSAGES,
        "Cut by characters, and replace halves of surrogate pairs.",
    ),
    "message/one-line": Reason(
        _MESSAGES,
        "Replace every character of the categories Cc, Zl and Zp by a blank.",
    ),
    "message/inert": Reason(
        _MESSAGES,
        "Remove the bidirectional controls; joiners may stay.",
    ),
    "message/never-empty": Reason(
        _MESSAGES,
        "Give the name of the type, or a fixed text, where nothing is left.",
    ),
    "message/stable": Reason(
        _MESSAGES,
        "Do everything in an order in which the result would not be changed again.",
    ),
    "message/keeps": Reason(
        _MESSAGES,
        "Add no prefix, and change nothing that is safe.",
    ),
    "message/linear": Reason(
        _MESSAGES,
        "Cut before a pattern is matched, and nest no repetitions in it.",
    ),
    "message/redacts": Reason(
        _MESSAGES,
        "Replace what has the shape of a secret before the message is cut.",
    ),
})  # fmt: skip
"""The reason of every clause, by its id."""
