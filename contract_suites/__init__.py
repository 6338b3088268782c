"""Real backends held to the contract: one module for each, with its store and its `harness`."""
