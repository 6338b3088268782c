"""`python -m async_contract.fuzz`, in this process and in one of its own."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from async_contract import fuzz
from async_contract.commands.fuzzing import Surroundings, main

SAFE = "from async_contract import safe_failure_message, safe_label\n"

PICKY = """
from async_contract.reference.sanitize import safe_label as _safe

def safe_label(text: str) -> str:
    label = _safe(text)
    if len(label) > 5 and "-" in label and "7" in label:
        return f"{label}\\n"
    return label
"""

MODULES = {
    "fuzzed_safe": SAFE,
    "fuzzed_picky": PICKY,
    "fuzzed_vague": "def clean(value):\n    return 'a'\n",
    "fuzzed_none": "def safe_label(text): ...\n",
    "fuzzed_leaky": "def safe_message(error: Exception) -> str:\n    return str(error)\n",
    "fuzzed_hanging": "def safe_label(text):\n    while len(text) > 4: pass\n    return text\n",
    "fuzzed_forgetful": (
        "broken = [True]\n\n"
        "def safe_label(text):\n    return 'A' if len(text) > 4 and broken and broken.pop() else 'a'\n"
    ),
    "fuzzed_interrupted": (
        "import os, signal\ncalls = []\n\n"
        "def safe_label(text):\n"
        "    calls.append(text)\n"
        "    if len(calls) == 200: os.kill(os.getpid(), getattr(signal, os.environ['SIGNAL']))\n"
        "    return 'a'\n"
    ),
}


class Run:
    """A run of the command in this process, on a clock that goes on by ten milliseconds an input."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.err = io.StringIO()
        self.left: list[int] = []

    def __call__(self, *arguments: str) -> int:
        """The exit status."""
        ticks = count()
        around = Surroundings(self.out, self.err, lambda: next(ticks) / 100, self._leave)
        return main(arguments, around)

    def _leave(self, status: int) -> None:
        self.left.append(status)
        raise SystemExit(status)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A directory with functions in it, and a way to fuzz them."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("HYPOTHESIS_STORAGE_DIRECTORY", raising=False)
    monkeypatch.setitem(sys.modules, "atheris", None)
    yield Run()
    for name in MODULES:
        sys.modules.pop(name, None)


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--async-contract-effort=quick", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_correct_function_is_told_of_in_a_summary(run: Run, tmp_path: Path) -> None:
    """Exit status 0, a line for each clause, and how much was tried; nothing is kept."""
    assert run("fuzzed_safe.safe_label", "--inputs=25", "--seed=7") == 0
    out = run.out.getvalue()
    assert out.startswith("fuzzing safe-label/fuzzed_safe.safe_label: 5 clauses, seed 7, engine own\n")
    row = r"\n  (label/\w+) +no finding: 5 inputs, \d of them put it to the test; \d+ new behaviours?"
    rows = ["label/total", "label/bounded", "label/blank", "label/stable", "label/folds"]
    assert re.findall(row, out) == rows
    assert re.search(r"\n0:00  25 inputs  \d+/s  \d+ new .*  0 findings: that many were asked for\n", out)
    assert run.err.getvalue() == ""
    assert not (tmp_path / ".hypothesis").exists()


def test_a_finding_fails_the_next_run_of_pytest(run: Run, tmp_path: Path) -> None:
    """What pytest does not find at this effort it shows at once when the fuzzer has, as the fuzzer did."""
    item = "async-contract/safe-label/fuzzed_picky.safe_label::label::stable"
    option = "--async-contract-safe-label=fuzzed_picky.safe_label"
    assert _pytest(option, item).returncode == 0
    assert run("fuzzed_picky.safe_label", "--inputs=3000", "--seed=5", "--clause=label/stable") == 1
    shown = (
        "\nlabel/stable is broken.\n"
        "\n"
        "The contract says (MUST): a safe label is left as it is; the same input gives the same label, in "
        "another process too\n"
        "\n"
        "What happened: a safe label is not left as it is\n"
        "\n"
        "input   'aaaa7-'\n"
        "output  'aaaa7-\\n'\n"
        "               ^^ character 6: U+000A LINE FEED (7 characters, 7 bytes of UTF-8)\n"
        "rule    a safe label is left as it is\n"
    )
    assert f"{shown}\nTo replay just this:\n\n    pytest {option} {item}\n" in run.out.getvalue()
    assert "1 finding: nothing is left to break\n" in run.out.getvalue()
    assert f"what was found is kept in {tmp_path / '.hypothesis' / 'examples'}, where" in run.out.getvalue()
    after = _pytest(option, item)
    assert after.returncode == 1
    assert shown in after.stdout
    assert re.search(r"label/stable  broken  \d  ", after.stdout)


