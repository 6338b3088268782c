"""How a store is reached: the harness, its sandboxes, and targets by name."""
