"""Functions that make text safe, named on the command line: from the name to the verdicts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from async_contract.contract.kinds import LABEL, MESSAGE
from tests.conftest import Example

pytestmark = pytest.mark.usefixtures("few_texts")

QUICK = "--async-contract-effort=quick"
LABELS, MESSAGES = len(LABEL.clauses), len(MESSAGE.clauses)
LABEL_OPTION, MESSAGE_OPTION = "--async-contract-safe-label", "--async-contract-safe-failure-message"
PORT = (Path(__file__).parents[2] / "docs/examples/sanitizers/mypkg.py").read_text()

REFERENCE = """
from async_contract import safe_failure_message, safe_label


async def later(text):
    return safe_label(text)


class Box:
    def __init__(self):
        self.seen = 0

    def message(self, error):
        self.seen += 1
        return safe_failure_message(error)
"""


def _table(text: str) -> dict[str, str]:
    """Clause -> verdict, of the tables in the summary."""
    found = re.findall(
        r"^  ([a-z]+/[a-z-]+) +(held|broken \(SHOULD\)|broken|[a-z ]+?)(?=  | *$)", text, re.MULTILINE
    )
    return dict(found)


def test_the_reference_keeps_everything(example: Example) -> None:
    """Both functions, one of them async and one a method, beside a store; told apart in the summary."""
    run = example.having({"safe.py": REFERENCE}).run_pytest(
        "--async-contract=mypkg.Store", f"{LABEL_OPTION}=safe.later", f"{MESSAGE_OPTION}=safe:Box.message",
        QUICK,
        "-k", "safe",
    )  # fmt: skip
    assert run.status == 0
    counts = {name: run.counts[name] for name in ("passed", "skipped")}
    assert counts == {"passed": LABELS + MESSAGES - 1, "skipped": 1}
    assert (
        "async-contract: mypkg.Store, safe-label/safe.later, safe-failure-message/safe:Box.message ("
        in run.text
    )
    summary = run.section("async-contract")
    assert "safe-label/safe.later: keeps the contract strictly\n" in summary
    assert "safe-failure-message/safe:Box.message: keeps the contract strictly\n" in summary
    assert "mypkg.Store: incomplete: " in summary
    assert "  message/redacts      not promised " in summary


def test_the_port_of_the_go_functions_is_caught(example: Example) -> None:
    """Its label is right; its message is cut inside a character and lets control characters through."""
    options = (f"{LABEL_OPTION}=mypkg.safe_label", f"{MESSAGE_OPTION}=mypkg.safe_failure_message")
    run = example.having({"mypkg.py": PORT}).run_pytest(*options, QUICK)
    assert run.status == 1
    summary = run.section("async-contract")
    assert "safe-label/mypkg.safe_label: keeps the contract strictly\n" in summary
    assert "safe-failure-message/mypkg.safe_failure_message: broken\n" in summary
    table = _table(summary)
    assert {clause for clause, verdict in table.items() if verdict == "broken"} == {
        "message/total", "message/bounded", "message/one-line", "message/stable",
    }  # fmt: skip
    assert table["message/inert"] == "broken (SHOULD)"
    story = run.section("FAILURES")
    assert "it has U+DCC3 a lone surrogate in it\n\ninput   RuntimeError('a' + '\\xe9' * 128)\n" in story
    assert "the message has U+007F DELETE in it\n\ninput   RuntimeError('\\x7f')\n" in story
    assert "store" not in run.text.replace("stored", "")


def test_a_cut_in_a_character_that_is_replaced_is_caught_too(example: Example) -> None:
    """As most of those who port it will do it."""
    text = PORT.replace("surrogateescape", "replace")
    item = "async-contract/safe-failure-message/mypkg.safe_failure_message::message::bounded"
    run = example.having({"mypkg.py": text}).run_pytest(item, QUICK)
    assert run.status == 1
    assert "What happened: the message is cut inside a character\n" in run.section("FAILURES")


def test_controls_of_every_kind_are_told_apart(example: Example) -> None:
    """With DEL mended, C1 is what is left, then the separators."""
    mended = PORT.replace("else character", 'else character.strip("\\x7f")')
    item = "async-contract/safe-failure-message/mypkg.safe_failure_message::message::one-line"
    run = example.having({"mypkg.py": mended}).run_pytest(item, QUICK)
    assert "What happened: the message has U+0080 a control character in it" in run.text
    mended = mended.replace('"\\x7f"', '"\\x7f" + "".join(map(chr, range(0x80, 0xA0)))')
    run = example.having({"mypkg.py": mended}).run_pytest(item, QUICK)
    assert "What happened: the message has U+2028 LINE SEPARATOR in it" in run.text


def test_a_failure_is_replayed_by_its_command(example: Example) -> None:
    """With the settings of the run."""
    options = (f"{MESSAGE_OPTION}=mypkg.safe_failure_message", "--async-contract-message-bound=200b",
               "--async-contract-redacts", "--async-contract-strict", "--hypothesis-seed=3",
               QUICK)  # fmt: skip
    item = "async-contract/safe-failure-message/mypkg.safe_failure_message::message::redacts"
    run = example.having({"mypkg.py": PORT}).run_pytest(*options, "-k", "redacts")
    command = run.section("FAILURES").splitlines()[-1].split()
    assert command == [
        "pytest", "--hypothesis-seed=3", QUICK, "--async-contract-message-bound=200b",
        "--async-contract-redacts", "--async-contract-strict", options[0], item,
    ]  # fmt: skip
    again = example.having({"mypkg.py": PORT}).run_pytest(*command[1:])
    assert (again.status, again.counts) == (1, {"failed": 1})


@pytest.mark.parametrize(
    ("options", "happened"),
    [
        (("--async-contract-message-bound=1024b", "-k", "bounded"), ""),
        (("--async-contract-message-bound=257", "-k", "bounded"), ""),
        (("--async-contract-message-bound=255", "-k", "bounded"), "the message has 256 characters"),
        (("--async-contract-message-bound=256b", "-k", "bounded"), "the message has 257 bytes of UTF-8"),
    ],
)
def test_a_bound_is_given_by_option_or_setting(
    example: Example, options: tuple[str, ...], happened: str
) -> None:
    """In characters or in bytes; a tighter one of the function's is no breach."""
    text = "def message(error):\n    return ''.join(filter(str.isprintable, str(error)))[:256] or 'failed'\n"
    bound = options[0].rpartition("=")[2]
    files = {"safe.py": text, "pytest.ini": f"[pytest]\nasync_contract_message_bound = {bound}\n"}
    example = example.having(files)
    for given in (options, options[1:]):
        run = example.run_pytest(f"{MESSAGE_OPTION}=safe.message", QUICK, *given)
        assert (run.status, f"What happened: {happened}" in run.text) == (
            1 if happened else 0,
            bool(happened),
        )


