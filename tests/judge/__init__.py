"""Histories, sane and broken, and what the judge says of them."""
