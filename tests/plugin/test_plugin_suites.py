"""The contract in users' own files: `class TestMyStore(StoreContract)`."""

from __future__ import annotations

import inspect

import pytest

from async_contract.contract.clauses import STORE_CLAUSES
from async_contract.suites.store import StoreContract
from tests.conftest import Example, Judged

ALL = len(STORE_CLAUSES)
NAMES = [f"test_{clause.id.replace('/', '_').replace('-', '_')}" for clause in STORE_CLAUSES]
HEAD = """
from async_contract.harness.harness import StoreHarness
from async_contract.suites.store import StoreContract
from mypkg import Store
"""
MINE = {"test_mine.py": f"{HEAD}\nclass TestMine(StoreContract):\n    harness = Store\n"}


def _mine(body: str, head: str = HEAD) -> dict[str, str]:
    return {"test_mine.py": head + body}


def test_every_clause_is_a_method() -> None:
    """A plain function with its own name, and the clause's sentence as its docstring."""
    for name, clause in zip(NAMES, STORE_CLAUSES, strict=True):
        method = vars(StoreContract)[name]
        assert inspect.isfunction(method)
        assert not inspect.iscoroutinefunction(method)
        assert (method.__name__, method.__qualname__) == (name, f"StoreContract.{name}")
        assert method.__doc__ is not None
        assert method.__doc__[1:] == f"{clause.sentence[1:]}."


def test_a_class_gives_the_same_items(judged: Judged) -> None:
    """One for each clause, in the same order; what it imports is no test of its own."""
    run = judged().having(MINE).run_pytest("--co", "-q")
    assert [line for line in run.text.splitlines() if "::" in line] == [
        f"test_mine.py::TestMine::{name}" for name in NAMES
    ]
    run = judged().having(MINE).run_pytest()
    assert (run.status, run.counts) == (0, {"passed": ALL})
    assert "test_mine.py::TestMine: keeps the contract strictly\n" in run.section("async-contract")
    assert "async-contract: " not in run.text.partition("collected")[0]


@pytest.mark.parametrize(
    "harness",
    [
        "Store",
        "StoreHarness(Store)",
        "MyHarness",
        "make",
        "staticmethod(make)",
        "generate",
    ],
)
def test_whatever_makes_a_store_is_a_harness(example: Example, harness: str) -> None:
    """A class, a harness, a class of harnesses, a function; really exercised."""
    body = f"""
class MyHarness(StoreHarness):
    def connect(self, sandbox):
        return Store()

def make():
    return Store()

async def generate(sandbox):
    yield Store()

class TestMine(StoreContract):
    harness = {harness}
"""
    run = example.having(_mine(body)).run_pytest("-k", "lease/known", "--async-contract-effort=quick")
    assert (run.status, run.counts) == (0, {"passed": 1, "deselected": ALL - 1})


def test_the_failure_names_the_users_own_item(judged: Judged) -> None:
    """The command has the id of the item in the user's file, as seen from where pytest was started."""
    example = judged(lease__known={"verdict": "broken"}).having({"sub/test_mine.py": MINE["test_mine.py"]})
    example = example.having({"pytest.ini": "[pytest]\npythonpath = ."})
    for below, path in ((".", "sub/test_mine.py"), ("sub", "test_mine.py")):
        story = example.run_pytest(below=below).section("FAILURES")
        assert story.endswith(f"example.1bad06 {path}::TestMine::test_lease_known\n")
        again = example.run_pytest(story.split()[-1], below=below)
        assert (again.status, again.counts) == (1, {"failed": 1})
    assert "sub/test_mine.py::TestMine: broken\n" in again.text


def test_warnings_and_skips_come_from_the_users_class(judged: Judged) -> None:
    """Not from the line of the toolkit that warns or skips."""
    run = (
        judged(
            fail__unknown_reported={"verdict": "broken"},
            lease__order={"verdict": "not promised", "reason": "no promise"},
        )
        .having(MINE)
        .run_pytest("-rs")
    )
    assert "  test_mine.py:6: ContractWarning: fail/unknown-reported is broken" in run.section(
        "warnings summary"
    )
    assert "    class TestMine(StoreContract):\n" in run.section("warnings summary")
    assert "SKIPPED [1] test_mine.py: not promised: no promise\n" in run.text


def test_a_distributed_run_has_the_same_table(judged: Judged) -> None:
    """The process that shows it has collected nothing."""
    example = judged(lease__known={"verdict": "broken"}).having(MINE)
    assert example.run_pytest("-n", "1").section("async-contract") == example.run_pytest().section(
        "async-contract"
    )


