"""Functions that make text safe in users' own test files."""

from __future__ import annotations

import pytest

from async_contract import SafeFailureMessageContract, SafeLabelContract
from async_contract.contract.kinds import LABEL, MESSAGE
from tests.conftest import Example

pytestmark = pytest.mark.usefixtures("few_texts")

QUICK = "--async-contract-effort=quick"
HEAD = """
from async_contract import SafeFailureMessageContract, SafeLabelContract, safe_failure_message, safe_label


def shouting(text):
    return safe_label(text).upper()


async def later(error):
    return safe_failure_message(error)


"""
LABEL_CLASS = HEAD + "class TestLabel(SafeLabelContract):\n    function = {}\n"
MESSAGE_CLASS = HEAD + "class TestMessage(SafeFailureMessageContract):\n    function = {}\n"


def _refused(example: Example, text: str, *options: str) -> str:
    """What is told where a class can't be collected."""
    run = example.having({"test_mine.py": text}).run_pytest(*options)
    assert (run.status, run.counts) == (2, {"errors": 1})
    assert "Traceback" not in run.text
    return run.section("ERRORS").partition("\n")[2]


def test_every_clause_is_a_method() -> None:
    """Of its own kind of class."""
    for contract, kind in ((SafeLabelContract, LABEL), (SafeFailureMessageContract, MESSAGE)):
        names = [f"test_{clause.id.replace('/', '_').replace('-', '_')}" for clause in kind.clauses]
        assert [name for name in vars(contract) if name.startswith("test_")] == names


@pytest.mark.parametrize(
    "function", ["safe_label", "staticmethod(safe_label)", "staticmethod(lambda text: safe_label(text))"]
)
def test_a_function_stands_in_the_class(example: Example, function: str) -> None:
    """With or without staticmethod; held to the clauses as a target is."""
    run = example.having({"test_mine.py": LABEL_CLASS.format(function)}).run_pytest(
        QUICK, "-k", "label_blank"
    )
    assert (run.status, run.counts) == (0, {"passed": 1, "deselected": len(LABEL.clauses) - 1})
    assert "test_mine.py::TestLabel: incomplete: 5 of 6 clauses not selected" in run.section("async-contract")


def test_another_process_finds_a_function_of_the_test_file(example: Example) -> None:
    """By the name of the module; a closure it does not find, and the clause is unexercised."""
    text = LABEL_CLASS.format("staticmethod(plain)").replace(
        "class ", "def plain(x): return safe_label(x)\n\nclass "
    )
    found = example.having({"test_mine.py": text}).run_pytest(QUICK, "-k", "label_stable")
    assert (found.status, found.counts["passed"]) == (0, 1)
    text = LABEL_CLASS.format("staticmethod(lambda text: safe_label(text))")
    closure = example.having({"test_mine.py": text}).run_pytest(QUICK, "-k", "label_stable", "-rs")
    assert (closure.status, closure.counts["skipped"]) == (0, 1)
    assert (
        "unexercised: another process finds only a function that a module has under its name" in closure.text
    )


def test_an_async_function_keeps_everything_that_it_is_tried_on(example: Example) -> None:
    """In an event loop of the toolkit's, whatever plugins do with coroutine functions."""
    text = MESSAGE_CLASS.format("later")
    run = example.having({"test_mine.py": text}).run_pytest(QUICK, "-k", "keeps or empty")
    assert (run.status, run.counts["passed"]) == (0, 2)


def test_a_failure_names_the_users_item(example: Example) -> None:
    """The command that replays it has its id, and it is a failure of that test."""
    example = example.having({"test_mine.py": LABEL_CLASS.format("shouting")})
    run = example.run_pytest(QUICK, "-k", "label_bounded")
    assert (run.status, run.counts["failed"]) == (1, 1)
    story = run.section("FAILURES")
    assert "What happened: the label has U+0055 LATIN CAPITAL LETTER U in it\n" in story
    assert story.endswith("test_mine.py::TestLabel::test_label_bounded\n")
    again = example.run_pytest(*story.splitlines()[-1].split()[1:])
    assert (again.status, again.counts) == (1, {"failed": 1})


@pytest.mark.parametrize(
    ("bound", "options", "failed"),
    [
        ('"64b"', (), 0),
        ("63", (), 1),
        ('"70b"', ("--async-contract-label-bound=10",), 0),
        (None, ("--async-contract-label-bound=10",), 1),
    ],
)
def test_the_bound_of_a_class(
    example: Example, bound: str | None, options: tuple[str, ...], failed: int
) -> None:
    """Goes before that of the options."""
    text = LABEL_CLASS.format("safe_label") + (f"    bound = {bound}\n" if bound else "")
    run = example.having({"test_mine.py": text}).run_pytest(QUICK, "-k", "label_bounded", *options)
    assert (run.status, run.counts.get("failed", 0)) == (failed, failed)


@pytest.mark.parametrize(
    ("line", "options", "outcome"),
    [
        ("redacts = True", (), "failed"),
        ("redacts = False", ("--async-contract-redacts",), "skipped"),
        ("", ("--async-contract-redacts",), "failed"),
        ("", (), "skipped"),
    ],
)
def test_what_a_class_promises(example: Example, line: str, options: tuple[str, ...], outcome: str) -> None:
    """Goes before what the options say."""
    text = MESSAGE_CLASS.format("safe_failure_message") + f"    {line}\n"
    run = example.having({"test_mine.py": text}).run_pytest(QUICK, "-k", "redacts", *options)
    assert run.counts[outcome] == 1


