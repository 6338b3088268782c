"""`python -m async_contract.fuzz`: functions that make text safe, fuzzed for as long as one likes."""

from __future__ import annotations

import sys

from async_contract.commands.fuzzing import main

if __name__ == "__main__":
    sys.exit(main())
