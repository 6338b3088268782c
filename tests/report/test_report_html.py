"""The page: one file, which runs nothing but its own script, whatever a store delivered."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from async_contract.history.operation import Delivered, Operation
from async_contract.judge.verdict import Violation
from async_contract.report.html import render
from async_contract.report.knobs import knob
from async_contract.report.model import Report
from async_contract.report.timeline import timeline
from tests.report.reports import HISTORY, broken, report, told

HOSTILE = "</script><script>alert(1)</script><!--<script>\x1b[31m\u202e\ud800" + "x" * (1 << 20)


class Page(HTMLParser):
    """The elements of a page, and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[dict[str, str | None]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.attributes.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append((self.tags[-1] if self.tags else "", data))

    def data(self, id: str) -> Any:
        """What a data element holds."""
        return json.loads(self.text(id))

    def text(self, id: str) -> str:
        """The text of the element with this id."""
        scripts = [each for tag, each in zip(self.tags, self.attributes, strict=True) if tag == "script"]
        texts = [text for tag, text in self.texts if tag == "script" and text.strip()]
        return dict(zip([each.get("id") for each in scripts], texts, strict=True))[id]


def _hostile() -> Report:
    job = Delivered(HOSTILE, HOSTILE, HOSTILE, HOSTILE.encode("utf-8", "surrogatepass"))
    history = [
        Operation("lease", 0, 0, 1, value=1, jobs=(job,)),
        Operation("fail", 0, 2, 3, "rejected", job_id=HOSTILE, value=HOSTILE, error=HOSTILE),
    ]
    violation = Violation("lease/known", HOSTILE, HOSTILE, tuple(history), (HOSTILE,))
    story = replace(told(violation, history), reproduce=HOSTILE, script=HOSTILE)
    return report({"lease/known": "broken"}, story, target=HOSTILE)


@pytest.mark.parametrize("made", [broken(), _hostile()], ids=["plain", "hostile"])
def test_the_page_has_one_script_and_one_style(made: Report) -> None:
    """Known to its policy by their hashes; everything else is data, and nothing comes from elsewhere."""
    text = render(made)
    page = Page(text)
    assert page.tags == [
        "html", "meta", "meta", "meta", "meta", "link", "title", "style", "main", "noscript",
        "script", "script", "script",
    ]  # fmt: skip
    kinds = [
        each.get("type") for tag, each in zip(page.tags, page.attributes, strict=True) if tag == "script"
    ]
    assert kinds == ["application/json", "application/json", None]
    policy = page.attributes[2]["content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    for tag in ("style", "script"):
        (found,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?:", text)


def test_hostile_text_is_short_and_printable_in_the_timeline() -> None:
    """A megabyte is no more than its beginning."""
    drawn = Page(render(_hostile())).data("timeline-0")
    texts = [*drawn["jobs"], *(each[5] for each in drawn["calls"]), *(each[6] for each in drawn["calls"])]
    assert all(text.isascii() and text.isprintable() and len(text) < 500 for text in texts)


def test_what_the_page_shows_of_a_clause() -> None:
    """Its sentence and evidence, its story, and which timeline is its own."""
    data = Page(render(broken())).data("report")
    (target,) = data.pop("targets")
    assert data == {
        "contract": 1, "tool": "1.2.3", "strict": False, "stopped": False, "seeds": [0],
        "environment": [{"python": "3"}],
    }  # fmt: skip
    assert target["capabilities"] == {"lease_timeout": "0.5", "fifo": "False"}
    clauses = {each["id"]: each for each in target["clauses"]}
    (drawn,) = [each for each in clauses.values() if each["timeline"] >= 0]
    assert (drawn["id"], drawn["timeline"], drawn["fails"], drawn["count"]) == ("lease/exclusive", 0, True, 5)
    assert drawn["message"] == "job-1 was delivered twice."
    assert drawn["script"] == "print('again')\n"
    assert clauses["lease/order"]["level"] == "PROMISE fifo"


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        ("not promised", "declare fifo in the capabilities of the harness, if the store promises it"),
        ("unexercised", "why unexercised; more is tried with --async-contract-effort=thorough"),
        ("skipped", "take away the mark, fixture or hook that skips the item"),
        ("", "run the whole contract, without -k, -m, -x, --deselect or --lf"),
        ("error", "why error; mend this first"),
        ("held", ""),
    ],
)
def test_what_would_exercise_a_clause(verdict: str, says: str) -> None:
    """The knob that does it, by the verdict."""
    (target,) = report({"lease/order": verdict}).targets
    assert [knob(each) for each in target.clauses if each.id == "lease/order"] == [says]


def test_what_would_exercise_a_clause_that_no_capability_promises() -> None:
    """Its reason says it."""
    (target,) = report({"fail/message": "not promised"}).targets
    assert [knob(each) for each in target.clauses if each.id == "fail/message"] == ["why not promised"]


def test_what_would_exercise_a_promise_of_a_function() -> None:
    """It has no harness: the promise is an option."""
    (target,) = report({"fail/message": "not promised"}).targets
    clause = next(each for each in target.clauses if each.id == "fail/message")
    says = "give --async-contract-redacts, if the function promises it"
    assert knob(replace(clause, id="message/redacts")) == says


def test_a_timeline() -> None:
    """Calls stand by their places in the order of events, leases from their delivery to their end."""
    job, other = (Delivered(id, "k") for id in ("a", "b"))
    history = [
        Operation("enqueue", 0, 0, 1, job_id="a", jobs=(job,)),
        Operation("lease", 1, 2, 5, value=2, jobs=(job, other)),
        Operation("lease", 2, 3, 4, value=1, jobs=(job,)),
        Operation("complete", 2, 6, 7, job_id="a"),
        Operation("fail", 1, 7, 8, "rejected", job_id="b", value="no"),
        Operation("complete", 0, 9, 9, "unknown", job_id="b", error="cancelled"),
        Operation("lease", 2, 10, None, "unknown", value=1),
    ]
    assert timeline(history, (history[2],), None) == {
        "workers": [0, 1, 2],
        "jobs": ["a", "b"],
        "instants": [0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 9, 10, 10],
        "calls": [
            [0, "enqueue", 0, 1, "ok", "enqueue(a)", "ok", [0], 0],
            [1, "lease", 2, 5, "ok", "lease(2)", "a [attempts=0], b", [0, 1], 0],
            [2, "lease", 3, 4, "ok", "lease(1)", "a [attempts=0]", [0], 1],
            [2, "complete", 6, 7, "ok", "complete(a)", "ok", [0], 0],
            [1, "fail", 8, 9, "rejected", "fail(b, 'no')", "rejected", [1], 0],
            [0, "complete", 10, 11, "cancelled", "complete(b)", "cancelled", [1], 0],
            [2, "lease", 12, 13, "unknown", "lease(1)", "has not returned", [], 0],
        ],
        "windows": [
            [0, 1, 1, 5, 14, "open"],
            [1, 1, 1, 5, 14, "open"],
            [0, 2, 2, 4, 7, "complete"],
        ],
    }  # fmt: skip


def test_leases_that_run_out() -> None:
    """They end when their time is over, and what their worker does then ends nothing."""
    job = Delivered("a", "k")
    history = [
        Operation("lease", 1, 0, 1, value=1, jobs=(job,)),
        Operation("complete", 1, 5_000_000_000, None, "unknown", job_id="a"),
        Operation("lease", 2, 6_000_000_000, 6_000_000_001, value=1, jobs=(job,)),
        Operation("complete", 2, 6_000_000_002, None, "unknown", job_id="a"),
    ]
    drawn = timeline(history, (), 2.0)
    assert drawn["windows"] == [[0, 0, 1, 1, 2, "expired"], [0, 2, 2, 5, 8, "open"]]
    assert drawn["instants"][2] == 2_000_000_001
    open_end = timeline([history[0], Operation("lease", 2, 3, 4, value=1)], (), 2.0)
    assert open_end["windows"] == [[0, 0, 1, 1, 4, "open"]]


def test_of_several_calls_at_one_instant_the_right_one_is_bright() -> None:
    """A worker changes all that it was delivered in one go."""
    history = [Operation("mutate", 1, 5, 6, job_id=id) for id in ("a", "b")]
    assert [each[-1] for each in timeline(history, history[1:], None)["calls"]] == [0, 1]


def test_timelines_without_a_history() -> None:
    """Of nothing there is nothing; of a witness alone, the witness."""
    nothing: dict[str, list[object]] = {"workers": [], "jobs": [], "instants": [], "calls": [], "windows": []}
    assert timeline([], [], None) == nothing
    assert len(timeline([], HISTORY, None)["calls"]) == len(HISTORY)