def test_a_known_failure(example: Example) -> None:
    """Reported with its reason, and not failing; with --runxfail it fails as any other."""
    known = '    known_failures = {"label/bounded": "the metrics store folds case"}\n'
    example = example.having({"test_mine.py": LABEL_CLASS.format("shouting") + known})
    run = example.run_pytest(QUICK, "-k", "label_bounded")
    assert (run.status, run.counts["xfailed"]) == (0, 1)
    summary = run.section("async-contract")
    assert "  label/bounded  known  1  inputs: the metrics store folds case\n" in summary
    assert "test_mine.py::TestLabel: broken (known: 1)\n" in summary
    assert example.run_pytest(QUICK, "-k", "label_bounded", "--runxfail").status == 1


def test_a_known_failure_that_holds_is_stale(example: Example) -> None:
    """And to be removed from the class, once all of its clauses have run."""
    known = '    known_failures = {"label/blank": "a reason"}\n'
    example = example.having({"test_mine.py": LABEL_CLASS.format("safe_label") + known})
    run = example.run_pytest(QUICK)
    assert (run.status, run.counts["failed"], run.counts["xpassed"]) == (1, 1, 1)
    assert (
        "label/blank holds, but the class excuses it as a known failure: a reason\n\n"
        'Remove "label/blank" from its known_failures.'
    ) in run.section("FAILURES")
    assert example.run_pytest(QUICK, "-k", "label_blank").status == 0


A_DICT = '{"label/total": "the reason"}'
A_BOUND = "write a number of characters, such as 64, or of bytes in UTF-8, such as 64b"
ALL_OF_A_LABEL = "label/total, label/bounded, label/blank, label/stable, label/folds, label/linear"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'known_failures = {"lease/order": "x"}',
            "known_failures names 'lease/order', which is no clause of a sanitizer of labels; write one of "
            + ALL_OF_A_LABEL,
        ),
        (
            'known_failures = {"label/blank": " "}',
            "known_failures excuses label/blank without a reason; write why it may be broken",
        ),
        (
            'known_failures = ["label/blank"]',
            f"known_failures is a list; write a dict of clauses and reasons, such as {A_DICT}",
        ),
        ("bound = 6.5", f"bound: 6.5 is no bound; {A_BOUND}"),
        ("bound = 3", "bound: 3 is too small a bound: unknown has to fit in; write 7 or more"),
    ],
)  # fmt: skip
def test_what_a_class_says_that_cannot_be(example: Example, line: str, said: str) -> None:
    """One message with what to write, and no traceback."""
    text = LABEL_CLASS.format("safe_label") + f"    {line}\n"
    assert _refused(example, text) == f"test_mine:TestLabel.{said}\n"


def test_a_class_whose_function_cannot_be_used(example: Example) -> None:
    """The message is that of a target."""
    assert _refused(example, LABEL_CLASS.format("7")) == (
        "test_mine:TestLabel.function can't be used as a target\n"
        "Found: an object of the class builtins.int\n"
        "Missing: a function of a str that returns a str\n"
        "Write: such a function:\n\n"
        "    def safe_label(text: str) -> str:\n"
        "        ...\n"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LABEL_CLASS, "function = staticmethod(safe_label)\n\nwith a function of a str that"),
        (
            MESSAGE_CLASS,
            "function = staticmethod(safe_failure_message)\n\nwith a function of an exception that",
        ),
    ],
)
def test_a_class_without_a_function(example: Example, text: str, line: str) -> None:
    """It is told what to write."""
    told = _refused(example, text.replace("    function = {}\n", "    pass\n"))
    assert (
        f" has no function; write in it\n\n    {line} returns a str, sync or async. If it is only a base"
        in told
    )


@pytest.mark.parametrize(
    ("text", "clause", "excuse"),
    [
        (LABEL_CLASS, "test_label_blank", "label/linear"),
        (MESSAGE_CLASS, "test_message_keeps", "message/linear"),
    ],
)
def test_a_changed_suite_is_refused(example: Example, text: str, clause: str, excuse: str) -> None:
    """With how a clause is excused instead."""
    name = "TestLabel" if "label" in clause else "TestMessage"
    assert _refused(example, text.format("str") + f"    {clause} = None\n") == (
        f"{name} overrides or removes tests of the contract: {clause} (removed).\n"
        "Leave them as they are. A clause that the function is known to break is excused in the class, "
        f'with a reason:\n\n    known_failures = {{"{excuse}": "the reason"}}\n\n'
        "and one that should not run just now is left out with --deselect or -k.\n"
    )


def test_a_bad_setting_is_told_where_a_class_needs_it(example: Example) -> None:
    """As any other fault of the class is."""
    told = _refused(example, LABEL_CLASS.format("safe_label"), "-o", "async_contract_label_bound=few")
    assert told == (f"the setting async_contract_label_bound: 'few' is no bound; {A_BOUND}\n")
    own = LABEL_CLASS.format("safe_label") + "    bound = 64\n"
    run = example.having({"test_mine.py": own}).run_pytest("-o", "async_contract_label_bound=few", "--co")
    assert run.status == 0


def test_without_the_plugin(example: Example) -> None:
    """The tests say what is missing."""
    text = LABEL_CLASS.format("safe_label")
    run = example.having({"test_mine.py": text}).run_pytest("-p", "no:async_contract", "-k", "label_blank")
    assert run.status == 1
    assert "ContractError: A SafeLabelContract needs the pytest plugin that comes with it" in run.text
