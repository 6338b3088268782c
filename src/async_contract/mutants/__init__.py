"""Stores that are broken on purpose, one defect each; every one names the clause that must catch it."""
