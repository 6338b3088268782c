"""Where reports go: the files that were asked for, and GitHub's summary of a step."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from async_contract.report import document, html, markdown
from async_contract.report.model import Report

FORMS: Mapping[str, Callable[[Report], str]] = MappingProxyType(
    {".html": html.render, ".json": document.dumps, ".md": markdown.render}
)
"""The suffix of a file -> what makes its text."""

SUMMARY = "GITHUB_STEP_SUMMARY"


def form(name: str) -> str:
    """The suffix of a report's file.

    Raises:
        ValueError: There is no such form; the message says which there are.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in FORMS:
        raise ValueError(f"{name!r} is no report; write a file that ends in .html, .json or .md")
    return suffix


def save(report: Report, path: Path) -> None:
    """Write a report in the form that the name of its file says.

    Raises:
        OSError: It can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FORMS[form(path.name)](report), encoding="utf-8")


def publish(report: Report, names: Iterable[str], directory: Path) -> tuple[list[str], list[str]]:
    """Write what was asked for.

    Args:
        report: The report.
        names: The names of files.
        directory: From where they are seen.

    Returns:
        The names of the files that were written, and why others could not be.
    """
    written, problems = [], []
    for name in names:
        try:
            save(report, directory / name)
            written.append(name)
        except OSError as error:
            problems.append(
                f"{name} can't be written: {error.strerror}; name a file in a directory of your own"
            )
    summary = os.environ.get(SUMMARY)
    if summary:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(markdown.render(report))
        except OSError as error:
            problems.append(f"{SUMMARY} names {summary}, which can't be written: {error.strerror}")
    return written, problems


def environment(effort: str) -> Mapping[str, str]:
    """How and where this process runs."""
    return {
        "effort": effort,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        **{name: version(name) for name in ("pytest", "hypothesis")},
    }
