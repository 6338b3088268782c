"""The messages for targets that name nothing, or whose module raises: each of them whole."""

from __future__ import annotations

import queue
import sys
import textwrap
from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path
from types import ModuleType

import pytest

from async_contract.harness.advice import A_STORE
from async_contract.harness.errors import TargetError
from async_contract.harness.target import load

Write = Callable[[str, str], Path]

STORE = """
class Store:
    def enqueue(self, job): ...
    def lease(self, limit): ...
    def complete(self, id): ...
    def fail(self, id, message): ...
"""


def told(target: str) -> str:
    """What is told about a target."""
    with pytest.raises(TargetError) as caught:
        load(target)
    return str(caught.value)


def message(text: str, lines: str = "") -> str:
    """The message as the test writes it, with lines of code after it."""
    code = "\n\n" + textwrap.indent(lines.strip(), "    ") if lines else ""
    return cleandoc(text) + code


@pytest.mark.parametrize(
    ("target", "corrected"),
    [
        ("./src/mypkg.py::Store", "src.mypkg.Store"),
        ("mypkg.py:Store", "mypkg.Store"),
        (r"pkg\store.py", "pkg.store"),
        (" mypkg.Store ", "mypkg.Store"),
        ("mypkg:Store:x", "mypkg.Store.x"),
        ("my-pkg.Store", "mypkg.Store, for the class Store of mypkg.py"),
        ("mypkg.", "mypkg.Store, for the class Store of mypkg.py"),
    ],
)
def test_a_path_or_node_id_is_no_target(target: str, corrected: str) -> None:
    """What is no dotted name is told with the dotted name that was probably meant."""
    assert told(target) == message(
        f"""
        {target} can't be used as a target
        Found: {target!r}, which is no dotted name
        Missing: a dotted name: pkg.mod.Name or pkg.mod:name.attr
        Write: {corrected}
        """
    )


def test_an_empty_target_is_named() -> None:
    """An option without a value gives a message with a subject."""
    assert told("") == message(
        """
        an empty name can't be used as a target
        Found: '', which is no dotted name
        Missing: a dotted name: pkg.mod.Name or pkg.mod:name.attr
        Write: mypkg.Store, for the class Store of mypkg.py
        """
    )


@pytest.mark.parametrize(
    ("target", "corrected"),
    [
        ("mipkg_of_jobs.Store", "mypkg_of_jobs.Store"),
        ("MYPKG_OF_JOBS:Outer.Store", "mypkg_of_jobs:Outer.Store"),
    ],
)
def test_a_module_that_does_not_exist_is_told_with_near_names(
    write: Write, tmp_path: Path, target: str, corrected: str
) -> None:
    """A slip in the name of a module is corrected, and the rest of the target kept."""
    write("mypkg_of_jobs.py", STORE)
    name = target.replace(":", ".").partition(".")[0]

    assert told(target) == message(
        f"""
        {target} can't be used as a target
        Found: no module named {name}
        Missing: {name}.py, or a package {name}, in a directory of sys.path, for example \
the one where pytest was started, {tmp_path}
        Write: {corrected}
        """
    )


@pytest.mark.parametrize("name", ["Jobs", "Store"])
@pytest.mark.usefixtures("write")
def test_a_module_like_no_other_is_told_with_a_store(tmp_path: Path, name: str) -> None:
    """Where nothing is near, the message has a store under the name that was asked for."""
    assert told(f"zzz_qqq.{name}") == message(
        f"""
        zzz_qqq.{name} can't be used as a target
        Found: no module named zzz_qqq
        Missing: zzz_qqq.py, or a package zzz_qqq, in a directory of sys.path, for example \
the one where pytest was started, {tmp_path}
        Write: zzz_qqq.py with a store in it, such as:
        """,
        A_STORE.replace("Store", name),
    )


@pytest.mark.parametrize("file", ["src/zzz_qqq.py", "src/zzz_qqq/__init__.py"])
def test_a_module_in_src_is_told_with_the_way_to_it(write: Write, tmp_path: Path, file: str) -> None:
    """A project with its code in src has to be installed, or named in the settings."""
    write(file, STORE)

    assert told("zzz_qqq.Store") == message(
        f"""
        zzz_qqq.Store can't be used as a target
        Found: no module named zzz_qqq
        Missing: zzz_qqq.py, or a package zzz_qqq, in a directory of sys.path, for example \
the one where pytest was started, {tmp_path}
        Write: pythonpath = src in the pytest settings (zzz_qqq lies in src), or pip install -e .
        """
    )