def test_settings_name_functions_and_what_they_promise(example: Example) -> None:
    """A plain pytest then holds them to the contract."""
    settings = (
        "[pytest]\nasync_contract_safe_label = safe.safe_label\n"
        "async_contract_safe_failure_message = safe.safe_failure_message\n"
        "async_contract_label_bound = 64b\nasync_contract_redacts = true\n"
    )
    run = example.having({"safe.py": REFERENCE, "pytest.ini": settings}).run_pytest(
        "-k", "redacts or blank", QUICK
    )
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": 1, "deselected": LABELS + MESSAGES - 2})
    assert "safe-failure-message/safe.safe_failure_message: broken\n" in run.section("async-contract")
    assert "comes through\n\ninput   Leaky(" in run.section("FAILURES")


BAD = """
import re


def two(text, other):
    return text


def none(text):
    pass


class Needs:
    def __init__(self, url):
        pass

    def label(self, text):
        return text
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("=bad.nothing",), "Found: the module bad"),
        (("=nowhere.label",), "nowhere.py with a function of a str in it"),
        (("=bad.two",), "Found: a function that takes (text, other)"),
        (("=bad.none",), "Found: a function that returns None, given 'mail'"),
        (("=bad",), "Missing: the name of a function of a str that returns a str in it"),
        (("=bad.re",), "Found: the package re"),
        (("=bad.Needs.label",), "Found: a method of the class Needs, which needs url to be built"),
        (("=bad.Needs",), "Found: the class bad.Needs"),
        (("=",), "an empty name can't be used as a target"),
        (("=safe.safe_label", "--async-contract-label-bound=few"), "'few' is no bound; write a number of"),
        (
            ("=safe.safe_label", "--async-contract-label-bound=6b"),
            "'6b' is too small a bound: unknown has to fit in",
        ),
        (
            ("=safe.safe_label", "-o", "async_contract_label_bound=x"),
            "the setting async_contract_label_bound: 'x' is",
        ),
        (
            ("=safe.safe_label", "async-contract/safe-label/safe.safe_label::label::bound"),
            "did you mean label::bounded",
        ),
    ],
)
def test_what_cannot_be_used_is_told_in_one_message(
    example: Example, options: tuple[str, ...], said: str
) -> None:
    """The status of a usage error, no traceback, nothing run, and no word of a store."""
    run = example.having({"bad.py": BAD, "safe.py": REFERENCE}).run_pytest(
        f"{LABEL_OPTION}{options[0]}", *options[1:]
    )
    assert run.status == 4
    assert said in run.text
    assert "Traceback" not in run.text
    assert "test session starts" not in run.text
    assert "store" not in run.text.partition("ERROR: ")[2]


def test_selection_is_that_of_any_test(example: Example) -> None:
    """By -k, by a pasted id, by what failed the last time."""
    example = example.having({"mypkg.py": PORT})
    target = f"{MESSAGE_OPTION}=mypkg.safe_failure_message"
    run = example.run_pytest(target, QUICK, "-k", "message/one-line or message/keeps", cache=True)
    assert (run.status, run.counts) == (1, {"failed": 1, "passed": 1, "deselected": MESSAGES - 2})
    last = example.run_pytest(target, QUICK, "--lf", cache=True)
    assert (last.status, last.counts["failed"]) == (1, 1)
    assert "passed" not in last.counts
    item = "async-contract/safe-failure-message/mypkg.safe_failure_message::message::one-line"
    assert f"FAILED {item}" in last.text
    pasted = example.run_pytest(item, QUICK)
    assert (pasted.status, pasted.counts) == (1, {"failed": 1})
    family = example.run_pytest(item.rpartition("::")[0], QUICK, "--co", "-q")
    assert family.text.count("::message::") == MESSAGES


def test_a_distributed_run_says_the_same(example: Example) -> None:
    """Table, grade and counts, where these are not those of generated inputs.

    Hypothesis takes some of its inputs from the constants of the modules that a process has imported.
    """
    example = example.having({"mypkg.py": PORT})
    arguments = (
        f"{MESSAGE_OPTION}=mypkg.safe_failure_message",
        QUICK,
        "-k",
        "one-line or inert or redacts",
    )
    alone, together = (example.run_pytest(*arguments, *more) for more in ((), ("-n", "2")))
    assert (alone.status, together.status) == (1, 1)
    assert alone.section("async-contract") == together.section("async-contract")


def test_what_broke_a_clause_is_tried_first_in_the_next_run(example: Example) -> None:
    """Each target has its own examples; `--hypothesis-seed` gives other inputs."""
    text = """
