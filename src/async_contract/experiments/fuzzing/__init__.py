"""Fuzzing the functions that make text safe: inputs bred by what they make of the function's code."""