def test_a_module_missing_in_a_package_is_told_with_the_part_that_is_there(
    write: Write, tmp_path: Path
) -> None:
    """The message says how far the name could be followed, and suggests the package's modules."""
    write("pkg/__init__.py", "")
    write("pkg/storage.py", STORE)
    package = f"the package pkg ({tmp_path / 'pkg' / '__init__.py'})"

    assert told("pkg.storrage:Store") == message(
        f"""
        pkg.storrage:Store can't be used as a target
        Found: {package}, without a module storrage
        Missing: storrage.py, or a package storrage, in it
        Write: pkg.storage:Store
        """
    )
    assert told("pkg.xyz:Store") == message(
        f"""
        pkg.xyz:Store can't be used as a target
        Found: {package}, without a module xyz
        Missing: xyz.py, or a package xyz, in it
        Write: pkg/xyz.py with a store in it, such as:
        """,
        A_STORE,
    )


def test_a_module_is_no_package(write: Write, tmp_path: Path) -> None:
    """A module has no modules in it."""
    file = write("mypkg.py", STORE)

    assert told("mypkg.sub:Store") == message(
        f"""
        mypkg.sub:Store can't be used as a target
        Found: the module mypkg ({file}), without a module sub
        Missing: sub.py, or a package sub, in it
        Write: mypkg/sub.py with a store in it, such as:
        """,
        A_STORE,
    )


def test_a_module_alone_is_told_with_the_names_in_it(write: Write) -> None:
    """A target that stops at the module gets those of its names that would do."""
    source = (
        "from async_contract.harness.harness import StoreHarness\n"
        f"from async_contract.store import Store as P\n{STORE}\n_Hidden = Store\n"
        "class H(StoreHarness): ...\nharness = StoreHarness(Store)\nclass Other: ...\n"
    )
    file = write("mypkg.py", source)

    assert told("mypkg") == message(
        f"""
        mypkg can't be used as a target
        Found: the module mypkg ({file})
        Missing: the name of a store class, of a function that makes a store, or of a harness in it
        Write: mypkg.Store or mypkg.H or mypkg.harness
        """
    )


def test_a_submodule_without_a_store_is_told_with_one(write: Write) -> None:
    """A module in a package, in which nothing would do, is found although nobody imported it."""
    write("pkg/__init__.py", "")
    file = write("pkg/sub.py", "")

    assert told("pkg.sub") == message(
        f"""
        pkg.sub can't be used as a target
        Found: the module pkg.sub ({file})
        Missing: the name of a store class, of a function that makes a store, or of a harness in it
        Write: pkg.sub.Store, with a store in pkg.sub, such as:
        """,
        A_STORE,
    )


@pytest.mark.parametrize(
    ("target", "missing", "corrected"),
    [
        ("mypkg.Stroe", "Stroe", "mypkg.Store"),
        ("mypkg:store", "store", "mypkg:Store"),
        ("mypkg.Stroe.inner", "Stroe", "mypkg.Store.inner"),
        ("mypkg.nothing_like_it", "nothing_like_it", "mypkg.Store"),
    ],
)
def test_an_attribute_that_does_not_exist_is_told_with_near_names(
    write: Write, target: str, missing: str, corrected: str
) -> None:
    """A slip is corrected whatever the case; where nothing is near, the names that would do are told."""
    file = write("mypkg.py", STORE)

    assert told(target) == message(
        f"""
        {target} can't be used as a target
        Found: the module mypkg ({file}), without {missing}
        Missing: {missing}
        Write: {corrected}
        """
    )


def test_a_module_with_nothing_of_use_is_told_with_a_store(write: Write) -> None:
    """Where no name would do, the message has a store under the name that was asked for."""
    file = write("mypkg.py", "")

    assert told("mypkg.Jobs") == message(
        f"""
        mypkg.Jobs can't be used as a target
        Found: the module mypkg ({file}), without Jobs
        Missing: Jobs
        Write: a store in mypkg, such as:
        """,
        A_STORE.replace("Store", "Jobs"),
    )


@pytest.mark.parametrize(
    ("name", "write_this"),
    [("Innner", "mypkg.Outer.Inner"), ("xyz", "xyz in mypkg.Outer, or another name")],
)
def test_an_attribute_of_a_class_is_told_with_near_names(write: Write, name: str, write_this: str) -> None:
    """Names within a class are suggested like names within a module."""
    write("mypkg.py", "class Outer:\n    class Inner: ...\n")

    assert told(f"mypkg.Outer.{name}") == message(
        f"""
        mypkg.Outer.{name} can't be used as a target
        Found: mypkg.Outer, without {name}
        Missing: {name}
        Write: {write_this}
        """
    )


def test_a_file_hidden_by_another_module_is_told(write: Write) -> None:
    """A user's queue.py can't be imported, since Python's own has the name; the message says so."""
    file = write("queue.py", STORE)

    assert told("queue.Store") == message(
        f"""
        queue.Store can't be used as a target
        Found: the module queue ({queue.__file__}), without Store
        Missing: Store
        Write: another name for {file}; this one is taken
        """
    )


