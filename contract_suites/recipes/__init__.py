"""Stores on a server, to be copied: each needs its driver and the vocabulary of `async_contract.store`."""