from async_contract import safe_label

given = []

def label(text):
    given.append(text)
    if given == ["mail", text]:  # the first is given when the function is loaded
        print("given", ascii(text))
    return "wrong!" if "zz" in text else safe_label(text)
"""
    example = example.having({"safe.py": text, "other.py": "from safe import label\n"})
    item = "async-contract/safe-label/{}.label::label::bounded"

    def first(module: str, seed: int) -> str:
        run = example.run_pytest(item.format(module), f"--hypothesis-seed={seed}", "-s")
        assert run.status == 1
        (only,) = re.findall("given (.*)$", run.text, re.MULTILINE)
        return str(only)

    found = [first("safe", 1), first("safe", 2), first("other", 3)]
    assert (found[0], "zz" in found[1], found[2]) == ("''", True, "''")


def test_a_function_with_a_memory_is_seen_to_have_one(example: Example) -> None:
    """The same input gives another label the second time."""
    text = (
        "from async_contract import safe_label\n\nseen = []\n\n"
        "def label(text):\n    seen.append(text)\n"
        "    return f'{safe_label(text)[:50]}.{seen.count(text)}' if '.' not in text else safe_label(text)\n"
    )
    run = example.having({"safe.py": text}).run_pytest(
        "async-contract/safe-label/safe.label::label::stable", QUICK
    )
    assert (run.status, run.counts) == (1, {"failed": 1})
    assert "What happened: the same input gives two labels\n" in run.section("FAILURES")


def test_a_function_that_hangs_is_not_tried_any_more(example: Example) -> None:
    """Told as a function, with the place; nothing is held."""
    # The time that it would take is up at once.
    text = "import signal\n\ndef label(text):\n    signal.raise_signal(signal.SIGALRM)\n"
    run = example.having({"safe.py": text}).run_pytest(f"{LABEL_OPTION}=safe.label")
    assert (run.status, run.counts) == (1, {"failed": LABELS})
    before = "hung in 3 items before this one (label/total, label/bounded, label/blank)"
    assert f"not tried, since the function {before}; the last time it hung: " in run.text
    place = r"at .*safe\.py:4 in label: signal\.raise_signal\(signal\.SIGALRM\)"
    assert re.search(rf"it hung: stopped after 60 s, {place}, given ''", run.text)
    assert "safe-label/safe.label: incomplete: 6 of 6 clauses in error" in run.section("async-contract")


def test_a_should_is_a_warning_that_speaks_of_a_sanitizer(example: Example) -> None:
    """And a failure if strict, which shows the input."""
    example = example.having({"mypkg.py": PORT})
    item = "async-contract/safe-failure-message/mypkg.safe_failure_message::message::inert"
    run = example.run_pytest(item, QUICK)
    assert (run.status, run.counts) == (0, {"passed": 1, "warnings": 1})
    assert (
        "message/inert is broken, which a sanitizer of failure messages SHOULD keep: the message has U+061C "
        "ARABIC LETTER MARK in it\n  (--async-contract-strict makes it a failure and shows the input)"
    ) in run.section("warnings summary")
    strict = example.run_pytest(item, QUICK, "--async-contract-strict")
    assert (strict.status, strict.counts) == (1, {"failed": 1})
    assert "input   RuntimeError('\\u061c')\n" in strict.section("FAILURES")


def test_growth_is_told_with_how_it_grew(example: Example) -> None:
    """By ratios, here of a clock that the function moves on."""
    text = """
