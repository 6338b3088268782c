"""A badge: the grade in a few words, from a complete run only."""

from __future__ import annotations

import json
from html import escape

from async_contract.report.checking import ReportError
from async_contract.report.model import Report

_LABEL = "async-contract"
_GREEN, _RED = "#1a6b35", "#b3261e"
_LETTER, _MARGIN = 7, 10


def svg(report: Report) -> str:
    """The badge as a picture.

    Raises:
        ReportError: The run was not complete.
    """
    grade, colour = _grade(report)
    left, right = (len(text) * _LETTER + 2 * _MARGIN for text in (_LABEL, grade))
    title = escape(f"{_LABEL}: {grade}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{title}">'
        f'<title>{title}</title><rect width="{left}" height="20" fill="#3a4149"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        '<g fill="#fff" font-family="Verdana,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14">{_LABEL}</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(grade)}</text></g></svg>\n'
    )


def shields(report: Report) -> str:
    """The badge as what shields.io reads from an endpoint.

    Raises:
        ReportError: The run was not complete.
    """
    grade, colour = _grade(report)
    return json.dumps({"schemaVersion": 1, "label": _LABEL, "message": grade, "color": colour}) + "\n"


def _grade(report: Report) -> tuple[str, str]:
    """The worst grade of all targets, and its colour."""
    if not report.targets:
        raise ReportError("it has no target")
    for each in report.targets:
        if report.stopped or not each.complete or each.grade.startswith("incomplete"):
            raise ReportError(
                f"{each.target} has no grade of a complete run ({each.grade}); run the whole contract, "
                "or join the reports of its shards with report merge"
            )
    grades = [each.grade for each in report.targets]
    broken = [each for each in grades if each.startswith("broken")]
    # Of two that keep the contract, the one that says less stands for both.
    return (broken[0], _RED) if broken else (min(grades, key=len), _GREEN)
