"""Killed workers in a run of pytest: the verdict, the story, and its repetition."""

from __future__ import annotations

import re
import shlex

from tests.conftest import Example

STORE = """
from async_contract.mutants.crashing import {store} as Store

harness = Store.reached()
"""
ARGUMENTS = ("--async-contract=mypkg.harness", "--async-contract-effort=quick", "-k", "durable/kill")


def test_a_store_that_survives_holds_the_clause(example: Example) -> None:
    """The summary says how many workers were killed."""
    run = example.having({"mypkg.py": STORE.format(store="FiledStore")}).run_pytest(*ARGUMENTS)
    assert run.status == 0
    assert re.search(r"explored with workers killed: [123] programs of \d+ steps", run.text)
    assert "durable/kill" in run.text


def test_a_store_that_does_not_is_told_of_and_repeated(example: Example) -> None:
    """The story says who was killed and what was lost; the token kills the worker again."""
    store = example.having({"mypkg.py": STORE.format(store="OutcomesWrittenLater")})
    run = store.run_pytest(*ARGUMENTS)
    assert run.status == 1
    told = run.section("FAILURES")
    assert "job-02 was completed by worker 2 and is shown as leased, after worker 2 was killed" in told
    command = shlex.split(told.split("To replay just this (best effort):")[1].split("or, without pytest")[0])
    again = store.run_pytest(*command[1:])
    assert again.status == 1
    assert "after worker 2 was killed" in again.section("FAILURES")