from async_contract import safe_label

now = 0

def label(text):
    global now
    now += len(text) ** 2
    return safe_label(text)
"""
    clock = """
from functools import partial

import pytest
import safe
from async_contract.experiments.sanitizers import growth

def pytest_configure(config):
    patch = pytest.MonkeyPatch()
    patch.setattr(growth, "grown", partial(growth.grown, clock=lambda: safe.now))
    config.add_cleanup(patch.undo)
"""
    item = "async-contract/safe-label/safe.label::label::linear"
    example = example.having({"safe.py": text, "conftest.py": clock})
    run = example.run_pytest(item, QUICK, "--async-contract-strict")
    assert (run.status, run.counts) == (1, {"failed": 1})
    story = run.section("FAILURES")
    assert "What happened: the work grows faster than the input, in texts up to 4096 characters\n" in story
    assert "\ngrowth  1024: 16 times as long, 4096: 16 times as long\n" in story


def test_reports_have_the_functions_too(example: Example) -> None:
    """Input and output stand where a store has its calls."""
    example = example.having({"mypkg.py": PORT})
    item = "async-contract/safe-failure-message/mypkg.safe_failure_message::message::one-line"
    run = example.run_pytest(
        item, QUICK, "--async-contract-report=report.md", "--async-contract-report=report.html"
    )
    assert "report: report.md\nreport: report.html\n" in run.text
    text = (example._pytester.path / "report.md").read_text()
    assert "### message/one\\-line is broken" in text.replace("one-line", "one\\-line")
    assert "input   RuntimeError('\\x7f')\n" in text
