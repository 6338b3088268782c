"""Pytest in pytest: examples are files, run in a directory of their own."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pytest

from tests.measuring import unmeasured

pytest_plugins = ["pytester"]

_SCRIPT = """
import pytest

from async_contract.experiments.verify import Verification
from async_contract.history.operation import Delivered, Operation
from async_contract.judge.verdict import ClauseVerdict, Verdict, Violation
from async_contract.suites import run

SCRIPT = {script!r}
JOB = (Delivered("job-1", "mail"),)
HISTORY = (
    Operation("enqueue", 0, 0, 1000, job_id="job-1", jobs=JOB),
    Operation("lease", 0, 2000, 3000, value=1, jobs=JOB),
    Operation("lease", 1, 4000, 5000, value=1, jobs=JOB),
)


def violation(clause):
    return Violation(clause, f"job-1 went wrong in {{clause}}.", "job-1", HISTORY)


def verify(harness, clause_id, **_):
    said = dict(SCRIPT.get(clause_id, {{}}))
    if "raises" in said:
        raise eval(said["raises"])
    verdict = Verdict(said.get("verdict", "held"))
    times = said.get("violations", 1) if verdict is Verdict.BROKEN else 0
    own = ClauseVerdict(
        clause_id, verdict, said.get("count", 5), (violation(clause_id),) * times, said.get("reason", "")
    )
    return Verification(own, tuple(map(violation, said.get("others", ()))), HISTORY)


def pytest_configure(config):
    patch = pytest.MonkeyPatch()
    patch.setattr(run, "verify", verify)
    config.add_cleanup(patch.undo)
"""

STORE = '''
class Store:
    """A store on a list."""

    def __init__(self):
        self.ready, self.leased = [], {}

    async def enqueue(self, job):
        self.ready.append(job)

    async def lease(self, limit):
        jobs = self.ready[: max(limit, 0)]
        del self.ready[: max(limit, 0)]
        self.leased.update((job.id, job) for job in jobs)
        return jobs

    async def complete(self, id):
        del self.leased[id]

    async def fail(self, id, message):
        self.ready.append(self.leased.pop(id))
'''


@dataclass(frozen=True)
class Run:
    """What a run of pytest gave: its exit status, how many items came out how, and what it printed."""

    status: int
    counts: Mapping[str, int]
    text: str

    def section(self, title: str) -> str:
        """The lines below the rule with this title, up to the next rule."""
        rule = rf"^=+ {re.escape(title)} =+\n(.*?)(?=^=+ .*=+$|\Z)"
        found = re.search(rule, self.text, re.MULTILINE | re.DOTALL)
        assert found, f"no section {title!r} in:\n{self.text}"
        return found[1]


@dataclass(frozen=True)
class Example:
    """Files, and how pytest is run on them. An example never changes: `having` gives another one."""

    _pytester: pytest.Pytester = field(repr=False)
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def having(self, files: Mapping[str, str]) -> Example:
        """This example with more files: path -> text."""
        return replace(self, files=MappingProxyType({**self.files, **files}))

    def judged(self, script: Mapping[str, Mapping[str, object]]) -> Example:
        """This example with verdicts that were settled beforehand, the rest held."""
        return self.having({"conftest.py": _SCRIPT.format(script=script)})

    def run_pytest(
        self, *arguments: str, below: str = ".", separate: bool = False, cache: bool = False
    ) -> Run:
        """Run pytest on the files.

        Args:
            arguments: Those of the command line.
            below: The directory in which pytest is started, relative to that of the files.
            separate: In a process of its own.
            cache: With pytest's cache, where scripts are kept: each of them is run, which takes a while.
        """
        for name, text in self.files.items():
            path = self._pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        run = self._pytester.runpytest_subprocess if separate else self._pytester.runpytest_inprocess
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.resetwarnings()  # an example has its own settings, not those of this project
            patch.chdir(self._pytester.path / below)
            without = [] if cache else ["-p", "no:cacheprovider"]
            result = run("-p", "no:randomly", *without, *arguments)
        text = f"{result.stdout.str()}\n{result.stderr.str()}"
        return Run(int(result.ret), _counts(result), text)


def _counts(result: pytest.RunResult) -> Mapping[str, int]:
    try:
        return result.parseoutcomes()
    except ValueError:  # no test was run, so there is no last line with numbers
        return {}


Judged = Callable[..., Example]


@pytest.fixture
def example(pytester: pytest.Pytester) -> Example:
    """An example with a store in `mypkg.py`."""
    return Example(pytester).having({"mypkg.py": STORE})


@pytest.fixture
def judged(example: Example) -> Judged:
    """An example with verdicts settled beforehand: `judged(lease__well_formed={"verdict": "broken"})`."""

    def judge(**script: Mapping[str, object]) -> Example:
        named = {name.replace("__", "/").replace("_", "-"): said for name, said in script.items()}
        return example.judged(named)

    return judge


@pytest.fixture(name="unmeasured")
def _unmeasured() -> Iterator[None]:
    """What the test runs or starts is not measured by coverage."""
    with unmeasured():
        yield


@pytest.fixture
def few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every code point only some, and of the patterns that take long too; the self-test has all.

    Where pytest runs in pytest in this process, it has no more of them.
    """
    from async_contract.experiments.sanitizers import growth, texts  # noqa: PLC0415 - few tests need them

    some = texts.everything()[::40]
    monkeypatch.setattr(texts, "everything", lambda: some)
    monkeypatch.setattr(growth, "PATTERNS", growth.PATTERNS[:9])
