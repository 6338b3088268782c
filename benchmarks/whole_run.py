"""How long a whole run takes: `python benchmarks/whole_run.py`.

Wall-clock seconds of `pytest --async-contract=contract_suites.memory:harness --async-contract-only` at
each effort, as a process of its own, the median of three. The target: at most 10 s at normal effort
on two cores.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMAND = [sys.executable, "-m", "pytest", "-q", "--async-contract-only", "-p", "no:cacheprovider"]


def seconds(target: str, effort: str) -> float:
    """The median of three runs."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        options = [f"--async-contract={target}", f"--async-contract-effort={effort}"]
        subprocess.run([*COMMAND, *options], check=True, capture_output=True)  # noqa: S603 - our own command
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def main() -> None:
    """Measure and print."""
    for target in ("contract_suites.memory:harness", "contract_suites.sqlite:harness"):
        for effort in ("quick", "normal"):
            print(f"{target:34}{effort:10}{seconds(target, effort):7.2f} s")


if __name__ == "__main__":
    main()