def test_it_is_timed_by_minutes(run: Run) -> None:
    """The clock says when it is over, and a line says every ten seconds how far it has come."""
    assert run("fuzzed_safe.safe_label", "--minutes=0.2", "--clause=label/blank") == 0
    assert re.search(r"^0:12  \d+ inputs  \d+/s .*: the time is up$", run.out.getvalue(), re.MULTILINE)
    assert re.fullmatch(r"0:10  \d+ inputs  \d+/s  \d+ new behaviours?  0 findings\n", run.err.getvalue())


def test_the_options_say_what_is_asked(run: Run) -> None:
    """Bound, promise, kind and clauses; the command to replay it says so, too."""
    status = run(
        "fuzzed_leaky.safe_message", "--message", "--bound=300b", "--redacts", "--inputs=400", "--seed=1",
        "--clause=message/redacts", "--clause=message/bounded", "--clause=message/redacts",
    )  # fmt: skip
    assert status == 1
    out = run.out.getvalue()
    assert "fuzzing safe-failure-message/fuzzed_leaky.safe_message: 2 clauses, seed 1, engine own" in out
    assert (
        "pytest --async-contract-message-bound=300b --async-contract-redacts "
        "--async-contract-safe-failure-message=fuzzed_leaky.safe_message "
        "async-contract/safe-failure-message/fuzzed_leaky.safe_message::message::redacts\n"
    ) in out
    assert "The contract says (PROMISE redacts): " in out


def test_what_is_not_promised_is_not_fuzzed(run: Run) -> None:
    """Secrets are looked for where it is promised that none come through, or where their clause is named."""
    run("fuzzed_safe.safe_failure_message", "--inputs=1")
    run("fuzzed_safe.safe_failure_message", "--inputs=1", "--redacts")
    run("fuzzed_safe.safe_failure_message", "--inputs=1", "--clause=message/redacts")
    assert re.findall(r": (\d) clauses?, seed \d+, ", run.out.getvalue()) == ["7", "8", "1"]


def test_a_function_that_hangs_is_a_finding(run: Run) -> None:
    """It says where, given what; the time is that of one input."""
    assert run("fuzzed_hanging.safe_label", "--clause=label/total", "--timeout=0.5", "--seed=1") == 1
    assert "\nlabel/total: it hung, stopped after 0.5 s, at " in run.out.getvalue()
    assert "To replay just this:\n\n    pytest " in run.out.getvalue()


def test_a_function_that_forgets_is_a_finding(run: Run) -> None:
    """It says that it does not show again, and no command would show it."""
    assert run("fuzzed_forgetful.safe_label", "--clause=label/bounded", "--inputs=300", "--seed=1") == 1
    assert "\n\nIt did not show again: the function does not always do the same.\n" in run.out.getvalue()
    assert "To replay" not in run.out.getvalue()


