"""The pytest hooks: options, collection, outcome and summary.

Without a target this costs next to nothing: whatever the contract needs is imported inside hooks.
"""

# ruff: noqa: PLC0415 - imports inside hooks are what makes the plugin cheap

from __future__ import annotations

import math
import os
import re
import sys
import warnings
from argparse import ArgumentTypeError
from collections.abc import Callable, Generator
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from async_contract.experiments.cases import Case
    from async_contract.report.grade import Results
    from async_contract.report.scripts import Tried
    from async_contract.suites.outcome import ContractViolation

_PREFIX = "async-contract/"
# A node id as it was printed, perhaps from a directory below the root.
_NODE_ID = re.compile(r"(?:\.{1,2}/)*async-contract/(?P<target>(?:[a-z-]+/)?[^/\s]+?)(?P<path>(?:::[^:/]+)*)")
_TARGET = "async_contract_target"  # the property that only reports of the contract have
_STORIES = "async_contract_stories"  # the attribute of a report that has what its item tells beside its row
_EFFORTS = ("quick", "normal", "thorough")

# What to run: target -> the paths of nodes asked for, as ("lease", "exclusive"); none: all.
_SELECTED = pytest.StashKey[dict[str, list[tuple[str, ...]]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the settings, those that name targets for every kind of subject."""
    from async_contract.contract.kinds import KINDS

    group = parser.getgroup("async-contract", "the contract of job stores, runners and sanitizers")
    for kind in KINDS:
        group.addoption(
            kind.option, action="append", default=[], metavar="TARGET",
            help=f"hold {kind.noun} to the contract: pkg.mod.Name or pkg.mod:name.attr (repeatable)",
        )  # fmt: skip
        parser.addini(
            kind.setting, type="args", default=[], help="targets, where the command line names none"
        )
    for kind_name, usual in (("label", "64"), ("message", "256")):
        group.addoption(
            f"--async-contract-{kind_name}-bound", type=_bound(kind_name), metavar="N|Nb",
            help=f"the most characters of a {kind_name}, or with b the most bytes (default: {usual})",
        )  # fmt: skip
        parser.addini(f"async_contract_{kind_name}_bound", default=usual, help="the same as a setting")
    group.addoption(
        "--async-contract-redacts", action="store_true",
        help="the failure messages promise that secrets don't come through",
    )  # fmt: skip
    parser.addini("async_contract_redacts", type="bool", default=False, help="the same as a setting")
    group.addoption("--async-contract-only", action="store_true", help="collect nothing else")
    group.addoption(
        "--async-contract-effort", type=_effort, default="normal", metavar="|".join(_EFFORTS),
        help="how hard to try to break a clause (default: normal)",
    )  # fmt: skip
    group.addoption(
        "--async-contract-strict", action="store_true", help="a broken SHOULD is a failure, not a warning"
    )
    group.addoption(
        "--async-contract-timeout", type=_seconds, default=60.0, metavar="SECONDS",
        help="the time limit of one clause (default: 60)",
    )  # fmt: skip
    group.addoption(
        "--async-contract-allow-nonempty", action="store_true",
        help="run even against a store that already holds jobs",
    )  # fmt: skip
    group.addoption(
        "--async-contract-reproduce", type=_token, metavar="TOKEN",
        help="repeat what broke a clause, and run nothing else",
    )  # fmt: skip
    group.addoption(
        "--async-contract-selftest", action="store_true",
        help="have every store that is broken on purpose caught, with these settings, and exit",
    )  # fmt: skip
    group.addoption(
        "--async-contract-report", action="append", default=[], type=_report, metavar="FILE",
        help="write a report: .html, .json or .md (repeatable)",
    )  # fmt: skip
    group.addoption(
        "--async-contract-list", action="store_true", help="print the clauses of the contract and exit"
    )


def _bound(kind: str) -> Callable[[str], object]:
    def bound(text: str) -> object:
        from async_contract.experiments.sanitizers.bounds import read

        try:
            return read(text, kind)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    return bound


def _effort(text: str) -> str:
    if text not in _EFFORTS:
        raise ArgumentTypeError(f"{text!r} is no effort; write quick, normal or thorough")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ArgumentTypeError(f"{text!r} is no time limit; write a number of seconds above 0, such as 60")
    return seconds


def _report(text: str) -> str:
    from async_contract.report import files

    try:
        files.form(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return text


def _token(text: str) -> Case:
    from async_contract.experiments.cases import InvalidToken, read

    try:
        return read(text)
    except InvalidToken as error:
        raise ArgumentTypeError(str(error)) from None


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Print the clauses, or put the toolkit to the test, if that was asked for, and do nothing else."""
    if config.getoption("async_contract_selftest"):
        return _selftest(config)
    if not config.getoption("async_contract_list"):
        return None
    from async_contract.contract.clauses import CLAUSES
    from async_contract.report.violation import level

    ids, levels = max(len(each.id) for each in CLAUSES), max(len(level(each)) for each in CLAUSES)
    for clause in CLAUSES:
        sys.stdout.write(f"{clause.id:<{ids}}  {level(clause):<{levels}}  {clause.sentence}\n")
    return 0


def _selftest(config: pytest.Config) -> int:
    from hypothesis.errors import HypothesisSideeffectWarning

    with warnings.catch_warnings():
        # Hypothesis takes what draws an example before the session for a plugin that is slow to load.
        warnings.simplefilter("ignore", HypothesisSideeffectWarning)
        return _go_through_zoos(config)


def _go_through_zoos(config: pytest.Config) -> int:
    from async_contract.harness.sandbox import Sandboxes
    from async_contract.report import kills
    from async_contract.suites.state import limits_of
    from async_contract.suites.zoos import zoos

    def say(*lines: str) -> None:
        sys.stdout.writelines(f"{each}\n" for each in lines)
        sys.stdout.flush()  # a line is told when it is known: all of them take minutes

    limits, totals, wrong = limits_of(config), [], False
    say(f"effort {limits.effort}, seed {limits.seed}")
    with Sandboxes() as sandboxes:
        for zoo in zoos(sandboxes, limits):
            say("", kills.heading(zoo.noun))
            deaths = []
            for death in zoo.deaths():
                deaths.append(death)
                say(kills.line(death))
            for name, found in zoo.blamed():
                wrong = wrong or bool(found)
                say(*kills.correct(name, found))
            wrong = wrong or any(each.survived for each in deaths)
            totals.append(kills.total(zoo.noun, deaths))
    say("", *totals)
    return int(wrong)


def pytest_configure(config: pytest.Config) -> None:
    """Settle what is to run, so that pytest sees no node id of ours among its paths."""
    config.addinivalue_line("markers", "async_contract: a clause of the contract")
    config.stash[_SELECTED] = _select(config)
    if not _is_worker(config):
        config.pluginmanager.register(_Summary(config), "async_contract_summary")


def _select(config: pytest.Config) -> dict[str, list[tuple[str, ...]]]:
    from async_contract.contract.kinds import KINDS

    # What an option is stored as, the setting is called.
    named = {each.setting: [each.target(name) for name in config.getoption(each.setting)] for each in KINDS}
    selected: dict[str, list[tuple[str, ...]]] = {each: [] for each in chain(*named.values())}
    only: bool = config.getoption("async_contract_only")
    paths = []
    for argument in config.args:
        found = _node_id(config, argument)
        if found is None:
            paths.append(argument)
        else:
            path = tuple(found["path"].split("::")[1:])
            selected.setdefault(found["target"], []).append(path)
    names_tests = config.args_source is pytest.Config.ArgsSource.ARGS and not only
    if not selected and not names_tests:
        targets = (each.target(name) for each in KINDS for name in config.getini(each.setting))
        selected = {each: [] for each in targets}
    if only and not selected:
        raise pytest.UsageError(
            "--async-contract-only leaves nothing to run without a target; "
            "write --async-contract=mypkg.Store too, or set async_contract = mypkg.Store in the configuration"
        )
    config.args[:] = [] if only else paths
    return selected


def _node_id(config: pytest.Config, argument: str) -> re.Match[str] | None:
    """The parts of an argument that is a node id of ours; a file or directory of that name is none."""
    from async_contract.contract.kinds import is_target

    found = _NODE_ID.fullmatch(argument.replace("\\", "/"))
    if found is None or not is_target(found["target"]):
        return None
    return None if (config.invocation_params.dir / argument.partition("::")[0]).exists() else found


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Load the targets, before anything is collected and before workers are started."""
    config = session.config
    selected = config.stash[_SELECTED]
    if not selected:
        return
    _make_importable(config)
    # Workers have no way to report a usage error; the process that started them has been here before.
    if not _is_worker(config):
        from async_contract.suites.nodes import check

        for target, asked in selected.items():
            check(config, target, asked)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _make_importable(config: pytest.Config) -> None:
    directory = str(config.invocation_params.dir)
    if directory not in sys.path:
        sys.path.insert(0, directory)
        config.add_cleanup(lambda: sys.path.remove(directory) if directory in sys.path else None)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the targets, the version of the contract and the effort."""
    selected = config.stash[_SELECTED]
    if not selected:
        return None
    from async_contract.contract.clauses import CONTRACT_VERSION
    from async_contract.suites.state import seed_of

    effort = f"effort {config.getoption('async_contract_effort')}, seed {seed_of(config)}"
    return f"async-contract: {', '.join(selected)} (contract {CONTRACT_VERSION}, {effort})"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let one collector for every target join what the session collected."""
    report = yield
    selected = collector.config.stash[_SELECTED]
    if selected and isinstance(collector, pytest.Session) and report.passed:
        from async_contract.suites.nodes import ContractTarget

        for target, asked in selected.items():
            name = f"{_PREFIX}{target}"
            report.result.append(
                ContractTarget.from_parent(
                    collector, name=name, nodeid=name, path=collector.path, target=target, asked=asked
                )
            )
    return report


def pytest_pycollect_makeitem(
    collector: pytest.Collector, name: str, obj: object
) -> pytest.Collector | list[Any] | None:
    """Collect the subclasses of `StoreContract` and its like, whatever the setting python_classes says."""
    contract = sys.modules.get("async_contract.suites.contract")
    # Not isinstance: it asks the object for its __class__, and a proxy may answer with an exception.
    if contract is None or not issubclass(type(obj), type):
        return None
    suite = cast(type, obj)
    if not issubclass(suite, contract.Contract):
        return None
    from async_contract.suites.nodes import make_class

    return make_class(collector, name, suite)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave only the items of the clause that is to be repeated."""
    case: Case | None = config.getoption("async_contract_reproduce")
    if case is None:
        return
    from async_contract.suites.binding import BINDING

    wanted = [
        item for item in items if BINDING in item.stash and item.stash[BINDING].clause.id == case.clause
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = wanted


@pytest.hookimpl(wrapper=True)
def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> Generator[None, tuple[str, str, Any], tuple[str, str, Any]]:
    """Let a verbose run say the verdict on a clause, and after how much, as soon as it is known."""
    category, letter, word = yield
    if isinstance(report, pytest.TestReport) and any(each[0] == _TARGET for each in report.user_properties):
        from async_contract.report.row import in_a_word

        word = in_a_word(report.user_properties, report.when, report.outcome) or word
    return category, letter, word


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Show how far an item of the contract is that takes long."""
    binding = sys.modules.get("async_contract.suites.binding")
    if binding is None or binding.BINDING not in item.stash:
        return (yield)
    from async_contract.report.live import shown

    with shown(item.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report of a clause its verdict, and its text instead of a traceback."""
    report = yield
    binding = sys.modules.get("async_contract.suites.binding")
    if binding is not None and binding.BINDING in item.stash:
        _add_verdict(item, report)
        _note_excuse(item, report)
        script = None if call.excinfo is None else _show(item, call.excinfo, report)
        if call.when == "call":
            _add_stories(item, report, script)
    elif call.excinfo is not None:
        _show_machine(call.excinfo, report)
    return report


def _add_verdict(item: pytest.Item, report: pytest.TestReport) -> None:
    from async_contract.report import row
    from async_contract.suites.binding import BINDING, SETTLED

    binding, settled = item.stash[BINDING], item.stash.get(SETTLED, None)
    report.user_properties += row.properties_of_item(binding.target, binding.clause.id)
    if settled is not None:
        report.user_properties += row.properties_of_verdict(
            settled.verdict, others=settled.others, excused=settled.excused, stale=settled.stale
        )
        report.user_properties += row.properties_of_effort(settled.spent)
        report.user_properties += row.properties_of_observed(settled.observed)


def _note_excuse(item: pytest.Item, report: pytest.TestReport) -> None:
    """Have pytest call it an unexpected success that a clause holds whose failure is known."""
    from async_contract.suites.binding import SETTLED

    settled = item.stash.get(SETTLED, None)
    if settled is not None and settled.stale and report.when == "call" and report.passed:
        report.wasxfail = f"known failure: {settled.verdict.reason}"


def _add_stories(item: pytest.Item, report: pytest.TestReport, script: Tried | None) -> None:
    """Let what reports are made of travel with that of the item, and not as a property: JUnit shows those."""
    from async_contract.report.replay import replay
    from async_contract.report.story import pack, story
    from async_contract.suites.binding import BINDING, SETTLED

    binding, settled = item.stash[BINDING], item.stash.get(SETTLED, None)
    stories = []
    if settled is not None and settled.violations:
        told: dict[str, Any] = {"exercised": binding.clause.id}
        told["reproduce"] = replay(item.config, binding.arguments, settled.token)
        told["script"] = script.text if script else ""
        stories = [story(each, settled.history, **told) for each in settled.violations]
    vars(report)[_STORIES] = pack(binding.target, binding.subject, stories)


def _show(
    item: pytest.Item, error: pytest.ExceptionInfo[BaseException], report: pytest.TestReport
) -> Tried | None:
    from async_contract.report import violation
    from async_contract.report.replay import replay
    from async_contract.suites.binding import BINDING, SETTLED
    from async_contract.suites.outcome import ContractError, ContractViolation, ContractWarning

    settled = item.stash.get(SETTLED, None)
    token = settled.token if settled else ""
    value, command = error.value, replay(item.config, item.stash[BINDING].arguments, token)
    if isinstance(value, ContractViolation):
        script = _script(item, value)
        text = violation.stories(
            value.violations,
            exercised=value.exercised,
            replay=command,
            script=script,
            history=value.history,
        )
        _show_text(report, error, text, violation.headline(value.violations[0]))
        return script
    if isinstance(value, (ContractError, ContractWarning)):
        text = violation.with_replay(str(value), command)
        _show_text(report, error, text, violation.one_line(str(value)))
    elif isinstance(value, pytest.skip.Exception) and report.when == "call":
        # Of the item, not of the line in the toolkit that skips. pytest too writes None for no line.
        place: Any = (item.stash[BINDING].place[0], None, f"Skipped: {value.msg}")
        report.longrepr = place
    return None


def _script(item: pytest.Item, value: ContractViolation) -> Tried | None:
    from async_contract.experiments.cases import read
    from async_contract.report import scripts
    from async_contract.report.script import script
    from async_contract.suites.binding import BINDING, SETTLED

    binding, first = item.stash[BINDING], value.violations[0]
    subject: Any = binding.subject
    token = item.stash[SETTLED].token
    if not token:
        return None
    case = read(token)
    text = script(binding.target, subject, first, value.history, case)
    return scripts.keep(item.config, f"{binding.target}-{first.clause}", text)


def _show_text(
    report: pytest.TestReport, error: pytest.ExceptionInfo[BaseException], text: str, headline: str
) -> None:
    told = AssertionError(text).with_traceback(error.tb)
    shown = pytest.ExceptionInfo.from_exception(told).getrepr(style="value")
    # What pytest shows where it has but one line. There is always a place: no frame of ours is hidden.
    cast(Any, shown.reprcrash).message = headline
    report.longrepr = shown


def _show_machine(error: pytest.ExceptionInfo[BaseException], report: pytest.TestReport) -> None:
    """Give the failure of a `StoreMachine` its text: what is broken, and the steps that Hypothesis found."""
    machine = sys.modules.get("async_contract.experiments.machine")
    if machine is None or not isinstance(error.value, machine.BrokenClause):
        return
    from async_contract.report import violation
    from async_contract.report.escape import block

    broken: Any = error.value
    story = violation.tell([broken.violation], exercised=broken.violation.clause)
    text = "\n".join([story, "", *getattr(broken, "__notes__", ())])
    _show_text(report, error, block(text), violation.headline(broken.violation))


class _Summary:
    """Gathers the verdicts where the reports arrive: never in a worker of a distributed run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._results: Results | None = None
        self._reports: tuple[list[str], list[str]] = ([], [])
        self._items: dict[tuple[str, str], pytest.TestReport] = {}
        self._ending = False

    def results(self) -> Results:
        if self._results is None:
            from async_contract.report.grade import Results

            strict = self._config.getoption("async_contract_strict")
            selected = self._config.stash[_SELECTED]
            self._results = Results(selected, strict=strict)
        return self._results

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if any(each[0] == _TARGET for each in report.user_properties):
            self.results().take(report.user_properties, report.when, report.outcome)
            self._keep(report)
            if told := vars(report).get(_STORIES):
                self.results().hear(told)
        elif report.failed and report.nodeid.startswith(_PREFIX) and not self._ending:
            # So, without properties, xdist reports the item in which a worker crashed.
            from async_contract.report.row import Row

            target, family, name = report.nodeid.removeprefix(_PREFIX).split("::")
            self.results().add(target, Row(f"{family}/{name}", "error", note="its worker crashed"))

    @pytest.hookimpl(tryfirst=True)  # others may write their own reports of the session then
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if not self._is_wanted():
            return
        stopped = exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
        self.results().stopped = bool(stopped or session.shouldstop or session.shouldfail)
        stale = self._fail_for_excuses()
        # Whatever has turned the failure into something else: a mark, a plugin that retries.
        if (self.results().broken or stale) and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._publish(session)

    def _keep(self, report: pytest.TestReport) -> None:
        """Remember the report of an item whose clause holds although it is excused."""
        from async_contract.report.row import read

        target, rows = read(report.user_properties, report.when, report.outcome)
        self._items.update({(target, each.clause): report for each in rows if each.stale})

    def _fail_for_excuses(self) -> bool:
        """Report a failure for each excuse that is known to be stale, now that everything has run."""
        from async_contract.report import violation
        from async_contract.report.excuses import stale
        from async_contract.suites.outcome import ContractError

        self._ending = True
        found = [(target, row) for target in self.results().targets for row in self.results().stale(target)]
        for target, row in found:
            item, text = self._items[target, row.clause], stale(row)
            failure = pytest.TestReport(
                item.nodeid, item.location, dict(item.keywords), "failed", None, "call", duration=0.0
            )
            with pytest.raises(ContractError) as error:  # pytest shows nothing that was not raised somewhere
                raise ContractError(text)
            _show_text(failure, error, text, violation.one_line(text))
            self._config.hook.pytest_runtest_logreport(report=failure)
        return bool(found)

    def _publish(self, session: pytest.Session) -> None:
        names: list[str] = self._config.getoption("async_contract_report")
        if self._config.option.collectonly or not (names or os.environ.get("GITHUB_STEP_SUMMARY")):
            return
        from async_contract.report import files
        from async_contract.report.model import report_of
        from async_contract.suites.state import seed_of

        effort: str = self._config.getoption("async_contract_effort")
        environment = [files.environment(effort)]
        report = report_of(self.results(), seeds=[seed_of(self._config)], environment=environment)
        self._reports = files.publish(report, names, self._config.invocation_params.dir)
        if self._reports[1] and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._is_wanted() and not self._config.option.collectonly:
            from async_contract.report.terminal import write
            from async_contract.suites.leftovers import left_running
            from async_contract.suites.state import state_of

            verbosity = self._config.get_verbosity()
            write(terminalreporter, self.results(), quiet=verbosity < 0, verbose=verbosity > 0)
            written, problems = self._reports
            terminalreporter.write("".join(f"report: {each}\n" for each in written))
            terminalreporter.write("".join(f"no report: {each}\n" for each in problems), red=True)
            if left := left_running(state_of(self._config).threads):
                terminalreporter.write(f"{left}\n", yellow=True)

    def _is_wanted(self) -> bool:
        return self._results is not None or bool(self._config.stash[_SELECTED])
