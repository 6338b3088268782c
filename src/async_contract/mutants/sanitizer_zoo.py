"""The zoo of sanitizers: every broken one, in the contract's order of what it breaks."""

from __future__ import annotations

from async_contract.mutants import failure_texts, failure_texts_said, labels, labels_kept
from async_contract.mutants.sanitizer import BrokenSanitizer

LABELS: tuple[BrokenSanitizer, ...] = (*labels.LABELS, *labels_kept.LABELS)
"""Every label that is broken on purpose."""

MESSAGES: tuple[BrokenSanitizer, ...] = (*failure_texts.MESSAGES, *failure_texts_said.MESSAGES)
"""Every failure message that is broken on purpose."""
