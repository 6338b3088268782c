"""Where the public names are, for `async_contract` to import them when they are first used."""

from __future__ import annotations

from types import MappingProxyType

_NAMES = {
    "contract.capabilities": "Capabilities CapabilityError",
    "experiments.fuzzing.asking": "sanitizer_test",
    "experiments.machine": "BrokenClause StoreMachine",
    "experiments.sanitizers.strategies": "exceptions hostile_text labels",
    "experiments.strategies": "jobs",
    "harness.errors": "HarnessError TargetError",
    "harness.harness": "StoreHarness",
    "harness.intermittent": "Intermittent",
    "harness.runner": "RunnerHarness",
    "harness.sandbox": "Sandbox",
    "history.operation": "Delivered Operation",
    "judge.judge": "Judge judge",
    "judge.verdict": "ClauseVerdict Judgement Verdict Violation",
    "reference.memory": "MemoryStore",
    "reference.mux": "HandlerMux HandlerNotFound InvalidJobKind",
    "reference.attempt": "Handler",
    "reference.events": "Event MetricsRecorder",
    "reference.runner": "Runner",
    "reference.sanitize": "safe_failure_message safe_label",
    "store": "Job JobExists JobNotFound JobNotLeased JobRecord JobState Store StoreError",
    "suites.outcome": "ContractError ContractViolation ContractWarning",
    "suites.runner": "RunnerContract",
    "suites.sanitizers": "SafeFailureMessageContract SafeLabelContract",
    "suites.store": "StoreContract",
}

MODULES = MappingProxyType(
    {name: f"async_contract.{module}" for module, names in _NAMES.items() for name in names.split()}
)
"""Public name -> the module that defines it."""
