"""Runners put to the test: a store and handlers that make trouble, in virtual time."""
