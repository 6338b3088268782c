"""The pytest classes and nodes that bind clauses and experiments to test items."""
