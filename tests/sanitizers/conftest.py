"""What has to be imported before pytest runs in pytest."""

from __future__ import annotations

# A run in this process forgets the modules that it has imported, but packages keep them as attributes: the
# next run would have the strategies of one Hypothesis and the rest of another.
import async_contract.experiments.sanitizers.verify  # noqa: F401
