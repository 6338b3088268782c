"""The values that break real stores: ids, kinds, payloads and messages."""

from __future__ import annotations

from async_contract.store import Job

LOOK_ALIKES = (
    "Look",
    "look",
    "LOOK",
    " look",
    "look ",
    "look\t",
    "lookalike",
    "look%",
    "loo_",
    "%",
    "_",
    "*",
    "l\u00f6ok",
    "lo\u0308ok",
    "\u017fook",
    "\uff4cook",
    "0001",
    "1",
    "+1",
    "1.0",
    "01",
    "null",
    "NULL",
    "look\u200b",
    "look\x00",
    "look" * 75,
    "look" * 75 + "er",
    "look'--",
    'look"',
    "look\\",
    "../look",
    "look/../look",
    "look;look",
    "look,1",
    "look/a",
    "look_a",
    "look:a",
    "look-a",
    "look.a",
    "looka",
)
"""Ids of which a careless store takes one for another."""

ODD_IDS = (
    "order:7",
    "mails/2024/a b",
    "half%20full%25",
    "sum+of&parts=1",
    "UPPERCASE",
    "Stra\u00dfe",
    " surrounded\t",
    "{brace} [bracket] (paren)",
    "2024-01-02T03:04:05.060708+00:00",
    "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "{6F9619FF-8B86-D011-B42D-00CF4FC964FE}",
    "007",
    "3.140",
    "0x1F",
    "5e3",
    "True",
    "two\nlines",
    "it's quoted",
    "C:\\temp\\new",
    "#hash?query",
    "user@example.com",
    "\U0001f4a5",
    "file.json",
    "a|b;c,d",
    "-dash",
    "$HOME",
    "w" * 300,
)
"""Ids of which none is like another, nor like a look-alike."""

TEXTS = (
    "plain",
    "B\u00fccher \u00e0 la carte",
    "\u65e5\u672c\u8a9e",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "'; DROP TABLE jobs; --",
    'a "quoted" word',
    "back\\slash \\n \\x00",
    "100%s {0} {x} $1 ?",
    " blank ends ",
    "line\nbreak\r\n",
    "lines\x0b\x0c\x1c\x85\u2028\u2029apart",
    "tab\there",
    "\u202eright to left",
    "e\u0301 not \u00e9",
    "\x01\x1f\x7f",
    "nul\x00inside",
    "null",
    "None",
    "007",
    "-1",
    "1e5",
    "true",
    "<b>&amp;</b>",
    "[]",
    '{"id": 1}',
    "x" * 2000,
)
"""Kinds and tenants, as odd as they are allowed to be."""

PAYLOADS = (
    b"",
    b"\x00",
    b"plain",
    bytes(range(256)),
    b"\xff\xfe\x80 not utf-8",
    "\u65e5\u672c".encode(),
    b"line\nbreak\r\n",
    b"'; DROP TABLE jobs; --",
    b"\x80\x04\x95",
    b'{"a": 1}',
    '{"a": "\u65e5\u672c"}'.encode(),
    b" blank ends ",
    b"\\x41",
    b"=?",
    b"padded==",
    b"\x00\x00ends\x00",
    b"x" * 65_536,
    # What looks as if the store itself had made it: packed, encoded, or marked.
    b"x\x9c+HL\xceNM\x01\x00\x08\x86\x02i",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff+HL\xceNM\x01\x00\x10\xb4\xf6!\x06\x00\x00\x00",
    b"\x80\x04K\x01.",
    b"aGVsbG8=",
    b"b64:aGVsbG8=",
    b"68656c6c6f",
    b"b'bytes'",
    b'"text"',
    b'{"b":1.0,"a":[ ]}',
)
"""Payloads: any bytes."""

MESSAGES = (
    "worker failed",
    "x",
    "ConnectionError: refused (111)",
    "'; DROP TABLE jobs; --",
    "100% of {0} %s \\n",
    "caf\u00e9 \u65e5\u672c\u8a9e \U0001f4a5",
    'a "quoted" \\ word',
    "a  b",
    "null",
    "0",
    "e\u0301",
    "x" * 256,
    "\u65e5" * 85,
    "\U0001f4a5" * 64,
    "TimeoutError: deadline exceeded, retry later",
    "ValueError: invalid; fatal, permanent failure (404 not found, 403 permission denied)",
    "CancelledError",
)
"""Messages that `safe_failure_message` can produce, up to its bound of 256 bytes."""

HOSTILE_MESSAGES = (
    "nul\x00inside",
    "line\nbreak",
    "lone \ud800 surrogate",
    "",
    "x" * 1024 * 1024,
    "'); DELETE FROM jobs; --\n",
    "\u2028\u2029\x85",
    "\x1b[31mred",
    "\u202egnp.exe",
    "\U0001f4a5" * 1000,
)
"""Messages that a store may store, shorten or refuse."""

STRANGERS = ("no-such-job", "", "job-", "job-0", "job", "*", "0", "-1", "None", "no such job", "%")
"""Ids that nobody enqueued; the last one is a pattern of all that were."""


def lined_jobs() -> list[Job]:
    """Jobs with every sort of line break in them, which some file formats take for the end of a record."""
    breaks = [each for each in TEXTS if len(each.splitlines()) > 1]
    return [Job(f"lined-{n}", text, text, text.encode()) for n, text in enumerate(breaks)]


def odd_jobs() -> list[Job]:
    """Jobs with uncommon kinds, tenants and payloads, every value at least once."""
    count = max(len(TEXTS), len(PAYLOADS))
    return [
        Job(f"odd-{n:02}", TEXTS[n % len(TEXTS)], TEXTS[-1 - n % len(TEXTS)], PAYLOADS[n % len(PAYLOADS)])
        for n in range(count)
    ] + [
        Job("odd-empty-tenant", "kind", "", b"payload"),
        Job("odd-same-1", "same", "same", b"one"),
        Job("odd-same-2", "same", "same", b"another"),
    ]


def odd_in_one(job: Job) -> list[Job]:
    """Of a job that is odd in several ways, jobs that are odd in one way each."""
    return [
        Job(f"{job.id}-kind", job.kind, "acme", b"{}"),
        Job(f"{job.id}-tenant", "kind", job.tenant_id, b"{}"),
        Job(f"{job.id}-payload", "kind", "acme", job.payload),
    ]
