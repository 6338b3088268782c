"""The commands of `python -m async_contract`."""