def test_a_module_without_a_file_is_told_without_one(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that was made and not loaded has no place."""
    made = ModuleType("made_module")
    monkeypatch.setitem(sys.modules, "made_module", made)

    assert told("made_module.Store") == message(
        """
        made_module.Store can't be used as a target
        Found: the module made_module, without Store
        Missing: Store
        Write: a store in made_module, such as:
        """,
        A_STORE,
    )


def test_a_syntax_error_is_told_with_its_line(write: Write) -> None:
    """The file, the line and the text are those of the error, in whatever module it is."""
    write("mypkg.py", "import helpers_of_mypkg\n")
    file = write("helpers_of_mypkg.py", "x = 1\n    y = = 2\n")

    assert told("mypkg.Store") == message(
        f"""
        mypkg.Store can't be used as a target
        Found: the import of mypkg raises IndentationError: unexpected indent
        Write: line 2 of {file} in another way; it is now:

            y = = 2
        """
    )


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import zzz_qqq", "ModuleNotFoundError: No module named 'zzz_qqq'"),
        ("raise SystemExit(2)", "SystemExit: 2"),
        ("compile('x =', '<it>', 'exec')", "SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_raises_is_told_with_the_users_line(write: Write, line: str, error: str) -> None:
    """The innermost line of the user's own code stands in the message."""
    write("pkg/__init__.py", "")
    write("pkg/mod.py", "from pkg import low\n")
    file = write("pkg/low.py", f"# low\ndef f():\n    {line}\n\nf()\n")

    assert told("pkg.mod.Store") == message(
        f"""
        pkg.mod.Store can't be used as a target
        Found: the import of pkg.mod raises {error}
        Write: line 3 of {file} in another way; it is now:

            {line}
        """
    )


def test_the_line_is_the_users_although_a_library_raises(write: Write) -> None:
    """The frames of installed packages and of Python's own import are passed over."""
    file = write("mypkg.py", "import pytest\npytest.importorskip('zzz_qqq')\n")

    assert told("mypkg.Store") == message(
        f"""
        mypkg.Store can't be used as a target
        Found: the import of mypkg raises Skipped: could not import 'zzz_qqq': No module named 'zzz_qqq'
        Write: line 2 of {file} in another way; it is now:

            pytest.importorskip('zzz_qqq')
        """
    )


def test_a_keyboard_interrupt_is_no_fault_of_the_target(write: Write) -> None:
    """Who interrupts the import is not told about the target."""
    write("mypkg.py", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        load("mypkg.Store")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            "harness = StoreHarness(dict, capabilities=Capabilities(lease_timeout=-1))",
            (
                "lease_timeout=-1 is not positive; write the seconds after which a lease ends, or None if "
                "leases never end by themselves"
            ),
        ),
        (
            "harness = StoreHarness(dict, known_failures={'lease/odrer': 'shards'})",
            "known_failures names 'lease/odrer', which is no clause; did you mean 'lease/order'?",
        ),
    ],
)
def test_a_harness_that_contradicts_itself_is_told_in_its_own_words(
    write: Write, line: str, text: str
) -> None:
    """What a harness refuses while its module is imported is told as the harness tells it, with the line."""
    imports = (
        "from async_contract.contract.capabilities import Capabilities\n"
        "from async_contract.harness.harness import StoreHarness\n"
    )
    file = write("mypkg.py", f"{imports}{line}\n")

    assert told("mypkg.harness") == message(
        f"""
        mypkg.harness can't be used as a target
        Found: a harness that can't be made: {text}
        Write: line 3 of {file} in another way; it is now:

            {line}
        """
    )


def test_a_harness_class_that_raises_when_built_is_told_with_its_line(write: Write) -> None:
    """The constructor of a harness is the user's code too."""
    source = (
        "from async_contract.harness.harness import StoreHarness\n"
        "class Harness(StoreHarness):\n    def __init__(self):\n        self.url = {}['URL']\n"
    )
    file = write("mypkg.py", source)

    assert told("mypkg.Harness") == message(
        f"""
        mypkg.Harness can't be used as a target
        Found: Harness() raises KeyError: 'URL'
        Write: line 4 of {file} in another way; it is now:

            self.url = {{}}['URL']
        """
    )


def test_an_attribute_that_raises_is_told_with_its_line(write: Write) -> None:
    """A module may have a `__getattr__`, which may raise anything."""
    file = write("mypkg.py", "def __getattr__(name):\n    raise OSError(name)\n")

    assert told("mypkg.Store") == message(
        f"""
        mypkg.Store can't be used as a target
        Found: the attribute mypkg.Store raises OSError: Store
        Write: line 2 of {file} in another way; it is now:

            raise OSError(name)
        """
    )


def test_a_module_without_a_readable_line_is_told_without_one(write: Write, tmp_path: Path) -> None:
    """A file that Python can't even read has no line to show."""
    (tmp_path / "mypkg.py").write_bytes(b"\0")

    assert told("mypkg.Store").splitlines()[1:] == [
        "Found: the import of mypkg raises SyntaxError: source code string cannot contain null bytes"
    ]
