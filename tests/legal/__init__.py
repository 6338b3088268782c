"""Correct stores of odd but legal behaviour, none of which may ever be blamed."""