UNUSABLE = "can't be used as a target\nFound: "
NO_CLAUSE = (
    "error: 'label/linear' can't be fuzzed for a sanitizer of labels; write one of label/total, "
    "label/bounded, label/blank, label/stable, label/folds\n"
)
NO_ATHERIS = (
    "error: atheris is not installed; write pip install 'pytest-async-contract[fuzz]', or --engine own\n"
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fuzzed_vague.clean"], f"error: fuzzed_vague.clean {UNUSABLE}nothing that tells whether"),
        (["fuzzed_none.safe_label"], f"error: fuzzed_none.safe_label {UNUSABLE}a function that returns None"),
        (["fuzzed_safe.nowhere"], "error: "),
        (["fuzzed_safe.safe_label", "--bound=wide"], "error: 'wide' is no bound; write a number of char"),
        (["fuzzed_safe.safe_label", "--clause=label/linear"], NO_CLAUSE),
        (["fuzzed_safe.safe_label", "--engine=atheris"], NO_ATHERIS),
    ],
)
def test_what_can_not_be_fuzzed_is_told_so(run: Run, arguments: list[str], message: str) -> None:
    """Exit status 2, and what to write instead."""
    assert run(*arguments) == 2
    assert run.err.getvalue().startswith(message)
    assert run.out.getvalue() == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: TARGET"),
        (["a.b", "--minutes=0"], "argument --minutes: invalid positive number value: '0'"),
        (["a.b", "--timeout=inf"], "argument --timeout: invalid positive number value: 'inf'"),
        (["a.b", "--inputs=0"], "argument --inputs: invalid positive whole number value: '0'"),
        (["a.b", "--inputs=some"], "argument --inputs: invalid positive whole number value: 'some'"),
        (["a.b", "--label", "--message"], "argument --message: not allowed with argument --label"),
    ],
)
def test_what_can_not_be_understood_is_told_so(
    run: Run, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As by any command."""
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(f"fuzz: error: {message}\n")


class _Atheris(ModuleType):
    """The part of atheris that is used, as it is there, with random bytes in the place of libFuzzer."""

    def __init__(self) -> None:
        super().__init__("atheris")
        self.instrumented: list[object] = []
        self.arguments: list[str] = []

    def instrument_func(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Note it."""
        self.instrumented.append(func)
        return func

    def Setup(  # noqa: N802 - its own name
        self, args: list[str], test_one_input: Callable[[bytes], None], **kwargs: bool
    ) -> list[str]:
        """Note it."""
        assert kwargs == {"internal_libfuzzer": True}
        self.arguments, self._one = args, test_one_input
        return [each for each in args if not each.startswith("-")]

    def Fuzz(self) -> None:  # noqa: N802
        """Never return."""
        random = Random(1)
        while True:
            self._one(random.randbytes(random.randrange(200)))


@pytest.fixture
def atheris(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Atheris]:
    """An atheris that is installed."""
    before = signal.getsignal(signal.SIGALRM)
    made = _Atheris()
    monkeypatch.setitem(sys.modules, "atheris", made)
    yield made
    signal.signal(signal.SIGALRM, before)


def test_atheris_makes_the_inputs_where_it_is_installed(run: Run, atheris: _Atheris) -> None:
    """The function is instrumented, and the process left with the status: libFuzzer never gives it back."""
    with pytest.raises(SystemExit):
        run("fuzzed_picky.safe_label", "--clause=label/total", "--inputs=40", "--seed=9")
    assert run.left == [0]
    assert [getattr(each, "__name__", "") for each in atheris.instrumented] == ["safe_label"]
    assert {"-seed=9", "-timeout=0", "-handle_int=0", "-handle_term=0"} < set(atheris.arguments)
    assert "1 clause, seed 9, engine atheris\n" in run.out.getvalue()
    assert "label/total  no finding: 40 inputs, " in run.out.getvalue()


def test_what_atheris_finds_is_a_finding(run: Run, atheris: _Atheris) -> None:
    """It is shown, kept, and found at once in the next run, which has nothing left to do for atheris."""
    with pytest.raises(SystemExit):
        run("fuzzed_leaky.safe_message", "--clause=message/never-empty", "--inputs=4000")
    assert run.left == [1]
    assert "message/never-empty is broken." in run.out.getvalue()
    atheris.arguments = []
    assert run("fuzzed_leaky.safe_message", "--clause=message/never-empty") == 1
    assert atheris.arguments == []


def test_what_is_no_function_is_fuzzed_without_atheris_eyes(run: Run, atheris: _Atheris) -> None:
    """A function in C has no code to instrument."""
    sys.modules["fuzzed_safe"] = ModuleType("fuzzed_safe")
    vars(sys.modules["fuzzed_safe"])["upper"] = SimpleNamespace(label=str.upper).label
    with pytest.raises(SystemExit):
        run("fuzzed_safe.upper", "--label", "--clause=label/total", "--inputs=3")
    assert atheris.instrumented == []


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_process_with_a_summary(run: Run, name: str) -> None:
    """Ctrl-C is the usual way to end it: no traceback, and exit status 0 where nothing was found."""
    command = [sys.executable, "-m", "async_contract.fuzz", "fuzzed_interrupted.safe_label"]
    done = subprocess.run(
        [*command, "--clause=label/total", "--engine=own", "--minutes=60"], capture_output=True, text=True,
        check=False, env={**os.environ, "SIGNAL": name},
    )  # fmt: skip
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"\d+:\d\d  199 inputs  [\d,]+/s  \d+ new .*  0 findings: it was interrupted", last)


def test_the_module_is_the_command() -> None:
    """What `-m` runs is what can be called."""
    assert vars(fuzz)["main"] is main


def _needs(module: str) -> None:
    # In another process, for both change the one that imports them.
    done = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"{module} is not installed")


def test_the_real_atheris_finds_a_defect(run: Run) -> None:
    """Where it is installed, libFuzzer's inputs lead to the same finding."""
    _needs("atheris")
    command = [
        sys.executable,
        "-m",
        "async_contract.fuzz",
        "fuzzed_picky.safe_label",
        "--clause=label/stable",
    ]
    options = ["--inputs=30000", "--seed=3"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "1 clause, seed 3, engine atheris\n" in done.stdout
    assert "\ninput   'aaaa7-'\noutput  'aaaa7-\\n'\n" in done.stdout


def test_hypofuzz_collects_the_tests(run: Run, tmp_path: Path) -> None:
    """Where it is installed, it takes the tests of single clauses for tests that it can drive."""
    (tmp_path / "test_labels.py").write_text(
        "from async_contract import safe_label, sanitizer_test\n"
        "test_total = sanitizer_test('label/total', safe_label)\n"
        "test_bounded = sanitizer_test('label/bounded', safe_label)\n"
    )
    asked = (
        "from hypofuzz.collection import collect_tests\n"
        "found = collect_tests(['test_labels.py'])\n"
        "print([each.nodeid for each in found.fuzz_targets], found.not_collected)\n"
    )
    _needs("hypofuzz")
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "['test_labels.py::test_total', 'test_labels.py::test_bounded'] {}"