def test_a_class_may_have_more(judged: Judged) -> None:
    """Tests and fixtures of its own, which the clauses' tests use if they are told to."""
    body = """
import pytest

class TestMine(StoreContract):
    harness = Store
    used = 0

    @pytest.fixture(autouse=True)
    def database(self):
        type(self).used += 1

    def test_more(self):
        assert type(self).used == %d
"""
    run = judged().having(_mine(body % (ALL + 1))).run_pytest()
    assert (run.status, run.counts) == (0, {"passed": ALL + 1})


def test_names_do_not_matter(judged: Judged) -> None:
    """Classes and clauses are collected whatever the settings for names say."""
    settings = {"pytest.ini": "[pytest]\npython_classes = Check*\npython_functions = check_*"}
    run = judged().having({**MINE, **settings}).run_pytest()
    assert (run.status, run.counts) == (0, {"passed": ALL})


def test_a_base_is_not_collected(judged: Judged) -> None:
    """With `__test__ = False` a class is only there to be subclassed."""
    body = """
class Base(StoreContract):
    __test__ = False

class TestMine(Base):
    harness = Store
"""
    run = judged().having(_mine(body)).run_pytest()
    assert (run.status, run.counts) == (0, {"passed": ALL})


REMOVING = f"{MINE['test_mine.py']}    test_lease_known = None\n"
OVERRIDING = f"{MINE['test_mine.py']}    def test_lease_known(self): pass\n    test_fail_ends = None\n"


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (REMOVING, "test_lease_known (removed)"),
        (OVERRIDING, "test_lease_known (overridden), test_fail_ends (removed)"),
        (f"{MINE['test_mine.py']}\ndel StoreContract.test_lease_known", "test_lease_known (removed)"),
    ],
)
def test_a_changed_suite_is_refused(judged: Judged, text: str, changed: str) -> None:
    """The error names the methods and says how to excuse a clause instead."""
    # What is deleted is deleted for good, so that needs a process of its own.
    run = judged().having({"test_mine.py": text}).run_pytest(separate="del " in text)
    assert (run.status, run.counts) == (2, {"errors": 1})
    assert (
        run.section("ERRORS").partition("\n")[2]
        == f"""\
TestMine overrides or removes tests of the contract: {changed}.
Leave them as they are. A clause that the store is known to break is excused in the harness, with a reason:

    harness = StoreHarness(MyStore, known_failures={{"lease/order": "the reason"}})

and one that should not run just now is left out with --deselect or -k.
"""
    )


def test_a_class_without_a_harness(judged: Judged) -> None:
    """It is told what to write."""
    run = judged().having(_mine("class TestMine(StoreContract): pass")).run_pytest()
    assert run.status == 2
    assert (
        run.section("ERRORS").partition("\n")[2]
        == """\
TestMine has no harness; write in it

    harness = MyStore

with a StoreHarness, a store class, or a function that makes a store. If it is only a base for other \
classes, write __test__ = False.
"""
    )


def test_a_harness_that_cannot_be_used(judged: Judged) -> None:
    """The message is that of a target."""
    run = judged().having(_mine("class TestMine(StoreContract):\n    harness = 7")).run_pytest()
    assert run.status == 2
    assert "test_mine:TestMine.harness" in run.section("ERRORS")
    assert "Traceback" not in run.text


def test_a_class_with_a_constructor(judged: Judged) -> None:
    """Left to pytest it would collect nothing, with a warning: too quiet for a contract that is not held."""
    body = MINE["test_mine.py"] + "    def __init__(self): pass"
    run = judged().having({"test_mine.py": body}).run_pytest()
    assert run.status == 2
    assert (
        "TestMine has a constructor, and pytest collects no such class; "
        "write a fixture instead of __init__ or __new__\n"
    ) in run.section("ERRORS")


def test_a_proxy_in_a_test_module(judged: Judged) -> None:
    """An object that will not say what it is disturbs nothing."""
    proxy = """
class Proxy:
    @property
    def __class__(self):
        raise RuntimeError("unbound")

proxy = Proxy()
"""
    run = judged().having(_mine(proxy + MINE["test_mine.py"], head="")).run_pytest()
    assert (run.status, run.counts) == (0, {"passed": ALL})


def test_without_the_plugin(judged: Judged) -> None:
    """The tests say what is missing."""
    run = (
        judged()
        .having({**MINE, "conftest.py": ""})
        .run_pytest("-p", "no:async_contract", "-k", "lease_known")
    )
    assert (run.status, run.counts["failed"]) == (1, 1)
    assert (
        "ContractError: A StoreContract needs the pytest plugin that comes with it, which is not loaded; "
        "leave out -p no:async_contract, or write -p async_contract.plugin"
    ) in run.text
