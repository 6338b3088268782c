from safe import safe_failure_message, safe_label

from async_contract import SafeFailureMessageContract, SafeLabelContract


class TestSafeLabel(SafeLabelContract):
    function = safe_label
    bound = "48b"


class TestSafeFailureMessage(SafeFailureMessageContract):
    function = safe_failure_message
    bound = 200
