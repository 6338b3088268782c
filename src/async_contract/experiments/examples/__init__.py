"""One small deterministic scenario for each clause of the store."""
