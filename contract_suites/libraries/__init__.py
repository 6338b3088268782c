"""Published libraries held to the contract, at their current releases, as they are.

One module for each: an adapter that makes the library's own calls and hides nothing, and a `harness`
with what the library promises. What it breaks is a known failure with the circumstances, and a script
in `scripts` shows it with nothing but the library.
"""
