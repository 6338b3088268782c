"""The page *Conformance* of the documentation, out of the matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from contract_suites.suites import ROOT, SCRIPTS, left_out

_INTRODUCTION = """\
# Conformance

Real job stores, each held to the contract at the release that is named, with the effort *normal*. This
page and [the data behind it](conformance.json) are written by `nox -s conformance`; `nox -s
contract_suites` runs the suites. The adapters in `contract_suites` make the libraries' own calls for
taking, acknowledging and returning a job.

## What a verdict means, and what it does not

held
: The clause was put to the test as often as the number says, with the seed that is named, and no history
  showed it broken. It is no proof: another seed, more effort, another machine or a fault that was not
  tried may show it broken.

broken
: There is a history that no store which keeps the clause can produce. It stands below, with what to do
  about it and, where there is one, a script that shows it without this package.

unexercised
: The clause applies, but the run did not put it to the test often enough to say anything.

not promised
: The adapter declares no such promise, or the clause can't apply. A store that promises less has fewer
  clauses to break, so count what is held, not what is not broken.

A broken clause is no judgement on a library. Most are chosen: a queue for one process need not survive
its killing, and many a library says so itself. Whoever writes the workers has to know which they are.
"""

_SIGNS = {"held": "✓", "known": "**✗**", "broken": "**✗**", "not promised": "-"}


def page(data: dict[str, Any]) -> str:
    """The text of the page."""
    entries = data["suites"]
    return "\n".join([
        _INTRODUCTION,
        *_backends(entries),
        *_clauses(entries),
        *_broken(entries),
        *_observed(entries),
        *_left_out(),
    ])  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join(["---"] * len(head)) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _backends(entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## The stores\n"
    yield from _table(
        ["store", "release", "engine", "held", "broken", "unexercised", "not promised", "seed", "Python"],
        [
            [
                f"[{each['id']}](#{_anchor(each['id'])})" if _count(each, "broken", "known") else each["id"],
                _release(each),
                each["engine"],
                *(
                    str(_count(each, *verdicts))
                    for verdicts in (
                        ("held",),
                        ("broken", "known"),
                        ("unexercised", "error"),
                        ("not promised",),
                    )
                ),
                ", ".join(map(str, each["seeds"])),
                each["environment"][0]["python"],
            ]
            for each in entries
        ],
    )


def _release(entry: dict[str, Any]) -> str:
    if not entry["library"]:
        return "written here"
    return f"{entry['library']} {entry['versions'][entry['library']]}"


def _count(entry: dict[str, Any], *verdicts: str) -> int:
    return sum(each["verdict"] in verdicts for each in entry["clauses"])


def _clauses(entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    """For each engine a table with a column for each store: whether a clause is held, and the count."""
    yield "## Clause by clause\n"
    yield "✓ held, **✗** broken, ? unexercised, each with how often it was put to the test; - not promised.\n"
    for engine in dict.fromkeys(each["engine"] for each in entries):
        columns = [each for each in entries if each["engine"] == engine]
        yield f"### On {engine}\n"
        cells = [{each["id"]: _cell(each) for each in column["clauses"]} for column in columns]
        ids = dict.fromkeys(id for column in cells for id in column)
        rows = [[f"{{clause}}`{id}`", *(column.get(id, "-") for column in cells)] for id in ids]
        yield from _table(["clause", *(each["id"] for each in columns)], rows)


def _cell(clause: dict[str, Any]) -> str:
    sign = _SIGNS.get(clause["verdict"], "?")
    return sign if sign == "-" else f"{sign} {clause['count']}"


def _broken(entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## What is broken\n"
    for entry in entries:
        broken = [each for each in entry["clauses"] if each["verdict"] in ("broken", "known")]
        if broken:
            yield f"({_anchor(entry['id'])})=\n\n### {entry['id']}\n"
            for clause in broken:
                yield from _witness(clause)


def _witness(clause: dict[str, Any]) -> Iterator[str]:
    yield f"- {{clause}}`{clause['id']}` ({clause['level']}): {_inline(clause['message'])}.\n"
    if clause["diagram"]:
        yield "  ```text"
        yield from (f"  {line}".rstrip() for line in clause["diagram"].splitlines())
        yield "  ```\n"
    if clause["script"]:
        yield from _script(clause["script"])


def _inline(text: str) -> str:
    """Text in which nothing is markup."""
    return re.sub(r"([\\`*_<>\[\]{}|#$])", r"\\\1", text)


def _anchor(id: str) -> str:
    return f"conformance-{id}"


def _observed(entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What the stores do where the contract leaves it free, in one table for each question."""
    seen = [each for each in entries if each["observed"]]
    if not seen:
        return
    yield "## What the stores do where the contract leaves it free\n"
    questions = dict.fromkeys(question for each in seen for question in each["observed"])
    for question in questions:
        yield f"### {question}\n"
        rows = [[each["id"], each["observed"][question]] for each in seen if question in each["observed"]]
        yield from _table(["store", "seen"], rows)


def _left_out() -> Iterator[str]:
    yield "## What was left out\n"
    for each in left_out():
        yield f"- {each.library}: {each.reason}.\n"
        for script in each.scripts:
            yield from _script(f"{SCRIPTS.relative_to(ROOT.parent).as_posix()}/{script}.py")


def _script(path: str) -> Iterator[str]:
    yield f"  Shown by `{path}`:\n"
    yield f"  ```{{literalinclude}} ../../{path}\n  :language: python\n  ```\n"
