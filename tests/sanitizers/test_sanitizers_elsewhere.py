"""What a function gives in another process, in which strings have other hashes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from async_contract.experiments.sanitizers.elsewhere import Unreachable, outputs

_NUMBERS = count(1)
Named = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Named:
    """Write a module and return its name; `module(text)`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> str:
        name = f"elsewhere_module_{next(_NUMBERS)}"
        Path(tmp_path, f"{name}.py").write_text(text)
        return name

    return write


def why(name: str, seconds: float = 60.0) -> str:
    """Why the function can't be called elsewhere."""
    with pytest.raises(Unreachable) as caught:
        outputs(name, ["a"], seconds)
    return str(caught.value)


def test_every_text_gets_there_and_back(module: Named) -> None:
    """Lone surrogates too, two of them in a row, and what gives no str."""
    name = module("async def same(text):\n    if text == 'no':\n        raise ValueError\n    return text\n")
    texts = ["", "\ud83d\ude00", "\U0001f600", "\udc80\x00\n", "no"]
    assert outputs(f"{name}.same", texts, 60.0) == [*texts[:-1], None]


def test_the_class_of_a_method_is_built_there(module: Named) -> None:
    """As it was here."""
    name = module("class Box:\n    def label(self, text):\n        return text.upper()\n")
    assert outputs(f"{name}:Box.label", ["a"], 60.0) == ["A"]


def test_hashes_are_others_there(module: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says."""
    name = module("import os\ndef seed(text):\n    return os.environ['PYTHONHASHSEED'] + str(hash('a'))\n")
    seen = []
    for given in ("0", "1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", given)
        seen.append((outputs(f"{name}.seed", ["a"], 60.0)[0] or " ")[0])
    monkeypatch.delenv("PYTHONHASHSEED")
    assert [*seen, (outputs(f"{name}.seed", ["a"], 60.0)[0] or " ")[0]] == ["1", "2", "1", "1"]


def test_what_is_printed_there_disturbs_nothing(module: Named) -> None:
    """A module may be talkative, and a function too."""
    name = module("print('hello')\ndef label(text):\n    print(text, '[]')\n    return 'x'\n")
    assert outputs(f"{name}.label", ["a"], 60.0) == ["x"]


def test_why_a_function_cannot_be_called_elsewhere(module: Named) -> None:
    """It has no name, its module can't be imported there, it hangs, the process ends."""
    assert why("") == "another process finds only a function that a module has under its name"
    here = module(
        f"import os\nif os.getpid() != {os.getpid()}:\n    raise OSError('not\\n here')\ndef label(t): pass\n"
    )
    assert why(f"{here}.label") == "another process failed: OSError: not"
    slow = module("import time\ntime.sleep(60)\ndef label(text): pass\n")
    assert why(f"{slow}.label", 0.01) == "another process took longer than 0.01 s"
    quiet = module("import os\nos._exit(0)\n")
    assert why(f"{quiet}.label") == "another process ended without an answer"
    silent = module("import os\nos._exit(3)\n")
    assert why(f"{silent}.label") == "another process failed: no word why"
    wordy = module("import os, sys\nprint('one', file=sys.stderr, flush=True)\nos._exit(3)\n")
    assert why(f"{wordy}.label") == "another process failed: one"


def test_this_process_is_not_touched() -> None:
    """Neither its paths nor its output."""
    path, out = list(sys.path), sys.stdout
    outputs("builtins:str.lower", ["A"], 60.0)
    assert (sys.path, sys.stdout) == (path, out)
