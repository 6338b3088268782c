"""A report for a pull request or a step summary: the answer first, then each broken clause."""

from __future__ import annotations

import re
from collections.abc import Iterator

from async_contract.contract.clauses import CLAUSE
from async_contract.report.escape import clip, inline
from async_contract.report.model import ClauseReport, Report, TargetReport
from async_contract.report.violation import circumstances

_LONGEST_NOTE = 300
_LONGEST_COMMAND = 2000
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#+!|~&@:])")


def render(report: Report) -> str:
    """The text of a report in GitHub's Markdown; what a store delivered never becomes markup."""
    lines = ["# async-contract", ""]
    for target in report.targets:
        lines += [f"**{_text(target.target)}**: {_text(target.grade)}", ""]
    for target in report.targets:
        lines += _target(target, report)
    seeds = ", ".join(map(str, report.seeds))
    lines += [
        f"Contract {report.contract_version}, pytest-async-contract {report.tool_version}, seed {seeds}."
    ]
    return "\n".join(lines) + "\n"


def _target(target: TargetReport, report: Report) -> Iterator[str]:
    failing = [each for each in target.clauses if each.fails(strict=report.strict)]
    others = [each for each in target.clauses if each.verdict != "held" and each not in failing]
    held = [each for each in target.clauses if each.verdict == "held"]
    yield from (f"## {_text(target.target)}", "")
    for clause in failing:
        yield from _broken(clause)
    if failing or others:
        yield from _table(failing + others)
    if held:
        yield from (f"<details><summary>{len(held)} clauses held</summary>", "")
        yield from _table(held)
        yield from ("</details>", "")
    if target.observed:
        yield from ("<details><summary>What it does where the contract leaves it free</summary>", "")
        yield from ("| tried | seen |", "| --- | --- |")
        yield from (f"| {_text(name)} | {_text(seen)} |" for name, seen in target.observed.items())
        yield from ("", "</details>", "")


def _broken(clause: ClauseReport) -> Iterator[str]:
    yield from (f"### {_text(clause.id)} is broken", "")
    yield from (f"The contract says ({clause.level}): {_text(CLAUSE[clause.id].sentence)}.", "")
    yield from (f"What happened: {_text(clause.message)}", "")
    for late in clause.schedule:
        yield from (f"It takes this {circumstances(clause.id)}: {_text(late)}", "")
    if clause.diagram:
        yield from _fenced(clause.diagram, "text")
    if clause.label:
        yield from (f"It can be replayed: {_text(clause.label)}", "")
    if clause.reproduce:
        yield from _fenced(clip(clause.reproduce, _LONGEST_COMMAND), "sh")


def _table(clauses: list[ClauseReport]) -> Iterator[str]:
    yield from ("| clause | verdict | count | order | |", "| --- | --- | ---: | --- | --- |")
    for each in clauses:
        should = (each.verdict, each.level) == ("broken", "SHOULD")
        verdict = f"{each.verdict} (SHOULD)" if should else each.verdict
        yield f"| {_text(each.id)} | {verdict} | {each.count or ''} | {each.label} | {_text(each.message)} |"
    yield ""


def _text(text: str) -> str:
    """A text on one line, with everything escaped that Markdown or HTML would read."""
    return _MARKUP.sub(r"\\\1", clip(inline(text), _LONGEST_NOTE))


def _fenced(text: str, language: str) -> Iterator[str]:
    longest = max((len(each) for each in re.findall("`+", text)), default=0)
    fence = "`" * max(longest + 1, 3)
    yield from (f"{fence}{language}", *(inline(line) for line in text.split("\n")), fence, "")
