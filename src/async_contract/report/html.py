"""A report as one page that needs nothing else: no network, no server, no build.

What a store delivered stands in it as data only. The policy of the page lets nothing run but its one script
and its one style sheet, known by their hashes, and the script writes texts as texts.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

from async_contract.contract.clauses import CLAUSE
from async_contract.history.parsing import operation_from
from async_contract.report.escape import block, clip, inline
from async_contract.report.knobs import knob
from async_contract.report.model import ClauseReport, Report, TargetReport
from async_contract.report.timeline import timeline
from async_contract.report.violation import level

_LONGEST = 2000


def render(report: Report) -> str:
    """The text of the page."""
    style, script = _resource("report.css"), _resource("report.js")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    timelines: list[Mapping[str, Any]] = []
    data = _data(report, timelines)
    parts = [_part("report", data), *(_part(f"timeline-{n}", each) for n, each in enumerate(timelines))]
    return (
        "<!doctype html>\n"
        '<html lang="en">\n'
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<link rel="icon" href="data:,">\n'
        "<title>async-contract</title>\n"
        f"<style>{style}</style>\n"
        '<main id="page"><noscript>This page is drawn by the script in it; without one, read the '
        "report that --async-contract-report=FILE.md writes.</noscript></main>\n"
        f"{''.join(parts)}<script>{script}</script>\n"
    )


def _resource(name: str) -> str:
    return files("async_contract.report").joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _part(id_: str, data: object) -> str:
    """Data in an element that is never executed, and that nothing in it can end."""
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{id_}">{text}</script>\n'


def _brief(text: str) -> str:
    return inline(clip(text, _LONGEST))


def _data(report: Report, timelines: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {
        "contract": report.contract_version,
        "tool": report.tool_version,
        "strict": report.strict,
        "stopped": report.stopped,
        "seeds": report.seeds,
        "environment": report.environment,
        "targets": [_target(each, report, timelines) for each in report.targets],
    }


def _target(target: TargetReport, report: Report, timelines: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    timeout = (target.capabilities or {}).get("lease_timeout")
    return {
        "target": _brief(target.target),
        "grade": _brief(target.grade),
        "capabilities": {name: repr(value) for name, value in (target.capabilities or {}).items()},
        "clauses": [_clause(each, report, timeout, timelines) for each in target.clauses],
        "explored": target.explored,
        "observed": target.observed,
    }


def _clause(
    clause: ClauseReport, report: Report, timeout: float | None, timelines: list[Mapping[str, Any]]
) -> Mapping[str, Any]:
    drawn = -1
    if clause.witness or clause.history:
        drawn = len(timelines)
        history, witness = (
            [operation_from(each, number) for number, each in enumerate(operations, 1)]
            for operations in (clause.history, clause.witness)
        )
        timelines.append(timeline(history, witness, timeout))
    return {
        "id": clause.id,
        "level": level(CLAUSE[clause.id]),
        "sentence": CLAUSE[clause.id].sentence,
        "counted": CLAUSE[clause.id].counted,
        "verdict": clause.verdict,
        "count": clause.count,
        "message": block(clip(clause.message, _LONGEST)),
        "fails": clause.fails(strict=report.strict),
        "schedule": [_brief(each) for each in clause.schedule],
        "diagram": block(clause.diagram),
        "label": clause.label,
        "reproduce": inline(clause.reproduce),
        "script": clause.script,
        "knob": _brief(knob(clause)),
        "timeline": drawn,
    }
