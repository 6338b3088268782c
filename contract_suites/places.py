"""Where the server of a sandbox is: whoever prepares it writes it down, and every worker reads it there."""

from __future__ import annotations

from async_contract.harness.sandbox import Sandbox


def note(sandbox: Sandbox, url: str) -> str:
    """Write down a URL for the workers of a sandbox, who may be other processes; gives it back."""
    path = sandbox.path / "url"
    path.touch(mode=0o600)
    path.write_text(url, "utf-8")
    return url


def noted(sandbox: Sandbox) -> str:
    """The URL that was written down."""
    return (sandbox.path / "url").read_text("utf-8")
