"""`python -m async_contract`: what is done with reports, histories and clauses where no pytest runs."""

from __future__ import annotations

import sys

from async_contract.commands.main import main

sys.exit(main())
