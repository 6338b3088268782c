"""Holds a job store to its contract. Public names are imported when they are first used: pytest loads us."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from async_contract._public import MODULES
from async_contract.judge.judge import Judge, judge  # at once, or the package of that name would stand here

if TYPE_CHECKING:
    from async_contract.contract.capabilities import Capabilities, CapabilityError
    from async_contract.experiments.fuzzing.asking import sanitizer_test
    from async_contract.experiments.machine import BrokenClause, StoreMachine
    from async_contract.experiments.sanitizers.strategies import exceptions, hostile_text, labels
    from async_contract.experiments.strategies import jobs
    from async_contract.harness.errors import HarnessError, TargetError
    from async_contract.harness.harness import StoreHarness
    from async_contract.harness.intermittent import Intermittent
    from async_contract.harness.runner import RunnerHarness
    from async_contract.harness.sandbox import Sandbox
    from async_contract.history.operation import Delivered, Operation
    from async_contract.judge.verdict import ClauseVerdict, Judgement, Verdict, Violation
    from async_contract.reference.attempt import Handler
    from async_contract.reference.events import Event, MetricsRecorder
    from async_contract.reference.memory import MemoryStore
    from async_contract.reference.mux import HandlerMux, HandlerNotFound, InvalidJobKind
    from async_contract.reference.runner import Runner
    from async_contract.reference.sanitize import safe_failure_message, safe_label
    from async_contract.store import Job, JobExists, JobNotFound, JobNotLeased, JobRecord, JobState, Store
    from async_contract.store import StoreError as StoreError
    from async_contract.suites.outcome import ContractError, ContractViolation, ContractWarning
    from async_contract.suites.runner import RunnerContract
    from async_contract.suites.sanitizers import SafeFailureMessageContract, SafeLabelContract
    from async_contract.suites.store import StoreContract

__all__ = ["BrokenClause", "Capabilities", "CapabilityError", "ClauseVerdict", "ContractError",
    "ContractViolation", "ContractWarning", "Delivered", "Event", "Handler", "HandlerMux", "HandlerNotFound",
    "HarnessError", "Intermittent", "InvalidJobKind", "Job", "JobExists", "JobNotFound", "JobNotLeased",
    "JobRecord", "JobState", "Judge", "Judgement", "MemoryStore", "MetricsRecorder", "Operation", "Runner",
    "RunnerContract", "RunnerHarness", "SafeFailureMessageContract", "SafeLabelContract", "Sandbox", "Store",
    "StoreContract", "StoreError", "StoreHarness", "StoreMachine", "TargetError", "Verdict", "Violation",
    "exceptions", "hostile_text", "jobs", "judge", "labels", "safe_failure_message", "safe_label",
    "sanitizer_test"]  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(MODULES[name]), name)
