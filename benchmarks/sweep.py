"""What a kill at each boundary does: `python -m benchmarks.sweep contract_suites.sqlite:harness`.

One lease, one complete and one fail are made as they are, to note their boundaries; then a worker is killed
at each of them, the store is opened anew, drained and judged. Prints the table of boundaries and verdicts
as Markdown; the exit status is 1 if the store breaks a clause.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import sys

from async_contract.experiments.bench import Settings
from async_contract.experiments.crashes import SWEPT, Crashes
from async_contract.experiments.kills import Kill
from async_contract.experiments.processes.boundaries import LINE
from async_contract.harness.sandbox import Sandboxes
from async_contract.harness.target import load

Row = tuple[str, int, str, str, str]
"""The call, the number of the boundary, its kind, what comes next, and what came of the kill."""


async def sweep(target: str, *, lines: bool) -> list[Row]:
    """Kill a worker at each boundary."""
    rows: list[Row] = []
    with Sandboxes() as sandboxes:
        crashes = Crashes(load(target), sandboxes, Settings())
        async with crashes.host as host:
            for program in SWEPT:
                await crashes.run(host, program, Kill("after"))
                call = program[-1].kind.name.lower()
                for number, (kind, text) in enumerate(host.boundaries, 1):
                    if lines or kind != LINE:
                        broken, _ = await crashes.run(host, program, Kill("at", number))
                        rows.append((call, number, kind, _said(text), ", ".join(broken) or "held"))
                broken, _ = await crashes.run(host, program, Kill("after"))
                rows.append(
                    (call, len(host.boundaries) + 1, "", "(it has returned)", ", ".join(broken) or "held")
                )
    return rows


def _said(text: str) -> str:
    """What comes next, without what differs from run to run."""
    return re.sub(r"'[0-9a-f]{32}'", "'…'", text).replace("|", "\\|")


def main() -> int:
    """Sweep and print."""
    target, *options = sys.argv[1:]
    rows = asyncio.run(sweep(target, lines="--lines" in options))
    print(f"`{target}`, {dt.datetime.now(tz=dt.UTC):%Y-%m-%d}\n")
    print("| call | boundary | killed before | | verdict |\n| --- | --- | --- | --- | --- |")
    for call, number, kind, text, verdict in rows:
        print(f"| {call} | {number} | {kind} | `{text}` | {verdict} |")
    return int(any(verdict != "held" for *_, verdict in rows))


if __name__ == "__main__":
    sys.exit(main())
