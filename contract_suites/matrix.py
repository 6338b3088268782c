"""The matrix of all suites and clauses: gathered from the reports of the runs, written as JSON and as a page.

python -m contract_suites.matrix note SUITE DIRECTORY   # beside SUITE.json: the versions installed here
python -m contract_suites.matrix write DIRECTORY        # from all that is there
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from contract_suites.page import page
from contract_suites.suites import ROOT, Suite, suites

_SAID = ("python", "pytest", "hypothesis", "effort")
"""What is said of where it was run."""

FORMAT = "async-contract-conformance"
REFERENCE = ROOT.parent / "docs" / "reference"
DATA, PAGE = REFERENCE / "conformance.json", REFERENCE / "conformance.md"


def note(suite: Suite, directory: Path) -> None:
    """Write down the versions of what a suite needs, as installed here."""
    found = {}
    for each in suite.installs:
        name = each.partition("[")[0]
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    directory.joinpath(f"{suite.id}.versions.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def gathered(directory: Path) -> dict[str, Any]:
    """What the runs found out whose reports are in a directory, as the page and the JSON have it."""
    entries, tool, contract = [], "", 0
    for suite in suites():
        path = directory / f"{suite.id}.json"
        if not path.is_file():
            continue
        report = json.loads(path.read_text("utf-8"))
        versions = json.loads(directory.joinpath(f"{suite.id}.versions.json").read_text("utf-8"))
        tool, contract = report["tool_version"], report["contract_version"]
        entries.append(_entry(suite, report, versions))
    return {
        "format": FORMAT, "version": 1, "contract_version": contract, "tool_version": tool, "suites": entries,
    }  # fmt: skip


def _entry(suite: Suite, report: dict[str, Any], versions: dict[str, str]) -> dict[str, Any]:
    (target,) = report["targets"]
    return {
        "id": suite.id,
        "target": suite.target,
        "library": suite.library,
        "engine": suite.engine,
        "versions": versions,
        "grade": target["grade"],
        "seeds": report["seeds"],
        "environment": [{key: each[key] for key in _SAID if key in each} for each in report["environment"]],
        "capabilities": target["capabilities"],
        "observed": target["observed"],
        "clauses": [_clause(suite, each) for each in target["clauses"]],
    }


def _clause(suite: Suite, seen: dict[str, Any]) -> dict[str, Any]:
    script = suite.script(seen["id"])
    kept = {name: seen[name] for name in ("id", "level", "verdict", "count", "message")}
    if seen["verdict"] in ("broken", "known"):
        kept["diagram"] = seen["diagram"]
        kept["script"] = script.relative_to(ROOT.parent).as_posix() if script.is_file() else ""
    return kept


def write(directory: Path) -> None:
    """Write the JSON and the page."""
    data = gathered(directory)
    DATA.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    PAGE.write_text(page(data), "utf-8")


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    match arguments:
        case ["note", name, directory]:
            note(next(each for each in suites() if each.id == name), Path(directory))
        case ["write", directory]:
            write(Path(directory))
        case _:
            print(__doc__, file=sys.stderr)  # noqa: T201 - it is what the command says
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
